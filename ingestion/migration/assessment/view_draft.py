"""Drafts a dbt model for every view that is plain SQL, in the lake's dialect.

A draft reads the migrated tables with `source('legacy', …)` and other drafts with `ref`. It says that it is a draft: a
person reads, renames and tests it before it becomes a model. What cannot be translated is listed with the reason.
"""

import re
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from ingestion.migration.assessment.code import CodeItem, qualified
from ingestion.migration.catalog import Catalog, target_name

_DIALECTS = {"postgresql": "postgres", "mysql": "mysql", "sqlite": "sqlite", "mssql": "tsql", "oracle": "oracle"}
_MARK = re.compile(r'"?radlake_(source|ref)_(\d+)_"?')


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewDraft:
    """A drafted model, or the reason why there is none."""

    view: str
    file: str
    sql: str | None = None
    reason: str = ""


def draft_views(catalog: Catalog, items: list[CodeItem]) -> list[ViewDraft]:
    """Return a draft for each view, in their order."""
    views = [item for item in items if item.kind == "view"]
    files = {item.name: _file_name(item.name) for item in views}
    routines = {routine.name.lower() for routine in catalog.routines}
    return [_draft(catalog, item, files, routines) for item in views]


def _file_name(name: str) -> str:
    return "draft_" + re.sub(r"\W+", "_", name.replace(".", "__")).strip("_").lower()


def _draft(catalog: Catalog, item: CodeItem, files: dict[str, str], routines: set[str]) -> ViewDraft:
    file = files[item.name]
    dialect = _DIALECTS[catalog.engine]
    try:
        statement = sqlglot.parse_one(item.definition, dialect=dialect)
    except (SqlglotError, RecursionError):
        return ViewDraft(view=item.name, file=file, reason="the definition cannot be parsed")
    query = statement.expression if isinstance(statement, exp.Create) else statement
    if not isinstance(query, exp.Query):
        return ViewDraft(view=item.name, file=file, reason="the definition is no query")
    columns = _named_columns(statement)
    called = {node.name.lower() for node in query.find_all(exp.Anonymous)}
    # the database's own function wins over one of the engine that has its name
    own = sorted(name for name in routines if re.search(rf"(?<![\w.]){re.escape(name)}[\"`]?\s*\(", item.code))
    if own:
        return ViewDraft(view=item.name, file=file, reason=f"calls {', '.join(own)}")
    if query.find(exp.Parameter, exp.SessionParameter, exp.Placeholder):
        return ViewDraft(view=item.name, file=file, reason="uses variables")
    references: list[str] = []
    unknown = _replace_tables(catalog, item.schema, query, files, references)
    if unknown:
        return ViewDraft(view=item.name, file=file, reason=f"reads {', '.join(sorted(unknown))}, which is not here")
    try:
        sql = query.sql(dialect="duckdb", pretty=True, unsupported_level=ErrorLevel.RAISE)
        sqlglot.parse_one(sql, dialect="duckdb")
    except (SqlglotError, RecursionError):
        return ViewDraft(view=item.name, file=file, reason="uses what the lake's SQL does not have")
    sql = _MARK.sub(lambda match: references[int(match[2])], sql)
    if columns:
        names = ", ".join(f'"{name}"' for name in columns)
        sql = f"with legacy_view ({names}) as (\n{sql}\n)\n\nselect * from legacy_view"
    return ViewDraft(view=item.name, file=file, sql=_header(catalog, item, called) + sql + "\n")


def _named_columns(statement: exp.Expr) -> list[str]:
    """Return the column names that a view gives itself, as in create view v (a, b) as …."""
    if isinstance(statement, exp.Create) and isinstance(statement.this, exp.Schema):
        return [column.name for column in statement.this.expressions]
    return []


def _header(catalog: Catalog, item: CodeItem, called: set[str]) -> str:
    functions = f"-- functions to look at: {', '.join(sorted(called))}\n" if called else ""
    return (
        "-- DRAFT 草稿: translated from a legacy view, neither read nor tested by anybody; not a model yet.\n"
        f"-- view {item.name} of {catalog.engine}, definition sha256 {item.sha256[:16]}\n{functions}\n"
    )


def _replace_tables(
    catalog: Catalog, schema: str, query: exp.Query, files: dict[str, str], references: list[str]
) -> set[str]:
    """Put marks in place of tables and views, and return the names of those that the catalog does not have."""
    tables = {(table.schema.lower(), table.name.lower()): target_name(catalog, table) for table in catalog.tables}
    views = {
        (view.schema.lower(), view.name.lower()): files[qualified(catalog, view.schema, view.name)]
        for view in catalog.views
    }
    within = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
    unknown = set()
    for table in list(query.find_all(exp.Table)):
        name = table.name.lower()
        if (not table.db and name in within) or not isinstance(table.this, exp.Identifier):
            continue
        places = [(part.lower(), name) for part in ((table.db,) if table.db else (schema, catalog.default_schema))]
        found = next((place for place in places if place in tables or place in views), None)
        if found is None:
            unknown.add(table.name)
            continue
        what = "source" if found in tables else "ref"
        jinja = (
            f"{{{{ source('legacy', '{tables[found]}') }}}}" if what == "source" else f"{{{{ ref('{views[found]}') }}}}"
        )
        mark = exp.to_identifier(f"radlake_{what}_{len(references)}_")
        references.append(jinja)
        alias = table.alias or table.name
        table.set("this", mark)
        table.set("db", None)
        table.set("catalog", None)
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    for column in query.find_all(exp.Column):
        column.set("db", None)
        column.set("catalog", None)
    return unknown
