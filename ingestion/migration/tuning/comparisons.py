"""Comparisons as the source makes them: days with texts, texts with numbers, texts without regard to case."""

import re
from datetime import date, datetime

from sqlglot import exp

_PAIRS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_MOMENT = re.compile(
    r"\s*(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(\.\d{1,6})?)?)?\s*"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2}))?")
_LEADING_NUMBER = re.compile(r"\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)")
_INSTANTS = (exp.DType.TIMESTAMP, exp.DType.DATETIME, exp.DType.TIMESTAMPNTZ)


def is_compared_with_text(column: exp.Column, engine: str) -> bool:
    """Tell whether a column is compared with literals in ISO form, or by LIKE, and with nothing else."""
    parent = column.parent
    if isinstance(parent, exp.Like | exp.ILike):
        return True
    if isinstance(parent, exp.Between):
        others = [parent.args["low"], parent.args["high"]]
    elif isinstance(parent, exp.In):
        others = list(parent.expressions)
    elif isinstance(parent, _PAIRS):
        others = [parent.expression if parent.this is column else parent.this]
    else:
        return False
    return bool(others) and all(
        isinstance(other, exp.Literal)
        and other.is_string
        and (engine == "sqlite" or re.match(r"\d{4}-\d\d-\d\d", other.name))
        for other in others
    )


def adjust(node: exp.Expr, engine: str, *, is_caseless: bool) -> None:
    """Rewrite one comparison in place; other nodes stay as they are."""
    if isinstance(node, exp.Between):
        if _is_moment(node.this) and engine == "sqlite":
            for part in _split(node):
                _adjust_pair(part, engine, is_caseless=is_caseless)
            return
        for name in ("low", "high"):
            _adjust_value(node, node.this, node.args[name], engine)
    elif isinstance(node, exp.In) and node.expressions:
        for value in list(node.expressions):
            _adjust_value(node, node.this, value, engine)
        if is_caseless:
            _compare_exactly(node.this, list(node.expressions))
    elif isinstance(node, _PAIRS):
        _adjust_pair(node, engine, is_caseless=is_caseless)
    elif isinstance(node, exp.Like) and (is_caseless or engine == "sqlite"):
        node.replace(_escaped(exp.ILike(this=node.this.copy(), expression=node.expression.copy()), engine))
    elif isinstance(node, exp.Like | exp.ILike) and not isinstance(node.parent, exp.Escape):
        escaped = _escaped(node, engine)
        if escaped is not node:
            node.replace(escaped)
    elif isinstance(node, exp.Count) and is_caseless and isinstance(node.this, exp.Distinct):
        # DuckDB counts distinct values with regard to case, whatever the collation
        for value in list(node.this.expressions):
            if _is_text(value):
                value.replace(exp.Lower(this=value.copy()))


def _escaped(node: exp.Expr, engine: str) -> exp.Expr:
    """Return a LIKE with the escape character that the engine has without being told."""
    pattern = node.expression
    if engine in ("mysql", "postgresql") and isinstance(pattern, exp.Literal) and "\\" in pattern.name:
        return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))
    return node


def _split(node: exp.Between) -> tuple[exp.Expr, exp.Expr]:
    """Put two comparisons in place of BETWEEN and return them."""
    low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
    high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
    for part in (low, high):
        part.this.type = node.this.type
    node.replace(exp.Paren(this=exp.And(this=low, expression=high)))
    return low, high


def _adjust_pair(node: exp.Expr, engine: str, *, is_caseless: bool) -> None:
    left, right = node.this, node.expression
    if isinstance(left, exp.Literal) and not isinstance(right, exp.Literal):
        _adjust_value(node, right, left, engine)
    else:
        _adjust_value(node, left, right, engine)
    if is_caseless and isinstance(node, exp.EQ | exp.NullSafeEQ):
        for value, other in ((node.this, node.expression), (node.expression, node.this)):
            _compare_exactly(value, [other])


def _adjust_value(node: exp.Expr, value: exp.Expr, other: exp.Expr, engine: str) -> None:
    """Make `other` what the engine would compare `value` with."""
    if _is_moment(value) and isinstance(other, exp.Literal) and other.is_string:
        _adjust_moment(node, value, other, engine)
    elif engine in ("mysql", "sqlite"):
        for text, number in ((value, other), (other, value)):
            if _is_text(text) and _is_number(number):
                _adjust_number(text, number, engine)
                return


def _adjust_number(text: exp.Expr, number: exp.Expr, engine: str) -> None:
    if isinstance(text, exp.Literal):
        # a literal beside a column of numbers
        found = _LEADING_NUMBER.match(text.name)
        if found is None or found[0].strip() != text.name.strip():
            if engine == "mysql":
                text.replace(exp.Literal.number(found[1] if found else "0"))
            else:
                # no number is ever equal to, or more than, a text
                number.replace(_cast(number, "varchar"))
        return
    if engine == "sqlite" and isinstance(number, exp.Literal) and isinstance(text, exp.Column):
        number.replace(exp.Literal.string(number.name))
        return
    text.replace(_cast(text, "double"))


def _adjust_moment(node: exp.Expr, value: exp.Expr, other: exp.Expr, engine: str) -> None:
    parsed = parse_moment(other.name)
    assert value.type is not None
    is_instant = value.type.is_type(*_INSTANTS)
    if parsed is None:
        if engine != "postgresql":
            # such as '2020-02', which these engines compare as text
            value.replace(_cast(value, "varchar"))
        return
    text, is_day = parsed
    if engine == "sqlite":
        is_same_form = other.name == text and (is_day != is_instant)
        if not is_same_form and not _is_loosened(node, value, other, is_day and is_instant and other.name == text):
            value.replace(_cast(value, "varchar"))
            return
    if is_instant or value.type.is_type(exp.DType.DATE):
        kind = "date" if is_day and not is_instant else "timestamp"
        other.replace(_cast(exp.Literal.string(text), kind))
    else:
        other.replace(exp.Literal.string(text))


def _is_loosened(node: exp.Expr, value: exp.Expr, other: exp.Expr, is_possible: bool) -> bool:
    """Let an instant be compared with a day as SQLite does it by text: midnight is later than its day."""
    if not is_possible or node.this is not value:
        return False
    if isinstance(node, exp.GT | exp.LTE):
        node.replace((exp.GTE if isinstance(node, exp.GT) else exp.LT)(this=value, expression=other))
        return True
    return isinstance(node, exp.GTE | exp.LT)


def parse_moment(text: str) -> tuple[str, bool] | None:
    """Return a day or an instant in ISO form, and whether it is a day; None when it is neither."""
    match = _MOMENT.fullmatch(text) or _COMPACT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, *rest = (*match.groups(), None)
    try:
        if hour is None:
            return date(int(year), int(month), int(day)).isoformat(), True
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    return moment.isoformat(sep=" ") + (rest[0] or "" if rest else ""), False


def _compare_exactly(value: exp.Expr, others: list[exp.Expr]) -> None:
    """Compare a text column with literals without case byte by byte, so that the lake skips what cannot match."""
    if isinstance(value, exp.Column) and _is_text(value) and all(_has_no_case(other) for other in others):
        value.replace(exp.Collate(this=value.copy(), expression=exp.Var(this="c")))


def _has_no_case(node: exp.Expr) -> bool:
    # an accent counts as case: collations that ignore case mostly ignore it too
    return (
        isinstance(node, exp.Literal)
        and node.is_string
        and not any(
            letter.isalpha() and (letter.lower() != letter.upper() or ord(letter) < 0x2E80) for letter in node.name
        )
    )


def _cast(node: exp.Expr, kind: str) -> exp.Expr:
    target = exp.DataType.build(kind, dialect="duckdb")
    cast = (exp.TryCast if kind == "double" else exp.Cast)(this=node.copy(), to=target)
    cast.type = target.copy()
    return cast


def _is_moment(node: exp.Expr | None) -> bool:
    return (
        isinstance(node, exp.Column | exp.TryCast)
        and node.type is not None
        and node.type.is_type(exp.DType.DATE, exp.DType.TIMESTAMPTZ, *_INSTANTS)
    )


def _is_text(node: exp.Expr | None) -> bool:
    return node is not None and node.type is not None and node.type.is_type(*exp.DataType.TEXT_TYPES)


def _is_number(node: exp.Expr | None) -> bool:
    return node is not None and node.type is not None and node.type.is_type(*exp.DataType.NUMERIC_TYPES)
