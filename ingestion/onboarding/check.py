"""Says what a mapping YAML would do with a folder of deliveries: what fits, what does not, and what to write instead.

Reads with the readers that will load, and writes nothing. What the pipeline finds beyond that (defects, duplicates) is
told by `radlake ingest --what-if`, which the command runs after this.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rapidfuzz import fuzz

from ingestion.mapping import STANDARD_FORMATS, FileMapping, SourceMapping, headers_of
from ingestion.naming import normalise_header, shown_name
from ingestion.onboarding.columns import ColumnProfile, profile_column
from ingestion.onboarding.draft import name_pattern
from ingestion.onboarding.headers import is_header
from ingestion.onboarding.mapping_lines import MappingLines
from ingestion.onboarding.recognition import date_format, is_missing, plain, read_words, shape
from ingestion.onboarding.sampling import read_batches
from ingestion.onboarding.sniffing import sniff_file
from ingestion.onboarding.vocabulary import score_name
from ingestion.readers import Batch, Reading
from lakehouse.contract import Table, read_table
from lakehouse.errors import ContractError, SourceUnreachableError

MOST_ROWS = 200_000
"""Rows of one file whose values are looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing to look at; `line` is that of the mapping YAML. An error would break the contract."""

    severity: str
    file: str
    line: int
    column: str | None
    problem: str
    remedy: str
    count: int = 1


@dataclass(slots=True)
class FileCheck:
    """What was found in one file for one entry of the mapping."""

    file: str
    entity: str
    rows: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    encoding: str | None = None
    encoding_confidence: float | None = None
    columns_found: list[str] = field(default_factory=list)
    columns_missing: list[str] = field(default_factory=list)
    columns_unknown: list[str] = field(default_factory=list)


@dataclass(slots=True)
class MappingCheck:
    """What was found for a whole mapping YAML."""

    source: str
    files: list[FileCheck] = field(default_factory=list)
    matched: dict[str, int] = field(default_factory=dict)
    unmatched_files: dict[str, int] = field(default_factory=dict)
    """How many files of each kind of name match no entry; what may name somebody is `*`."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_broken(self) -> bool:
        """Return whether the contract would break."""
        return any(problem.severity == "error" for problem in self.problems)


def check_mapping(path: Path, mapping: SourceMapping, folder: Path) -> MappingCheck:
    """Return what a mapping would do with the files below a folder.

    Raises SourceUnreachableError when the folder is missing.
    """
    if not folder.is_dir():
        raise SourceUnreachableError(f"folder of deliveries {folder} is missing or no folder")
    lines = MappingLines(path)
    check = MappingCheck(source=mapping.source)
    seen: set[Path] = set()
    for number, entry in enumerate(mapping.files):
        paths = sorted(found for found in folder.glob(entry.match) if found.is_file())
        check.matched[entry.match] = check.matched.get(entry.match, 0) + len(paths)
        if not paths:
            _report_no_file(check, entry, lines.of("files", number, "match"))
        for found in paths:
            if found in seen:
                check.problems.append(
                    Problem(
                        severity="warn", file=shown_name(found.name, entry.match),
                        line=lines.of("files", number, "match"), column=None,
                        problem="the file matches two entries and is read by both",
                        remedy="make the globs narrower, or use row_filter when both read other rows of it",
                    )
                )  # fmt: skip
            seen.add(found)
            if entry.reader.format in STANDARD_FORMATS:
                _check_standard(check, entry, number, lines, found)
            else:
                _check_file(check, mapping, entry, number, lines, found)
    rest = sorted(found for found in folder.rglob("*") if found.is_file() and found not in seen)
    check.unmatched_files = dict(sorted(Counter(name_pattern(found.name) for found in rest).items()))
    return check


def _report_no_file(check: MappingCheck, entry: FileMapping, line: int) -> None:
    check.problems.append(
        Problem(
            severity="info" if entry.optional else "error",
            file=entry.match,
            line=line,
            column=None,
            problem=f"no file matches {entry.match!r}",
            remedy="correct match (a glob below the folder, ** for any folders), or say optional: true",
        )
    )


def _check_standard(check: MappingCheck, entry: FileMapping, number: int, lines: MappingLines, path: Path) -> None:
    name = shown_name(path.name, entry.match)
    check.files.append(FileCheck(file=name, entity=entry.reader.format))
    try:
        found: str = sniff_file(path).layout.format
    except (ContractError, OSError):
        found = "unknown"
    if found != entry.reader.format:
        check.problems.append(
            Problem(
                severity="warn", file=name, line=lines.of("files", number, "reader", "format"), column=None,
                problem=f"the file looks like {found}, not {entry.reader.format}",
                remedy="correct match or reader.format",
            )
        )  # fmt: skip


def _check_file(
    check: MappingCheck, mapping: SourceMapping, entry: FileMapping, number: int, lines: MappingLines, path: Path
) -> None:
    table = read_table(mapping.source, entry.entity)
    result = FileCheck(file=shown_name(path.name, entry.match), entity=entry.entity)
    check.files.append(result)
    reading = Reading()
    cells: dict[str, list[str | None]] = {}
    header: list[str] = []
    accepted = entry.accepted_headers()
    try:
        for batch in read_batches(path, entry, reading):
            header += [name for name in batch.header if name not in header]
            result.rows += batch.row_count
            for rejected in batch.rejected:
                result.rejected[rejected.reason] = result.rejected.get(rejected.reason, 0) + 1
            if result.rows <= MOST_ROWS:
                _gather(cells, accepted, batch)
    except (ContractError, OSError) as error:
        reason = str(error) if isinstance(error, ContractError) else type(error).__name__
        check.problems.append(
            Problem(
                severity="error", file=result.file, line=lines.of("files", number, "reader", "format"), column=None,
                problem=f"the file cannot be read as {entry.reader.format}: {reason}",
                remedy=_format_remedy(path, entry),
            )
        )  # fmt: skip
        return
    result.dropped = dict(reading.dropped)
    result.encoding, result.encoding_confidence = reading.encoding, reading.encoding_confidence
    if reading.held:
        check.problems.append(
            Problem(
                severity="warn", file=result.file, line=lines.of("files", number, "reader"), column=None,
                problem=f"the file would be held whole: {reading.held}",
                remedy="ask the hospital to deliver the file again",
            )
        )  # fmt: skip
    place = _Place(check=check, result=result, number=number, lines=lines, entry=entry, table=table, path=path)
    _check_columns(place, header)
    _check_rejected(place)
    for column in table.columns:
        if column.name in cells:
            profile = profile_column(column.name, 0, cells[column.name])
            _check_codes(place, column.name, cells[column.name], profile)
            if column.meta.get("form") in ("date", "timestamp"):
                _check_dates(place, column.name, cells[column.name], profile)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a problem is: the file, and the entry of the mapping."""

    check: MappingCheck
    result: FileCheck
    number: int
    lines: MappingLines
    entry: FileMapping
    table: Table
    path: Path

    def report(
        self, severity: str, field_name: str, column: str | None, problem: str, remedy: str, count: int = 1
    ) -> None:
        place = ("files", self.number, field_name) if column is None else ("files", self.number, field_name, column)
        self.check.problems.append(
            Problem(
                severity=severity, file=self.result.file, line=self.lines.of(*place), column=column, problem=problem,
                remedy=remedy, count=count,
            )
        )  # fmt: skip


def _gather(cells: dict[str, list[str | None]], accepted: dict[str, str], batch: Batch) -> None:
    for position, name in enumerate(batch.header):
        column = accepted.get(normalise_header(name))
        if column is None:
            continue
        if batch.columns is not None:
            cells.setdefault(column, []).extend(batch.columns[position].to_pylist())
        else:
            cells.setdefault(column, []).extend(row[position] for row in batch.rows)


def _format_remedy(path: Path, entry: FileMapping) -> str:
    try:
        found = sniff_file(path).layout.format
    except (ContractError, OSError):
        return "look at the file: it has no form the readers know"
    if found != entry.reader.format:
        return f"the file looks like {found}: write reader.format: {found}, or run `radlake source profile` on it"
    return "run `radlake source profile` on the file and compare the reader it drafts"


def _check_columns(place: _Place, header: list[str]) -> None:
    accepted = place.entry.accepted_headers()
    present = {normalise_header(name) for name in header}
    found = {
        column
        for column, names in place.entry.columns.items()
        if any(present.issuperset(headers_of(name)) for name in names)
    }
    unknown = [name for name in header if name.strip() and normalise_header(name) not in accepted]
    missing = [name for name in place.entry.columns if name not in found]
    place.result.columns_found = sorted(found)
    place.result.columns_missing = missing
    place.result.columns_unknown = [_shown_header(name) for name in unknown]
    required = set(place.table.required) - set(place.entry.constants)
    for column in missing:
        similar = _similar(column, unknown, place.table, place.entry)
        remedy = (
            f"perhaps {_shown_header(similar)}: add it to the accepted names"
            if similar
            else "correct its accepted names"
        )
        if place.entry.reader.format == "text_blocks" and not similar:
            remedy = "no block has the label; correct it"
        place.report(
            "error" if column in required else "warn", "columns", column,
            f"none of its names is in the file{' and it is required' if column in required else ''}", remedy,
        )  # fmt: skip
    if not found and header:
        place.report(
            "error", "reader", None, f"no mapped column is among the {len(header)} of the file",
            "check delimiter, title_rows and encoding with `radlake source profile`",
        )  # fmt: skip
    for name in unknown:
        best = _column_for(name, place.table, place.entry)
        if best:
            place.report(
                "info",
                "columns",
                None,
                f"column {_shown_header(name)} is not mapped",
                f"it may be {best}: map it, or leave it out",
            )


def _shown_header(name: str) -> str:
    """Return a header as it is when it looks like a name of a column, else its shape: it may be a row of data."""
    return name if is_header([name]) else shape(name)


def _similar(column: str, unknown: list[str], table: Table, entry: FileMapping) -> str | None:
    scored = []
    for name in unknown:
        named = score_name(name, table, column)
        spelled = max(
            (fuzz.ratio(normalise_header(name), normalise_header(known)) for known in entry.columns[column]), default=0
        )
        scored.append((max(named.score if named else 0.0, 0.9 * spelled / 100), name))
    best = max(scored, default=(0.0, ""))
    return best[1] if best[0] >= 0.6 else None


def _column_for(name: str, table: Table, entry: FileMapping) -> str | None:
    scored = [
        (named.score, column.name)
        for column in table.columns
        if column.name not in entry.columns and (named := score_name(name, table, column.name))
    ]
    best = max(scored, default=(0.0, ""))
    return best[1] if best[0] >= 0.75 else None


def _check_rejected(place: _Place) -> None:
    remedies = {
        "short_row": "records have fewer fields than the header: check delimiter and quoted",
        "extra_column": "records have more fields than the header: check delimiter and quoted",
        "unbalanced_quote": "say quoted: false when a quote is an ordinary character in this file",
        "no_known_label": "no label of the block is mapped: add its labels",
    }
    for reason, count in sorted(place.result.rejected.items()):
        share = count / max(1, count + place.result.rows)
        place.report(
            "warn" if share > 0.01 else "info", "reader", None, f"{count} records would go to quarantine: {reason}",
            remedies.get(reason, "see the table of reasons in docs/mapping.md"), count,
        )  # fmt: skip


def _check_codes(place: _Place, column: str, values: list[str | None], profile: ColumnProfile) -> None:
    known = {plain(value).casefold() for value in place.entry.codes.get(column, {})}
    if not known:
        return
    known |= {value for value, standard in read_words().get(column, {}).items() if standard}
    counts = Counter(value for value in values if value is not None and not is_missing(value))
    without = {value: number for value, number in counts.items() if plain(value).casefold() not in known}
    if not without:
        return
    shown = ", ".join(repr(value) for value in sorted(without) if value in profile.codes) or f"{len(without)} values"
    place.report(
        "warn",
        "codes",
        column,
        f"code values without a map: {shown}",
        "add them to codes with their standard value",
        sum(without.values()),
    )


def _check_dates(place: _Place, column: str, values: list[str | None], profile: ColumnProfile) -> None:
    form = place.entry.date_formats.get(column)
    unread: Counter[str] = Counter()
    for value in values:
        if value is not None and not is_missing(value) and not date_format(plain(value)):
            unread[shape(value)] += 1
    if unread:
        shapes = ", ".join(name for name, _ in unread.most_common(3))
        place.report(
            "warn" if sum(unread.values()) > 0.05 * max(1, profile.filled) else "info",
            "date_formats" if form else "columns",
            column,
            f"{sum(unread.values())} values are no date in a known form: {shapes}",
            "say the form in date_formats (strptime), or ask what the values are",
            sum(unread.values()),
        )
    if profile.is_date_ambiguous and not form:
        place.report(
            "warn", "columns", column, "day and month may be exchanged in every value",
            f"say date_formats: {{{column}: \"{profile.date_format}\"}} or the other order", profile.filled,
        )  # fmt: skip
