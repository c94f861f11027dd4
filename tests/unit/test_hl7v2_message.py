"""How files are cut into HL7 v2 messages, and messages into segments, fields and components."""

import collections
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.formats.hl7v2 import (
    DELETE,
    REASONS,
    Delimiters,
    MalformedMessageError,
    escape,
    parse_message,
    split_messages,
    unescape,
)
from tests.builders import hl7v2 as make

ORU = [make.header("ORU^R01"), make.patient(), make.request(), make.observation("两肺纹理增多")]
STANDARD = Delimiters()


@pytest.mark.parametrize("separator", ["\r", "\n", "\r\n", "\r\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-8-sig"])
def test_segments_end_with_any_line_end(separator: str, encoding: str) -> None:
    message = parse_message(make.message(ORU, separator=separator, encoding=encoding))
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "OBR", "OBX"]
    assert message.segments[3].value(5) == "两肺纹理增多"


def test_second_bytes_of_gbk_are_no_separators() -> None:
    # second bytes 7C, 5E, 5C and 7E are | ^ \ ~
    name = bytes([0x81, 0x7C, 0x82, 0x5E, 0x83, 0x5C, 0x84, 0x7E]).decode("gb18030")
    message = parse_message(
        make.message([make.header("ADT^A08"), make.patient(name=f"{name}王试甲，住院患者^B")], encoding="gb18030")
    )
    assert message.segments[1].value(5) == f"{name}王试甲，住院患者"
    assert message.segments[1].value(5, 2) == "B"


@pytest.mark.parametrize(
    ("declared", "encoding", "detected"),
    [
        ("UNICODE UTF-8", "gb18030", "gb18030"),
        ("GB 18030-2000", "utf-8", "utf-8"),
        ("UNICODE", "gb18030", "gb18030"),
        ("8859/1", "gb18030", "gb18030"),
        ("BIG-5", "big5", "big5"),
        ("no such set", "utf-8", "utf-8"),
    ],
)
def test_the_bytes_outweigh_msh_18(declared: str, encoding: str, detected: str) -> None:
    raw = make.message([make.header("ADT^A08", character_set=declared), make.patient(name="王大山")], encoding=encoding)
    message = parse_message(raw)
    assert message.detected.encoding == detected
    assert message.segments[1].value(5) == "王大山"


@pytest.mark.parametrize(("declared", "name"), [("GB 18030-2000", "女"), ("UNICODE UTF-8", "Ů")])
def test_msh_18_decides_what_the_bytes_leave_open(declared: str, name: str) -> None:
    raw = make.message([make.header("ADT^A08", character_set=declared), "PID|1||1||", "NTE|||"], encoding="ascii")
    message = parse_message(raw.replace(b"NTE|||", b"NTE|||\xc5\xae"))
    assert message.segments[2].value(3) == name


def test_delimiters_come_from_the_header() -> None:
    message = parse_message(b"MSH#*!?%#A#B\rPID###1*2!3*4##x%y\r")
    patient = message.segments[1]
    assert message.delimiters == Delimiters(field="#", component="*", repetition="!", escape="?", subcomponent="%")
    assert (patient.value(3, 2), patient.value(3, 2, repetition=2)) == ("2", "4")
    assert (patient.value(5), patient.value(5, subcomponent=2)) == ("x%y", "y")


def test_header_fields_have_their_hl7_numbers() -> None:
    header = parse_message(make.message([make.header("ORU^R01", control_id="M7")])).header
    assert (header.field(1), header.field(2), header.value(9), header.value(9, 2)) == ("|", "^~\\&", "ORU", "R01")
    assert header.value(10) == "M7"


def test_absent_empty_and_delete_are_told_apart_from_each_other() -> None:
    patient = parse_message(b'MSH|^~\\&|\rPID|||1||""|\r').segments[1]
    assert [patient.value(number) for number in (3, 4, 5, 6, 99)] == ["1", None, DELETE, None, None]


def test_repetitions_keep_their_place() -> None:
    patient = parse_message(b"MSH|^~\\&|\rPID|||1^^^HIS~~3^^^RIS\r").segments[1]
    assert patient.repetitions(3) == ["1^^^HIS", "", "3^^^RIS"]
    assert [patient.value(3, 4, repetition=n) for n in (1, 2, 3, 4)] == ["HIS", None, "RIS", None]


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"one\.br\two\.sp2\three\.ce\four", "one\ntwo\n\nthree\nfour"),
        (r"\.in+4\a\.ti-2\b\.fi\c\.nf\d\.sk3\e", "abcd   e"),
        (r"\H\bold\N\ plain", "bold plain"),
        (r"\X0D\\X0a\x", "\r\nx"),
        (r"\XE88482\ and \XE8\\X84\\X82\ ", "脂 and 脂 "),
        (r"\XABC\ \Q\ \Zlocal\ \.xx\ ", r"\XABC\ \Q\ \Zlocal\ \.xx\ "),
        (r"C:\dir\.br\next", "C:\\dir\nnext"),
        ("open \\F", "open \\F"),
        (r"\E\.br\E\ ", r"\.br\ "),
    ],
)
def test_escape_sequences_are_undone(sent: str, text: str) -> None:
    assert unescape(sent, STANDARD) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
@example("\\.br\\ \\F\\ \\X41\\ |^~&\r\n")
def test_escaped_text_comes_back(text: str) -> None:
    assert unescape(escape(text, STANDARD), STANDARD) == text
    assert not set("|^~&\r\n") & set(escape(text, STANDARD))


def test_a_line_without_segment_name_continues_the_value() -> None:
    message = parse_message(
        make.message([*ORU[:3], "OBX|1|TX|A||first line", "MRI", "第二行", "", "last|||||F", "NTE|1||n"])
    )
    value = message.segments[3]
    assert (value.value(5), value.value(11)) == ("first line\nMRI\n第二行\nlast", None)
    assert value.field(10) == "F"
    assert message.continued_lines == 3
    assert message.segments[4].name == "NTE"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty_message"),
        (b"\r\n\x0b\x1c\r", "empty_message"),
        (b"PID|1||1\r", "no_message_header"),
        (b'{"resourceType": "Patient"}', "no_message_header"),
        (b"MSH", "no_delimiters"),
        (b"MSH|", "no_delimiters"),
        (b"MSH||A\r", "no_delimiters"),
        (b"MSH|^^\\&|A\r", "bad_delimiters"),
        (b"MSH|^~\\|\r", None),
        (b"MSH|||\r", "no_delimiters"),
        (b"MSHA^~\\&A\r", "bad_delimiters"),
        (b"MSH|ABCD|\r", "bad_delimiters"),
        (b"MSH|^~\\&#!|\r", "bad_delimiters"),
        (b"MSH|^~\\\\&|A\r", None),
        (b"MSH|^|A\r", None),
    ],
)
def test_what_is_no_message_is_refused_with_its_reason(raw: bytes, reason: str | None) -> None:
    if reason is None:
        assert parse_message(raw).segments[0].name == "MSH"
        return
    with pytest.raises(MalformedMessageError) as refusal:
        parse_message(raw)
    assert refusal.value.reason == reason
    assert reason in REASONS


def test_a_message_too_large_is_refused() -> None:
    raw = make.message(ORU)
    with pytest.raises(MalformedMessageError, match="message_too_large"):
        parse_message(raw, maximum_bytes=len(raw) - 1)


pieces = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [b"MSH|^~\\&|", b"MSH", b"\rPID|", b"\nOBX|", b"|", b"^", b"~", b"&", b"\\X", b"\\.br\\", b"\r"]
        ),
        st.sampled_from(
            [b"\x0b", b"\x1c\r", b'""', b"\\F\\", b"\xff\xfe", b"\x00", "王".encode("gb18030"), b"\\.sk9999\\"]
        ),
    ),
    max_size=20,
).map(b"".join)


@given(st.one_of(st.binary(max_size=200), pieces, pieces.map(lambda rest: b"MSH|^~\\&|" + rest)))
def test_any_bytes_are_parsed_or_refused_and_nothing_else(data: bytes) -> None:
    for raw in [data, *split_messages(data)]:
        try:
            message = parse_message(raw)
        except MalformedMessageError as refusal:
            assert refusal.reason in REASONS
            continue
        for segment in message.segments:
            for number in range(len(segment.fields) + 1):
                for text in (segment.text(number), segment.value(number, 2, subcomponent=2)):
                    assert text is None or text.encode("utf-8") is not None


FIRST, SECOND = (
    make.message([make.header("ADT^A01", control_id="M1")]),
    make.message([make.header("ADT^A03", control_id="M2")]),
)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(FIRST + SECOND, id="one after the other"),
        pytest.param(FIRST + b"\n\r\n" + SECOND, id="blank lines"),
        pytest.param(make.mllp(FIRST) + make.mllp(SECOND), id="mllp"),
        pytest.param(make.mllp(FIRST) + b"\n" + make.mllp(SECOND) + b"\n", id="mllp with line feeds"),
        pytest.param(b"\x0b" + FIRST + b"\x1c" + b"\x0b" + SECOND + b"\x1c", id="mllp without carriage returns"),
        pytest.param(b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + FIRST + SECOND + b"BTS|2\rFTS|1\r", id="batch"),
        pytest.param(b"\xef\xbb\xbf" + FIRST + b"\xef\xbb\xbf" + SECOND, id="marks"),
        pytest.param((FIRST + SECOND).decode().encode("utf-16"), id="utf-16"),
        pytest.param((FIRST + SECOND).replace(b"\r", b"\n"), id="line feeds"),
    ],
)
def test_a_file_is_cut_into_its_messages(data: bytes) -> None:
    found = [parse_message(raw) for raw in split_messages(data)]
    assert [message.header.value(10) for message in found] == ["M1", "M2"]
    assert [len(message.segments) for message in found] == [1, 1]


def test_header_letters_inside_a_value_start_no_message() -> None:
    raw = make.message([*ORU[:3], make.observation("see MSH|^~ in the manual")])
    assert len(list(split_messages(raw))) == 1


@pytest.mark.parametrize("junk", [b"HTTP/1.1 200 OK\r\n\r\n", "病人列表".encode("gb18030") + b"\r"])
def test_what_stands_outside_of_messages_is_handed_on_to_be_refused(junk: bytes) -> None:
    before, between = (
        list(split_messages(junk + FIRST)),
        list(split_messages(make.mllp(FIRST) + junk + make.mllp(SECOND))),
    )
    assert [raw.startswith(b"MSH") for raw in before] == [False, True]
    assert [raw.startswith(b"MSH") for raw in between] == [True, False, True]


def test_every_shared_message_is_parsed(shared: Path) -> None:
    counts: collections.Counter[str] = collections.Counter()
    for path in sorted((shared / "data" / "hl7v2").rglob("*.hl7")):
        for raw in split_messages(path.read_bytes()):
            parse_message(raw)
            counts["message"] += 1
        counts["file"] += 1
    assert counts == {"file": 165, "message": 166}
