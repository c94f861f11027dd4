"""Says which columns of which raw tables tell who somebody is, from columns.yml and the contracts."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lakehouse.contract import Table, read_contract, source_names


@functools.cache
def column_roles() -> dict[str, Any]:
    """Return the content of columns.yml."""
    content: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "columns.yml").read_text(encoding="utf-8"))
    return content


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonTable:
    """A raw table whose rows tell of persons: its numbers and attributes as lists of raw columns."""

    table: Table
    numbers: dict[str, tuple[str, ...]]
    attributes: dict[str, tuple[str, ...]]
    event_columns: tuple[str, ...]
    is_registry: bool
    is_newborn: bool

    @property
    def name(self) -> str:
        """Return source.entity."""
        return f"{self.table.source}.{self.table.name}"

    @property
    def number_columns(self) -> tuple[str, ...]:
        """Return the raw columns that may name the person, the most telling first."""
        return tuple(column for columns in self.numbers.values() for column in columns)


@functools.cache
def person_tables() -> tuple[PersonTable, ...]:
    """Return every delivered table that tells of persons, in a fixed order."""
    roles = column_roles()
    found = []
    for source in source_names():
        for table in read_contract(source).values():
            name = f"{source}.{table.name}"
            if not table.is_delivered or name in roles["skipped"]:
                continue
            described = _describe(table, name, roles)
            if described.is_registry or "patient_name" in described.attributes or len(described.numbers) > 1:
                found.append(described)
    return tuple(sorted(found, key=lambda item: item.name))


def _describe(table: Table, name: str, roles: dict[str, Any]) -> PersonTable:
    numbers = {
        kind: tuple(column for column in columns if column in table.column_names)
        for kind, columns in roles["numbers"].items()
    }
    if name in roles["number_columns"]:
        numbers = {roles["number_kinds"][name]: (roles["number_columns"][name],)}
    attributes = {
        role: tuple(column for column in columns if column in table.column_names)
        for role, columns in roles["attributes"].items()
    }
    if table.source in ("fhir", "hl7v2") and name not in roles["registries"]:
        # their other resources and segments repeat the patient's number and say nothing more of the person
        numbers = {kind: columns for kind, columns in numbers.items() if kind == "patient_id"}
        attributes = {}
    return PersonTable(
        table=table,
        numbers={kind: columns for kind, columns in numbers.items() if columns},
        attributes={role: columns for role, columns in attributes.items() if columns},
        event_columns=tuple(column for column in roles["event_at"] if column in table.column_names),
        is_registry=name in roles["registries"],
        is_newborn=name in roles["newborns"],
    )
