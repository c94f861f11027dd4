"""A mention of a concept, and the scene of the sentence it stands in."""

from dataclasses import dataclass

from report_structuring.anatomy import Phrase, Site


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """A concept found in the text, not yet judged."""

    start: int
    end: int
    code: str
    rule: str
    core: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What surrounds a sentence: its sites, what was named before, the report's domain, kind and section."""

    start: int
    end: int
    sites: tuple[Site, ...]
    phrases: tuple[Phrase, ...]
    clauses: tuple[tuple[int, int], ...]
    earlier: tuple[Site, ...]
    domain: str
    report_kind: str
    is_obstetric: bool = False
    is_pancreatic: bool = False
    section: str = "unsectioned"
