"""The XML reader: vendors' elements and attributes, encodings that lie, broken and hostile files, CDA."""

from pathlib import Path

import pytest

from ingestion.readers import HeldFileError
from tests.builders.reading import read

COLUMNS = {"exam": "@id", "name": ["XM", "BRXM"], "findings": "SEE", "hospital": "/ROOT/HEAD/@no"}
ROWS = (
    '<?xml version="1.0" encoding="GB2312"?>\n<ROOT><HEAD no="7"/>'
    '<ROW id="1"><XM>王试甲</XM><SEE>结节<5mm & 边界清\x0b&nbsp;光整</SEE></ROW>'
    '<ROW id="2"><BRXM>李试乙</BRXM><SEE><![CDATA[a & <b> 中]]></SEE></ROW></ROOT>'
)
FIRST = {"exam": "1", "name": "王试甲", "findings": "结节<5mm & 边界清\x0b&nbsp;光整", "hospital": "7"}
SECOND = {"exam": "2", "name": "李试乙", "findings": "a & <b> 中", "hospital": "7"}


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_the_bytes_decide_the_encoding_and_loose_characters_are_text(tmp_path: Path, encoding: str) -> None:
    result = read(tmp_path / "a.xml", ROWS.encode(encoding), COLUMNS, format="xml")
    assert result.rows == [FIRST, SECOND]
    assert ("encoding_mismatch" in [kind for kind, _, _ in result.kinds]) == (encoding != "gb18030")
    assert ("bom" in [kind for kind, _, _ in result.kinds]) == (encoding in ("utf-8-sig", "utf-16"))


def test_columns_by_label_pair_path_selected_attribute_and_markup(tmp_path: Path) -> None:
    content = (
        '<d><report><element name="主诉">咳嗽</element><element name="病理号" value="B1"/>'
        "<f><name>性别</name><value>男</value></f><a><b>x</b><b>y</b></a>"
        '<id root="1.2" extension="ZY1"/><id root="1.3" extension="P1"/><text><p>甲<i>乙</i></p></text></report></d>'
    )
    columns = {"c": "主诉", "n": "病理号", "s": "性别", "b": "a/b", "z": "id=1.3/@extension", "t": "text"}
    result = read(tmp_path / "a.xml", content, columns, format="xml", record="d/report")
    assert result.rows == [{"c": "咳嗽", "n": "B1", "s": "男", "b": "x\ny", "z": "P1", "t": "<p>甲<i>乙</i></p>"}]


@pytest.mark.parametrize(
    "broken",
    [ROWS.replace("</ROW><ROW", "<ROW"), ROWS.replace("</XM><SEE>结节", "</YY><SEE>结节")],
    ids=["an end is missing", "an end is another's"],
)
def test_a_broken_record_is_refused_and_the_next_is_read(tmp_path: Path, broken: str) -> None:
    result = read(tmp_path / "a.xml", broken, COLUMNS, format="xml", record="ROW")
    assert result.reasons == [(1, "xml_not_well_formed")]
    assert [row["name"] for row in result.rows] == ["李试乙"]
    assert result.numbers == [2]
    assert result.reading.held is None


def test_a_file_that_is_cut_off_is_held(tmp_path: Path) -> None:
    result = read(tmp_path / "a.xml", ROWS[:-20], COLUMNS, format="xml", record="ROW")
    assert result.reading.held == "truncated_file"


def test_a_record_with_an_entity_of_the_document_type_is_refused(tmp_path: Path) -> None:
    declared = '<!DOCTYPE r [<!ENTITY xxe SYSTEM "file:///etc/hostname"><!ENTITY a "b"><!ENTITY c "&a;&a;">]>'
    content = f"{declared}<r><ROW><XM>&xxe;</XM></ROW><ROW><XM>乙</XM></ROW><ROW><XM>&c;</XM></ROW></r>"
    result = read(tmp_path / "a.xml", content, COLUMNS, format="xml")
    assert result.reasons == [(1, "xml_entity"), (3, "xml_entity")]
    assert [row["name"] for row in result.rows] == ["乙"]


def test_a_file_without_any_record_is_refused_and_an_empty_one_is_not(tmp_path: Path) -> None:
    other = read(tmp_path / "a.xml", "<r><error>x</error></r>", COLUMNS, format="xml", record="ROW")
    assert other.reasons == [(1, "no_record")]
    assert read(tmp_path / "a.xml", "<r></r>", COLUMNS, format="xml", record="ROW").reasons == []


def test_a_document_type_without_end_holds_the_file(tmp_path: Path) -> None:
    with pytest.raises(HeldFileError):
        read(tmp_path / "a.xml", "<!DOCTYPE r [" + "<!ENTITY a 'b'>" * 100, COLUMNS, format="xml")


def test_a_record_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    deep = "<a>" * 5000 + "x" + "</a>" * 5000
    content = f"<r><ROW><XM>甲</XM></ROW><ROW>{deep}</ROW><ROW><XM>丙</XM></ROW></r>"
    result = read(tmp_path / "a.xml", content, COLUMNS, format="xml", record="ROW")
    assert result.reasons == [(2, "too_deeply_nested")]
    assert [row["name"] for row in result.rows] == ["甲", "丙"]


def test_values_around_the_records_belong_to_those_below_them(tmp_path: Path) -> None:
    content = (
        '<all><patient id="p1"><name>甲</name><visit>v1</visit><visit>v2</visit></patient>'
        '<patient id="p2"><visit>v3</visit></patient></all>'
    )
    columns = {"p": "/all/patient/@id", "n": "/all/patient/name", "v": "."}
    result = read(tmp_path / "a.xml", content, columns, format="xml", record="visit")
    assert [(row["p"], row.get("n"), row["v"]) for row in result.rows] == [
        ("p1", "甲", "v1"),
        ("p1", "甲", "v2"),
        ("p2", None, "v3"),
    ]


def test_sections_of_a_clinical_document_are_records_with_the_facts_of_its_header(tmp_path: Path) -> None:
    content = (
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="1.2" extension="D1"/><recordTarget><patientRole>'
        '<id root="2.16.156.10011.1.12" extension="ZY1"/><id root="2.16.156.10011.1.3" extension="110199"/>'
        '<patient><name>王试甲</name><administrativeGenderCode code="1"/></patient></patientRole></recordTarget>'
        '<component><structuredBody><component><section><code code="29545-1" displayName="检查所见"/><text>右肺结节</text>'
        "<component><section><title>附</title><text>二</text></section></component></section></component>"
        "</structuredBody></component></ClinicalDocument>"
    )
    columns = {
        "document": "document_id", "patient": "patient_id", "citizen": "citizen_id", "sex": "sex",
        "code": "section_code", "title": "section_title", "text": "section_text",
    }  # fmt: skip
    result = read(tmp_path / "a.xml", content, columns, format="xml")
    facts = {"document": "D1", "patient": "ZY1", "citizen": "110199", "sex": "1"}
    assert result.rows == [
        facts | {"code": "29545-1", "title": "检查所见", "text": "右肺结节"},
        facts | {"code": None, "title": "附", "text": "二"},
    ]
