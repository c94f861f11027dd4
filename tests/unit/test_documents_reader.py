"""The reader of documents: one file is one record, named by its file name, its labels, its header."""

from pathlib import Path

import pytest

from lakehouse.errors import SettingsError
from tests.builders.reading import read

COLUMNS = {"number": ["病理号", "id"], "name": "姓名", "sex": "性别", "diagnosis": "病理诊断", "text": "text"}
PATTERN = r"(?P<id>B\d+-\d+)"


def test_labels_of_an_rtf_document_and_its_text(tmp_path: Path) -> None:
    lines = ["病理号：B1  姓名：王试甲  性别：男", "病理诊断：肺腺癌", "分化中等"]
    body = r"\par ".join("".join(f"\\'{byte:02x}" for byte in line.encode("gbk")) for line in lines)
    result = read(tmp_path / "a.rtf", rf"{{\rtf1\ansi\ansicpg936 {body}}}", COLUMNS, format="documents")
    assert result.rows == [
        {"number": "B1", "name": "王试甲", "sex": "男", "diagnosis": "肺腺癌\n分化中等", "text": "\n".join(lines)}
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("B2024-2.html", "<p>姓名：李试乙</p>".encode("gb18030")),
        ("B2024-2.txt", "姓名：李试乙".encode("utf-16")),
        ("B2024-2.xml", '<d><element name="姓名">李试乙</element></d>'.encode()),
    ],
)
def test_the_name_of_the_file_and_any_form_of_content(tmp_path: Path, name: str, content: bytes) -> None:
    result = read(tmp_path / name, content, COLUMNS, format="documents", file_name=PATTERN)
    assert [(row["number"], row["name"], row["text"]) for row in result.rows] == [("B2024-2", "李试乙", "姓名：李试乙")]


def test_the_header_of_a_clinical_document(tmp_path: Path) -> None:
    content = (
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><id extension="D1"/><effectiveTime value="20240305"/><recordTarget>'
        '<patientRole><id root="1" extension="ZY1"/></patientRole></recordTarget></ClinicalDocument>'
    )
    columns = {"document": "document_id", "patient": "patient_id", "at": "effective_time"}
    result = read(tmp_path / "a.cda", content, columns, format="documents")
    assert result.rows == [{"document": "D1", "patient": "ZY1", "at": "20240305"}]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("other.txt", b"x", "file_name_does_not_fit"), ("B1-1.jpg", b"\xff\xd8\xff\xe0", "no_text")],
)
def test_what_is_no_document_is_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    result = read(tmp_path / name, content, COLUMNS, format="documents", file_name=PATTERN)
    assert result.reasons == [(1, reason)]


def test_a_pattern_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="file_name"):
        read(tmp_path / "a.txt", b"x", COLUMNS, format="documents", file_name="(")
