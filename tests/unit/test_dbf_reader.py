"""DBF tables: text by its bytes and not by its claim, deleted records, memo files, dates, what is cut."""

import struct
from datetime import date
from pathlib import Path

import dbfread
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.readers import HeldFileError
from ingestion.readers.dbf import read_dbf
from tests.builders.records import Outcome, layout, read_all

FIELDS = (("BRID", "C", 10, 0), ("XM", "C", 8, 0), ("CSRQ", "D", 8, 0), ("FY", "N", 8, 2), ("BZ", "M", 10, 0))
RECORDS = (
    (b" ", "0000012", "王犇骉", "19700301", "   12.50", "         1"),
    (b"*", "0000013", "已删除", "19700301", "    1.00", "          "),
    (b" ", "ZY14", "李四", "        ", "********", "         2"),
)


def table(
    records: tuple[tuple[object, ...], ...] = RECORDS, *, encoding: str = "gb18030", code_page: int = 0, count: int = 0
) -> bytes:
    """Return a dBase III table with a memo column."""
    length = 1 + sum(width for _, _, width, _ in FIELDS)
    head = struct.pack(
        "<B3BIHH17xB2x", 0x83, 124, 3, 5, count or len(records), 32 + 32 * len(FIELDS) + 1, length, code_page
    )
    fields = b"".join(
        struct.pack("<11sc4xBB14x", name.encode(), kind.encode(), width, decimals)
        for name, kind, width, decimals in FIELDS
    )
    rows = b"".join(
        bytes(record[0])  # type: ignore[call-overload]
        + b"".join(
            str(cell).encode(encoding)[:width].ljust(width)
            for cell, (_, _, width, _) in zip(record[1:], FIELDS, strict=True)
        )
        for record in records
    )
    return head + fields + b"\x0d" + rows + b"\x1a"


def memo(*texts: str, encoding: str = "gb18030") -> bytes:
    blocks = [(text.encode(encoding) + b"\x1a\x1a").ljust(512, b"\0") for text in texts]
    return b"\0" * 512 + b"".join(blocks)


def dbf(tmp_path: Path, content: bytes, **options: object) -> Outcome:
    mapping = layout("dbf", {"patient_id": "BRID", "name": "XM"}, **options)
    return read_all(read_dbf, tmp_path / "V_BRXX.DBF", mapping, content=content)


@pytest.mark.parametrize("code_page", [0, 0x4D, 0x7A], ids=["not declared", "cp936", "cp936 of FoxPro"])
def test_records_are_read_as_text(tmp_path: Path, code_page: int) -> None:
    (tmp_path / "v_brxx.dbt").write_bytes(memo("第一行\r\n第二行", "备注"))
    outcome = dbf(tmp_path, table(code_page=code_page))
    assert outcome.header == ("BRID", "XM", "CSRQ", "FY", "BZ")
    assert outcome.rows == {
        1: ("0000012", "王犇骉", "1970-03-01", "12.50", "第一行\r\n第二行"),
        3: ("ZY14", "李四", "", "********", "备注"),
    }
    assert outcome.reading.dropped == {"row_deleted": 1}
    assert outcome.found == [("row_deleted", 2), ("value_unparseable", 3)]
    assert outcome.reading.encoding == "gb18030"


def test_our_reading_is_that_of_a_kept_library(tmp_path: Path) -> None:
    records = tuple(
        (b" ", f"{number:07d}", "王犇骉"[: number % 4], f"2024{number % 12 + 1:02d}07", f"{number / 4:8.2f}", "")
        for number in range(200)
    )
    outcome = dbf(tmp_path, table(records))
    for number, theirs in enumerate(
        dbfread.DBF(tmp_path / "V_BRXX.DBF", encoding="gb18030", ignore_missing_memofile=True)
    ):
        identifier, name, born, cost, _ = outcome.rows[number + 1]
        assert (identifier, name) == (theirs["BRID"], theirs["XM"])
        assert date.fromisoformat(born or "") == theirs["CSRQ"]
        assert float(cost or "") == theirs["FY"]


def test_claim_of_the_header_that_does_not_hold_is_told(tmp_path: Path) -> None:
    outcome = dbf(tmp_path, table(code_page=0x03))
    assert outcome.rows[1][1] == "王犇骉"
    assert ("encoding_mismatch", None) in outcome.found


def test_text_cut_within_a_character_is_told(tmp_path: Path) -> None:
    outcome = dbf(tmp_path, table(((b" ", "1", "A测试测试", "", "", ""),)))
    assert outcome.rows[1][1] == "A测试测"
    assert outcome.found == [("truncated_text", 1)]


def test_table_that_tells_of_more_records_is_held(tmp_path: Path) -> None:
    outcome = dbf(tmp_path, table(count=9))
    assert outcome.reading.held == "truncated_file"
    assert len(outcome.rows) == 2


@pytest.mark.parametrize(
    "content", [b"", b"\x03", b"<html>" * 20, b"\x03" + b"\0" * 80], ids=["empty", "byte", "html", "nul"]
)
def test_what_is_no_table_is_held(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(HeldFileError):
        dbf(tmp_path, content)


def test_binary_columns_of_foxpro(tmp_path: Path) -> None:
    fields = (("I", "I", 4), ("Y", "Y", 8), ("B", "B", 8), ("T", "T", 8))
    length = 1 + sum(width for _, _, width in fields)
    head = struct.pack("<B3BIHH17xB2x", 0x30, 124, 3, 5, 1, 32 + 32 * len(fields) + 1, length, 0x7A)
    body = b" " + struct.pack("<iqdii", -7, -125_000, 2.5, 2_460_375, 29_000_000)
    entries = b"".join(
        struct.pack("<11sc4xBB14x", name.encode(), kind.encode(), width, 0) for name, kind, width in fields
    )
    outcome = dbf(tmp_path, head + entries + b"\x0d" + body)
    assert outcome.rows == {1: ("-7", "-12.5000", "2.5", "2024-03-05 08:03:20")}


@settings(max_examples=150)
@given(changes=st.lists(st.tuples(st.integers(0, 250), st.integers(0, 255)), max_size=8), end=st.integers(0, 400))
def test_damaged_table_is_read_or_held(
    changes: list[tuple[int, int]], end: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(table())
    for place, value in changes:
        content[place % len(content)] = value
    try:
        outcome = dbf(tmp_path_factory.getbasetemp(), bytes(content[:end]))
    except HeldFileError:
        return
    assert all(len(row) == len(outcome.header) for row in outcome.rows.values())
