"""Reads a mapping YAML: how one hospital's files become the raw tables of a source.

    source: his                      # a source with a contract
    period: "2019-"                  # optional: which years this layout covers
    files:
      - entity: patient              # a table of the contract
        match: "**/V_BRXX*.txt"      # glob below the folder of deliveries
        reader: {format: delimited, delimiter: "|", quoted: false, encoding: auto, title_rows: 0}
        columns: {patient_id: BRID, patient_name: [XM, BRXM]}   # raw column: accepted names
        constants: {encounter_class: inpatient}

Formats: delimited, workbook, text_blocks, hl7v2, fhir. The last two need no columns: they are standards.
"""

import hashlib
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ingestion.naming import normalise_header
from lakehouse.contract import read_contract, read_table
from lakehouse.errors import ContractError, SettingsError

STANDARD_FORMATS = ("hl7v2", "fhir")


class Layout(BaseModel):
    """How the bytes of a file become records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["delimited", "workbook", "text_blocks", "hl7v2", "fhir"]
    encoding: str = "auto"
    delimiter: str = ","
    quoted: bool = True
    title_rows: int = Field(default=0, ge=0)
    """Lines above the header."""
    footer: tuple[str, ...] = ("合计", "总计", "共计")
    """First cells that mark a closing line."""
    record_separator: str = "===="
    """Start of the line between two text blocks."""
    sheet: str | None = None


class FileMapping(BaseModel):
    """How the files of one glob fill one raw table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entity: str = ""
    match: str
    reader: Layout
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    optional: bool = False
    """Whether the hospital may never deliver it; a table that is not optional and never came stops the build."""

    @field_validator("columns", mode="before")
    @classmethod
    def _names_as_tuples(cls, value: object) -> object:
        if isinstance(value, dict):
            return {key: (names,) if isinstance(names, str) else tuple(names) for key, names in value.items()}
        return value

    def accepted_headers(self) -> dict[str, str]:
        """Return the raw column of each accepted header, by normalised header."""
        return {normalise_header(name): column for column, names in self.columns.items() for name in names}


class SourceMapping(BaseModel):
    """One mapping YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    period: str | None = None
    files: tuple[FileMapping, ...]


def mapping_sha256(mapping: FileMapping) -> str:
    """Return the digest by which a change of the mapping is seen, so that files are read anew."""
    return hashlib.sha256(mapping.model_dump_json().encode()).hexdigest()


def read_mapping(path: Path) -> SourceMapping:
    """Read and check one mapping YAML against the contract of its source.

    Raises SettingsError that names the file, the field and what to do.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        mapping = SourceMapping(**content)
    except FileNotFoundError as error:
        raise SettingsError(f"mapping {path} is missing") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = f", line {line + 1}" if line is not None else ""
        raise SettingsError(f"mapping {path}{place}: not YAML in UTF-8") from error
    except ValidationError as error:
        problems = "; ".join(
            ".".join(str(part) for part in item["loc"]) + ": " + item["msg"] for item in error.errors()
        )
        raise SettingsError(f"mapping {path}: {problems}") from error
    except TypeError as error:
        raise SettingsError(f"mapping {path}: needs source and files at the top") from error
    for position, file_mapping in enumerate(mapping.files, start=1):
        _check_against_contract(path, mapping, position, file_mapping)
    return mapping


def _check_against_contract(path: Path, mapping: SourceMapping, position: int, file_mapping: FileMapping) -> None:
    place = f"mapping {path}, files[{position}]"
    if file_mapping.reader.format in STANDARD_FORMATS:
        read_contract(mapping.source)
        return
    try:
        table = read_table(mapping.source, file_mapping.entity)
    except ContractError as error:
        raise SettingsError(f"{place}: {error}") from error
    unknown = sorted((set(file_mapping.columns) | set(file_mapping.constants)) - set(table.column_names))
    if unknown:
        raise SettingsError(
            f"{place}: {', '.join(unknown)} not in raw_{table.source}.{table.name}; "
            f"its columns are {', '.join(table.column_names)}"
        )
    missing = [
        name for name in table.required if name not in file_mapping.columns and name not in file_mapping.constants
    ]
    if missing:
        raise SettingsError(f"{place}: required columns without a mapping: {', '.join(missing)}")
