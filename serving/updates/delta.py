"""Computes, beside the lake, what an update takes out of each table and puts into it.

Two databases in memory stand for the two sides: `before` holds the touched rows as the lake has them, `after` as they
are to be. Each model runs over both; what differs between the two results is its change. Where both sides of all
inputs are the same, so is the model, and it runs only when another one asks for it.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from lakehouse.changes import Moment, changed_tables, write_changes
from lakehouse.lake import Connection
from serving.updates import WholeBuildError
from serving.updates.component import find_component
from serving.updates.plan import Model, Plan

SIDES = ("before", "after")
_RELATION = re.compile(r'"(?:lake|raw)"\."[^"]+"\."[^"]+"')
# columns that tell where a row came from; rows of two loads that say the same are the same
PROVENANCE = ("load_id", "loaded_at")


@dataclass(slots=True)
class Delta:
    """The state of one update."""

    connection: Connection
    aside: Connection
    """A second connection to the same databases, so that both sides run at once."""
    plan: Plan
    since: Moment
    until: Moment
    places: dict[str, dict[str, str]] = field(default_factory=lambda: {side: {} for side in SIDES})
    """Side, relation of the lake, and the table that stands for it."""
    changed: list[Model] = field(default_factory=list)
    """Models whose rows differ, in order; `before.lost.<name>` and `after.gained.<name>` hold the difference."""
    whole: list[Model] = field(default_factory=list)
    """Models that are made again as a whole, in order."""
    same_meaning: set[str] = field(default_factory=set)
    """Reference tables that changed in nothing but their provenance."""
    models: dict[str, Model] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    """Columns of each table in the order of the lake."""
    touched_rows: int = 0


def find_delta(connection: Connection, aside: Connection, plan: Plan, since: Moment, until: Moment) -> Delta:
    """Return what changed between two states of the raw zone; the lake is only read.

    `aside` is a second connection to the same databases. Raises WholeBuildError when it cannot be told by parts.
    """
    delta = Delta(connection=connection, aside=aside, plan=plan, since=since, until=until, models=plan.by_name())
    delta.columns = _read_columns(connection, plan)
    for side in SIDES:
        connection.execute(f"attach if not exists ':memory:' as {side}")
        for schema in {"lost", "gained", "change", *(model.schema for model in plan.models)}:
            connection.execute(f"create schema if not exists {side}.{schema}")
    changes = _stage_changes(delta)
    staging = [model for model in plan.models if model.is_staging]
    read = {name for model in plan.models if model.kind in ("component", "union") for name in model.inputs}
    # what no such model reads makes no two rows hang together
    persons = [model for model in staging if model.kind == "component" and model.name in read]
    component = find_component(
        connection,
        persons,
        [(model, f"{side}.change.{model.name}") for model in persons if model.name in changes for side in SIDES],
    )
    delta.touched_rows = sum(component.values())
    for model in staging:
        _place_staging(delta, model, model.name in changes, component.get(model.name))
    for model in plan.models:
        if not model.is_staging:
            _place_model(delta, model)
    return delta


def _read_columns(connection: Connection, plan: Plan) -> dict[str, str]:
    columns = dict(
        connection.execute(
            "select table_name, string_agg('\"' || column_name || '\"', ', ' order by column_index) "
            "from duckdb_columns() where database_name = 'lake' and schema_name <> 'ops' group by table_name"
        ).fetchall()
    )
    missing = [model.name for model in plan.models if model.name not in columns]
    if missing:
        raise WholeBuildError(f"{missing[0]} is not in the lake")
    return columns


def placed(delta: Delta, sql: str, side: str) -> str:
    """Return compiled SQL that reads one side in place of the lake."""
    places = delta.places[side]
    return _RELATION.sub(lambda found: places.get(found[0], found[0]), sql)


def _stage_changes(delta: Delta) -> set[str]:
    """Run the staging models over the raw rows that came and went; return those with any change."""
    tables = changed_tables(delta.connection, "raw", delta.since)
    changed = set()
    for schema in {model.source.split(".")[0] for model in delta.plan.models if model.source}:
        for side in SIDES:
            delta.connection.execute(f"create schema if not exists {side}.{schema}")
    for model in delta.plan.models:
        if model.source is None or model.source not in tables:
            continue
        if not tables[model.source]:
            raise WholeBuildError(f"raw table {model.source} was made anew")
        write_changes(
            delta.connection, "raw", model.source, delta.since, delta.until,
            lost=f"before.{model.source}", gained=f"after.{model.source}",
        )  # fmt: skip
        schema, table = model.source.split(".")
        for side in SIDES:
            places = {f'"raw"."{schema}"."{table}"': f"{side}.{model.source}"}
            sql = _RELATION.sub(lambda found, places=places: places.get(found[0], found[0]), model.sql)  # type: ignore[misc]
            delta.connection.execute(
                f"create table {side}.change.{model.name} as select {delta.columns[model.name]} from ({sql})"
            )
        if _write_difference(delta, model, "before.change." + model.name, "after.change." + model.name):
            # rows that were only written again are no change
            delta.connection.execute(
                f"create or replace table before.change.{model.name} as from before.lost.{model.name}"
            )
            delta.connection.execute(
                f"create or replace table after.change.{model.name} as from after.gained.{model.name}"
            )
            changed.add(model.name)
    return changed


def _write_difference(delta: Delta, model: Model, before: str, after: str) -> int:
    """Write what `before` has more and what `after` has more; return how many rows both are."""
    rows = 0
    for target, one, other in (("before.lost", before, after), ("after.gained", after, before)):
        delta.connection.execute(
            f"create or replace table {target}.{model.name} as select * from {one} except all select * from {other}"
        )
        rows += _count(delta.connection, f"{target}.{model.name}")
    return rows


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0


def _place_staging(delta: Delta, model: Model, is_changed: bool, row_count: int | None) -> None:
    connection, name = delta.connection, model.name
    if is_changed:
        delta.changed.append(model)
    if model.kind == "reference":
        if is_changed:
            _make(delta, model, "after")
            _compare_meaning(delta, model)
        return
    if row_count is None:
        return
    found = f"where rowid in (select row_number from found_{name})" if row_count else "limit 0"
    connection.execute(
        f"create or replace table before.{model.schema}.{name} as select * from {model.relation} {found}"
    )
    for side in SIDES:
        delta.places[side][model.relation] = f"before.{model.schema}.{name}"
    if is_changed:
        connection.execute(
            f"create or replace table after.{model.schema}.{name} as "
            f"(select * from before.{model.schema}.{name} except all select * from before.lost.{name}) "
            f"union all select * from after.gained.{name}"
        )
        delta.places["after"][model.relation] = f"after.{model.schema}.{name}"
        expected = row_count - _count(connection, f"before.lost.{name}") + _count(connection, f"after.gained.{name}")
        if _count(connection, f"after.{model.schema}.{name}") != expected:
            raise WholeBuildError(f"{name} does not hold what the raw zone lost")


def _place_model(delta: Delta, model: Model) -> None:
    changed = {entry.name for entry in delta.changed}
    dirty = [name for name in model.inputs if name in changed]
    if model.kind == "whole":
        whole = {entry.name for entry in delta.whole}
        if dirty or any(name in whole for name in model.inputs):
            delta.whole.append(model)
    elif model.kind == "reference":
        if dirty:
            _place_reference(delta, model)
    elif dirty:
        _place_component(delta, model, dirty)


def _place_reference(delta: Delta, model: Model) -> None:
    _make(delta, model, "after")
    if _write_difference(delta, model, model.relation, delta.places["after"][model.relation]):
        delta.changed.append(model)
        _compare_meaning(delta, model)
    else:
        del delta.places["after"][model.relation]


def _compare_meaning(delta: Delta, model: Model) -> None:
    """Note a table that says the same as before to everybody who reads more than its provenance."""
    kept = ", ".join(name for name in delta.columns[model.name].split(", ") if name.strip('"') not in PROVENANCE)
    lost, gained = f"before.lost.{model.name}", f"after.gained.{model.name}"
    differing = sum(
        _count(delta.connection, f"(select {kept} from {one} except all select {kept} from {other})")
        for one, other in ((lost, gained), (gained, lost))
    )
    if differing == 0:
        delta.same_meaning.add(model.name)


def _place_component(delta: Delta, model: Model, dirty: list[str]) -> None:
    looked_up = [name for name in dirty if delta.models[name].kind == "reference"]
    for name in looked_up:
        if name not in delta.same_meaning:
            raise WholeBuildError(f"{name}, which {model.name} looks up, changed")
    if len(looked_up) == len(dirty):
        return
    for name in model.inputs:
        _ask(delta, name)
    with ThreadPoolExecutor(max_workers=1) as pool:
        aside = pool.submit(_make, delta, model, "after", delta.aside)
        try:
            _make(delta, model, "before")
        finally:
            aside.result()
    before, after = (delta.places[side][model.relation] for side in SIDES)
    if _write_difference(delta, model, before, after):
        delta.changed.append(model)
    else:
        delta.places["after"][model.relation] = before


def _ask(delta: Delta, name: str) -> None:
    """Make a model over persons that did not change, because another one reads it."""
    model = delta.models[name]
    if model.kind not in ("component", "union") or model.relation in delta.places["before"]:
        return
    for parent in model.inputs:
        _ask(delta, parent)
    _make(delta, model, "before")
    delta.places["after"][model.relation] = delta.places["before"][model.relation]


def _make(delta: Delta, model: Model, side: str, connection: Connection | None = None) -> None:
    target = f"{side}.{model.schema}.{model.name}"
    sql = placed(delta, model.sql, side)
    (connection or delta.connection).execute(
        f"create or replace table {target} as select {delta.columns[model.name]} from ({sql})"
    )
    delta.places[side][model.relation] = target
