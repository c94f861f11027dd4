"""The cleaning rules, value by value: what each changes, what it leaves, and that nothing is left to change."""

import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.migration.cleaning.measurement import cleaning_steps, mask
from ingestion.migration.cleaning.rules import CLASSES, RuleBook, read_choices, read_rules
from ingestion.migration.plan import ColumnPlan
from lakehouse.errors import SettingsError
from serving.reports.migration_types import family_of, reason_of

# value before, value after, rules that met it; the column is taken for one of codes and dates
CASES = [
    ("a\x07b\x00c", "abc", ["control_character"]),
    ("第一行\n\t第二行", "第一行\n\t第二行", []),
    ("张\u200b三\ufeff", "张三", ["zero_width"]),
    ("👨\u200d👩", "👨\u200d👩", []),
    ("可\u200cمی", "可\u200cمی", []),
    (" \u3000\u00a0A1", "A1", ["leading_blank"]),
    ("A1\u3000 \r\n", "A1", ["trailing_blank"]),
    ("A 1", "A 1", []),
    ("ＡＢ－１２", "AB-12", ["full_width"]),
    ("见２个结节，最大１０ｍｍ", "见２个结节，最大１０ｍｍ", []),
    ("双肺，（－）", "双肺，（－）", []),
    ("", None, ["empty_string"]),
    ("　 ", None, ["leading_blank", "empty_string"]),
    ("2020/1/5", "2020-01-05", ["date_to_iso"]),
    ("2020.01.5 3:04", "2020-01-05 03:04", ["date_to_iso"]),
    ("2020年12月15日 13:04:05.5", "2020-12-15 13:04:05.5", ["date_to_iso"]),
    ("20200105", "2020-01-05", ["date_to_iso"]),
    ("20200105235959", "2020-01-05 23:59:59", ["date_to_iso"]),
    ("2020-01-05T10:00:00", "2020-01-05 10:00:00", ["date_to_iso"]),
    ("２０２０／１／５", "2020-01-05", ["full_width", "date_to_iso"]),
    ("2020-01-05", "2020-01-05", []),
    ("2020-01-05 10:00:00+08", "2020-01-05 10:00:00+08", []),
    ("05/01/2024", "05/01/2024", []),
    ("2020/13/01", "2020/13/01", []),
    ("12345678", "12345678", []),
    ("0000-00-00", None, ["sentinel_zero"]),
    ("0000-00-00 00:00:00", None, ["sentinel_zero"]),
    ("9999-12-31 23:59:59", None, ["sentinel_9999"]),
    ("9999/12/31", None, ["date_to_iso", "sentinel_9999"]),
    ("9999-12-30", "9999-12-30", []),
    ("1900-01-01", None, ["sentinel_1900"]),
    ("æµ‹è¯•", "æµ‹è¯•", ["mojibake"]),
    ("²âÊÔ", "²âÊÔ", ["mojibake"]),
    ("锟斤拷", "锟斤拷", ["mojibake"]),
    ("名\ufffd", "名\ufffd", ["mojibake"]),
    ("naïve Ångström °C ±2 ×3", "naïve Ångström °C ±2 ×3", []),
]


@pytest.fixture(scope="module")
def lake() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:")


BOOK = read_rules()


def clean(lake: duckdb.DuckDBPyConnection, value: str | None, book: RuleBook = BOOK) -> tuple[str | None, list[str]]:
    """Send one value through every rule and return what is left and which rules met it."""
    met = []
    for rule in book.rules:
        is_true, cleaned = lake.execute(
            f"select {rule.is_true('v')}, {rule.cleaned('v')} from (select $1::varchar as v)", [value]
        ).fetchall()[0]
        if is_true:
            met.append(rule.name)
        else:
            assert cleaned == value, rule.name
        value = cleaned
    return value, met


@pytest.mark.parametrize(("before", "after", "rules"), CASES, ids=[repr(case[0]) for case in CASES])
def test_a_value_becomes(lake: duckdb.DuckDBPyConnection, before: str, after: str | None, rules: list[str]) -> None:
    assert clean(lake, before) == (after, rules)


NASTY = st.lists(
    st.text(alphabet=" 　\u00a0\u200b\ufeff\x00\x07\t\nA9１Ａ／-/.年月日文，ã©锛0129:T", max_size=20),
    min_size=20,
    max_size=60,
)


@given(values=NASTY)
@settings(max_examples=40, deadline=None)
def test_what_was_cleaned_is_clean(values: list[str]) -> None:
    connection = duckdb.connect(":memory:")
    connection.execute("create table t as select unnest($1::varchar[]) as v", [values])
    applied = [rule for rule in BOOK.rules if rule.expression]
    steps, last = cleaning_steps([("v", applied)], "t")
    left = ", ".join(f"count(*) filter ({rule.is_true('v')})" for rule in applied)
    assert connection.execute(f"{steps} select {left} from {last}").fetchall()[0] == (0,) * len(applied)
    connection.execute(f"create table cleaned as {steps} select * from {last}")
    again, end = cleaning_steps([("v", applied)], "cleaned")
    assert (
        connection.execute(f"{again} select * from {end}").fetchall()
        == connection.execute("select * from cleaned").fetchall()
    )


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["A1", "B-2", "１３", "<0.5"], {"code"}),
        (["2020-01-05", "2020/1/5", "0000-00-00", "２０２０年１月５日"], {"date_text"}),
        (["见结节", "A1", "未见", "A3"], set()),
        (["张三", "李四"], set()),
        (["x" * 300, "y" * 300], set()),
    ],
    ids=["codes", "dates", "half prose", "names", "long"],
)
def test_a_column_is_of_a_class_when_nine_in_ten_values_are(
    lake: duckdb.DuckDBPyConnection, values: list[str], classes: set[str]
) -> None:
    found = set()
    for name, test in BOOK.tests.items():
        (share,) = lake.execute(
            f"select avg(case when {test.is_true('v')} then 1 else 0 end) from (select unnest($1::varchar[]) as v)",
            [values],
        ).fetchall()[0]
        if share >= test.share:
            found.add(name)
    assert found == classes


def test_every_rule_is_told_in_full() -> None:
    assert len({rule.name for rule in BOOK.rules}) == len(BOOK.rules)
    for rule in BOOK.rules:
        assert rule.version >= 1 and rule.label_zh and rule.label and rule.reason_zh
        assert set(rule.applies_to) <= set(CLASSES)
        for sql in (rule.predicate, rule.expression or ""):
            assert not re.search(r"\{[a-z_]+\}", sql), rule.name


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("张三 13800138000", "文文·99999999999"),
        ("Ａ１ｂ　", "Ａ９ａ〈3000〉"),
        ("x\x07é①Ⅷ😀", "a〈0007〉a99※"),
        ("2020/1/5", "9999/9/9"),
        (None, None),
    ],
)
def test_of_a_value_only_its_shape_is_shown(value: str | None, shape: str | None) -> None:
    assert mask(value) == shape


@pytest.mark.parametrize(
    "text", ["[1, 2]", "a.b: [sentinel_1900]", "a.b: {sentinel_1900: maybe}", "a.b: {nothing: true}", ": :"]
)
def test_choices_that_cannot_be_read_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cleaning.yml"
    path.write_text(text)
    with pytest.raises(SettingsError):
        read_choices(path)
    assert read_choices(tmp_path / "none.yml") == {}


def column(source_type: str, target_type: str, **facts: object) -> ColumnPlan:
    return ColumnPlan(
        name="x", target_name="x", source_type=source_type, target_type=target_type, is_nullable=True, wire="{0}",
        convert="{0}", source_text="{0}", target_text="{0}", **facts,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("planned", "words"),
    [
        (column("int unsigned", "bigint"), "整数"),
        (column("decimal(8,2)", "decimal(8,2)"), "定点数"),
        (column("varchar(20)", "varchar"), "文本原样"),
        (column("jsonb", "varchar"), "湖中无等价类型"),
        (column("time", "varchar", note="838 hours"), "838 hours"),
        (column("date", "varchar", misfits=3, note="3 values do not fit date"), "3 个值"),
        (column("date", "date", misfits=3, lossy="3 rows are refused"), "有损"),
        (column("timestamp with time zone", "timestamptz"), "UTC"),
    ],
    ids=lambda value: value.source_type if isinstance(value, ColumnPlan) else None,
)
def test_every_type_has_a_reason(planned: ColumnPlan, words: str) -> None:
    assert words in reason_of(planned)


def test_types_of_one_kind_are_counted_together() -> None:
    assert {family_of(text) for text in ("varchar(20)", "varchar(5)", "varchar")} == {"varchar"}
    assert family_of("enum('甲','乙')") == "enum" and family_of("int(6) unsigned") == "int unsigned"
