"""Structuring of whole reports: spans, sections, measurements, change, determinism, robustness."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report_structuring.sections import Section
from report_structuring.structure import Structured, as_prediction, structure_report


def structure(text: str, **options: str) -> Structured:
    return structure_report(text, report_id="r", **options)  # type: ignore[arg-type]


# Specification 9.6, one line each: text | expected (code assertion change), in the order of the text.
REGRESSIONS = """
未见结节、实变及胸腔积液 | lung.nodule absent -; lung.consolidation absent -; lung.pleural_effusion absent -
不能除外肺炎 | lung.pneumonia uncertain -
并非没有实变 | lung.consolidation present -
右肺结节无著变 | lung.nodule present stable
脑内水肿未见减轻 | brain.edema present stable
原实变已消散 | lung.consolidation historical resolved
建议MRI除外脑梗死 | rec.mri recommendation -; brain.infarct recommendation -
除上述软化灶外，未见梗死 | brain.encephalomalacia present -; brain.infarct absent -
胆管及输尿管未见扩张 | abd.bile_duct_dilatation absent -; abd.ureter_dilatation absent -
晕征（-） | lung.halo_sign absent -
胎盘后低回声带消失 | pas.clear_zone_loss present -
肺癌术后 | gen.lung_resection historical -
结核待排 | lung.tb uncertain -
左肺上叶新见磨玻璃影，较前片 | lung.ggo present new
左侧胸腔积液较前增多 | lung.pleural_effusion present increased
右侧基底节区血肿较前(2024-5-2)明显缩小，周围水肿同前相仿 | brain.ich present decreased; brain.edema present stable
双肺炎症治疗后好转 | lung.pneumonia present decreased
""".strip().splitlines()


@pytest.mark.parametrize("row", REGRESSIONS, ids=[row.split("|")[0].strip() for row in REGRESSIONS])
def test_regressions_of_the_specification_stay_green(row: str) -> None:
    text, expected = (part.strip() for part in row.split("|"))
    found = [f"{e.code} {e.assertion} {e.change or '-'}" for e in structure(text).entities]
    assert found == [part.strip() for part in expected.split(";")]


def test_the_absence_of_decidua_is_a_finding_of_placental_pathology() -> None:
    found = structure("镜下：母面局部附着平滑肌，其间未见蜕膜组织。", report_kind="pathology", disease="pas").entities
    assert [(e.code, e.assertion) for e in found][-1] == ("pas.decidua_absent", "present")


# text | kind | dims | unit | op | time
MEASUREMENTS = [
    ("结节大小1.2cm×0.8cm", "size", [[12, 12], [8, 8]], "mm", "eq", "current"),
    ("结节大小12×8mm", "size", [[12, 12], [8, 8]], "mm", "eq", "current"),
    ("结节12*8 mm", "size", [[12, 12], [8, 8]], "mm", "eq", "current"),
    ("血肿4.0 cm X 3.2 cm", "size", [[40, 40], [32, 32]], "mm", "eq", "current"),
    ("结节９ｍｍ×６ｍｍ", "size", [[9, 9], [6, 6]], "mm", "eq", "current"),
    ("血肿4.2cm×3.1cm×3.5cm", "size", [[42, 42], [31, 31], [35, 35]], "mm", "eq", "current"),
    ("结节2.2×1.9厘米", "size", [[22, 22], [19, 19]], "mm", "eq", "current"),
    ("结节1.2cm×8mm", "size", [[12, 12], [8, 8]], "mm", "eq", "current"),
    ("结节直径约0.6-0.9cm", "diameter", [[6, 9]], "mm", "eq", "current"),
    ("结节直径3～6mm", "diameter", [[3, 6]], "mm", "eq", "current"),
    ("结节直径<4mm", "diameter", [[4, 4]], "mm", "lt", "current"),
    ("结节直径不足5mm", "diameter", [[5, 5]], "mm", "lt", "current"),
    ("肠管宽3cm以上", "width", [[30, 30]], "mm", "ge", "current"),
    ("陷窝（＞3个）", "count", [[3, 3]], None, "gt", "current"),
    ("血肿最大层面6.0cm×4.1cm", "area", [[60, 60], [41, 41]], "mm", "eq", "current"),
    ("血肿体积约23ml", "volume", [[23, 23]], "mL", "eq", "current"),
    ("出血量约30毫升", "volume", [[30, 30]], "mL", "eq", "current"),
    ("CT值20～45Hu", "ct_value", [[20, 45]], "HU", "eq", "current"),
    ("狭窄率约50%～69%", "percent", [[50, 69]], "percent", "eq", "current"),
    ("PSV 160cm/s", "velocity", [[160, 160]], "cm/s", "eq", "current"),
    ("RI 0.55", "ri", [[0.55, 0.55]], "ratio", "eq", "current"),
    ("评分10分", "score", [[10, 10]], "score", "eq", "current"),
    ("ASPECTS=9", "score", [[9, 9]], "score", "eq", "current"),
    ("羊水指数12.3cm", "afi", [[123, 123]], "mm", "eq", "current"),
    ("结节前片约15mm", "diameter", [[15, 15]], "mm", "eq", "prior"),
    ("胸腔积液最大厚度约9mm", "thickness", [[9, 9]], "mm", "eq", "current"),
    ("中线结构左移约6mm", "distance", [[6, 6]], "mm", "eq", "current"),
    ("淋巴结短径约8mm", "short_axis", [[8, 8]], "mm", "eq", "current"),
]


@pytest.mark.parametrize(("text", "kind", "dims", "unit", "op", "time"), MEASUREMENTS, ids=[m[0] for m in MEASUREMENTS])
def test_a_measurement_is_read_in_canonical_units(
    text: str, kind: str, dims: list[list[float]], unit: str | None, op: str, time: str
) -> None:
    (found,) = structure(text).measurements
    assert (found.kind, [list(d) for d in found.dims], found.unit, found.op, found.time) == (kind, dims, unit, op, time)


def test_a_change_of_size_gives_the_prior_and_the_current_value() -> None:
    found = structure("右肺结节由3.0*2.2cm缩小至1.4*1.0cm。").measurements
    assert [(m.time, m.dims[0][0]) for m in found] == [("prior", 30), ("current", 14)]


@pytest.mark.parametrize(
    "text",
    [
        "2023-11-02",
        "Se3 Im57",
        "T2WI",
        "L4-5椎间盘",
        "C6/7",
        "M1段",
        "第9、10肋",
        "4R区",
        "5mm层厚扫描",
        "Tmax>6s",
        "rCBF<30%区",
        "孕28周",
        "3个月后",
        "结节2枚",
        "1个",
        "电话13800138000",
    ],
)
def test_what_is_not_a_measurement_stays_unread(text: str) -> None:
    assert structure(text).measurements == ()


LINKS = [
    ("右肺上叶结节，大小约5mm×4mm。", "lung.nodule"),
    ("双肺多发结节，较大者位于左肺下叶，大小约2.1×1.7cm。", "lung.nodule"),
    ("胆总管内径约0.7cm，未见扩张。", None),
    ("胎盘厚4.6cm。", None),
    ("宫颈管长2.6cm。", None),
    ("胎盘下缘距宫颈内口约1.6cm，胎盘位置低。", "pas.low_lying"),
]


@pytest.mark.parametrize(("text", "code"), LINKS, ids=[link[0] for link in LINKS])
def test_a_measurement_belongs_to_the_finding_it_is_said_of(text: str, code: str | None) -> None:
    structured = structure(text)
    codes = {e.id: e.code for e in structured.entities}
    (found,) = structured.measurements
    assert codes.get(found.entity or "") == code


SECTIONS = [
    ("检查所见：双肺清晰。\n诊断意见：未见异常。", ["findings", "impression"]),
    ("【影像表现】双肺清晰。【影像诊断】未见异常。", ["findings", "impression"]),
    ("<b>超声所见</b>：肝大。<br/>超声提示：肝大。", ["findings", "impression"]),
    (
        "临床诊断：肺炎？\n检查技术：平扫。\n影像学所见：双肺清晰。\n印象：正常。",
        ["clinical_diagnosis", "technique", "findings", "impression"],
    ),
    ("肉眼：灰白组织。\n镜下：坏死。\n诊断：炎症。", ["gross", "microscopic", "path_diagnosis"]),
    ("双肺纹理增多，提示病情进展。", ["unsectioned"]),
    ("双肺见斑片影印象双肺炎症", ["findings", "impression"]),
]


@pytest.mark.parametrize(("text", "labels"), SECTIONS, ids=[s[0][:16] for s in SECTIONS])
def test_headers_open_sections(text: str, labels: list[str]) -> None:
    kind = "pathology" if "path_diagnosis" in labels else "radiology"
    assert [s.label for s in structure(text, report_kind=kind).sections] == labels


def test_given_sections_win_but_a_header_inside_one_still_splits_it() -> None:
    text = "双肺清晰。印象：双肺未见结节。建议复查"
    given = [
        Section(label="findings", start=0, end=len(text) - 4),
        Section(label="recommendation", start=len(text) - 4, end=len(text)),
    ]
    labels = [s.label for s in structure_report(text, report_id="r", sections=given).sections]
    assert labels == ["findings", "impression", "recommendation"]


def test_a_line_wrapped_inside_a_sentence_does_not_end_the_negation() -> None:
    text = "检查所见：双肺纹理清晰走行自然，双肺实质内未见结节、\n实变及空洞，气管支气管通畅。"
    assert {e.assertion for e in structure(text).entities} == {"absent"}


def test_markup_and_full_width_characters_keep_raw_offsets() -> None:
    text = "<p>检查所见：右肺上叶见&nbsp;“磨玻璃”密度影，大小约１２ｍｍ㎜</p>"
    structured = structure(text)
    assert all(text[e.start : e.end] == e.mention for e in structured.entities)
    assert [e.code for e in structured.entities] == ["lung.ggo"]


def test_mojibake_is_flagged() -> None:
    assert structure("\ufffd\ufffd双肺结节").flags == ("mojibake",)


def test_gold_scores_stay_above_the_gate(shared: Path, tmp_path: Path) -> None:
    gold = shared / "gold" / "reports_dev.jsonl"
    lines = []
    for report in map(json.loads, gold.read_text(encoding="utf-8").splitlines()):
        structured = structure_report(
            report["text"], report_id=report["report_id"], report_kind=report["report_kind"], disease=report["disease"]
        )
        assert all(report["text"][e.start : e.end] == e.mention for e in structured.entities)
        lines.append(json.dumps(as_prediction(structured), ensure_ascii=False))
    predictions = tmp_path / "pred.jsonl"
    predictions.write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, str(shared / "gold" / "evaluate.py"), "--gold", str(gold), "--pred", str(predictions)),
            *("--fail-under", "entity_assertion=0.92", "--fail-under", "measurement=0.93"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-400:] + done.stderr[-400:]


CLINICAL = st.text(
    alphabet=st.sampled_from(
        list(
            "双左右肺上下叶见未无可能除外不考虑结节实变积液脑出血梗死胎盘植入阑尾炎较前吸收建议复查，。、；：？（）-+×12.5cm ml%\n史术后原"
        )
    ),
    max_size=120,
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), CLINICAL), st.sampled_from(["radiology", "ultrasound", "pathology"]))
def test_any_string_is_structured_without_an_error_and_with_true_spans(text: str, kind: str) -> None:
    structured = structure(text, report_kind=kind)
    assert structured == structure(text, report_kind=kind)
    for item in structured.entities:
        assert 0 <= item.start < item.end <= len(text)
        assert text[item.start : item.end] == item.mention
    for found in structured.measurements:
        assert text[found.start : found.end] == found.text
    ends = [s.end for s in structured.sections]
    assert ends == sorted(ends)


@pytest.mark.parametrize(
    "unit", ["未见结节、", "1×2", "<a", "考虑炎症可能", "\x00\x01", "省市区路", "锟斤拷\ufffd", "双肺"]
)
def test_a_hundred_kilobytes_of_anything_is_structured(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    assert structure(text).report_id == "r"
