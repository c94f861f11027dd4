"""Decides whether the marts may be released: runs the Soda contracts over the encrypted lake and judges the outcome.

The gate opens only when every check ran and passed or warned. A check that failed, could not run, was not evaluated,
or looked at an empty table closes it; Soda alone would let the last three through.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# before soda is imported: it reports home otherwise
os.environ["SODA_CORE_TELEMETRY_ENABLED"] = "false"

import pyarrow as pa
from soda_core.common.yaml import ContractYamlSource
from soda_core.contracts.contract_verification import ContractVerificationSession
from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

from lakehouse.lake import Connection, append_arrow, open_lake
from lakehouse.ledger import local_now, new_batch_id
from lakehouse.log import get_logger
from lakehouse.settings import Settings
from serving.contracts import DATA_SOURCE, MartModel, contract_text, read_marts

logger = get_logger(__name__)

OUTCOMES = ("passed", "failed", "warned", "not_evaluated", "empty", "not_applicable", "error")
_CLOSING = ("failed", "not_evaluated", "empty", "error")


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckOutcome:
    """The outcome of one check of one mart table."""

    disease: str
    table: str
    column: str | None
    check_type: str
    check_id: str
    name: str
    outcome: str
    failed_rows: int | None
    tested_rows: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class GateResult:
    """The verdict on one or all diseases."""

    gate_id: str
    judged_at: datetime
    outcomes: tuple[CheckOutcome, ...]

    def count(self, outcome: str) -> int:
        """Return how many checks had an outcome."""
        return sum(check.outcome == outcome for check in self.outcomes)

    @property
    def closing(self) -> tuple[CheckOutcome, ...]:
        """Return the checks that close the gate."""
        return tuple(check for check in self.outcomes if check.outcome in _CLOSING)

    @property
    def is_open(self) -> bool:
        """Return whether the marts may be released: there are checks, and none closes."""
        return bool(self.outcomes) and not self.closing


def judge(settings: Settings, disease: str | None = None) -> GateResult:
    """Run the contracts of the marts and record the outcome in `lake.ops.gate`.

    Raises ContractError when there is no such mart.
    """
    gate_id, judged_at = new_batch_id(), local_now(settings.timezone)
    outcomes: list[CheckOutcome] = []
    with open_lake(settings, ("lake",)) as connection:
        connection.execute("use lake")
        for model in read_marts(disease):
            outcomes += _verify(connection, model, settings.may_be_empty)
        connection.execute("use memory")
        result = GateResult(gate_id=gate_id, judged_at=judged_at, outcomes=tuple(outcomes))
        _record(connection, result)
    logger.info("gate judged", extra={"gate_id": gate_id, "open": result.is_open, "checks": len(outcomes)})
    return result


def _verify(connection: Connection, model: MartModel, may_be_empty: Sequence[str]) -> list[CheckOutcome]:
    row_count = _row_count(connection, model)
    if row_count is None:
        return [_outcome(model, None, "table", "exists", "table exists", "error")]
    if row_count == 0:
        word = "not_applicable" if model.name in may_be_empty else "empty"
        return [_outcome(model, None, "row_count", "not_empty", "table is not empty", word)]
    logging.getLogger("soda").setLevel(logging.CRITICAL)
    session = ContractVerificationSession.execute(
        contract_yaml_sources=[ContractYamlSource.from_str(contract_text(model))],
        data_source_impls=[DuckDBDataSourceImpl.from_existing_cursor(connection, DATA_SOURCE)],
    )
    outcomes = []
    for contract in session.contract_verification_results:
        for check in contract.check_results:
            values = check.diagnostic_metric_values or {}
            tested = values.get("dataset_rows_tested", values.get("check_rows_tested"))
            outcomes.append(
                _outcome(
                    model,
                    check.check.column_name,
                    check.check.type,
                    check.check.qualifier or check.check.relative_path,
                    check.check.name or check.check.type,
                    _word(check, tested),
                    failed_rows=_as_count(values.get("failed_rows_count", _first(values, "_count"))),
                    tested_rows=_as_count(tested),
                )
            )
    if not outcomes:
        outcomes.append(_outcome(model, None, "contract", "runs", "contract runs", "error"))
    return outcomes


def _row_count(connection: Connection, model: MartModel) -> int | None:
    known = connection.execute(
        "select 1 from duckdb_tables() where database_name = 'lake' and schema_name = $1 and table_name = $2",
        [model.schema, model.name],
    ).fetchone()
    if known is None:
        return None
    row = connection.execute(f"select count(*) from lake.{model.schema}.{model.name}").fetchone()
    return int(row[0]) if row else None


def _word(check: Any, tested: Any) -> str:
    if check.is_failed:
        return "failed"
    if check.is_warned:
        return "warned"
    if check.is_passed:
        return "empty" if tested == 0 else "passed"
    return "not_evaluated"


def _first(values: dict[str, Any], ending: str) -> Any:
    return next((value for name, value in values.items() if name.endswith(ending)), None)


def _as_count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _outcome(
    model: MartModel,
    column: str | None,
    check_type: str,
    check_id: str,
    name: str,
    outcome: str,
    *,
    failed_rows: int | None = None,
    tested_rows: int | None = None,
) -> CheckOutcome:
    return CheckOutcome(
        disease=model.disease,
        table=model.name,
        column=column,
        check_type=check_type,
        check_id=check_id,
        name=name,
        outcome=outcome,
        failed_rows=failed_rows,
        tested_rows=tested_rows,
    )


def _record(connection: Connection, result: GateResult) -> None:
    connection.execute("create schema if not exists lake.ops")
    connection.execute(
        "create table if not exists lake.ops.gate (gate_id varchar, judged_at timestamp, disease varchar, "
        'table_name varchar, column_name varchar, check_type varchar, check_id varchar, "name" varchar, '
        "outcome varchar, failed_rows bigint, tested_rows bigint)"
    )
    rows = {
        "gate_id": [result.gate_id] * len(result.outcomes),
        "judged_at": [result.judged_at] * len(result.outcomes),
        "disease": [check.disease for check in result.outcomes],
        "table_name": [check.table for check in result.outcomes],
        "column_name": pa.array([check.column for check in result.outcomes], pa.string()),
        "check_type": [check.check_type for check in result.outcomes],
        "check_id": [check.check_id for check in result.outcomes],
        "name": [check.name for check in result.outcomes],
        "outcome": [check.outcome for check in result.outcomes],
        "failed_rows": pa.array([check.failed_rows for check in result.outcomes], pa.int64()),
        "tested_rows": pa.array([check.tested_rows for check in result.outcomes], pa.int64()),
    }
    append_arrow(connection, "lake.ops.gate", pa.table(rows))
