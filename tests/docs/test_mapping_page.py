"""The page of the mapping language does not lie: its YAML loads, its examples are read, its tables are current."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from openpyxl import Workbook

from ingestion.mapping import FileMapping, Format, Layout, SourceMapping, read_mapping
from ingestion.onboarding.check import check_mapping
from ingestion.onboarding.reference import PAGE, with_tables
from ingestion.quality.kinds import read_kinds
from ingestion.readers import Reading
from ingestion.records import FileReading, read_file
from lakehouse.contract import read_contract
from synthetic_hospital.second.extracts import Extract, Line
from synthetic_hospital.second.layouts import dbf

TEXT = PAGE.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Example:
    """One YAML of the page, and the file shown before it."""

    text: str
    file: str | None
    options: dict[str, str]
    sample: str


def examples() -> list[Example]:
    """Return the YAML blocks of the page in their order."""
    found, pending = [], None
    for info, body in re.findall(r"^```(\S[^\n]*)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL):
        kind, _, rest = info.partition(" ")
        if kind == "text" and rest:
            pending = (rest, body)
        elif kind == "yaml":
            name, *options = pending[0].split() if pending else [None]
            found.append(
                Example(body, name, dict(option.split("=", 1) for option in options), pending[1] if pending else "")
            )
            pending = None
    return found


def write_sample(example: Example, folder: Path) -> None:
    """Write the file an example shows, as a workbook or DBF table where it says so."""
    path = folder / str(example.file)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = example.sample.removesuffix("\n").split("\n")
    if example.options.get("as") == "workbook":
        book = Workbook()
        for line in lines:
            book.active.append([cell or None for cell in line.split("\t")])
        for column in "AB":
            book.active.merge_cells(f"{column}4:{column}5")
        book.save(path)
    elif example.options.get("as") == "dbf":
        fields = [field.split(":") for field in lines[0].split("\t")]
        widths = {name: (kind, int(width)) for name, kind, width in fields}
        rows = [Line(dict(zip(widths, line.split("\t"), strict=True)), None) for line in lines[1:]]
        columns = {name: name for name in widths}
        dbf(widths)(folder, Extract(str(example.file), "", "", columns, dbf(widths), rows))
    else:
        path.write_text(example.sample, encoding=example.options["encoding"])


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.file or "yaml")
def test_every_yaml_of_the_page_loads_and_reads_the_file_shown_before_it(example: Example, tmp_path: Path) -> None:
    mapping_file = tmp_path / "mapping.yml"
    mapping_file.write_text(example.text, encoding="utf-8")
    mapping = read_mapping(mapping_file)
    if example.file is None:
        return
    folder = tmp_path / "deliveries"
    write_sample(example, folder)
    check = check_mapping(mapping_file, mapping, folder)
    assert [problem for problem in check.problems if problem.severity != "info"] == []
    assert [file.columns_missing for file in check.files] == [[]]
    entry, result = mapping.files[0], FileReading(reading=Reading())
    tables = read_contract(mapping.source)
    rows = [row for _, batch in read_file(folder / example.file, entry, tables, result) for row in batch.to_pylist()]
    assert rows
    assert result.refusals == {}
    assert all((row[name] or "").strip() for row in rows for name in entry.columns if name not in ("citizen_id",))


def test_generated_tables_are_current() -> None:
    assert with_tables(TEXT) == TEXT, "run: python -m ingestion.onboarding.reference"


def test_every_field_and_format_of_the_language_is_told() -> None:
    told = set(re.findall(r"`([a-z_0-9]+)`", TEXT))
    fields = {*SourceMapping.model_fields, *FileMapping.model_fields, *Layout.model_fields}
    assert fields - told == set()
    assert set(Format.__args__) - told == set()


def test_every_kind_and_action_is_told() -> None:
    told = set(re.findall(r"`([a-z_0-9]+)`", TEXT))
    kinds = read_kinds().values()
    assert {kind.name for kind in kinds} | {kind.action for kind in kinds} <= told


def test_every_example_names_a_format_once_and_all_formats_have_one() -> None:
    formats = {entry["reader"]["format"] for example in examples() for entry in yaml.safe_load(example.text)["files"]}
    assert formats == set(Format.__args__)
