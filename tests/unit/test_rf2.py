"""SNOMED CT release files: what is read, what is refused, and that lines keep their numbers."""

from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.errors import ContractError, SourceUnreachableError
from lakehouse.formats import rf2
from lakehouse.formats.rf2 import find_release_files, read_release_file
from tests.builders.rf2 import HEART, LUNG, write_release


def read_all(folder: Path) -> tuple[dict[str, list[dict[str, object]]], list[tuple[int, str]]]:
    rows: dict[str, list[dict[str, object]]] = {}
    refused: list[tuple[int, str]] = []
    for file in find_release_files(folder):
        tables = list(read_release_file(file, lambda number, reason, text: refused.append((number, reason))))
        rows.setdefault(file.layout.content, []).extend(pa.concat_tables(tables).to_pylist())
    return rows, refused


def test_a_release_is_read_by_content(tmp_path: Path) -> None:
    rows, refused = read_all(write_release(tmp_path))
    assert refused == []
    assert {content: len(found) for content, found in rows.items()} == {
        "concept": 3, "description": 5, "relationship": 1, "language_member": 3, "map_member": 5,
    }  # fmt: skip
    assert [row["is_active"] for row in rows["concept"]] == [True, True, False]
    assert str(rows["concept"][0]["effective_date"]) == "2024-01-31"
    assert [row["term"] for row in rows["description"] if row["language"] == "zh"] == [
        "合成心病别名",
        "合成心脏病",
        "合成废名",
    ]
    assert (rows["relationship"][0]["source_id"], rows["relationship"][0]["destination_id"]) == (LUNG, HEART)
    assert [row["is_preferred"] for row in rows["language_member"]] == [False, True, True]
    mapped = [
        (row["map_group"], row["map_priority"], row["map_target"]) for row in rows["map_member"] if "map_rule" in row
    ]
    assert mapped[:3] == [(1, 1, "I49.8"), (1, 2, "I51.9"), (2, 1, "Z95.0")]


def test_lines_that_are_no_rows_are_refused_with_their_numbers(tmp_path: Path) -> None:
    broken = (
        b"99\t20240131\t1\t990000000001\t900000000000074008\r\n"  # 5: the identifier is too short
        b"990000000104\t20240230\t1\t990000000001\t900000000000074008\r\n"  # 6: no such day
        b"990000000105\t20240131\t1\r\n"  # 7: fields are missing
        b"\r\n"
        b"990000000106\t20240131\t1\t990000000001\t\xff\xfe\r\n"  # 9: not UTF-8
        b"990000000107\t20240131\t1\t990000000001\t900000000000074008"  # 10: whole, without an end
    )
    rows, refused = read_all(write_release(tmp_path, broken=broken))
    assert [row["concept_id"] for row in rows["concept"]][3:] == ["990000000107"]
    assert sorted(refused) == [(5, "bad_value"), (6, "bad_value"), (7, "wrong_field_count"), (9, "not_utf_8")]


def test_pieces_of_a_file_keep_the_numbers_of_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"99{number:010d}\t20240131\t1\t990000000001\t900000000000074008" for number in range(200)]
    rows[150] = "broken"
    rows.insert(151, "x" * 5000)
    broken = "".join(f"{row}\r\n" for row in rows).encode()
    monkeypatch.setattr(rf2, "PIECE_BYTES", 700)
    monkeypatch.setattr(rf2, "LONGEST_LINE", 2000)
    read, refused = read_all(write_release(tmp_path, broken=broken))
    assert len(read["concept"]) == 3 + 199
    assert sorted(refused) == [(155, "wrong_field_count"), (156, "line_too_long")]


def test_a_snapshot_goes_before_the_full_release(tmp_path: Path) -> None:
    write_release(tmp_path, view="Full")
    assert {file.view for file in find_release_files(tmp_path)} == {"full"}
    write_release(tmp_path, view="Snapshot")
    assert {file.view for file in find_release_files(tmp_path)} == {"snapshot"}


def test_a_folder_without_a_release_and_a_file_of_another_kind_are_told(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachableError, match="concept file"):
        find_release_files(tmp_path)
    (tmp_path / "sct2_Concept_Snapshot_SYN_20240131.txt").write_text("id\tname\n")
    with pytest.raises(ContractError, match="header"):
        find_release_files(tmp_path)
