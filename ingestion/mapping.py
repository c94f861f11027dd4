"""Reads a mapping YAML: how one hospital's files become the raw tables of a source.

    source: his                      # a source with a contract
    period: "2019-"                  # optional: which years this layout covers
    files:
      - entity: patient              # a table of the contract
        match: "**/V_BRXX*.txt"      # glob below the folder of deliveries
        reader: {format: delimited, delimiter: "|", quoted: false, encoding: auto, title_rows: 0}
        columns: {patient_id: BRID, patient_name: [XM, BRXM]}   # raw column: accepted names
        constants: {encounter_class: inpatient}
        codes: {sex: {"1": M, "2": F}}
        complete_extract: true

The whole language is told in docs/mapping.md.
"""

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ingestion.mapping_check import STANDARD_FORMATS, check_contract
from ingestion.mapping_document import describe_errors, read_document
from ingestion.naming import normalise_header

__all__ = [
    "STANDARD_FORMATS", "FileMapping", "FixedField", "Layout", "RowFilter", "SourceMapping", "Void", "mapping_sha256",
    "read_mapping",
]  # fmt: skip

Format = Literal[
    "delimited", "fixed_width", "dbf", "workbook", "text_blocks", "xml", "html", "json", "documents", "worklist",
    "database", "hl7v2", "fhir",
]  # fmt: skip


class FixedField(BaseModel):
    """Place of one field in a line of fixed width."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    width: int = Field(gt=0)
    """In bytes of the file's encoding."""


class Layout(BaseModel):
    """How the bytes of a file become records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Format
    encoding: str = "auto"
    delimiter: str = ","
    quoted: bool = True
    title_rows: int = Field(default=0, ge=0)
    """Lines above the header."""
    header: tuple[str, ...] = ()
    """Names of the columns of a file that has no header line."""
    footer: tuple[str, ...] = ("合计", "总计", "共计")
    """First cells that mark a closing line."""
    record_separator: str = "===="
    """Start of the line between two text blocks."""
    sheet: str | None = None
    forward_fill: tuple[str, ...] = ()
    """Columns of a sheet whose merged cells are filled from above."""
    widths: tuple[FixedField, ...] = ()
    record: str | None = None
    """xml, html, json: path of the element that is one record."""
    file_name: str | None = None
    """documents: regular expression whose named groups become columns; the text of the file is the column `text`."""
    url: str | None = None
    """database: address, `env:NAME` reads it from the environment."""
    table: str | None = None
    """database: table or view to read."""

    @field_validator("delimiter", mode="before")
    @classmethod
    def _tabulator(cls, value: object) -> object:
        # a plain scalar keeps the backslash
        return "\t" if value in ("\\t", "tab", "TAB") else value


class RowFilter(BaseModel):
    """Which rows of a file belong to the table: those whose column has one of the values, or has none of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class Void(BaseModel):
    """How the source marks a record it took back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    values: tuple[str, ...]


def headers_of(name: str) -> tuple[str, ...]:
    """Return the normalised headers of an accepted name: one, or several that `A + B` joins by a space."""
    return tuple(normalise_header(part) for part in name.split(" + "))


class FileMapping(BaseModel):
    """How the files of one glob fill one raw table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entity: str = ""
    match: str
    reader: Layout
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    codes: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Raw column: the hospital's value to the standard one."""
    date_formats: dict[str, str] = Field(default_factory=dict)
    """Raw column: strptime format, where profiling the column would not decide."""
    missing: tuple[str, ...] = ()
    """Words that mean no value in these files besides the usual ones."""
    row_filter: tuple[RowFilter, ...] = ()
    void: Void | None = None
    complete_extract: bool = False
    """Whether each delivery holds all records, so that a key that is gone was deleted."""
    optional: bool = False
    """Whether the hospital may never deliver it; a table that is not optional and never came stops the build."""

    @field_validator("columns", mode="before")
    @classmethod
    def _names_as_tuples(cls, value: object) -> object:
        if isinstance(value, dict):
            return {key: (names,) if isinstance(names, str) else tuple(names) for key, names in value.items()}
        return value

    def source_names(self) -> list[str]:
        """Return every name of a column of the file, as it is written, in the order of the mapping."""
        return [part for names in self.columns.values() for name in names for part in name.split(" + ")]

    def accepted_headers(self) -> dict[str, str]:
        """Return the raw column of each accepted header, by normalised header; the first, where it fills several."""
        accepted: dict[str, str] = {}
        for column, names in self.columns.items():
            for name in names:
                for header in headers_of(name):
                    accepted.setdefault(header, column)
        return accepted


class SourceMapping(BaseModel):
    """One mapping YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    period: str | None = None
    expected_every: str | None = Field(default=None, pattern=r"^P(\d+W|\d+D|(\d+D)?T(\d+H|\d+M|\d+H\d+M))$")
    """How often a delivery is expected (ISO 8601, such as P1D or PT6H); a source that is late is told as such."""
    files: tuple[FileMapping, ...] = Field(min_length=1)


def mapping_sha256(mapping: FileMapping) -> str:
    """Return the digest by which a change of the mapping is seen, so that files are read anew."""
    return hashlib.sha256(mapping.model_dump_json().encode()).hexdigest()


def read_mapping(path: Path) -> SourceMapping:
    """Read and check one mapping YAML against the contract of its source.

    Values are taken as they are written: `1`, `no` and `NULL` are words. Raises SettingsError that tells every problem
    with its line, its field and what to do.
    """
    document = read_document(path)
    problems = document.problems
    try:
        mapping = SourceMapping(**document.content)
    except ValidationError as error:
        problems += describe_errors(document, error, SourceMapping)
        raise document.error(problems) from error
    problems += check_contract(document, mapping)
    if problems:
        raise document.error(problems)
    return mapping
