"""Reads MySQL's column types and writes them as the server's information_schema does."""

from dataclasses import dataclass

from ingestion.migration.dump.tokens import Cursor

_SYNONYMS = {
    "integer": "int", "int1": "tinyint", "int2": "smallint", "int3": "mediumint", "middleint": "mediumint",
    "int4": "int", "int8": "bigint", "dec": "decimal", "numeric": "decimal", "fixed": "decimal", "number": "decimal",
    "real": "double", "float8": "double", "float4": "float", "bool": "tinyint", "boolean": "tinyint",
    "character": "char", "nchar": "char", "nvarchar": "varchar", "varchar2": "varchar", "varcharacter": "varchar",
    "geomcollection": "geometrycollection", "clob": "longtext", "raw": "varbinary",
}  # fmt: skip
_WIDTHS = {"tinyint": (4, 3), "smallint": (6, 5), "mediumint": (9, 8), "int": (11, 10), "bigint": (20, 20)}
"""Width of display that the server adds: signed, unsigned."""
_SIZED = {
    "text": ("tinytext", "text", "mediumtext", "longtext"),
    "blob": ("tinyblob", "blob", "mediumblob", "longblob"),
}
_LIMITS = (255, 65_535, 16_777_215)
_CHARACTER = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set")
_NATIONAL_DEFAULT = "utf8mb3"


@dataclass(kw_only=True, slots=True)
class MysqlType:
    """A column's type; the character set only where it was told."""

    text: str
    name: str
    character_set: str | None = None
    collation: str | None = None
    is_binary: bool = False
    """With the attribute BINARY: the binary collation of its character set."""
    is_serial: bool = False
    is_json: bool = False

    @property
    def has_character_set(self) -> bool:
        """Return whether values of the type are text in a character set."""
        return self.name in _CHARACTER


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def read_type(cursor: Cursor, *, has_widths: bool = True, json_is_text: bool = False) -> MysqlType:
    """Read a type with its attributes.

    Servers before MySQL 8.0.19 and MariaDB tell a display width for every whole number; MariaDB keeps JSON as longtext.
    """
    word = cursor.name().lower()
    is_national = word in ("nchar", "nvarchar")
    if word == "national":
        is_national, word = True, cursor.name().lower()
    if word == "long":
        word = (cursor.accept_any("VARBINARY", "VARCHAR", "VARCHARACTER") or "varchar").lower()
        word = "mediumblob" if word == "varbinary" else "mediumtext"
    is_boolean = word in ("bool", "boolean")
    word = _SYNONYMS.get(word, word)
    if word == "double":
        cursor.accept("PRECISION")
    if word == "char" and cursor.accept_any("VARYING", "VARCHARACTER"):
        word = "varchar"
    if word == "serial":
        return MysqlType(text=_integer("bigint", None, True, False, has_widths), name="bigint", is_serial=True)
    arguments: list[str] = []
    if cursor.at("("):
        first, last = cursor.brackets()
        for start, end in cursor.parts(first, last):
            token = cursor.tokens[start]
            arguments.append(_quoted(token.value) if token.kind == "string" else cursor.raw(start, end))
    is_unsigned = is_zerofill = is_binary = False
    character_set = _NATIONAL_DEFAULT if is_national else None
    collation = None
    while True:
        if cursor.accept("UNSIGNED"):
            is_unsigned = True
        elif cursor.accept("ZEROFILL"):
            is_unsigned = is_zerofill = True
        elif cursor.accept("SIGNED"):
            continue
        elif cursor.accept("BINARY"):
            is_binary = True
        elif cursor.accept("BYTE"):
            character_set = "binary"
        elif cursor.accept("ASCII"):
            character_set = "latin1"
        elif cursor.accept("UNICODE"):
            character_set = "ucs2"
        elif cursor.accept("CHARACTER", "SET") or cursor.accept("CHARSET"):
            character_set = cursor.name().lower()
        elif cursor.accept("COLLATE"):
            collation = cursor.name().lower()
        else:
            break
    if character_set == "binary" and word in _CHARACTER[:6]:
        word, character_set = (
            word.replace("varchar", "varbinary").replace("char", "binary").replace("text", "blob"),
            None,
        )
    is_json = word == "json"
    if is_json and json_is_text:
        word, character_set, collation = "longtext", "utf8mb4", "utf8mb4_bin"
    text, name = _write(word, arguments, is_boolean, is_unsigned, is_zerofill, has_widths)
    return MysqlType(
        text=text,
        name=name,
        character_set=canonical_character_set(character_set),
        collation=collation,
        is_binary=is_binary,
        is_json=is_json,
    )


def _integer(name: str, width: str | None, is_unsigned: bool, is_zerofill: bool, has_widths: bool) -> str:
    if not has_widths:
        # MySQL 8 keeps only the width that pads with noughts, and that of tinyint(1)
        width = width if is_zerofill or (name == "tinyint" and width == "1" and not is_unsigned) else None
        shown = f"({width})" if width else ""
    else:
        shown = f"({width or _WIDTHS[name][is_unsigned]})"
    return name + shown + (" unsigned" if is_unsigned else "") + (" zerofill" if is_zerofill else "")


def _write(
    word: str, arguments: list[str], is_boolean: bool, is_unsigned: bool, is_zerofill: bool, has_widths: bool
) -> tuple[str, str]:
    """Return the type as information_schema writes it, and its name."""
    sign = (" unsigned" if is_unsigned else "") + (" zerofill" if is_zerofill else "")
    if word in _WIDTHS:
        width = "1" if is_boolean else arguments[0] if arguments else None
        return _integer(word, width, is_unsigned, is_zerofill, has_widths), word
    if word == "decimal":
        precision, scale = ([*arguments, "0"] if arguments else ["10", "0"])[:2]
        return f"decimal({precision},{scale}){sign}", word
    if word == "float" and len(arguments) == 1:
        word, arguments = ("double" if int(arguments[0]) > 24 else "float"), []
    if word in _SIZED and arguments:
        # a text knows its length in characters of at most four bytes, a blob in bytes
        size = int(arguments[0]) * (4 if word == "text" else 1)
        return (name := _SIZED[word][sum(size > limit for limit in _LIMITS)]), name
    if word in ("char", "binary", "bit") and not arguments:
        arguments = ["1"]
    if word == "year":
        return ("year(4)" if has_widths else "year"), word
    if word in ("time", "datetime", "timestamp") and arguments == ["0"]:
        arguments = []
    return word + (f"({','.join(arguments)})" if arguments else "") + sign, word


def canonical_character_set(name: str | None) -> str | None:
    """Return a character set as servers call it since MySQL 8.0.30 and MariaDB 10.6."""
    return "utf8mb3" if name == "utf8" else name


_COLLATIONS = {
    "utf8mb4": "utf8mb4_general_ci", "utf8mb3": "utf8mb3_general_ci", "latin1": "latin1_swedish_ci",
    "gbk": "gbk_chinese_ci", "gb2312": "gb2312_chinese_ci", "gb18030": "gb18030_chinese_ci",
    "ascii": "ascii_general_ci", "big5": "big5_chinese_ci", "ucs2": "ucs2_general_ci", "utf16": "utf16_general_ci",
    "utf32": "utf32_general_ci", "binary": "binary", "latin2": "latin2_general_ci", "cp1251": "cp1251_general_ci",
}  # fmt: skip


def default_collation(character_set: str, *, is_mysql_8: bool = False) -> str:
    """Return the collation a character set has when none is told."""
    if is_mysql_8 and character_set == "utf8mb4":
        return "utf8mb4_0900_ai_ci"
    return _COLLATIONS.get(character_set, f"{character_set}_general_ci")


def character_set_of(collation: str) -> str:
    """Return the character set a collation belongs to."""
    name = collation.split("_", 1)[0]
    return canonical_character_set(name) or name
