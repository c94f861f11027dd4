"""Rows of a delivery on their way to `raw`: appended in their order, known by one digest, screened as they are judged."""

import random
import threading
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from ingestion.quality.forms.identifiers import card_screen, check_digit, is_card_number
from ingestion.readers import Reading
from ingestion.stage import append_batches, content_expression, create_scratch_table
from lakehouse.contract import read_table
from lakehouse.errors import ContractError

PATIENT, ENCOUNTER = read_table("his", "patient"), read_table("his", "encounter")


@pytest.fixture
def waiting() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("attach ':memory:' as scratch")
        for table in (PATIENT, ENCOUNTER):
            create_scratch_table(connection, table)
        yield connection


def patients(first: int, count: int, **more: str) -> tuple[str, pa.Table]:
    numbers = range(first, first + count)
    columns = {"patient_id": [f"P{number}" for number in numbers], "_src_row_no": pa.array(numbers, pa.int64())}
    return "patient", pa.table(columns | {name: [value] * count for name, value in more.items()})


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "one_by_one"])
def test_batches_wait_in_their_order_whatever_their_columns(
    waiting: duckdb.DuckDBPyConnection, is_streamed: bool
) -> None:
    reading = Reading(encoding="gb18030")
    threads = set()

    def batches() -> Iterator[tuple[str, pa.Table]]:
        yield patients(0, 5000)
        threads.add(threading.get_ident())
        yield patients(5000, 1, phone="110")
        yield "encounter", pa.table({"visit_id": ["V1"], "_src_row_no": [1]})
        reading.encoding = "utf-8"
        yield patients(5001, 2)

    append_batches(waiting, batches(), 3, reading, is_streamed=is_streamed)
    if not is_streamed:
        # the connection of a database is read in the thread that opened it
        assert threads == {threading.get_ident()}
    rows = waiting.execute(
        "select patient_id, phone, _file_no, _src_encoding from scratch.delivered_patient order by rowid"
    ).fetchall()
    assert [row[0] for row in rows] == [f"P{number}" for number in range(5003)]
    assert rows[4999:] == [
        ("P4999", None, 3, "gb18030"), ("P5000", "110", 3, "gb18030"),
        ("P5001", None, 3, "utf-8"), ("P5002", None, 3, "utf-8"),
    ]  # fmt: skip
    assert waiting.execute("select visit_id, _src_encoding from scratch.delivered_encounter").fetchall() == [
        ("V1", "gb18030")
    ]


def test_failure_of_a_reader_comes_through_as_it_is(waiting: duckdb.DuckDBPyConnection) -> None:
    def batches() -> Iterator[tuple[str, pa.Table]]:
        yield patients(0, 10)
        yield patients(10, 10)
        raise ContractError("held")

    with pytest.raises(ContractError, match="held"):
        append_batches(waiting, batches(), 0, Reading(encoding="utf-8"))


def test_digest_of_a_row_is_the_same_when_empty_columns_are_known(waiting: duckdb.DuckDBPyConnection) -> None:
    append_batches(waiting, iter([patients(0, 3, phone="1")]), 0, Reading(encoding="utf-8"))
    empty = set(PATIENT.column_names) - {"patient_id", "phone"}
    one, other = content_expression(PATIENT), content_expression(PATIENT, empty)
    assert one != other
    answer = waiting.execute(
        f"select bool_and({one} = {other}), count(distinct {one}) from scratch.delivered_patient"
    ).fetchone()
    assert answer == (True, 3)


def test_screen_of_cards_says_what_python_says() -> None:
    generator = random.Random(7)
    cards = []
    for _ in range(500):
        body = f"{generator.randrange(100000, 999999)}{generator.randrange(1900, 2030)}"
        body += f"{generator.randrange(0, 14):02d}{generator.randrange(0, 33):02d}{generator.randrange(1000):03d}"
        check = check_digit(body) if generator.random() < 0.7 else generator.choice("0123456789X")
        cards.append(body + (check.lower() if generator.random() < 0.2 else check))
    cards += ["", "1", "11010119900101123", "0" * 18, "9" * 17 + "X", "无"]
    with duckdb.connect(":memory:") as connection:
        connection.register("cards", pa.table({"card": cards}))
        odd = connection.execute(f"select card, {card_screen('card')} from cards").fetchall()
    assert dict(odd) == {card: not is_card_number(card.upper()) for card in cards}
    assert 100 < sum(not is_odd for _, is_odd in odd) < 500
