"""Maps the types of SQL Server and Oracle, whose rows are read through their drivers in batches.

Not run here: written from the makers' documentation of conversions and formats. `wire` gives text, or what the driver
makes of a number, a truth value or bytes by itself; a type without a text that says everything travels as text with its
loss told. The four pieces of SQL are those of type_rule.TypeRule.
"""

from ingestion.migration.type_rule import TypeRule

_DAY = "%Y-%m-%d"
_SECOND = "%Y-%m-%d %H:%M:%S"
_FLOAT_BITS = "lower(hex(cast(cast(cast({0} as double) as bit) as blob)))"
_MSSQL_INTEGERS = {"tinyint": "smallint", "smallint": "smallint", "int": "integer", "bigint": "bigint"}
"""A tinyint of SQL Server goes up to 255."""
_MSSQL_MONEY = {"money": "decimal(19,4)", "smallmoney": "decimal(10,4)"}


def _decimal(precision: int, scale: int) -> str | None:
    return f"decimal({precision},{scale})" if 0 < precision <= 38 and 0 <= scale <= precision else None


def _instant(digits: int) -> str:
    """Return SQL of the lake for an instant with so many digits behind the second."""
    form = f"strftime({{0}}, '{_SECOND}.%f')" if digits else f"strftime({{0}}, '{_SECOND}')"
    return f"left({form}, {19 + (digits + 1 if digits else 0)})"


def mssql(name: str, numbers: tuple[int, ...], _: bool) -> TypeRule:
    """Return the rule of a type of SQL Server.

    Styles of CONVERT: 23 and 121 are ISO days and instants, 2 is money with four digits, or hexadecimal without 0x.
    """
    name, is_long = name.removesuffix(" (max)"), name.endswith("(max)")
    if name in _MSSQL_INTEGERS:
        return TypeRule(target_type=_MSSQL_INTEGERS[name], source_text="convert(varchar(20), {0})")
    if name in ("decimal", "numeric"):
        precision, scale = (*numbers, 0)[:2] if numbers else (18, 0)
        # one sign, a nought before the point, the point: 41 characters
        text, target = "convert(varchar(41), {0})", f"decimal({precision},{scale})"
        return TypeRule(target_type=target, wire=text, convert=f"try_cast({{0}} as {target})", source_text=text)
    if name in _MSSQL_MONEY:
        text, target = "convert(varchar(30), {0}, 2)", _MSSQL_MONEY[name]
        return TypeRule(target_type=target, wire=text, convert=f"try_cast({{0}} as {target})", source_text=text)
    if name == "bit":
        text = "case {0} when 1 then 'true' when 0 then 'false' end"
        return TypeRule(target_type="boolean", wire=text, convert="try_cast({0} as boolean)", source_text=text)
    if name in ("float", "real"):
        bits = "lower(convert(varchar(16), convert(binary(8), convert(float, {0})), 2))"
        return TypeRule(target_type="double", wire="convert(float, {0})", source_text=bits, target_text=_FLOAT_BITS)
    if name == "date":
        text = "convert(varchar(10), {0}, 23)"
        return TypeRule(
            target_type="date",
            wire=text,
            convert="try_cast({0} as date)",
            source_text=text,
            target_text=f"strftime({{0}}, '{_DAY}')",
        )
    if name in ("datetime", "smalldatetime", "datetime2"):
        return _mssql_instant(name, numbers)
    if name in ("binary", "varbinary", "image", "rowversion", "timestamp"):
        return TypeRule(
            target_type="blob",
            wire="convert(varbinary(max), {0})",
            # before 2016 HASHBYTES takes 8,000 bytes at most
            source_text="lower(convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), {0})), 2))",
            target_text="sha256({0})",
            is_lob=True,
        )
    note, text = "", "convert(nvarchar(max), {0})"
    if name in ("geometry", "geography"):
        note, text = "hex of the server's own form, with SRID", "convert(varchar(max), convert(varbinary(max), {0}), 2)"
    elif name == "hierarchyid":
        text = "{0}.ToString()"
    elif name == "uniqueidentifier":
        text = "lower(convert(varchar(36), {0}))"
    elif name in ("datetimeoffset", "time"):
        # the offset is part of the value, and 100 nanoseconds are finer than any instant of the lake
        note, text = "all digits and the offset are kept", "convert(varchar(34), {0}, 121)"
    elif name == "sql_variant":
        note = "the type of each value is lost"
    return TypeRule(
        target_type="varchar",
        wire=text,
        source_text=text,
        target_text="{0}",
        is_lob=is_long or name in ("text", "ntext", "xml", "json"),
        note=note,
        lossy=note if name == "sql_variant" else None,
    )


def _mssql_instant(name: str, numbers: tuple[int, ...]) -> TypeRule:
    digits = {"datetime": 3, "smalldatetime": 0}.get(name, numbers[0] if numbers else 7)
    text = "convert(varchar(27), {0}, 121)"
    if name == "smalldatetime":
        # style 121 would add a fraction
        text = "convert(varchar(19), {0}, 120)"
    shown = f"left({text}, 26)" if digits == 7 else text
    return TypeRule(
        target_type="timestamp",
        wire=text,
        convert="try_cast({0} as timestamp)",
        source_text=shown,
        target_text=_instant(min(digits, 6)),
        # the lake's instants end at the microsecond
        misfit="datepart(nanosecond, {0}) % 1000 <> 0" if digits == 7 else None,
    )


_ORACLE_NUMBER = "to_char({0}, 'TM9', 'nls_numeric_characters=''.,''')"
_ORACLE_TEXT = ("char", "varchar2", "nchar", "nvarchar2", "varchar", "long", "clob", "nclob")


def oracle(name: str, numbers: tuple[int, ...], _: bool) -> TypeRule:
    """Return the rule of a type of Oracle; to Oracle an empty text is NULL, and it arrives as NULL."""
    if name.startswith("number"):
        # a scale below nought stays part of the name
        target = _decimal(*(*numbers, 0)[:2]) if numbers else None
        if target is None:
            # up to 40 digits, and a point that floats
            return TypeRule(target_type="varchar", wire=_ORACLE_NUMBER, source_text=_ORACLE_NUMBER, target_text="{0}")
        precision, scale = (*numbers, 0)[:2]
        whole = "9" * (precision - scale - 1) + "0"
        text = f"to_char({{0}}, 'FM{whole}{'.' + '0' * scale if scale else ''}')"
        return TypeRule(target_type=target, wire=text, convert=f"try_cast({{0}} as {target})", source_text=text)
    if name in ("binary_double", "binary_float"):
        # 1: the byte of the highest value first
        bits = "lower(rawtohex(utl_raw.cast_from_binary_double(to_binary_double({0}), 1)))"
        return TypeRule(target_type="double", wire="to_binary_double({0})", source_text=bits, target_text=_FLOAT_BITS)
    if name == "date" or (name.startswith("timestamp") and "time zone" not in name):
        return _oracle_instant(name, numbers)
    if name == "timestamp with local time zone":
        text = "to_char(sys_extract_utc({0}), 'YYYY-MM-DD HH24:MI:SS.FF6')"
        return TypeRule(
            target_type="timestamptz",
            wire=text,
            convert="try_cast({0} || '+00' as timestamptz)",
            source_text=text,
            target_text=_instant(6).replace("{0}", "{0} at time zone 'UTC'"),
            misfit="to_char({0}, 'FF9') not like '%000'",
        )
    if name in ("raw", "long raw", "blob"):
        # STANDARD_HASH takes neither LONG RAW nor BLOB: those are compared after reading
        text = "lower(rawtohex(standard_hash({0}, 'SHA256')))" if name == "raw" else "{0}"
        return TypeRule(
            target_type="blob",
            source_text=text,
            target_text="sha256({0})",
            is_lob=True,
            note="" if name == "raw" else "compared after reading",
        )
    if name == "bfile":
        return TypeRule(
            target_type="varchar",
            wire="cast(null as varchar2(1))",
            source_text="cast(null as varchar2(1))",
            target_text="{0}",
            lossy="the content lies in a file outside of the database",
        )
    return _oracle_text(name)


def _oracle_instant(name: str, numbers: tuple[int, ...]) -> TypeRule:
    """Return the rule of DATE, which has a time of day, and of TIMESTAMP."""
    digits = 0 if name == "date" else numbers[0] if numbers else 6
    text = "to_char({0}, 'YYYY-MM-DD HH24:MI:SS" + (".FF6')" if digits else "')")
    misfit = "{0} < date '0001-01-01'"
    if digits > 6:
        misfit = f"({misfit} or to_char({{0}}, 'FF9') not like '%000')"
    return TypeRule(
        target_type="timestamp",
        wire=text,
        convert="try_cast({0} as timestamp)",
        source_text=text,
        target_text=_instant(6 if digits else 0),
        misfit=misfit,
    )


def _oracle_text(name: str) -> TypeRule:
    """Return the rule of everything that travels as text."""
    note, text = "", "{0}"
    if name == "float":
        text = _ORACLE_NUMBER
    elif name == "timestamp with time zone":
        note, text = "the time zone is kept", "to_char({0}, 'YYYY-MM-DD HH24:MI:SS.FF9 TZR')"
    elif name.startswith("interval"):
        text = "to_char({0})"
    elif name in ("rowid", "urowid"):
        text = "rowidtochar({0})"
    elif name.endswith("xmltype"):
        text = "xmlserialize(content {0} as clob)"
    elif name == "json":
        text = "json_serialize({0} returning clob)"
    elif name == "boolean":
        text = "to_char({0})"
    elif not name.startswith(_ORACLE_TEXT):
        # objects and collections
        note, text = "as XML", "xmlserialize(content xmltype({0}) as clob)"
    return TypeRule(
        target_type="varchar",
        wire=text,
        source_text=text,
        target_text="{0}",
        is_lob=name in ("long", "clob", "nclob", "xmltype", "json"),
        note=note,
    )
