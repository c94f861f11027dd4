"""Columns of imaging marts out of report texts: the worked cases, and what they do not show."""

import csv
from pathlib import Path

import pytest

from lakehouse.errors import UsageError
from report_structuring.structure import structure_report
from report_structuring.study_features.mentions import Value
from report_structuring.study_features.study import READERS, read_study
from serving.scores.report_features import disease_of, read_report_cases
from tests.conftest import PROJECT


def read(text: str, disease: str = "pulmonary_infection", modality: str | None = None) -> dict[str, Value]:
    """Return the columns of one report."""
    return read_study(structure_report(text, report_id="r", modality=modality, disease=disease), text, disease)


@pytest.mark.parametrize("disease", sorted(READERS))
def test_the_worked_cases_hold(disease: str, tmp_path: Path) -> None:
    source, out = PROJECT / "tests" / "cases" / f"{disease}_report_features.csv", tmp_path / "out.csv"

    assert disease_of(f"{disease}_report_features") == disease
    read_report_cases(disease, source, out)

    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert [f"{row['case_id']} {row['value']}" for row in rows if row["value"] != row["expected_value"]] == []


@pytest.mark.parametrize(
    ("text", "pneumonia", "bilateral", "lobes"),
    [
        ("双肺多发磨玻璃影,以胸膜下分布为主。", True, True, None),
        ("右肺上叶及左肺下叶见实变影，内见空气支气管征。", True, True, "RUL;LLL"),
        ("双肺未见实变、结节及空洞影。", False, None, None),
        ("右侧胸腔少量积液，心包未见积液。", False, None, None),
        ("考虑病毒性肺炎可能，请结合核酸检测。", True, None, None),
        ("右肺中叶斑片影,较前未见明显变化。", True, False, "RML"),
        ("左肺上叶舌段实变。", True, False, "LUL"),
        ("两下肺散在片絮状影，不除外感染性病变。", True, True, "RLL;LLL"),
        ("右肺下叶混合磨玻璃结节，直径约0.8cm。", False, None, None),
    ],
)
def test_opacities_decide_pneumonia_sides_and_lobes(
    text: str, pneumonia: bool, bilateral: bool | None, lobes: str | None
) -> None:
    found = read(text)
    assert (found["pneumonia_on_imaging"], found["bilateral"], found["opacity_lobes"]) == (pneumonia, bilateral, lobes)


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("双肺弥漫分布磨玻璃影，密度均匀。", "homogeneous_extensive_ggo", True),
        ("双肺弥漫分布磨玻璃影，密度不均匀。", "homogeneous_extensive_ggo", False),
        ("双肺弥漫均匀磨玻璃影。", "homogeneous_extensive_ggo", True),
        ("右肺下叶大叶性实变影。", "lobar_segmental_consolidation", True),
        ("双侧腋窝见肿大淋巴结，纵隔未见肿大淋巴结。", "lymphadenopathy", "absent"),
        ("左肺上叶结节，大小约12mm×8mm，前片约9mm×7mm。", "report_nodule_max_mm", 12.0),
        ("左肺上叶结节，直径约45mm。", "report_nodule_max_mm", None),
        ("双肺病变较前明显吸收、减少。", "change_vs_prior", "decreased"),
        ("双肺渗出影较前增多，右侧胸腔积液较前吸收。", "change_vs_prior", "increased"),
        ("ＣＯ－ＲＡＤＳ分级：５级。", "corads_reported", 5.0),
        ("双侧胸腔积液，左侧著。", "effusion_side", "both"),
    ],
)
def test_chest_columns(text: str, column: str, value: Value) -> None:
    assert read(text)[column] == value


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("蛛网膜下腔少量积血。", "sah_thickness", "thin"),
        ("脑沟脑池内见铸型高密度，蛛网膜下腔出血。", "sah_thickness", "thick"),
        ("颅内未见出血。", "sah_thickness", "none"),
        ("左侧大脑中动脉M1段闭塞。", "lvo_site", "M1"),
        ("双侧颈内动脉重度狭窄，左侧椎动脉轻度狭窄。", "max_stenosis_pct", 85.0),
        ("右侧颈内动脉闭塞。", "max_stenosis_pct", 100.0),
        ("左侧额叶急性脑梗死，右侧基底节区陈旧性梗死灶。", "lesion_side", "left"),
        ("PC-ASPECTS 7分。", "aspects_total", None),
        ("左侧ASPECTS：10分。", "aspects_total", 10.0),
    ],
)
def test_stroke_columns(text: str, column: str, value: Value) -> None:
    assert read(text, "stroke", "CT")[column] == value


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("胎盘下缘越过宫颈内口约2.5cm。", "edge_to_os_mm", -25.0),
        ("胎盘下缘距宫颈内口约1.8cm。", "edge_to_os_mm", 18.0),
        ("胎盘下缘距宫颈内口约1.8cm。", "os_relation", "not_reaching"),
        ("诊断意见：部分性前置胎盘。", "os_relation", "covers_partial"),
        ("胎盘附着于子宫前壁及后壁。", "placenta_site", "mixed"),
        ("膀胱线欠连续，局部中断。", "bladder_line", "interrupted"),
        ("子宫肌层最薄处约0.6mm。", "myometrial_thinning", "present"),
        ("胎盘后方见桥血管穿过肌层。", "subplacental_flow", "cross_border"),
        ("宫颈管内未见血窦。", "cervical_sinus", "none"),
        ("未见胎盘植入征象。", "pas_impression", "none"),
        ("诊断意见：胎盘植入（穿透型可能）。", "pas_impression", "percreta"),
        ("胎盘植入超声评分：9分。", "us_score_reported", 9.0),
        ("胎盘后低信号线中断。", "retroplacental_line_loss", "present"),
        ("胎盘覆盖原剖宫产切口瘢痕处。", "over_scar", "present"),
    ],
)
def test_placenta_columns(text: str, column: str, value: Value) -> None:
    assert read(text, "placenta_accreta", "US")[column] == value


def test_fibres_on_the_basal_plate_are_no_depth() -> None:
    for text, depth in (
        ("大体所见：送检子宫一个。镜下所见：绒毛侵入肌层。", "increta"),
        ("大体所见：胎盘一个。镜下所见：基底板见平滑肌纤维附着。", None),
        ("大体所见：次全子宫及胎盘。镜下所见：底蜕膜完整。", "none"),
    ):
        structured = structure_report(text, report_id="r", report_kind="pathology", disease="placenta_accreta")
        assert read_study(structured, text, "placenta_accreta")["path_depth"] == depth


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("胰腺坏死，坏死范围小于胰腺30%。", "necrosis_pct", 15.0),
        ("胰腺增强扫描强化均匀，未见坏死。", "necrosis_pct", 0.0),
        ("胰周见多发液体积聚。", "balthazar_grade", "E"),
        ("胰腺炎，Balthazar分级：D级。", "balthazar_grade", "D"),
        ("主动脉夹层，累及升主动脉。", "stanford_type", "A"),
        ("胆囊壁厚约5mm。", "gb_wall_thickening", "present"),
        ("胆囊窝少量积液。", "pericholecystic_fluid", "present"),
        ("右肾未见积水。", "hydronephrosis_grade", "none"),
        ("结肠肠管扩张，最宽约7.5cm。", "large_bowel_max_mm", 75.0),
        ("结肠肠管扩张，最宽约7.5cm。", "small_bowel_max_mm", None),
        ("诊断意见：胃窦穿孔，急性阑尾炎可能。", "imaging_dx_category", "gi_perforation"),
        ("诊断意见：急性阑尾炎可能。", "imaging_dx_certainty", "uncertain"),
        ("诊断意见：右侧腹股沟疝。", "imaging_dx_category", None),
        ("诊断意见：右侧腹股沟嵌顿疝。", "imaging_dx_category", "hernia_incarcerated"),
        ("腹腔大量积液，膈下见游离气体。", "diffuse_peritonitis_ct", "present"),
        ("胸腔未见积液，腹腔未见积液，胰腺肿胀。", "extrapancreatic_complication", "absent"),
        ("阑尾壁强化缺失。", "appendix_gangrene", "present"),
    ],
)
def test_abdomen_columns(text: str, column: str, value: Value) -> None:
    assert read(text, "acute_abdomen", "CT")[column] == value


def test_an_unknown_column_is_told_with_its_row(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("case_id,report_text,column_name\nS01,双肺未见异常,weight\n", encoding="utf-8")
    with pytest.raises(UsageError, match="row 1"):
        read_report_cases("stroke", source, tmp_path / "out.csv")
