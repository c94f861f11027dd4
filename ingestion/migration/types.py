"""Maps every source type to a type of the lake, and gives the texts by which both sides are compared.

For each column there are four pieces of SQL: `wire` reads it in the source's SQL, `convert` turns what arrived into the
target type, and `source_text` and `target_text` give the same text for equal values, computed where the data lies:
whole numbers and decimals as digits, floats by their bits (MySQL: by its own shortest digits), instants in ISO form
with fixed fractions, binary as SHA-256. Text is compared byte for byte.
"""

import re
from dataclasses import replace

from ingestion.migration import foreign_types
from ingestion.migration.catalog import Column
from ingestion.migration.type_rule import TypeRule
from lakehouse.errors import UsageError

NULL_MARK = 30
FIELD_MARK = 31
"""Code points that stand for NULL and between columns in the text of a row; no report or number holds them."""


def _parse(source_type: str) -> tuple[str, tuple[int, ...], bool]:
    """Return a type's name, its numbers in parentheses and whether it is unsigned."""
    text = source_type.lower().strip()
    unsigned = "unsigned" in text or "zerofill" in text
    match = re.match(r"([^(]*)(?:\(([\d\s,]*)\))?(.*)", text)
    assert match is not None
    numbers = tuple(int(part) for part in (match[2] or "").split(",") if part.strip())
    name = re.sub(r"\b(unsigned|zerofill|signed)\b", "", match[1] + " " + match[3])
    return " ".join(name.split()), numbers, unsigned


def text_rule(engine: str, rule: TypeRule, misfits: int) -> TypeRule:
    """Return the rule of a column whose values do not all fit its declared type: it travels as text, losing nothing."""
    wire, source_text, convert = rule.wire, rule.source_text, "{0}"
    if engine == "postgresql":
        wire = source_text = "{0}::text"
    elif engine == "sqlite":
        wire = source_text = _SQLITE_TEXT
        convert = _SQLITE_UTF8
    return TypeRule(
        target_type="varchar",
        wire=wire,
        convert=convert,
        source_text=source_text,
        target_text="{0}",
        note=f"{misfits} values do not fit {rule.target_type}",
    )


def forced_rule(engine: str, rule: TypeRule, wanted: str, misfits: int) -> TypeRule:
    """Return the rule of a column that must have a type: its declared one, or text.

    Rows whose value does not fit are refused by the run, which is the loss that must be allowed. Raises UsageError for
    any other type: raw tables are faithful, conversions belong into staging models.
    """
    if wanted == "varchar":
        return replace(text_rule(engine, rule, misfits), note="text as asked for")
    if wanted != rule.target_type:
        raise UsageError(f"a column can become {rule.target_type}, as it was declared, or varchar, but not {wanted}")
    return replace(rule, lossy=f"{misfits} rows whose value does not fit are refused" if misfits else None)


def rule_for(engine: str, column: Column) -> TypeRule:
    """Return the rule that loses nothing; a type nobody knows travels as text."""
    name, numbers, unsigned = _parse(column.source_type)
    return _RULES[engine](name, numbers, unsigned)


def _decimal(numbers: tuple[int, ...]) -> str | None:
    precision, scale = (*numbers, 0)[:2] if numbers else (0, 0)
    return f"decimal({precision},{scale})" if 0 < precision <= 38 and 0 <= scale <= precision else None


def _same_text(target: str, text: str = "cast({value} as varchar)") -> str:
    """Return a conversion that accepts only what reads back as it came: no rounding, no second spelling of a date."""
    value = f"try_cast({{0}} as {target})"
    return f"case when {text.format(value=value)} = {{0}} then {value} end"


_POSTGRESQL_INTEGERS = {"smallint": "smallint", "integer": "integer", "bigint": "bigint", "oid": "bigint"}
_POSTGRESQL_INSTANTS = {
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}
_DAY_ONE = "date '0001-01-01'"
_FLOAT_BITS = "lower(hex(cast(cast(case when {0} = 0 then 0e0 else cast({0} as double) end as bit) as blob)))"
"""The sign of zero is left out: the lake's files do not keep it."""


def _postgresql(name: str, numbers: tuple[int, ...], _: bool) -> TypeRule:
    if name in _POSTGRESQL_INTEGERS:
        return TypeRule(target_type=_POSTGRESQL_INTEGERS[name], source_text="{0}::text")
    if name == "numeric" and (target := _decimal(numbers)):
        # NaN has no decimal; as text it arrives, and does not fit
        return TypeRule(
            target_type=target,
            wire="{0}::text",
            convert=f"try_cast({{0}} as {target})",
            source_text="{0}::text",
            misfit="{0} = 'NaN'",
        )
    if name in ("real", "double precision"):
        return TypeRule(
            target_type="double",
            wire="{0}::float8",
            source_text="encode(float8send({0}::float8 + 0), 'hex')",
            target_text=_FLOAT_BITS,
        )
    if name == "boolean":
        return TypeRule(target_type="boolean", source_text="{0}::text")
    if name in _POSTGRESQL_INSTANTS:
        target = _POSTGRESQL_INSTANTS[name]
        # neither infinity nor the years before Christ are written alike on both sides
        return TypeRule(
            target_type=target,
            convert=f"case when isfinite({{0}}) and {{0}} >= {_DAY_ONE} then {{0}} end",
            source_text="{0}::text",
            misfit=f"(not isfinite({{0}}) or {{0}} < {_DAY_ONE})",
        )
    if name == "time without time zone":
        return TypeRule(target_type="time", source_text="{0}::text")
    if name == "bytea":
        return TypeRule(
            target_type="blob", source_text="encode(sha256({0}), 'hex')", target_text="sha256({0})", is_lob=True
        )
    # character types, enums, arrays, ranges, json, xml, uuid, inet, money, interval and what extensions add
    return TypeRule(
        target_type="varchar",
        wire="{0}::text",
        source_text="{0}::text",
        target_text="{0}",
        is_lob=name in ("text", "xml"),
    )


_MYSQL_INTEGERS = {
    "tinyint": ("smallint", "smallint"),
    "smallint": ("smallint", "integer"),
    "mediumint": ("integer", "integer"),
    "int": ("integer", "bigint"),
    "integer": ("integer", "bigint"),
    "bigint": ("bigint", "decimal(20,0)"),
    "year": ("smallint", "smallint"),
}
"""Type to its target when signed and when unsigned."""
_MYSQL_BINARY = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")
_MYSQL_SPATIAL = (
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
    "geometrycollection", "geomcollection",
)  # fmt: skip


def _mysql(name: str, numbers: tuple[int, ...], unsigned: bool) -> TypeRule:
    if name in _MYSQL_INTEGERS:
        target = _MYSQL_INTEGERS[name][unsigned]
        # arrives as digits of a number of at most this size
        return TypeRule(target_type=target, convert=f"cast({{0}} as {target})", source_text="{0} + 0")
    if name == "bit":
        # as digits, so that no driver takes one bit for a truth value
        return TypeRule(
            target_type="decimal(20,0)",
            wire="cast({0} + 0 as char)",
            convert="cast({0} as decimal(20,0))",
            source_text="{0} + 0",
        )
    if name in ("decimal", "numeric"):
        target_decimal = _decimal(numbers or (10, 0))
        if target_decimal:
            return TypeRule(target_type=target_decimal, convert=f"cast({{0}} as {target_decimal})")
        return TypeRule(target_type="varchar", target_text="{0}", note="more than 38 digits")
    if name in ("float", "double", "double precision", "real"):
        # `+ 0e0` makes a float tell all its digits; MySQL has no access to the bits
        return TypeRule(
            target_type="double",
            wire="cast({0} + 0e0 as char)",
            convert="cast({0} as double)",
            source_text="{0} + 0e0",
            target_text="mysql_double_text({0})",
        )
    if name in ("date", "datetime", "timestamp"):
        target = {"date": "date", "datetime": "timestamp", "timestamp": "timestamptz"}[name]
        digits = numbers[0] if numbers and name != "date" else 0
        form = "%Y-%m-%d" if name == "date" else "%Y-%m-%d %H:%M:%S" + (".%f" if digits else "")
        length = {"date": 10}.get(name, 19 + (digits + 1 if digits else 0))
        instant = "{0} at time zone 'UTC'" if name == "timestamp" else "{0}"
        convert = "try_cast({0} || '+00' as timestamptz)" if name == "timestamp" else f"try_cast({{0}} as {target})"
        return TypeRule(
            target_type=target,
            convert=convert,
            target_text=f"left(strftime({instant}, '{form}'), {length})",
            # 0000-00-00 and dates without month or day
            misfit="(year({0}) = 0 or month({0}) = 0 or day({0}) = 0)",
        )
    if name in _MYSQL_BINARY:
        return TypeRule(target_type="blob", source_text="sha2({0}, 256)", target_text="sha256({0})", is_lob=True)
    if name in _MYSQL_SPATIAL:
        return TypeRule(
            target_type="varchar",
            wire="hex({0})",
            source_text="hex({0})",
            target_text="{0}",
            note="hex of SRID and WKB",
        )
    # character types, enum, set, json and time, whose range of 838 hours no other engine has
    return TypeRule(
        target_type="varchar",
        source_text="convert({0} using utf8mb4)",
        target_text="{0}",
        is_lob=name.endswith("text"),
    )


def _sqlite(name: str, numbers: tuple[int, ...], _: bool) -> TypeRule:
    """SQLite has types of values, not of columns: the declared type is a wish that the plan checks against the data."""
    kind = _sqlite_kind(name)
    if kind == "blob":
        return TypeRule(
            target_type="blob",
            # the scanner hands over text only
            wire="case when {0} is not null then hex({0}) end",
            convert="unhex({0})",
            source_text="radlake_sha256({0})",
            target_text="sha256({0})",
            is_lob=True,
        )
    if kind == "double":
        return TypeRule(
            target_type="double",
            wire=_SQLITE_REAL,
            convert="try_cast({0} as double)",
            source_text="radlake_bits({0})",
            target_text=_FLOAT_BITS,
            misfit="typeof({0}) not in ('real', 'integer', 'null')",
        )
    decimal = _decimal(numbers) if kind == "decimal" else None
    if decimal:
        scale = (*numbers, 0)[1]
        exact = f"cast(try_cast({{0}} as {decimal}) as double) = try_cast({{0}} as double)"
        return TypeRule(
            target_type=decimal,
            wire=_SQLITE_TEXT,
            convert=f"case when {exact} then try_cast({{0}} as {decimal}) end",
            source_text=f"radlake_decimal({{0}}, {scale})",
            misfit=f"(typeof({{0}}) not in ('real', 'integer', 'null') or round({{0}}, {scale}) <> {{0}} "
            f"or abs({{0}}) >= 1e{numbers[0] - scale})",
        )
    target = {"integer": "bigint", "boolean": "bigint", "date": "date", "datetime": "timestamp"}.get(kind)
    if target:
        return TypeRule(
            target_type=target,
            wire=_SQLITE_TEXT,
            convert=_same_text(target),
            source_text="radlake_text({0})",
            misfit=_SQLITE_MISFITS[target],
        )
    return TypeRule(
        target_type="varchar",
        wire=_SQLITE_TEXT,
        convert=_SQLITE_UTF8,
        source_text=_SQLITE_TEXT,
        target_text="{0}",
        is_lob="text" in name or "clob" in name,
    )


_SQLITE_INSTANT_MISFIT = (
    # without a modifier, strftime lets 30 February pass
    "({{0}} is not null and (typeof({{0}}) <> 'text' or strftime('{form}', {{0}}, '+0 days') is not {{0}} "
    "or {{0}} < '0001'))"
)
_SQLITE_MISFITS = {
    "bigint": "typeof({0}) not in ('integer', 'null')",
    "date": _SQLITE_INSTANT_MISFIT.format(form="%Y-%m-%d"),
    "timestamp": _SQLITE_INSTANT_MISFIT.format(form="%Y-%m-%d %H:%M:%S"),
}
_SQLITE_UTF8 = "try(decode(encode({0})))"
"""Neither SQLite nor its scanner checks text: bytes that are no UTF-8 do not fit."""
_SQLITE_REAL = "case typeof({0}) when 'real' then printf('%!.20g', {0}) else cast({0} as text) end"
"""SQLite writes 15 digits of a float, and its 17 are not exact for large exponents; 20 are."""
_SQLITE_TEXT = (
    "case typeof({0}) when 'real' then case when cast(cast({0} as text) as real) = {0} then cast({0} as text) "
    "else printf('%!.20g', {0}) end else cast({0} as text) end"
)


def _sqlite_kind(name: str) -> str:
    """Return what a declared type means; the order is that of SQLite's own rules of affinity, dates first."""
    if "datetime" in name or "timestamp" in name:
        return "datetime"
    if name == "date":
        return "date"
    if "bool" in name:
        return "boolean"
    if "int" in name:
        return "integer"
    if any(part in name for part in ("char", "clob", "text")):
        return "text"
    if "blob" in name or not name:
        return "blob" if name else "text"
    if any(part in name for part in ("real", "floa", "doub")):
        return "double"
    return "decimal" if any(part in name for part in ("dec", "num")) else "text"


_RULES = {
    "postgresql": _postgresql,
    "mysql": _mysql,
    "sqlite": _sqlite,
    "mssql": foreign_types.mssql,
    "oracle": foreign_types.oracle,
}


def rule_of(source_engine: str, catalog_engine: str, column: Column) -> TypeRule:
    """Return the rule of a column as the source is read: a dump lies in a SQLite file, whatever engine wrote it."""
    if source_engine == "dump":
        return dump_rule(catalog_engine, column)
    return rule_for(source_engine, column)


# without the modifier SQLite takes 30 February for a date
_DUMP_INSTANT_MISFIT = (
    "(datetime(substr({0}, 1, 19), '+0 days') is not substr({0}, 1, 19) or {0} < '0001' or {0} glob '*[A-Za-z]*')"
)
_DUMP_MISFITS = {
    "date": "(date({0}, '+0 days') is not {0} or {0} < '0001')",
    "timestamp": _DUMP_INSTANT_MISFIT,
    "timestamptz": _DUMP_INSTANT_MISFIT,
    "smallint": "typeof({0}) <> 'integer'",
    "integer": "typeof({0}) <> 'integer'",
    "bigint": "typeof({0}) <> 'integer'",
    "blob": "typeof({0}) <> 'blob'",
    "time": "({0} <> '24:00:00' and time(substr({0}, 1, 8)) is not substr({0}, 1, 8))",
    "boolean": "{0} not in ('true', 'false')",
}
"""True for what a dump's column holds and its type does not: what no server would have taken, zero dates, infinity."""


def dump_rule(catalog_engine: str, column: Column) -> TypeRule:
    """Return the rule of a column of a dump, which lies in SQLite as the text its server would show.

    Type and losses are those of the live engine; whole numbers lie as numbers and binary as bytes. The texts of both
    sides are the same, computed by the functions of sqlite_functions.
    """
    rule = rule_for(catalog_engine, column)
    target = rule.target_type
    misfit = _DUMP_MISFITS.get(target)
    if target == "blob":
        return replace(
            rule,
            wire="case when {0} is not null then hex({0}) end",
            convert="unhex({0})",
            source_text="radlake_sha256({0})",
            misfit=f"({{0}} is not null and {misfit})",
        )
    name, _, _ = _parse(column.source_type)
    if catalog_engine == "mysql" and name in _MYSQL_SPATIAL:
        # hex(NULL) is the empty text in SQLite
        shown = "case when {0} is not null then hex({0}) end"
        return replace(rule, wire=shown, source_text=shown)
    if target == "double":
        return replace(
            rule,
            wire="{0}",
            convert="try_cast({0} as double)",
            source_text="radlake_bits({0})",
            target_text=_FLOAT_BITS,
            misfit=None,
        )
    convert = rule.convert
    if target == "timestamptz":
        zone = "" if catalog_engine == "postgresql" else " || '+00'"
        convert = f"try_cast({{0}}{zone} as timestamptz)"
    elif target == "varchar":
        convert = "{0}"
    elif target.startswith("decimal"):
        convert, misfit = f"try_cast({{0}} as {target})", "{0} glob '*[^-0-9.]*'"
    else:
        convert = f"try_cast({{0}} as {target})"
    return replace(
        rule,
        wire="cast({0} as text)",
        convert=convert,
        source_text="cast({0} as text)",
        misfit=f"({{0}} is not null and {misfit})" if misfit else None,
    )
