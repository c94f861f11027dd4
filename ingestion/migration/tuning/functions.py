"""Functions of the engines that the lake lacks or understands differently: rewritten, or macros of a session."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ingestion.migration.tuning.statements import split_statements
from lakehouse.errors import SettingsError

_MACROS = {
    "mysql": {
        "adddate(d, n)": "cast(d as timestamp) + to_days(cast(n as integer))",
        "subdate(d, n)": "cast(d as timestamp) - to_days(cast(n as integer))",
        "conv(n, a, b)": "case when a = 10 and b = 16 then upper(to_base(cast(n as bigint), 16)) "
        "when a = 10 and b = 2 then to_base(cast(n as bigint), 2) end",
        "find_in_set(x, l)": "case when x is null or l is null then null "
        "else coalesce(list_position(string_split(l, ','), cast(x as varchar)), 0) end",
        "inet_aton(a)": "list_reduce([cast(x as bigint) for x in string_split(a, '.')], lambda x, y: x * 256 + y)",
        "lcase(a)": "lower(a)",
        "makedate(y, n)": "make_date(y, 1, 1) + cast(n - 1 as integer)",
        "mid(a, b, c)": "substring(a, b, c)",
        "period_diff(a, b)": "(a // 100 - b // 100) * 12 + (a % 100 - b % 100)",
        "sha(a)": "sha1(a)",
        "strcmp(a, b)": "case when a = b then 0 when a < b then -1 when a > b then 1 end",
        "substring_index(s, d, n)": "case when n > 0 then array_to_string(string_split(s, d)[1:n], d) "
        "when n < 0 then array_to_string(string_split(s, d)[n:], d) when s is not null then '' end",
        "time_to_sec(t)": "date_part('epoch', cast(t as time))",
        "to_seconds(d)": "(date_diff('day', date '0001-01-01', cast(d as date)) + 366) * 86400 "
        "+ date_part('epoch', cast(cast(d as timestamp) as time))",
        "ucase(a)": "upper(a)",
        "unix_timestamp(d)": "cast(floor(epoch(cast(d as timestamp))) as bigint)",
    },
    "postgresql": {
        "btrim(a)": "trim(a)",
        "every(a)": "bool_and(a)",
    },
    "sqlite": {
        "datetime(d)": "strftime(try_cast(d as timestamp), '%Y-%m-%d %H:%M:%S')",
        "julianday(d)": "(epoch_ms(try_cast(d as timestamp)) + 210866760000000) / 86400000.0",
        "time(d)": "strftime(try_cast(d as timestamp), '%H:%M:%S')",
        "total(a)": "coalesce(sum(cast(a as double)), 0.0)",
        "unixepoch(d)": "cast(epoch(try_cast(d as timestamp)) as bigint)",
        "quote(a)": "'''' || replace(a, '''', '''''') || ''''",
    },
}
_MACRO = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:macro|function)\s+(?P<name>\w+)\s*"
    r"\((?P<parameters>[\w\s,]*)\)\s*as\s+(?P<body>.+)",
    re.IGNORECASE | re.DOTALL,
)
_NOW = ("now", "sysdate", "localtime", "localtimestamp", "current_timestamp")
_SHIFT = re.compile(r"([+-]?\d+)\s*(second|minute|hour|day|month|year)s?", re.IGNORECASE)
_START = re.compile(r"start of (day|month|year)", re.IGNORECASE)


def macro_names(engine: str) -> set[str]:
    """Return the names of the functions that `macro_statements` makes."""
    return {signature.partition("(")[0] for signature in _MACROS.get(engine, {})}


def macro_statements(engine: str) -> list[str]:
    """Return the statements that give a session of the lake the functions of an engine."""
    return [
        f"create or replace temp macro {signature} as {body}"
        for signature, body in sorted(_MACROS.get(engine, {}).items())
    ]


@dataclass(frozen=True, kw_only=True)
class Macro:
    """An expression of the lake that stands for a function of the legacy database."""

    parameters: tuple[str, ...]
    body: exp.Expr

    def call(self, arguments: Sequence[exp.Expr]) -> exp.Expr:
        """Return the expression for a call; ValueError when the number of arguments is another."""
        if len(arguments) != len(self.parameters):
            raise ValueError("another number of arguments")
        values = dict(zip(self.parameters, arguments, strict=True))

        def fill(node: exp.Expr) -> exp.Expr:
            is_parameter = isinstance(node, exp.Column) and not node.table and node.name.lower() in values
            return values[node.name.lower()].copy() if is_parameter else node

        filled = self.body.copy().transform(fill)
        return filled if isinstance(filled, exp.Func) else exp.Paren(this=filled)


def read_macros(path: Path) -> dict[str, Macro]:
    """Read the macros that stand for functions of the legacy database, each `create macro name(…) as …`.

    They are written into the queries that call them. Raises SettingsError for anything else in the file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} cannot be read as UTF-8 text ({type(error).__name__})") from error
    macros = {}
    for _, statement in split_statements(text, "postgresql"):
        match = _MACRO.match(statement)
        try:
            if match is None:
                raise ValueError
            body = sqlglot.parse_one(match["body"], dialect="duckdb")
        except (SqlglotError, ValueError):
            raise SettingsError(
                f"{path.name} may only hold statements `create macro name(...) as expression`"
            ) from None
        parameters = tuple(part.strip().lower() for part in match["parameters"].split(",") if part.strip())
        macros[match["name"].lower()] = Macro(parameters=parameters, body=body)
    return macros


def rewrite(node: exp.Expr, engine: str) -> None:
    """Rewrite one call in place; other nodes stay as they are."""
    if isinstance(node, exp.Length) and node.this.type is not None and node.this.type.is_type(exp.DType.VARBINARY):
        node.replace(_call("octet_length", node.this.copy(), kind="bigint"))
    elif engine == "mysql":
        _rewrite_mysql(node)
    elif engine == "postgresql":
        _rewrite_postgresql(node)
    elif engine == "sqlite":
        _rewrite_sqlite(node)


def _call(name: str, *arguments: exp.Expr, kind: str | None = None) -> exp.Expr:
    call = exp.Anonymous(this=name, expressions=list(arguments))
    if kind:
        call.type = exp.DataType.build(kind)
    return call


def _rewrite_mysql(node: exp.Expr) -> None:
    if isinstance(node, exp.TimestampDiff):
        # whole units that have passed, not borders between units
        parts = [exp.cast(part.copy(), "timestamp") for part in (node.expression, node.this)]
        node.replace(_call("date_sub", exp.Literal.string(node.text("unit").lower()), *parts, kind="bigint"))
    elif isinstance(node, exp.CurrentTimestamp) or (isinstance(node, exp.Anonymous) and node.name.lower() in _NOW):
        node.replace(_call("current_localtimestamp", kind="timestamp"))
    elif isinstance(node, exp.Length) and node.args.get("binary"):
        # bytes, and the lake's length() counts characters
        text = exp.cast(node.this.copy(), "varchar")
        node.replace(_call("strlen", text, kind="bigint"))
    elif isinstance(node, exp.DateDiff) and node.args.get("unit") is None:
        for argument in (node.this, node.expression):
            if not isinstance(argument, exp.TsOrDsToDate):
                argument.replace(exp.TsOrDsToDate(this=argument.copy()))
    elif isinstance(node, exp.DateAdd | exp.DateSub) and isinstance(node.this, exp.Literal):
        node.this.replace(exp.cast(node.this.copy(), "timestamp"))
    elif isinstance(node, exp.DayOfWeek):
        # Sunday is 1, and 0 in the lake
        node.replace(exp.Paren(this=exp.Add(this=_call("dayofweek", _day(node)), expression=exp.Literal.number(1))))
    elif isinstance(node, exp.Week) and node.args.get("mode") is None:
        node.replace(exp.cast(_call("strftime", _day(node), exp.Literal.string("%U")), "integer"))
    elif isinstance(node, exp.Time):
        node.replace(exp.cast(exp.cast(node.this.copy(), "timestamp"), "time"))
    elif isinstance(node, exp.UnixToTime):
        seconds = exp.cast(_call("to_timestamp", node.this.copy()), "timestamp")
        node.replace(seconds)
    elif isinstance(node, exp.Anonymous):
        _rewrite_mysql_call(node)


def _day(node: exp.Expr) -> exp.Expr:
    value = node.this.this if isinstance(node.this, exp.TsOrDsToDate) else node.this
    return exp.TryCast(this=value.copy(), to=exp.DataType.build("timestamp"))


def _rewrite_postgresql(node: exp.Expr) -> None:
    if isinstance(node, exp.Encode) and isinstance(node.args.get("charset"), exp.Literal):
        form = node.args["charset"].name.lower()
        if form == "hex":
            node.replace(exp.Lower(this=_call("hex", node.this.copy())))
        elif form == "base64":
            node.replace(_call("to_base64", node.this.copy()))
    elif isinstance(node, exp.Anonymous) and node.name.lower() == "octet_length" and len(node.expressions) == 1:
        kind = node.expressions[0].type
        if kind is not None and kind.is_type(*exp.DataType.TEXT_TYPES):
            node.set("this", "strlen")


def _rewrite_mysql_call(node: exp.Anonymous) -> None:
    """Rewrite calls with any number of arguments, which no macro can take."""
    name, arguments = node.name.lower(), [argument.copy() for argument in node.expressions]
    if name == "field" and arguments:
        position = _call("list_position", exp.Array(expressions=arguments[1:]), arguments[0])
        node.replace(exp.Coalesce(this=position, expressions=[exp.Literal.number(0)]))
    elif name == "elt" and len(arguments) > 1:
        node.replace(_call("list_extract", exp.Array(expressions=arguments[1:]), arguments[0]))
    elif name == "weekday" and len(arguments) == 1:
        # Monday is 0, and 1 in the lake
        day = _call("isodow", exp.TryCast(this=arguments[0], to=exp.DataType.build("timestamp")))
        node.replace(exp.Paren(this=exp.Sub(this=day, expression=exp.Literal.number(1))))
    elif name == "unix_timestamp" and not arguments:
        node.replace(exp.cast(_call("epoch", _call("current_localtimestamp")), "bigint"))


def _rewrite_sqlite(node: exp.Expr) -> None:
    if isinstance(node, exp.CurrentTimestamp):
        node.replace(_moment("datetime", [exp.Literal.string("now")]) or node.copy())
        return
    if isinstance(node, exp.Date):
        arguments = [node.this, *node.expressions]
        found = _moment("date", [argument.copy() for argument in arguments if argument is not None])
    elif isinstance(node, exp.TimeToStr) and isinstance(node.this, exp.TsOrDsToTimestamp):
        found = _formatted(node.args["format"], [node.this.this.copy()])
    elif isinstance(node, exp.Anonymous) and node.name.lower() in ("date", "datetime", "time", "julianday", "strftime"):
        arguments = [argument.copy() for argument in node.expressions]
        if node.name.lower() == "strftime":
            found = _formatted(arguments[0], arguments[1:]) if arguments else None
        else:
            found = _moment(node.name.lower(), arguments)
    else:
        return
    if found is not None:
        node.replace(found)


_FORMS = {"date": "%Y-%m-%d", "datetime": "%Y-%m-%d %H:%M:%S", "time": "%H:%M:%S"}


def _moment(function: str, arguments: list[exp.Expr]) -> exp.Expr | None:
    """Return SQLite's date(), datetime(), time() or julianday() with its modifiers; None when one is unknown."""
    moment = _shifted(arguments)
    if moment is None:
        return None
    if function == "julianday":
        return _call("julianday", moment, kind="double")
    return _call("strftime", moment, exp.Literal.string(_FORMS[function]), kind="varchar")


def _formatted(form: exp.Expr, arguments: list[exp.Expr]) -> exp.Expr | None:
    """Return SQLite's strftime(); None for a form of its own."""
    moment = _shifted(arguments)
    if moment is None or not isinstance(form, exp.Literal):
        return None
    if form.name == "%s":
        return exp.cast(exp.cast(_call("epoch", moment), "bigint"), "varchar")
    if re.search(r"%[^YmdHMSjw%]", form.name):
        return None
    return _call("strftime", moment, form.copy(), kind="varchar")


def _shifted(arguments: list[exp.Expr]) -> exp.Expr | None:
    """Return the instant that a value and SQLite's modifiers give."""
    if not arguments:
        return None
    first = arguments[0]
    if isinstance(first, exp.Literal) and first.name.lower() == "now":
        moment: exp.Expr = _call("current_localtimestamp")
    else:
        moment = exp.TryCast(this=first, to=exp.DataType.build("timestamp"))
    for argument in arguments[1:]:
        if not isinstance(argument, exp.Literal):
            return None
        text = argument.name.strip()
        if text.lower() in ("utc", "localtime"):
            # both sides run in UTC
            continue
        if (start := _START.fullmatch(text)) is not None:
            moment = exp.cast(_call("date_trunc", exp.Literal.string(start[1].lower()), moment), "timestamp")
        elif (shift := _SHIFT.fullmatch(text)) is not None:
            moment = _moved(moment, int(shift[1]), shift[2].lower())
        else:
            return None
    return moment


def _moved(moment: exp.Expr, count: int, unit: str) -> exp.Expr:
    """Return an instant some units later; the day after a month too short for it is in the next month."""
    distance = _call(f"to_{unit}s", exp.cast(exp.Literal.number(count), "bigint"))
    if unit not in ("month", "year"):
        return exp.Paren(this=exp.Add(this=moment, expression=distance))
    first = _call("date_trunc", exp.Literal.string("month"), moment.copy())
    rest = exp.Paren(this=exp.Sub(this=moment, expression=first.copy()))
    return exp.Paren(this=exp.Add(this=exp.Add(this=first, expression=distance), expression=rest))
