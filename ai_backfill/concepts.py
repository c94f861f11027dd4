"""Turns the codes and names of vendors into our concepts, and their units into canonical ones.

The knowledge is `concepts.yml`. A code is looked up with its coding scheme, never alone; a name only when no code is
known, and the answer says so: `mapped` by code, `mapped_by_name` by what it is called, `unmapped`.
"""

import functools
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ai_backfill.result import Code

MAPPED, BY_NAME, UNMAPPED = "mapped", "mapped_by_name", "unmapped"

_TABLE = Path(__file__).with_name("concepts.yml")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BRACKETS = re.compile(r"[(\[（【].*?[)\]）】]")
_NOT_A_WORD = re.compile(r"[^0-9a-z%\u00b2\u00b3\u3400-\u9fff]+")
_NUMBERING = re.compile(r"[\s#]*(no|number|第)?\s*[0-9]+\s*[号个]?$")
_LESION_WORDS = frozenset(
    ("nodule", "nodules", "lesion", "lesions", "finding", "findings", "tumor", "tumour", "roi", "mass")
)
_FILLER = frozenset(
    ("ai", "the", "a", "an", "of", "in", "for", "measured", "value", "estimated", "computed", "calculated", "2d", "3d")
)
_LUNG_WORDS = frozenset(("lung", "pulmonary", "suspected", "suspicious", "disorder", "structure"))
_LESION_WORDS_ZH = re.compile("病灶|结节|病变|肿块|的|该|肺部|AI|ai")


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """What a code or name stands for and how that was found."""

    concept: str | None
    status: str


NO_MATCH = Match(concept=None, status=UNMAPPED)


@functools.cache
def read_table() -> dict[str, Any]:
    """Return the content of concepts.yml."""
    return yaml.safe_load(_TABLE.read_text(encoding="utf-8"))


@functools.cache
def table_sha256() -> str:
    """Return the fingerprint of the rules; a result read with other rules is read again."""
    return hashlib.sha256(_TABLE.read_bytes()).hexdigest()


@functools.lru_cache(maxsize=20_000)
def normalise_name(text: str) -> str:
    """Return a name without case, width, punctuation, brackets and joined capitals."""
    text = _BRACKETS.sub(" ", unicodedata.normalize("NFKC", text)) or text
    return _NOT_A_WORD.sub(" ", _CAMEL.sub(" ", text).casefold()).strip()


@functools.cache
def _systems() -> dict[str, str]:
    return {spelling: system for system, spellings in read_table()["systems"].items() for spelling in spellings}


@functools.cache
def _index(kind: str) -> tuple[dict[tuple[str, str], str], dict[str, str]]:
    codes: dict[tuple[str, str], str] = {}
    names: dict[str, str] = {}
    for concept, entry in read_table()[kind].items():
        for code in entry.get("codes", ()):
            system, value = code.split(" ", 1)
            codes[system.upper(), value.upper()] = concept
        for name in (concept.replace("_", " "), *entry.get("names", ())):
            names.setdefault(normalise_name(str(name)), concept)
    return codes, names


def canonical_system(designator: str) -> str:
    """Return one spelling of a coding scheme's designator."""
    cleaned = designator.strip()
    return _systems().get(cleaned.casefold().removeprefix("urn:oid:").rstrip("/"), cleaned.upper())


def find_code(kind: str, code: Code | None) -> str | None:
    """Return the concept a code stands for, by code and coding scheme alone."""
    if code is None or not code.value:
        return None
    return _index(kind)[0].get((canonical_system(code.system or ""), code.value.strip().upper()))


def find_name(kind: str, text: str | None) -> str | None:
    """Return the concept a name stands for: as it is, without numbering, or without words that add nothing."""
    if not text:
        return None
    names = _index(kind)[1]
    name = normalise_name(text)
    for candidate in (name, _NUMBERING.sub("", name), *_shorter_names(kind, name)):
        if candidate and candidate in names:
            return names[candidate]
    return None


def _shorter_names(kind: str, name: str) -> list[str]:
    words = [word for word in name.split() if word not in _FILLER]
    if kind == "quantities" and len(words) > 1 and find_unit(words[-1]):
        words.pop()
    shorter = [" ".join(words)]
    if kind == "findings":
        words = [word for word in words if word not in _LUNG_WORDS]
        shorter += [" ".join(words), " ".join(word.removesuffix("s") for word in words)]
    elif kind == "quantities":
        # "lung volume" is the lung's; only beside a lesion is "lung" a mere attribute of it
        if _LESION_WORDS.intersection(words):
            shorter.append(" ".join(word for word in words if word not in _LESION_WORDS | _LUNG_WORDS))
        shorter.append(_LESION_WORDS_ZH.sub("", shorter[0]).strip())
    return shorter


@functools.lru_cache(maxsize=50_000)
def find_concept(kind: str, code: Code | None, text: str | None = None) -> Match:
    """Return the concept of a coded value or, as the last resort, of its meaning or a text."""
    concept = find_code(kind, code)
    if concept is not None:
        return Match(concept=concept, status=MAPPED)
    for name in (code.meaning if code else None, text):
        concept = find_name(kind, name)
        if concept is not None:
            return Match(concept=concept, status=BY_NAME)
    return NO_MATCH


_PLAIN_DERIVATIONS = (None, "mean", "maximum", "total")


def find_quantity(name: Code | None, derivation: str | None) -> Match:
    """Return the quantity an item measures, with its derivation taken in.

    `derivation` is a known one, `other`, or None. The deviation or a percentile of a diameter is no diameter: where the
    table has no name for a derived quantity, it stays unmapped.
    """
    match = find_concept("quantities", name)
    if match.concept is None:
        return match
    derived = read_table()["quantities"][match.concept].get("derived", {})
    if (derivation or "") in derived:
        return Match(concept=derived[derivation or ""], status=match.status)
    return match if derivation in _PLAIN_DERIVATIONS else NO_MATCH


def unit_of(quantity: str | None) -> str | None:
    """Return the UCUM unit in which a quantity's canonical value is written."""
    return read_table()["quantities"][quantity].get("unit") if quantity else None


def answers_of(quantity: str | None) -> str | None:
    """Return the kind of concepts that a quantity's coded answers belong to."""
    return read_table()["quantities"][quantity].get("answers") if quantity else None


@functools.cache
def _units() -> dict[str, tuple[str, str, float]]:
    units = {}
    for dimension, entries in read_table()["units"].items():
        for ucum, entry in entries.items():
            for spelling in (ucum, *entry["names"]):
                units[_normalise_unit(str(spelling))] = (str(ucum), dimension, float(entry["factor"]))
    return units


def _normalise_unit(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("µ", "μ").casefold().replace(" ", "").strip()


def find_unit(text: str | None) -> tuple[str, str, float] | None:
    """Return a unit's UCUM code, its dimension and its factor to the first unit of that dimension."""
    return _units().get(_normalise_unit(text)) if text else None


def convert(value: float, unit: str, target: str) -> float | None:
    """Return a value in another unit of the same dimension, or None when there is none."""
    source, wanted = find_unit(unit), find_unit(target)
    if source is None or wanted is None or source[1] != wanted[1]:
        return None
    return value if source[0] == wanted[0] else float(f"{value * source[2] / wanted[2]:.12g}")
