"""What a study's report says, as far as it counts for research: mentions with the words around them.

History, the clinician's diagnosis and advice are left out (report_structuring.md 9.5).
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from report_structuring.measurement import Measurement
from report_structuring.structure import Entity, Structured

Value = str | float | bool | None
"""What a column of an imaging mart may hold."""

_BEST_FIRST = ("present", "uncertain", "historical", "absent")
_NOT_THE_READER = ("history", "clinical_diagnosis", "recommendation", "technique")
_SENTENCE_END = re.compile(r"[。；;！!\n]")
_CLAUSE_END = re.compile(r"[。；;！!\n，,]")
AFFIRMED = ("present", "uncertain")
"""Assertions that count as TRUE (pulmonary_infection.md 0.8)."""


@dataclass(frozen=True)
class StudyReport:
    """One report of a study with its mentions; `text` is the raw text that the offsets refer to."""

    text: str
    structured: Structured

    @cached_property
    def entities(self) -> tuple[Entity, ...]:
        """Return the mentions that count."""
        return tuple(
            entity
            for entity in self.structured.entities
            if entity.section not in _NOT_THE_READER and entity.assertion != "recommendation"
        )

    @cached_property
    def plain_text(self) -> str:
        """Return the text with half-width letters, digits and punctuation, as patterns of printed grades want it."""
        return unicodedata.normalize("NFKC", self.text)

    def section_text(self, label: str) -> str:
        """Return the text of the sections with a label, in half-width letters and digits."""
        parts = (self.text[part.start : part.end] for part in self.structured.sections if part.label == label)
        return unicodedata.normalize("NFKC", "\n".join(parts))

    def having(self, codes: Collection[str], assertions: Collection[str] = AFFIRMED) -> list[Entity]:
        """Return the mentions of some codes with some assertions, in their order."""
        return [entity for entity in self.entities if entity.code in codes and entity.assertion in assertions]

    def sign(self, codes: Collection[str], entities: Iterable[Entity] | None = None) -> str | None:
        """Return the strongest assertion of some codes (present > uncertain > historical > absent), None without one."""
        heard = self.entities if entities is None else entities
        found = {entity.assertion for entity in heard if entity.code in codes}
        return next((assertion for assertion in _BEST_FIRST if assertion in found), None)

    def clause(self, entity: Entity) -> str:
        """Return the words between the commas around a mention."""
        return self._around(entity, _CLAUSE_END)

    def sentence(self, entity: Entity) -> str:
        """Return the sentence of a mention."""
        return self._around(entity, _SENTENCE_END)

    def sentences(self) -> Iterator[str]:
        """Yield all sentences."""
        yield from (sentence for sentence in _SENTENCE_END.split(self.text) if sentence.strip())

    def clauses(self) -> Iterator[str]:
        """Yield all clauses, in half-width letters and digits."""
        yield from (clause for clause in _CLAUSE_END.split(self.plain_text) if clause.strip())

    def targets_mm(self, target: str, kinds: Collection[str] | None = None) -> list[float]:
        """Return the lengths in millimetres measured at a normal structure (report_structuring.md 7.4)."""
        return [
            high
            for item in self.structured.measurements
            if item.target == target
            and item.unit == "mm"
            and item.time == "current"
            and (not kinds or item.kind in kinds)
            for _, high in item.dims
        ]

    def numbers_mm(self, pattern: re.Pattern[str]) -> list[float]:
        """Return the lengths in millimetres of measurements whose clause, or the one before it, has some words."""
        found = []
        for item in self.structured.measurements:
            start = max((hit.start() for hit in _CLAUSE_END.finditer(self.text, 0, item.start)), default=0)
            before = max((hit.end() for hit in _CLAUSE_END.finditer(self.text, 0, start)), default=0)
            if item.unit == "mm" and item.time == "current" and pattern.search(self.text, before, item.end):
                found += [high for _, high in item.dims]
        return found

    def measurements(self, codes: Collection[str], kinds: Collection[str] | None = None) -> list[Measurement]:
        """Return the present measurements that are linked to affirmed mentions of some codes."""
        ids = {entity.id for entity in self.having(codes)}
        return [
            measurement
            for measurement in self.structured.measurements
            if measurement.entity in ids
            and measurement.time == "current"
            and (kinds is None or measurement.kind in kinds)
        ]

    def largest_mm(self, codes: Collection[str]) -> float | None:
        """Return the largest length in millimetres measured at mentions of some codes."""
        return max(
            (high for item in self.measurements(codes) if item.unit == "mm" for _, high in item.dims), default=None
        )

    def _around(self, entity: Entity, end: re.Pattern[str]) -> str:
        start = max((hit.end() for hit in end.finditer(self.text, 0, entity.start)), default=0)
        stop = end.search(self.text, entity.end)
        return self.text[start : stop.start() if stop else len(self.text)]


def sides_of(entities: Iterable[Entity]) -> str | None:
    """Return left, right or both: the sides that the mentions name."""
    sides = {entity.laterality for entity in entities} - {None}
    if "bilateral" in sides or {"left", "right"} <= sides:
        return "both"
    return next(iter(sides), None)
