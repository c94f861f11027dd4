"""Reads SNOMED CT release files (RF2, Release Format 2) that a hospital supplies under its own licence.

A release is a folder of tab-separated UTF-8 files, named `sct2_` or `der2_`, content, release type, and date. Read are
concepts, descriptions of every language, relationships, language reference sets and simple, complex and extended map
reference sets; everything else is left alone. A full release holds every state of a component, a snapshot only the
newest.

A file is read in pieces of a few megabytes and taken apart by column, so a million rows take seconds and memory stays
flat. A line that is no row of its file is refused with its number and the reason; the rest is read.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lakehouse.errors import ContractError, SourceUnreachableError

PIECE_BYTES = 8 << 20
LONGEST_LINE = 1 << 20
"""Bytes; a longer line is no row of a release."""

PREFERRED = "900000000000548007"
"""Acceptability: preferred (in contrast to acceptable)."""

Refuse = Callable[[int, str, str], None]
"""Takes the number of a line, the reason and the line as text."""

_Numbers = NDArray[np.int64]
_IDENTIFIER = r"^\d{6,18}$"
_MEMBER = r"^[0-9A-Fa-f-]{8,40}$"
_DATE = r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$"
_FLAG = r"^[01]$"
_COUNT = r"^\d{1,6}$"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The columns of one kind of file, and the raw columns they fill."""

    content: str
    """Raw table the rows belong to."""
    header: tuple[str, ...]
    columns: dict[str, str]
    """Raw column to column of the file."""
    checks: dict[str, str]
    """Column of the file to the pattern its values have."""


_STATE = {"effective_date": "effectiveTime", "is_active": "active"}
_STATE_CHECKS = {"effectiveTime": _DATE, "active": _FLAG}
_CORE_HEADER = ("id", "effectiveTime", "active", "moduleId")
_MEMBER_HEADER = (*_CORE_HEADER, "refsetId", "referencedComponentId")
_MEMBER_CHECKS = {"id": _MEMBER, "refsetId": _IDENTIFIER, "referencedComponentId": _IDENTIFIER, **_STATE_CHECKS}
_MAP_COLUMNS = {
    "member_id": "id",
    **_STATE,
    "refset_id": "refsetId",
    "concept_id": "referencedComponentId",
    "map_target": "mapTarget",
}
_RULE_COLUMNS = {"map_group": "mapGroup", "map_priority": "mapPriority", "map_rule": "mapRule"}
_RULE_CHECKS = {"mapGroup": _COUNT, "mapPriority": _COUNT}

LAYOUTS = (
    Layout(
        content="concept",
        header=(*_CORE_HEADER, "definitionStatusId"),
        columns={"concept_id": "id", **_STATE, "module_id": "moduleId", "definition_status_id": "definitionStatusId"},
        checks={"id": _IDENTIFIER, **_STATE_CHECKS},
    ),
    Layout(
        content="description",
        header=(*_CORE_HEADER, "conceptId", "languageCode", "typeId", "term", "caseSignificanceId"),
        columns={
            "description_id": "id",
            **_STATE,
            "concept_id": "conceptId",
            "language": "languageCode",
            "type_id": "typeId",
            "term": "term",
        },
        checks={"id": _IDENTIFIER, "conceptId": _IDENTIFIER, "term": r"\S", **_STATE_CHECKS},
    ),
    Layout(
        content="relationship",
        header=(
            *_CORE_HEADER,
            "sourceId",
            "destinationId",
            "relationshipGroup",
            "typeId",
            "characteristicTypeId",
            "modifierId",
        ),
        columns={
            "relationship_id": "id",
            **_STATE,
            "source_id": "sourceId",
            "destination_id": "destinationId",
            "type_id": "typeId",
        },
        checks={"id": _IDENTIFIER, "sourceId": _IDENTIFIER, "destinationId": _IDENTIFIER, **_STATE_CHECKS},
    ),
    Layout(
        content="language_member",
        header=(*_MEMBER_HEADER, "acceptabilityId"),
        columns={
            "member_id": "id",
            **_STATE,
            "refset_id": "refsetId",
            "description_id": "referencedComponentId",
            "is_preferred": "acceptabilityId",
        },
        checks=_MEMBER_CHECKS,
    ),
    Layout(
        content="map_member",
        header=(*_MEMBER_HEADER, "mapTarget"),
        columns=_MAP_COLUMNS,
        checks=_MEMBER_CHECKS,
    ),
    Layout(
        content="map_member",
        header=(*_MEMBER_HEADER, "mapGroup", "mapPriority", "mapRule", "mapAdvice", "mapTarget", "correlationId"),
        columns={**_MAP_COLUMNS, **_RULE_COLUMNS},
        checks={**_MEMBER_CHECKS, **_RULE_CHECKS},
    ),
    Layout(
        content="map_member",
        header=(
            *_MEMBER_HEADER,
            "mapGroup",
            "mapPriority",
            "mapRule",
            "mapAdvice",
            "mapTarget",
            "correlationId",
            "mapCategoryId",
        ),
        columns={**_MAP_COLUMNS, **_RULE_COLUMNS},
        checks={**_MEMBER_CHECKS, **_RULE_CHECKS},
    ),
)

_NAME = re.compile(
    r"(?:x)?(?:sct2|der2)_(?P<kind>Concept|Description|Relationship|cRefset_Language|sRefset_SimpleMap|"
    r"i{2}sss?c{1,2}Refset_(?:Complex|Extended)Map)(?:_?)(?P<view>Full|Snapshot)(?:-(?P<language>[A-Za-z-]+))?_"
    r"[A-Za-z0-9]+_(?P<date>\d{8})\.txt$"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFile:
    """One file of a release."""

    path: Path
    layout: Layout
    view: str
    """full or snapshot."""
    release_date: str
    """YYYYMMDD, from its name."""


def find_release_files(folder: Path) -> list[ReleaseFile]:
    """Return the files of a release below a folder that are read, sorted; snapshots where there are any, else full.

    Raises SourceUnreachableError when there are none, ContractError when a header is not that of its kind.
    """
    found = []
    for path in sorted(folder.rglob("*.txt")):
        named = _NAME.search(path.name)
        if named:
            found.append(
                ReleaseFile(path=path, layout=_layout_of(path), view=named["view"].lower(), release_date=named["date"])
            )
    snapshots = [file for file in found if file.view == "snapshot"]
    files = snapshots or found
    if not any(file.layout.content == "concept" for file in files):
        raise SourceUnreachableError(
            f"{folder} holds no SNOMED CT concept file (sct2_Concept_Snapshot_*.txt or _Full_): name the folder of an "
            "unpacked RF2 release"
        )
    return files


def _layout_of(path: Path) -> Layout:
    with path.open("rb") as handle:
        first = handle.readline(LONGEST_LINE)
    header = tuple(first.decode("utf-8-sig", "replace").rstrip("\r\n").split("\t"))
    for layout in LAYOUTS:
        if layout.header == header:
            return layout
    raise ContractError(
        f"{path.name}: its header is not that of an RF2 file of this kind; unpack the release again or leave it out"
    )


def read_release_file(file: ReleaseFile, refuse: Refuse) -> Iterator[pa.Table]:
    """Yield the rows of a file as tables with the raw columns of its layout; what is no row goes to `refuse`."""
    for lines, first_no in _read_pieces(file.path, refuse):
        yield _read_lines(lines, first_no, file.layout, refuse)


def _read_pieces(path: Path, refuse: Refuse) -> Iterator[tuple[list[bytes], int]]:
    """Yield whole lines and the number of the first of them; the header is line 1."""
    with path.open("rb") as handle:
        handle.readline(LONGEST_LINE)
        number, rest = 2, b""
        is_skipping = False
        while data := handle.read(PIECE_BYTES):
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            if is_skipping and lines:
                lines.pop(0)
                number += 1
                is_skipping = False
            if len(rest) > LONGEST_LINE:
                if not is_skipping:
                    refuse(number + len(lines), "line_too_long", "")
                is_skipping, rest = True, b""
            if lines:
                yield lines, number
                number += len(lines)
        if rest and not is_skipping:
            yield [rest], number


def _read_lines(lines: list[bytes], first_no: int, layout: Layout, refuse: Refuse) -> pa.Table:
    numbers = np.arange(first_no, first_no + len(lines))
    try:
        texts = pa.array(lines, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        texts, numbers = _decode_each(lines, numbers, refuse)
    texts = pc.utf8_rtrim(texts, "\r")
    is_filled = pc.not_equal(texts, "")
    texts, numbers = texts.filter(is_filled), numbers[is_filled.to_numpy(zero_copy_only=False)]
    width = len(layout.header)
    is_whole = pc.equal(pc.count_substring(texts, "\t"), width - 1)
    texts, numbers = _keep(texts, numbers, is_whole, "wrong_field_count", refuse)
    cells = pc.list_flatten(pc.split_pattern(texts, "\t"))
    positions = np.arange(len(texts)) * width
    values = {name: cells.take(pa.array(positions + column)) for column, name in enumerate(layout.header)}
    is_sound = pa.array(np.ones(len(texts), dtype=bool))
    for name, pattern in layout.checks.items():
        is_sound = pc.and_(is_sound, pc.match_substring_regex(values[name], pattern))
    dates = pc.strptime(values["effectiveTime"], format="%Y%m%d", unit="s", error_is_null=True)
    # a day that no month has is taken for one of the next month, so it is written again and compared
    is_sound = pc.and_(
        is_sound, pc.fill_null(pc.equal(pc.strftime(dates, format="%Y%m%d"), values["effectiveTime"]), False)
    )
    _keep(texts, numbers, is_sound, "bad_value", refuse)
    rows = pa.table(
        {
            raw: _typed(raw, values[name].filter(is_sound))
            for raw, name in layout.columns.items()
            if raw != "effective_date"
        }
    )
    return rows.append_column("effective_date", dates.filter(is_sound).cast(pa.date32()))


def _decode_each(lines: list[bytes], numbers: _Numbers, refuse: Refuse) -> tuple[pa.Array, _Numbers]:
    texts, kept = [], []
    for line, number in zip(lines, numbers.tolist(), strict=True):
        try:
            texts.append(line.decode("utf-8"))
            kept.append(number)
        except UnicodeDecodeError:
            refuse(number, "not_utf_8", line.decode("utf-8", "replace"))
    return pa.array(texts, pa.string()), np.array(kept, dtype=np.int64)


def _keep(
    texts: pa.Array,
    numbers: _Numbers,
    is_kept: pa.Array,
    reason: str,
    refuse: Refuse,
) -> tuple[pa.Array, _Numbers]:
    mask = is_kept.to_numpy(zero_copy_only=False).astype(bool)
    if not mask.all():
        refused = texts.filter(pc.invert(is_kept)).to_pylist()
        for number, text in zip(numbers[~mask].tolist(), refused, strict=True):
            refuse(number, reason, text)
    return texts.filter(is_kept), numbers[mask]


def _typed(raw: str, values: pa.Array) -> pa.Array:
    if raw == "is_active":
        return pc.equal(values, "1")
    if raw == "is_preferred":
        return pc.equal(values, PREFERRED)
    if raw in ("map_group", "map_priority"):
        return values.cast(pa.int32())
    if raw == "map_target":
        return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
    return values
