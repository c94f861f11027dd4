"""Typing slips are mended on a copy of the same length, and ordinary words are left alone."""

import pytest

from report_structuring.slips import mend_slips
from report_structuring.structure import structure_report

SLIPS = """
双肺磨波璃影 | lung.ggo
摩玻璃密度影 | lung.ggo
双侧胸腔积掖 | lung.pleural_effusion
右侧勒膈角变钝 | lung.pleural_effusion
脑内血踵 | brain.ich
肋骨骨拆 | gen.fracture
胎盘值入 | pas.accreta_spectrum
子宫肌层绯薄，胎盘前置 | pas.myometrial_thinning
胆总管扩帐 | abd.bile_duct_dilatation
胆曩壁增厚 | abd.gb_wall_thickening
兰尾增粗 | abd.appendix_dilated
蛛罔膜下腔出血 | brain.sah
""".strip().splitlines()


@pytest.mark.parametrize("row", SLIPS, ids=[row.split("|")[0].strip() for row in SLIPS])
def test_a_slip_does_not_hide_a_finding(row: str) -> None:
    text, code = (part.strip() for part in row.split("|"))
    entities = structure_report(text, report_id="r").entities
    assert code in [e.code for e in entities]
    assert all(text[e.start : e.end] == e.mention for e in entities)


@pytest.mark.parametrize(
    "text",
    [
        "胎盘下缘距宫颈内口1.6cm",
        "这种情况",
        "超声波检查",
        "值班医师",
        "夜间咳嗽",
        "右肺门增大",
        "脾门增大",
        "血管扩张",
        "肝管扩张",
    ],
)
def test_ordinary_words_are_not_mended(text: str) -> None:
    assert mend_slips(text) == text
