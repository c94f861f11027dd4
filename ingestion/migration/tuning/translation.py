"""Translates a legacy query into the lake's SQL: tables by the plan, views written out, types and rules kept.

1. sqlglot reads the query in the source's dialect.
2. Tables are looked up by the engine's rules of case; a view is replaced by its own translation.
3. Every column is followed to the plan, so that its type, and what the engine would have done with it, is known.
4. `semantics` rewrites what the engines understand differently.
5. The tree is written in DuckDB's SQL; a table may then be read under another name, to compare two layouts.

What cannot be translated has a reason; nothing of it names a literal.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from ingestion.migration.catalog import Catalog, View
from ingestion.migration.plan import SCHEMA, Plan, TablePlan
from ingestion.migration.tuning.answer import Precision
from ingestion.migration.tuning.functions import Macro
from ingestion.migration.tuning.lineage import PLAN, ColumnUse, Lineage, column_uses
from ingestion.migration.tuning.semantics import adjust

# sqlglot quotes the text of a query, and with it literals, when it warns
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

DIALECTS = {"postgresql": "postgres", "mysql": "mysql", "sqlite": "sqlite", "mssql": "tsql", "oracle": "oracle"}
_VIEW = "radlake_view"
_WORD = re.compile(r"(\w+)[\"`]?\s*\(")
_DEPTH = 20
_ELSEWHERE = "which is not in the legacy database"
_OWN_CATALOG = "the engine's own catalog"
_SYSTEM_SCHEMAS = ("information_schema", "pg_catalog", "performance_schema", "sys", "mysql")
_SYSTEM_TABLES = ("sqlite_master", "sqlite_schema", "sqlite_sequence", "sqlite_stat1")
_NOT_REPLAYED = {
    "sleep", "benchmark", "get_lock", "release_lock", "release_all_locks", "load_file", "master_pos_wait",
    "pg_sleep", "pg_terminate_backend", "pg_cancel_backend", "pg_read_file", "pg_read_binary_file", "pg_ls_dir",
    "pg_advisory_lock", "pg_advisory_xact_lock", "set_config", "setval", "nextval", "dblink", "dblink_exec",
    "lo_import", "lo_export", "load_extension", "pg_reload_conf", "query_to_xml", "xp_cmdshell", "openrowset",
}  # fmt: skip
"""Functions that wait, write, lock or leave the database."""


class NotTranslatedError(Exception):
    """A query that has no counterpart in the lake; the text says why, in names of functions and tables only."""


@dataclass(frozen=True, kw_only=True)
class Translation:
    """One query in the lake's SQL."""

    tree: exp.Expr = field(repr=False)
    tables: tuple[str, ...]
    """Tables of `raw_legacy` it reads, also through views."""
    views: tuple[str, ...]
    """Legacy views it names itself, as schema.name."""
    uses: tuple[ColumnUse, ...]
    is_caseless: bool
    """Texts compare without regard to case, as the collations of the source do."""
    joins_in_no_order: bool
    """Joins texts, or lists values, without saying in which order."""
    precision: Precision
    calls: tuple[str, ...]
    """Functions it calls that DuckDB does not know by sqlglot: its own, or macros of the session."""
    hints: tuple[str, ...]
    """What may be the reason if the answers differ."""
    notes: tuple[str, ...]

    def sql(self, tables: Mapping[str, str] | None = None, views: Mapping[str, str] | None = None) -> str:
        """Return the query; `tables` and `views` give tables of `raw_legacy` to read instead."""
        return write_sql(self.tree, tables or {}, views or {})


def write_sql(tree: exp.Expr, tables: Mapping[str, str], views: Mapping[str, str]) -> str:
    """Return a translated tree as DuckDB's SQL, every name quoted."""
    tree = tree.copy()
    for node in list(tree.find_all(exp.Subquery)):
        name = str(node.meta.get(_VIEW, ""))
        if name in views:
            node.replace(_lake_table(views[name], node.args.get("alias")))
    for table in list(tree.find_all(exp.Table)):
        plan = table.meta.get(PLAN)
        if plan is not None:
            table.replace(_projection(plan, tables.get(plan.target, plan.target), table))
    return tree.sql(dialect="duckdb", identify=True, unsupported_level=ErrorLevel.IGNORE)


def _lake_table(name: str, alias: exp.Expr | None) -> exp.Table:
    return exp.Table(
        this=exp.to_identifier(name, quoted=True),
        db=exp.to_identifier(SCHEMA),
        catalog=exp.to_identifier("raw"),
        alias=alias.copy() if alias else None,
    )


def _projection(plan: TablePlan, physical: str, table: exp.Table) -> exp.Expr:
    """Return the source's own columns of a table, so that `*` and natural joins see no provenance."""
    columns = [exp.column(exp.to_identifier(column.target_name, quoted=True)) for column in plan.columns]
    select = exp.Select(expressions=columns).from_(_lake_table(physical, None))
    subquery = exp.Subquery(this=select, alias=table.args["alias"].copy())
    for name in ("joins", "laterals", "pivots", "sample"):
        if table.args.get(name):
            subquery.set(name, table.args[name])
    return subquery


class Translator:
    """Translates the queries of one source."""

    def __init__(
        self, catalog: Catalog, plan: Plan, *, is_ansi_quotes: bool = False, macros: Mapping[str, Macro] | None = None
    ) -> None:
        self._catalog = catalog
        self._engine = catalog.engine
        self._dialect = DIALECTS[catalog.engine]
        self._read = _AnsiMySQL if is_ansi_quotes else self._dialect
        self._tables = {(table.schema, table.name): table for table in plan.tables}
        self._partitions = {(table.schema, table.name) for table in catalog.tables if table.partition_of is not None}
        self._known = {(table.schema, table.name) for table in catalog.tables}
        self._views = {(view.schema, view.name): view for view in catalog.views}
        self._routines = {routine.name.lower() for routine in catalog.routines}
        self._macros = macros or {}

    def check_replayable(self, sql: str) -> None:
        """Raise NotTranslatedError for a query that must not be run even on the source: it locks, waits or writes."""
        tree = self._parse(sql)
        if tree.find(exp.Lock):
            raise NotTranslatedError("locks rows")
        if tree.find(exp.Into):
            raise NotTranslatedError("writes a table")
        if tree.find(exp.Placeholder, exp.Parameter, exp.SessionParameter):
            raise NotTranslatedError("holds parameters or variables")
        for node in tree.find_all(exp.Func):
            name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
            if name in _NOT_REPLAYED:
                raise NotTranslatedError(f"calls {name}")
        if tree.find(exp.Insert, exp.Update, exp.Delete, exp.Merge):
            raise NotTranslatedError("changes data")

    def translate(self, sql: str) -> Translation:
        """Return a query in the lake's SQL.

        Raises NotTranslatedError with the reason.
        """
        tree = self._parse(sql)
        if self._engine == "sqlite" and "typeof" in {node.sql_name().lower() for node in tree.find_all(exp.Func)}:
            raise NotTranslatedError("calls typeof, since values have types there and columns have them in the lake")
        self._replace_functions(tree, sql)
        views: dict[str, None] = {}
        tree = self._bind(tree, self._catalog.default_schema, views, 0)
        for column in tree.find_all(exp.Column):
            column.set("db", None)
            column.set("catalog", None)
        try:
            lineage = Lineage(tree, self._engine)
            uses = column_uses(lineage)
            adjustment = adjust(tree, lineage, self._catalog)
            written = write_sql(tree, {}, {})
            sqlglot.parse_one(written, dialect="duckdb")
        except (SqlglotError, RecursionError, KeyError, AttributeError, TypeError, ValueError) as error:
            raise NotTranslatedError(f"its form is not understood ({type(error).__name__})") from None
        tables = sorted({table.meta[PLAN].target for table in tree.find_all(exp.Table) if PLAN in table.meta})
        return Translation(
            tree=tree,
            tables=tuple(tables),
            views=tuple(sorted(views)),
            uses=uses,
            is_caseless=adjustment.is_caseless,
            joins_in_no_order=adjustment.joins_in_no_order,
            precision=adjustment.precision,
            calls=tuple(sorted({node.name.lower() for node in tree.find_all(exp.Anonymous)})),
            hints=adjustment.hints,
            notes=adjustment.notes,
        )

    def without_limit(self, sql: str) -> str:
        """Return a query of the source that gives all its rows, in the source's own SQL."""
        tree = self._parse(sql)
        for name in ("limit", "offset"):
            tree.set(name, None)
        return tree.sql(dialect=self._read)

    def translate_view(self, name: str) -> Translation:
        """Return the query that reads a whole view, named schema.name."""
        schema, _, view = name.partition(".")
        quote = "`" if self._engine == "mysql" else '"'
        places = [view] if self._engine == "sqlite" else [schema, view]
        return self.translate(
            "select * from " + ".".join(quote + part.replace(quote, quote * 2) + quote for part in places)
        )

    def _parse(self, sql: str) -> exp.Expr:
        try:
            tree = sqlglot.parse_one(sql, dialect=self._read)
        except (SqlglotError, RecursionError):
            raise NotTranslatedError("cannot be parsed") from None
        if not isinstance(tree, exp.Query):
            raise NotTranslatedError("is no query")
        return tree

    def _bind(self, tree: exp.Expr, schema: str, views: dict[str, None], depth: int) -> exp.Expr:
        """Mark the legacy tables of a tree and write its views out."""
        try:
            references = [
                source
                for scope in Lineage(tree, self._engine).scopes
                for source in scope.sources.values()
                if isinstance(source, exp.Table)
            ]
        except (SqlglotError, RecursionError, KeyError, AttributeError):
            raise NotTranslatedError("its form is not understood") from None
        seen: set[int] = set()
        for table in references:
            if id(table) in seen or PLAN in table.meta:
                continue
            seen.add(id(table))
            if not isinstance(table.this, exp.Identifier):
                # a function that gives rows
                continue
            if table.name.lower() == "dual" and not table.db and self._engine in ("mysql", "oracle"):
                table.replace(exp.select("1").subquery("dual"))
                continue
            place = self._look_up(table, schema)
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=table.this.quoted)))
            table.set("only", None)
            table.set("hints", None)
            table.set("db", None)
            table.set("catalog", None)
            if place in self._tables:
                table.meta[PLAN] = self._tables[place]
                # so that no CTE of the same name hides it
                table.set("this", exp.to_identifier(f"radlake {place[0]} {place[1]}", quoted=True))
                continue
            views[".".join(place)] = None
            table.replace(self._written_out(self._views[place], table, depth))
        return tree

    def concerns(self, sql: str) -> bool:
        """Tell whether a recorded statement is about this database, and not about another one or the engine itself."""
        try:
            self.translate(sql)
        except NotTranslatedError as error:
            return not any(part in str(error) for part in (_ELSEWHERE, _OWN_CATALOG))
        return True

    def _replace_functions(self, tree: exp.Expr, text: str) -> None:
        """Write the macros that stand for the database's own functions into a tree.

        Raises NotTranslatedError when there is none: the lake's functions of the same name do something else.
        """
        # sqlglot gives functions one name that have several, so the text decides which was meant
        own = {word.lower() for word in _WORD.findall(text)} & self._routines
        for node in list(tree.find_all(exp.Func)) if own else []:
            names = {node.name.lower()} if isinstance(node, exp.Anonymous) else {n.lower() for n in node.sql_names()}
            if not names & own:
                continue
            name = min(names & own)
            if name not in self._macros:
                raise NotTranslatedError(f"calls {name} of the legacy database: give a macro for it with --macros")
            arguments = [node.args[key] for key in node.arg_types if isinstance(node.args.get(key), exp.Expr)]
            try:
                node.replace(self._macros[name].call([*arguments, *node.expressions]))
            except ValueError:
                raise NotTranslatedError(f"calls {name} with other arguments than its macro has") from None

    def _written_out(self, view: View, table: exp.Table, depth: int) -> exp.Subquery:
        if depth >= _DEPTH:
            raise NotTranslatedError(f"its views are nested more than {_DEPTH} deep")
        try:
            statement = sqlglot.parse_one(view.definition, dialect=self._read)
        except (SqlglotError, RecursionError):
            raise NotTranslatedError(f"view {view.name} cannot be parsed") from None
        query = statement.expression if isinstance(statement, exp.Create) else statement
        if not isinstance(query, exp.Query):
            raise NotTranslatedError(f"view {view.name} is no query")
        names: list[exp.Expr] = []
        if isinstance(statement, exp.Create) and isinstance(statement.this, exp.Schema):
            names = [exp.to_identifier(column.name, quoted=True) for column in statement.this.expressions]
        query = query.copy()
        self._replace_functions(query, view.definition)
        query = self._bind(query, view.schema, {}, depth + 1)
        alias = table.args["alias"].copy()
        if names and not alias.args.get("columns"):
            alias.set("columns", names)
        subquery = exp.Subquery(this=query, alias=alias)
        subquery.meta[_VIEW] = f"{view.schema}.{view.name}"
        if table.args.get("joins"):
            subquery.set("joins", table.args["joins"])
        return subquery

    def _look_up(self, table: exp.Table, schema: str) -> tuple[str, str]:
        """Return schema and name of the table or view a query names."""
        if table.db.lower() in _SYSTEM_SCHEMAS or (not table.db and table.name.lower() in _SYSTEM_TABLES):
            raise NotTranslatedError(f"reads {_OWN_CATALOG}")
        schemas = [table.db] if table.db else [schema, self._catalog.default_schema]
        if self._engine == "sqlite":
            schemas = sorted({place[0] for place in self._known | self._views.keys()})
        places = sorted(self._known | self._views.keys())
        matching = [place for place in places if self._is_same(place[1], table.name, table.this)]
        # the very spelling first: MySQL's names differ by case on one server and not on the next
        matching.sort(key=lambda place: place[1] != table.name)
        found = next(
            (
                place
                for wanted in schemas
                for place in matching
                if self._is_same(place[0], wanted, table.args.get("db"))
            ),
            matching[0] if len(matching) == 1 and not table.db else None,
        )
        if found is None:
            raise NotTranslatedError(f"reads {table.name}, {_ELSEWHERE}")
        if found in self._partitions:
            raise NotTranslatedError(f"reads the partition {table.name}, which travels with its table")
        if found not in self._tables and found not in self._views:
            raise NotTranslatedError(f"reads {table.name}, which is not in the plan")
        return found

    def _is_same(self, name: str, wanted: str, node: exp.Expr | None) -> bool:
        if self._engine == "postgresql":
            is_quoted = not isinstance(node, exp.Identifier) or node.quoted
            return name == (wanted if is_quoted else wanted.lower())
        return name == wanted or name.lower() == wanted.lower()


class _AnsiMySQL(sqlglot.dialects.MySQL):
    """MySQL with sql_mode ANSI_QUOTES: double quotes hold names."""

    class Tokenizer(sqlglot.dialects.MySQL.Tokenizer):
        QUOTES = ["'"]  # noqa: RUF012 - as the library declares it
        IDENTIFIERS = ["`", '"']  # noqa: RUF012
