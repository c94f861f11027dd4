"""Columns that stand beside GROUP BY without being in it, which MySQL, SQLite and, for keys, PostgreSQL allow."""

from sqlglot import exp


def name_bare_columns(select: exp.Select, engine: str, aggregates: frozenset[str]) -> None:
    """Put `first()` around columns that are neither grouped nor aggregated: the group decides them, or any will do."""
    group = select.args.get("group")
    if group is None:
        if engine in ("mysql", "sqlite") and _is_one_group(select):
            _pick(select, set(), aggregates, engine)
        return
    if any(not rollup.expressions for rollup in group.find_all(exp.Rollup)):
        # GROUP BY a WITH ROLLUP of MySQL
        group.set("rollup", [exp.Rollup(expressions=group.expressions)])
        group.set("expressions", [])
    if not group.expressions or group.find(exp.GroupingSets, exp.Cube, exp.Rollup):
        return
    aliases = {item.alias.lower(): item.this for item in select.expressions if isinstance(item, exp.Alias)}
    keys: set[str] = set()
    for key in group.expressions:
        if isinstance(key, exp.Literal) and not key.is_string and int(key.name) <= len(select.expressions):
            key = select.expressions[int(key.name) - 1].unalias()
        elif isinstance(key, exp.Column) and not key.table and key.name.lower() in aliases:
            keys.add(_text(key))
            key = aliases[key.name.lower()]
        keys.add(_text(key))
    _pick(select, keys, aggregates, engine)


def _is_one_group(select: exp.Select) -> bool:
    """Tell whether a query without GROUP BY aggregates all its rows."""
    return any(
        not isinstance(node.parent, exp.Window) and node.find_ancestor(exp.Select) is select
        for place in select.expressions
        for node in place.find_all(exp.AggFunc)
    )


def _pick(select: exp.Select, keys: set[str], aggregates: frozenset[str], engine: str) -> None:
    aliases = {item.alias.lower() for item in select.expressions if isinstance(item, exp.Alias)}
    names = {key.split(".")[-1] for key in keys}
    extreme = _only_extreme(select) if engine == "sqlite" else None
    order = select.args.get("order")
    having = select.args.get("having")
    places = [*select.expressions, *([having.this] if having else []), *(order.expressions if order else [])]
    for place in places:
        own = set() if place in select.expressions else aliases
        for column in list(place.find_all(exp.Column)):
            if _is_bare(column, select, keys, names, own, aggregates):
                column.replace(_any_of(column, extreme))
    for item in select.expressions:
        if isinstance(item, exp.Anonymous) and item.name in PICKING and isinstance(item.expressions[0], exp.Column):
            item.replace(exp.alias_(item.copy(), item.expressions[0].name, quoted=True))


def drop_null_order(select: exp.Select) -> None:
    """Drop ORDER BY NULL, by which MySQL is told to leave a group unordered."""
    order = select.args.get("order")
    if order is not None and all(isinstance(item.this, exp.Null) for item in order.expressions):
        select.set("order", None)


PICKING = ("first", "arg_max_null", "arg_min_null")


def _only_extreme(select: exp.Select) -> exp.Expr | None:
    """Return the one min() or max() of a query: SQLite takes the other columns from the row where it was found."""
    found = [item for place in select.expressions for item in place.find_all(exp.Max, exp.Min)]
    return found[0] if len(found) == 1 else None


def _any_of(column: exp.Expr, extreme: exp.Expr | None) -> exp.Expr:
    if extreme is None:
        return exp.Anonymous(this="first", expressions=[column.copy()])
    name = "arg_max_null" if isinstance(extreme, exp.Max) else "arg_min_null"
    return exp.Anonymous(this=name, expressions=[column.copy(), extreme.this.copy()])


def _is_bare(
    column: exp.Column,
    select: exp.Select,
    keys: set[str],
    names: set[str],
    aliases: set[str],
    aggregates: frozenset[str],
) -> bool:
    if isinstance(column.this, exp.Star) or (not column.table and column.name.lower() in aliases):
        return False
    node: exp.Expr | None = column
    while node is not None and node is not select:
        text = _text(node)
        if text in keys or (
            isinstance(node, exp.Column)
            and (not node.table or node is column)
            and text.split(".")[-1] in names
            and not any("." in key and "." in text for key in keys)
        ):
            return False
        if isinstance(
            node, exp.AggFunc | exp.Filter | exp.WithinGroup | exp.Window | exp.Subquery | exp.Exists | exp.Query
        ):
            return False
        if isinstance(node, exp.Anonymous) and node.name.lower() in aggregates:
            return False
        node = node.parent
    return True


def _text(node: exp.Expr) -> str:
    return node.sql(dialect="duckdb", comments=False).lower().replace('"', "")
