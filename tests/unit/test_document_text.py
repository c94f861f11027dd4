"""The text extractor of medical records: what is markup is taken off, what is text stays as it is, nothing explodes."""

import base64
import gzip
import io
import re
import time
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.formats.document_text import SCREEN, text_of, text_of_bytes

REPORT = "右肺上叶见结节，大小约8mm。"


def as_rtf(*paragraphs: str) -> str:
    """Return RTF of code page 936, every byte that is no ASCII escaped."""
    lines = [
        "".join(chr(byte) if byte < 0x80 else f"\\'{byte:02x}" for byte in one.encode("gbk")) for one in paragraphs
    ]
    return r"{\rtf1\ansi\ansicpg936{\fonttbl{\f0\fcharset134 \'cb\'ce\'cc\'e5;}}\f0 " + r"\par ".join(lines) + "}"


@pytest.mark.parametrize(
    "text",
    [
        REPORT,
        "大小<5mm，CEA<ng/ml，考虑A<B，R&D，a&b;",
        "D:\\new\\reports\\n1.txt",
        "1.2.840.113619.2.55.3.604688119.969.1268071029.320",
        "110199196001020018110199196001020018",
        "ABCDEFGHIJKLMNOPQRSTUVWX12345678",
        "No acute cardiopulmonary disease",
        "主诉：咳嗽\n现病史：发热3天\n",
        "",
    ],
)
def test_plain_text_comes_back_unchanged(text: str) -> None:
    found = text_of(text)
    assert (found.text, found.kind, found.extractor) == (text, "plain", "none")


@pytest.mark.parametrize(
    ("content", "text", "kind"),
    [
        ("第一行\\n第二行\\r\\n第三行", "第一行\n第二行\n第三行", "plain"),
        ("大小<5mm<br>随访\n复查&nbsp;一次", "大小<5mm\n随访\n复查 一次", "html"),
        ("5.6×10<sup>9</sup>/L", "5.6×10⁹/L", "html"),
        ("&amp;lt;p&amp;gt;右肺&amp;lt;/p&amp;gt;", "右肺", "html"),
        ("&lt;5 mm &amp; 3", "<5 mm & 3", "plain"),
        ('<p>主诉：<span value="咳嗽3天">请输入</span></p>', "主诉：咳嗽3天", "html"),
        ('<p>性别：<span value="1">男</span></p>', "性别：男", "html"),
        ("<p>a<del>b</del><script>c</script><span style='display:none'>d</span></p>", "a", "html"),
        ("<select><option>甲<option selected>乙</select><input value=丙>", "乙丙", "html"),
        ("<input type=checkbox checked>发热<input type=checkbox>盗汗", "☑发热☐盗汗", "html"),
        ("<table><tr><td>白细胞</td><td>5.6</td></tr><tr><td>血红蛋白</td><td>120</td></tr></table>",
         "白细胞 5.6\n血红蛋白 120", "html"),
        ('<doc><element name="主诉">咳嗽<b>3</b>天</element><element name="现病史" value="发热"/></doc>',
         "主诉：咳嗽3天\n现病史：发热", "xml"),
        ("<主诉>咳嗽</主诉><现病史>发热</现病史>", "主诉：咳嗽\n现病史：发热", "xml"),
        ('<?xml version="1.0" encoding="GB2312"?><d><e name="主诉">&lt;br/&gt;咳嗽</e></d>', "主诉：\n咳嗽", "xml"),
        (as_rtf("主诉：咳嗽", REPORT), f"主诉：咳嗽\n{REPORT}", "rtf"),
        (r"{\rtf1\ansi\ansicpg936\uc1 \u21491?\u32954?\'81A\{x\}}", "右肺丄{x}", "rtf"),
        (r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f1\fcharset134 x;}}\f1\'d3\'d2\'b7\'ce{\v hidden}{\*\x y}}", "右肺", "rtf"),
        (r"{\rtf1 a{\pict\wmetafile8 0102}{\object{\*\objdata 01}}{\field{\*\fldinst PAGE}{\fldrslt b}}}", "ab", "rtf"),
    ],
)  # fmt: skip
def test_markup_is_taken_off(content: str, text: str, kind: str) -> None:
    found = text_of(content)
    assert (found.text, found.kind) == (text, kind)


@pytest.mark.parametrize(
    ("content", "text", "extractor"),
    [
        (base64.b64encode(REPORT.encode("gbk")).decode(), REPORT, "base64"),
        (base64.b64encode(gzip.compress(as_rtf(REPORT).encode())).decode(), REPORT, "base64>gzip>rtf"),
        (base64.b64encode(zlib.compress(f"<p>{REPORT}</p>".encode("gbk"))).decode(), REPORT, "base64>zlib>html"),
        ("0x" + REPORT.encode("gbk").hex(), REPORT, "hexadecimal"),
        (gzip.compress(f"<p>{REPORT}</p>".encode()).hex(), REPORT, "hexadecimal>gzip>html"),
    ],
)
def test_wrappings_are_taken_off_and_named(content: str, text: str, extractor: str) -> None:
    found = text_of(content)
    assert (found.text, found.extractor) == (text, extractor)


def test_sections_of_a_clinical_document_come_with_titles_and_the_entries_the_narrative_lacks() -> None:
    found = text_of(
        '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<component><section><code displayName="检查所见"/><text><paragraph>右肺结节12mm</paragraph></text><entry>'
        '<observation><code displayName="大小"/><value xsi:type="PQ" value="12" unit="mm"/></observation></entry></section>'
        '</component><component><section><title>诊断</title><text/><entry><observation><code displayName="意见"/>'
        "<value>肺癌？</value></observation></entry></section></component></ClinicalDocument>"
    )
    assert (found.text, found.kind) == ("检查所见：右肺结节12mm\n诊断：意见：肺癌？", "cda")


@pytest.mark.parametrize("tag", ["div", "p", "x", "element"])
def test_markup_that_is_nested_too_deeply_still_gives_its_text(tag: str) -> None:
    assert text_of(f"<{tag}>" * 5000 + "深" + f"</{tag}>" * 5000).text == "深"


def test_entities_are_neither_fetched_nor_expanded() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    found = text_of(
        f'<!DOCTYPE x [<!ENTITY l0 "ha"><!ENTITY f SYSTEM "file:///etc/hostname">{laughs}]><x>&l9;&f;ok</x>'
    )
    assert found.text == "&l9;&f;ok"


def test_a_bomb_is_not_unpacked() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(100_000_000), 9)).decode()
    assert (text_of(bomb).text, text_of(bomb).kind) == ("", "too_large")


def test_a_word_document_and_a_picture_as_files() -> None:
    word = io.BytesIO()
    with zipfile.ZipFile(word, "w") as archive:
        archive.writestr(
            "word/document.xml", f"<w:d xmlns:w='u'><w:p><w:t>{REPORT}</w:t></w:p><w:p><w:t>二</w:t></w:p></w:d>"
        )
    assert text_of_bytes(word.getvalue()).text == f"{REPORT}\n二"
    assert (text_of_bytes(b"\xff\xd8\xff\xe0 picture").text, text_of_bytes(b"\xff\xd8\xff\xe0").kind) == ("", "binary")


@pytest.mark.parametrize(
    "content",
    [
        " " * 100_000 + "中",
        "<p>中" + "\n" * 100_000 + "a</p>",
        "<!--a-->" * 20_000 + "x",
        "<x>" + "<![CDATA[" * 20_000,
        "<!DOCTYPE" * 20_000,
        "&" + "amp;" * 50_000 + "lt;",
        "{\\rtf1" + "{" * 100_000,
        "QUJD" * 20_000 + " " * 50_000 + "=",
    ],
    ids=["blanks", "line ends", "comments", "sections", "types", "entities", "groups", "base64"],
)
def test_hostile_repetition_costs_little(content: str) -> None:
    start = time.process_time()
    text_of(content)
    assert time.process_time() - start < 2


@given(st.text(max_size=200))
def test_any_text_has_a_text_and_only_what_passes_the_screen_is_changed(content: str) -> None:
    found = text_of(content)
    assert isinstance(found.text, str)
    if not re.search(SCREEN, content):
        assert found.text == content


@given(
    st.lists(st.sampled_from(["{\\rtf1", "}", "{", "\\'d6", "\\u-10", "\\par", " x", "\\bin3 ", "\\uc0", "{\\*", "\\"]))
)
def test_any_rtf_has_a_text(parts: list[str]) -> None:
    assert isinstance(text_of("{\\rtf1" + "".join(parts)).text, str)
