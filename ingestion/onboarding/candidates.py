"""Scores which raw column each column of a file may be, by its name and by what its values are, and chooses.

The name alone decides nothing: JCSJ is the time of an examination in one system and its findings in another, and the
values tell which (sources.md 1.5). A form that contradicts the values rules a candidate out; a form that only few
things have (identity card, telephone) speaks for itself.
"""

from dataclasses import dataclass

from ingestion.onboarding.assignment import assign
from ingestion.onboarding.columns import ColumnProfile
from ingestion.onboarding.vocabulary import score_name
from lakehouse.contract import Column, Table

LOWEST = 0.42
"""Below it a pair is left unmapped: a wrong mapping costs more than an open one."""

LOWEST_REQUIRED = 0.36
"""The same for a column that a row cannot do without."""

_NAME_WEIGHT = 0.65
_DISTINCTIVE = frozenset(
    {"citizen_id", "phone", "address", "sex", "document", "icd_10", "gestational_age", "apgar", "age"}
)
_FORM_OF_NAME = {
    "patient_name": "person_name", "contact_name": "person_name", "physician": "person_name", "reporter": "person_name",
    "verifier": "person_name", "examiner": "person_name", "signed_by": "person_name", "sex": "sex", "age": "age",
    "birth_date": "date", "citizen_id": "citizen_id", "phone": "phone", "address": "address", "findings": "text",
    "impression": "text", "content": "document",
}  # fmt: skip
"""Forms of columns whose contract does not say one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One raw column that a column of the file may be."""

    column: str
    score: float
    name_score: float
    fit: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """What was decided for one column of the file."""

    profile: ColumnProfile
    chosen: Candidate | None
    others: tuple[Candidate, ...]


def form_of(column: Column) -> str | None:
    """Return the form that a contract gives a column, or that its name does."""
    form = column.meta.get("form") or _FORM_OF_NAME.get(column.name)
    return str(form) if form else None


def fit_of(profile: ColumnProfile, column: Column, table: Table) -> tuple[float, str]:
    """Return how well values fit the form of a raw column, -1 (contradict) to 1, and why."""
    form = form_of(column)
    if not profile.filled:
        return 0.0, "no values"
    share = profile.shares.get
    words = profile.word_shares.get(column.name, 0.0)
    dates = max(share("date", 0.0) + share("timestamp", 0.0), share("serial", 0.0) * 0.9)
    if form in ("date", "timestamp"):
        return _dates_fit(profile, form, dates)
    if form is None:
        return (0.6, f"{words:.0%} known words") if words > 0.5 else (0.0, "")
    if form != "id" and dates > 0.8 and share("number", 0.0) < 0.8 and form not in ("text", "word", "volume_ml"):
        return -1.0, "values are dates"
    if column.pii == "vault" and form in ("word", "text"):
        form = "person_name" if share("person_name", 0.0) > 0.5 else form
        if column.name.endswith("_path"):
            return (1.0, "values are paths") if share("path", 0.0) > 0.5 else (-0.6, "values are no paths")
    score = _form_fit(form, profile, words)
    reason = f"values are {form}" if score > 0 else f"values are {profile.kind}, not {form}"
    if form == "id":
        score += _key_fit(profile, column, table)
    return max(-1.0, min(1.0, score)), reason


def _dates_fit(profile: ColumnProfile, form: str, dates: float) -> tuple[float, str]:
    if dates < 0.6:
        return -1.0, "values are no dates"
    has_time = profile.shares.get("timestamp", 0.0) > 0.5
    if form == "date":
        return (0.6 if has_time else 1.0), "values are instants" if has_time else "values are dates"
    return (1.0 if has_time else 0.85), "values are instants" if has_time else "values are dates"


def _form_fit(form: str, profile: ColumnProfile, words: float) -> float:
    share = profile.shares.get
    numbers = share("number", 0.0)
    long_text = profile.mean_length > 12
    if form in (
        "citizen_id",
        "phone",
        "address",
        "sex",
        "icd_10",
        "icd_9_cm_3",
        "gestational_age",
        "gravida_para",
        "apgar",
        "age",
    ):
        found = share(form, 0.0)
        if (form == "sex" and profile.distinct > 8) or (form == "age" and numbers > 0.8 and profile.longest <= 3):
            return 0.4 if form == "age" else -1.0
        return 2 * found - 1
    if form == "document":
        return 1.0 if share("document", 0.0) > 0.3 else 0.5 if profile.mean_length > 60 else -0.8
    if form == "text":
        if (
            numbers > 0.8
            or share("citizen_id", 0.0) + share("phone", 0.0) > 0.5
            or share("date", 0.0) + share("timestamp", 0.0) > 0.5
        ):
            return -1.0
        return 1.0 if profile.mean_length > 15 else 0.4 if profile.mean_length > 4 else 0.0
    if form == "person_name":
        if long_text or numbers > 0.3 or share("id", 0.0) > 0.5:
            return -1.0
        return 2 * share("person_name", 0.0) - 0.6
    if form == "boolean":
        return 1.0 if share("boolean", 0.0) > 0.9 and profile.distinct <= 4 else -0.8
    if form in ("code", "word", "status"):
        return _word_fit(profile, words, long_text)
    if form == "unit":
        return 1.0 if words > 0.5 else -0.9 if numbers > 0.5 or long_text else -0.2
    if form == "number":
        return 1.0 if numbers > 0.8 else -1.0 if numbers < 0.3 else 0.0
    if form in ("volume_ml", "weight_g", "reference_range", "lab_value"):
        found = share(form, 0.0)
        return 2 * found - 1 if found < 0.9 else 0.6 if numbers > 0.9 and form == "reference_range" else 1.0
    if form == "id":
        return _id_fit(profile)
    return 0.0


def _word_fit(profile: ColumnProfile, words: float, long_text: bool) -> float:
    if words > 0.5:
        return 1.0
    if long_text or profile.shares.get("citizen_id", 0.0) + profile.shares.get("phone", 0.0) > 0.5:
        return -0.8
    if profile.distinct <= 20 and profile.distinct_share < 0.5:
        return 0.4
    return 0.0 if profile.shares.get("word", 0.0) > 0.8 else -0.3


def _id_fit(profile: ColumnProfile) -> float:
    share = profile.shares.get
    if share("text", 0.0) > 0.5 or profile.mean_length > 70:
        return -1.0
    if share("person_name", 0.0) > 0.5 or share("citizen_id", 0.0) > 0.7 or share("phone", 0.0) > 0.9:
        return -1.0
    if share("timestamp", 0.0) > 0.8 and share("number", 0.0) < 0.8:
        return -1.0
    found = max(share("id", 0.0), share("number", 0.0), share("uid", 0.0))
    if found < 0.3:
        return -0.6
    return 0.6 if profile.distinct > 3 else 0.2


def _key_fit(profile: ColumnProfile, column: Column, table: Table) -> float:
    """A number that alone is the key of its table differs in nearly all rows; that of a person need not."""
    if table.key == (column.name,):
        return 0.4 if profile.distinct_share > 0.97 else -0.5 if profile.distinct_share < 0.8 else 0.0
    if column.name in table.key and profile.distinct_share < 0.02 and profile.filled > 200:
        return -0.3
    if "uid" in column.name:
        return 0.4 if profile.shares.get("uid", 0.0) > 0.8 else -1.0
    return -1.0 if profile.shares.get("uid", 0.0) > 0.8 else 0.0


def candidates_of(profile: ColumnProfile, table: Table) -> list[Candidate]:
    """Return the raw columns that a column may be, best first."""
    found = []
    for column in table.columns:
        named = score_name(profile.name, table, column.name)
        fit, why = fit_of(profile, column, table)
        if fit <= -0.5:
            continue
        name_score = named.score if named else 0.0
        score = _NAME_WEIGHT * name_score + (1 - _NAME_WEIGHT) * max(fit, -0.5)
        form = form_of(column)
        if name_score < 0.3:
            # values alone: only what few things look like
            if form not in _DISTINCTIVE or fit < 0.8 or column.name.startswith("contact"):
                continue
            score = 0.5
        if not profile.filled:
            score = _NAME_WEIGHT * name_score if name_score > 0.7 else 0.0
        reasons = tuple(part for part in (named.reason if named else "", why) if part)
        found.append(Candidate(column=column.name, score=score, name_score=name_score, fit=fit, reasons=reasons))
    return sorted(found, key=lambda candidate: (-candidate.score, candidate.column))


def match_columns(profiles: list[ColumnProfile], table: Table) -> list[Match]:
    """Give each column of a file at most one raw column, each raw column at most once, with the highest sum."""
    names = table.column_names
    by_profile = [candidates_of(profile, table) for profile in profiles]
    matrix = []
    for found in by_profile:
        scores = {candidate.column: candidate.score for candidate in found}
        lowest = {name: LOWEST_REQUIRED if name in table.required else LOWEST for name in names}
        matrix.append([scores.get(name, 0.0) if scores.get(name, 0.0) >= lowest[name] else 0.0 for name in names])
    chosen = assign(matrix)
    matches = []
    for profile, found, place in zip(profiles, by_profile, chosen, strict=True):
        name = names[place] if place is not None else None
        best = next((candidate for candidate in found if candidate.column == name), None)
        others = tuple(candidate for candidate in found if candidate.column != name and candidate.score >= 0.3)[:3]
        matches.append(Match(profile=profile, chosen=best, others=others))
    return matches


_TELLING_FORMS = ("date", "timestamp", "icd_10", "icd_9_cm_3", "gestational_age", "apgar", "reference_range")


def _is_moment(profile: ColumnProfile) -> bool:
    return profile.shares.get("date", 0.0) + profile.shares.get("timestamp", 0.0) > 0.8


def match_rest(matches: list[Match], table: Table) -> list[Match]:
    """Give what is left of a form to the one raw column left that has this form, once the table is known.

    A key that no name told is the column of numbers that no two rows share; the only names of persons, where none was
    found, are the patient's; as many instants as are left to be found are taken in the order of the file.
    """
    found = {match.chosen.column for match in matches if match.chosen}
    rest = [match.profile for match in matches if match.chosen is None and match.profile.filled]
    open_columns = [column for column in table.columns if column.name not in found]
    given: dict[str, str] = {}

    def give(profiles: list[ColumnProfile], names: list[str]) -> None:
        free = [profile for profile in profiles if profile.name not in given]
        if len(free) == len(names):
            given.update({profile.name: name for profile, name in zip(free, names, strict=True)})

    for name in table.key[:1]:
        if name in table.required and name not in found:
            unique = [profile for profile in rest if profile.distinct_share > 0.9 and profile.null_share < 0.05]
            give([profile for profile in unique if _id_fit(profile) > 0 and not _is_moment(profile)], [name])
    if any(column.name == "patient_name" for column in open_columns):
        give(
            [profile for profile in rest if profile.kind == "person_name" and profile.distinct_share > 0.3],
            ["patient_name"],
        )
    for form in _TELLING_FORMS:
        names = [column.name for column in open_columns if form_of(column) == form]
        if form == "timestamp":
            give([profile for profile in rest if profile.kind == "timestamp"], names)
        elif len(names) == 1:
            give(
                [
                    profile
                    for profile in rest
                    if profile.shares.get(form, 0.0) > 0.8 and (form != "date" or profile.kind == "date")
                ],
                names,
            )
    return [
        Match(
            profile=match.profile,
            chosen=Candidate(
                column=given[match.profile.name], score=0.45, name_score=0.0, fit=1.0,
                reasons=("the only column left whose values fit",),
            ),
            others=match.others,
        )
        if match.chosen is None and match.profile.name in given
        else match
        for match in matches
    ]  # fmt: skip


def score_table(matches: list[Match], table: Table) -> float:
    """Return how well a file fits a raw table as a whole: what is explained, less required columns that are missing."""
    explained = sum(match.chosen.score for match in matches if match.chosen)
    found = {match.chosen.column for match in matches if match.chosen}
    missing = sum(name not in found for name in table.required)
    missing += bool(table.key) and not found & set(table.key)
    return explained / max(4, len(matches)) + 0.15 * explained / len(table.columns) - 0.25 * missing
