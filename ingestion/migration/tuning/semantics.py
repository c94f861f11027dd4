"""Rewrites what engines understand differently, so that the lake's answer to a legacy query is the source's answer.

Types first: every column is given the type it has in the lake, and sqlglot follows them, which decides between whole
and exact division. Then the rules: text that the source would have taken for a number or a day, days and numbers that
it would have taken for text (MySQL and SQLite do so without being asked), columns outside GROUP BY, collations without
regard to case, and functions the lake does not have.
"""

from dataclasses import dataclass
from typing import cast

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.scope import Scope

from ingestion.migration.assessment.dialect import kind_of
from ingestion.migration.catalog import Catalog, Column
from ingestion.migration.plan import ColumnPlan, TablePlan
from ingestion.migration.tuning import comparisons, functions, grouping
from ingestion.migration.tuning.answer import Precision
from ingestion.migration.tuning.lineage import PLAN, Found, Lineage

_DIALECTS = {"postgresql": "postgres", "mysql": "mysql", "sqlite": "sqlite", "mssql": "tsql", "oracle": "oracle"}
LENIENT = ("mysql", "sqlite")
"""Engines that turn text into numbers and days into text without being asked."""
_NATURAL = {"integer": "bigint", "decimal": "double", "day": "date", "instant": "timestamp"}
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg)


@dataclass(frozen=True, kw_only=True, slots=True)
class Adjustment:
    """What was found out while a query was adjusted."""

    is_caseless: bool
    joins_in_no_order: bool
    precision: Precision
    hints: tuple[str, ...]
    """What may be the reason if the answers differ."""
    notes: tuple[str, ...]


def adjust(tree: exp.Expr, lineage: Lineage, catalog: Catalog) -> Adjustment:
    """Rewrite a bound tree in place and return what there is to say about it."""
    collations = _collations(lineage, catalog)
    is_caseless = bool(collations) and all(collations)
    notes = []
    aggregates = frozenset(
        {"total", "every", *grouping.PICKING}
        | {item.name.lower() for item in catalog.routines if item.kind == "aggregate"}
    )
    precision = _precision(lineage)
    hints = _hints(lineage, catalog)
    _set_types(lineage, _DIALECTS[catalog.engine])
    _read_text_as_declared(lineage, catalog)
    engine = catalog.engine
    nodes = [node for node in tree.walk() if node is not tree]
    # innermost first, so that a rule sees arguments that are adjusted already
    for node in reversed(nodes):
        if engine in LENIENT:
            _adjust_lenient(node, engine)
        functions.rewrite(node, engine)
    for node in reversed([node for node in tree.walk() if node is not tree]):
        comparisons.adjust(node, engine, is_caseless=is_caseless)
    for select in list(tree.find_all(exp.Select)):
        grouping.drop_null_order(select)
        grouping.name_bare_columns(select, engine, aggregates)
    if is_caseless:
        notes.append("the collations of the source ignore case: compared with collate nocase")
    elif any(collations):
        notes.append("collations with and without regard to case are mixed: compared with regard to case")
    notes += _remarks(tree)
    return Adjustment(
        is_caseless=is_caseless,
        joins_in_no_order=_joins_in_no_order(tree),
        precision=precision,
        hints=hints,
        notes=tuple(notes),
    )


def _collations(lineage: Lineage, catalog: Catalog) -> list[bool]:
    """Return for every text column a query uses whether its comparisons ignore case."""
    answers = []
    for scope in lineage.scopes:
        for _, found in lineage.columns(scope):
            if isinstance(found, tuple) and found[1].target_type == "varchar":
                column = _source_column(catalog, *found)
                if column is not None and kind_of(catalog.engine, column) == "text":
                    collation = (column.collation or "").lower()
                    answers.append(
                        collation.endswith("_ci") or collation == "nocase" or column.source_type.lower() == "citext"
                    )
    return answers


def _precision(lineage: Lineage) -> Precision:
    """Return how exactly answers made of these tables can be compared."""
    types = {
        column.source_type.lower()
        for scope in lineage.scopes
        for source in scope.sources.values()
        if not isinstance(source, Scope) and PLAN in source.meta
        for column in source.meta[PLAN].columns
    }
    is_single = any(kind == "real" or kind.startswith("float") for kind in types)
    is_padded = any(kind.startswith(("character(", "bpchar")) for kind in types)
    return Precision(digits=6 if is_single else 12, ignores_trailing_blanks=is_padded)


def _hints(lineage: Lineage, catalog: Catalog) -> tuple[str, ...]:
    """Return what a person should look at when the answers of a query differ."""
    hints: list[str] = []
    found_columns = [
        found for scope in lineage.scopes for _, found in lineage.columns(scope) if isinstance(found, tuple)
    ]
    as_text = sorted({f"{table.target}.{column.target_name}" for table, column in found_columns if column.misfits})
    if as_text:
        hints.append(f"values against their declared type lie in {', '.join(as_text)}, which travelled as text")
    if catalog.engine == "mysql" and any(column.target_type == "varchar" for _, column in found_columns):
        hints.append("the source ignores trailing blanks when it compares texts, the lake does not")
    if catalog.engine == "postgresql":
        hints.append("a table that others inherit from travels without their rows")
    return tuple(hints)


def _source_column(catalog: Catalog, table: TablePlan, column: ColumnPlan) -> Column | None:
    try:
        columns = catalog.table(table.schema, table.name).columns
    except KeyError:
        return None
    return next((item for item in columns if item.name == column.name), None)


def _set_types(lineage: Lineage, dialect: str) -> None:
    """Give every expression its type, scope by scope from the inside."""
    for scope in lineage.scopes:
        for column, found in lineage.columns(scope):
            kind = _type_of(found)
            if kind is not None:
                column.type = kind
        try:
            annotate_types(scope.expression, dialect=dialect, overwrite_types=False)
        except (SqlglotError, KeyError, AttributeError, TypeError, ValueError):
            # an unknown type only means that fewer rules apply
            continue


def _type_of(found: Found) -> exp.DataType | None:
    if isinstance(found, tuple):
        return exp.DataType.build(found[1].target_type, dialect="duckdb")
    if found is None or found.type is None or found.type.is_type(exp.DType.UNKNOWN):
        return None
    return cast(exp.DataType, found.type.copy())


def _read_text_as_declared(lineage: Lineage, catalog: Catalog) -> None:
    """Cast columns that travelled as text though they were declared as numbers, days or instants, and rename columns.

    A day that is compared with a literal stays text: it is in ISO form on both sides.
    """
    found_columns = [
        (column, found)
        for scope in lineage.scopes
        for column, found in lineage.columns(scope)
        if isinstance(found, tuple)
    ]
    done: set[int] = set()
    for column, (table, planned) in found_columns:
        if id(column) in done:
            continue
        done.add(id(column))
        is_output = isinstance(column.parent, exp.Select)
        if planned.target_name != column.name and planned.target_name != planned.name:
            renamed = exp.to_identifier(planned.target_name, quoted=True)
            alias = exp.to_identifier(column.name, quoted=True)
            column.set("this", renamed)
            if is_output:
                column.replace(exp.Alias(this=column.copy(), alias=alias))
        source = _source_column(catalog, table, planned)
        if planned.target_type != "varchar" or source is None:
            continue
        natural = _NATURAL.get(kind_of(catalog.engine, source))
        if natural == "bigint" and catalog.engine == "sqlite":
            # a column of whole numbers may hold others there
            natural = "double"
        if natural is None or is_output or isinstance(column.parent, exp.Alias | exp.Group | exp.Count | exp.Distinct):
            continue
        if natural in ("date", "timestamp") and comparisons.is_compared_with_text(column, catalog.engine):
            continue
        _wrap(column, natural)


def _wrap(node: exp.Expr, kind: str) -> None:
    """Put a cast around an expression that gives NULL where the value does not fit."""
    target = exp.DataType.build(kind, dialect="duckdb")
    wrapped = exp.TryCast(this=node.copy(), to=target)
    wrapped.type = target.copy()
    wrapped.this.type = node.type
    node.replace(wrapped)


def is_text(node: exp.Expr | None) -> bool:
    """Tell whether an expression is known to be text."""
    return node is not None and node.type is not None and node.type.is_type(*exp.DataType.TEXT_TYPES)


def is_no_text(node: exp.Expr | None) -> bool:
    """Tell whether an expression is known to be a number, a day or an instant."""
    return (
        node is not None
        and node.type is not None
        and node.type.is_type(*exp.DataType.NUMERIC_TYPES, *exp.DataType.TEMPORAL_TYPES)
    )


_TEXT_FUNCTIONS = (
    exp.Substring, exp.Left, exp.Right, exp.Length, exp.Upper, exp.Lower, exp.Trim, exp.StrPosition, exp.Like,
    exp.ILike, exp.RegexpLike, exp.Replace, exp.Pad, exp.Glob, exp.Reverse,
)  # fmt: skip
_DAY_FUNCTIONS = (
    exp.Year, exp.Month, exp.Day, exp.Quarter, exp.Week, exp.DayOfWeek, exp.DayOfYear, exp.DayOfMonth, exp.LastDay,
    exp.Hour, exp.Minute, exp.Second, exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.DateAdd, exp.DateSub, exp.DateDiff,
    exp.TimestampDiff, exp.Date, exp.TimeToStr,
)  # fmt: skip


def _adjust_lenient(node: exp.Expr, engine: str) -> None:
    """Turn values into what MySQL and SQLite would have turned them into."""
    if isinstance(node, _TEXT_FUNCTIONS) and is_no_text(node.this):
        _wrap(node.this, "varchar")
    elif isinstance(node, _DAY_FUNCTIONS):
        for argument in (node.this, node.args.get("expression")):
            if isinstance(argument, exp.Column) and is_text(argument):
                _wrap(argument, "timestamp")
    elif isinstance(node, exp.Extract) and is_text(node.expression):
        _wrap(node.expression, "timestamp")
    elif isinstance(node, _ARITHMETIC):
        _adjust_arithmetic(node)
    elif isinstance(node, exp.Sum | exp.Avg | exp.Stddev | exp.Variance):
        if is_text(node.this):
            _wrap(node.this, "double")
        elif isinstance(node, exp.Avg) and node.this.type is not None and node.this.type.is_type(exp.DType.BOOLEAN):
            _wrap(node.this, "integer")
    elif isinstance(node, exp.Coalesce | exp.Case | exp.If):
        _give_one_type(node)
    elif type(node) is exp.Cast:
        _adjust_cast(node, engine)


def _adjust_cast(node: exp.Cast, engine: str) -> None:
    """Let a cast give NULL where the value does not fit; SQLite cuts numbers off where the lake rounds them."""
    value = node.this
    is_number = is_no_text(value)
    if engine == "sqlite" and node.to.is_type(*exp.DataType.INTEGER_TYPES):
        if not is_number:
            value = exp.TryCast(this=value.copy(), to=exp.DataType.build("double"))
        elif value.type.is_type(*exp.DataType.INTEGER_TYPES):
            return
        node.replace(exp.TryCast(this=exp.Trunc(this=value.copy()), to=exp.DataType.build("bigint")))
    elif not is_number and node.to.is_type(*exp.DataType.NUMERIC_TYPES, *exp.DataType.TEMPORAL_TYPES):
        node.replace(exp.TryCast(this=value.copy(), to=node.to.copy()))


def _adjust_arithmetic(node: exp.Expr) -> None:
    is_interval = isinstance(node.args.get("expression"), exp.Interval)
    for argument in (node.this, node.args.get("expression")):
        if argument is not None and is_text(argument):
            _wrap(argument, "timestamp" if is_interval else "double")
        elif argument is not None and argument.type is not None and argument.type.is_type(exp.DType.BOOLEAN):
            _wrap(argument, "integer")


def _give_one_type(node: exp.Expr) -> None:
    """Make all values of a choice text when one of them is: the lake would try to make numbers of the texts."""
    if isinstance(node, exp.Coalesce):
        values = [node.this, *node.expressions]
    elif isinstance(node, exp.Case):
        values = [branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default")]
    elif isinstance(node.parent, exp.Case):
        return
    else:
        values = [node.args["true"], node.args.get("false")]
    if any(is_text(value) for value in values):
        for value in values:
            if value is not None and is_no_text(value):
                _wrap(value, "varchar")


def _joins_in_no_order(tree: exp.Expr) -> bool:
    """Tell whether texts are joined, or values listed, in no order: what comes first is then anybody's choice."""
    return any(
        node.find(exp.Order) is None and not isinstance(node.parent, exp.WithinGroup)
        for node in tree.find_all(exp.GroupConcat, exp.ArrayAgg)
    )


def _remarks(tree: exp.Expr) -> list[str]:
    remarks = []
    if tree.find(exp.Rand) or any(node.name.lower() in ("rand", "uuid") for node in tree.find_all(exp.Anonymous)):
        remarks.append("asks for chance")
    if any(node.args.get("limit") and not node.args.get("order") for node in tree.find_all(exp.Select)):
        remarks.append("takes the first rows of no order")
    return remarks
