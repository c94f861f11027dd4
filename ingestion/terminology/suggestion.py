"""Ranks codes for words that reached none, by likeness of the words.

The names of supplied lists, of SNOMED CT in Chinese and of our own seeds are cut into single and double characters; the
names that share the rarest of them with a term are compared with it closely. Chinese has no spaces between words, so
pieces of one and two characters stand for words; nothing is turned into pinyin, which makes different words alike.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import log

from rapidfuzz import fuzz

from ingestion.terminology.spelling import concept_of, family_of, read_seed, term_key
from lakehouse.lake import Connection

DOMAINS = ("diagnosis", "procedure", "lab_item")
_SHORTLIST = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A name that a term may mean."""

    code: str
    name: str
    code_system: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """A candidate with its likeness to the term, 0 to 1."""

    code: str
    name: str
    code_system: str
    score: float


class Ranking:
    """The candidates of one domain, ready to be searched."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._candidates: list[Candidate] = []
        self._keys: list[str] = []
        self._places: dict[str, list[int]] = defaultdict(list)
        seen = set()
        for candidate in candidates:
            key = term_key(candidate.name)
            if not key or (key, candidate.code) in seen:
                continue
            seen.add((key, candidate.code))
            position = len(self._keys)
            self._candidates.append(candidate)
            self._keys.append(key)
            for piece in _pieces(key):
                self._places[piece].append(position)

    def __len__(self) -> int:
        return len(self._keys)

    def suggest(self, term: str, count: int = 5) -> list[Suggestion]:
        """Return the likeliest candidates of a term, best first; equal ones in the order of their codes."""
        key = term_key(term)
        weights: dict[int, float] = defaultdict(float)
        for piece in _pieces(key):
            places = self._places.get(piece, ())
            for position in places:
                weights[position] += log(1 + len(self._keys) / len(places))
        shortlist = sorted(weights, key=lambda position: (-weights[position], position))[:_SHORTLIST]
        scored = []
        for position in shortlist:
            candidate = self._candidates[position]
            score = round(_likeness(key, self._keys[position]), 4)
            scored.append(
                Suggestion(code=candidate.code, name=candidate.name, code_system=candidate.code_system, score=score)
            )
        scored.sort(key=lambda item: (-item.score, item.code_system, item.code, item.name))
        return scored[:count]


def _pieces(key: str) -> set[str]:
    return set(key) | {key[i : i + 2] for i in range(len(key) - 1)}


def _likeness(one: str, other: str) -> float:
    """Return half of it by shared pieces (Dice), half by the longest common subsequence."""
    pieces, others = _pieces(one), _pieces(other)
    dice = 2 * len(pieces & others) / (len(pieces) + len(others))
    return 0.5 * dice + 0.5 * fuzz.ratio(one, other) / 100


def read_ranking(connection: Connection, domain: str) -> Ranking:
    """Return the candidates of a domain: supplied lists in the lake, and our seeds."""
    if domain == "lab_item":
        return Ranking(_lab_items())
    family = {"diagnosis": "icd_10", "procedure": "icd_9_cm_3"}[domain]
    return Ranking([*_listed(connection, family), *_seeded(domain), *_snomed(connection, domain)])


def _listed(connection: Connection, family: str) -> list[Candidate]:
    rows = connection.execute(
        "select distinct code_system, code, code_name from raw.raw_terminology.code "
        "qualify dense_rank() over (partition by code_system order by batch_id desc) = 1 order by all"
    ).fetchall()
    return [
        Candidate(code=code, name=name, code_system=system)
        for system, code, name in rows
        if family_of(system) == family
    ]


def _seeded(domain: str) -> list[Candidate]:
    if domain == "diagnosis":
        rows = read_seed("terminology", "terminology__diagnosis_name")
        return [Candidate(code=row["concept_code"], name=row["name_zh"], code_system="icd10_who") for row in rows]
    return [
        Candidate(code=row["concept_code"], name=name.replace(".*", ""), code_system="icd9cm3_nc3")
        for row in read_seed("terminology", "terminology__procedure_name")
        for name in row["name_pattern"].split("|")
    ]


def _snomed(connection: Connection, domain: str) -> list[Candidate]:
    if domain != "diagnosis":
        return []
    known = connection.execute(
        "select 1 from duckdb_tables() where database_name = 'lake' and schema_name = 'std' "
        "and table_name = 'std_snomed_concept'"
    ).fetchone()
    if known is None:
        return []
    rows = connection.execute(
        "select icd_10_code, term_zh from lake.std.std_snomed_concept "
        "where is_active and icd_10_code is not null and term_zh is not null order by all"
    ).fetchall()
    return [Candidate(code=concept_of(code, "icd_10"), name=name, code_system="snomed_ct") for code, name in rows]


def _lab_items() -> list[Candidate]:
    labels = [(row["item_code"], row["label_zh"]) for row in read_seed("standard", "mapping__lab_item")]
    aliases = [(row["item_code"], row["alias"]) for row in read_seed("standard", "mapping__lab_item_alias")]
    return [Candidate(code=code, name=name, code_system="lab_item") for code, name in [*labels, *aliases]]
