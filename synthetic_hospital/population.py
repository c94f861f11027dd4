"""Tells the stories: patient after patient, each from a seed of its own, so that a hospital of any size is a stream."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from synthetic_hospital import other_stories, pulmonary_stories
from synthetic_hospital.builder import PatientBuilder
from synthetic_hospital.model import Patient
from synthetic_hospital.named import named_patients
from synthetic_hospital.people import invent_person, invent_staff

_PULMONARY_SHARE = 0.4
_FIRST_DAY = datetime(2023, 1, 2, 7, 0)
_DAYS = 600


def tell_patients(count: int, seed: int) -> Iterator[Patient]:
    """Yield the ten named patients and then random ones, `count` in all."""
    staff = invent_staff(seed)
    yield from named_patients(staff)[:count]
    for ordinal in range(11, count + 1):
        yield _tell_patient(ordinal, seed, staff)


def tell_patient(ordinal: int, seed: int) -> Patient:
    """Return one random patient; for corrections that concern a single one."""
    return _tell_patient(ordinal, seed, invent_staff(seed))


def _tell_patient(ordinal: int, seed: int, staff: tuple[str, ...]) -> Patient:
    rng = random.Random(f"{seed}:{ordinal}")
    at = _FIRST_DAY + timedelta(days=rng.randrange(_DAYS), minutes=rng.randrange(20, 840))
    if rng.random() < _PULMONARY_SHARE:
        stories, weights = zip(*pulmonary_stories.STORIES, strict=True)
        story = rng.choices(stories, weights)[0]
        family, sex, age = "pulmonary_infection", None, rng.triangular(18, 96, 66)
    else:
        position = rng.choices(range(len(other_stories.STORIES)), [row[2] for row in other_stories.STORIES])[0]
        story, family, _ = other_stories.STORIES[position]
        is_obstetric = family == "placenta_accreta"
        sex = "F" if is_obstetric else None
        age = rng.triangular(21, 44, 31) if is_obstetric else rng.triangular(18, 92, 55)
    person = invent_person(rng, ordinal, sex=sex, age_years=age, at=at)
    builder = PatientBuilder(person, family, rng, staff)
    story(builder, at)
    return builder.patient
