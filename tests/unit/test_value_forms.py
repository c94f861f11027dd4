"""Values of each form: their normal form and the defects in them, and that SQL agrees with Python."""

import string
from datetime import date

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.quality.forms import FORMS, Facts, Normal, normal_form
from ingestion.quality.forms.characters import repair_mojibake
from ingestion.quality.forms.dates import FAMILIES, normal_date
from ingestion.quality.forms.identifiers import check_digit, pattern_of, shape_of
from ingestion.quality.forms.registry import VERSIONS, rule_id
from ingestion.quality.forms.screens import light_expression, light_test, literal, odd_expression, reading_expression
from ingestion.quality.forms.units import ucum
from ingestion.quality.kinds import read_kinds
from lakehouse.contract import read_contract, source_names

TODAY = date(2026, 11, 24)


def _cases(table: str) -> list[tuple[str, str, str | None, tuple[str, ...]]]:
    """Return form, value, normal form (`~` none) and kinds of a readable table."""
    cases = []
    for line in table.strip().splitlines():
        form, value, normal, *kinds = (part.strip(" ") for part in line.split("|"))
        cases.append((form, value, None if normal == "~" else normal, tuple(kinds[0].split()) if kinds else ()))
    return cases


@pytest.mark.parametrize(
    ("form", "value", "normal", "kinds"),
    _cases(r"""
        id               | ＺＹ００１２                | ZY0012              | fullwidth_value
        id               | zy0012                     | ZY0012              |
        id               | '007812                    | 007812              | id_whitespace
        id               | 00 78　12                  | 007812              | id_whitespace
        id               | 1.10199E+17                | ~                   | id_scientific
        id               | NULL                       | ~                   |
        id               | 无                         | ~                   |
        citizen_id       | 11019919900101123x         | 11019919900101123X  | idcard_checksum
        citizen_id       | 110199900101123            | 110199199001011232  | idcard_15digit
        citizen_id       | 111111111111111111         | 111111111111111111  | idcard_checksum
        citizen_id       | 1.10199E+17                | ~                   | id_scientific
        citizen_id       | E12345678                  | E12345678           |
        citizen_id       | 无                         | ~                   |
        person_name      | 王 试 甲                   | 王试甲              | name_variant
        person_name      | 王试甲(女)                 | 王试甲              | name_variant
        person_name      | 王试甲之子                 | 王试甲之子          |
        person_name      | 阿试•买买提                | 阿试·买买提         | name_variant
        person_name      | 测试01                     | 测试01              | test_patient
        person_name      | Test Patient               | Test Patient        | test_patient
        person_name      | Contesta                   | Contesta            |
        person_name      | 王YAN                      | 王YAN               | rare_char_lost
        person_name      | 王?甲                      | 王?甲               | rare_char_lost
        person_name      | 王□                        | 王□                 | rare_char_lost
        person_name      | ÖÐÎÄ                       | 中文                | mojibake
        person_name      | 无名氏                     | 无名氏              |
        phone            | １３８００００００００    | 13800000000         | fullwidth_value
        phone            | 1.38E+10                   | ~                   | id_scientific
        sex              | M                          | M                   |
        sex              | 男                         | M                   | sex_code
        sex              | 9                          | U                   | sex_code
        sex              | 3                          | U                   | sex_code
        age              | 35岁                       | 35岁                |
        age              | 6月12天                    | 6月12天             |
        age              | 035Y                       | 035Y                | age_text
        age              | 成人                       | 成人                | age_text
        age              | ３５岁                     | 35岁                | fullwidth_value
        age              | -1                         | -1                  | value_out_of_range
        age              | 124岁                      | 124岁               | value_out_of_range
        date             | 2024/3/5                   | 2024-03-05          | date_format
        date             | 20240305                   | 2024-03-05          | date_format
        date             | 2024年3月5日               | 2024-03-05          | date_format
        date             | 2024.3.5                   | 2024-03-05          | date_format
        date             | 05-3月-24                  | 2024-03-05          | date_format
        date             | 45356                      | 2024-03-05          | date_excel_serial
        date             | 3/5/24                     | ~                   | date_format value_ambiguous
        date             | 25/3/2024                  | 2024-03-25          | date_format
        date             | 1900-01-01                 | ~                   | date_sentinel
        date             | 0000-00-00                 | ~                   | date_sentinel
        date             | 99991231                   | ~                   | date_sentinel
        date             | 2023-02-30                 | ~                   | date_impossible
        date             | 20231345                   | ~                   | date_impossible
        date             | 不清楚                     | ~                   | value_unparseable
        date             | ２０２４-03-05             | 2024-03-05          | fullwidth_value
        date             | 1980                       | 1980                |
        date             | 2099-01-01                 | 2099-01-01          | date_future
        timestamp        | 2024-03-05 08:03           | 2024-03-05 08:03:00 |
        timestamp        | 20240305080300             | 2024-03-05 08:03:00 | date_format
        timestamp        | 2024-03-05 08:03:00.000    | 2024-03-05 08:03:00 | date_format
        timestamp        | 2024-03-05T00:03:00Z       | 2024-03-05 08:03:00 | date_format
        timestamp        | 2024-03-05T08:03:00+08:00  | 2024-03-05 08:03:00 | date_format
        timestamp        | 20240305080300+0800        | 2024-03-05 08:03:00 | date_format
        timestamp        | 45356.3355                 | 2024-03-05 08:03:07 | date_excel_serial
        timestamp        | 1709597000                 | 2024-03-05 08:03:20 | date_format
        timestamp        | 2024年3月5日8时3分         | 2024-03-05 08:03:00 | date_format
        timestamp        | 9999-12-31 23:59:59        | ~                   | date_sentinel
        icd_10           | I63.900x003                | I63.900x003         |
        icd_10           | I63.900X003                | I63.900x003         | code_format
        icd_10           | i63.9                      | I63.9               | code_format
        icd_10           | I63．9                     | I63.9               | code_format
        icd_10           | I639                       | I63.9               | code_format
        icd_10           | B34.2†                     | B34.2+              | code_format
        icd_10           | I63.9;I10                  | I63.9;I10           | code_format
        icd_10           | BJ0123                     | BJ0123              | code_system_mixed
        icd_10           | 486                        | 486                 | code_system_mixed
        icd_9_cm_3       | 74.1x01                    | 74.1x01             |
        icd_9_cm_3       | 7410                       | 74.10               | code_format
        icd_9_cm_3       | O82.0                      | O82.0               | code_system_mixed
        number           | １２．５                   | 12.5                | fullwidth_value
        number           | 38.5℃                      | 38.5                |
        number           | 1,234                      | 1234                |
        number           | >40                        | >40                 | value_comparator
        number           | 未测                       | ~                   | value_not_done
        number           | 很高                       | ~                   | value_unparseable
        lab_value        | 5.6↑                       | 5.6                 |
        lab_value        | H 12.5                     | 12.5                |
        lab_value        | ＜0.05                     | <0.05               | value_comparator
        lab_value        | ≥1000                      | >=1000              | value_comparator
        lab_value        | 1:320                      | 1:320               |
        lab_value        | 阳性(+)                    | 阳性                | value_qualitative
        lab_value        | 未检出                     | 阴性                | value_qualitative
        lab_value        | ±                          | 弱阳性              | value_qualitative
        lab_value        | ++                         | 2+                  | value_qualitative
        lab_value        | 3-5/HP                     | 3-5                 | value_range
        lab_value        | 见附页                     | 见附页              | value_see_report
        lab_value        | 标本溶血                   | 标本溶血            | value_not_done
        lab_value        | 似有似无                   | ~                   | value_unparseable
        lab_value        | -                          | ~                   |
        unit             | umol/L                     | umol/L              |
        unit             | μmol/L                     | umol/L              | unit_variant
        unit             | ×10⁹/L                     | 10*9/L              | unit_variant
        reference_range  | 3.5～9.5                   | 3.5-9.5             |
        gestational_age  | 38周2天                    | 38+2                |
        gestational_age  | 38 2/7                     | 38+2                |
        gestational_age  | 266天                      | 38+0                |
        gestational_age  | 38.2                       | 38.2                | value_ambiguous
        gravida_para     | 孕3产1                     | G3P1                |
        volume_ml        | 约1200ml                   | 1200                |
        volume_ml        | 1200+                      | >=1200              | value_comparator
        volume_ml        | 800-1000                   | 800-1000            | value_range
        weight_g         | 3250                       | 3250                |
        weight_g         | 3.2kg                      | 3200                | unit_mismatch
        apgar            | 9-10-10                    | 9-10-10             |
        apgar            | 11-9-9                     | 11-9-9              | value_out_of_range
        word             | ＩＣＵ                     | ICU                 | fullwidth_value
        word             | 呼吸内科（东区）           | 呼吸内科（东区）    |
        word             | 无                         | 无                  |
        word             | 锟斤拷                     | 锟斤拷              | encoding_lost
        text             | 未见异常。                 | 未见异常。          |
        text             | 见结节<br>请复查           | 见结节\n请复查      | html_residue
        text             | &amp;lt;b&amp;gt;结节      | 结节                | html_residue
        text             | 第一行\n第二行            | 第一行\n第二行      | embedded_newline
        text             | {\rtf1\ansi abc}         | abc                 | html_residue
        text             | 患者于__年__月__日入院。   | 患者于__年__月__日入院。 | template_residue
        text             | 电话13800000000。          | 电话13800000000。   | phi_in_text
        text             | 患者王试甲，男，45岁。     | 患者王试甲，男，45岁。 | phi_in_text
        text             | 患者王姓                   | 患者王姓            |
        text             | 锟斤拷影                   | 锟斤拷影            | encoding_lost
        text             | 考虑肺癌??                 | 考虑肺癌??          |
    """),
)
def test_a_value_has_its_normal_form_and_its_defects(
    form: str, value: str, normal: str | None, kinds: tuple[str, ...]
) -> None:
    expected = normal.replace("\\n", "\n") if normal else normal
    assert normal_form(form, value, Facts(today=TODAY)) == Normal(expected, kinds)


def test_every_kind_a_rule_names_is_on_the_list_and_every_rule_has_a_version() -> None:
    assert set(VERSIONS) == {*FORMS, "row"}
    assert rule_id("date", "date_format") == f"date.date_format/{VERSIONS['date']}"
    assert {"date_format", "phi_in_text", "id_o_zero"} <= set(read_kinds())


def test_every_column_of_a_delivered_source_has_a_form() -> None:
    without = [
        f"{table.schema}.{table.name}.{column.name}: {column.meta.get('form')}"
        for source in source_names()
        for table in read_contract(source).values()
        if table.is_delivered
        for column in table.columns
        if column.meta.get("form") not in FORMS
    ]
    assert without == []


# values that are almost normal: pieces that rules look for, among ordinary ones
_PIECES = [
    *"0123456789OIlxX.,;:+-*/|^_()<>&?%#'\" \t\r\n\\～，。：（）０１Ａａ　 \x0b\x00男女岁月周天↑±↓μµ²⁹℃㎜�□\ue000",
    "测试", "王试甲", "无", "null", "N/A", "-", "不详", "2024-03-05", "1900-01-01", " 08:03:00", "9999-12-31",
    "1.1E+17", "I63.9", "x003", "<br>", "&nbsp;", "\\n", "{\\rtf1 ", "__", "年", "   月", "13800000000", "锟斤拷", "ÖÐ",
    "涓枃", "??", "阳性", "姓名：", "见报告", "电话", "10^9/L", "mmol", "38+2", "G3P1", "约", "ml", "kg", "大小  mm",
    "请选择", "双肺纹理清晰", "E",
]  # fmt: skip
_VALUES = st.one_of(
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=6).map("".join),
    st.text(string.printable + "中文结节岁。，　ＡＢ１２é±", min_size=1, max_size=12),
    st.dates(date(1890, 1, 1), date(2100, 1, 1)).map(str),
    st.datetimes().map(lambda instant: instant.isoformat(sep=" ", timespec="seconds")),
    st.integers(-5, 10**18).map(str),
    st.from_regex(r"\A[1-9][0-9]{16}[0-9X]\Z"),
)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    """Return a connection in memory."""
    return duckdb.connect(":memory:")


@given(values=st.lists(_VALUES, min_size=1, max_size=40))
@settings(max_examples=30)
def test_what_passes_the_screen_in_sql_is_normal_in_python(
    connection: duckdb.DuckDBPyConnection, values: list[str]
) -> None:
    texts = [value for value in values if value.strip() and "\x00" not in value]
    columns = [
        f"not {odd_expression(form, 'v', tomorrow='2026-11-25')}, {light_expression(form, 'v')}, {light_test(form, 'v')}"
        for form in FORMS
    ]
    rows = connection.execute(f"select v, {', '.join(columns)} from (select unnest($1) as v)", [texts]).fetchall()
    facts = Facts(today=TODAY)
    for value, *answers in rows:
        for position, form in enumerate(FORMS):
            passes, light, is_light = answers[3 * position : 3 * position + 3]
            if passes:
                assert normal_form(form, value, facts) == Normal(light, ()), form
                assert is_light or light == value, form


_DAYS = st.tuples(st.sampled_from(["1935", "1999", "2024", "2199"]), st.integers(0, 13), st.integers(0, 32))
_CLOCKS = st.tuples(st.integers(0, 24), st.integers(0, 60), st.integers(0, 60))
_WRITINGS = [
    "{y}-{m:02d}-{d:02d}", "{y}-{m}-{d} {H}:{M:02d}", "{y}/{m}/{d}  {H:02d}:{M:02d}:{S:02d}", "{y}.{m}.{d}",
    "{y}年{m}月{d}日", "{y}{m:02d}{d:02d}", "{y}{m:02d}{d:02d}{H:02d}{M:02d}{S:02d}", "{y}{m:02d}{d:02d}{H:02d}{M:02d}",
    "{y}{m:02d}{d:02d} {H:02d}:{M:02d}:{S:02d}", "{y}-{m:02d}-{d:02d}T{H:02d}:{M:02d}:{S:02d}",
    "{y}-{m:02d}-{d:02d} {H:02d}:{M:02d}:{S:02d}.{S:03d}", "{y}-{m:02d}-{d:02d}T{H:02d}:{M:02d}:{S:02d}+08:00",
    "{y}{m:02d}{d:02d}{H:02d}{M:02d}{S:02d}.5-0330", "{y}-{m:02d}-{d:02d}T{H:02d}:{M:02d}:{S:02d}Z",
]  # fmt: skip


@given(parts=st.lists(st.tuples(_DAYS, _CLOCKS), min_size=1, max_size=8))
@settings(max_examples=30)
def test_sql_and_python_read_the_families_of_dates_alike(connection: duckdb.DuckDBPyConnection, parts: list) -> None:
    written = [
        writing.format(y=day[0], m=day[1], d=day[2], H=clock[0], M=clock[1], S=clock[2])
        for day, clock in parts
        for writing in _WRITINGS
    ]
    cases = [f"when regexp_full_match(value, {literal(family.pattern)}) then '{family.name}'" for family in FAMILIES]
    readings = [f"when '{family.name}' then {reading_expression(family)}" for family in FAMILIES]
    rows = connection.execute(
        f"select value, family, strftime(case family {' '.join(readings)} end, '%Y-%m-%d %H:%M:%S') from ("
        f"select value, case {' '.join(cases)} end as family from (select unnest($1) as value)) "
        "where family is not null",
        [written],
    ).fetchall()
    for value, family, instant in rows:
        normal = normal_date("timestamp", value, Facts(usual=frozenset({family})))
        assert (normal.value or "")[:10] == (instant or "")[:10], family
        assert normal.value is None or len(normal.value) == 10 or normal.value == instant, family
        assert normal.kinds == (() if normal.value else ("date_impossible",)), family


@pytest.mark.parametrize("text", ["右肺上叶见结节影", "王试甲", "呼吸与危重症医学科"])
def test_text_that_was_decoded_wrongly_is_repaired(text: str) -> None:
    data = text.encode("utf-8")
    for wrong in (
        text.encode("gbk").decode("latin-1"),
        data.decode("latin-1"),
        data.decode("latin-1").encode("utf-8").decode("latin-1"),
        data.decode("gb18030", "strict") if len(data) % 2 == 0 and _is_gb18030(data) else data.decode("latin-1"),
    ):
        repaired = repair_mojibake(wrong)
        assert repaired is not None
        assert repaired.text == text
    assert repair_mojibake(text) is None


def _is_gb18030(data: bytes) -> bool:
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


def test_what_a_wrong_decoder_dropped_is_told_as_lost() -> None:
    wrong = "王试甲".encode().decode("gbk", "replace")
    assert normal_form("person_name", wrong) == Normal(wrong, ("mojibake", "encoding_lost"))


@given(st.text("双肺纹理清晰心影不大膈面光滑见结节斑片状高密度影建议随访复查发绀", min_size=1, max_size=40))
def test_ordinary_chinese_is_never_repaired(text: str) -> None:
    assert repair_mojibake(text) is None


@given(st.from_regex(r"\A[0-9A-Z._-]{1,20}\Z"))
def test_the_pattern_of_a_shape_matches_what_has_the_shape(value: str) -> None:
    import re

    assert re.fullmatch(pattern_of(shape_of(value)), value)


@pytest.mark.parametrize(
    ("shapes", "value", "normal", "kinds"),
    [
        (("d6*",), "7812", "7812", ("id_leading_zero",)),
        (("d6*",), "0007812", "0007812", ("id_leading_zero",)),
        (("d6",), "7812", "7812", ()),
        (("d6",), "0O7812", "007812", ("id_o_zero",)),
        (("d6",), "ZY007812", "ZY007812", ("id_prefix",)),
        (("d6",), "007812-02", "007812-02", ("id_prefix",)),
        (("d6",), "007812_1", "007812_1", ("id_prefix",)),
        (("ZYd8*",), "ZY7812", "ZY7812", ("id_leading_zero",)),
        (("ZYd8*",), "12345678", "12345678", ("id_prefix",)),
        (("ZYd8",), "ZYOO345678", "ZY00345678", ("id_o_zero",)),
        (("CTd10", "MRd10"), "MR2403150012", "MR2403150012", ()),
        (("Bd4-d6",), "B2024-O12345", "B2024-012345", ("id_o_zero",)),
    ],
)
def test_the_shape_of_a_column_tells_zeros_letters_and_prefixes(
    shapes: tuple[str, ...], value: str, normal: str, kinds: tuple[str, ...]
) -> None:
    assert normal_form("id", value, Facts(shapes=shapes)) == Normal(normal, kinds)


def test_the_check_digit_of_an_identity_card_follows_its_standard() -> None:
    # the example of GB 11643-1999
    assert check_digit("11010519491231002") == "X"


@pytest.mark.parametrize(
    ("orders", "value", "normal"),
    [
        (("dmy",), "03/05/2024", "2024-05-03"),
        (("mdy",), "03/05/2024", "2024-03-05"),
        (("ymd",), "24-03-05", "2024-03-05"),
        (("dmy", "mdy"), "03/05/2024", None),
        (("dmy", "mdy"), "03/03/2024", "2024-03-03"),
    ],
)
def test_day_and_month_are_taken_in_the_order_of_the_column(
    orders: tuple[str, ...], value: str, normal: str | None
) -> None:
    facts = Facts(orders=orders, usual=frozenset({"numeric"}))
    assert normal_form("date", value, facts).value == normal


@pytest.mark.parametrize(
    "written",
    [
        "10*9/L 10^9/L ×10⁹/L 10E9/L 10e9/l G/L x10^9/L *10^9/L 10**9/L",
        "umol/L μmol/L µmol/L umol/l UMOL/L",
        "mm[Hg] mmHg ㎜Hg mmhg MMHG",
        "mL ml ML ㎖",
        "U/L u/l",
        "ng/mL ng/ml NG/ML",
        "ug/L μg/L",
        "/[HPF] /HP 个/HP /HPF",
        "% ％",
    ],
)
def test_the_writings_of_a_unit_have_one_ucum_string(written: str) -> None:
    normal, *variants = written.split()
    assert {ucum(variant) for variant in (normal, *variants)} == {normal}


def test_limits_of_a_column_are_checked_in_its_unit() -> None:
    facts = Facts(low=30, high=45)
    assert normal_form("number", "365", facts).kinds == ("value_out_of_range",)
    assert normal_form("number", "36.5", facts).kinds == ()
    assert normal_form("gestational_age", "52+0", Facts(low=112, high=315)).kinds == ("value_out_of_range",)


def test_a_text_cut_at_the_width_of_a_column_is_told() -> None:
    text = "双肺纹理清晰心影不大" * 30
    cut = text.encode("gbk")[:512].decode("gbk")
    facts = Facts(longest=(512, 768))
    assert normal_form("text", cut, facts).kinds == ("truncated_text",)
    assert normal_form("text", cut[:-1] + "。", facts).kinds == ()
    # longer texts stand in the column, so that it has no such width
    assert normal_form("text", cut, Facts(longest=(900, 1350))).kinds == ()
    assert normal_form("text", "右肺结\ufffd", facts).kinds == ("truncated_text",)
