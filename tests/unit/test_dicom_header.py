"""What is read from the header of one file, and why a file has none."""

import logging
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_index.headers import describe_file
from lakehouse.formats.dicom import REFUSALS, UnreadableError, read_header
from tests.builders.dicom import DIRECTORY, ROOT, dicom_bytes, element, tagged, write_dicom


def refusal_of(path):
    with pytest.raises(UnreadableError) as caught:
        read_header(path)
    return caught.value.reason


@pytest.mark.parametrize(
    ("keyword", "written", "text"),
    [
        ("SliceThickness", "1.25", "1.25"),
        ("SeriesNumber", " 7", "7"),
        ("ImageType", "ORIGINAL\\PRIMARY \\AXIAL", "ORIGINAL\\PRIMARY\\AXIAL"),
        ("FrameOfReferenceUID", "1.2.3", "1.2.3"),
        ("Rows", 512, "512"),
        ("SpiralPitchFactor", 0.5, "0.5"),
        ("ImageComments", "two\\words  ", "two\\words"),
        ("FrameIncrementPointer", struct.pack("<HH", 0x18, 0x1063), "(0018,1063)"),
        ("ExposureTime", "1,25", "1,25"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_value_becomes_text(tmp_path, keyword, written, text):
    path = write_dicom(tmp_path / "image", attributes={keyword: written})
    assert read_header(path).attributes[keyword] == text


def test_smallest_pixel_value_is_signed_when_the_pixels_are(tmp_path):
    value = element("SmallestImagePixelValue", struct.pack("<h", -5), vr="UN")
    for representation, text in ((0, "65531"), (1, "-5")):
        attributes = {"PixelRepresentation": representation}
        path = write_dicom(tmp_path / str(representation), attributes=attributes, extra=value)
        assert read_header(path).attributes["SmallestImagePixelValue"] == text


def test_only_the_top_level_counts(tmp_path):
    inner = element("PatientID", "INNER") + element("StudyInstanceUID", "9.9.9")
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner
    sequence = element("OtherPatientIDsSequence", item, vr="SQ")
    attributes = read_header(write_dicom(tmp_path / "image", extra=sequence)).attributes
    assert attributes["PatientID"] == "CANARY-0001"
    assert attributes["StudyInstanceUID"] == f"{ROOT}.1"
    assert "OtherPatientIDsSequence" not in attributes


def test_private_elements_are_kept_apart_by_their_creator(tmp_path):
    private = [
        (0x00290010, "LO", "VENDOR ONE"),
        (0x00291008, "CS", "CANARY PRIVATE"),
        (0x00291010, "OB", bytes(range(40))),
        (0x00291012, "US", 7),
    ]
    header = read_header(write_dicom(tmp_path / "image", private=private))
    assert header.private == {
        "0029,VENDOR ONE,08": "CANARY PRIVATE",
        "0029,VENDOR ONE,10": "(40 bytes)",
        "0029,VENDOR ONE,12": "7",
    }
    assert "CANARY PRIVATE" not in header.attributes.values()


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [(b"ISO_IR 100", "gbk"), (None, "gbk"), (b"GB18030", "gb18030"), (b"ISO_IR 192", "utf-8"), (b"UTF8", "utf-8")],
)
def test_every_text_is_decoded_with_the_repaired_set_and_the_name_is_kept_as_bytes(tmp_path, declared, encoding):
    attributes = {"PatientName": "张三", "StudyDescription": "胸部平扫", "InstitutionalDepartmentName": "放射科"}
    path = write_dicom(tmp_path / "image", attributes=attributes, character_set=declared, encoding=encoding)
    header = read_header(path)
    assert {keyword: header.attributes[keyword] for keyword in attributes} == attributes
    assert header.patient_name_bytes is not None
    assert header.patient_name_bytes.rstrip() == "张三".encode(encoding)


@pytest.mark.parametrize(
    ("options", "truncated"),
    [
        ({}, False),
        ({"keep": -1}, True),
        ({"pixels": bytes(30)}, True),
        ({"pixels": None}, None),
        ({"fragments": [bytes(100), bytes(80)]}, False),
        ({"fragments": [bytes(100), bytes(80)], "keep": -9}, True),
        ({"fragments": [bytes(100)], "is_closed": False}, True),
        ({"fragments": [b"\xfe\xff\xdd\xe0" + bytes(200_000)], "keep": -100_000}, True),
        ({"pixels": bytes(30), "attributes": {"SamplesPerPixel": 1, "Rows": 3}}, False),
        (
            {"attributes": {"PhotometricInterpretation": "YBR_FULL_422", "SamplesPerPixel": 3, "BitsAllocated": 8}},
            False,
        ),
    ],
    ids=[
        "whole",
        "one byte short",
        "declared shorter than its rows and columns",
        "no pixel data",
        "encapsulated",
        "encapsulated, cut in the last fragment",
        "encapsulated, not closed",
        "the delimiter's bytes in the middle of a fragment",
        "longer than needed",
        "subsampled colour",
    ],
)
def test_truncation_is_found_without_decoding(tmp_path, options, truncated):
    assert read_header(write_dicom(tmp_path / "image", **options)).is_truncated is truncated


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (b"hello, not DICOM\n" * 50, "not_dicom"),
        (bytes(5000), "not_dicom"),
        (b"\x08\x00\x05\x00 but then something else" * 20, "not_dicom"),
        (bytes(128) + b"DICM", "truncated_header"),
        (dicom_bytes(attributes={"SOPInstanceUID": None}), "no_sop_instance_uid"),
        (dicom_bytes(attributes={"SOPInstanceUID": ""}), "no_sop_instance_uid"),
        (dicom_bytes(attributes={"SOPClassUID": DIRECTORY, "SOPInstanceUID": None}), "dicomdir"),
        (dicom_bytes(pixels=None)[:-3], "truncated_header"),
        (dicom_bytes()[:-36], "truncated_header"),
        (dicom_bytes(extra=element("ImageComments", "x" * 40))[:-60], "truncated_header"),
        (dicom_bytes(extra=b"\x28\x00\x30\x12UN\x00\x00\xf0\xff\xff\x7f"), "truncated_header"),
    ],
    ids=[
        "empty",
        "text",
        "zeros",
        "begins like a data set",
        "prefix only",
        "no SOP Instance UID",
        "empty SOP Instance UID",
        "DICOMDIR",
        "cut in a value",
        "cut in the head of the pixel data",
        "cut before the pixel data",
        "a length of two gigabytes",
    ],
)
def test_a_file_without_a_header_is_refused_with_a_reason(tmp_path, content, reason):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert refusal_of(path) == reason
    assert reason in REFUSALS


def test_a_file_that_cannot_be_opened_is_refused(tmp_path):
    assert refusal_of(tmp_path / "not there") == "io_error"
    assert refusal_of(tmp_path) == "io_error"


@pytest.mark.parametrize(("with_preamble", "with_meta"), [(False, True), (False, False)])
def test_a_bare_data_set_is_read(tmp_path, with_preamble, with_meta):
    header = read_header(write_dicom(tmp_path / "image", with_preamble=with_preamble, with_meta=with_meta))
    assert header.attributes["SOPInstanceUID"] == f"{ROOT}.1.1.1"
    assert header.is_truncated is False


def test_a_file_that_begins_with_the_prefix_is_read(tmp_path):
    path = tmp_path / "image"
    content = dicom_bytes()[128:]
    path.write_bytes(content)
    header = read_header(path)
    assert header.attributes["PatientID"] == "CANARY-0001"
    assert header.pixel_data_offset == len(content) - 32


def test_an_unknown_vr_is_read_by_the_dictionary(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(dicom_bytes().replace(b"\x10\x00\x20\x00LO", b"\x10\x00\x20\x00ZZ"))
    assert read_header(path).attributes["PatientID"] == "CANARY-0001"


def test_an_element_of_an_unknown_tag_is_passed_over(tmp_path):
    assert read_header(write_dicom(tmp_path / "image", extra=tagged(0x00300FFE, "LO", "x"))).is_truncated is False


def test_what_was_read_before_a_file_broke_off_is_described_with_the_reason(tmp_path):
    cut_header = describe_file(write_dicom(tmp_path / "a", pixels=None, keep=-3))
    cut_pixels = describe_file(write_dicom(tmp_path / "b", keep=-3))
    whole = describe_file(write_dicom(tmp_path / "c"))
    assert (cut_header["reason"], cut_header["PatientID"]) == ("truncated_header", "CANARY-0001")
    assert (cut_pixels["reason"], cut_pixels["Rows"]) == ("truncated_pixel_data", "4")
    assert "reason" not in whole


def test_no_value_reaches_a_log_or_an_error(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    path = write_dicom(
        tmp_path / "CANARY-file", attributes={"StudyDate": "CANARY", "SeriesNumber": "CANARY"}, character_set=b"CANARY"
    )
    read_header(path)
    with pytest.raises(UnreadableError) as caught:
        read_header(write_dicom(tmp_path / "CANARY-cut", pixels=None, keep=-3))
    assert "CANARY" not in caplog.text + str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.integers(132, 900), st.integers(0, 7), st.one_of(st.none(), st.integers(0, 900)))
def test_damage_gives_a_header_or_a_reason_and_nothing_else(tmp_path_factory, position, bit, keep):
    content = bytearray(dicom_bytes(private=[(0x00290010, "LO", "V"), (0x00291010, "UN", bytes(60))]))
    content[min(position, len(content) - 1)] ^= 1 << bit
    path = tmp_path_factory.mktemp("damage") / "image"
    path.write_bytes(content[:keep])
    try:
        assert read_header(path).attributes["SOPInstanceUID"]
    except UnreadableError as error:
        assert error.reason in REFUSALS
