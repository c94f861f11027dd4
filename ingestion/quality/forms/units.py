"""Units of measurement: the many writings of hospitals, brought to one UCUM string.

Converting between units is not done here: that needs a factor for the item (`mapping__lab_unit`). Two writings of one
unit are a variant; two units of one item are a mismatch.
"""

import csv
import functools
import re

from ingestion.quality.forms import Facts, Normal
from ingestion.quality.forms.characters import half_width, is_full_width, is_lost
from ingestion.quality.forms.missing import is_missing
from lakehouse import PROJECT_ROOT

_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SQUARED = {
    "㎜": "mm", "㎝": "cm", "㎞": "km", "㎎": "mg", "㎏": "kg", "㎍": "ug", "㎖": "mL", "㎕": "uL", "㎗": "dL",
    "ℓ": "L", "㏖": "mol", "℃": "Cel", "㎠": "cm2", "㎡": "m2", "㎣": "mm3", "㎤": "cm3", "㏄": "mL", "％": "%",
    "µ": "u", "μ": "u",
}  # fmt: skip
_POWER = re.compile(r"^(?:[x×*·X])?10(?:\^|\*\*?|[Ee]|)\+?(\d{1,2})(?=/|个)")
_NAMES = {
    "秒": "s", "分": "min", "分钟": "min", "小时": "h", "天": "d", "次/分": "/min", "次/min": "/min", "bpm": "/min",
    "岁": "a", "毫升": "mL", "升": "L", "克": "g", "毫克": "mg", "千克": "kg", "公斤": "kg", "厘米": "cm",
    "毫米": "mm", "度": "Cel", "°C": "Cel", "mmHg": "mm[Hg]", "cmH2O": "cm[H2O]", "/HP": "/[HPF]", "/HPF": "/[HPF]",
    "个/HP": "/[HPF]", "个/HPF": "/[HPF]", "/LP": "/[LPF]", "/LPF": "/[LPF]", "个/LP": "/[LPF]", "mm/1h": "mm/h",
    "sec": "s", "seconds": "s", "S": "s", "K/uL": "10*3/uL", "M/uL": "10*6/uL", "G/L": "10*9/L", "T/L": "10*12/L",
    "个/uL": "/uL", "个/L": "/L", "ratio": "{ratio}", "S/CO": "{s_co_ratio}", "COI": "{index}", "pH": "[pH]",
    "mEq/L": "meq/L", "INR": "{INR}", "copies/mL": "{copies}/mL",
}  # fmt: skip
_NAMES_SMALL = {re.sub(r"\s", "", name).lower(): unit for name, unit in _NAMES.items()}
_ATOMS = {
    "l": "L", "dl": "dL", "ml": "mL", "ul": "uL", "fl": "fL", "nl": "nL", "pl": "pL", "g": "g", "mg": "mg",
    "ug": "ug", "ng": "ng", "pg": "pg", "fg": "fg", "kg": "kg", "mol": "mol", "mmol": "mmol", "umol": "umol",
    "nmol": "nmol", "pmol": "pmol", "u": "U", "iu": "[IU]", "miu": "m[IU]", "uiu": "u[IU]", "kiu": "k[IU]",
    "mu": "mU", "ku": "kU", "h": "h", "min": "min", "s": "s", "d": "d", "mm": "mm", "cm": "cm", "m": "m", "um": "um",
    "%": "%", "meq": "meq", "osm": "osm", "mosm": "mosm", "kpa": "kPa", "pa": "Pa", "hpf": "[HPF]", "hp": "[HPF]",
    "lpf": "[LPF]", "lp": "[LPF]", "cel": "Cel", "mm3": "mm3", "m2": "m2", "cm2": "cm2", "1.73m2": "{1.73_m2}",
    "24h": "(24.h)", "mcg": "ug", "cr": "{creat}", "gcr": "g{creat}", "ru": "[arb'U]", "cfu": "[CFU]", "ev": "eV",
    "hz": "Hz", "tablet": "{tbl}",
}  # fmt: skip


def ucum(value: str) -> str | None:
    """Return the UCUM string of a unit as written, or None when it is not known."""
    text = "".join(_SQUARED.get(character, character) for character in value)
    text = re.sub(r"[\s()（）【】]", "", half_width(text).translate(_SUPERSCRIPT))
    if text in _known_units():
        return text
    if basis := re.fullmatch(r"(.+?)\{?(FEU|DDU)\}?", text):
        # two bases of D-dimer, which differ by a factor of two
        unit = ucum(basis[1])
        return f"{unit}{{{basis[2]}}}" if unit else None
    if text.lower() in _NAMES_SMALL and text not in ("m", "M"):
        return _NAMES.get(text) or _NAMES_SMALL[text.lower()]
    power = _POWER.match(text)
    head = f"10*{power[1]}" if power else ""
    rest = text[power.end() :].lstrip("个") if power else text
    parts = rest.split("/")
    atoms = []
    for position, part in enumerate(parts):
        if not part:
            if position == 0:
                continue
            return None
        atom = _ATOMS.get(part.lower())
        if atom is None:
            return None
        atoms.append(atom)
    if not atoms and not head:
        return None
    if head:
        return head + "".join(f"/{atom}" for atom in atoms)
    return ("/" if parts[0] == "" else "") + "/".join(atoms)


@functools.cache
def _known_units() -> frozenset[str]:
    path = PROJECT_ROOT / "dbt_project" / "seeds" / "standard" / "mapping__lab_item.csv"
    with path.open(encoding="utf-8", newline="") as file:
        units = {row["canonical_unit"] for row in csv.DictReader(file)}
    return frozenset(units - {"", "{code}"}) | frozenset({*_NAMES.values(), *_ATOMS.values()})


def plain_unit(value: str) -> str:
    """Return a unit half-width without blanks, where UCUM has no string for it."""
    return re.sub(r"\s", "", half_width(value))


def normal_unit(value: str, facts: Facts) -> Normal:
    """Return a unit's UCUM string, or its half-width text when that is not known.

    `facts.usual` are the writings that are usual in the column; another writing of one of them is a variant.
    """
    if is_missing("unit", value, facts):
        return Normal(None)
    if is_lost(value):
        return Normal(value.strip(), ("encoding_lost",))
    normal = ucum(value) or plain_unit(value)
    kinds = ["fullwidth_value"] if is_full_width(value.replace("％", "%")) else []
    stripped = value.strip()
    if facts.usual:
        others = {ucum(unit) or plain_unit(unit) for unit in facts.usual}
        if stripped not in facts.usual and normal in others and not kinds:
            kinds.append("unit_variant")
    elif stripped != normal and not kinds:
        kinds.append("unit_variant")
    return Normal(normal, tuple(kinds))
