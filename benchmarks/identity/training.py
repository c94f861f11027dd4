"""Fits the weights of the model on a synthetic population and writes ingestion/identity/model.json.

u by random sampling, m by expectation maximisation over four blockings; then the threshold is the lowest point of the
curve from which on pairs are right often enough. The seed of the population is not the one the benchmark reports on.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.identity.dirt import write_down
from benchmarks.identity.people import make_people
from ingestion.identity.columns import person_tables
from ingestion.identity.probability import (
    COMPARISONS,
    FOLDER,
    find_comparable,
    linkage_settings,
    make_linker,
    read_model,
)
from ingestion.identity.records import build_records, read_mentions, read_new_batches
from ingestion.identity.state import load_records
from lakehouse.lake import open_lake
from lakehouse.settings import read_settings
from serving.home import create_home

WANTED_PRECISION = 0.995
"""How often a pair that only the model links has to be right."""

LEAST_SURE = 0.95
"""Whatever the curve says, a pair less likely than this waits for a person."""

FLOOR = 0.01
"""Nothing is impossible in one person's records: an address that never changes here changes in life."""

UNSEEN = 1e-6
"""How often strangers agree in a way that did not happen among two million pairs."""


def train(people: int, seed: int, *, home: Path) -> None:
    """Fit the model and write it."""
    from benchmarks.identity.linkage import load, run

    create_home(home, synthetic=True)
    settings = read_settings(home)
    load(settings, write_down(make_people(people, seed + 1000), seed + 1000))
    with open_lake(settings, ("raw",)) as connection:
        read_mentions(connection, {table.name: read_new_batches(connection, table.table) for table in person_tables()})
        build_records(connection)
        load_records(connection, [])
        find_comparable(connection)
        linker = make_linker(connection, linkage_settings(touched_only=False))
        linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=seed)
        for rule in (
            "l.name_norm = r.name_norm and l.birth_date = r.birth_date",
            "l.phone = r.phone and l.birth_date = r.birth_date",
            "l.citizen_id = r.citizen_id",
            "l.name_norm = r.name_norm and l.phone = r.phone",
        ):
            linker.training.estimate_parameters_using_expectation_maximisation(rule)
        target = home.parent / "trained.json"
        linker.misc.save_model_to_json(str(target), overwrite=True)
    model = stored_model(json.loads(target.read_text(encoding="utf-8")), people, seed)
    write_model(model)
    points = run(people, seed + 1000, home=home.parent / "curve")["curve"]
    model["curve"] = [{name: round(value, 6) for name, value in point.items()} for point in points]
    good = [
        point["threshold"]
        for place, point in enumerate(points)
        if point["threshold"] >= LEAST_SURE and all(later["precision"] >= WANTED_PRECISION for later in points[place:])
    ]
    model["threshold"] = good[0] if good else points[-1]["threshold"]
    write_model(model)


def write_model(model: dict[str, Any]) -> None:
    """Write model.json and forget the one read before."""
    (FOLDER / "model.json").write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")
    read_model.cache_clear()


def stored_model(trained: dict[str, Any], people: int, seed: int) -> dict[str, Any]:
    """Return the weights in our form, with a threshold to draw the curve with."""
    weights: dict[str, list[list[float]]] = {}
    for comparison in trained["comparisons"]:
        levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
        weights[comparison["output_column_name"]] = [
            [
                round(min(max(level.get("m_probability", FLOOR), FLOOR), 1 - FLOOR), 8),
                round(level.get("u_probability", UNSEEN), 10),
            ]
            for level in levels
        ]
    assert list(weights) == list(COMPARISONS)
    return {
        "version": "1",
        "trained_on": f"benchmarks/identity, {people} people, seed {seed + 1000}",
        "prior": trained["probability_two_random_records_match"],
        "weights": weights,
        "threshold": 0.99,
        "lower": 0.9,
        "curve": [],
    }
