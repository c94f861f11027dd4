"""Reads the contracts between Python and SQL: `_<source>__sources.yml`, the one list of raw columns.

From a contract come the empty raw tables, dlt's frozen columns, the DICOM attributes to index and the data dictionary.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lakehouse import PROJECT_ROOT
from lakehouse.errors import ContractError

PII_CLASSES = ("none", "quasi", "id", "uid", "text", "vault")
"""none; quasi-identifier; identifier and DICOM UID (pseudonyms from staging on); free text; stays behind."""

PROVENANCE = {
    "_src_file": "varchar",
    "_src_row_no": "bigint",
    "_src_encoding": "varchar",
    "_src_period": "varchar",
    "_row_sha256": "varchar",
    "_batch_id": "varchar",
    "_loaded_at": "timestamp",
}
"""Columns that every raw table has besides those of its contract."""

DELIVERED = {"_clean": "varchar", "_change": "varchar"}
"""Further columns of tables that are filled from deliveries (`meta.delivered` of the source).

`_clean` is a JSON object, raw column to its normalised text (null: no usable value); a column that is not named stands
as it was received. `_change` is null for an ordinary version, `deleted` when the key vanished from a complete extract,
`voided` when the source took it back.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One raw column."""

    name: str
    data_type: str
    pii: str
    required: bool
    label_zh: str
    meta: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One raw table, the columns that identify a row, and all columns without provenance."""

    source: str
    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    has_provenance: bool = True
    is_delivered: bool = False

    @property
    def schema(self) -> str:
        """Return the schema the table stands in."""
        return f"raw_{self.source}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the columns of the contract in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Return the columns a row cannot do without."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def provenance(self) -> dict[str, str]:
        """Return the columns besides those of the contract, with their types."""
        return (PROVENANCE if self.has_provenance else {}) | (DELIVERED if self.is_delivered else {})

    def create_statement(self, catalog: str = "raw") -> str:
        """Return SQL that creates the table when it is not there."""
        types = {column.name: column.data_type for column in self.columns}
        types |= self.provenance
        columns = ", ".join(f'"{name}" {data_type}' for name, data_type in types.items())
        return f'create table if not exists {catalog}.{self.schema}."{self.name}" ({columns})'


def sources_folder() -> Path:
    """Return the folder below which the contracts lie."""
    return PROJECT_ROOT / "dbt_project" / "models" / "staging"


def source_names() -> list[str]:
    """Return the sources that have a contract."""
    return sorted(path.parent.name for path in sources_folder().glob("*/_*__sources.yml"))


@functools.cache
def read_contract(source: str) -> dict[str, Table]:
    """Return the tables of one source by name.

    Raises ContractError when the contract is missing or a column lacks its type, class or label.
    """
    path = sources_folder() / source / f"_{source}__sources.yml"
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except FileNotFoundError as error:
        raise ContractError(f"source {source!r} has no contract {path.name}") from error
    tables = {}
    source_meta = (content["sources"][0].get("config") or {}).get("meta") or {}
    for declared in content["sources"][0]["tables"]:
        columns = []
        for entry in declared["columns"]:
            meta = dict((entry.get("config") or {}).get("meta") or entry.get("meta") or {})
            pii = meta.pop("pii", None)
            label = meta.pop("label_zh", None)
            if pii not in PII_CLASSES or not label or not entry.get("data_type"):
                raise ContractError(
                    f"{path.name}: {declared['name']}.{entry['name']} needs data_type, meta.pii "
                    f"(one of {', '.join(PII_CLASSES)}) and meta.label_zh"
                )
            columns.append(
                Column(
                    name=entry["name"],
                    data_type=entry["data_type"],
                    pii=pii,
                    required=bool(meta.pop("required", False)),
                    label_zh=label,
                    meta=meta,
                )
            )
        table_meta = (declared.get("config") or {}).get("meta") or declared.get("meta") or {}
        tables[declared["name"]] = Table(
            source=source,
            name=declared["name"],
            key=tuple(table_meta.get("key") or ()),
            columns=tuple(columns),
            has_provenance=bool(table_meta.get("provenance", True)),
            is_delivered=bool(source_meta.get("delivered", False)),
        )
    return tables


def read_table(source: str, name: str) -> Table:
    """Return the contract of one raw table.

    Raises ContractError when the source or the table is unknown.
    """
    tables = read_contract(source)
    if name not in tables:
        raise ContractError(f"source {source!r} has no table {name!r}; it has {', '.join(sorted(tables))}")
    return tables[name]


def clean_expression(column: str, relation: str = "") -> str:
    """Return SQL of a raw column as the door normalised it; null where it found no usable value."""
    prefix = f"{relation}." if relation else ""
    # within a string of JSON a quote has a backslash before it, so this finds names only, and far faster than a parser
    return (
        f"(case when {prefix}_clean is not null and contains({prefix}_clean, '\"{column}\":') "
        f"then json_extract_string({prefix}_clean, '$.{column}') else {prefix}\"{column}\" end)"
    )
