"""The plan of one migration: how each table and column travels, in which order and chunks, and how long it takes.

A plan is a file, `<home>/migration/<source>/plan.json`, made by `radlake migrate plan`, followed by run and validate.
It holds names, types, counts and SQL, never a value of a row.
"""

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ingestion.migration.source import Address
from lakehouse.errors import SettingsError
from lakehouse.settings import Settings

SCHEMA = "raw_legacy"
"""Schema of the zone `raw` that holds the migrated tables."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnPlan:
    """How one column travels; the four templates are those of types.TypeRule."""

    name: str
    target_name: str
    """As in the source, but without quotes, and with a number where names differ only by case: DuckDB has one there."""
    source_type: str
    target_type: str
    is_nullable: bool
    wire: str
    convert: str
    source_text: str
    target_text: str
    is_lob: bool = False
    lossy: str | None = None
    """What the target type cannot hold; None when nothing is lost."""
    misfits: int = 0
    """Values of the source that do not fit the declared type; such a column travels as text unless told otherwise."""
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TablePlan:
    """How one table travels."""

    schema: str
    name: str
    target: str
    """Table in `raw_legacy`."""
    columns: tuple[ColumnPlan, ...]
    key: tuple[str, ...]
    """Source columns that identify a row; empty when the table has no key."""
    rows: int
    structure_sha256: str
    source_table: str
    """SQL name of the table in the source."""
    chunk_column: str | None = None
    """The key when it is one whole number: the table travels in ranges of it, else in one piece."""
    chunk_rows: int = 0
    size_bytes: int | None = None
    estimated_seconds: float = 0.0

    @property
    def fingerprint(self) -> str:
        """Return a fingerprint of how the table travels; what was merely measured is no part of it."""
        content = asdict(self)
        for name in ("rows", "size_bytes", "estimated_seconds", "chunk_rows"):
            content.pop(name)
        content["columns"] = [{k: v for k, v in column.items() if k != "misfits"} for column in content["columns"]]
        return sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:16]

    def column(self, name: str) -> ColumnPlan:
        """Return one column; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """One migration; the tables stand in the order in which they travel, referenced ones first."""

    source: str
    token: str
    engine: str
    server_version: str
    made_at: str
    tables: tuple[TablePlan, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    """Tables that do not travel, with the reason."""

    def table(self, target: str) -> TablePlan:
        """Return the plan of one table of `raw_legacy`; KeyError when there is none."""
        for table in self.tables:
            if table.target == target:
                return table
        raise KeyError(target)

    @property
    def plan_id(self) -> str:
        """Return a fingerprint of what the plan does; the time it was made is no part of it."""
        content = [self.token, *(table.fingerprint for table in self.tables)]
        return sha256(json.dumps(content).encode()).hexdigest()[:16]


def plan_folder(settings: Settings, address: Address) -> Path:
    """Return the folder of a home that holds plan, results and reports of one source."""
    return settings.home / "migration" / address.token


def write_plan(plan: Plan, folder: Path) -> Path:
    """Write a plan and return its file."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "plan.json"
    path.write_text(json.dumps(asdict(plan) | {"plan_id": plan.plan_id}, ensure_ascii=False, indent=1) + "\n")
    return path


def read_plan(folder: Path) -> Plan:
    """Read a plan back.

    Raises SettingsError when there is none or it cannot be read.
    """
    path = folder / "plan.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        content.pop("plan_id", None)
        tables = tuple(
            TablePlan(
                **table
                | {"columns": tuple(ColumnPlan(**column) for column in table["columns"]), "key": tuple(table["key"])}
            )
            for table in content["tables"]
        )
        return Plan(**content | {"tables": tables})
    except FileNotFoundError as error:
        raise SettingsError(f"{path} is missing: make it with `radlake migrate plan`") from error
    except (ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"{path} is no plan of this version ({type(error).__name__}): make it again") from error
