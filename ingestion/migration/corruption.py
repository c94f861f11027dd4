"""The kinds of damage that the self-test does to a copy of a migrated table.

A kind that alters one value is SQL: which values it applies to, and what becomes of them. Kinds that alter whole rows,
or several values at once, are functions of `injury`.
"""

from ingestion.migration.injury import (
    ANY,
    INSTANTS,
    WHOLE,
    Kind,
    add_row,
    change_key,
    drop_row,
    exchange_values,
    keyed,
    repeat_row,
    swap_columns,
)

_LOOK_ALIKES = "aceiopxyABCEHKMOPTX", "асеіорхуАВСЕНКМОРТХ"
_FIRST = "regexp_extract({0}, '[%s]')"


def _replaced(letters: str, new: str) -> str:
    """Return SQL that replaces the first of some letters by an expression over it, `{letter}`."""
    return f"regexp_replace({{0}}, '[{letters}]', {new.format(letter=_FIRST % letters)})"


_HAN = "一-鿿"
_TEXT = ("varchar",)
KINDS = (
    Kind(name="row dropped", needs="a row in a table with a key", label_zh="丢一行", act=keyed(drop_row, wanted=True)),
    Kind(
        name="row dropped, no key",
        needs="a row in a table without a key",
        label_zh="无主键表丢一行",
        act=keyed(drop_row, wanted=False),
    ),
    Kind(name="row added", needs="a key of text, whole numbers, decimals or days", label_zh="多一行", act=add_row),
    Kind(
        name="row twice", needs="a row in a table with a key", label_zh="重复一行", act=keyed(repeat_row, wanted=True)
    ),
    Kind(
        name="row twice, no key",
        needs="a row in a table without a key",
        label_zh="无主键表重复一行",
        act=keyed(repeat_row, wanted=False),
    ),
    Kind(
        name="key changed", needs="a key of text, whole numbers, decimals or days", label_zh="主键改变", act=change_key
    ),
    Kind(
        name="columns swapped",
        needs="two columns of one type outside the key, with different values",
        label_zh="两列互换",
        act=swap_columns,
    ),
    Kind(
        name="values of two rows exchanged",
        needs="a key, and two values in a column outside it",
        label_zh="两行的值互换",
        act=exchange_values,
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
        types=ANY,
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
        types=INSTANTS,
        condition="{0} < timestamp '9999-12-31'",
        change="{0} + interval 1 second",
    ),
    Kind(
        name="fraction of a second lost",
        needs="an instant with a fraction of a second",
        label_zh="秒的小数丢失",
        types=INSTANTS,
        condition="{0} <> date_trunc('second', {0})",
        change="date_trunc('second', {0})",
    ),
    Kind(
        name="digit of a number changed",
        needs="a number outside the key",
        label_zh="数字一位改变",
        types=(*WHOLE, "decimal"),
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
        types=(*WHOLE, "decimal", "double"),
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
        types=("boolean", *WHOLE),
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
