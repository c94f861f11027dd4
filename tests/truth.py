"""Compares the pulmonary infection mart with what the synthetic hospital says is true, field by field."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.keyring import read_key
from lakehouse.lake import fetch_dicts, open_lake
from lakehouse.pseudonym import pseudonym
from lakehouse.settings import Settings

FIELDS = (
    "qualifying_rule", "cohort_tier", "age_years", "sex", "pneumonia_on_imaging", "confusion_new", "urea_max", "rr_max",
    "sbp_min", "dbp_min", "curb65_total", "arrival_time", "admission_time", "discharge_time",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """How far the mart is from the truth."""

    true_episodes: int
    found: int
    missing: tuple[tuple[str, str], ...]
    """(patient, index time) of episodes the mart lacks."""
    surplus: int
    fields_compared: int
    differing: tuple[tuple[str, str, str, str], ...]
    """(visit, field, truth, mart)."""

    @property
    def recall(self) -> float:
        """Return the share of true episodes that the mart has."""
        return (self.true_episodes - len(self.missing)) / self.true_episodes

    @property
    def precision(self) -> float:
        """Return the share of the mart's episodes that are true."""
        return (self.found - self.surplus) / self.found if self.found else 0.0

    @property
    def field_agreement(self) -> float:
        """Return the share of compared values that are equal."""
        return 1 - len(self.differing) / self.fields_compared if self.fields_compared else 0.0


def read_truth(folder: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of one truth table."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def compare_episodes(settings: Settings, truth: Path) -> Comparison:
    """Return how the episodes of the mart differ from the truth."""
    key = read_key(settings.home / "keys", "pseudonym", settings.keys)
    expected = {
        (pseudonym(key, "patient", row["patient_id"]), row["t_index"]): row for row in read_truth(truth, "episode")
    }
    with open_lake(settings, ("lake",), read_only=True) as connection:
        rows = fetch_dicts(connection, "select * from lake.mart_pulmonary_infection.mart_pulmonary_infection__episode")
    found = {(row["patient_id"], str(row["t_index"])): row for row in rows}
    missing = tuple((row["patient_id"], row["t_index"]) for identity, row in expected.items() if identity not in found)
    differing: list[tuple[str, str, str, str]] = []
    compared = 0
    for identity in expected.keys() & found.keys():
        for field in FIELDS:
            compared += 1
            wanted, got = expected[identity][field], _written(found[identity][field])
            if not _same(wanted, got):
                differing.append((expected[identity]["visit_id"], field, wanted, got))
    return Comparison(
        true_episodes=len(expected),
        found=len(found),
        missing=missing,
        surplus=len(found.keys() - expected.keys()),
        fields_compared=compared,
        differing=tuple(sorted(differing)),
    )


def _written(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same(wanted: str, got: str) -> bool:
    if wanted == got:
        return True
    try:
        return abs(float(wanted) - float(got)) < 1e-9
    except ValueError:
        return False
