"""`python -m benchmarks.onboarding.drafts`: how many columns `source profile` drafts right.

Three measures: the first hospital's files, the second hospital's, and headers that the list of names does not hold.
A column is right when the draft gives it the raw column of the hospital's own mapping YAML; a column of the file that
the YAML does not map is right when the draft leaves it open. Source and entity are guessed, never told.
"""

import argparse
import csv
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.mapping import FileMapping, Layout, SourceMapping, read_mapping
from ingestion.naming import normalise_header
from ingestion.onboarding.profile import profile_file
from lakehouse import PROJECT_ROOT
from lakehouse.errors import RadlakeError
from synthetic_hospital.__main__ import write_hospital as write_first
from synthetic_hospital.second.__main__ import write_hospital
from synthetic_hospital.second.facts import Facts, make_facts

FIRST_MAPPINGS = PROJECT_ROOT / "config" / "sources"
SECOND_MAPPINGS = PROJECT_ROOT / "synthetic_hospital" / "second" / "mappings"
UNSEEN = Path(__file__).parent / "unseen_headers.tsv"


@dataclass(slots=True)
class Score:
    """Columns that were drafted right, wrong, or left open although they have a raw column."""

    right: int = 0
    wrong: int = 0
    left_open: int = 0
    tables: int = 0
    tables_right: int = 0
    mistakes: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Return right over all columns."""
        return self.right / max(1, self.right + self.wrong + self.left_open)


def score_drafts(mappings: Sequence[SourceMapping], folder: Path) -> Score:
    """Compare the drafts for the files of a folder with the hospital's own mappings."""
    score = Score()
    for mapping in mappings:
        for entry in mapping.files:
            paths = sorted(path for path in folder.glob(entry.match) if path.is_file())
            if entry.columns and paths:
                _score_file(score, mapping.source, entry, paths[0])
    return score


def _score_file(score: Score, source: str, entry: FileMapping, path: Path) -> None:
    score.tables += 1
    try:
        profile = profile_file(path)
    except RadlakeError as error:
        score.left_open += len(entry.columns)
        score.mistakes.append(f"{path.name}: {error}")
        return
    guess = profile.guess
    is_right = guess is not None and (guess.source, guess.entity) == (source, entry.entity)
    score.tables_right += is_right
    if not is_right:
        score.mistakes.append(f"{path.name}: taken for {guess.source}.{guess.entity}" if guess else path.name)
        profile = profile_file(path, source, entry.entity)
    accepted = entry.accepted_headers()
    own = {start: name for name, start in _starts(entry.reader).items()}
    names = {name: own.get(start, "") for name, start in _starts(profile.sniffed.layout).items()}
    for match in profile.matches:
        # a field of a file without names is known by the byte it begins with
        wanted = accepted.get(normalise_header(names.get(match.profile.name, match.profile.name)))
        found = match.chosen.column if match.chosen else None
        if found == wanted:
            score.right += 1
        elif found is None:
            score.left_open += 1
            score.mistakes.append(f"{path.name}: {match.profile.name} left open, is {wanted}")
        else:
            score.wrong += 1
            score.mistakes.append(f"{path.name}: {match.profile.name} drafted {found}, is {wanted}")


def _starts(layout: Layout) -> dict[str, int]:
    """Return the byte each field of fixed width begins with."""
    starts, place = {}, 0
    for width in layout.widths:
        starts[width.name] = place
        place += width.width
    return starts


def write_unseen(folder: Path, facts: Facts) -> list[SourceMapping]:
    """Write the second hospital's tables under headers the list of names does not hold; return their mappings."""
    headers: dict[str, dict[str, str]] = {}
    for line in UNSEEN.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            table, column, header = line.split("\t")
            headers.setdefault(table, {})[column] = header
    mappings = []
    for number, (table, names) in enumerate(headers.items()):
        source, entity = table.split(".")
        with (folder / f"t{number}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(names.values())
            writer.writerows([row.get(column, "") for column in names] for row in facts.tables[table])
        entry = FileMapping(
            entity=entity,
            match=f"t{number}.csv",
            reader=Layout(format="delimited"),
            columns={column: (header,) for column, header in names.items()},
        )
        mappings.append(SourceMapping(source=source, files=(entry,)))
    return mappings


def measure(folder: Path) -> Iterator[tuple[str, Score]]:
    """Yield the three measures."""
    write_first(folder / "first", patients=60, seed=1, image_patients=0, day=2)
    yield "first hospital", score_drafts(_mappings(FIRST_MAPPINGS), folder / "first")
    write_hospital(folder / "second")
    yield "second hospital", score_drafts(_mappings(SECOND_MAPPINGS), folder / "second" / "day1")
    (folder / "unseen").mkdir()
    yield "unseen headers", score_drafts(write_unseen(folder / "unseen", make_facts()), folder / "unseen")


def _mappings(folder: Path) -> list[SourceMapping]:
    return [read_mapping(path) for path in sorted(folder.glob("*.yml"))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the three measures and what was drafted wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mistakes", action="store_true")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        for name, score in measure(Path(temporary)):
            print(
                f"{name}: {score.right} right, {score.wrong} wrong, {score.left_open} left open ({score.share:.1%}); "
                f"tables {score.tables_right} of {score.tables}"
            )
            if chosen.mistakes:
                print("\n".join(f"  {mistake}" for mistake in score.mistakes))


if __name__ == "__main__":
    main()
