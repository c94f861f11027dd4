"""Coverage on inputs nobody here wrote: a Chinese ICD-10 list, Synthea's patients, and HL7 v2 messages.

python -m benchmarks.terminology.coverage ../shared/data

Counted are the codes and rows that reach a concept without any list of the hospital, and the codes of the list whose
own name is said to disagree with them: each of those is a false alarm.
"""

import argparse
import json
import re
import tempfile
from pathlib import Path

import pyarrow as pa

from benchmarks.terminology.home import build, insert, make_home, seed
from lakehouse.lake import Connection, fetch_dicts, open_lake

_PAIR = re.compile(r"\('\d+','\d*','[^']*','((?:[^'\\]|\\.)*)','([^']*)','\d'\)")
_ICD_10 = re.compile(r"[A-Z]\d\d(\.|$)")


def read_list(folder: Path) -> list[tuple[str, str]]:
    """Return code and name of the ICD-10 rows of the hospital system's dump."""
    text = (folder / "legacy/zainzhao-his/document/mysql/his.sql").read_text(encoding="utf-8")
    return [(code, name) for name, code in _PAIR.findall(text) if _ICD_10.match(code)]


def read_observations(folder: Path) -> list[dict[str, str]]:
    """Return OBX-2, 3, 5, 6 and 7 of all HL7 v2 messages."""
    rows = []
    for path in sorted((folder / "hl7v2").rglob("*")):
        if not path.is_file():
            continue
        for number, line in enumerate(re.split(r"[\r\n]+", path.read_bytes().decode("utf-8", "replace"))):
            fields = line.split("|")
            if fields[0] == "OBX" and len(fields) > 6:
                code = [*fields[3].split("^"), "", "", ""]
                rows.append({
                    "message_control_id": f"{path.name}-{number}", "message_type": "ORU", "value_type": fields[2],
                    "observation_number": str(number), "observation_code": code[0], "observation_name": code[1],
                    "observation_code_system": code[2], "value": fields[5], "units": fields[6].split("^")[0],
                    "reference_range": fields[7] if len(fields) > 7 else "",
                })  # fmt: skip
    return rows


def fill(connection: Connection, folder: Path) -> None:
    """Fill the raw tables."""
    pairs = read_list(folder)
    connection.register("pairs", pa.table({"code": [code for code, _ in pairs], "name": [name for _, name in pairs]}))
    insert(
        connection, "raw_his.diagnosis",
        "select 'V' || cast(row_number() over () as varchar) as visit_id, '出院' as diagnosis_type, "
        "'1' as sequence_no, code as diagnosis_code, name as diagnosis_name from pairs",
    )  # fmt: skip
    connection.register("observations", pa.Table.from_pylist(read_observations(folder)))
    insert(connection, "raw_hl7v2.observation", "select * from observations")
    synthea = folder / "clinical/dbt-synthea/seeds/synthea"
    for table, name, prefix in (("condition", "conditions", "condition"), ("procedure", "procedures", "procedure")):
        insert(
            connection, f"raw_fhir.{table}",
            f"select 'F' || cast(row_number() over () as varchar) as resource_id, PATIENT as patient_id, "
            f"CODE as {prefix}_code, 'http://snomed.info/sct' as {prefix}_code_system, DESCRIPTION as {prefix}_name "
            f"from read_csv('{synthea}/{name}.csv', all_varchar = true)",
        )  # fmt: skip
    insert(
        connection, "raw_fhir.observation",
        "select 'F' || cast(row_number() over () as varchar) as resource_id, '1' as component_number, "
        "PATIENT as patient_id, CATEGORY as category_code, CODE as observation_code, "
        "'http://loinc.org' as observation_code_system, DESCRIPTION as observation_name, VALUE as value, "
        f"UNITS as units from read_csv('{synthea}/observations.csv', all_varchar = true)",
    )  # fmt: skip


def main() -> None:
    """Fill a throw-away home, build, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as work:
        settings = make_home(Path(work) / "home")
        seed(settings, Path(work))
        with open_lake(settings) as connection:
            fill(connection, folder)
        build(settings, Path(work))
        with open_lake(settings, ("lake",), read_only=True) as connection:
            coverage = fetch_dicts(
                connection,
                "select source_system, domain, code_system, row_count, mapped_row_count, code_count, mapped_code_count "
                "from lake.std.std_code_coverage order by all",
            )
            alarms = fetch_dicts(
                connection,
                "select count(*) as rows, "
                "count_if(list_contains(dq_flags, 'code_name_mismatch')) as code_name_mismatch, "
                "count_if(list_contains(dq_flags, 'code_unknown')) as code_unknown, "
                "count_if(list_contains(dq_flags, 'code_format')) as code_format from lake.std.std_diagnosis "
                "where source_system = 'his'",
            )
            values = fetch_dicts(
                connection,
                "select source_system, value_class, value_status, count(*) as rows from lake.std.std_lab_result "
                "group by all order by all",
            )
            unmapped = fetch_dicts(
                connection,
                "select domain, source_system, code, term, row_count from lake.std.std_unmapped_code "
                "where domain <> 'diagnosis' order by row_count desc limit 25",
            )
    print(
        json.dumps(
            {"coverage": coverage, "list_alarms": alarms, "lab_values": values, "unmapped": unmapped},
            ensure_ascii=False, indent=1,
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
