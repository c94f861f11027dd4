"""The kinds of damage that the self-test does to a copy of a migrated table, each once and small.

A kind that alters one value is SQL: which values it applies to, and what becomes of them. Kinds that alter whole rows,
or several values at once, are functions. Each tells which keys, and which columns, a validation must name.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations, islice

from ingestion.migration.books import quoted
from ingestion.migration.plan import ColumnPlan
from ingestion.migration.validation.bisection import shown_key
from ingestion.migration.validation.row_text import Side
from lakehouse.lake import Connection

Finding = tuple[str, str, tuple[str, ...]]
"""Kind of a difference, its key and its columns."""

_WHOLE = ("smallint", "integer", "bigint")
_INSTANTS = ("timestamp", "timestamptz")
_ANY = ("varchar", *_WHOLE, "decimal", "double", "boolean", "date", *_INSTANTS, "time", "blob")
_PAIRS_TRIED = 100
_LOOK_ALIKES = "aceiopxyABCEHKMOPTX", "асеіорхуАВСЕНКМОРТХ"
_FIRST = "regexp_extract({0}, '[%s]')"


@dataclass(frozen=True, kw_only=True, slots=True)
class Injury:
    """What was done to a copy, and what a validation must find."""

    columns: tuple[str, ...]
    expected: frozenset[Finding]


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """A copy of a migrated table that may be damaged; `side` is the copy as a validation sees it."""

    connection: Connection
    side: Side

    @property
    def has_key(self) -> bool:
        """Return whether the table has a key."""
        return bool(self.side.table.key)

    def columns(self, types: Iterable[str]) -> list[ColumnPlan]:
        """Return the columns of some target types that are no part of the key."""
        return [
            column
            for column in self.side.table.columns
            if column.target_type.partition("(")[0] in types and column.name not in self.side.table.key
        ]

    def find(self, condition: str = "true") -> int | None:
        """Return a row for which a condition holds: any, but the same every time."""
        row = self.connection.execute(
            f"select rowid from {self.side.relation} where {condition} order by md5(cast(rowid as varchar)) limit 1"
        ).fetchone()
        return None if row is None else int(row[0])

    def key(self, row: int) -> str:
        """Return the key of a row as a validation shows it."""
        found = self.connection.execute(
            f"select {self.side.key_text()} from {self.side.relation} where rowid = {row}"
        ).fetchone()
        assert found is not None
        return shown_key(self.side.table, str(found[0]))

    def update(self, row: int, values: dict[str, str]) -> None:
        """Set columns of a row, given as quoted names, to expressions."""
        sets = ", ".join(f"{name} = {value}" for name, value in values.items())
        self.connection.execute(f"update {self.side.relation} set {sets} where rowid = {row}")

    def insert(self, row: int, values: dict[str, str] | None = None) -> None:
        """Add a copy of a row, with some columns replaced by expressions."""
        replaced = ", ".join(f"{value} as {name}" for name, value in (values or {}).items())
        star = f"* replace ({replaced})" if replaced else "*"
        self.connection.execute(
            f"insert into {self.side.relation} select {star} from {self.side.relation} where rowid = {row}"
        )

    def delete(self, row: int) -> None:
        """Delete a row."""
        self.connection.execute(f"delete from {self.side.relation} where rowid = {row}")

    def hashes(self) -> dict[str, int]:
        """Return how often each row stands in the table, by the key a validation shows in a table without one."""
        rows = self.connection.execute(f"select {self.side.row_hash()}, count(*) from {self.side.relation} group by 1")
        return {shown_key(self.side.table, str(value)): int(count) for value, count in rows.fetchall()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of damage; in `condition` and `change`, `{0}` is the column and `{1}` its target type."""

    name: str
    label_zh: str
    types: tuple[str, ...] = ()
    condition: str = ""
    change: str = ""
    act: Callable[[Copy], Injury | None] | None = None
    """Does the damage where no single value is altered; None when the table has no suitable row."""
    needs: str = ""
    """What a table must have for it."""

    def apply(self, copy: Copy) -> Injury | None:
        """Damage a copy in its first suitable column and row; None when it has none."""
        if self.act is not None:
            return self.act(copy)
        for column in copy.columns(self.types):
            name = quoted(column.target_name)
            change = f"cast({self.change.format(name, column.target_type)} as {column.target_type})"
            row = copy.find(f"({self.condition.format(name, column.target_type)}) and {name} is distinct from {change}")
            if row is not None:
                return _change(copy, {row: {column: change}})
        return None


def _change(copy: Copy, changes: dict[int, dict[ColumnPlan, str]]) -> Injury:
    """Alter values of rows and tell what must be found: by key, or by the rows of a table without one."""
    columns = tuple(
        column.name for column in copy.side.table.columns if any(column in change for change in changes.values())
    )

    def alter() -> None:
        for row, change in changes.items():
            copy.update(row, {quoted(column.target_name): value for column, value in change.items()})

    if copy.has_key:
        expected = frozenset(("changed", copy.key(row), columns) for row in changes)
        alter()
        return Injury(columns=columns, expected=expected)
    return Injury(columns=columns, expected=_counted(copy, alter))


def _counted(copy: Copy, alter: Callable[[], None]) -> frozenset[Finding]:
    """Do something to a table without a key and return whose counts it changed."""
    before = copy.hashes()
    alter()
    after = copy.hashes()
    return frozenset(
        ("missing" if not after.get(key) else "extra" if not before.get(key) else "multiplicity", key, ())
        for key in before.keys() | after.keys()
        if before.get(key, 0) != after.get(key, 0)
    )


def _drop(copy: Copy) -> Injury | None:
    row = copy.find()
    if row is None:
        return None
    if not copy.has_key:
        return Injury(columns=(), expected=_counted(copy, lambda: copy.delete(row)))
    expected = frozenset({("missing", copy.key(row), ())})
    copy.delete(row)
    return Injury(columns=(), expected=expected)


def _repeat(copy: Copy) -> Injury | None:
    row = copy.find()
    if row is None:
        return None
    if not copy.has_key:
        return Injury(columns=(), expected=_counted(copy, lambda: copy.insert(row)))
    expected = frozenset({("multiplicity", copy.key(row), ())})
    copy.insert(row)
    return Injury(columns=(), expected=expected)


_NEW_KEYS = {
    "varchar": "max({0}) || '~'",
    "date": "max({0}) + interval 1 day",
    "timestamp": "max({0}) + interval 1 second",
    "timestamptz": "max({0}) + interval 1 second",
    "decimal": "max({0}) + 1",
} | dict.fromkeys(_WHOLE, "cast(max({0}) as hugeint) + 1")


def _new_key(copy: Copy) -> tuple[ColumnPlan, str] | None:
    """Return a column of the key and SQL of a value it has nowhere in the table."""
    for name in copy.side.table.key:
        column = copy.side.table.column(name)
        template = _NEW_KEYS.get(column.target_type.partition("(")[0])
        if template is None:
            continue
        value = f"try_cast({template.format(quoted(column.target_name))} as {column.target_type})"
        found = copy.connection.execute(f"select cast({value} as varchar) from {copy.side.relation}").fetchone()
        if found is not None and found[0] is not None:
            return column, f"(select {value} from {copy.side.relation})"
    return None


def _add(copy: Copy) -> Injury | None:
    row, new = copy.find(), _new_key(copy) if copy.has_key else None
    if row is None or new is None:
        return None
    copy.insert(row, {quoted(new[0].target_name): new[1]})
    newest = copy.connection.execute(f"select max(rowid) from {copy.side.relation}").fetchone()
    assert newest is not None
    return Injury(columns=(), expected=frozenset({("extra", copy.key(int(newest[0])), ())}))


def _change_key(copy: Copy) -> Injury | None:
    row, new = copy.find(), _new_key(copy) if copy.has_key else None
    if row is None or new is None:
        return None
    before = copy.key(row)
    copy.update(row, {quoted(new[0].target_name): new[1]})
    return Injury(columns=(new[0].name,), expected=frozenset({("missing", before, ()), ("extra", copy.key(row), ())}))


def _swap(copy: Copy) -> Injury | None:
    pairs = (pair for pair in combinations(copy.columns(_ANY), 2) if pair[0].target_type == pair[1].target_type)
    for first, second in islice(pairs, _PAIRS_TRIED):
        names = quoted(first.target_name), quoted(second.target_name)
        row = copy.find(f"{names[0]} is distinct from {names[1]}")
        if row is not None:
            return _change(copy, {row: {first: names[1], second: names[0]}})
    return None


def _exchange(copy: Copy) -> Injury | None:
    if not copy.has_key:
        # rows that differ in that column alone would only have changed places
        return None
    for column in copy.columns(_ANY):
        name = quoted(column.target_name)
        first = copy.find(f"{name} is not null")
        if first is None:
            continue
        values = [f"(select {name} from {copy.side.relation} where rowid = {first})"]
        second = copy.find(f"{name} is not null and {name} <> {values[0]}")
        if second is None:
            continue
        copy.connection.execute(
            f"create or replace temp table _radlake_exchange as select rowid as row, {name} as value "
            f"from {copy.side.relation} where rowid in ({first}, {second})"
        )
        value = "(select value from _radlake_exchange where row = {0})"
        return _change(copy, {first: {column: value.format(second)}, second: {column: value.format(first)}})
    return None


def _keyed(act: Callable[[Copy], Injury | None], *, wanted: bool) -> Callable[[Copy], Injury | None]:
    """Restrict an act to tables with a key, or to those without."""
    return lambda copy: act(copy) if copy.has_key is wanted else None


def _replaced(letters: str, new: str) -> str:
    """Return SQL that replaces the first of some letters by an expression over it, `{letter}`."""
    return f"regexp_replace({{0}}, '[{letters}]', {new.format(letter=_FIRST % letters)})"


_HAN = "一-鿿"
_TEXT = ("varchar",)
KINDS = (
    Kind(name="row dropped", needs="a row in a table with a key", label_zh="丢一行", act=_keyed(_drop, wanted=True)),
    Kind(
        name="row dropped, no key",
        needs="a row in a table without a key",
        label_zh="无主键表丢一行",
        act=_keyed(_drop, wanted=False),
    ),
    Kind(name="row added", needs="a key of text, whole numbers, decimals or days", label_zh="多一行", act=_add),
    Kind(name="row twice", needs="a row in a table with a key", label_zh="重复一行", act=_keyed(_repeat, wanted=True)),
    Kind(
        name="row twice, no key",
        needs="a row in a table without a key",
        label_zh="无主键表重复一行",
        act=_keyed(_repeat, wanted=False),
    ),
    Kind(
        name="key changed", needs="a key of text, whole numbers, decimals or days", label_zh="主键改变", act=_change_key
    ),
    Kind(
        name="columns swapped",
        needs="two columns of one type outside the key, with different values",
        label_zh="两列互换",
        act=_swap,
    ),
    Kind(
        name="values of two rows exchanged",
        needs="a key, and two values in a column outside it",
        label_zh="两行的值互换",
        act=_exchange,
    ),
    Kind(
        name="null to empty text",
        needs="a NULL in a column of text",
        label_zh="空值变空串",
        types=_TEXT,
        condition="{0} is null",
        change="''",
    ),
    Kind(
        name="empty text to null",
        needs="an empty text",
        label_zh="空串变空值",
        types=_TEXT,
        condition="{0} = ''",
        change="null",
    ),
    Kind(
        name="value lost",
        needs="a value outside the key",
        label_zh="值丢失",
        types=_ANY,
        condition="{0} is not null",
        change="null",
    ),
    Kind(
        name="chinese character replaced",
        needs="a Chinese character",
        label_zh="换一个汉字",
        types=_TEXT,
        condition=f"regexp_matches({{0}}, '[{_HAN}]')",
        change=_replaced(_HAN, "chr(case unicode({letter}) when 40959 then 19968 else unicode({letter}) + 1 end)"),
    ),
    Kind(
        name="mojibake",
        needs="a Chinese character",
        label_zh="乱码",
        types=_TEXT,
        condition=f"regexp_matches({{0}}, '[{_HAN}]')",
        # UTF-8 read as Latin-1
        change="array_to_string(list_transform(regexp_extract_all(hex(encode({0})), '..'), "
        "lambda digits: chr(cast('0x' || digits as integer))), '')",
    ),
    Kind(
        name="text truncated",
        needs="a text of two characters or more",
        label_zh="文本截断",
        types=_TEXT,
        condition="length({0}) > 1",
        change="left({0}, length({0}) - 1)",
    ),
    Kind(
        name="case flipped",
        needs="a Latin letter",
        label_zh="大小写改变",
        types=_TEXT,
        condition="regexp_matches({0}, '[A-Za-z]')",
        change=_replaced(
            "A-Za-z", "case when {letter} = lower({letter}) then upper({letter}) else lower({letter}) end"
        ),
    ),
    Kind(
        name="trailing blank added",
        needs="a text",
        label_zh="尾部多空格",
        types=_TEXT,
        condition="{0} <> ''",
        change="{0} || ' '",
    ),
    Kind(
        name="full-width digit",
        needs="a digit in a text",
        label_zh="半角数字变全角",
        types=_TEXT,
        condition="regexp_matches({0}, '[0-9]')",
        change=_replaced("0-9", "chr(unicode({letter}) + 65248)"),
    ),
    Kind(
        name="leading zero lost",
        needs="a text that begins with a nought",
        label_zh="前导零丢失",
        types=_TEXT,
        condition="regexp_matches({0}, '^0[0-9]')",
        change="{0}[2:]",
    ),
    Kind(
        name="homoglyph",
        needs="a Latin letter that has a Cyrillic twin",
        label_zh="形近字母",
        types=_TEXT,
        condition=f"regexp_matches({{0}}, '[{_LOOK_ALIKES[0]}]')",
        change=_replaced(_LOOK_ALIKES[0], f"translate({{letter}}, '{_LOOK_ALIKES[0]}', '{_LOOK_ALIKES[1]}')"),
    ),
    Kind(
        name="newline normalised",
        needs="a text with a line break",
        label_zh="换行符改变",
        types=_TEXT,
        condition="contains({0}, chr(10))",
        change="case when contains({0}, chr(13) || chr(10)) then replace({0}, chr(13) || chr(10), chr(10)) "
        "else replace({0}, chr(10), chr(13) || chr(10)) end",
    ),
    Kind(
        name="date one day later",
        needs="a column of days",
        label_zh="日期加一天",
        types=("date",),
        condition="{0} < date '9999-12-31'",
        change="{0} + interval 1 day",
    ),
    Kind(
        name="one second later",
        needs="a column of instants",
        label_zh="时间加一秒",
        types=_INSTANTS,
        condition="{0} < timestamp '9999-12-31'",
        change="{0} + interval 1 second",
    ),
    Kind(
        name="fraction of a second lost",
        needs="an instant with a fraction of a second",
        label_zh="秒的小数丢失",
        types=_INSTANTS,
        condition="{0} <> date_trunc('second', {0})",
        change="date_trunc('second', {0})",
    ),
    Kind(
        name="digit of a number changed",
        needs="a number outside the key",
        label_zh="数字一位改变",
        types=(*_WHOLE, "decimal"),
        condition="{0} is not null",
        # towards zero where it is large, so that it still fits
        change="left(cast({0} as varchar), -1) || case when right(cast({0} as varchar), 1) < '5' "
        "then cast(right(cast({0} as varchar), 1) as integer) + 1 "
        "else cast(right(cast({0} as varchar), 1) as integer) - 1 end",
    ),
    Kind(
        name="sign flipped",
        needs="a number other than zero outside the key",
        label_zh="正负号改变",
        types=(*_WHOLE, "decimal", "double"),
        # the least whole number has no opposite
        condition="{0} > -30000",
        change="-{0}",
    ),
    Kind(
        name="decimal rounded",
        needs="a number with a fraction",
        label_zh="小数被舍入",
        types=("decimal", "double"),
        condition="abs({0}) < 1e15",
        change="trunc({0})",
    ),
    Kind(
        name="last bit of a float",
        needs="a column of floats",
        label_zh="浮点数末位改变",
        types=("double",),
        condition="abs({0}) < 1e300",
        change="nextafter({0}, cast('infinity' as double))",
    ),
    Kind(
        name="flag flipped",
        needs="a flag, or a whole number that is 0 or 1",
        label_zh="标志翻转",
        types=("boolean", *_WHOLE),
        condition="cast({0} as bigint) in (0, 1)",
        change="1 - cast({0} as bigint)",
    ),
    Kind(
        name="byte of a large object flipped",
        needs="bytes",
        label_zh="二进制对象一个字节改变",
        types=("blob",),
        condition="octet_length({0}) > 0",
        change="unhex(format('{{:02X}}', xor(cast('0x' || left(hex({0}), 2) as integer), 1)) || substr(hex({0}), 3))",
    ),
)
"""Every kind of damage, in the order of the report."""
