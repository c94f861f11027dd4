"""Probes over texts: every seeded defect is counted exactly, and the clean twin of each text is no hit."""

import time
from datetime import date
from itertools import repeat

import pytest

from ingestion.migration.assessment.citizen_numbers import check_character, judge_citizen_number
from ingestion.migration.assessment.dates import count_sentinels, read_date
from ingestion.migration.assessment.mojibake import find_mojibake
from ingestion.migration.assessment.text_census import TextCensus
from synthetic_hospital.population import tell_patients

TODAY = date(2026, 11, 24)
CHINESE = [
    "患者咳嗽咳痰伴发热，体温38.5℃；双肺呼吸音粗。",
    "男",
    "女",
    "姓名",
    "检查",
    "门诊",
    "张三",
    "CT检查",
    "血常规",
]


def read_as(text: str, encoding: str) -> str:
    return text.encode().decode(encoding, "replace")


def as_cp1252(data: bytes) -> str:
    """Decode as Windows does: what CP1252 leaves open is the control character."""
    return "".join(
        chr(byte) if byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else bytes((byte,)).decode("cp1252") for byte in data
    )


MISREADINGS = {
    "utf8_as_latin1": lambda text: read_as(text, "latin-1"),
    "utf8_as_cp1252": lambda text: as_cp1252(text.encode()),
    "gbk_as_latin1": lambda text: text.encode("gbk").decode("latin-1"),
    "gbk_as_cp1252": lambda text: as_cp1252(text.encode("gbk")),
    "double_utf8": lambda text: read_as(read_as(text, "latin-1"), "latin-1"),
    "double_cp1252": lambda text: as_cp1252(as_cp1252(text.encode()).encode()),
    "utf8_as_gbk": lambda text: read_as(text, "gbk").replace("\ufffd", "?"),
    "utf8_as_gb18030": lambda text: read_as(text, "gb18030"),
}
NAMES = {
    "utf8_as_cp1252": "utf8_as_latin1",
    "gbk_as_cp1252": "gbk_as_latin1",
    "double_cp1252": "double_utf8",
    "utf8_as_gb18030": "utf8_as_gbk",
}


@pytest.mark.parametrize("how", MISREADINGS)
@pytest.mark.parametrize("text", CHINESE)
def test_misread_chinese_is_found_by_its_kind(text: str, how: str) -> None:
    assert find_mojibake(MISREADINGS[how](text)) == NAMES.get(how, how)


@pytest.mark.parametrize("text", ["锟斤拷", "结果\ufffd"])
def test_lost_characters_are_found(text: str) -> None:
    assert find_mojibake(text) == "lost"


@pytest.mark.parametrize(
    "text",
    ["Müller", "créée", "W/m²·K", "±°C", "naïve “café…”", "30°±5", "Ångström", "½¼", "联通", "澹台", "濮阳市", "缬沙坦胶囊",
     "骥", "肺癌？", "CT??", "“好”……", "鐘點", "漢語", "São João", "№5", "α-干扰素", "Ⅱ级", "①②③", "𠮷野家", "韩瑾翀"],
)  # fmt: skip
def test_honest_text_is_no_mojibake(text: str) -> None:
    assert find_mojibake(text) is None


def test_texts_of_a_whole_synthetic_hospital_are_no_mojibake() -> None:
    texts = {
        text
        for patient in tell_patients(400, 3)
        for text in (
            patient.person.name,
            patient.person.address,
            *(text for exam in patient.exams for text in (exam.findings, exam.impression)),
        )
    }
    assert len(texts) > 150
    assert [text for text in texts if find_mojibake(text)] == []


def census_of(values: list[str | None], *, is_birth: bool = False, least: int = 5) -> dict[str, int]:
    census = TextCensus(TODAY, is_birth=is_birth)
    census.add(values, repeat(1))
    return {name: rows for name, (rows, _) in census.findings(least).items()}


def citizen(birth: str, order: int = 123, area: str = "110105") -> str:
    number = f"{area}{birth}{order:03d}"
    return number + check_character(number)


CLEAN = [
    "双肺纹理清晰，未见异常。",
    "右肺下叶结节3.2mm",
    "CT平扫",
    "呼吸科",
    "2024-01-05 复查",
    "5×6mm",
    "<5mm",
    "A&B",
    "好??",
]


@pytest.mark.parametrize(
    ("probe", "dirty"),
    [
        ("full_width_digit", ["１３８００１３８０００", "大小１２mm"]),
        ("full_width_letter", ["ＣＴ平扫", "ａ型"]),
        ("trailing_blank", ["张三  ", "李四\u3000", "王五\u00a0", "赵六\t", "end\n"]),
        ("leading_blank", [" 张三", "\u3000李四", "\u00a0x"]),
        ("only_blanks", ["  ", "\u3000"]),
        ("control_character", ["a\x00b", "报告\x0b", "x\x1fy", "删\x7f"]),
        ("zero_width", ["张\u200b三", "\ufeff报告", "a\u202eb中"]),
        ("html", ["<p>未见异常</p>", "双肺<br/>清晰", "体温&nbsp;38", '<span style="x">好</span>']),
        ("question_marks", ["???", "?? ???", "CT??"]),
        ("invalid_utf8", [b"\xb2\xe2\xca\xd4".decode("utf-8", "surrogateescape")]),
        ("mojibake_lost", ["锟斤拷锟斤拷", "男\ufffd"]),
        ("citizen_check_digit", [citizen("19800101")[:-1] + ("1" if citizen("19800101")[-1] != "1" else "2")]),
        ("impossible_date", ["2024-13-01", "2023-02-30", "2024/00/10", "1700-01-01", "2024年2月31日"]),
        ("sentinel_date", ["0000-00-00", "9999-12-31", "1900-01-01 00:00:00", "2999-12-31"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_seeded_defects_are_counted_exactly_among_clean_texts(probe: str, dirty: list[str]) -> None:
    clean: list[str | None] = [*CLEAN, None, citizen("19901231"), citizen("20001231")]
    assert census_of(clean * 3) == {}
    found = census_of(clean * 3 + dirty * 2)
    assert found[probe] == 2 * len(dirty)
    # nothing else is found but what a seeded text also is
    assert set(found) - {probe, "trailing_blank", "leading_blank", "invalid_utf8"} == set()


def test_value_that_stands_for_many_rows_counts_for_all_of_them() -> None:
    census = TextCensus(TODAY, is_birth=False)
    census.add(["张三 ", "李四"], [40, 2])
    assert census.findings(5) == {"trailing_blank": (40, {})}
    assert census.filled == 42


def test_citizen_numbers_are_told_apart() -> None:
    good = [citizen("19800101", order) for order in range(100, 160)]
    bad_check = good[0][:-1] + ("0" if good[0][-1] != "0" else "1")
    values: list[str | None] = [
        *good, bad_check, bad_check, citizen("19801301"), citizen("20991231"), "110105491231002", "12345", "E12345678", "",
        good[1].translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    ]  # fmt: skip
    assert census_of(values) == {
        "citizen_check_digit": 2,
        "citizen_birth_date": 2,
        "citizen_15_digits": 1,
        "citizen_shape": 2,
        "full_width_digit": 1,
    }


@pytest.mark.parametrize(
    "number", ["202401010000012345", "123456789012345678", "999999999999999999", "862345678901234"]
)
def test_other_long_numbers_are_nobody_s(number: str) -> None:
    assert judge_citizen_number(number, TODAY) in ("other", "wrong_birth")
    assert census_of([number] * 5) == {}


def test_check_character_is_that_of_the_standard() -> None:
    # the two examples of GB 11643-1999
    assert check_character("11010519491231002") == "X"
    assert check_character("44052418800101001") == "4"


def test_birth_after_today_is_impossible_only_for_births() -> None:
    values: list[str | None] = ["1950-05-05"] * 9 + ["2030-01-01"]
    assert census_of(values, is_birth=True) == {"impossible_date": 1}
    assert census_of(values) == {}


def test_eight_digits_are_dates_only_in_a_column_of_dates() -> None:
    assert census_of([f"2024{month:02}{day:02}" for month in range(1, 13) for day in range(1, 20)] + ["20241345"]) == {
        "impossible_date": 1
    }
    assert census_of([f"{number:08}" for number in range(20240000, 20245000, 7)]) == {}


def test_mixed_forms_of_dates_count_those_beside_the_usual_form() -> None:
    usual = [f"2024-01-{day:02}" for day in range(1, 21)]
    assert census_of([*usual, "2024/01/05", "2024年1月5日", "20240105"]) == {"mixed_date_forms": 3}
    assert census_of(usual) == {}
    assert census_of([f"2024-{month}-{day}" for month in range(1, 13) for day in (5, 15)]) == {}


def test_numbers_as_text_are_told_by_their_decimal_point() -> None:
    assert census_of(["3.1", "12", "0.5", "7"]) == {"number_as_text": 4}
    assert census_of(["1", "12", "7"]) == {}
    assert census_of(["001", "0123"]) == {}


def test_question_marks_are_a_loss_only_where_chinese_belongs() -> None:
    assert census_of(["what??", "why??", "fine"]) == {}
    assert census_of(["what??", "肺炎", "???"]) == {"question_marks": 2}
    assert census_of(["????", "??"]) == {"question_marks": 2}


def test_epoch_is_a_birthday_until_it_is_frequent() -> None:
    days = {f"19{year}-03-{day:02}": 1 for year in range(50, 80) for day in range(1, 9)}
    assert count_sentinels(days | {"1970-01-01": 1}, is_birth=True, least=5) == {}
    assert count_sentinels(days | {"1970-01-01": 30}, is_birth=True, least=5) == {"1970-01-01": 30}
    assert count_sentinels(days | {"1970-01-01": 1}, is_birth=False, least=5) == {"1970-01-01": 1}


@pytest.mark.parametrize("text", ["1.2.3", "3.5", "13800138000", "10.10.10.10", "2024", "A20240105", "第2024-01-05号"])
def test_what_only_resembles_a_date_is_none(text: str) -> None:
    assert read_date(text) is None


def test_sentinels_that_are_rare_are_summed_under_other() -> None:
    census = TextCensus(TODAY, is_birth=False)
    census.add(["2024-01-01"] * 50 + ["9999-12-31"] * 7 + ["1900-01-01"] * 2, repeat(1))
    assert census.findings(5)["sentinel_date"] == (9, {"9999-12-31": 7, "other": 2})


def test_texts_are_read_faster_than_200_000_a_second() -> None:
    names: list[str | None] = [f"张{number % 900}" for number in range(40_000)]
    phones: list[str | None] = [f"138{number:08}" for number in range(40_000)]
    births: list[str | None] = [f"19{number % 90 + 10}-0{number % 9 + 1}-1{number % 9}" for number in range(40_000)]
    reports: list[str | None] = [
        f"双肺纹理增粗，右肺下叶见斑片状高密度影，边界不清{number}" for number in range(40_000)
    ]
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        for values in (names, phones, births, reports):
            TextCensus(TODAY, is_birth=False).add(values, repeat(1))
        best = max(best, 160_000 / (time.perf_counter() - start))
    assert best > 200_000
