"""Finds the staging rows that hang together with what changed: the component of every identifier that was touched.

Pseudonyms of two kinds never have one value, so a value is asked for only among identifiers of its kind. A row joins
the component when it has one of its values and brings its own; this goes on until nothing is new. Rows of a table that
have nothing by which a record is known hang together too, since the models number their versions as those of one
record.

A number that many people share makes the component large, never wrong; one that is too large is built as a whole.
"""

from lakehouse.lake import Connection
from serving.updates import WholeBuildError
from serving.updates.plan import Model

ANY = "any"
"""Kind of values whose kind is not known: asked for everywhere."""
LARGEST_SHARE = 0.2
"""Of all rows of staging; above it a whole build costs less."""
ALWAYS_SMALL = 50_000
"""Rows that are no reason for a whole build, whatever share of a small lake they are."""


def find_component(connection: Connection, staging: list[Model], changes: list[tuple[Model, str]]) -> dict[str, int]:
    """Write the row numbers of the component of changed rows into `temp.found_<model>`, one table a staging model.

    `changes` names tables with rows that came or went, laid out like the model beside them. Returns the number of rows
    by model. Raises WholeBuildError when the component is too large.
    """
    connection.execute("create or replace temp table known_value (kind varchar, value varchar)")
    connection.execute("create or replace temp table fresh_value (kind varchar, value varchar)")
    for model, table in changes:
        connection.execute(
            "insert into fresh_value select distinct item.kind, item.value "
            f"from (select unnest({_values(model)}) as item from {table})"
        )
    counts = " union all ".join(f"select '{model.name}', count(*) from {model.relation}" for model in staging)
    sizes = dict(connection.execute(counts).fetchall())
    filled = [model for model in staging if sizes[model.name]]
    limit = max(LARGEST_SHARE * sum(sizes[model.name] for model in filled), ALWAYS_SMALL)
    found = dict.fromkeys((model.name for model in staging), 0)
    for model in staging:
        connection.execute(f"create or replace temp table found_{model.name} (row_number bigint)")
    while kinds := _settle_values(connection):
        for model in filled:
            found[model.name] += _join_rows(connection, model, kinds)
        if sum(found.values()) > limit:
            raise WholeBuildError(
                f"more than {LARGEST_SHARE:.0%} of all rows hang together with the changes by shared identifiers"
            )
    return found


def _values(model: Model) -> str:
    """Return SQL of the list of values, each with its kind, by which a row joins others."""
    items = [(link.kind or ANY, f"cast({link.sql} as varchar)") for link in model.links]
    # rows by which no record is known
    items += [(f"no {model.name}", f"case when coalesce({record}) is null then '' end") for record in model.records]
    return "[" + ", ".join(f"{{'kind': '{kind}', 'value': {value}}}" for kind, value in items) + "]"


def _settle_values(connection: Connection) -> set[str]:
    """Make `asked_value` of the fresh values that are new, and return their kinds."""
    connection.execute(
        "create or replace temp table asked_value as select distinct kind, value from fresh_value as fresh "
        "where value is not null and not exists (select 1 from known_value as known "
        "where known.kind = fresh.kind and known.value = fresh.value)"
    )
    connection.execute("insert into known_value from asked_value")
    connection.execute("delete from fresh_value")
    return {row[0] for row in connection.execute("select distinct kind from asked_value").fetchall()}


def _join_rows(connection: Connection, model: Model, kinds: set[str]) -> int:
    conditions = []
    for link in model.links:
        asked = kinds if link.kind is None else kinds & {link.kind, ANY}
        if asked:
            conditions.append(_asks(link.sql, asked))
    if f"no {model.name}" in kinds:
        conditions += [f"coalesce({record}) is null" for record in model.records]
    if not conditions:
        return 0
    connection.execute(
        f"create or replace temp table hit as select rowid as row_number, {_values(model)} as row_values "
        f"from {model.relation} where {' or '.join(conditions)}"
    )
    connection.execute(
        f"create or replace temp table new_hit as select * from hit "
        f"where row_number not in (select row_number from found_{model.name})"
    )
    connection.execute(f"insert into found_{model.name} select row_number from new_hit")
    connection.execute(
        "insert into fresh_value select distinct item.kind, item.value "
        "from (select unnest(row_values) as item from new_hit)"
    )
    row = connection.execute("select count(*) from new_hit").fetchone()
    return int(row[0]) if row else 0


def _asks(sql: str, kinds: set[str]) -> str:
    listed = ", ".join(f"'{kind}'" for kind in sorted(kinds))
    return f"{sql} in (select value from asked_value where kind in ({listed}))"
