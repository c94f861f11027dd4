"""What a validation found, as the command reports it and as it is stored in `raw_migration`."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from ingestion.migration.books import insert
from ingestion.migration.validation.bisection import Difference
from lakehouse.lake import Connection, transaction


class Stopwatch:
    """Measures from when it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def seconds(self) -> float:
        """Return the seconds since then."""
        return round(time.monotonic() - self._started, 3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One comparison; the values may be values of rows and stay in the zone `raw`."""

    target: str
    kind: str
    """schema, count, aggregate, row_hash, lob or file."""
    measure: str
    column_name: str | None = None
    source_value: str | None
    target_value: str | None
    is_equal: bool
    source_sql: str | None = None
    target_sql: str | None = None
    seconds: float | None = None

    @property
    def name(self) -> str:
        """Return what was compared, without a value."""
        return " ".join(part for part in (self.kind, self.measure, self.column_name) if part)


@dataclass(slots=True)
class TableResult:
    """What came out for one table."""

    table: str
    source: int = 0
    loaded: int = 0
    rejected: int = 0
    equal: bool = False
    differences: dict[str, int] = field(default_factory=dict)
    """Kind to the number of keys: missing, extra, changed, multiplicity; of files: file."""
    failed: list[str] = field(default_factory=list)
    """Checks that were not equal."""
    seconds: float = 0.0


@dataclass(slots=True)
class ValidationResult:
    """What a validation found."""

    validation_id: str
    plan_id: str
    depth: str
    position: str
    tables: list[TableResult] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def equal(self) -> bool:
        """Return whether every table is equal."""
        return all(table.equal for table in self.tables)

    @property
    def differences(self) -> int:
        """Return how many keys differ in all tables."""
        return sum(sum(table.differences.values()) for table in self.tables)


@dataclass(slots=True)
class Comparison:
    """Everything known of one table."""

    result: TableResult
    checks: list[Check] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


class ResultBook:
    """Stores checks and differences, several tables in one transaction; what is not stored is lost with the process."""

    _ROWS = 2_000

    def __init__(self, connection: Connection, validation_id: str, token: str) -> None:
        self._connection = connection
        self._about = {"validation_id": validation_id, "token": token}
        self._checks: list[dict[str, Any]] = []
        self._differences: list[dict[str, Any]] = []
        self._check_no = 0

    def add(self, comparison: Comparison, now: datetime) -> None:
        """Add what was found in one table."""
        for check in comparison.checks:
            self._check_no += 1
            self._checks.append(self._about | asdict(check) | {"check_no": self._check_no, "checked_at": now})
        for number, difference in enumerate(comparison.differences, start=1):
            self._differences.append(
                self._about | difference.stored() | {"target": comparison.result.table, "difference_no": number}
            )
        if len(self._checks) + len(self._differences) > self._ROWS:
            self.write()

    def write(self, validation: Sequence[dict[str, Any]] = ()) -> None:
        """Write what waits, and in the end the validation itself, as one transaction."""
        with transaction(self._connection):
            insert(self._connection, "check", self._checks)
            insert(self._connection, "difference", self._differences)
            insert(self._connection, "validation", validation)
        self._checks, self._differences = [], []
