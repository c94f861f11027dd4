"""Scores what the rules leave with a Fellegi-Sunter model (Splink on DuckDB); the model and its threshold are data.

The weights in model.json were trained on the synthetic population of benchmarks/identity and are never trained on a
hospital's data, so that a pair has the same score today and tomorrow, alone and among a million. Nothing is fetched and
no chart is made. Names agree only where they are equal or differ in one character, and a child whose name differs is
never linked: twins look like that.
"""

import functools
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.identity.conditions import contradiction
from ingestion.identity.names import names_agree, names_similar
from lakehouse.lake import Connection

if TYPE_CHECKING:
    from splink import Linker

FOLDER = Path(__file__).parent

_BIRTH_PARTS = (
    "(cast(year(birth_date_l) = year(birth_date_r) as integer) "
    "+ cast(month(birth_date_l) = month(birth_date_r) as integer) "
    "+ cast(day(birth_date_l) = day(birth_date_r) as integer))"
)
_NAME_EQUAL = names_agree("name_norm_l", "name_norm_r")

COMPARISONS: dict[str, list[str]] = {
    "name_norm": [
        "name_norm_l is null or name_norm_r is null",
        f"{_NAME_EQUAL} and length(name_norm_l) >= 3",
        _NAME_EQUAL,
        names_similar("name_norm_l", "name_norm_r"),
        "left(name_norm_l, 1) = left(name_norm_r, 1)",
        "ELSE",
    ],
    "birth_date": [
        "birth_date_l is null or birth_date_r is null",
        "birth_date_l = birth_date_r",
        f"{_BIRTH_PARTS} = 2 and abs(year(birth_date_l) - year(birth_date_r)) <= 20",
        "ELSE",
    ],
    "sex": ["sex_l is null or sex_r is null", "sex_l = sex_r", "ELSE"],
    "phone": ["phone_l is null or phone_r is null", "list_has_any(phones_l, phones_r)", "ELSE"],
    "address": ["address_l is null or address_r is null", "address_l = address_r", "ELSE"],
    "citizen_id": [
        "citizen_id_l is null or citizen_id_r is null",
        "citizen_id_l = citizen_id_r and (citizen_state_l = 'own' or citizen_state_r = 'own')",
        "citizen_id_l = citizen_id_r",
        "levenshtein(citizen_id_l, citizen_id_r) <= 2 and (citizen_state_l <> 'own' or citizen_state_r <> 'own')",
        "ELSE",
    ],
}
"""Column compared to its levels, the surest agreement first; the first of each is for a missing value."""

_BLOCKS = (
    "l.name_norm = r.name_norm and l.birth_date = r.birth_date",
    "l.birth_date = r.birth_date and l.phone = r.phone",
    "l.birth_date = r.birth_date and l.address = r.address",
    "l.name_norm = r.name_norm and l.phone = r.phone",
    "l.name_norm = r.name_norm and l.address = r.address",
    "l.citizen_id = r.citizen_id",
    "l.name_norm = r.name_norm and l.citizen_start = r.citizen_start",
)

_AGREE, _SIMILAR = names_agree("l.name_norm", "r.name_norm"), names_similar("l.name_norm", "r.name_norm")

ELIGIBLE = (
    # name, birth and sex alone are never enough (step 6 of the ladder)
    "(coalesce(list_has_any(l.phones, r.phones), false) or coalesce(l.address = r.address, false) "
    "or coalesce(levenshtein(l.citizen_id, r.citizen_id) <= 2, false)) "
    # twins have names that differ in one character; grown-ups who share all the rest rarely are twins
    f"and ({_AGREE} or ({_SIMILAR} and coalesce(least(l.birth_date, r.birth_date) "
    f"< least(l.first_seen, r.first_seen)::date - interval 16 year, false))) and not {contradiction()}"
)
"""What two records l and r must have besides their score to be linked without a person's decision."""


def linkage_settings(*, touched_only: bool = True) -> dict[str, Any]:
    """Return the settings of the model without its weights."""
    touched = " and (l.is_touched or r.is_touched)" if touched_only else ""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record_id",
        "probability_two_random_records_match": 1e-6,
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": False,
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": block + touched, "sql_dialect": "duckdb"} for block in _BLOCKS
        ],
        "comparisons": [
            {
                "output_column_name": column,
                "comparison_levels": [
                    {"sql_condition": condition, "label_for_charts": f"{column} {place}"}
                    | ({"is_null_level": True} if place == 0 else {})
                    for place, condition in enumerate(levels)
                ],
            }
            for column, levels in COMPARISONS.items()
        ],
    }


@functools.cache
def read_model() -> dict[str, Any]:
    """Return the stored weights and thresholds (model.json): prior, m and u per level, threshold, lower, curve."""
    content: dict[str, Any] = json.loads((FOLDER / "model.json").read_text(encoding="utf-8"))
    return content


def trained_settings(*, touched_only: bool = True) -> dict[str, Any]:
    """Return the settings with the stored weights."""
    model = read_model()
    settings = linkage_settings(touched_only=touched_only)
    settings["probability_two_random_records_match"] = model["prior"]
    for comparison in settings["comparisons"]:
        weights = model["weights"][comparison["output_column_name"]]
        for level, (m, u) in zip(comparison["comparison_levels"][1:], weights, strict=True):
            level["m_probability"], level["u_probability"] = m, u
    return settings


def make_linker(connection: Connection, settings: dict[str, Any]) -> "Linker":
    """Return a linker over the table `comparable`; Splink says nothing and writes no file."""
    from splink import DuckDBAPI, Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection)
    return Linker(api.register("comparable"), settings, log_level=None, validate_settings=False)


def find_comparable(connection: Connection) -> None:
    """Make `comparable`: the records that say enough to be told apart without a number."""
    connection.execute("""
        create or replace table comparable as
        select
            record_id,
            name_norm,
            birth_date,
            sex,
            phones,
            phones[1] as phone,
            address,
            citizen_id,
            substr(citizen_id, 1, 10) as citizen_start,
            citizen_state,
            is_touched
        from record
        where name_kind = 'ordinary' and not is_newborn and (birth_date is not null or citizen_id is not null)
    """)


def score_pairs(connection: Connection, *, lowest: float) -> None:
    """Make `scored_pair` of record_a, record_b and score, for touched pairs that score at least `lowest`."""
    find_comparable(connection)
    linker = make_linker(connection, trained_settings())
    scored = linker.inference.predict(threshold_match_probability=lowest, warning_mode="never")
    connection.execute(f"""
        create or replace temp table scored_pair as
        select least(record_id_l, record_id_r) as record_a, greatest(record_id_l, record_id_r) as record_b,
            max(match_probability) as score
        from {scored.physical_name}
        group by all
    """)
    scored.drop_table_from_database_and_remove_from_cache()
    connection.execute("drop table comparable")


def add_scored_pairs(connection: Connection) -> None:
    """Add to `pair` what the model links, and for review what it is not sure of."""
    model = read_model()
    score_pairs(connection, lowest=model["lower"])
    connection.execute(f"""
        insert into pair by name
        select
            record_a,
            record_b,
            'probabilistic' as rule,
            score,
            not (score >= {model["threshold"]} and {ELIGIBLE}) as is_review
        from scored_pair
        inner join record as l on record_a = l.record_id
        inner join record as r on record_b = r.record_id
        where
            {_SIMILAR}
            and not {contradiction()}
            and (record_a, record_b) not in (select (record_a, record_b) from pair where not is_review)
    """)
    connection.execute("""
        create or replace temp table pair as
        select record_a, record_b, arg_max(rule, (not is_review, score, rule)) as rule,
            arg_max(score, (not is_review, score, rule)) as score, bool_and(is_review) as is_review
        from pair
        group by record_a, record_b
    """)
