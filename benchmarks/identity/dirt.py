"""Writes people down the way hospitals do, by the list of sources.md 2: rows of raw tables, each with its true person.

Nothing here knows the rules of ingestion.identity. Shares are stated beside each kind of dirt; DIRT holds them all.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from benchmarks.identity.people import TODAY, Human, Registrar

DIRT = {
    "further_registration": 0.30,
    "merged_by_his": 0.10,
    "card_missing": 0.28,
    "card_missing_child": 0.40,
    "card_of_parent": 0.15,
    "card_15_digits": 0.08,
    "card_typo": 0.01,
    "card_placeholder": 0.02,
    "card_scientific": 0.004,
    "phone_missing": 0.12,
    "phone_replaced": 0.15,
    "phone_of_relative": 0.06,
    "name_typo": 0.012,
    "name_changed": 0.004,
    "name_decorated": 0.02,
    "birth_missing": 0.01,
    "birth_typo": 0.006,
    "sex_wrong": 0.002,
    "zeros_lost": 0.08,
    "id_decorated": 0.05,
    "walk_in": 0.012,
    "no_name_patient": 0.002,
    "test_patient": 0.0005,
    "empi": 0.6,
    "empi_wrong": 0.0004,
}
"""Kind of dirt to the share of rows it befalls."""

_HOMOPHONES = (
    "伟玮炜", "静婧靖", "丽莉俪", "霞侠", "娟涓鹃", "军君钧", "华桦骅", "英瑛莹", "芳方", "晓小筱", "建健", "志智",
    "雪薛", "梅玫", "兰岚", "杰洁", "宇雨羽", "涛滔", "欣新鑫", "婷亭", "明铭", "红宏虹", "辉晖", "海海", "林琳霖",
    "燕艳雁",
)  # fmt: skip
_SWAPS = {char: [other for other in group if other != char] for group in _HOMOPHONES for char in group}
_PLACEHOLDER_PHONES = ("13800000000", "11111111111", "-", "无", "00000000000")
_PLACEHOLDER_CARDS = ("111111111111111111", "无", "不详", "000000000000000000")


@dataclass(slots=True)
class Extracts:
    """Rows by (source, entity), each row with its true person under `_truth`."""

    rows: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, source: str, entity: str, truth: int, **values: Any) -> None:
        """Add one row."""
        self.rows.setdefault((source, entity), []).append(values | {"_truth": truth})

    def note(self, kind: str) -> None:
        """Count one piece of dirt."""
        self.counts[kind] = self.counts.get(kind, 0) + 1


class Clerk:
    """Registers people at the desks of a hospital with two campuses."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.extracts = Extracts()
        self._next = 1
        self._stay = {"2010-2017": 0, "2018-": 0}
        self._empi = 0

    def hit(self, kind: str) -> bool:
        """Return whether a kind of dirt happens now, and count it."""
        if self.chance.random() >= DIRT[kind]:
            return False
        self.extracts.note(kind)
        return True

    def number(self) -> str:
        """Return the next patient number of the HIS, ten digits with zeros in front."""
        self._next += self.chance.randrange(1, 4)
        return f"{self._next:010d}"

    def write_name(self, human: Human) -> str:
        """Return a name as a clerk types it."""
        name = human.name
        if "·" in name:
            name = name.replace("·", self.chance.choice(["·", "•", ".", "", "・"]))
        elif self.hit("name_typo"):
            place = self.chance.randrange(1, len(name))
            other = _SWAPS.get(name[place])
            name = (
                name[:place]
                + (self.chance.choice(other) if other else self.chance.choice("子文一亚"))
                + name[place + 1 :]
            )
        if self.hit("name_decorated"):
            name = self.chance.choice(
                [" ".join(name), f"{name}({'男' if human.sex == 'M' else '女'})", name + "  ", "　" + name]
            )
        return name

    def write_birth(self, human: Human) -> str:
        """Return a day of birth as a clerk types it."""
        birth = human.birth
        if self.hit("birth_missing"):
            return self.chance.choice(["", "1900-01-01"])
        if self.hit("birth_typo"):
            birth = self.chance.choice([
                birth + timedelta(days=self.chance.choice([-1, 1, 10, -10])),
                date(birth.year - 10 if birth.year > 1930 else birth.year, birth.month, min(birth.day, 28)),
                date(birth.year, 1, 1),
            ])  # fmt: skip
        return f"{birth:%Y-%m-%d}"

    def write_sex(self, human: Human) -> str:
        """Return the code of the sex."""
        sex = human.sex
        if self.hit("sex_wrong"):
            sex = "F" if sex == "M" else "M"
        return {"M": "1", "F": "2"}[sex]

    def write_card(self, human: Human) -> str:
        """Return the identity card as a clerk types it, or somebody else's, or nothing."""
        is_child = (TODAY - human.birth).days < 14 * 365
        if self.hit("card_placeholder"):
            return self.chance.choice(_PLACEHOLDER_CARDS)
        if self.hit("card_missing_child" if is_child else "card_missing"):
            return ""
        if is_child and human.mother is not None and self.hit("card_of_parent"):
            return human.mother.card
        if self.hit("card_scientific"):
            return f"{float(human.card[:17] + '0'):.5E}".replace("E+", "E+")
        if human.birth.year < 1975 and self.hit("card_15_digits"):
            return human.card[:6] + human.card[8:17]
        if self.hit("card_typo"):
            place = self.chance.randrange(6, 17)
            return human.card[:place] + str((int(human.card[place]) + 1) % 10) + human.card[place + 1 :]
        return human.card.lower() if self.chance.random() < 0.02 else human.card

    def write_phone(self, human: Human, make_phone: Callable[[], str]) -> str:
        """Return a telephone as a clerk types it."""
        if self.hit("phone_missing"):
            return self.chance.choice(["", *_PLACEHOLDER_PHONES])
        if self.hit("phone_of_relative"):
            return human.phones[0][:-1] + "7"
        if len(human.phones) < 3 and self.hit("phone_replaced"):
            human.phones.append(make_phone())
        return self.chance.choice(human.phones)

    def copy_number(self, number: str) -> str:
        """Return a patient number as another system or a spreadsheet copies it."""
        if self.hit("zeros_lost"):
            return number.lstrip("0")
        if self.hit("id_decorated"):
            return self.chance.choice([
                number.replace("0", "O", 1), f"MZ{number}", f"{number}_1", " " + number + " ",
                number.translate(str.maketrans("0123456789", "０１２３４５６７８９")),
            ])  # fmt: skip
        return number


def write_down(people: list[Human], seed: int) -> Extracts:
    """Return the extracts of HIS, CDR, LIS and RIS for a population."""
    clerk, registrar = Clerk(seed + 1), Registrar(seed + 2)
    for human in people:
        _register(clerk, human, registrar)
    for order in range(max(1, int(len(people) * DIRT["test_patient"]))):
        clerk.extracts.add(
            "his", "patient", -1000 - order, patient_id=clerk.number(), patient_name=f"测试{order}", sex="1",
            birth_date="1990-01-01", citizen_id="", phone="13800000000",
        )  # fmt: skip
    return clerk.extracts


def _register(clerk: Clerk, human: Human, registrar: Registrar) -> None:
    chance, extracts = clerk.chance, clerk.extracts
    is_newborn = human.mother is not None and (TODAY - human.birth).days < 400 and bool(human.mother.numbers)
    if chance.random() < 0.004 and (TODAY - human.birth).days > 30 * 365:
        human.formerly, human.name = human.name, human.name[0] + registrar.given(human.sex, human.birth)
        extracts.note("name_changed")
    mine: list[str] = []
    period = "2010-2017" if chance.random() < 0.3 else "2018-"
    clerk._stay[period] += 1
    # both campuses count their admissions from one, so the same numbers stand for different people
    inpatient = f"{clerk._stay[period]:08d}"
    count = 1
    while clerk.hit("further_registration") and count < 6:
        count += 1
    if is_newborn:
        count = _register_newborn(clerk, human, mine)
    empi = ""
    if clerk.hit("empi"):
        clerk._empi += 1
        empi = f"E{clerk._empi if not clerk.hit('empi_wrong') else max(1, clerk._empi - 1):09d}"
    for place in range(count):
        number = clerk.number()
        written = Human(**{name: getattr(human, name) for name in human.__slots__})
        written.phones = human.phones
        if human.formerly and place == 0:
            written.name = human.formerly
        no_name = clerk.hit("no_name_patient")
        merged = mine[-1] if mine and (no_name or clerk.hit("merged_by_his")) else ""
        registered = datetime(2012, 1, 1) + timedelta(days=chance.randrange(5200))
        row = {
            "patient_id": number,
            "patient_name": "无名氏" if no_name and merged else clerk.write_name(written),
            "sex": clerk.write_sex(written),
            "birth_date": "" if no_name and merged else clerk.write_birth(written),
            "citizen_id": "" if no_name and merged else clerk.write_card(written),
            "phone": "" if no_name and merged else clerk.write_phone(written, registrar.phone),
            "address": human.address if chance.random() < 0.6 else "",
            "registered_at": f"{registered:%Y-%m-%d %H:%M:%S}",
            "merged_into_patient_id": merged,
        }
        extracts.add("his", "patient", human.number, **row)
        mine.append(number)
        _visit(clerk, human, number, inpatient, period)
        if empi and chance.random() < 0.8:
            extracts.add(
                "cdr", "patient", human.number, patient_id=clerk.copy_number(number), empi_id=empi,
                patient_name=clerk.write_name(written), sex=clerk.write_sex(written),
                birth_date=clerk.write_birth(written), citizen_id=clerk.write_card(written), phone=row["phone"],
                inpatient_no=inpatient if chance.random() < 0.3 else "", _period=period,
            )  # fmt: skip
        _copies(clerk, written, number, row["patient_name"])
    human.numbers = {"patient_id": mine[0]} if mine else {}
    if clerk.hit("walk_in"):
        extracts.add(
            "lis", "result", human.number, report_id=f"W{human.number}", item_code="WBC", patient_id="9999999",
            patient_name=human.name, sex={"M": "男", "F": "女"}[human.sex],
            age=f"{(TODAY - human.birth).days // 365}岁", collected_at="2026-01-05 08:00:00", _walk_in=True,
        )  # fmt: skip


def _register_newborn(clerk: Clerk, human: Human, mine: list[str]) -> int:
    """Register a newborn under the mother's number; return how many registrations of their own follow."""
    assert human.mother is not None
    chance = clerk.chance
    word = "子" if human.sex == "M" else "女"
    if human.twin:
        word = {1: "长", 2: "次"}[human.birth_order] + word
    name = human.mother.name + "之" + (word if chance.random() < 0.8 or human.twin else "婴")
    base = human.mother.numbers["patient_id"]
    suffix = chance.choice(["A" if human.birth_order == 1 else "B", f"-{human.birth_order}"])
    number = base if chance.random() < 0.3 else base + suffix
    clerk.extracts.note("newborn_under_mother")
    clerk.extracts.add(
        "his", "patient", human.number, patient_id=number, patient_name=name, sex=clerk.write_sex(human),
        birth_date=f"{human.birth:%Y-%m-%d}", phone=human.mother.phones[0], address=human.address,
        citizen_id=human.mother.card if chance.random() < 0.3 else "",
        registered_at=f"{human.birth:%Y-%m-%d} 09:00:00",
    )  # fmt: skip
    clerk.extracts.add(
        "lis", "result", human.number, report_id=f"N{human.number}", item_code="TBIL", patient_id=number,
        patient_name=name, sex={"M": "男", "F": "女"}[human.sex], age="2天",
        collected_at=f"{human.birth + timedelta(days=2):%Y-%m-%d} 10:00:00",
    )  # fmt: skip
    if chance.random() < 0.3:
        # later the child comes under its own name and number, and the HIS merges the first registration half the time
        if chance.random() < 0.5 and number != base:
            clerk.extracts.rows["his", "patient"][-1]["merged_into_patient_id"] = f"{clerk._next + 1:010d}"
            clerk._next += 1
            clerk.extracts.add(
                "his", "patient", human.number, patient_id=f"{clerk._next:010d}", patient_name=human.name,
                sex=clerk.write_sex(human), birth_date=f"{human.birth:%Y-%m-%d}", phone=human.mother.phones[0],
                citizen_id=human.card, registered_at=f"{TODAY:%Y-%m-%d} 08:00:00",
            )  # fmt: skip
            clerk._next += 3
            return 0
        return 1
    return 0


def _visit(clerk: Clerk, human: Human, number: str, inpatient: str, period: str) -> None:
    chance = clerk.chance
    for _ in range(1 if chance.random() < 0.7 else 2):
        is_stay = chance.random() < 0.35
        written = inpatient
        if is_stay and chance.random() < 0.1:
            written = chance.choice([inpatient.lstrip("0"), "ZY" + inpatient, inpatient + "-02", f" {inpatient}"])
        clerk.extracts.add(
            "his", "encounter", human.number, visit_id=f"V{len(clerk.extracts.rows.get(('his', 'encounter'), []))}",
            patient_id=number, inpatient_no=written if is_stay else "",
            medical_record_no=inpatient if is_stay and chance.random() < 0.5 else "",
            encounter_class="住院" if is_stay else "门诊", admitted_at="2026-01-05 08:00:00", _period=period,
        )  # fmt: skip


def _copies(clerk: Clerk, human: Human, number: str, name: str) -> None:
    chance, extracts = clerk.chance, clerk.extracts
    days = (TODAY - human.birth).days
    age = f"{int(days / 365.25)}岁" if days > 730 else f"{days // 31}月" if days > 31 else f"{days}天"
    if chance.random() < 0.6:
        extracts.add(
            "lis", "result", human.number, report_id=f"L{number}", item_code="WBC",
            patient_id=clerk.copy_number(number),
            patient_name=clerk.write_name(human) if chance.random() < 0.1 else name,
            sex={"M": "男", "F": "女"}[human.sex], age=age, collected_at="2026-06-30 08:00:00",
        )  # fmt: skip
    if chance.random() < 0.4:
        extracts.add(
            "ris", "exam", human.number, exam_id=f"X{number}", report_version="1", patient_id=clerk.copy_number(number),
            patient_name=clerk.write_name(human) if chance.random() < 0.1 else name,
            sex={"M": "男", "F": "女"}[human.sex], age=age, examined_at="2026-06-30 09:00:00",
        )  # fmt: skip
