"""Where the queries that are replayed come from: a file, the engine's own records, its views, or typical questions.

Only SELECT and WITH are replayed; everything else is counted by its verb. Queries of the same shape count as one, and
the one that took longest stands for them. The text of a query may hold identities: it goes nowhere but into the
encrypted zone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingestion.migration.assessment.dialect import kind_of
from ingestion.migration.catalog import Catalog, Table
from ingestion.migration.plan import Plan
from ingestion.migration.source import Source, quote_name
from ingestion.migration.tuning.source_session import answers
from ingestion.migration.tuning.statement_log import Statement, read_statement_log
from ingestion.migration.tuning.statements import first_word, shape_of, split_statements, sql_sha256
from lakehouse.errors import RadlakeError, SourceUnreachableError, UsageError

_TYPICAL_TABLES = 5
_OWN = "as c0"
"""Alias by which the queries of `migrate run` itself are known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """One legacy query in the source's own SQL."""

    number: int = 0
    sql: str = field(repr=False)
    origin: str
    """file, log, view or typical."""
    calls: int = 1
    total_ms: float = 0.0

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the text."""
        return sql_sha256(self.sql)


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """The queries to replay, what was left out by its verb or reason, and what there is to say about it."""

    queries: tuple[Query, ...]
    left_out: dict[str, int]
    notes: tuple[str, ...] = ()


def collect_queries(
    source: Source,
    catalog: Catalog,
    plan: Plan,
    *,
    file: Path | None = None,
    log: Path | None = None,
    top: int = 20,
    concerns: Callable[[str], bool] = lambda sql: True,
) -> Workload:
    """Return the queries to replay, numbered from 1.

    All of `file`; of the statements in `log` or the engine's own records, as far as they are about this database
    (`concerns`), the `top` by time, or by frequency where no time is known; every view; and typical questions when
    there is neither file nor record.
    Raises SourceUnreachableError when a file cannot be read, UsageError when it holds no query.
    """
    engine = catalog.engine
    left_out: Counter[str] = Counter()
    notes: list[str] = []
    chosen: list[Query] = []
    if file is not None:
        chosen = _grouped(_read_file(file, engine), engine, "file", left_out, by_shape=False)
        if not chosen:
            raise UsageError(f"{file.name} holds no SELECT to replay")
    if log is not None:
        statements, unfilled = read_statement_log(log, engine)
        left_out["parameters unknown"] += unfilled
        chosen += _top(_grouped(statements, engine, "log", left_out), top, concerns, left_out)
    elif file is None:
        statements = _recorded(source, notes)
        chosen = _top(_grouped(statements, engine, "log", left_out), top, concerns, left_out)
    without_views = bool(chosen)
    chosen += _view_queries(catalog)
    if not without_views:
        notes.append("no record of queries: typical questions are replayed")
        chosen += _typical_queries(source, catalog, plan)
    unique = {query.sha256: query for query in reversed(chosen)}
    numbered = [
        replace(query, number=number)
        for number, query in enumerate((query for query in chosen if unique[query.sha256] is query), start=1)
    ]
    return Workload(
        queries=tuple(numbered),
        left_out={verb: count for verb, count in sorted(left_out.items()) if count},
        notes=tuple(notes),
    )


def _read_file(path: Path, engine: str) -> list[Statement]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceUnreachableError(f"{path.name} cannot be read as UTF-8 text ({type(error).__name__})") from error
    return [(sql, 0.0) for _, sql in split_statements(text, engine)]


def _grouped(
    statements: Iterable[Statement], engine: str, origin: str, left_out: Counter[str], *, by_shape: bool = True
) -> list[Query]:
    """Return one query for each shape (or each text), in the order of their first appearance."""
    groups: dict[str, Query] = {}
    slowest: dict[str, float] = {}
    for text, ms in statements:
        sql = text.strip().rstrip(";").strip()
        verb = first_word(sql)
        if verb not in ("select", "with"):
            left_out[verb or "no statement"] += 1
            continue
        if origin == "log" and _OWN in sql:
            continue
        key = shape_of(sql, engine) if by_shape else sql
        known = groups.get(key)
        if known is None:
            groups[key] = Query(sql=sql, origin=origin, total_ms=ms)
            slowest[key] = ms
            continue
        text_of_slowest = sql if ms > slowest[key] else known.sql
        slowest[key] = max(slowest[key], ms)
        groups[key] = replace(known, sql=text_of_slowest, calls=known.calls + 1, total_ms=known.total_ms + ms)
    return list(groups.values())


def _top(queries: Sequence[Query], top: int, concerns: Callable[[str], bool], left_out: Counter[str]) -> list[Query]:
    chosen: list[Query] = []
    for query in sorted(queries, key=lambda query: (-query.total_ms, -query.calls, query.sha256)):
        if len(chosen) == top:
            break
        if concerns(query.sql):
            chosen.append(query)
        else:
            left_out["of another database"] += query.calls
    return chosen


_RECORDS = {
    # with the table, the text and the time in milliseconds
    "mysql.slow_log": "select convert(sql_text using utf8mb4), time_to_sec(query_time) * 1000 "
    "+ microsecond(query_time) / 1000 from mysql.slow_log where db = database() limit 100000",
    "mysql.general_log": "select convert(argument using utf8mb4), 0 from mysql.general_log "
    "where command_type in ('Query', 'Execute') limit 100000",
    "performance_schema": "select sql_text, timer_wait / 1000000000 "
    "from performance_schema.events_statements_history_long where current_schema = database() "
    "and sql_text is not null and right(sql_text, 3) <> '...'",
}


def _recorded(source: Source, notes: list[str]) -> list[Statement]:
    """Return the statements an engine recorded; what it cannot give is noted."""
    if source.engine == "mysql":
        for name, query in _RECORDS.items():
            try:
                rows = source.rows(query)
            except RadlakeError as error:
                if not answers(source):
                    raise
                notes.append(f"{name} could not be read: {error}")
                continue
            statements = [(str(text), float(ms or 0)) for text, ms in rows if text]
            if any(first_word(text) in ("select", "with") and _OWN not in text for text, _ in statements):
                return statements
        notes.append(
            "the server keeps no record of queries: switch on slow_query_log or general_log with log_output = 'TABLE'"
        )
    if source.engine == "postgresql":
        notes.append(
            "pg_stat_statements keeps parameters as $1, which cannot be replayed: give the server's log with "
            "--statement-log (log_statement = 'all' or log_min_duration_statement), or queries with --queries"
        )
    return []


def _view_queries(catalog: Catalog) -> list[Query]:
    return [
        Query(sql=f"select * from {_place(catalog, view.schema, view.name)}", origin="view") for view in catalog.views
    ]


def _place(catalog: Catalog, schema: str, name: str) -> str:
    names = (name,) if catalog.engine == "sqlite" else (schema, name)
    return ".".join(quote_name(catalog.engine, part) for part in names)


def _typical_queries(source: Source, catalog: Catalog, plan: Plan) -> list[Query]:
    """Return questions of a research module: counts by relation and by code, a range of time, one row by its key."""

    def quoted(name: str) -> str:
        return quote_name(catalog.engine, name)

    rows = {(table.schema, table.name): table.rows for table in plan.tables}
    biggest = sorted(
        (table for table in catalog.tables if (table.schema, table.name) in rows),
        key=lambda table: (-rows[table.schema, table.name], table.schema, table.name),
    )[:_TYPICAL_TABLES]
    queries = []
    for table in biggest:
        place = _place(catalog, table.schema, table.name)
        if source.engine != "dump":
            place = source.table_name(table.schema, table.name, with_children=table.is_partitioned)
        kinds = {column.name: kind_of(catalog.engine, column) for column in table.columns}
        key = table.row_key
        for column in list(dict.fromkeys(column for relation in table.foreign_keys for column in relation.columns))[:2]:
            name = quoted(column)
            queries.append(f"select {name}, count(*) from {place} group by {name}")
        instants = [name for name, kind in kinds.items() if kind in ("instant", "day")]
        for column in instants[:1]:
            name = quoted(column)
            middle = f"(select min({name}) from {place})"
            queries.append(f"select count(*), max({name}) from {place} where {name} > {middle}")
        for column in _codes(table, kinds)[:1]:
            name = quoted(column)
            queries.append(f"select {name}, count(*), count(distinct {name}) from {place} group by {name}")
        if len(key) == 1 and kinds[key[0]] in ("integer", "text", "decimal"):
            name = quoted(key[0])
            queries.append(f"select * from {place} where {name} = (select max({name}) from {place})")
    return [Query(sql=sql, origin="typical") for sql in queries]


def _codes(table: Table, kinds: dict[str, str]) -> list[str]:
    """Return columns that look like codes: whole numbers that are neither key nor relation, and short texts."""
    related = {column for key in table.foreign_keys for column in key.columns} | set(table.row_key)
    names = [name for name, kind in kinds.items() if kind == "integer" and name not in related]
    types = {column.name: column.source_type for column in table.columns}
    return names + [
        name for name, kind in kinds.items() if kind == "text" and "char" in types[name] and name not in related
    ]
