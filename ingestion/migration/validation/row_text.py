"""Writes the SQL of a row's text and hash, so that both sides give the same for equal rows, computed where they lie.

The text of a row is the texts of its columns (types.TypeRule) in the order of the plan, joined by U+001F, with U+001E
for NULL. Its hash is the whole number that the first 15 hexadecimal digits of the text's MD5 write in UTF-8, 60 bits.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.migration.plan import ColumnPlan, TablePlan
from ingestion.migration.source import Source, quote_name
from ingestion.migration.sqlite_functions import register
from ingestion.migration.types import FIELD_MARK, NULL_MARK
from lakehouse.lake import Connection

_SQLITES = ("sqlite", "dump")
LAKE = "lake"
"""Stands for an engine's name where the SQL runs in the lake."""
_ARGUMENTS = 90
"""PostgreSQL takes 100 arguments in a call."""
_LONG_TEXTS = ("mediumtext", "longtext")


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One table on one side."""

    engine: str
    relation: str
    """What stands after FROM."""
    table: TablePlan
    is_utf8: bool = True
    """Whether the database stores text as UTF-8; PostgreSQL hashes the bytes it stores."""

    def quoted(self, column: ColumnPlan) -> str:
        """Return the quoted name of a column."""
        return quote_name(self.engine, column.target_name if self.engine == LAKE else column.name)

    def text(self, column: ColumnPlan, value: str | None = None) -> str:
        """Return SQL of a column's text, or of a value's in its place; NULL stays NULL."""
        name = value or self.quoted(column)
        if self.engine == LAKE:
            return column.target_text.format(name)
        if column.source_text == "radlake_text({0})":
            # a call back into Python costs more than the rest of a row; only floats and bytes need it
            return f"case when typeof({name}) in ('real', 'blob') then radlake_text({name}) else {name} end"
        return column.source_text.format(name)

    def field(self, column: ColumnPlan) -> str:
        """Return SQL of a column's part of the row's text, never NULL."""
        text = self.text(column)
        if is_long_text(column):
            # MySQL gives NULL for a row text longer than its largest packet
            text = f"radlake_md5(cast({text} as blob))" if self.engine in _SQLITES else f"md5({text})"
        if self.engine == LAKE or column.is_nullable:
            return f"coalesce({text}, {self._mark(NULL_MARK)})"
        return text

    def row_text(self, columns: Sequence[ColumnPlan] | None = None) -> str:
        """Return SQL of the text of a row, or of some of its columns."""
        return self._joined([self.field(column) for column in (self.table.columns if columns is None else columns)])

    def key_text(self) -> str:
        """Return SQL of the text of a row's key; of a table without one, the digits of the row's hash."""
        if not self.table.key:
            kind = {"mysql": "char", LAKE: "varchar"}.get(self.engine, "text")
            return f"cast({self.row_hash()} as {kind})"
        return self.row_text([self.table.column(name) for name in self.table.key])

    def row_hash(self) -> str:
        """Return SQL of the hash of a row."""
        return self.hash_of(self.row_text())

    def key_hash(self) -> str:
        """Return SQL of the hash of a row's key; of a table without one, of the row."""
        return self.hash_of(self.key_text()) if self.table.key else self.row_hash()

    def hash_of(self, text: str) -> str:
        """Return SQL of the hash of a text, a whole number of 60 bits."""
        if self.engine in _SQLITES:
            # as bytes, so that text which is no UTF-8 arrives as well
            return f"radlake_md5_60(cast({text} as blob))"
        if self.engine == "postgresql" and not self.is_utf8:
            text = f"convert_to({text}, 'UTF8')"
        number = self._number(f"md5({text})")
        # a row longer than MySQL's largest packet has no text; it must not vanish from the sum
        return f"coalesce({number}, -1)" if self.engine == "mysql" else number

    def sha256_of(self, column: ColumnPlan) -> str:
        """Return SQL of the whole number that the first 60 bits of the SHA-256 of a column are; NULL stays NULL."""
        text = self.text(column)
        if self.engine in _SQLITES:
            value = self.quoted(column) if column.target_type == "blob" else f"cast({text} as blob)"
            return f"radlake_sha256_60({value})"
        if column.target_type != "blob":
            digest = {"postgresql": "encode(sha256(convert_to({0}, 'UTF8')), 'hex')", "mysql": "sha2({0}, 256)"}
            text = digest.get(self.engine, "sha256({0})").format(text)
        return self._number(text)

    def _number(self, digits: str) -> str:
        """Return SQL of the whole number that the first 15 hexadecimal digits write."""
        if self.engine == "postgresql":
            return f"('x' || substr({digits}, 1, 15))::bit(60)::bigint"
        if self.engine == "mysql":
            return f"cast(conv(left({digits}, 15), 16, 10) as signed)"
        return f"cast('0x' || left({digits}, 15) as bigint)"

    def octets_of(self, column: ColumnPlan) -> str:
        """Return SQL of the length of a column's text in UTF-8, or of its bytes."""
        value = self.quoted(column) if column.target_type == "blob" else self.text(column)
        if self.engine == "postgresql":
            is_plain = self.is_utf8 or column.target_type == "blob"
            return f"octet_length({value if is_plain else f'convert_to({value}, {self._UTF8})'})"
        if self.engine == LAKE:
            return f"octet_length({value})" if column.target_type == "blob" else f"strlen({value})"
        return f"length({value})" if self.engine == "mysql" else f"length(cast({value} as blob))"

    def number_sum(self, number: str) -> tuple[str, ...]:
        """Return SQL that adds up a whole number of 60 bits: one column, or two, of low and high 30 bits.

        SQLite's own sum fails beyond 63 bits.
        """
        if self.engine in _SQLITES:
            return f"sum({number} & {2**30 - 1})", f"sum({number} >> 30)"
        return (f"sum({number})",)

    def _mark(self, code: int) -> str:
        if self.engine == "mysql":
            return f"_utf8mb4 x'{code:02x}'"
        return f"char({code})" if self.engine in _SQLITES else f"chr({code})"

    def _joined(self, fields: list[str]) -> str:
        mark = self._mark(FIELD_MARK)
        if self.engine in _SQLITES:
            return _balanced(fields, mark)
        while len(fields) > _ARGUMENTS:
            parts = [fields[first : first + _ARGUMENTS] for first in range(0, len(fields), _ARGUMENTS)]
            fields = [f"concat_ws({mark}, {', '.join(part)})" for part in parts]
        return f"concat_ws({mark}, {', '.join(fields)})" if fields else "''"

    _UTF8 = "'UTF8'"


def hash_of_text(text: bytes) -> int:
    """Return the hash of a text in UTF-8, as `Side.hash_of` computes it."""
    return int(hashlib.md5(text, usedforsecurity=False).hexdigest()[:15], 16)


def is_long_text(column: ColumnPlan) -> bool:
    """Return whether a column enters the text of a row by its MD5."""
    return column.source_type.startswith(_LONG_TEXTS)


def added(parts: Sequence[int | None]) -> int:
    """Return the sum whose columns `Side.number_sum` gave."""
    low, high = (*parts, 0)[:2] if len(parts) == 1 else (parts[0], parts[1])
    return int(low or 0) + (int(high or 0) << 30)


def _balanced(fields: Sequence[str], mark: str) -> str:
    """Return a concatenation of little depth: SQLite allows expressions 1,000 deep."""
    if len(fields) <= 1:
        return fields[0] if fields else "''"
    half = len(fields) // 2
    return f"({_balanced(fields[:half], mark)} || {mark} || {_balanced(fields[half:], mark)})"


def source_side(source: Source, table: TablePlan) -> Side:
    """Return a table of the source, whose connection gets the functions that its side of a comparison needs."""
    if source.engine in _SQLITES:
        register(source.connection.connection.driver_connection)  # type: ignore[arg-type]
    is_utf8 = source.engine != "postgresql" or source.scalar("select getdatabaseencoding()") == "UTF8"
    return Side(engine=source.engine, relation=table.source_table, table=table, is_utf8=is_utf8)


def lake_side(table: TablePlan, relation: str) -> Side:
    """Return a table of the lake."""
    return Side(engine=LAKE, relation=relation, table=table)


def prepare_comparison(connection: Connection) -> None:
    """Give a connection what the texts of the lake's side need: instants in UTC and the macros."""
    connection.execute("set timezone = 'UTC'")
    # a bar of its own would mix with what a command prints
    connection.execute("set enable_progress_bar = false")
    for statement in MACROS:
        connection.execute(statement)


MACROS = (
    # digits and place of the point of a positive float: its value is 0.<digits> * 10 ** point
    "create or replace temp macro _radlake_mantissa(shortest) as replace(split_part(shortest, 'e', 1), '.', '')",
    "create or replace temp macro _radlake_point(shortest) as "
    "strlen(split_part(split_part(shortest, 'e', 1), '.', 1)) "
    "+ coalesce(try_cast(split_part(shortest, 'e', 2) as integer), 0) "
    "- (strlen(_radlake_mantissa(shortest)) - strlen(ltrim(_radlake_mantissa(shortest), '0')))",
    "create or replace temp macro _radlake_placed(digits, point) as case "
    # my_gcvt of strings/dtoa.c: without an exponent between 1e-15 and 1e15, or when 17 digits reach behind the point
    "when point < -14 or (point > 15 and strlen(digits) <= point) then "
    "digits[1] || case when strlen(digits) > 1 then '.' || digits[2:] else '' end || 'e' || (point - 1) "
    "when point <= 0 then '0.' || repeat('0', -point) || digits "
    "when point >= strlen(digits) then digits || repeat('0', point - strlen(digits)) "
    "else digits[:point] || '.' || digits[point + 1:] end",
    "create or replace temp macro mysql_double_text(number) as case "
    # the lake's files do not keep the sign of zero
    "when number = 0 then '0' "
    "when not isfinite(number) then cast(number as varchar) "
    # nearly all numbers, and quick: there both write the same but for `.0`
    "when abs(number) < 1e15 and number = trunc(number) then cast(cast(number as bigint) as varchar) "
    "when abs(number) >= 1e-4 and abs(number) < 1e15 then cast(number as varchar) "
    "else case when number < 0 then '-' else '' end || _radlake_placed("
    "trim(_radlake_mantissa(cast(abs(number) as varchar)), '0'), _radlake_point(cast(abs(number) as varchar))) end",
)
"""`mysql_double_text` writes a double exactly as MySQL and MariaDB do with `cast(x + 0e0 as char)`."""
