"""Codes, names and phrases of a place become a lobe and a side."""

import pytest

from ai_backfill.concepts import BY_NAME, MAPPED, UNMAPPED
from ai_backfill.result import Code
from ai_backfill.site import Place, find_place, find_side


@pytest.mark.parametrize(
    ("given", "side", "place"),
    [
        (("42400003", "SCT", "anything"), None, ("RUL", "right", MAPPED)),
        (("T-28300", "SRT", ""), None, ("RML", "right", MAPPED)),
        (("RID1338", "RADLEX", ""), None, ("LLL", "left", MAPPED)),
        (("45653009", "SCT", "Upper lobe of lung"), "right", ("RUL", "right", MAPPED)),
        (("45653009", "SCT", "Upper lobe of lung"), None, (None, None, UNMAPPED)),
        (("39607008", "SCT", "Lung"), None, ("LUNG", None, MAPPED)),
        (("39607008", "SCT", "Lung"), "left", ("LUNG", "left", MAPPED)),
        (("39607008", "SCT", "Left lower lobe"), None, ("LLL", "left", BY_NAME)),
        (("3341006", "SCT", "Right lung"), None, ("LUNG", "right", MAPPED)),
        (("L1", "99V", "RUL"), None, ("RUL", "right", BY_NAME)),
        (("L1", "99V", "Right Lower Lobe"), None, ("RLL", "right", BY_NAME)),
        (("L1", "99V", "Structure of upper lobe of left lung (body structure)"), None, ("LUL", "left", BY_NAME)),
        (("L1", "99V", "Apical segment of right upper lobe"), None, ("RUL", "right", BY_NAME)),
        (("L1", "99V", "右肺上叶尖段"), None, ("RUL", "right", BY_NAME)),
        (("L1", "99V", "左肺下叶"), None, ("LLL", "left", BY_NAME)),
        (("L1", "99V", "左肺上叶下舌段"), None, ("LUL", "left", BY_NAME)),
        (("L1", "99V", "左肺舌段"), None, ("LUL", "left", BY_NAME)),
        (("L1", "99V", "右肺S6"), None, ("RLL", "right", BY_NAME)),
        (("L1", "99V", "Left lung, S1+2"), None, ("LUL", "left", BY_NAME)),
        (("L1", "99V", "右肺中叶及下叶"), None, (None, "right", UNMAPPED)),
        (("L1", "99V", "3"), None, (None, None, UNMAPPED)),
        (("L1", "99V", "Right kidney"), None, (None, "right", UNMAPPED)),
    ],
)
def test_a_place_is_a_lobe_only_when_it_says_which(
    given: tuple[str, str, str], side: str | None, place: tuple[str | None, str | None, str]
) -> None:
    code = Code(value=given[0], system=given[1], meaning=given[2])
    assert find_place(code, None, side) == Place(site=place[0], side=place[1], status=place[2])


@pytest.mark.parametrize(
    ("given", "side"),
    [
        (("24028007", "SCT", ""), "right"),
        (("G-A101", "SRT", ""), "left"),
        (("S", "99V", "双侧"), "bilateral"),
        (("S", "99V", "upper"), None),
    ],
)
def test_a_side_is_found_by_code_or_name(given: tuple[str, str, str], side: str | None) -> None:
    assert find_side(Code(value=given[0], system=given[1], meaning=given[2])) == side
