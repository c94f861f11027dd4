"""Follows every column of a query to the column of the legacy table it comes from, through views and subqueries.

A table that stands in the plan is marked in the tree (`PLAN`); names are matched by the engine's rule of case.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from ingestion.migration.plan import ColumnPlan, TablePlan

PLAN = "radlake_plan"
"""Key in `meta` of a table of the tree: its TablePlan."""

Found = tuple[TablePlan, ColumnPlan] | exp.Expr | None
"""A legacy column, an expression of a subquery, or nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnUse:
    """A legacy column that a query filters, joins or groups by."""

    target: str
    column: str
    """Name in the lake."""
    role: str
    """equal, range, join or group."""


class Lineage:
    """The scopes of one query, innermost first."""

    def __init__(self, query: exp.Expr, engine: str) -> None:
        self._engine = engine
        self.scopes: list[Scope] = list(traverse_scope(query))

    def columns(self, scope: Scope) -> Iterator[tuple[exp.Column, Found]]:
        """Yield the columns that stand in a scope itself, each with what it comes from."""
        for column in scope.columns:
            yield column, self.find(scope, column)

    def find(self, scope: Scope, column: exp.Column) -> Found:
        """Return what a column of a scope comes from."""
        wanted = column.this
        if not isinstance(wanted, exp.Identifier):
            return None
        if column.table:
            source = next(
                (source for name, source in scope.sources.items() if name.lower() == column.table.lower()), None
            )
            return self._output(source, wanted) if source is not None else None
        inner = [source for _, source in scope.selected_sources.values()]
        outer = [source for source in scope.sources.values() if not any(source is other for other in inner)]
        for group in (inner, outer):
            for source in group:
                found = self._output(source, wanted)
                if found is not None:
                    return found
        return None

    def _output(self, source: exp.Expr | Scope, wanted: exp.Identifier) -> Found:
        if isinstance(source, Scope):
            return self._projection(source, wanted)
        plan = source.meta.get(PLAN)
        if plan is None:
            return None
        column = next((column for column in plan.columns if self._is_column(column.name, wanted)), None)
        return (plan, column) if column is not None else None

    def _projection(self, scope: Scope, wanted: exp.Identifier) -> Found:
        expression = scope.expression
        names = _alias_columns(expression)
        selects = expression.selects if isinstance(expression, exp.Query) else []
        if names and wanted.name.lower() in names and len(names) == len(selects):
            return self._origin(scope, selects[names.index(wanted.name.lower())])
        for select in selects:
            if select.is_star:
                found = self._through_star(scope, select, wanted)
                if found is not None:
                    return found
            elif self._is_same(select.alias_or_name, wanted):
                return self._origin(scope, select)
        return None

    def _origin(self, scope: Scope, select: exp.Expr) -> Found:
        inner = select.unalias()
        if isinstance(inner, exp.Column):
            found = self.find(_leftmost(scope), inner)
            if found is not None:
                return found
        return inner

    def _through_star(self, scope: Scope, star: exp.Expr, wanted: exp.Identifier) -> Found:
        scope = _leftmost(scope)
        table = star.table if isinstance(star, exp.Column) else ""
        for name, (_, source) in scope.selected_sources.items():
            if table and name.lower() != table.lower():
                continue
            found = self._output(source, wanted)
            if found is not None:
                return found
        return None

    def _is_column(self, name: str, wanted: exp.Identifier) -> bool:
        if self._engine == "postgresql":
            return name == (wanted.name if wanted.quoted else wanted.name.lower())
        return name.lower() == wanted.name.lower()

    def _is_same(self, alias: str, wanted: exp.Identifier) -> bool:
        if self._engine == "postgresql" and wanted.quoted:
            return alias == wanted.name
        return alias.lower() == wanted.name.lower()


def _leftmost(scope: Scope) -> Scope:
    """Return the first part of a union, which gives it its names."""
    while scope.set_operation_scopes:
        scope = scope.set_operation_scopes[0]
    return scope


def _alias_columns(expression: exp.Expr) -> list[str]:
    parent = expression.parent
    if isinstance(parent, exp.Subquery | exp.CTE):
        return [name.lower() for name in parent.alias_column_names]
    return []


_COMPARISONS: Mapping[type[exp.Expr], str] = {
    exp.EQ: "equal", exp.In: "equal", exp.NullSafeEQ: "equal", exp.Is: "equal", exp.GT: "range", exp.GTE: "range",
    exp.LT: "range", exp.LTE: "range", exp.Between: "range", exp.Like: "range",
}  # fmt: skip


def column_uses(lineage: Lineage) -> tuple[ColumnUse, ...]:
    """Return the legacy columns by which a query filters, joins or groups, each once per role."""
    uses: dict[ColumnUse, None] = {}
    for scope in lineage.scopes:
        for column, found in lineage.columns(scope):
            if not isinstance(found, tuple):
                continue
            role = _role(column)
            if role:
                uses[ColumnUse(target=found[0].target, column=found[1].target_name, role=role)] = None
    return tuple(sorted(uses, key=lambda use: (use.target, use.column, use.role)))


def _role(column: exp.Column) -> str | None:
    node: exp.Expr = column
    comparison: str | None = None
    while node.parent is not None:
        parent = node.parent
        if comparison is None and type(parent) in _COMPARISONS:
            comparison = _COMPARISONS[type(parent)]
            if comparison == "equal" and isinstance(parent, exp.Binary):
                other = parent.expression if parent.this is node else parent.this
                if isinstance(other, exp.Column):
                    comparison = "join"
        if isinstance(parent, exp.Where | exp.Having):
            return comparison
        if isinstance(parent, exp.Join):
            return comparison or "join"
        if isinstance(parent, exp.Group):
            return "group"
        if isinstance(parent, exp.Select | exp.Order):
            return None
        node = parent
    return None
