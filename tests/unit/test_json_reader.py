"""The JSON reader: lists, objects, lines, nested paths, numbers as written, broken and hostile content."""

import json
import time
from pathlib import Path

import pytest

from ingestion.readers import HeldFileError
from tests.builders.reading import read

COLUMNS = {"exam": "id", "name": "a.b", "value": "num"}


def test_items_of_a_list_with_a_broken_one_among_them(tmp_path: Path) -> None:
    content = (
        '[{"id":1,"a":{"b":"x"},"num":0.10},{"id":2,"a":{"b":[1,2]}},{"id":3,"a":},{"id":4,"num":12345678901234567890}]'
    )
    result = read(tmp_path / "a.json", content, COLUMNS, format="json")
    assert result.rows == [
        {"exam": "1", "name": "x", "value": "0.10"},
        {"exam": "2", "name": "1;2", "value": None},
        {"exam": "4", "name": None, "value": "12345678901234567890"},
    ]
    assert result.reasons == [(3, "not_json")]
    assert result.reading.held is None


@pytest.mark.parametrize(
    ("content", "record"),
    [
        ('{"code":0,"data":{"other":{"x":["}"]},"list":[{"id":1},{"id":2}],"total":2}}', "data.list"),
        ('{"code":0,"rows":[{"id":1},{"id":2}]}', None),
        ('{"id":1}\n{"id":2}\n', None),
        ('\ufeff[\n{"id":1}\n,\n{"id":2}\n]\n', None),
        # one record a line within a list is no file of lines
        ('{"code":0,"rows":[\n{"id":1},\n{"id":2}\n]}', None),
        ('{\n"rows": [\n{"id":1}\n,{"id":2}]}', "rows"),
        ('{"rows":\n[\n{"id":1}\n,{"id":2}]}', None),
    ],
)
def test_records_are_found_in_every_form(tmp_path: Path, content: str, record: str | None) -> None:
    result = read(tmp_path / "a.json", content, COLUMNS, format="json", record=record)
    assert [row["exam"] for row in result.rows] == ["1", "2"]


def test_lines_with_broken_ones(tmp_path: Path) -> None:
    content = '{"id":1,"num":1.50}\n{"id":2,\n\n{"id":3}\n"x"\n'
    result = read(tmp_path / "a.json", content, COLUMNS, format="json")
    assert [(row["exam"], row["value"]) for row in result.rows] == [("1", "1.50"), ("3", None)]
    assert result.reasons == [(2, "not_json"), (4, "not_an_object")]
    assert result.numbers == [1, 3]


def test_records_of_nested_lists_know_what_is_around_them(tmp_path: Path) -> None:
    patients = [{"id": "p1", "visits": [{"id": "v1"}, {"id": "v2"}]}, {"id": "p2", "visits": [{"id": "v3"}]}]
    content = json.dumps({"hospital": "h", "patients": patients})
    columns = {"visit": "id", "patient": "patients.id", "hospital": "hospital"}
    result = read(tmp_path / "a.json", content, columns, format="json", record="patients.visits")
    assert [(row["patient"], row["visit"], row["hospital"]) for row in result.rows] == [
        ("p1", "v1", "h"),
        ("p1", "v2", "h"),
        ("p2", "v3", "h"),
    ]


def test_a_list_larger_than_the_pieces_it_is_read_in(tmp_path: Path) -> None:
    records = [{"id": number, "a": {"b": "右肺" * (number % 50)}, "num": number / 8} for number in range(20_000)]
    content = json.dumps(records, ensure_ascii=False).encode("gb18030")
    result = read(tmp_path / "a.json", content, COLUMNS, format="json")
    assert [row["exam"] for row in result.rows] == [str(number) for number in range(20_000)]
    assert result.rows[19_049]["name"] == "右肺" * 49


def test_an_item_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    content = '[{"id":' + "[" * 100_000 + "]" * 100_000 + '},{"id":2}]'
    result = read(tmp_path / "a.json", content, COLUMNS, format="json")
    assert result.reasons == [(1, "too_deeply_nested")]
    assert [row["exam"] for row in result.rows] == ["2"]


def test_a_list_that_is_cut_off_holds_the_file(tmp_path: Path) -> None:
    assert read(tmp_path / "a.json", '[{"id":1},{"id":2', COLUMNS, format="json").reading.held == "truncated_file"


def test_what_is_no_json_holds_the_file(tmp_path: Path) -> None:
    with pytest.raises(HeldFileError):
        read(tmp_path / "a.json", "nonsense", COLUMNS, format="json")


def test_an_answer_without_the_records_is_refused_and_an_empty_list_is_none(tmp_path: Path) -> None:
    error = read(tmp_path / "a.json", '{"code":500,"message":"x"}', COLUMNS, format="json", record="data.list")
    assert error.reasons == [(1, "no_record")]
    empty = read(tmp_path / "a.json", '{"code":0,"data":{"list":[]}}', COLUMNS, format="json", record="data.list")
    assert (empty.rows, empty.reasons) == ([], [])


def test_items_whose_brackets_do_not_match_cost_little(tmp_path: Path) -> None:
    start = time.process_time()
    result = read(tmp_path / "a.json", "[" + '{"id":{,' * 5_000, COLUMNS, format="json")
    assert len(result.reasons) == 5_000
    assert time.process_time() - start < 5


def test_half_a_character_cannot_break_the_load(tmp_path: Path) -> None:
    result = read(tmp_path / "a.json", '{"id":"\\ud83d"}', COLUMNS, format="json")
    assert [row["exam"] for row in result.rows] == ["\ufffd"]
