"""Which character set a header is written in, and what its text says."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.formats.dicom_character_set import decode_text, detect_character_set, respell_term

ESCAPE_58 = b"\x1b$)A"

CASES = [
    # case, declared, bytes, text, detected, is repaired
    ("GB18030 declared", b"GB18030", "张三".encode("gb18030"), "张三", "GB18030", False),
    ("GBK declared", b"GBK", "张三".encode("gbk"), "张三", "GBK", False),
    ("UTF-8 declared", b"ISO_IR 192", "张三".encode(), "张三", "ISO_IR 192", False),
    ("GBK declared Latin-1", b"ISO_IR 100", "张三".encode("gbk"), "张三", "GB18030", True),
    ("GBK, nothing declared", None, "张三".encode("gbk"), "张三", "GB18030", True),
    ("GBK, empty declaration", b"", "张三".encode("gbk"), "张三", "GB18030", True),
    ("GBK declared UTF-8", b"ISO_IR 192", "张三".encode("gbk"), "张三", "GB18030", True),
    ("GBK declared IR 58 without escapes", b"\\ISO 2022 IR 58", "张三".encode("gbk"), "张三", "GB18030", True),
    ("UTF-8 declared Latin-1", b"ISO_IR 100", "张三".encode(), "张三", "ISO_IR 192", True),
    ("UTF-8, nothing declared", None, "张三".encode(), "张三", "ISO_IR 192", True),
    ("UTF-8 declared GB18030", b"GB18030", "张三".encode(), "张三", "ISO_IR 192", True),
    ("UTF-8 misspelt", b"UTF8", "张三".encode(), "张三", "ISO_IR 192", True),
    ("Latin-1 misspelt", b"ISO IR 100", "Müller".encode("latin1"), "Müller", "ISO_IR 100", True),
    ("four bytes of GB18030", b"ISO_IR 100", "王𠀀".encode("gb18030"), "王𠀀", "GB18030", True),
    ("a rare character", b"ISO_IR 100", "朱镕基".encode("gbk"), "朱镕基", "GB18030", True),
    ("traditional characters in GBK", b"ISO_IR 100", "張偉".encode("gbk"), "張偉", "GB18030", True),
    ("valid UTF-8 by chance", b"ISO_IR 100", "隆".encode("gbk"), "隆", "GB18030", True),
    ("a surname that is also é in UTF-8", b"ISO_IR 100", "茅^伟".encode("gbk"), "茅^伟", "GB18030", True),
    ("Chinese beside a letter", b"ISO_IR 100", "李A".encode("gbk"), "李A", "GB18030", True),
    ("German stays German", b"ISO_IR 100", "Müller^Jörg".encode("latin1"), "Müller^Jörg", "ISO_IR 100", False),
    ("French stays French", b"ISO_IR 100", "Créée^Hélène".encode("latin1"), "Créée^Hélène", "ISO_IR 100", False),
    ("a degree sign stays one", b"ISO_IR 100", "37°C".encode("latin1"), "37°C", "ISO_IR 100", False),
    ("Russian stays Russian", b"ISO_IR 144", "Люксембург".encode("iso8859_5"), "Люксембург", "ISO_IR 144", False),
    ("Greek stays Greek", b"ISO_IR 126", "Διονυσιος".encode("iso8859_7"), "Διονυσιος", "ISO_IR 126", False),
    ("katakana", b"ISO_IR 13", b"\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ", "ISO_IR 13", False),
]


@pytest.mark.parametrize(
    ("declared", "raw", "text", "detected", "repaired"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_value_is_decoded_by_the_set_it_is_written_in(declared, raw, text, detected, repaired):
    character_set = detect_character_set(declared, [raw], raw)
    assert decode_text(raw, character_set, is_person_name=True) == text
    assert (character_set.detected, character_set.is_repaired) == (detected, repaired)
    assert 0.5 <= character_set.confidence <= 1


ESCAPED = [
    (
        "IR 58",
        b"\\ISO 2022 IR 58",
        b"Zhang^San=" + ESCAPE_58 + "张^".encode("gbk") + ESCAPE_58 + "三".encode("gbk"),
        "Zhang^San=张^三",
    ),
    ("IR 58 without a second escape", b"\\ISO 2022 IR 58", ESCAPE_58 + "张^三".encode("gbk"), "张^三"),
    ("IR 58 not declared", None, ESCAPE_58 + "张三".encode("gbk"), "张三"),
    ("IR 58 after Latin-1", b"ISO_IR 100\\ISO 2022 IR 58", b"M\xfcller=" + ESCAPE_58 + "张".encode("gbk"), "Müller=张"),
    ("IR 87", b"\\ISO 2022 IR 87", b"Yamada=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada=山田^太郎"),
    ("IR 149", b"\\ISO 2022 IR 149", b"Hong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "Hong=洪^吉洞"),
]


@pytest.mark.parametrize(("declared", "raw", "text"), [c[1:] for c in ESCAPED], ids=[c[0] for c in ESCAPED])
def test_escape_sequences_are_obeyed_and_never_left_in_the_text(declared, raw, text):
    character_set = detect_character_set(declared, [raw], raw)
    assert decode_text(raw, character_set, is_person_name=True) == text


def test_values_of_two_systems_in_one_header_are_each_decoded_by_their_own_set():
    name, institution = "王^小东".encode("gbk"), "Hôpital Général".encode("latin1")
    character_set = detect_character_set(b"ISO_IR 100", [institution, name], name)
    assert decode_text(name, character_set, is_person_name=True) == "王^小东"
    assert decode_text(institution, character_set) == "Hôpital Général"
    assert character_set.detected == "GB18030"


def test_a_character_cut_at_the_maximum_length_is_dropped():
    raw = ("肺部结节" * 4).encode("gbk")[:-1]
    character_set = detect_character_set(b"GB18030", [raw])
    assert decode_text(raw, character_set) == "肺部结节" * 3 + "肺部结"


def test_ascii_asks_for_no_repair():
    character_set = detect_character_set(b"BOGUS", [b"Plain^Name"])
    assert (character_set.declared, character_set.detected, character_set.confidence) == ("BOGUS", "ISO_IR 6", 1.0)
    assert not character_set.is_repaired


@pytest.mark.parametrize(
    ("spelling", "term"),
    [
        ("ISO IR 100", "ISO_IR 100"),
        ("iso_ir_192", "ISO_IR 192"),
        ("UTF-8", "ISO_IR 192"),
        ("ISO-IR 100", "ISO_IR 100"),
        ("ISO 2022 IR 6", "ISO 2022 IR 6"),
        ("ISO 2022 58", "ISO 2022 IR 58"),
        ("gb2312", "GB18030"),
        ("GB18030", "GB18030"),
        ("BOGUS", None),
    ],
)
def test_a_term_is_respelt(spelling, term):
    assert respell_term(spelling) == term


SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂"


@given(
    st.sampled_from(SURNAMES), st.text(alphabet=GIVEN, min_size=1, max_size=2), st.sampled_from([b"ISO_IR 100", None])
)
def test_common_names_in_gbk_and_utf_8_are_found_whatever_is_declared(surname, given_name, declared):
    for encoding in ("gbk", "utf-8"):
        raw = (surname + given_name).encode(encoding)
        assert decode_text(raw, detect_character_set(declared, [raw], raw)) == surname + given_name


@given(st.one_of(st.none(), st.binary(max_size=30)), st.binary(max_size=60))
@example(None, b"\x1b")
def test_any_bytes_give_some_text(declared, raw):
    assert isinstance(decode_text(raw, detect_character_set(declared, [raw], raw), is_person_name=True), str)
