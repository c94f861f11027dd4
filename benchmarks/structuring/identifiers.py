"""Makes identifiers of every kind of the privacy rules, in the spellings that registrations and dictation give them.

The lists are in people_names.tsv and place_names.tsv. No value is kept: every card number is made when it is used.
"""

import csv
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_HERE = Path(__file__).parent
_AREAS = ("110105", "130125", "341222", "440304", "510107", "320583", "650102", "152222", "622301", "500101")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SPOKEN = "洞幺二三四五六拐八九"
_CHINESE = "〇一二三四五六七八九"
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def _read_lists(name: str) -> Mapping[str, tuple[str, ...]]:
    lists = {}
    with (_HERE / name).open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            values = row["values"]
            cut = values.split("|") if "|" in values else values.split(" ") if " " in values else list(values)
            lists[row["list"]] = tuple(dict.fromkeys(cut))
    return lists


_PEOPLE, _PLACES = _read_lists("people_names.tsv"), _read_lists("place_names.tsv")


@dataclass(frozen=True, kw_only=True, slots=True)
class Identifier:
    """One identifier: what it is counted as, the value a register holds, and how the text writes it."""

    kind: str
    value: str
    written: str


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def make_chinese_name(rng: random.Random) -> str:
    """Return a Han name of two to four characters; half of the surnames are ordinary words as well."""
    draw = rng.random()
    if draw < 0.08:
        surname = rng.choice(_PEOPLE["surname_double"])
    elif draw < 0.12:
        return (
            rng.choice(_PEOPLE["surname_common"])
            + rng.choice(_PEOPLE["surname_common"])
            + rng.choice([given for given in _PEOPLE["given_new"] if len(given) == 2])
        )
    else:
        surname = rng.choice(_PEOPLE["surname_common"] if draw < 0.6 else _PEOPLE["surname_word"])
    given = rng.choice(
        _PEOPLE[rng.choices(("given_old", "given_new", "given_one", "given_rare"), weights=(40, 30, 27, 3))[0]]
    )
    return surname + given


def _make_name(rng: random.Random) -> tuple[str, str]:
    draw = rng.random()
    if draw < 0.06:
        name = rng.choice(_PEOPLE["minority"])
        return name, name.replace("·", rng.choice("·••．・. "))
    if draw < 0.08:
        name = rng.choice(_PEOPLE["traditional"])
        return name, name
    name = make_chinese_name(rng)
    if draw < 0.18:
        return name, _part(rng, name, (" ", "　", "  "))
    if draw < 0.21:
        return name, rng.choice((" ", "　")).join(name)
    return name, name


def _part(rng: random.Random, name: str, gaps: tuple[str, ...]) -> str:
    """Return a name with its surname set apart."""
    cut = 2 if name[:2] in _PEOPLE["surname_double"] else 1
    return name[:cut] + rng.choice(gaps) + name[cut:]


def _make_masked(rng: random.Random) -> tuple[str, str]:
    name = make_chinese_name(rng)
    surname, last = name[0], name[-1]
    written = rng.choice(
        (
            f"{surname}**",
            f"{surname}*{last}",
            f"{surname}某",
            f"{surname}某某",
            f"{surname}××",
            f"{surname}＊{last}",
            f"{surname}?{last}",
            f"{surname}□{last}",
            f"{surname}\ue5e5{last}",
            f"{surname}X{last}",
            f"{surname}●{last}",
        )
    )
    return name, written


def _make_staff(rng: random.Random) -> tuple[str, str]:
    name = make_chinese_name(rng)
    return name, _part(rng, name, (" ", "　")) if rng.random() < 0.12 else name


def _make_card(rng: random.Random) -> str:
    born = f"{rng.randint(1928, 2025)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    stem = f"{rng.choice(_AREAS)}{born}{_digits(rng, 3)}"
    total = sum(int(digit) * weight for digit, weight in zip(stem, _WEIGHTS, strict=True))
    return stem + "10X98765432"[total % 11]


def spread(rng: random.Random, number: str, cuts: tuple[int, ...]) -> str:
    """Return a number as typed: mostly plain, else full-width, in groups, with hyphens or broken by a line end."""
    draw = rng.random()
    if draw < 0.62:
        return number
    if draw < 0.72:
        return number.translate(_WIDE)
    bounds = (0, *cuts, len(number))
    groups = [number[start:end] for start, end in pairwise(bounds)]
    if draw < 0.85:
        return " ".join(groups)
    if draw < 0.91:
        return "-".join(groups)
    if draw < 0.94:
        return "　".join(group.translate(_WIDE) for group in groups)
    if draw < 0.98:
        place = rng.choice(cuts) if cuts else 1
        return number[:place] + rng.choice(("\n", "\r\n", " \n")) + number[place:]
    return " ".join(number)


def _make_id_card(rng: random.Random) -> tuple[str, str]:
    number = _make_card(rng)
    draw = rng.random()
    if draw < 0.06:
        old = number[:6] + number[8:17]
        return old, old
    if draw < 0.12:
        wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
        return wrong, wrong
    return number, spread(rng, number.lower() if rng.random() < 0.3 else number, (6, 14))


def _make_mobile(rng: random.Random) -> tuple[str, str]:
    number = f"1{rng.choice('3456789')}{_digits(rng, 9)}"
    draw = rng.random()
    if draw < 0.06:
        return number, rng.choice(("+86", "+86 ", "86-", "0086", "(+86)")) + number
    if draw < 0.08:
        return number, "".join(_SPOKEN[int(digit)] for digit in number)
    if draw < 0.09:
        return number, "".join(_CHINESE[int(digit)] for digit in number)
    return number, spread(rng, number, (3, 7))


def _make_landline(rng: random.Random) -> tuple[str, str]:
    area, number = (
        rng.choice(("010", "0311", "021", "0558", "0755", "028", "0997")),
        f"{rng.randint(2, 8)}{_digits(rng, 7)}",
    )
    if len(area) == 4 and rng.random() < 0.5:
        number = number[:7]
    written = rng.choice(
        (
            f"{area}-{number}",
            f"{area}{number}",
            f"({area}){number}",
            f"（{area}）{number}",
            f"{area} {number}",
            f"{area}-{number[:4]}-{number[4:]}",
            f"{area}－{number}".translate(_WIDE),
            f"{area}-{number}转{rng.randint(100, 9999)}",
            f"{area}—{number}-{rng.randint(100, 9999)}",
        )
    )
    return written, written


def _make_address(rng: random.Random) -> tuple[str, str]:
    pick = {key: rng.choice(values) for key, values in _PLACES.items()}
    top = pick["province"] + pick["city"] if rng.random() < 0.8 else pick["municipality"]
    n, m, k = rng.randint(1, 299), rng.randint(1, 30), rng.randint(1, 6)
    tail = rng.choice(
        (
            f"{pick['road']}{n}号",
            f"{pick['road']}{n}号院{m}号楼{k}单元{k}0{k}室",
            f"{pick['town']}{pick['village']}{m}组{n}号",
            f"{pick['town']}{pick['village']}",
            f"{pick['road']}{pick['estate']}{m}栋{n}室",
            f"{pick['estate']}{m}-{k}-{n}",
            f"{pick['town']}{pick['village']}{m}队",
            f"{pick['road']}甲{n}号{k}门{k}0{k}",
            f"{pick['estate']}{m}号楼{k}单元{n}",
        )
    )
    written = (
        rng.choice((top + pick["county"], pick["county"], pick["city"] + pick["county"], top + pick["county"])) + tail
    )
    if rng.random() < 0.1:
        written = written.translate(_WIDE)
    return written, written


def _make_place(rng: random.Random) -> tuple[str, str]:
    n, m, k = rng.randint(1, 299), rng.randint(1, 30), rng.randint(1, 6)
    estate, village, town, road = (rng.choice(_PLACES[key]) for key in ("estate", "village", "town", "road"))
    written = rng.choice(
        (
            f"{estate}{m}号楼{k}单元{n}室",
            f"{town}{village}",
            f"{town}{village}{m}组",
            f"{estate}{m}栋",
            f"{road}{n}号",
            f"{village}{m}组",
            f"{road}{estate}{m}幢{n}",
            f"{village}{n}号",
        )
    )
    return written, written


def _make_institution(rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.65:
        written = rng.choice(_PLACES["hospital_stem"]) + "医院"
        if rng.random() < 0.12:
            written += rng.choice(("东院区", "分院", "（南区）", "西区"))
    else:
        written = rng.choice(_PLACES["hospital_other"])
    return written, written


def _record(prefixes: tuple[str, ...], low: int, high: int) -> Callable[[random.Random], tuple[str, str]]:
    def make(rng: random.Random) -> tuple[str, str]:
        number = rng.choice(prefixes) + _digits(rng, rng.randint(low, high))
        draw = rng.random()
        return number, number.translate(_WIDE) if draw < 0.1 else spread(rng, number, (4,)) if draw < 0.18 else number

    return make


def _make_birth(rng: random.Random) -> tuple[str, str]:
    year, month, day = rng.randint(1926, 2025), rng.randint(1, 12), rng.randint(1, 28)
    written = rng.choice(
        (
            f"{year}-{month:02d}-{day:02d}",
            f"{year}年{month}月{day}日",
            f"{year}.{month}.{day}",
            f"{year}/{month:02d}/{day:02d}",
            f"{year}{month:02d}{day:02d}",
            f"{year} 年 {month} 月 {day} 日",
            f"{year}年{month:02d}月{day:02d}日".translate(_WIDE),
        )
    )
    return written, written


def _make_account(rng: random.Random) -> tuple[str, str]:
    written = rng.choice(("wx_", "lily", "zhang_", "Abc", "a", "wxid_", "dr-li")) + _digits(rng, rng.randint(3, 8))
    return written, written


def _make_email(rng: random.Random) -> tuple[str, str]:
    written = rng.choice(("zhangwei", "li.ming", "wang_fang", "x", "Chen-")) + _digits(rng, 4)
    written += rng.choice(("@", "@", "@", "＠", " @ ")) + rng.choice(
        ("163.com", "qq.com", "gmail.com", "pumch.cn", "sina.com.cn")
    )
    return written, written


def _make_bank_card(rng: random.Random) -> tuple[str, str]:
    stem = rng.choice(("622202", "621700", "6228", "436742")) + _digits(rng, 12)
    stem = stem[:18]
    total = 0
    for place, digit in enumerate(reversed(stem)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    number = stem + str(-total % 10)
    return number, spread(rng, number, (4, 8, 12, 16))


def _make_plate(rng: random.Random) -> tuple[str, str]:
    tail = "".join(rng.choice("ABCDEFGHJK0123456789") for _ in range(rng.choice((5, 5, 5, 6))))
    written = rng.choice("京沪粤冀皖苏鲁豫川新") + rng.choice("ABCDEFGHJ") + rng.choice(("", "·", " ", "")) + tail
    return written, written


def _plain(form: Callable[[random.Random], str]) -> Callable[[random.Random], tuple[str, str]]:
    def make(rng: random.Random) -> tuple[str, str]:
        written = form(rng)
        return written, written

    return make


MAKERS: Mapping[str, tuple[str, Callable[[random.Random], tuple[str, str]]]] = {
    "name": ("name", _make_name),
    "name_masked": ("masked name", _make_masked),
    "name_latin": ("latin name", _plain(lambda rng: rng.choice(_PEOPLE["latin"]))),
    "staff": ("staff name", _make_staff),
    "surname": ("staff surname", _plain(lambda rng: rng.choice(_PEOPLE["surname_common"] + _PEOPLE["surname_double"]))),
    "id_card": ("identity card", _make_id_card),
    "passport": ("other document", _plain(lambda rng: rng.choice(("E", "G", "EA", "EJ", "P")) + _digits(rng, 8))),
    "military": (
        "other document",
        _plain(lambda rng: rng.choice(("军字第", "武字第", "南字第")) + _digits(rng, 8) + "号"),
    ),
    "birth_certificate": ("other document", _plain(lambda rng: rng.choice("ABCKT") + _digits(rng, 9))),
    "permit": ("other document", _plain(lambda rng: rng.choice("HM") + _digits(rng, 10))),
    "mobile": ("mobile", _make_mobile),
    "landline": ("landline", _make_landline),
    "short_phone": ("landline", _plain(lambda rng: rng.choice("2345678") + _digits(rng, rng.choice((6, 7, 3, 4))))),
    "email": ("e-mail", _make_email),
    "account": ("account", _make_account),
    "qq": ("account", _plain(lambda rng: str(rng.randint(1, 9)) + _digits(rng, rng.randint(5, 9)))),
    "url": (
        "account",
        _plain(lambda rng: f"http{rng.choice(('', 's'))}://pacs.h{_digits(rng, 3)}.cn/s?id={_digits(rng, 8)}"),
    ),
    "bank_card": ("bank card", _make_bank_card),
    "plate": ("plate", _make_plate),
    "record": ("record number", _record(("", "", "", "ZY", "M", "0", "B"), 6, 10)),
    "insurance": ("record number", _record(("", "C", "YB"), 8, 12)),
    "exam": ("record number", _record(("CT", "US", "MR", "P", "F", "", "DX20"), 5, 10)),
    "bed": (
        "bed",
        _plain(
            lambda rng: rng.choice(
                (
                    f"{rng.randint(1, 99)}",
                    f"+{rng.randint(1, 9)}",
                    f"{rng.randint(1, 9)}-{rng.randint(1, 40)}",
                    f"B{rng.randint(1, 40)}",
                )
            )
        ),
    ),
    "staff_number": ("record number", _plain(lambda rng: rng.choice(("", "D", "0")) + _digits(rng, rng.randint(4, 6)))),
    "address": ("address", _make_address),
    "place": ("address", _make_place),
    "institution": ("institution", _make_institution),
    "company": ("workplace", _plain(lambda rng: rng.choice(_PLACES["company"]))),
    "birth": ("date of birth", _make_birth),
    "date": ("date", _make_birth),
}


def make_identifier(rng: random.Random, slot: str) -> Identifier:
    """Return a fresh identifier for a slot of the wording; KeyError when the slot is unknown."""
    kind, maker = MAKERS[slot]
    value, written = maker(rng)
    return Identifier(kind=kind, value=value, written=written)
