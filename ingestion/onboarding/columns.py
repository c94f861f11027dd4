"""Profiles one column of a file: how full, how distinct, what its values are, how its dates are written.

A profile holds counts, shapes and, of columns that identify nobody, code values; never another value.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingestion.onboarding.recognition import date_format, is_missing, is_person_name, kinds_of, plain, read_words, shape

MOST_CODES = 15
_LONGEST_CODE = 12
_LEAST_REPEATS = 2
_IDENTIFYING = ("citizen_id", "phone", "person_name", "address", "uid", "date", "timestamp", "path", "document")


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnProfile:
    """What is known of one column; shares are of its values that are not missing, 0 to 1."""

    name: str
    position: int
    rows: int
    filled: int
    distinct: int
    mean_length: float
    longest: int
    shares: dict[str, float] = field(default_factory=dict)
    word_shares: dict[str, float] = field(default_factory=dict)
    """Share of the values that are known words of a coded column."""
    date_format: str | None = None
    date_formats: int = 0
    is_date_ambiguous: bool = False
    codes: dict[str, int] = field(default_factory=dict)
    """Values with their counts, only where they are few, short and name nobody."""
    shapes: tuple[str, ...] = ()

    @property
    def null_share(self) -> float:
        """Return the share of rows without a value."""
        return 1 - self.filled / self.rows if self.rows else 1.0

    @property
    def distinct_share(self) -> float:
        """Return distinct values over values."""
        return self.distinct / self.filled if self.filled else 0.0

    @property
    def kind(self) -> str:
        """Return the most telling kind that at least 70 % of the values are."""
        for kind in _TELLING:
            if self.shares.get(kind, 0.0) >= 0.7:
                return kind
        return "empty" if not self.filled else "text" if self.mean_length > 20 else "word"


_TELLING = (
    "document", "citizen_id", "phone", "uid", "timestamp", "date", "sex", "boolean", "gestational_age",
    "gravida_para", "apgar",
    "age", "icd_10", "icd_9_cm_3", "serial", "address", "path", "person_name", "integer", "number", "reference_range",
    "lab_value",
    "text", "id", "code",
)  # fmt: skip


def profile_column(name: str, position: int, values: Sequence[str | None]) -> ColumnProfile:
    """Return the profile of a column from a sample of its cells."""
    counts = Counter(value for value in values if value is not None and not is_missing(value))
    filled = sum(counts.values())
    shares: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for value, number in counts.items():
        for kind in kinds_of(value):
            shares[kind] += number
        folded = plain(value).casefold()
        for column, known in read_words().items():
            if folded in known:
                words[column] += number
    form, forms, ambiguous = _date_format(counts)
    return ColumnProfile(
        name=name,
        position=position,
        rows=len(values),
        filled=filled,
        distinct=len(counts),
        mean_length=sum(len(value) * number for value, number in counts.items()) / filled if filled else 0.0,
        longest=max((len(value) for value in counts), default=0),
        shares={kind: number / filled for kind, number in sorted(shares.items())},
        word_shares={column: number / filled for column, number in sorted(words.items())},
        date_format=form,
        date_formats=forms,
        is_date_ambiguous=ambiguous,
        codes=_codes(counts, filled),
        shapes=_shapes(counts),
    )


def _date_format(counts: Counter[str]) -> tuple[str | None, int, bool]:
    """Return the format most values are in, how many formats occur, and whether day and month may be exchanged."""
    by_format: Counter[str] = Counter()
    for value, number in counts.items():
        for form in date_format(plain(value)):
            by_format[form] += number
    if not by_format:
        return None, 0, False
    best, number = max(by_format.items(), key=lambda item: (item[1], item[0]))
    if number < 0.5 * sum(counts.values()):
        return None, len(by_format), False
    rivals = [form for form, other in by_format.items() if other == number and form != best]
    exchanged = {"%d/%m", "%m/%d"}
    ambiguous = any({best[:5], form[:5]} == exchanged for form in rivals)
    return best, len({form for form in by_format if by_format[form] < number or form == best}), ambiguous


def _codes(counts: Counter[str], filled: int) -> dict[str, int]:
    if not counts or len(counts) > MOST_CODES or filled < len(counts) * _LEAST_REPEATS:
        return {}
    if any(len(value) > _LONGEST_CODE for value in counts):
        return {}
    known = {word for words in read_words().values() for word in words}
    for value in counts:
        text = plain(value)
        if text.casefold() in known:
            continue
        kinds = kinds_of(value)
        digits = sum(character.isdigit() for character in text)
        if is_person_name(text) or kinds & set(_IDENTIFYING) or digits > 3:
            return {}
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _shapes(counts: Counter[str]) -> tuple[str, ...]:
    shapes: Counter[str] = Counter()
    for value, number in counts.items():
        shapes[shape(value)] += number
    return tuple(form for form, _ in sorted(shapes.items(), key=lambda item: (-item[1], item[0]))[:3])
