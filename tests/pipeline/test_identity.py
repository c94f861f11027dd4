"""Records of one small hospital linked to persons: who is who, what a delta changes, what people decide."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingestion.identity.crosswalk import write_crosswalk
from ingestion.identity.decisions import (
    decide_review,
    list_records,
    list_reviews,
    merge_persons,
    split_person,
    withdraw_decision,
)
from ingestion.identity.linking import LinkResult, link_persons
from ingestion.migration.assessment.citizen_numbers import check_character
from lakehouse.contract import read_table
from lakehouse.errors import NotPermittedError, UsageError
from lakehouse.lake import append_arrow, create_raw_tables, open_lake
from lakehouse.settings import Settings, read_settings


def card(birth: str, order: int) -> str:
    body = f"110199{birth}{order:03d}"
    return body + check_character(body)


HIS = ("patient_id", "patient_name", "sex", "birth_date", "citizen_id", "phone", "merged_into_patient_id")
PATIENTS: dict[str, tuple[str | None, ...]] = {
    "card": ("0012000001", "王小明", "M", "1980-01-02", card("19800102", 1), "19901234501", None),
    "card again": ("0012000002", "王 小 明", "M", "1980-01-02", card("19800102", 1), None, None),
    "namesake": ("0012000003", "王小明", "M", "1980-01-02", None, None, None),
    "mother": ("0012000010", "李芳", "F", "1990-05-06", card("19900506", 2), "19901234502", None),
    "newborn": ("0012000010A", "李芳之子", "M", "2024-03-01", card("19900506", 2), "19901234502", None),
    "merged": ("0012000020", "赵一一", "M", "1970-01-01", None, None, "0012000021"),
    "survivor": ("0012000021", "赵一一", "M", "1970-01-01", None, "19901234503", None),
    "loop": ("0012000030", "钱二二", "F", "1971-01-01", None, None, "0012000031"),
    "loop back": ("0012000031", "钱二二", "F", "1971-01-01", None, None, "0012000030"),
    "one card": ("0012000040", "孙七七", "M", "1985-06-07", card("19850607", 1), "19901234504", None),
    "other card": ("0012000041", "孙七七", "M", "1985-06-07", card("19850607", 3), "19901234504", None),
    "phone": ("0012000050", "吴九九", "F", "1960-02-03", None, "19901234505", None),
    "phone again": ("0012000051", "吴九九", "F", "1960-02-03", None, "+86 199 0123 4505", None),
    "prior": ("0012000070", "冯八八", "F", "1955-05-05", None, None, None),
    "message": ("0012000071", "冯八八", "F", "1955-05-05", None, None, None),
    "test": ("0012000060", "测试", "M", "1990-01-01", None, "19901234505", None),
}
MERGE = ("message_control_id", "merge_number", "prior_patient_id", "patient_id")
LIS = ("report_id", "item_code", "sequence_no", "patient_id", "patient_name", "sex", "age", "collected_at")
RESULTS: dict[str, tuple[str | None, ...]] = {
    "zeros lost": ("L1", "WBC", "1", "12000001", "王小明", "M", "44岁", "2024-06-01 08:00:00"),
    "walk-in": ("L2", "WBC", "1", "9999999", "周大", "M", "30", "2024-06-01 08:00:00"),
    "walk-in too": ("L3", "WBC", "1", "9999999", "吴大", "M", "31", "2024-06-01 08:00:00"),
    "newborn's blood": ("L4", "WBC", "1", "0012000010A", "李芳之子", "M", "2天", "2024-03-03 08:00:00"),
}


def store(
    settings: Settings, source: str, entity: str, columns: Sequence[str], rows: Sequence[Any], batch: str
) -> None:
    """Put rows into a raw table, as a load would."""
    table = read_table(source, entity)
    values = {name: pa.array([None] * len(rows), pa.string()) for name in table.column_names}
    values |= {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(columns)}
    provenance = {
        "_src_file": ["token"] * len(rows), "_src_row_no": list(range(1, len(rows) + 1)),
        "_row_sha256": [f"{batch}{place}" for place in range(len(rows))], "_batch_id": [batch] * len(rows),
    }  # fmt: skip
    with open_lake(settings, ("raw",)) as connection:
        create_raw_tables(connection)
        append_arrow(connection, f"raw.raw_{source}.{entity}", pa.table(values | provenance))
        connection.execute(
            f"update raw.raw_{source}.{entity} set _loaded_at = timestamp '2024-07-01' where _loaded_at is null"
        )


def persons(settings: Settings) -> dict[tuple[str, str], str]:
    """Return the person of each record by number and name."""
    with open_lake(settings, ("raw",), read_only=True) as connection:
        return {
            (number, name): person
            for number, name, person in connection.execute(
                "select record.number, record.name, link.person_id from raw.raw_vault.person_record as record "
                "inner join raw.raw_vault.person_link as link using (record_id) "
                "qualify row_number() over (partition by record_id order by version_no desc) = 1"
            ).fetchall()
        }


def who(settings: Settings, *labels: str) -> list[str]:
    found = persons(settings)
    rows = {label: (row[0], row[1]) for label, row in PATIENTS.items()} | {
        label: (row[3], row[4]) for label, row in RESULTS.items()
    }
    return [found[rows[label]] for label in labels]  # type: ignore[index]


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory, empty_home: Path) -> tuple[Settings, LinkResult]:
    home = tmp_path_factory.mktemp("identity") / "home"
    shutil.copytree(empty_home, home)
    settings = read_settings(home)
    store(settings, "his", "patient", HIS, list(PATIENTS.values()), "b1")
    store(settings, "lis", "result", LIS, list(RESULTS.values()), "b2")
    return settings, link_persons(settings)


@pytest.fixture
def copied(linked: tuple[Settings, LinkResult], tmp_path: Path) -> Settings:
    shutil.copytree(linked[0].home, tmp_path / "home")
    return read_settings(tmp_path / "home")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("card", "card again", True),
        ("card", "namesake", False),
        ("card", "zeros lost", True),
        ("mother", "newborn", False),
        ("newborn", "newborn's blood", True),
        ("merged", "survivor", True),
        ("loop", "loop back", True),
        ("one card", "other card", False),
        ("phone", "phone again", True),
        ("prior", "message", False),
        ("phone", "test", False),
        ("walk-in", "walk-in too", False),
    ],
)
def test_records_are_one_person_or_two(linked: tuple[Settings, LinkResult], one: str, other: str, same: bool) -> None:
    first, second = who(linked[0], one, other)
    assert (first == second) is same


def test_name_birth_and_sex_alone_are_a_question(linked: tuple[Settings, LinkResult]) -> None:
    reviews = list_reviews(linked[0])
    asked = {frozenset((review["person_a"], review["person_b"])): review for review in reviews}
    question = asked[frozenset(who(linked[0], "card", "namesake"))]
    assert question["same_name"]
    assert not question["same_phone"]
    shown = str(reviews)
    assert not any(value in shown for row in PATIENTS.values() for value in row[:1] + row[4:6] if value)


def test_defects_name_their_rows(linked: tuple[Settings, LinkResult]) -> None:
    with open_lake(linked[0], ("raw",), read_only=True) as connection:
        found = set(
            connection.execute(
                "select kind, entity, row_no from raw.raw_ledger.dq_issue where source in ('his', 'lis')"
            ).fetchall()
        )
    place = {label: number for number, label in enumerate(PATIENTS, start=1)}
    assert {("duplicate_patient", "patient", place[label]) for label in ("card again", "phone again")} <= found
    assert ("mother_newborn", "patient", place["newborn"]) in found
    assert ("merged_patient", "patient", place["merged"]) in found
    assert {("shared_id", "result", 2), ("shared_id", "result", 3)} <= found
    clean = {place[label] for label in ("card", "mother", "one card", "phone", "prior", "test")}
    assert not [row for row in found if row[1] == "patient" and row[2] in clean]


def test_second_run_changes_nothing_and_a_delta_what_a_full_run_would(copied: Settings) -> None:
    again = link_persons(copied)
    assert (again.received, again.changed_links) == (0, 0)
    later = [
        # the namesake turns out to have the card of the first; the newborn's mother changes her name
        ("0012000003", "王小明", "M", "1980-01-02", card("19800102", 1), None, None),
        ("0012000010", "李芳芳", "F", "1990-05-06", card("19900506", 2), "19901234502", None),
        ("0012000080", "郑新", "M", "1950-01-01", None, "19901234509", None),
    ]
    store(copied, "his", "patient", HIS, later, "b3")
    store(copied, "hl7v2", "patient_merge", MERGE, [("M1", "1", "0012000070", "0012000071")], "b4")
    delta = link_persons(copied)
    assert 0 < delta.touched < 20
    assert delta.received == 3
    by_delta = persons(copied)
    assert len(set(who(copied, "card", "card again", "namesake"))) == 1
    assert len(set(who(copied, "prior", "message"))) == 1
    assert by_delta["0012000010", "李芳芳"] == by_delta["0012000010", "李芳"]
    full = link_persons(copied, full=True)
    assert full.changed_links == 0
    assert persons(copied) == by_delta


def test_decisions_stand_in_later_runs_and_can_be_taken_back(copied: Settings) -> None:
    person, namesake = who(copied, "card", "namesake")
    question = next(
        review for review in list_reviews(copied) if {review["person_a"], review["person_b"]} == {person, namesake}
    )
    parted = [row["record_id"] for row in list_records(copied, person) if row["is_registry"] and not row["is_survivor"]]
    decision = split_person(copied, person, parted)
    answer = decide_review(copied, question["review_id"], same=False)
    link_persons(copied, full=True)
    first, second, third = who(copied, "card", "card again", "namesake")
    assert len({first, second, third}) == 3
    assert question["review_id"] not in {review["review_id"] for review in list_reviews(copied)}
    withdraw_decision(copied, decision)
    withdraw_decision(copied, answer)
    merge_persons(copied, first, third)
    link_persons(copied)
    assert len(set(who(copied, "card", "card again", "namesake"))) == 1
    with pytest.raises(UsageError):
        merge_persons(copied, first, first)


def test_crosswalk_tells_all_and_only_in_a_synthetic_home(linked: tuple[Settings, LinkResult], tmp_path: Path) -> None:
    settings = linked[0]
    with pytest.raises(NotPermittedError):
        write_crosswalk(settings.model_copy(update={"synthetic": False}), tmp_path / "no.csv")
    assert not (tmp_path / "no.csv").exists()
    write_crosswalk(settings, tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    written = {row["id_raw"] for row in rows}
    assert {str(value) for row in PATIENTS.values() for value in (row[0], row[1], row[4], row[5]) if value} <= written
    keys = {row["id_raw"]: row["patient_key"] for row in rows if row["id_type"] == "patient_id"}
    assert keys["0012000001"] == keys["0012000002"] != keys["0012000010"]
    with open_lake(settings, ("raw",), read_only=True) as connection:
        assert connection.execute(
            "select count(*) from raw.raw_vault.link_audit where act = 'crosswalk'"
        ).fetchone() == (1,)
