"""Compares the columns of a row: order of dates, identity card against birth and sex, the patient's name in texts."""

import functools
from dataclasses import dataclass
from pathlib import Path

import yaml

from ingestion.quality.columns import FOUND, Waiting
from ingestion.quality.forms.screens import literal
from lakehouse.contract import Column, clean_expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """Which column may not lie before which, by how many minutes it may, and the column the defect is told of."""

    earlier: str
    later: str
    minutes: int
    told: str


@functools.cache
def read_orders() -> tuple[Order, ...]:
    """Return the rules of date_order.yml."""
    content = yaml.safe_load((Path(__file__).parent / "date_order.yml").read_text(encoding="utf-8"))
    return tuple(
        Order(earlier=earlier, later=later, minutes=int(rule.get("minutes", 0)), told=rule.get("told", later))
        for rule in content
        for earlier in rule["earlier"]
        for later in rule["later"]
    )


def compare_columns(waiting: Waiting) -> None:
    """Find what does not go together within a row, after `_clean` was filled."""
    _compare_dates(waiting)
    _compare_births(waiting)
    _compare_card(waiting)
    _find_names(waiting)


def _columns_of(waiting: Waiting, *forms: str) -> dict[str, Column]:
    return {
        column.name: column
        for column in waiting.table.columns
        if column.name in waiting.used and column.meta.get("form") in forms
    }


def _compare_dates(waiting: Waiting) -> None:
    names = _columns_of(waiting, "date", "timestamp")
    for order in read_orders():
        if order.earlier not in names or order.later not in names:
            continue
        earlier, later = waiting.clean(order.earlier), waiting.clean(order.later)
        first, second = f"try_cast({earlier} as timestamp)", f"try_cast({later} as timestamp)"
        # a date without a time, and midnight, are the whole day
        day = f"({first} = date_trunc('day', {first}) or {second} = date_trunc('day', {second}))"
        # normal forms sort as texts: the comparison of instants is left to the few that may be wrong
        waiting.connection.execute(
            f"insert into {FOUND} select rowid, {literal(order.told)}, 'date_order', 'row' from {waiting.name} "
            f'where "{order.earlier}" is not null and "{order.later}" is not null and {later} < {earlier} '
            f"and case when {day} then date_trunc('day', {second}) + interval {order.minutes} minute "
            f"< date_trunc('day', {first}) else {second} + interval {order.minutes} minute < {first} end"
        )


def _compare_births(waiting: Waiting) -> None:
    """Compare births with the admissions and visits of the same source that wait beside the patients."""
    if waiting.table.name != "patient" or not {"birth_date", "patient_id"} <= waiting.used:
        return
    beside = waiting.connection.execute(
        "select count(*) from duckdb_columns() where database_name = 'scratch' and table_name = 'delivered_encounter' "
        "and column_name in ('patient_id', 'admitted_at', '_clean')"
    ).fetchone()
    if not beside or beside[0] != 3:
        return
    birth, admitted = waiting.clean("birth_date", "patient"), clean_expression("admitted_at", "encounter")
    waiting.connection.execute(
        f"insert into {FOUND} select distinct patient.rowid, 'birth_date', 'date_order', 'row' "
        f"from {waiting.name} as patient inner join scratch.delivered_encounter as encounter "
        f"on patient.patient_id = encounter.patient_id where left({admitted}, 10) < {birth} "
        f"and try_cast({admitted} as timestamp) < try_cast({birth} as date)"
    )


def _compare_card(waiting: Waiting) -> None:
    if not _columns_of(waiting, "citizen_id"):
        return
    name = next(iter(_columns_of(waiting, "citizen_id")))
    card = waiting.clean(name)
    valid = (
        f"regexp_full_match({card}, '[1-9][0-9]{{16}}[0-9X]') and not exists (select 1 from {FOUND} as found "
        f"where found.row_id = delivered.rowid and found.column_name = {literal(name)} "
        "and found.kind = 'idcard_checksum')"
    )
    columns = _columns_of(waiting, "date", "sex")
    if "birth_date" in columns:
        birth = waiting.clean("birth_date")
        waiting.connection.execute(
            f"insert into {FOUND} select rowid, {literal(name)}, 'idcard_birth_mismatch', 'row' "
            f'from {waiting.name} as delivered where "{name}" is not null and birth_date is not null '
            f"and strlen({birth}) = 10 and replace({birth}, '-', '') <> {card}[7:14] and {valid}"
        )
    if "sex" in columns:
        sex = waiting.clean("sex")
        waiting.connection.execute(
            f"insert into {FOUND} select rowid, {literal(name)}, 'idcard_sex_mismatch', 'row' "
            # the 17th digit of a man's number is odd
            f'from {waiting.name} as delivered where "{name}" is not null '
            f"and {sex} = case try_cast({card}[17] as integer) % 2 when 1 then 'F' when 0 then 'M' end and {valid}"
        )


def _find_names(waiting: Waiting) -> None:
    """Find the patient's own name in the texts of the row."""
    if "patient_name" not in waiting.used:
        return
    for column in _columns_of(waiting, "text"):
        waiting.connection.execute(
            f"insert into {FOUND} select rowid, {literal(column)}, 'phi_in_text', 'text' from {waiting.name} "
            f'where contains("{column}", patient_name) and trim("{column}") <> patient_name '
            "and regexp_full_match(patient_name, '[㐀-鿿·]{2,}')"
        )
