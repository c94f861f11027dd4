"""Cuts a broken XML file into the texts of its records, so that each can be read on its own."""

import re
from collections.abc import Iterator

MAXIMUM_RECORD_CHARACTERS = 32_000_000
_TAIL = 4_096


class RecordSlices:
    """Finds the records of one tag in text that comes in pieces."""

    def __init__(self, tag: str) -> None:
        name = rf"(?:[A-Za-z_][\w.\-]*:)?{re.escape(tag)}"
        self._start = re.compile(rf"<{name}(?=[\s/>])")
        self._edge = re.compile(rf"<{name}(?=[\s/>])|</{name}\s*>|<!\[CDATA\[")
        self._closed = re.compile(rf"<{name}(?:\s[^<>]*)?/>")
        self.is_cut = False
        """Whether the file ended within a record, or before the end of its root."""

    def cut(self, chunks: Iterator[str]) -> Iterator[str]:
        """Yield the text of each record; one whose end is missing ends where the next begins."""
        rest, root, last = "", "", ""
        start: int | None = None
        seen = 0
        for chunk in chunks:
            rest += chunk
            if not root and (match := re.search(r"<([A-Za-z_一-鿿][\w:.\-]*)", rest)):
                root = match[1]
            while True:
                if start is None:
                    found = self._start.search(rest)
                    if found is None:
                        last = (last + rest[:-_TAIL])[-_TAIL:]
                        rest = rest[-_TAIL:]
                        break
                    start, seen = found.start(), found.end()
                    closed = self._closed.match(rest, start)
                    if closed:
                        yield closed[0]
                        rest, start = rest[closed.end() :], None
                        continue
                edge, looked_at = self._find_edge(rest, seen)
                if edge is None:
                    seen = looked_at
                    if len(rest) - start > MAXIMUM_RECORD_CHARACTERS:
                        yield rest[start : start + 100]
                        rest, start = rest[-_TAIL:], None
                    break
                end = edge.end() if edge[0].startswith("</") else edge.start()
                yield rest[start:end]
                rest, start = rest[end:], None
        ending = (last + rest).rstrip("\x00 \t\r\n")
        if start is not None:
            self.is_cut = True
        elif root:
            self.is_cut = re.search(rf"</{re.escape(root)}\s*>\s*\Z", ending) is None

    def _find_edge(self, text: str, start: int) -> tuple[re.Match[str] | None, int]:
        """Return the next start or end of a record outside of sections, and how far was looked for it."""
        while True:
            edge = self._edge.search(text, start)
            if edge is None:
                # an edge may be cut in two
                return None, max(start, len(text) - 200)
            if not edge[0].startswith("<!["):
                return edge, edge.end()
            end = text.find("]]>", edge.end())
            if end < 0:
                # a section that is open is looked at again
                return None, edge.start()
            start = end + 3
