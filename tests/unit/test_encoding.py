"""How files and messages are decoded."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.errors import SettingsError
from lakehouse.formats.encoding import CHUNK_BYTES, decode, detect_encoding, detect_file_encoding, python_encoding

REPORT = "患者，男，65岁，因“发热、咳嗽3天”入院。两肺纹理增多，右肺下叶见斑片状密度增高影，大小约2.3×1.8cm。\r\n"
TRADITIONAL = "醫院放射科檢查報告：兩肺紋理增多，右肺下葉見斑片狀密度增高影"
COMMON = [chr(code) for code in range(0x4E00, 0x9FA5) if 0xB0 <= chr(code).encode("gb18030")[0] <= 0xD7]
COMMON = [c for c in COMMON if len(c.encode("gb18030")) == 2 and c.encode("gb18030")[1] >= 0xA1]

chinese_text = st.text(st.sampled_from(COMMON), min_size=1, max_size=60)
# two characters at least: 路 alone in GB18030 is the sign · in UTF-8, and nothing can tell which was meant
chinese_name = st.text(st.sampled_from(COMMON), min_size=2, max_size=60)
chinese_fields = st.lists(chinese_name, min_size=1, max_size=8).map(lambda parts: "|".join(parts) + "\r\n")


@pytest.mark.parametrize(
    ("encoded", "encoding", "has_bom"),
    [
        pytest.param(REPORT.encode("utf-8"), "utf-8", False, id="utf-8"),
        pytest.param(REPORT.encode("utf-8-sig"), "utf-8", True, id="utf-8 with mark"),
        pytest.param(REPORT.encode("gb18030"), "gb18030", False, id="gb18030"),
        pytest.param(b"\x84\x31\x95\x33" + REPORT.encode("gb18030"), "gb18030", True, id="gb18030 with mark"),
        pytest.param(REPORT.encode("utf-16"), "utf-16-le", True, id="utf-16 with mark"),
        pytest.param(REPORT.encode("utf-16-le"), "utf-16-le", False, id="utf-16-le"),
        pytest.param(REPORT.encode("utf-16-be"), "utf-16-be", False, id="utf-16-be"),
        pytest.param("姓名,性别\r\n".encode("utf-16-le"), "utf-16-le", False, id="short utf-16"),
        pytest.param(b"a,b\n1,2\n", "utf-8", False, id="ascii"),
        pytest.param(b"", "utf-8", False, id="nothing"),
        pytest.param("Müller wohnt in Köln".encode("latin-1"), "latin-1", False, id="latin-1"),
        pytest.param("caf\xe9".encode("latin-1"), "latin-1", False, id="latin-1 at the end"),
        pytest.param("“naïve” text".encode("cp1252"), "cp1252", False, id="windows-1252"),
        pytest.param("José Adán".encode(), "utf-8", False, id="accents in utf-8"),
        pytest.param("5±3 μmol/L, 38°".encode(), "utf-8", False, id="symbols in utf-8"),
        pytest.param("尿蛋白|±|\r".encode(), "utf-8", False, id="plus-minus alone in utf-8"),
        pytest.param(b"|\xc5\xae|65\r", "gb18030", False, id="a woman in gb18030, valid utf-8"),
        pytest.param("伟|伟\r".encode("gb18030"), "gb18030", False, id="single characters in gb18030, valid utf-8"),
        pytest.param(TRADITIONAL.encode("gb18030"), "gb18030", False, id="traditional characters in gb18030"),
        pytest.param(TRADITIONAL.encode("big5"), "big5", False, id="big5"),
        pytest.param("王㐀䶮𠮷".encode("gb18030"), "gb18030", False, id="rare characters of four bytes"),
    ],
)
def test_encoding_is_found(encoded: bytes, encoding: str, has_bom: bool) -> None:
    detected = detect_encoding(encoded)
    assert (detected.encoding, detected.has_bom) == (encoding, has_bom)


def test_a_mark_is_not_part_of_the_text() -> None:
    assert decode(REPORT.encode("utf-8-sig"))[0] == REPORT


@given(chinese_fields, st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]))
def test_chinese_text_survives_any_encoding(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding))[0] == text


@given(chinese_text, st.sampled_from(["utf-8", "gb18030"]), st.integers(1, 3))
def test_a_character_cut_at_the_end_is_no_error(text: str, encoding: str, lost: int) -> None:
    encoded = (REPORT + text).encode(encoding)[:-lost]
    decoded, detected = decode(encoded)
    assert detected.encoding == encoding
    assert detected.confidence >= 0.9
    assert decoded.startswith(REPORT.rstrip())


@given(st.binary(max_size=400))
def test_any_bytes_are_decoded(data: bytes) -> None:
    text, detected = decode(data)
    text.encode("utf-8")
    assert 0 <= detected.confidence <= 1


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_few_bad_bytes_lower_the_confidence_and_stay_visible(encoding: str) -> None:
    good = (REPORT * 20).encode(encoding)
    text, detected = decode(good + b"\xff\xff\n" + good)
    assert detected.encoding == encoding
    assert detected.confidence <= 0.5
    assert "\ufffd" in text
    assert text.startswith(REPORT * 20)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_only_the_last_bytes_of_a_large_file_are_chinese(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "extract.csv"
    path.write_bytes(b"0123456,789\n" * 400_000 + "末行：肺炎".encode(encoding))
    assert detect_file_encoding(path, sample_bytes=4096).encoding == encoding


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le"])
@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_characters_across_chunks_are_whole(tmp_path: Path, encoding: str, shift: int) -> None:
    path = tmp_path / "extract.csv"
    ascii_before = ("x" * shift + "\n").encode(encoding)
    path.write_bytes(ascii_before + REPORT.encode(encoding) * (2 * CHUNK_BYTES // 100))
    assert detect_file_encoding(path).encoding == encoding


def test_one_bad_byte_far_into_a_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "extract.csv"
    path.write_bytes(REPORT.encode() * 5_000 + b"\xff\n" + REPORT.encode() * 5_000)
    detected = detect_file_encoding(path, sample_bytes=4096)
    assert detected.encoding == "utf-8"
    assert detected.confidence <= 0.5


def test_scattered_nul_bytes_do_not_make_utf_16() -> None:
    generator = random.Random(7)
    data = bytearray((REPORT * 50).encode("gb18030"))
    for _ in range(5):
        data.insert(generator.choice([n for n in range(len(data)) if data[n : n + 1] == b"\r"]), 0)
    assert detect_encoding(bytes(data)).encoding == "gb18030"


@pytest.mark.parametrize("forced", ["GBK", "gb2312", "cp936", "GB18030"])
def test_a_forced_gbk_is_read_as_gb18030(forced: str) -> None:
    text, detected = decode("王㐀".encode("gb18030"), forced)
    assert (text, detected.encoding, detected.confidence) == ("王㐀", "gb18030", 1.0)


def test_a_wrongly_forced_encoding_has_little_confidence() -> None:
    assert decode(REPORT.encode("gb18030"), "utf-8")[1].confidence < 0.5


def test_an_unknown_forced_encoding_is_a_settings_error() -> None:
    with pytest.raises(SettingsError):
        decode(b"a", "no-such-encoding")


def test_names_of_rare_characters_alone_are_gb18030() -> None:
    lines = "\n".join(f"{number}|{name}" for number, name in enumerate("㐀㑇㑊㔾㘎㙍㙘㚇㛃㛚㛹㟃㠇㠓㤘㥄㧐㧑㧟㫰"))
    found = detect_encoding(lines.encode("gb18030"))
    assert (found.encoding, found.confidence) == ("gb18030", 0.9)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_large_file_is_known_by_a_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    from lakehouse.formats import encoding as module

    monkeypatch.setattr(module, "LARGE_BYTES", 1 << 12)
    monkeypatch.setattr(module, "THOROUGH_BYTES", 1 << 12)
    monkeypatch.setattr(module, "CHUNK_BYTES", 1 << 10)
    path = tmp_path / "large.csv"
    text = "".join(f"{number},双肺纹理增多，未见明显实变影\n" for number in range(3000))
    path.write_bytes(("id,text\n" * 2000 + text).encode(encoding))
    assert detect_file_encoding(path).encoding == encoding
    # what stands in the part that is left out is the business of whoever decodes it line by line
    path.write_bytes(("id,text\n" * 2000 + text).encode(encoding) + b"\xff\xff\n" + text.encode(encoding))
    assert detect_file_encoding(path).encoding == encoding


@pytest.mark.parametrize(
    ("named", "known"), [("GBK", "gb18030"), ("ZHS16GBK", "gb18030"), ("UTF8", "utf-8"), ("UTF-16LE", "utf-16-le")]
)
def test_encodings_go_by_the_name_python_has(named: str, known: str) -> None:
    assert python_encoding(named) == known
