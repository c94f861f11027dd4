"""A stored report becomes rows: the right parts in the right order, or a reason."""

from typing import Any

import pytest

from report_structuring.report_reading import choose_parts, kind_of, read_report
from report_structuring.report_sources import SOURCES, ReportSource

SOURCE = {source.source: source for source in SOURCES}


def read(source: ReportSource, **columns: Any) -> dict[str, Any]:
    row = {"_report_id": "R1", "_report_id_kind": "report", "text_sha256": "s", "_told_kind": "放射"}
    return read_report(source, row | columns, "1")


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        ({"findings": "左肺结节。", "impression": " "}, ["findings"]),
        ({"findings": "左肺结节。", "impression": "结节", "full_text": "左肺结节。\n结节"}, ["findings", "impression"]),
        ({"findings": "左肺结节。", "full_text": "病史：咳嗽三天，加重一天。\n左肺结节。"}, ["full_text"]),
        ({"impression": "肺癌", "full_text": "胸部CT平扫：左肺上叶见不规则结节。"}, ["full_text", "impression"]),
        ({"full_text": "左肺结节。"}, ["full_text"]),
        ({"full_text": None}, []),
    ],
    ids=["parts", "parts_hold_all", "whole_holds_more", "whole_lacks_one", "whole_alone", "nothing"],
)
def test_the_parts_are_read_that_hold_the_report(columns: dict[str, str | None], parts: list[str]) -> None:
    assert [column for column, _ in choose_parts(SOURCE["hl7v2"], columns)] == parts


def test_the_first_whole_report_of_several_counts() -> None:
    row = {"presented_text": "所见：左肺结节。", "narrative_text": "Report", "conclusion": "结节"}
    assert [column for column, _ in choose_parts(SOURCE["fhir"], row)] == ["presented_text"]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("放射 CT", "radiology"),
        ("US", "ultrasound"),
        ("彩超", "ultrasound"),
        ("SP", "pathology"),
        ("术后病理", "pathology"),
        ("胃镜检查", "endoscopy"),
        ("BUS CUSTOM", "radiology"),
        (None, "radiology"),
    ],
)
def test_the_kind_follows_the_words_of_the_source(told: str | None, kind: str) -> None:
    assert kind_of(told) == kind


@pytest.mark.parametrize(
    ("findings", "failure"),
    [(None, "empty_text"), (" \n ", "empty_text"), ("\x00" * 9 + "肺", "not_text"), ("肺" * 1_000_001, "too_long")],
    ids=["null", "blank", "control", "long"],
)
def test_what_cannot_be_read_has_a_reason(findings: str | None, failure: str) -> None:
    outcome = read(SOURCE["ris"], findings=findings)
    assert (outcome["report"]["failure"], outcome["entities"], outcome["measurements"]) == (failure, [], [])


def test_a_report_that_breaks_a_rule_has_a_reason_and_no_text() -> None:
    outcome = read(SOURCE["ris"], findings=5, impression="肺炎")
    assert outcome["report"]["failure"] == "unreadable_AttributeError"
    assert outcome["report"]["full_text"] is None


@pytest.mark.parametrize(
    ("findings", "flag"),
    [("No nodule.", "not_chinese"), ("左肺\x0b结节", "control_characters"), ("雙肺未見結節", None), ("左肺结节", None)],
)
def test_odd_texts_are_read_and_flagged(findings: str, flag: str | None) -> None:
    report = read(SOURCE["ris"], findings=findings)["report"]
    assert (report["failure"], report["text_flags"]) == (None, flag)


def test_rows_point_into_the_text_and_measurements_to_their_mention() -> None:
    outcome = read(
        SOURCE["path"], gross="灰白组织一块，大小3×2×1cm。", diagnosis="（阑尾）急性阑尾炎。", _told_kind="病理"
    )
    report, text = outcome["report"], outcome["report"]["full_text"]
    assert text == "大体所见：灰白组织一块，大小3×2×1cm。\n病理诊断：（阑尾）急性阑尾炎。"
    assert (report["report_kind"], report["impression"]) == ("pathology", "（阑尾）急性阑尾炎。")
    assert [(row["finding_code"], row["section"]) for row in outcome["entities"]] == [
        ("abd.appendicitis", "path_diagnosis")
    ]
    assert all(text[row["start_offset"] : row["end_offset"]] == row["mention"] for row in outcome["entities"])
    size = outcome["measurements"][0]
    assert text[size["start_offset"] : size["end_offset"]] == size["measured_text"]
    assert [axis["hi"] for axis in size["dims"]] == [30.0, 20.0, 10.0]
