"""`python -m synthetic_hospital.second --out DIR`: writes the second hospital and the truth about it.

DIR/day1, DIR/day2     two deliveries
DIR/truth/defect.csv   delivery, file, rows (the first where it stands, others where it may be told), column, kind
DIR/truth/value.csv    delivery, file, row, column, clean value (empty: no usable value)
DIR/truth/row.csv      delivery, file, row, source, entity, fate
"""

import argparse
import csv
from pathlib import Path

from synthetic_hospital.second.extracts import Extract
from synthetic_hospital.second.facts import make_facts
from synthetic_hospital.second.hospital import make_extracts
from synthetic_hospital.second.layouts import delimited
from synthetic_hospital.second.messages import admission, framed, resources
from synthetic_hospital.second.plan import plant_all, plant_second_delivery

COMPLETE = ("patient1", "patient2")
"""Extracts that hold all records in every delivery."""

_STANDARD_RECORDS = 6


def write_hospital(out: Path) -> None:
    """Write both deliveries and the truth below a folder."""
    facts = make_facts()
    extracts = make_extracts(facts)
    plant_all(extracts)
    extracts["lab3"].write = delimited("^", "gbk", ends_cut=True)
    for extract in extracts.values():
        extract.write(out / "day1", extract)
    people = {row["patient_id"]: row for row in facts.tables["his.patient"]}
    visits = facts.tables["his.encounter"][:_STANDARD_RECORDS]
    messages = [admission(people[visit["patient_id"]], visit, number) for number, visit in enumerate(visits, start=1)]
    for name, data in (
        ("HL7/feed_20240601.mllp", framed(messages)),
        ("FHIR/bulk.ndjson", resources(facts, _STANDARD_RECORDS)),
    ):
        (out / "day1" / name).parent.mkdir(parents=True, exist_ok=True)
        (out / "day1" / name).write_bytes(data)
    truth = out / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    tables = _Truth()
    tables.add("day1", extracts)
    later = {name: extracts[name] for name in COMPLETE}
    for extract in later.values():
        extract.planted.clear()
    plant_second_delivery(later)
    for extract in later.values():
        extract.write(out / "day2", extract)
    tables.add("day2", later)
    tables.write(truth)


class _Truth:
    """The three tables of the truth."""

    def __init__(self) -> None:
        self.defects: list[tuple[object, ...]] = []
        self.values: list[tuple[object, ...]] = []
        self.rows: list[tuple[object, ...]] = []

    def add(self, delivery: str, extracts: dict[str, Extract]) -> None:
        for extract in extracts.values():
            for planted in extract.planted:
                rows = " ".join(str(line.row_no) for line in planted.lines)
                self.defects.append((delivery, extract.file, rows, planted.column or "", planted.kind))
            for line in extract.lines:
                self.rows.append((delivery, extract.file, line.row_no or "", extract.source, extract.entity, line.fate))
                if line.truth is not None and line.fate == "loaded":
                    for column, value in line.truth.items():
                        self.values.append((delivery, extract.file, line.row_no, column, value or ""))

    def write(self, folder: Path) -> None:
        for name, header, rows in (
            ("defect", ("delivery", "file", "rows", "column", "kind"), self.defects),
            ("value", ("delivery", "file", "row_no", "column", "value"), self.values),
            ("row", ("delivery", "file", "row_no", "source", "entity", "fate"), self.rows),
        ):
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(header)
                writer.writerows(rows)


def main() -> None:
    """Write the hospital into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    write_hospital(parser.parse_args().out)


if __name__ == "__main__":
    main()
