"""Invents persons and staff: names, identity cards, telephones and addresses that carry the marks."""

import random
from datetime import date, datetime, timedelta

from synthetic_hospital.marks import (
    AREA_CODE,
    COMPOUND_SURNAMES,
    GIVEN_NAME_CHARACTERS,
    MOBILE_PREFIX,
    PATIENT_ID_PREFIX,
    STREET,
    SURNAMES,
)
from synthetic_hospital.model import Person

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def invent_name(rng: random.Random) -> str:
    """Return a name: an ordinary surname and two marked characters."""
    surname = rng.choice(COMPOUND_SURNAMES) if rng.random() < 0.02 else rng.choice(SURNAMES)
    return surname + rng.choice(GIVEN_NAME_CHARACTERS) + rng.choice(GIVEN_NAME_CHARACTERS)


def citizen_id(birth_date: date, sex: str, serial: int, *, valid: bool = True) -> str:
    """Return an identity card number with its check digit (GB 11643-1999)."""
    sequence = serial % 499 * 2 + (1 if sex == "M" else 2)
    digits = f"{AREA_CODE}{birth_date:%Y%m%d}{sequence % 1000:03d}"
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True))
    check = "10X98765432"[total % 11]
    if not valid:
        check = "1" if check != "1" else "2"
    return digits + check


def invent_person(
    rng: random.Random, ordinal: int, *, sex: str | None = None, age_years: float, at: datetime
) -> Person:
    """Return a person who has a given age at a given time."""
    chosen = sex or rng.choice("MF")
    birth_date = (at - timedelta(days=age_years * 365.2425 + rng.randrange(0, 300))).date()
    if age_years < 1:
        birth_date = (at - timedelta(days=age_years * 365.2425)).date()
    return Person(
        ordinal=ordinal,
        patient_id=f"{PATIENT_ID_PREFIX}{ordinal:06d}",
        name=invent_name(rng),
        sex=chosen,
        birth_date=birth_date,
        citizen_id=citizen_id(birth_date, chosen, ordinal, valid=rng.random() > 0.02) if age_years > 1 else "",
        phone=f"{MOBILE_PREFIX}{rng.randrange(10**6):06d}",
        address=f"北京市测绘区{STREET}{rng.randrange(1, 999)}号{rng.randrange(1, 30)}单元{rng.randrange(101, 2500)}室",
        contact_name=invent_name(rng),
        registered_at=at - timedelta(days=rng.randrange(1, 1500), hours=rng.randrange(24)),
    )


def invent_staff(seed: int, count: int = 24) -> tuple[str, ...]:
    """Return the names of the radiologists, the same for the whole hospital."""
    rng = random.Random(f"{seed}:staff")
    return tuple(invent_name(rng) for _ in range(count))
