"""`python -m benchmarks.onboarding.defects`: how many planted defects of the second hospital are found, per kind.

Takes the second hospital aboard with nothing but its mapping YAMLs, and compares raw_ledger.dq_issue with what was
planted. A defect of a row is found when an issue of its kind stands on the row,
or on one of the rows it may be told on;
a defect of a file when the file has an issue of its kind. A false alarm is an issue on a row where nothing was planted.
"""

import argparse
import csv
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.identity.linking import link_persons
from ingestion.mapping import read_mapping
from ingestion.pipeline import SourceResult, ingest_source, relate_sources
from lakehouse.contract import read_contract
from lakehouse.lake import Connection, create_raw_tables, fetch_dicts, open_lake
from lakehouse.ledger import file_token
from lakehouse.settings import Settings
from serving.home import create_home
from synthetic_hospital.second.__main__ import write_hospital

MAPPINGS = Path(__file__).resolve().parents[2] / "synthetic_hospital" / "second" / "mappings"
SOURCES = ("his", "cdr", "lis", "ris", "path", "us", "obstetrics", "emr", "pacs", "hl7v2", "fhir")
DELIVERIES = ("day1", "day2")

Place = tuple[str, int | None]
"""Token of a file and number of a row."""


@dataclass(slots=True)
class Outcome:
    """What was found of what was planted."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    false_alarms: Counter[str] = field(default_factory=Counter)
    missed: list[dict[str, str]] = field(default_factory=list)
    alarms: list[dict[str, object]] = field(default_factory=list)
    clean_rows: int = 0
    clean_rows_alarmed: int = 0
    other_kinds_on_defect_rows: Counter[str] = field(default_factory=Counter)

    @property
    def recall(self) -> float:
        """Return found over planted."""
        return sum(self.found.values()) / max(1, sum(self.planted.values()))

    @property
    def false_alarm_share(self) -> float:
        """Return the share of clean rows that have an issue."""
        return self.clean_rows_alarmed / max(1, self.clean_rows)


def take_aboard(folder: Path, home: Path) -> tuple[Settings, list[SourceResult]]:
    """Make a home and load both deliveries of the second hospital into it."""
    settings = create_home(home, synthetic=True)
    with open_lake(settings) as connection:
        create_raw_tables(connection)
    results = [result for delivery in DELIVERIES for result in load_delivery(settings, folder, delivery)]
    return settings, results


def load_delivery(settings: Settings, folder: Path, delivery: str) -> list[SourceResult]:
    """Load one delivery as `radlake ingest` does: sources, relations, persons."""
    results = [
        ingest_source(settings, read_mapping(MAPPINGS / f"{source}.yml"), folder / delivery)
        for source in (SOURCES if delivery == "day1" else ("his",))
    ]
    relate_sources(settings, results)
    link_persons(settings)
    return results


def read_truth(folder: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of one table of the truth: defect, value or row."""
    with (folder / "truth" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def compare(connection: Connection, folder: Path) -> Outcome:
    """Return what dq_issue says against what was planted."""
    batches = [
        row[0]
        for row in connection.execute(
            "select batch_id from raw.raw_ledger.delivery where source = 'his' group by batch_id order by batch_id"
        ).fetchall()
    ]
    issues = fetch_dicts(
        connection,
        "select file_token, row_no, kind, batch_id from raw.raw_ledger.dq_issue order by all",
    )
    second = batches[-1] if len(batches) > 1 else None
    by_place: dict[tuple[str, str, int | None], set[str]] = {}
    for issue in issues:
        delivery = "day2" if issue["batch_id"] == second else "day1"
        by_place.setdefault((delivery, issue["file_token"], issue["row_no"]), set()).add(issue["kind"])
    return _compare_places(by_place, folder)


def _compare_places(by_place: dict[tuple[str, str, int | None], set[str]], folder: Path) -> Outcome:
    outcome = Outcome()
    dirty: dict[tuple[str, str, int | None], set[str]] = {}
    by_file: dict[tuple[str, str], set[str]] = {}
    for (delivery, token, _), kinds in by_place.items():
        by_file.setdefault((delivery, token), set()).update(kinds)
    for defect in read_truth(folder, "defect"):
        token = file_token(Path(defect["file"]), Path())
        places = [(defect["delivery"], token, int(row)) for row in defect["rows"].split()]
        outcome.planted[defect["kind"]] += 1
        for place in places:
            dirty.setdefault(place, set()).add(defect["kind"])
        if places:
            is_found = any(defect["kind"] in by_place.get(place, ()) for place in places)
        else:
            is_found = defect["kind"] in by_file.get((defect["delivery"], token), ())
            if not is_found and defect["kind"] == "row_deleted":
                # which of several files of one extract lost a record cannot be told
                is_found = any(
                    delivery == defect["delivery"] and "row_deleted" in kinds
                    for (delivery, _), kinds in by_file.items()
                )
            dirty.setdefault((defect["delivery"], token, None), set()).add(defect["kind"])
        outcome.found[defect["kind"]] += is_found
        if not is_found:
            outcome.missed.append(defect)
    for row in read_truth(folder, "row"):
        row_no = int(row["row_no"]) if row["row_no"] else None
        where = (row["delivery"], file_token(Path(row["file"]), Path()), row_no)
        if row["fate"] == "held" or row["delivery"] != "day1":
            continue
        kinds = by_place.get(where, set())
        if where in dirty:
            outcome.other_kinds_on_defect_rows.update(kinds - dirty[where])
            continue
        outcome.clean_rows += 1
        if kinds:
            outcome.clean_rows_alarmed += 1
            outcome.false_alarms.update(kinds)
            outcome.alarms.append({"file": row["file"], "row": row["row_no"], "kinds": sorted(kinds)})
    for (delivery, token, row_no), kinds in sorted(by_place.items(), key=str):
        if row_no is None and (more := kinds - dirty.get((delivery, token, None), set())):
            outcome.alarms.append({"file": token, "row": None, "kinds": sorted(more)})
    return outcome


def compare_values(connection: Connection, folder: Path) -> tuple[int, list[dict[str, object]]]:
    """Return how many clean values were compared with the raw tables as staging reads them, and those that differ."""
    entities = {(row["file"]): (row["source"], row["entity"]) for row in read_truth(folder, "row")}
    stored: dict[tuple[str, int], dict[str, object]] = {}
    for source, entity in sorted(set(entities.values())):
        table = read_contract(source)[entity]
        for row in fetch_dicts(connection, f'select * from raw.{table.schema}."{table.name}" order by _batch_id'):
            stored.setdefault((row["_src_file"], row["_src_row_no"]), row)
    codes = {
        (row["source"], row["entity"], row["column_name"], row["source_value"]): row["standard_value"]
        for row in fetch_dicts(connection, "select * from raw.raw_ledger.code_map")
    }
    count, different = 0, []
    for value in read_truth(folder, "value"):
        if value["delivery"] != "day1":
            continue
        count += 1
        found = stored.get((file_token(Path(value["file"]), Path()), int(value["row_no"])))
        text = _as_read(found, value["column"]) if found else None
        text = codes.get((*entities[value["file"]], value["column"], text), text)
        if found is None or (text or "") != value["value"]:
            different.append(
                {"file": value["file"], "row": value["row_no"], "column": value["column"],
                "is_loaded": found is not None,
                 "truth": value["value"], "read": text}
            )  # fmt: skip
    return count, different


def _as_read(row: dict[str, object], column: str) -> str | None:
    """Return a raw column as staging reads it: the normal form where there is one."""
    clean = json.loads(str(row["_clean"])) if row["_clean"] else {}
    value = clean.get(column, row[column])
    return None if value is None else str(value)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table per kind, the false alarms and what was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where hospital and home are made; kept")
    parser.add_argument("--out", type=Path, help="where the missed defects are written")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        write_hospital(folder / "hospital")
        settings, results = take_aboard(folder / "hospital", folder / "home")
        with open_lake(settings, read_only=True) as connection:
            outcome = compare(connection, folder / "hospital")
            count, different = compare_values(connection, folder / "hospital")
    text = _report(outcome, results, count, different)
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")
    print(text)


def _report(outcome: Outcome, results: list[SourceResult], count: int, different: list[dict[str, object]]) -> str:
    lines = ["| kind | planted | found | alarms on clean rows |", "|---|---|---|---|"]
    for kind in sorted({*outcome.planted, *outcome.false_alarms}):
        lines.append(f"| {kind} | {outcome.planted[kind]} | {outcome.found[kind]} | {outcome.false_alarms[kind]} |")
    kinds = sum(outcome.found[kind] > 0 for kind in outcome.planted)
    lines += [
        "",
        f"planted {sum(outcome.planted.values())} of {len(outcome.planted)} kinds; found {sum(outcome.found.values())} "
        f"({outcome.recall:.1%}) of {kinds} kinds",
        f"clean rows {outcome.clean_rows}, with an issue {outcome.clean_rows_alarmed} "
        f"({outcome.false_alarm_share:.2%})",
        f"clean values {count}, read otherwise {len(different)}",
        "",
        "## Missed",
        *(
            f"- {item['file']} rows {item['rows'] or '(file)'} {item['column']} {item['kind']}"
            for item in outcome.missed
        ),
        "",
        "## Alarms on clean rows and files",
        *(f"- {item['file']} row {item['row']}: {', '.join(item['kinds'])}" for item in outcome.alarms),  # type: ignore[arg-type]
        "",
        "## Kinds told on rows with another defect",
        *(f"- {kind} {number}" for kind, number in sorted(outcome.other_kinds_on_defect_rows.items())),
        "",
        "## Values read otherwise",
        *(
            f"- {item['file']} row {item['row']} {item['column']}: "
            + (f"{item['read']!r}, should be {item['truth']!r}" if item["is_loaded"] else "not loaded")
            for item in different
        ),
        "",
        "## Breaches",
        *(f"- {breach}" for result in results for breach in result.breaches),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
