"""`python -m benchmarks.onboarding.standard FOLDER`: the standardised tables of the second hospital against its truth.

FOLDER is one that `benchmarks.onboarding.defects --folder` made, after `radlake build --home FOLDER/home`. Numbers of
persons are pseudonyms there, so rows are compared by what else they say, as multisets: how many of the true rows stand
in the standardised table with the same values.
"""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.onboarding.defects import read_truth
from lakehouse.lake import Connection, fetch_dicts, open_lake
from lakehouse.settings import read_settings

Row = dict[str, str]


def _text(value: str) -> str | None:
    return value or None


def _days(age: str) -> int | None:
    weeks, plus, days = age.partition("+")
    return int(weeks) * 7 + int(days) if plus else None


_QUERIES: dict[str, tuple[str, Callable[[Row], tuple[Any, ...] | None]]] = {
    "his.patient": (
        "select sex, birth_date::varchar from lake.std.std_patient where source_system = 'his'",
        lambda row: (_text(row["sex"]), _text(row["birth_date"])),
    ),
    "his.encounter": (
        "select encounter_class, discharge_disposition, admitted_at::varchar, discharged_at::varchar, department "
        "from lake.std.std_encounter where is_current and source_system = 'his'",
        lambda row: (
            "inpatient", {"1": "home"}.get(row["discharge_disposition"]), _text(row["admitted_at"]),
            _text(row["discharged_at"]), row["department"],
        ),
    ),
    "his.diagnosis": (
        "select diagnosis_type, sequence_no, code_norm, diagnosed_at::varchar from lake.std.std_diagnosis_statement "
        "where is_current and source_system = 'his'",
        lambda row: (row["diagnosis_type"], int(row["sequence_no"]), row["diagnosis_code"], _text(row["diagnosed_at"]))
        if "diagnosis_code" in row
        else None,
    ),
    "lis.result": (
        "select item_source_code, value_number::double, unit, collected_at::varchar from lake.std.std_lab_result "
        "where is_current and source_system = 'lis'",
        lambda row: (row["item_code"], float(row["result"]), row["unit"], _text(row["collected_at"]))
        if "result" in row and "unit" in row
        else None,
    ),
    "ris.exam": (
        "select modality, report_status, examined_at::varchar, reported_at::varchar from lake.std.std_report "
        "where source_system = 'ris' and modality is not null",
        lambda row: (row["modality"], row["report_status"], _text(row["examined_at"]), _text(row["reported_at"])),
    ),
    "path.report": (
        "select report_type, submitted_at::varchar, reported_at::varchar from lake.std.std_pathology "
        "where source_system = 'path'",
        lambda row: (row["report_type"], _text(row["submitted_at"]), _text(row["reported_at"])),
    ),
    "us.exam": (
        "select examined_at::varchar from lake.std.std_report where source_system = 'us'",
        lambda row: (row["examined_at"],),
    ),
    "obstetrics.delivery": (
        "select ga_days::integer, delivery_mode, gravidity::integer, delivered_at::varchar "
        "from lake.std.std_delivery where is_current",
        lambda row: (_days(row["gestational_age"]), row["delivery_mode"], int(row["gravidity"]), row["delivered_at"])
        if "gestational_age" in row
        else None,
    ),
    "obstetrics.newborn": (
        "select sex, birth_weight_g::double, apgar_1::integer, born_at::varchar from lake.std.std_newborn "
        "where is_current",
        lambda row: (
            row["sex"], float(row["birth_weight"]) if row["birth_weight"] else None, int(row["apgar_1"]),
            row["born_at"],
        ),
    ),
}  # fmt: skip


def compare_standard(connection: Connection, folder: Path) -> dict[str, tuple[int, int, list[tuple[Any, ...]]]]:
    """Return for each table how many true rows there are, how many stand in the standardised table, and the others."""
    truth: dict[tuple[str, str], Row] = {}
    for value in read_truth(folder, "value"):
        if value["delivery"] == "day1":
            truth.setdefault((value["file"], value["row_no"]), {})[value["column"]] = value["value"]
    table_of = {
        (row["file"], row["row_no"]): f"{row['source']}.{row['entity']}"
        for row in read_truth(folder, "row")
        if row["delivery"] == "day1"
    }
    answer = {}
    for table, (query, facts_of) in _QUERIES.items():
        expected: Counter[tuple[Any, ...]] = Counter()
        for place, row in truth.items():
            if table_of[place] == table:
                try:
                    facts = facts_of(row)
                except KeyError:
                    # a planted defect leaves the right reading open
                    continue
                if facts is not None:
                    expected[facts] += 1
        found = Counter(tuple(row.values()) for row in fetch_dicts(connection, query))
        missing = expected - found
        answer[table] = (expected.total(), expected.total() - missing.total(), sorted(missing, key=str))
    return answer


def main() -> None:
    """Print the comparison."""
    folder = Path(sys.argv[1])
    with open_lake(read_settings(folder / "home"), read_only=True) as connection:
        answer = compare_standard(connection, folder / "hospital")
    for table, (expected, found, missing) in answer.items():
        print(f"{table}: {found} of {expected} rows equal")
        for facts in missing[:10]:
            print("   ", facts)


if __name__ == "__main__":
    main()
