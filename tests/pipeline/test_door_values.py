"""The door for values: clean columns of differently shaped hospitals stay silent, each kind planted once is found."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest

from ingestion.quality.forms.identifiers import check_digit
from ingestion.quality.kinds import read_kinds
from tests.builders.waiting import Cleaned, Row, clean_rows

ROWS = 120
# no district has this area code
AREA = "110199"


@dataclass(frozen=True, kw_only=True)
class Hospital:
    """How one hospital writes its values throughout."""

    name: str
    patient_id: Callable[[int], str]
    visit_id: Callable[[int], str]
    exam_id: Callable[[int], str]
    date_format: str
    time_format: str
    sexes: tuple[str, str]
    age: Callable[[int], str]
    modality: str
    units: tuple[str, str]
    icd: Callable[[int], str]
    mapping: dict[str, object] = field(default_factory=dict)


HOSPITALS = [
    Hospital(
        name="zeros and GB codes",
        patient_id=lambda n: f"{n * 7919 % 90000:08d}",
        visit_id=lambda n: f"ZY{n:08d}",
        exam_id=lambda n: f"CT24{n:08d}",
        date_format="%Y-%m-%d",
        time_format="%Y-%m-%d %H:%M:%S",
        sexes=("1", "2"),
        age=lambda years: f"{years}岁",
        modality="CT",
        units=("10^9/L", "mg/L"),
        icd=lambda n: ("J18.900", "I63.900x003", "J18.9", "O43.200x001")[n % 4],
    ),
    Hospital(
        name="integers and compact dates",
        patient_id=lambda n: str(n * n + 7),
        visit_id=lambda n: f"{n + 900}_{n % 3 + 1}",
        exam_id=lambda n: f"S24-{n + 95}",
        date_format="%Y%m%d",
        time_format="%Y%m%d%H%M%S",
        sexes=("男", "女"),
        age=lambda years: f"{years:03d}Y",
        modality="MR",
        units=("×10⁹/L", "mg/l"),
        icd=lambda n: ("J189", "I639", "O432", "K359")[n % 4],
    ),
    Hospital(
        name="slashes and words",
        patient_id=lambda n: f"b{n:06x}-{n % 7}",
        visit_id=lambda n: f"{n:012d}",
        exam_id=lambda n: f"{('CT', 'MR', 'DR')[n % 3]}{n:06d}",
        date_format="%Y/%-m/%-d",
        time_format="%Y/%-m/%-d %-H:%M",
        sexes=("男性", "女性"),
        age=lambda years: str(years),
        modality="DR",
        units=("10E9/L", "MG/L"),
        icd=lambda n: ("J18.900X002", "I63.900X003", "J15.902", "O43.2")[n % 4],
    ),
    Hospital(
        name="Chinese dates and letters",
        patient_id=lambda n: f"P{n:05d}",
        visit_id=lambda n: f"{2023 + n % 2}{n:06d}",
        exam_id=lambda n: f"B{n:07d}",
        date_format="%Y年%-m月%-d日",
        time_format="%Y年%-m月%-d日 %H:%M:%S",
        sexes=("m", "f"),
        age=lambda years: f"{years}岁{years % 12}月",
        modality="US",
        units=("G/L", "ug/ml"),
        icd=lambda n: ("j18.9", "i63.9", "o43.2", "k35.9")[n % 4],
    ),
    Hospital(
        name="day before month",
        patient_id=lambda n: f"{n + 1000000}  ",
        visit_id=lambda n: f"V-{n:05d}",
        exam_id=lambda n: f"1.2.840.99.{n}",
        date_format="%d/%m/%Y",
        time_format="%d/%m/%Y %H:%M:%S",
        sexes=("0", "1"),
        age=lambda years: f"{years}Y",
        modality="DX",
        units=("10*9/L", "mg/L"),
        icd=lambda n: ("J18.9", "I63.9", "J15.9", "O43.2")[n % 4],
    ),
]

_SURNAMES = "王李张刘陈杨赵黄周吴"
_GIVEN = "试甲乙丙丁戊己庚辛壬癸子丑寅卯辰"
_FINDINGS = (
    "双肺纹理清晰，未见实质性病变。心影大小、形态正常，双膈面光整，肋膈角锐利。",
    "右肺上叶见一结节影，大小约8mm×6mm，边缘毛糙；余肺清晰。",
    "肝脏大小正常，实质回声均匀——未见占位。\n胆囊壁光滑，“胆总管”不扩张……",
    "胎头双顶径(BPD)：93 mm，羊水指数 AFI 120mm，胎盘附着于子宫前壁（Ⅱ级）。",
    "颅脑CT平扫：左侧基底节区见斑片状低密度影，CT值约25HU，较前（2024-01-05）相仿。",
)


def _text_of(moment: datetime | date, layout: str) -> str:
    return moment.strftime(layout)


def _card(birth: date, is_male: bool, number: int) -> str:
    first = f"{AREA}{birth:%Y%m%d}{number % 90 + 10}{1 if is_male else 2}"
    return first + check_digit(first)


def _name(number: int) -> str:
    return _SURNAMES[number % 10] + _GIVEN[number % 16] + (_GIVEN[number // 16 % 16] if number % 5 else "")


def _births(number: int) -> date:
    return date(1935, 1, 1) + timedelta(days=number * 271 % 29000)


def _moment(number: int, minutes: int = 0) -> datetime:
    return datetime(2024, 1, 3, 8, 5, 9) + timedelta(days=number * 3, hours=number % 9, minutes=minutes)


def patients(hospital: Hospital) -> list[dict[str, str | None]]:
    """Return clean registrations."""
    return [
        {
            "patient_id": hospital.patient_id(number),
            "patient_name": _name(number),
            "sex": hospital.sexes[number % 2] if hospital.sexes != ("0", "1") else ("1", "0")[number % 2],
            "birth_date": _text_of(_births(number), hospital.date_format),
            "citizen_id": _card(_births(number), number % 2 == 0, number) if number % 4 else None,
            "phone": f"139{number:08d}",
            "address": f"试验省样例市测试区中山路{number}号（东院）",
            "contact_name": _name(number + 3) if number % 3 else "",
            "registered_at": _text_of(_moment(number), hospital.time_format),
            "is_void": "0",
        }
        for number in range(1, ROWS + 1)
    ]


def exams(hospital: Hospital) -> list[dict[str, str | None]]:
    """Return clean reports of radiology."""
    return [
        {
            "exam_id": hospital.exam_id(number),
            "patient_id": hospital.patient_id(number),
            "visit_id": hospital.visit_id(number),
            "patient_name": _name(number),
            "sex": hospital.sexes[number % 2],
            "age": hospital.age(number % 80 + 1),
            "modality": hospital.modality,
            "body_part": ("胸部", "头颅", "上腹部")[number % 3],
            "exam_item": "胸部CT平扫+增强（薄层）",
            "registered_at": _text_of(_moment(number), hospital.time_format),
            "examined_at": _text_of(_moment(number, 40), hospital.time_format),
            "reported_at": _text_of(_moment(number, 95), hospital.time_format),
            "findings": _FINDINGS[number % 5],
            "impression": ("未见明显异常。", "右肺上叶结节，考虑炎性？建议3个月后复查。", "1.肝囊肿；2.胆囊结石")[
                number % 3
            ],
            "clinical_diagnosis": ("肺部感染？", "头晕待查", "咳嗽3天")[number % 3],
            "report_status": "已审核",
        }
        for number in range(1, ROWS + 1)
    ]


def results(hospital: Hospital) -> list[dict[str, str | None]]:
    """Return clean laboratory results of four items: two numeric, one qualitative, one often below its limit."""
    items = (
        ("WBC", "白细胞", lambda n: f"{4 + n % 6}.{n % 10}", hospital.units[0], "3.5-9.5"),
        ("CRP", "C反应蛋白", lambda n: f"{n % 90 + 1}", hospital.units[1], "<10"),
        ("UPRO", "尿蛋白", lambda n: "阴性" if n % 6 else "阳性", "", "阴性"),
        ("PCT", "降钙素原", lambda n: "<0.05" if n % 3 else f"0.{n % 90 + 10}", "ng/ml", "<0.05"),
    )
    return [
        {
            "report_id": f"R{number:09d}",
            "patient_id": hospital.patient_id(number),
            "item_code": code,
            "item_name": name,
            "result": result(number),
            "unit": unit,
            "reference_range": reference,
            "sequence_no": str(position),
            "collected_at": _text_of(_moment(number), hospital.time_format),
            "verified_at": _text_of(_moment(number, 130), hospital.time_format),
        }
        for number in range(1, ROWS // 2 + 1)
        for position, (code, name, result, unit, reference) in enumerate(items)
    ]


def diagnoses(hospital: Hospital) -> list[dict[str, str | None]]:
    """Return clean coded diagnoses."""
    return [
        {
            "visit_id": hospital.visit_id(number),
            "diagnosis_type": "出院诊断",
            "sequence_no": "1",
            "diagnosis_code": hospital.icd(number),
            "diagnosis_name": ("肺炎", "脑梗死", "肺部感染？", "前置胎盘伴植入")[number % 4],
            "diagnosed_at": _text_of(_moment(number), hospital.time_format),
        }
        for number in range(1, ROWS + 1)
    ]


TABLES = {
    "his.patient": patients, "ris.exam": exams, "lis.result": results, "his.diagnosis": diagnoses,
}  # fmt: skip


@pytest.mark.parametrize("hospital", HOSPITALS, ids=lambda hospital: hospital.name)
@pytest.mark.parametrize("table", sorted(TABLES))
def test_clean_columns_stay_silent(hospital: Hospital, table: str) -> None:
    source, entity = table.split(".")
    cleaned = clean_rows(source, entity, TABLES[table](hospital))
    assert cleaned.issues == set()


@pytest.mark.parametrize("hospital", HOSPITALS, ids=lambda hospital: hospital.name)
def test_what_a_hospital_writes_throughout_has_the_same_normal_form(hospital: Hospital) -> None:
    rows = patients(hospital)
    cleaned = clean_rows("his", "patient", rows)
    first = HOSPITALS[0]
    for number, row in enumerate(rows, start=1):
        assert cleaned.value("birth_date", number, row) == str(_births(number))
        moment = _moment(number)
        expected = moment if "%S" in hospital.time_format else moment.replace(second=0)
        assert cleaned.value("registered_at", number, row) == str(expected)
        assert cleaned.value("sex", number, row) == ("M" if number % 2 == 0 else "F")
        assert cleaned.value("patient_id", number, row) == hospital.patient_id(number).strip().upper()
    units = clean_rows("lis", "result", results(hospital))
    assert {units.value("unit", number, row) for number, row in enumerate(results(hospital), start=1)} >= {"10*9/L"}
    assert first.name != "" and len(rows) == ROWS


def _planted(rows: list[dict[str, str | None]], row: int, column: str, value: str) -> list[dict[str, str | None]]:
    changed = [dict(item) for item in rows]
    changed[row - 1][column] = value
    return changed


_CUT = ("双肺纹理清晰心影不大纵隔居中" * 40).encode("gbk")[:512].decode("gbk")

PLANTED = [
    # table, column, value, kind, value afterwards (None: no usable value; "=": as received)
    ("his.patient", "patient_id", "ＰＱ００１２", "fullwidth_value", "PQ0012"),
    ("his.patient", "patient_id", "00 000007", "id_whitespace", "00000007"),
    ("his.patient", "patient_id", "1.10199E+17", "id_scientific", "="),
    ("ris.exam", "visit_id", "1.10199E+17", "id_scientific", None),
    ("his.patient", "patient_name", "王 试 甲", "name_variant", "王试甲"),
    ("his.patient", "patient_name", "王试甲(女)", "name_variant", "王试甲"),
    ("his.patient", "patient_name", "测试患者", "test_patient", "="),
    ("his.patient", "patient_name", "王YAN", "rare_char_lost", "="),
    ("his.patient", "patient_name", "王〓甲", "rare_char_lost", "="),
    ("his.patient", "patient_name", "ÍõÊÔ¼×", "mojibake", "王试甲"),
    ("his.patient", "sex", "3", "sex_code", "U"),
    ("his.patient", "sex", "Female", "sex_code", "F"),
    ("his.patient", "birth_date", "1900-01-01", "date_sentinel", None),
    ("his.patient", "birth_date", "1957-02-30", "date_impossible", None),
    ("his.patient", "birth_date", "约六十岁", "value_unparseable", None),
    ("his.patient", "birth_date", "28369", "date_excel_serial", "1977-09-01"),
    ("his.patient", "birth_date", "1977.9.1", "date_format", "1977-09-01"),
    ("his.patient", "birth_date", "01-9月-77", "date_format", "1977-09-01"),
    ("his.patient", "birth_date", "2031-05-06", "date_future", "2031-05-06"),
    ("his.patient", "birth_date", "2026-11-01", "date_order", "2026-11-01"),
    ("his.patient", "citizen_id", "110199199001011230", "idcard_checksum", "="),
    ("his.patient", "citizen_id", "110199900101123", "idcard_15digit", "110199199001011232"),
    ("his.patient", "citizen_id", _card(date(1903, 2, 3), True, 1), "idcard_birth_mismatch", "="),
    ("his.patient", "address", "ÊÔÑéÊ¡ÑùÀýÊÐ", "mojibake", "试验省样例市"),
    ("his.patient", "address", "试验省锟斤拷市", "encoding_lost", "="),
    ("his.patient", "phone", "１３９００００１１１１", "fullwidth_value", "13900001111"),
    ("ris.exam", "age", "成人", "age_text", "="),
    ("ris.exam", "age", "35个月零", "age_text", "="),
    ("ris.exam", "examined_at", "9999-12-31", "date_sentinel", None),
    ("ris.exam", "reported_at", "2019-03-04", "date_order", "2019-03-04"),
    ("ris.exam", "findings", "双肺清晰。<br/>心影不大。", "html_residue", "双肺清晰。\n心影不大。"),
    ("ris.exam", "findings", "双肺清晰。\\n心影不大。", "embedded_newline", "双肺清晰。\n心影不大。"),
    ("ris.exam", "findings", "双肺\x1d清晰。", "control_char", "双肺清晰。"),
    ("ris.exam", "findings", _CUT, "truncated_text", "="),
    ("ris.exam", "findings", "患者于__年__月__日行CT检查。", "template_residue", "="),
    ("ris.exam", "findings", "联系电话：13900001234。", "phi_in_text", "="),
    ("ris.exam", "impression", "请与110199199001011232核对。", "phi_in_text", "="),
    ("ris.exam", "body_part", "鑳搁儴", "mojibake", "胸部"),
    ("lis.result", "result", "见报告单", "value_see_report", "="),
    ("lis.result", "result", "标本溶血", "value_not_done", "="),
    ("lis.result", "result", "阳性(+)", "value_qualitative", "阳性"),
    ("lis.result", "result", "3～5", "value_range", "3-5"),
    ("lis.result", "result", "＞1000", "value_comparator", ">1000"),
    ("lis.result", "result", "５.６", "fullwidth_value", "5.6"),
    ("lis.result", "result", "操作错了", "value_unparseable", None),
    ("lis.result", "result", "5600", "value_out_of_range", "="),
    ("lis.result", "unit", "x10^9/L", "unit_variant", "10*9/L"),
    ("lis.result", "unit", "g/dL", "unit_mismatch", "g/dL"),
    ("his.diagnosis", "diagnosis_code", "Ｉ６３．９", "fullwidth_value", "I63.9"),
    ("his.diagnosis", "diagnosis_code", "I63。9", "code_format", "I63.9"),
    ("his.diagnosis", "diagnosis_code", "BJ0123", "code_system_mixed", "="),
]  # fmt: skip


@pytest.mark.parametrize("hospital", [HOSPITALS[0], HOSPITALS[2]], ids=lambda hospital: hospital.name)
def test_each_kind_planted_once_is_found_where_it_stands(hospital: Hospital) -> None:
    """Each defect goes into a file of its own, so that none excuses another; all files go through the door together."""
    random.seed(5)
    failures: list[tuple[object, ...]] = []
    for table, build in TABLES.items():
        source, entity = table.split(".")
        planted = [item for item in PLANTED if item[0] == table]
        files, rows_of = [], []
        clean = build(hospital)
        for _, column, value, _, _ in planted:
            # rows of the first item, whose results are numbers
            row = random.randrange(8, 50) * (4 if table == "lis.result" else 1) + 1
            files.append(_planted(clean, row, column, value))
            rows_of.append(row)
        cleaned = clean_rows(source, entity, *files)
        for file, (row, (_, column, value, kind, after)) in enumerate(zip(rows_of, planted, strict=True)):
            found = {issue for issue in cleaned.issues if issue[0] == file}
            if (file, row, column, kind) not in found:
                failures.append((hospital.name, column, value, kind, "not found"))
            failures += [(hospital.name, column, value, issue, "false alarm") for issue in found if issue[1] != row]
            expected = value if after == "=" else after
            actual = cleaned.value(column, row, files[file][row - 1], file)
            if actual != expected:
                failures.append((hospital.name, column, value, actual, "normal form"))
    assert failures == []


def _identifiers(rows: list[dict[str, str | None]], row: int, value: str) -> Cleaned:
    return clean_rows("his", "patient", _planted(rows, row, "patient_id", value))


@pytest.mark.parametrize(
    ("hospital", "value", "kind", "after"),
    [
        (0, "7812", "id_leading_zero", "7812"),
        (0, "0000007812", "id_leading_zero", "0000007812"),
        (0, "0000O812", "id_o_zero", "00000812"),
        (0, "ZY00007812", "id_prefix", "ZY00007812"),
        (0, "00007812-02", "id_prefix", "00007812-02"),
        (3, "POO123", "id_o_zero", "P00123"),
        (3, "00123", "id_prefix", "00123"),
        (3, "P123", "id_leading_zero", "P123"),
    ],
)
def test_what_differs_from_the_shape_of_a_column_of_identifiers_is_told(
    hospital: int, value: str, kind: str, after: str
) -> None:
    rows = patients(HOSPITALS[hospital])
    cleaned = _identifiers(rows, 17, value)
    assert cleaned.issues == {(0, 17, "patient_id", kind)}
    assert cleaned.value("patient_id", 17, {"patient_id": value}) == after


def test_the_sex_of_an_identity_card_is_compared_with_the_sex_of_the_row() -> None:
    rows = patients(HOSPITALS[0])
    row = 13
    other = "1" if rows[row - 1]["sex"] == "2" else "2"
    cleaned = clean_rows("his", "patient", _planted(rows, row, "sex", other))
    assert cleaned.issues == {(0, row, "citizen_id", "idcard_sex_mismatch")}


def test_the_name_of_the_patient_in_a_text_of_the_row_is_told() -> None:
    rows = exams(HOSPITALS[0])
    name = str(rows[20]["patient_name"])
    cleaned = clean_rows("ris", "exam", _planted(rows, 21, "findings", f"{name}右肺见结节。"))
    assert cleaned.issues == {(0, 21, "findings", "phi_in_text")}


def test_an_order_of_day_and_month_is_decided_by_the_file_or_not_at_all() -> None:
    days = [f"{day:02d}/03/2024" for day in (1, 2, 3, 14, 25)]
    decided = clean_rows("his", "patient", [{"patient_id": str(n), "registered_at": v} for n, v in enumerate(days)])
    assert decided.clean[0, 2]["registered_at"] == "2024-03-02"
    assert decided.issues == set()
    undecided = clean_rows(
        "his", "patient", [{"patient_id": str(n), "registered_at": v} for n, v in enumerate(days[:2])]
    )
    assert undecided.clean[0, 2]["registered_at"] is None
    assert undecided.kinds("registered_at", 2) == {"value_ambiguous"}
    told = clean_rows(
        "his",
        "patient",
        [{"patient_id": str(n), "registered_at": v} for n, v in enumerate(days[:2])],
        date_formats={"registered_at": "%m/%d/%Y"},
    )
    assert told.clean[0, 2]["registered_at"] == "2024-02-03"
    assert told.issues == set()


def test_zero_in_a_column_of_sexes_is_female_where_the_cards_say_so() -> None:
    rows = patients(HOSPITALS[4])
    assert clean_rows("his", "patient", rows).clean[0, 1]["sex"] == "F"
    unknown = [dict(row, sex="0" if number % 50 == 0 else ("1", "2")[number % 2]) for number, row in enumerate(rows)]
    assert clean_rows("his", "patient", unknown).clean[0, 1]["sex"] == "U"


def test_value_maps_and_words_for_nothing_of_a_mapping_are_known() -> None:
    rows: list[Row] = [
        {"patient_id": "1", "sex": "X1", "ethnicity": "ＨＡＮ", "phone": "暂无电话"},
        {"patient_id": "2", "sex": "X2", "ethnicity": "ＨＡＮ", "phone": "13900000000"},
    ]
    cleaned = clean_rows(
        "his",
        "patient",
        rows,
        codes={"sex": {"X1": "M", "X2": "F"}, "ethnicity": {"ＨＡＮ": "01"}},
        missing=["暂无电话"],
    )
    assert cleaned.issues == set()
    assert cleaned.clean == {(0, 1): {"phone": None, "sex": "M"}, (0, 2): {"sex": "F"}}


def test_words_for_no_value_become_null_without_an_issue() -> None:
    words = ["NULL", "\\N", "N/A", "不详", "/", "-", "—", "null", "　", ""]
    rows: list[Row] = [
        {"patient_id": f"P{n}", "phone": word, "birth_date": word, "ethnicity": word} for n, word in enumerate(words)
    ]
    cleaned = clean_rows("his", "patient", rows)
    assert cleaned.issues == set()
    assert all(cleaned.clean[0, n] == {"phone": None, "birth_date": None, "ethnicity": None} for n in range(1, 9))
    assert (0, 10) not in cleaned.clean


def test_an_issue_names_its_rule_and_the_digest_of_the_value_as_received() -> None:
    rows = _planted(patients(HOSPITALS[0]), 4, "birth_date", "1900-01-01")
    cleaned = clean_rows("his", "patient", rows)
    (issue,) = cleaned.issue_rows
    assert issue == {
        "file_no": 0,
        "entity": "patient",
        "row_no": 4,
        "column_name": "birth_date",
        "kind": "date_sentinel",
        "severity": read_kinds()["date_sentinel"].severity,
        "action": "null_flag",
        "before_sha256": hashlib.sha256(b"1900-01-01").hexdigest(),
        "rule_id": "date.date_sentinel/1",
    }
    rule = {"entity": "patient", "column": "birth_date", "kind": "date_sentinel", "rule_id": "date.date_sentinel/1"}
    assert cleaned.counts == [rule | {"count": 1}]


def test_a_table_without_rows_or_values_is_no_error() -> None:
    assert clean_rows("lis", "result", []).issues == set()
    assert clean_rows("his", "patient", [{"patient_id": "1"}]).clean == {}


def test_a_code_of_another_edition_among_codes_of_one_is_told() -> None:
    rows = [
        {"visit_id": f"V{number:06d}", "diagnosis_type": "1", "sequence_no": "1", "diagnosis_code": code}
        for number, code in enumerate(["J18.900", "I63.900x003", "O43.200x001"] * 20, start=1)
    ]
    rows[30]["diagnosis_code"] = "I63.9"
    cleaned = clean_rows("his", "diagnosis", rows)
    assert cleaned.issues == {(0, 31, "diagnosis_code", "code_system_mixed")}
    assert cleaned.clean == {}


def test_values_beside_the_value_map_of_a_mapping_are_told() -> None:
    rows: list[Row] = [{"patient_id": f"{number:06d}", "sex": str(number % 2)} for number in range(1, 41)]
    rows[7] = {"patient_id": "000008", "sex": "女性"}
    cleaned = clean_rows("his", "patient", rows, codes={"sex": {"1": "M", "0": "F"}})
    assert cleaned.issues == {(0, 8, "sex", "sex_code")}
    assert {cleaned.clean[0, row]["sex"] for row in (2, 8)} == {"F"}


def test_the_last_day_there_is_in_a_tenth_of_a_column_stands_for_what_has_not_ended() -> None:
    rows: list[dict[str, str | None]] = [
        {
            "visit_id": f"V{number:06d}",
            "patient_id": f"{number:06d}",
            "admitted_at": "2024-01-02 08:00:00",
            "discharged_at": "9999-12-31" if number % 6 == 0 else "2024-01-09 10:00:00",
        }
        for number in range(1, 61)
    ]
    cleaned = clean_rows("his", "encounter", rows)
    assert cleaned.issues == set()
    assert cleaned.clean[0, 6] == {"discharged_at": None}
    rare = [dict(row, discharged_at="2024-01-09 10:00:00") if row["visit_id"] != "V000006" else row for row in rows]
    assert clean_rows("his", "encounter", rare).issues == {(0, 6, "discharged_at", "date_sentinel")}


def test_contradicting_orders_of_day_and_month_are_settled_by_nearly_all_or_not_at_all() -> None:
    days = [f"{day}/03/2024" for day in range(1, 29)] * 2 + ["03/28/2024", "31/02/2024"]
    rows = [{"patient_id": f"{number:06d}", "registered_at": day} for number, day in enumerate(days, start=1)]
    settled = clean_rows("his", "patient", rows)
    assert settled.clean[0, 2]["registered_at"] == "2024-03-02"
    assert settled.issues == {(0, 57, "registered_at", "date_impossible"), (0, 58, "registered_at", "date_impossible")}


def test_small_files_of_one_layout_are_judged_together_and_told_by_themselves() -> None:
    rows = patients(HOSPITALS[0])
    files = [[row] for row in rows]
    files[40] = [dict(rows[40], registered_at="2024年5月3日", patient_id="O0001234")]
    cleaned = clean_rows("his", "patient", *files)
    assert cleaned.issues == {(40, 1, "registered_at", "date_format"), (40, 1, "patient_id", "id_o_zero")}
    assert cleaned.clean[40, 1]["registered_at"] == "2024-05-03"
    assert cleaned.clean[7, 1]["sex"] == ("M" if files[7][0]["sex"] == "1" else "F")


def test_a_birth_after_an_admission_that_waits_beside_is_told() -> None:
    rows = patients(HOSPITALS[0])
    admitted = [
        {"visit_id": f"V{number:05d}", "patient_id": row["patient_id"], "admitted_at": "2024-02-03 08:00:00"}
        for number, row in enumerate(rows)
    ]
    assert clean_rows("his", "patient", rows, beside={"encounter": admitted}).issues == set()
    admitted[9]["admitted_at"] = "1921-02-03 08:00:00"
    told = clean_rows("his", "patient", rows, beside={"encounter": admitted}).issues
    assert told == {(0, 10, "birth_date", "date_order")}


def test_a_column_a_row_cannot_do_without_keeps_a_value_of_no_use() -> None:
    rows = _planted(patients(HOSPITALS[0]), 5, "patient_id", "1.10199E+17")
    cleaned = clean_rows("his", "patient", rows)
    assert cleaned.issues == {(0, 5, "patient_id", "id_scientific")}
    assert "patient_id" not in cleaned.clean[0, 5]
