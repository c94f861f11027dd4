"""Study-level values of chest reports."""

import pytest

from report_structuring.structure import Entity, structure_report
from report_structuring.study_features import (
    best_assertion,
    find_opacity_lobes,
    is_bilateral,
    is_pneumonia_on_imaging,
)


def read(text: str) -> tuple[Entity, ...]:
    return structure_report(text, report_id="r", disease="pulmonary_infection").entities


@pytest.mark.parametrize(
    ("text", "pneumonia", "bilateral", "lobes"),
    [
        ("双肺多发磨玻璃影,以胸膜下分布为主。", True, True, ()),
        ("右肺上叶及左肺下叶见实变影，内见空气支气管征。", True, True, ("RUL", "LLL")),
        ("双肺未见实变、结节及空洞影。", False, None, ()),
        ("右侧胸腔少量积液，心包未见积液。", False, None, ()),
        ("考虑病毒性肺炎可能，请结合核酸检测。", True, None, ()),
        ("右肺中叶斑片影,较前未见明显变化。", True, False, ("RML",)),
        ("左肺上叶舌段实变。", True, False, ("LUL",)),
        ("两下肺散在片絮状影，不除外感染性病变。", True, True, ("RLL", "LLL")),
        ("右肺下叶混合磨玻璃结节，直径约0.8cm。", False, None, ()),
    ],
)
def test_opacities_decide_pneumonia_sides_and_lobes(
    text: str, pneumonia: bool, bilateral: bool | None, lobes: tuple[str, ...]
) -> None:
    entities = read(text)
    assert (is_pneumonia_on_imaging(entities), is_bilateral(entities), find_opacity_lobes(entities)) == (
        pneumonia,
        bilateral,
        lobes,
    )


def test_without_a_report_pneumonia_is_unknown() -> None:
    assert is_pneumonia_on_imaging(None) is None


def test_the_strongest_assertion_of_several_codes_counts() -> None:
    entities = read("右肺上叶未见空洞。左肺下叶空洞可能。")
    assert best_assertion(entities, frozenset({"lung.cavity"})) == "uncertain"
    assert best_assertion(entities, frozenset({"lung.mass"})) is None
