"""Cuts the text of a dump into statements while it streams by; the rows of INSERT and COPY stay where they lie.

What a server's own client does is done here: DELIMITER of MySQL's, meta-commands and dollar quotes of PostgreSQL's, and
bodies of routines with semicolons inside. A statement is never larger in memory than itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingestion.migration.dump.files import PIECE_BYTES, DumpFile
from lakehouse.errors import SourceUnreachableError

_LONGEST_STATEMENT = 1 << 28
_LOOK_AHEAD = 1 << 16
_TAIL = 200

BACKSLASH_STRING = r"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'"
PLAIN_STRING = r"'[^']*+(?:''[^']*+)*+'"
_DOUBLE = r'"(?:[^"\\]++|\\.|"")*+"'
_NAME = r'(?:`[^`]*+(?:``[^`]*+)*+`|"[^"]*+(?:""[^"]*+)*+"|[\w$#@]++)'
_QUALIFIED = rf"{_NAME}(?:\s*+\.\s*+{_NAME})*+"
_COLUMNS = r'\((?:[^()`"]++|`[^`]*+`|"[^"]*+")*+\)'

_INSERT = re.compile(
    r"(?P<verb>INSERT|REPLACE)\b(?P<how>(?:\s++(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE))*+)\s++(?:INTO\s++)?+"
    rf"(?P<table>{_QUALIFIED})(?:\s++PARTITION\s*+\([^()]*+\))?+(?:\s++AS\s++{_NAME})?+"
    rf"\s*+(?P<columns>{_COLUMNS})?+(?:\s*+OVERRIDING\s++(?:SYSTEM|USER)\s++VALUE)?+\s*+VALUES?\s*+(?=\()",
    re.IGNORECASE,
)
_COPY = re.compile(
    rf"COPY\s++(?P<table>{_QUALIFIED})\s*+(?P<columns>{_COLUMNS})?+\s*+FROM\s++stdin\b(?P<options>[^;]*+);[ \t]*\r?\n",
    re.IGNORECASE,
)
_BLANKS = {
    "mysql": r"(?:\s++|#[^\n]*+\n|--(?=\s)[^\n]*+\n|/\*(?!M?!)(?:[^*]++|\*(?!/))*+\*/|/\*M?!9{5,6}\\-[^\n]*+\n)*+",
    "postgresql": r"(?:\s++|--[^\n]*+\n|/\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/|\\(?!\.)[^\n]*+\n)*+",
}
_DELIMITER = re.compile(r"DELIMITER[ \t]++(\S++)[^\n]*+\n", re.IGNORECASE)
_DOLLAR_TAG = re.compile(r"\$(?:[^\W\d]\w*+)?+\$")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_ROUTINE = {
    "mysql": re.compile(r"(?:/\*M?!\d*\s*)?CREATE\b[^;]*?\b(?:TRIGGER|PROCEDURE|FUNCTION|EVENT)\b", re.IGNORECASE),
    "postgresql": re.compile(r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:RULE|FUNCTION|PROCEDURE)\b", re.IGNORECASE),
}
_BODY_TOKEN = re.compile(
    rf"{BACKSLASH_STRING}|{_DOUBLE}|`[^`]*+`|--[^\n]*+|#[^\n]*+|/\*.*?\*/|\w++|[()]", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Insert:
    """An INSERT or REPLACE whose rows follow in the script."""

    verb: str
    table: str
    columns: str | None
    """The list of columns with its parentheses, as written."""
    is_ignore: bool
    head: str
    """All of it, up to the bracket of the first row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """A COPY from standard input whose lines follow in the script."""

    table: str
    columns: str | None
    options: str


class Script:
    """The text of one file from where it was read to; `text` and `position` move as it streams."""

    def __init__(self, file: DumpFile, engine: str) -> None:
        self.file = file
        self.engine = engine
        self.text = ""
        self.position = 0
        self.is_at_end = False
        self.has_plain_strings = engine == "postgresql"
        """Whether a backslash in a string is only a backslash."""
        self.is_mysql_server = True
        """Whether conditional comments are read as MySQL reads them, and not as MariaDB does."""
        self.row_width = 0
        """Values of the last row that was read: a guess for the next."""
        self._pieces = file.pieces()
        self._blank = re.compile(_BLANKS[engine], re.IGNORECASE)
        self.delimiter = ";"
        self._run = self._run_pattern()

    def set_plain_strings(self, is_plain: bool) -> None:
        """Follow `standard_conforming_strings` of a script."""
        self.has_plain_strings = is_plain
        self._run = self._run_pattern()

    def fill(self, keep: int | None = None) -> int:
        """Read on, keeping the text from `keep` (the position unless told), and return how far the text moved."""
        moved = self.position if keep is None else keep
        rest = self.text[moved:]
        pieces = [rest]
        size = 0
        while size < max(PIECE_BYTES, len(rest)):
            piece = next(self._pieces, None)
            if piece is None:
                # a last line without its end
                pieces.append("\n")
                self.is_at_end = True
                break
            pieces.append(piece)
            size += len(piece)
        self.text = "".join(pieces)
        self.position -= moved
        if len(self.text) > _LONGEST_STATEMENT:
            limit = f"{_LONGEST_STATEMENT >> 20} MB"
            raise SourceUnreachableError(
                f"{self.file.path.name} holds a statement of more than {limit}: is it cut off?"
            )
        return moved

    def look_ahead(self) -> None:
        """Read on when less than a head of a statement is there."""
        if len(self.text) - self.position < _LOOK_AHEAD and not self.is_at_end:
            self.fill()

    def skip_blank(self) -> None:
        """Move over blanks, comments and what only the client reads."""
        while True:
            match = self._blank.match(self.text, self.position)
            assert match is not None
            self.position = match.end()
            if self.is_at_end or len(self.text) - self.position >= _LOOK_AHEAD:
                if self.engine == "postgresql" and self.text.startswith("/*", self.position):
                    self._skip_comment()
                    continue
                return
            self.fill()

    def _skip_comment(self) -> None:
        """Move over a comment that holds comments."""
        depth = 0
        while True:
            edge = _COMMENT_EDGE.search(self.text, self.position)
            if edge is None:
                if self.is_at_end:
                    self.position = len(self.text)
                    return
                self.position = len(self.text) - 1
                self.fill()
                continue
            self.position = edge.end()
            depth += 1 if edge[0] == "/*" else -1
            if depth == 0:
                return

    def statements(self) -> Iterator[str | Insert | Copy]:
        """Yield the statements without their ends; an Insert or Copy with the position at its first row.

        Whoever gets one of those reads its rows, or calls `skip_rows`, before asking for the next.
        """
        while True:
            self.look_ahead()
            self.skip_blank()
            if self.position >= len(self.text):
                return
            head = self._match_head()
            if head is not None:
                yield head
                continue
            statement = self.read_statement()
            if statement:
                yield statement

    def _match_head(self) -> Insert | Copy | None:
        first = self.text[self.position]
        if first in "iIrR":
            match = _INSERT.match(self.text, self.position)
            if match:
                self.position = match.end()
                return Insert(
                    verb=match["verb"].upper(),
                    table=match["table"],
                    columns=match["columns"],
                    is_ignore="ignore" in match["how"].lower(),
                    head=match[0],
                )
        elif first in "cC" and self.engine == "postgresql":
            match = _COPY.match(self.text, self.position)
            if match:
                self.position = match.end()
                return Copy(table=match["table"], columns=match["columns"], options=match["options"])
        elif first in "dD" and self.engine == "mysql":
            match = _DELIMITER.match(self.text, self.position)
            if match:
                self.position = match.end()
                self.delimiter = match[1]
                self._run = self._run_pattern()
                self.skip_blank()
                return self._match_head() if self.position < len(self.text) else None
        return None

    def read_statement(self) -> str:
        """Return the text up to the end of the statement, and move behind it."""
        start = scan = self.position
        while True:
            scan, start = self._scan(scan, start)
            statement = self.text[start:scan]
            if scan >= len(self.text):
                break
            if self.text[scan] == "\\":
                self.position = self.text.find("\n", scan) + 1 or len(self.text)
                return statement.strip()
            scan += len(self.delimiter)
            if self.delimiter != ";" or not self._is_open(statement):
                break
        self.position = scan
        return statement.strip()

    def skip_statement(self) -> str:
        """Move behind the end of a statement without keeping it; return its last part."""
        scan = self.position
        while True:
            run = self._run.match(self.text, scan)
            assert run is not None
            start = max(self.position, run.end() - _TAIL)
            if run.end() > scan and len(self.text) - run.end() < _LOOK_AHEAD and not self.is_at_end:
                scan = run.end() - self.fill(start)
                self.position = 0
                continue
            end, start = self._scan(run.end(), start)
            self.position = min(end + len(self.delimiter), len(self.text))
            return self.text[max(start, end - _TAIL) : end]

    def _scan(self, scan: int, start: int) -> tuple[int, int]:
        """Return the place of the next end of a statement, or the end of all, and where `start` has moved to."""
        while True:
            run = self._run.match(self.text, scan)
            assert run is not None
            scan = run.end()
            if self.text.startswith(self.delimiter, scan) or self.text.startswith("\\", scan):
                return scan, start
            behind = self._special(scan)
            if behind is not None:
                scan = behind
                continue
            if self.is_at_end:
                # an open quote at the end of the file
                return len(self.text), start
            moved = self.fill(start)
            scan, start = scan - moved, 0

    def _special(self, scan: int) -> int | None:
        """Return where a dollar quote, a nested comment or a lone mark at `scan` ends; None when more must be read."""
        left = self.text[scan : scan + 130]
        if self.engine == "postgresql" and left.startswith("$"):
            tag = _DOLLAR_TAG.match(left)
            if tag:
                end = self.text.find(tag[0], scan + tag.end())
                return None if end < 0 else end + tag.end()
            return scan + 1 if len(left) >= 130 or self.is_at_end else None
        if left.startswith("/*"):
            depth = 0
            for edge in _COMMENT_EDGE.finditer(self.text, scan):
                depth += 1 if edge[0] == "/*" else -1
                if depth == 0:
                    return edge.end()
            return None
        is_quote = left[:1] in ("'", '"', "`")
        return None if is_quote or not left or (len(left) < 3 and not self.is_at_end) else scan + 1

    def _run_pattern(self) -> re.Pattern[str]:
        """Return a pattern of all that cannot end a statement, up to what needs a second look."""
        first, rest = re.escape(self.delimiter[0]), re.escape(self.delimiter[1:])
        if self.engine == "mysql":
            parts = [
                rf"[^'\"`#/\-{first}]++",
                BACKSLASH_STRING,
                _DOUBLE,
                r"`[^`]*+`",
                r"#[^\n]*+\n",
                r"--(?=\s)[^\n]*+\n",
                r"-(?=[^-])|--(?=\S)",
                r"/\*(?!M?!)(?:[^*]++|\*(?!/))*+\*/",
                r"/\*(?=M?!)",
            ]
            if self.delimiter[0] != "/":
                parts.append(r"/(?=[^*])")
            if rest:
                parts.append(rf"{first}(?=.{{{len(self.delimiter) - 1}}})(?!{rest})")
        else:
            parts = [
                r"[^'\"$\-/;\\]++",
                rf"(?<=[^\w$][eE]){BACKSLASH_STRING}",
                rf"(?<![^\w$][eE]){PLAIN_STRING if self.has_plain_strings else BACKSLASH_STRING}",
                r'"[^"]*+"',
                r"--[^\n]*+\n",
                r"-(?=[^-])",
                r"/\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/",
                r"/(?=[^*])",
                r"(?<=\w)\$",
            ]
        return re.compile(f"(?:{'|'.join(parts)})*+", re.DOTALL)

    def _is_open(self, statement: str) -> bool:
        """Return whether a semicolon ended only a part of a routine's body or of a rule."""
        if not _ROUTINE[self.engine].match(statement):
            return False
        if self.engine == "postgresql" and not re.search(r"\bBEGIN\s+ATOMIC\b|\bRULE\b", statement, re.IGNORECASE):
            return False
        depth, is_after_end = 0, False
        for token in _BODY_TOKEN.finditer(statement):
            word = token[0].upper()
            if word in ("BEGIN", "CASE", "("):
                depth += 0 if is_after_end else 1
            elif word == ")" or word == "END":
                depth -= 1
            elif is_after_end and word in ("IF", "LOOP", "WHILE", "REPEAT"):
                # of a block that was not counted
                depth += 1
            is_after_end = word == "END"
        return depth > 0
