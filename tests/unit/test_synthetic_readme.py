"""The README of the synthetic hospital tells what the default hospital holds."""

import csv
import re
from pathlib import Path

from synthetic_hospital.__main__ import write_hospital
from tests.conftest import PROJECT


def test_counts_of_the_readme_are_those_of_the_default_hospital(tmp_path: Path) -> None:
    write_hospital(tmp_path, patients=10, seed=7, image_patients=10, day=1)
    page = (PROJECT / "synthetic_hospital" / "README.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"\| `([\w/.]+)` \| (\d+) \|", page))
    with (tmp_path / "truth" / "counts.csv").open(encoding="utf-8", newline="") as file:
        assert told == {row["file"]: row["rows"] for row in csv.DictReader(file)}
    with (tmp_path / "truth" / "dicom.csv").open(encoding="utf-8", newline="") as file:
        statuses = [row["expected_status"] for row in csv.DictReader(file)]
    counts = [statuses.count(status) for status in ("indexed", "quarantined", "not_dicom")]
    assert re.findall(r"(\d+) are to be indexed, (\d+) quarantined and (\d+) are", page) == [tuple(map(str, counts))]
