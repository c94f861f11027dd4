"""What an HL7 v2 message says, as rows of raw_hl7v2."""

import base64
import collections
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.sources import Row
from ingestion.sources.hl7v2 import rows_of_message
from lakehouse.contract import read_contract
from lakehouse.formats.hl7v2 import DELETE, MalformedMessageError, parse_message, split_messages
from tests.builders import hl7v2 as make


def rows(segments: Sequence[str], table: str, message_type: str = "ORU^R01") -> list[Row]:
    """Return the rows of one table for a message of these segments."""
    raw = make.message([make.header(message_type), *segments])
    return [row for name, row in rows_of_message(parse_message(raw)) if name == table]


def picked(row: Row, *names: str) -> tuple[str | None, ...]:
    """Return some values of a row."""
    return tuple(row[name] for name in names)


def test_the_message_itself_comes_first() -> None:
    message = parse_message(make.message([make.header("ADT^A08", character_set="UNICODE UTF-8"), make.patient()]))
    table, row = next(rows_of_message(message))
    assert table == "message"
    assert picked(row, "message_control_id", "message_type", "trigger_event", "sent_at", "sending_application") == (
        "M1",
        "ADT",
        "A08",
        "20240305080300",
        "RIS",
    )
    assert picked(row, "declared_character_set", "character_set") == ("UNICODE UTF-8", "utf-8")


@pytest.mark.parametrize(
    ("written", "segments", "expected"),
    [
        ("ADT^A08", [], ("ADT", "A08")),
        ("ADT_A08", [], ("ADT", "A08")),
        ("ADT", ["EVN|A03|20240305"], ("ADT", "A03")),
        ("ACK", [], ("ACK", None)),
    ],
)
def test_type_and_event_are_found(written: str, segments: list[str], expected: tuple[str, str | None]) -> None:
    assert picked(rows(segments, "message", written)[0], "message_type", "trigger_event") == expected


def test_every_identifier_of_a_patient_is_a_row_and_citizen_numbers_are_not() -> None:
    identifiers = "110199196001020018^^^公安^NI~P1^^^HIS&BRID^PI~Z1^^^HIS&ZYH^PN~110199196001020018"
    segments = [make.patient(identifiers, more={2: "OLD1", 18: "ACC1"})]
    patient = rows(segments, "patient", "ADT^A01")[0]
    assert picked(patient, "patient_id", "patient_id_authority", "citizen_id") == (
        "P1",
        "HIS&BRID",
        "110199196001020018",
    )
    found = rows(segments, "patient_identifier", "ADT^A01")
    assert [picked(row, "identifier_number", "field", "identifier", "authority", "type_code") for row in found] == [
        ("1", "PID-3", "P1", "HIS&BRID", "PI"),
        ("2", "PID-3", "Z1", "HIS&ZYH", "PN"),
        ("3", "PID-2", "OLD1", None, None),
        ("4", "PID-18", "ACC1", None, None),
    ]


@pytest.mark.parametrize(
    ("segments", "patient_id", "citizen_id"),
    [
        (["PID|1|OLD1|||王"], "OLD1", None),
        (["PID|1||||王||||||||||||||110199196001020018"], None, "110199196001020018"),
        (["PID|1||11019919600102001Ｘ^^^HIS||王"], None, "11019919600102001Ｘ"),
        (["PID|1||202403051234567890^^^HIS||王"], "202403051234567890", None),
    ],
    ids=[
        "number in PID-2",
        "citizen number in PID-19",
        "citizen number by shape, full width",
        "18 digits, no birth date",
    ],
)
def test_patient_number_and_citizen_number_are_told_apart(
    segments: list[str], patient_id: str | None, citizen_id: str | None
) -> None:
    assert picked(rows(segments, "patient")[0], "patient_id", "citizen_id") == (patient_id, citizen_id)


@pytest.mark.parametrize(
    ("sent", "family", "given"),
    [
        ("王试甲", "王试甲", None),
        ("王^试甲", "王", "试甲"),
        ("WANG^SHIJIA^^^^^L^A~王^试甲^^^^^L^I", "王", "试甲"),
        ("老王^^^^^^N~王^试甲^^^^^L", "王", "试甲"),
        ("Beethoven&van^Ludwig", "Beethoven", "Ludwig"),
    ],
)
def test_the_proper_name_is_taken(sent: str, family: str, given: str | None) -> None:
    row = rows([make.patient(name=sent)], "patient")[0]
    assert picked(row, "patient_name", "family_name", "given_name") == (sent, family, given)


def test_delete_and_absent_stay_apart() -> None:
    row = rows(["PID|1||P1||王||19600102|||||", "PV1|1|I"], "patient")[0]
    told = rows(['PID|1||P1||王||""|||||', "PV1|1|I"], "patient")[0]
    assert (row["sex"], row["birth_date"], told["birth_date"]) == (None, "19600102", DELETE)


def test_every_merge_names_the_patient_that_stays_and_the_one_that_goes() -> None:
    segments = [
        "EVN|A40|20240305",
        make.patient("NEW1^^^HIS"),
        "MRG|OLD1^^^HIS~OLD2^^^RIS~110199196001020018^^^^NI",
        make.patient("NEW2^^^HIS"),
        "MRG|OLD3^^^HIS||||V9",
    ]
    found = rows(segments, "patient_merge", "ADT^A40")
    names = ("merge_number", "patient_id", "prior_patient_id", "prior_patient_id_authority", "prior_visit_id")
    assert [picked(row, *names) for row in found] == [
        ("1", "NEW1", "OLD1", "HIS", None),
        ("2", "NEW1", "OLD2", "RIS", None),
        ("3", "NEW2", "OLD3", "HIS", "V9"),
    ]


def test_an_encounter_has_its_places_times_and_reason() -> None:
    segments = [
        "EVN|A03|20240305||||20240304",
        make.patient(),
        make.visit(more={10: "RESP", 36: "1", 44: "20240301", 45: "20240304"}),
        "PV2|||J18.9^肺炎",
    ]
    row = rows(segments, "encounter", "ADT^A03")[0]
    assert picked(row, "visit_id", "patient_id", "ward", "room", "bed", "hospital_service", "event_at") == (
        "CANARY-V1",
        "CANARY-P1",
        "呼吸科",
        "12",
        "03",
        "RESP",
        "20240304",
    )
    assert picked(row, "admitted_at", "discharged_at", "discharge_disposition", "admit_reason") == (
        "20240301",
        "20240304",
        "1",
        "肺炎",
    )


def test_diagnoses_are_counted_through_the_message() -> None:
    segments = [make.patient(), make.visit(), "DG1|1||J18.900x001^肺炎^ICD10||20240301|A", "DG1|1||I63.9|||F"]
    names = ("diagnosis_number", "visit_id", "diagnosis_code", "diagnosis_name", "diagnosis_type")
    assert [picked(row, *names) for row in rows(segments, "diagnosis", "ADT^A08")] == [
        ("1", "CANARY-V1", "J18.900x001", "肺炎", "A"),
        ("2", "CANARY-V1", "I63.9", None, "F"),
    ]


def test_orders_take_numbers_from_orc_and_imaging_data_from_what_follows() -> None:
    segments = [
        make.patient(),
        "ORC|NW|PL1|FI1|G1|SC||||20240305",
        make.request("", status="", more={24: "CT", 27: "^^^20240306"}),
        "NTE|1||先查胸部",
        "ZDS|1.2.3^^Application^DICOM",
        "ORC|CA|PL2",
        "ORC|NW|PL3",
        "RXO|drug",
    ]
    names = ("request_number", "order_control", "placer_order_id", "filler_order_id", "study_instance_uid", "note")
    found = rows(segments, "imaging_order", "ORM^O01")
    assert [picked(row, *names) for row in found] == [
        ("1", "NW", "PL1", "FI1", "1.2.3", "先查胸部"),
        ("2", "CA", "PL2", None, None, None),
    ]
    assert picked(found[0], "service_name", "diagnostic_service_section", "scheduled_at") == (
        "胸部CT平扫",
        "CT",
        "20240306",
    )


@pytest.mark.parametrize(
    ("code", "section"),
    [
        ("CT01&GDT", "findings"),
        ("CT01&IMP", "impression"),
        ("59776-5^Procedure findings^LN", "findings"),
        ("19005-8^Radiology Imaging study [Impression]^LN", "impression"),
        ("YXBX^检查所见", "findings"),
        ("S2^超声描述", "findings"),
        ("YXZD^诊断意见", "impression"),
        ("TS^超声提示", "impression"),
        ("所见", "findings"),
        ("^Impression", "impression"),
        ("FINDINGS", "findings"),
        ("LCZD^临床诊断", None),
        ("BS^病史", None),
        ("JY^建议", None),
        ("RPT^所见及诊断", None),
        ("6742-1^Erythrocyte morphology finding [Identifier] in Blood^LN", None),
    ],
)
def test_the_identifier_tells_the_part_of_the_report(code: str, section: str | None) -> None:
    row = rows([make.patient(), make.request(), make.observation("肺炎", code=code)], "report")[0]
    expected = {"findings": None, "impression": None} | ({section: "肺炎"} if section else {})
    assert {name: row[name] for name in expected} == expected
    assert row["full_text"] == "肺炎"


def test_a_report_is_joined_from_its_lines_in_order() -> None:
    segments = [
        make.patient(),
        make.visit(),
        make.request(more={18: "ACC1", 22: "20240305090000", 32: "李医生"}),
        make.observation("两肺纹理增多。", code="A^检查所见"),
        make.observation("右下肺结节3~5mm\\.br\\边界清~心影不大", code="A^检查所见"),
        make.observation("1.右下肺结节~2.建议复查", code="B^诊断意见", more={8: "A"}),
        make.observation("写错的一行", code="B^诊断意见", status="W"),
    ]
    row = rows(segments, "report")[0]
    assert picked(row, "accession_number", "filler_order_id", "visit_id", "result_status", "abnormal_flag") == (
        "ACC1",
        "CANARY-E1",
        "CANARY-V1",
        "F",
        "A",
    )
    assert row["findings"] == "两肺纹理增多。\n右下肺结节3~5mm\n边界清\n心影不大"
    assert row["impression"] == "1.右下肺结节\n2.建议复查"
    assert row["full_text"] == f"检查所见：\n{row['findings']}\n诊断意见：\n{row['impression']}"
    assert picked(row, "text_line_count", "withdrawn_line_count") == ("3", "1")


def test_a_recalled_report_keeps_its_text() -> None:
    row = rows([make.request(status="X"), make.observation("肺炎", status="X")], "report")[0]
    assert picked(row, "result_status", "full_text") == ("X", "肺炎")


def test_each_request_has_its_own_report() -> None:
    segments = [
        make.request("E1"),
        make.observation("甲"),
        "ORC|RE",
        make.request("E2"),
        make.observation("乙"),
        make.request("E3"),
        make.observation("5.6", code="GLU", value_type="NM"),
    ]
    names = ("request_number", "filler_order_id", "full_text")
    assert [picked(row, *names) for row in rows(segments, "report")] == [("1", "E1", "甲"), ("2", "E2", "乙")]
    observed = rows(segments, "observation")
    assert [picked(row, "observation_number", "request_number", "filler_order_id") for row in observed] == [
        ("1", "1", "E1"),
        ("2", "2", "E2"),
        ("3", "3", "E3"),
    ]


def test_short_strings_are_a_report_only_where_nothing_is_measured() -> None:
    text = make.observation("两肺清晰", value_type="ST")
    number = make.observation("5.6", code="GLU", value_type="NM")
    assert [row["full_text"] for row in rows([make.request(), text], "report")] == ["两肺清晰"]
    assert rows([make.request(), text, number], "report") == []


@pytest.mark.parametrize(
    ("value_type", "sent", "value", "value_code"),
    [
        ("NM", "5.60", "5.60", None),
        ("NM", "<0.05", "<0.05", None),
        ("SN", ">^10", ">10", None),
        ("SN", "^3^-^5", "3-5", None),
        ("CE", "POS^阳性^L", "阳性", "POS"),
        ("CWE", "POS", "POS", "POS"),
        ("ST", "a^b&c", "a^b&c", None),
        ("TX", "第一行~~第三行", "第一行\n\n第三行", None),
        ("TX", "2~3cm，3cm~5cm", "2~3cm，3cm~5cm", None),
        ("TX", "大小3~2.钙化", "大小3\n2.钙化", None),
        ("TX", "直径3~2.5cm", "直径3~2.5cm", None),
        ("ED", f"^TEXT^plain^Base64^{base64.b64encode('肺炎'.encode('gb18030')).decode()}", "肺炎", None),
        ("ED", "^application^PDF^Base64^JVBERi0=", "^application^PDF^Base64^JVBERi0=", None),
        ("DT", "20240305", "20240305", None),
        ("TX", DELETE, DELETE, None),
        ("", "字", "字", None),
        ("NM", "", None, None),
    ],
)
def test_a_value_is_read_by_its_type(value_type: str, sent: str, value: str | None, value_code: str | None) -> None:
    row = rows([make.request(), make.observation(sent, value_type=value_type)], "observation")[0]
    assert picked(row, "value", "value_code") == (value, value_code)


@pytest.mark.parametrize(
    ("sent", "value", "status", "rejoined"),
    [
        ("左肺|右肺|纵隔", "左肺|右肺|纵隔", "F", "2"),
        ("左肺||右肺", "左肺||右肺", "F", "2"),
        ("左肺", "左肺", "F", "0"),
    ],
)
def test_field_separators_inside_a_text_are_put_back(sent: str, value: str, status: str, rejoined: str) -> None:
    row = rows([make.observation(sent, more={8: "A", 14: "20240305"})], "observation")[0]
    assert picked(row, "value", "abnormal_flags", "status", "observed_at", "value_rejoined_count") == (
        value,
        "A",
        status,
        "20240305",
        rejoined,
    )


def test_an_absent_status_is_no_sign_of_separators_inside_a_text() -> None:
    row = rows(["OBX|1|TX|A||text|||||||||20120920203600"], "observation")[0]
    assert picked(row, "value", "status", "observed_at") == ("text", None, "20120920203600")


def test_notes_stay_with_what_they_are_about() -> None:
    segments = [
        "NTE|1||of the message",
        make.patient(),
        "NTE|1||of the patient",
        make.request(),
        "NTE|1||of the request",
        "TQ1|1",
        "NTE|2||and more",
        make.observation("甲"),
        "PRT||AD",
        "NTE|1||of the observation",
        "SPM|1",
        "NTE|1||of the specimen",
    ]
    assert rows(segments, "report")[0]["note"] == "of the request\nand more"
    assert rows(segments, "observation")[0]["note"] == "of the observation"


def test_the_same_message_gives_the_same_rows_twice() -> None:
    raw = make.message([make.header("ORU^R01"), make.patient(), make.request(), make.observation("甲")])
    assert list(rows_of_message(parse_message(raw))) == list(rows_of_message(parse_message(raw)))


names = st.sampled_from(
    ["PID", "MRG", "PV1", "PV2", "DG1", "ORC", "OBR", "OBX", "NTE", "IPC", "ZDS", "EVN", "RXO", "ZZZ"]
)
field = st.sampled_from(
    ["", '""', "1", "TX", "CE", "SN", "ED", "F", "X", "a^b^c", "~~", "1~2", "^TEXT^^Base64^x", "\\X4\\"]
)
segments = st.lists(st.tuples(names, st.lists(field, max_size=14)).map(lambda s: "|".join([s[0], *s[1]])), max_size=12)


@given(st.sampled_from(["ORU^R01", "ORM^O01", "ADT^A40", "MDM^T02", "", "X"]), segments)
def test_any_segments_give_rows_of_the_contract_with_distinct_keys(message_type: str, content: list[str]) -> None:
    contract = read_contract("hl7v2")
    seen = set()
    for table, row in rows_of_message(parse_message(make.message([make.header(message_type), *content]))):
        # what a message takes back says so beside the columns of its contract
        assert set(row) - {"_change"} == set(contract[table].column_names)
        assert row.get("_change") in (None, "deleted", "voided")
        assert all(value is None or value for value in row.values())
        key = (table, *(row[name] for name in contract[table].key))
        assert key not in seen
        seen.add(key)


def test_rows_of_the_shared_messages(shared: Path) -> None:
    counts: collections.Counter[str] = collections.Counter()
    refused: collections.Counter[str] = collections.Counter()
    for path in sorted((shared / "data" / "hl7v2").rglob("*.hl7")):
        for raw in split_messages(path.read_bytes()):
            try:
                counts.update(table for table, _ in rows_of_message(parse_message(raw)))
            except MalformedMessageError as error:
                refused[error.reason] += 1
    assert not refused
    assert counts == {
        "message": 166,
        "patient": 169,
        "patient_identifier": 489,
        "patient_merge": 16,
        "encounter": 128,
        "diagnosis": 55,
        "imaging_order": 24,
        "report": 12,
        "observation": 303,
    }
