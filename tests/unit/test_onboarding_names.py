"""Names and values by which columns are known: initials, spellings never seen, assignment."""

import csv
import itertools
import random
from pathlib import Path

import pytest

from ingestion.onboarding import vocabulary
from ingestion.onboarding.assignment import assign
from ingestion.onboarding.pinyin import initials
from ingestion.onboarding.recognition import date_format, is_person_name, kinds_of, read_words, shape
from ingestion.onboarding.vocabulary import score_name
from lakehouse import PROJECT_ROOT
from lakehouse.contract import read_contract, read_table, source_names

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds" / "standard"


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("姓名", "XM"),
        ("出生日期", "CSRQ"),
        ("检查所见", "JCSJ"),
        ("血氧饱和度", "XYBHD"),
        ("24小时出血量", "24XSCXL"),
        ("瘢痕", "BH"),
    ],
)
def test_initials_are_those_vendors_abbreviate_with(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_a_character_gb_2312_lists_by_radical_has_no_initials() -> None:
    assert initials("镧系") is None


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("XM", "patient_name"), ("患者姓名", "patient_name"), ("患者登记号码", "patient_id"), ("PatBirthDt", "birth_date"),
        ("VC_LXDH", "phone"), ("ZYH_身份证号", "citizen_id"), ("性 别 (男/女)", "sex"), ("patgender", "sex"), ("DATEOFBIRTH", "birth_date"),
    ],
)  # fmt: skip
def test_a_header_names_the_column_it_means(header: str, column: str) -> None:
    table = read_table("his", "patient")
    scores = {name: found.score for name in table.column_names if (found := score_name(header, table, name))}
    assert max(scores, key=lambda name: scores[name]) == column


def test_a_header_of_another_world_names_nothing() -> None:
    table = read_table("his", "patient")
    assert [name for name in table.column_names if score_name("QQZZ", table, name)] == []


def test_every_listed_column_stands_in_a_contract_and_is_listed_once() -> None:
    columns = {
        (f"{source}.{name}", column)
        for source in source_names()
        for name, table in read_contract(source).items()
        for column in table.column_names
    }
    known = {column for _, column in columns}
    path = Path(vocabulary.__file__).parent / "names.tsv"
    rows = [line.split("\t")[:2] for line in path.read_text(encoding="utf-8").splitlines()[3:]]
    assert len({tuple(row) for row in rows}) == len(rows)
    for column, where in rows:
        assert column in known if where == "*" else (where, column) in columns


@pytest.mark.parametrize(
    "column", ["sex", "encounter_class", "diagnosis_type", "modality", "report_status", "order_type", "delivery_mode"]
)
def test_standard_values_of_drafts_are_those_the_models_know(column: str) -> None:
    with (SEEDS / f"mapping__{column}.csv").open(encoding="utf-8") as file:
        known = {row[1] for row in csv.reader(file)}
    assert {standard for standard in read_words()[column].values() if standard} <= known


def test_the_assignment_is_the_best_there_is() -> None:
    rng = random.Random(5)
    for _ in range(60):
        rows, columns = rng.randint(1, 5), rng.randint(1, 5)
        scores = [[rng.choice((0.0, 0.0, 0.3, 0.5, 0.9)) for _ in range(columns)] for _ in range(rows)]
        places = [*range(columns), *[None] * rows]
        best = max(
            sum(scores[row][place] for row, place in enumerate(chosen) if place is not None)
            for chosen in set(itertools.permutations(places, rows))
        )
        answer = assign(scores)
        taken = [place for place in answer if place is not None]
        assert len(set(taken)) == len(taken)
        assert sum(scores[row][place] for row, place in enumerate(answer) if place is not None) == pytest.approx(best)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("110199198001010012", "citizen_id"), ("110199800101001", "citizen_id"), ("13910001234", "phone"), ("女", "sex"),
        ("2024年3月5日", "date"), ("05-3月-24", "date"), ("2024-03-05T08:03:00+08:00", "timestamp"), ("20240305080300", "timestamp"),
        ("45356.3355", "serial"), ("6月12天", "age"), ("I63.900x003", "icd_10"), ("47.0901", "icd_9_cm_3"), ("38+2", "gestational_age"),
        ("G3P1", "gravida_para"), ("9-10-10", "apgar"), ("约1200ml", "volume_ml"), ("1.2.840.113619.2.55.3.1", "uid"),
        ("<0.05", "lab_value"), ("男:120-160 女:110-150", "reference_range"), ("{\\rtf1\\ansi x}", "document"), ("images/a.jpg", "path"),
    ],
)  # fmt: skip
def test_a_value_is_known_for_what_it_is(value: str, kind: str) -> None:
    assert kind in kinds_of(value)


def test_a_number_of_ten_digits_is_no_telephone() -> None:
    assert "phone" not in kinds_of("0010000021")


def test_words_are_no_names_of_persons() -> None:
    assert is_person_name("王安邦")
    assert not any(is_person_name(word) for word in ("常规", "全血", "双胎", "腹部"))


def test_day_and_month_that_may_be_exchanged_have_both_forms() -> None:
    assert {"%d/%m/%Y", "%m/%d/%Y"} <= set(date_format("05/03/2024"))
    assert date_format("25/03/2024") == ("%d/%m/%Y",)


def test_a_shape_shows_no_value() -> None:
    assert shape("ZY0012-王a") == "AA9999-汉a"
