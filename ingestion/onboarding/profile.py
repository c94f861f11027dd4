"""Profiles a delivered file: its form, its columns, the raw table it most likely fills, and which column is which."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.mapping import STANDARD_FORMATS
from ingestion.onboarding.candidates import Match, match_columns, match_rest, score_table
from ingestion.onboarding.columns import ColumnProfile, profile_column
from ingestion.onboarding.sampling import Sample, sample_file
from ingestion.onboarding.sniffing import Sniffed, sniff_file
from lakehouse.contract import Table, read_contract, read_table, source_names
from lakehouse.errors import ContractError

_FIXED_ENTITIES = {"documents": ("emr", "document"), "worklist": ("pacs", "study")}
"""Formats that only one raw table takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableGuess:
    """One raw table a file may fill, with its score."""

    source: str
    entity: str
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FileProfile:
    """All that is known of one file without any row value of a column that identifies."""

    path: Path
    sniffed: Sniffed
    rows: int
    is_whole: bool
    dropped: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    guess: TableGuess | None = None
    other_guesses: tuple[TableGuess, ...] = ()
    matches: tuple[Match, ...] = ()
    key_distinct: tuple[int, int] | None = None
    """Distinct keys and rows of the sample, where all key columns were found."""

    @property
    def table(self) -> Table | None:
        """Return the contract of the guessed raw table."""
        return read_table(self.guess.source, self.guess.entity) if self.guess else None


def profile_file(path: Path, source: str | None = None, entity: str | None = None) -> FileProfile:
    """Return the profile of one file; `source` and `entity` narrow the raw tables it may fill.

    Raises ContractError when the file has no form the readers know, or the source or entity is unknown.
    """
    sniffed = sniff_file(path)
    if sniffed.layout.format in STANDARD_FORMATS:
        return FileProfile(
            path=path,
            sniffed=sniffed,
            rows=0,
            is_whole=True,
            guess=TableGuess(source=sniffed.layout.format, entity="", score=1.0),
        )
    sample = sample_file(path, sniffed)
    profiles = profile_columns(sample)
    tables = candidate_tables(sniffed.layout.format, source, entity)
    ranked = rank_tables(profiles, tables, path)
    if not ranked:
        raise ContractError("no source has a contract for this file: name one with --source and --entity")
    score, table, matches = ranked[0]
    matches = match_rest(matches, table)
    return FileProfile(
        path=path,
        sniffed=sniffed,
        rows=sample.row_count,
        is_whole=sample.is_whole,
        dropped=dict(sample.reading.dropped),
        rejected=sample.rejected,
        guess=TableGuess(source=table.source, entity=table.name, score=round(score, 3)),
        other_guesses=tuple(
            TableGuess(source=other.source, entity=other.name, score=round(number, 3))
            for number, other, _ in ranked[1:4]
        ),
        matches=tuple(matches),
        key_distinct=_key_distinct(sample, table, matches),
    )


def profile_columns(sample: Sample) -> list[ColumnProfile]:
    """Return the profile of every column of a sample that has a name."""
    return [
        profile_column(name, position, cells)
        for position, (name, cells) in enumerate(zip(sample.header, sample.columns, strict=True))
        if name.strip()
    ]


def candidate_tables(file_format: str, source: str | None, entity: str | None) -> list[Table]:
    """Return the raw tables that a file of a format may fill."""
    if source is None and file_format in _FIXED_ENTITIES:
        source, entity = _FIXED_ENTITIES[file_format]
    names = [source] if source else [name for name in source_names() if name not in STANDARD_FORMATS]
    tables = []
    for name in names:
        contract = read_contract(name)
        tables += [table for table in contract.values() if table.is_delivered and entity in (None, table.name)]
    if source and not tables:
        known = ", ".join(sorted(read_contract(source)))
        raise ContractError(f"source {source!r} has no table {entity!r} that deliveries fill; it has {known}")
    return tables


def rank_tables(
    profiles: list[ColumnProfile], tables: Sequence[Table], path: Path | None = None
) -> list[tuple[float, Table, list[Match]]]:
    """Return the tables with their matches, the best first; of equals the first by name.

    A folder or file named after a source speaks for it; the repository, which copies all the others, comes last.
    """
    words = set(re.split(r"[^a-z]+", " ".join(path.parts[-3:]).casefold())) if path else set()
    ranked = []
    for table in tables:
        matches = match_columns(profiles, table)
        score = score_table(matches, table)
        score += 0.12 if table.source in words else 0.05 if table.name in words else 0.0
        score -= 0.06 if table.source == "cdr" else 0.0
        ranked.append((score, table, matches))
    return sorted(ranked, key=lambda item: (-round(item[0], 6), item[1].source, item[1].name))


def _key_distinct(sample: Sample, table: Table, matches: list[Match]) -> tuple[int, int] | None:
    position_of = {match.chosen.column: match.profile.position for match in matches if match.chosen}
    if not table.key or any(name not in position_of for name in table.key):
        return None
    cells = [sample.columns[position_of[name]] for name in table.key]
    keys = list(zip(*cells, strict=True))
    return len(set(keys)), len(keys)
