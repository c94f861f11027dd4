"""Walks folders of image files in a fixed order and writes paths as text that can be read back."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.errors import SourceUnreachableError

_ESCAPED = re.compile(r"\\(?:\\|x([0-9a-f]{2}))")


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """What a walk could not enter: folders by reason, and links to folders, which are never followed."""

    unreadable_folders: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)


def resolve_folders(folders: Sequence[Path]) -> list[Path]:
    """Return the folders as absolute paths, sorted, without those that lie inside another.

    Raises SourceUnreachableError when one is not there: a folder that is not mounted must not look like an empty one.
    """
    resolved = sorted({folder.resolve() for folder in folders})
    for number, folder in enumerate(resolved, start=1):
        if not folder.is_dir():
            raise SourceUnreachableError(f"image folder {number} of {len(resolved)} is not there: is it mounted?")
    return [folder for folder in resolved if not any(parent in resolved for parent in folder.parents)]


def walk_files(folders: Sequence[Path], walk: Walk) -> Iterator[tuple[str, os.stat_result | None]]:
    """Yield every file and its state in a fixed order; None stands for a file whose state cannot be read.

    A folder that cannot be listed and a link to a folder are entered in `walk` and passed over.
    """
    for folder in folders:
        pending = [os.fspath(folder)]
        while pending:
            current = pending.pop()
            try:
                with os.scandir(current) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as error:
                walk.unreadable_folders.append(current)
                walk.reasons[type(error).__name__] += 1
                continue
            inner = []
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    inner.append(entry.path)
                elif entry.is_dir():
                    walk.reasons["link_to_folder"] += 1
                elif entry.is_file() or not os.path.exists(entry.path):  # noqa: PTH110 - half the cost of Path
                    yield entry.path, _stat(entry)
            pending += reversed(inner)


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:
        return None


def path_to_text(path: str) -> str:
    """Return a path as valid Unicode; names in GBK and the like keep their bytes as escapes."""
    text = path.replace("\\", "\\\\") if "\\" in path else path
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join(f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text)
    return text


def text_to_path(text: str) -> Path:
    """Return the path that `path_to_text` wrote."""
    if "\\" not in text:
        return Path(text)
    return Path(_ESCAPED.sub(lambda found: chr(0xDC00 + int(found[1], 16)) if found[1] else "\\", text))
