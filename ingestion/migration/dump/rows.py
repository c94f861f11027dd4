"""Reads the rows of INSERT and COPY as the text of their values, in lists, while the script streams by.

A row whose values are plain literals is cut by one regular expression made for its number of values; any other row by a
tokenizer that knows comments, brackets and quotes.
"""

import functools
import re
from collections.abc import Iterator, Sequence

from ingestion.migration.dump.conditions import is_skipped
from ingestion.migration.dump.script import BACKSLASH_STRING, PLAIN_STRING, Copy, Insert, Script

_LOOK_AHEAD = 1 << 16
_BATCH_CHARACTERS = 1 << 20

_WORD = r"[-+.0-9A-Za-z_@]++"
_CALL = r"\([^()'\"]*+\)"
_CAST = r'(?:\s*+::\s*+(?:"[^"]*+"|[A-Za-z_][\w .]*+)(?:\([\d, ]*+\))?+(?:\[\])*+)*+'
_CONDITIONAL = re.compile(r"/\*(M?)!(\d*)")
_TOKEN = {
    True: re.compile(
        rf'{PLAIN_STRING}|"[^"]*+"|--[^\n]*+\n|/\*.*?\*/|\$(?:[^\W\d]\w*+)?+\$|[(),\[\]]'
        r"|[^'\"(),\[\]\-/$]++|.",
        re.DOTALL,
    ),
    False: re.compile(
        rf'{BACKSLASH_STRING}|"(?:[^"\\]++|\\.)*+"|`[^`]*+`|--\s[^\n]*+\n|#[^\n]*+\n|/\*M?!\d*+|/\*.*?\*/|\*/'
        r"|\$(?:[^\W\d]\w*+)?+\$|[(),\[\]]|[^'\"`(),\[\]\-/#*$]++|.",
        re.DOTALL,
    ),
}  # fmt: skip
_STRING = {True: re.compile(PLAIN_STRING, re.DOTALL), False: re.compile(BACKSLASH_STRING, re.DOTALL)}
_E_STRING = re.compile(BACKSLASH_STRING, re.DOTALL)

RawRow = tuple[str, ...]


@functools.lru_cache(maxsize=256)
def _row_pattern(engine: str, has_plain_strings: bool, width: int, head: str) -> re.Pattern[str]:
    """Return a pattern of one row and what stands before it: a comma, or the end of a statement and the same head."""
    string = PLAIN_STRING if has_plain_strings else BACKSLASH_STRING
    if engine == "mysql":
        value = rf'({string}|{_WORD}(?:\s?{string}|{_CALL})?+|"(?:[^"\\]++|\\.)*+")'
    else:
        # E'..' has escapes of its own
        value = rf"((?:{string}|[eE]{BACKSLASH_STRING}|{_WORD}(?:\s?{string}|{_CALL})?+){_CAST})"
    values = r"\s*+,\s*+".join([value] * width)
    again = rf"(?:;\s*+{re.escape(head)})?+" if head else ""
    return re.compile(rf"[,\s]*+{again}\(\s*+{values}\s*+\)", re.DOTALL)


class BadRowsError(Exception):
    """What follows an INSERT or COPY is not rows."""


def read_insert(script: Script, insert: Insert) -> Iterator[list[RawRow]]:
    """Yield the rows of an INSERT, values as written, in lists; the position moves behind the last row.

    INSERTs with the very same head that follow at once belong to it.

    Rows of one statement may differ in length when the script is wrong. Raises BadRowsError where no row can be read.
    """
    width = script.row_width
    head = insert.head if script.delimiter == ";" else ""
    while True:
        if not script.is_at_end and len(script.text) - script.position < _LOOK_AHEAD:
            script.fill()
        rows: list[RawRow] = []
        if width:
            pattern = _row_pattern(script.engine, script.has_plain_strings, width, head)
            rows, position = _match_rows(pattern, script.text, script.position)
            if rows:
                script.position = position
                yield rows
                continue
        place = _next_row(script)
        if place is None:
            return
        row, script.position = _split_row(script, place)
        width = script.row_width = len(row)
        yield [row]


def _match_rows(pattern: re.Pattern[str], text: str, position: int) -> tuple[list[RawRow], int]:
    """Return the rows that stand one behind the other from a position on, and where they end."""
    first = position
    rows: list[RawRow] = []
    scan = pattern.scanner(text, position).match  # type: ignore[attr-defined]
    match = scan()
    while match is not None:
        rows.append(match.groups())
        position = match.end()
        if position - first > _BATCH_CHARACTERS:
            break
        match = scan()
    return rows, position


def _next_row(script: Script) -> int | None:
    """Return where the next row begins, None at the end of the statement."""
    script.skip_blank()
    while script.text.startswith(",", script.position):
        script.position += 1
        script.skip_blank()
    return script.position if script.text.startswith("(", script.position) else None


def _split_row(script: Script, place: int) -> tuple[RawRow, int]:
    """Return the values of any row; a comma in brackets is part of a value."""
    while True:
        row = _tokenize(script, place)
        if row is not None:
            return row
        if script.is_at_end:
            raise BadRowsError
        script.fill(place)
        place = 0


def _closed(token: str, has_plain_strings: bool) -> str:
    """Put brackets around what only looks like one string, such as 'a' 'b'."""
    if token[:1] != "'" or token[-1:] != "'" or _STRING[has_plain_strings].fullmatch(token):
        return token
    return f"({token})"


def _tokenize(script: Script, place: int) -> tuple[RawRow, int] | None:
    text, depth, values, parts = script.text, 0, list[str](), list[str]()
    token = _TOKEN[script.has_plain_strings]
    position = place
    while True:
        match = token.match(text, position)
        if match is None:
            return None
        part, position = match[0], match.end()
        if part in ("'", '"', "`"):
            return None
        if part[0] == "$" and len(part) > 1 and script.engine == "postgresql":
            end = text.find(part, position)
            if end < 0:
                return None
            part, position = text[match.start() : end + len(part)], end + len(part)
        elif part[0] == "'" and parts and parts[-1][-1:] in "eE" and not parts[-1][:-1].strip():
            # the escapes of E'..' are not those the token was cut by
            string = _E_STRING.match(text, match.start())
            if string is None:
                return None
            part, position = string[0], string.end()
        elif part in "([":
            depth += 1
            if depth == 1:
                continue
        elif part in ")]":
            depth -= 1
            if depth == 0:
                values.append(_closed("".join(parts).strip(), script.has_plain_strings))
                return (tuple(values) if values != [""] else ()), position
        elif part == "," and depth == 1:
            values.append(_closed("".join(parts).strip(), script.has_plain_strings))
            parts = []
            continue
        elif (condition := _CONDITIONAL.fullmatch(part)) is not None:
            if is_skipped(condition[1], int(condition[2] or 0), is_mysql=script.is_mysql_server):
                end = text.find("*/", position)
                if end < 0:
                    return None
                position = end + 2
            continue
        elif (part.startswith(("--", "#", "/*")) and len(part) > 1) or part == "*/":
            continue
        parts.append(part)


_COPY_OPTION = re.compile(
    r"\b(FORMAT|DELIMITERS?|NULL|QUOTE|ESCAPE|HEADER|CSV|BINARY)\b\s*(?:AS\s+)?(E?'(?:[^']|'')*'|\w+)?", re.IGNORECASE
)


def _copy_options(copy: Copy) -> dict[str, str]:
    options: dict[str, str] = {}
    text = copy.options
    for match in _COPY_OPTION.finditer(text):
        name, value = match[1].lower().rstrip("s"), match[2] or ""
        if value[:1] in "eE" and value[1:2] == "'":
            value = value[1:].replace("\\t", "\t").replace("\\\\", "\\")
        if value.startswith("'"):
            value = value[1:-1].replace("''", "'")
        if name == "format":
            name, value = value.lower(), "true"
        options[name] = value
    return options


def null_mark(copy: Copy) -> str | None:
    """Return what stands for NULL among the fields that `read_copy` yields; None where they are values already."""
    options = _copy_options(copy)
    return None if "csv" in options else options.get("null", "\\N")


def read_copy(script: Script, copy: Copy) -> Iterator[list[list[str]] | list[list[str | None]]]:
    """Yield the rows of a COPY in lists; the position moves behind the line that ends them.

    Fields of the text format are as written, for `unescape_copy`; those of CSV are values. Raises BadRowsError for the
    binary format, whose lines cannot stand in a script.
    """
    options = _copy_options(copy)
    if "binary" in options:
        raise BadRowsError
    if "csv" in options:
        yield from _read_csv(script, options)
        return
    delimiter = options.get("delimiter", "\t")
    escaped = "\\" + delimiter
    for lines in _copy_lines(script):
        rows = [line.split(delimiter) for line in lines]
        for number, line in enumerate(lines) if any(escaped in line for line in lines) else ():
            if escaped in line:
                rows[number] = _join_escaped(rows[number], delimiter)
        yield rows


def unescape_copy(fields: Sequence[str | None], null: str | None) -> Sequence[str | None]:
    """Return the values of one column of COPY."""
    if null is None:
        return fields
    return [
        field if "\\" not in field and field != null else None if field == null else _ESCAPE.sub(_unescape, field)
        for field in fields
        if field is not None
    ]


def _join_escaped(fields: list[str], delimiter: str) -> list[str]:
    """Put together again what was cut at a mark with a backslash before it."""
    joined: list[str] = []
    is_open = False
    for field in fields:
        if is_open:
            joined[-1] += delimiter + field
        else:
            joined.append(field)
        is_open = (len(field) - len(field.rstrip("\\"))) % 2 == 1
    return joined


_ESCAPE = re.compile(r"\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{1,2}|.)", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unescape(match: re.Match[str]) -> str:
    text = match[0][1:]
    if text[0] in "01234567" or (text[0] == "x" and len(text) > 1):
        code = int(text, 8) & 0xFF if text[0] != "x" else int(text[1:], 16)
        # a byte of the file's encoding
        return chr(code) if code < 0x80 else chr(0xDC00 + code)
    return _ESCAPED.get(text, text)


def _copy_lines(script: Script) -> Iterator[list[str]]:
    """Yield the lines before the one that ends them; an end of line of Windows is taken off where the first has it."""
    is_windows: bool | None = None
    while True:
        text, position = script.text, script.position
        end = _find_end(text, position)
        if end is not None:
            block, script.position = text[position:end], text.find("\n", end) + 1
        elif script.is_at_end:
            block, script.position = text[position:], len(text)
        else:
            # whole lines only, without the last, which may be the beginning of the end
            last = max(text.rfind("\n", position, max(position, len(text) - 4)) + 1, position)
            block, script.position = text[position:last], last
        lines = block.split("\n")[:-1]
        if is_windows is None and lines:
            is_windows = lines[0].endswith("\r")
        if is_windows:
            lines = [line.removesuffix("\r") for line in lines]
        if lines:
            yield lines
        if end is not None or script.is_at_end:
            return
        script.fill()


def _find_end(text: str, position: int) -> int | None:
    """Return the place of the line that holds only `\\.`, when all of it is there."""
    if text.startswith(("\\.\n", "\\.\r\n"), position):
        return position
    start = position
    while True:
        found = text.find("\n\\.", start)
        if found < 0:
            return None
        if text[found + 3 : found + 4] == "\n" or text[found + 3 : found + 5] == "\r\n":
            return found + 1
        start = found + 1


def _read_csv(script: Script, options: dict[str, str]) -> Iterator[list[list[str | None]]]:
    """Read lines of CSV, where a quoted empty field is no NULL and an empty one is."""
    null, quote = options.get("null", ""), options.get("quote", '"')
    delimiter = options.get("delimiter", ",")
    escape = options.get("escape", quote)
    has_header = "header" in options and options["header"].lower() not in ("false", "off", "0")
    pending = ""
    for lines in _copy_lines(script):
        rows: list[list[str | None]] = []
        for line in lines:
            pending = f"{pending}\n{line}" if pending else line
            if (pending.count(quote) - (pending.count(escape + quote) if escape != quote else 0)) % 2:
                continue
            if has_header:
                has_header = False
            else:
                rows.append(_split_csv(pending, delimiter, quote, escape, null))
            pending = ""
        yield rows


def _split_csv(line: str, delimiter: str, quote: str, escape: str, null: str) -> list[str | None]:
    if quote not in line:
        return [None if field == null else field for field in line.split(delimiter)]
    mark, inner = re.escape(delimiter), re.escape(quote)
    special = inner + inner if escape == quote else re.escape(escape) + "."
    field = re.compile(
        rf"(?:{inner}((?:[^{inner}{re.escape(escape)}]|{special})*){inner}|([^{mark}]*))({mark}|$)", re.DOTALL
    )
    values: list[str | None] = []
    for match in field.finditer(line):
        if match[1] is not None:
            text = match[1]
            text = (
                text.replace(quote + quote, quote)
                if escape == quote
                else re.sub(rf"{re.escape(escape)}(.)", r"\1", text, flags=re.DOTALL)
            )
            values.append(text)
        else:
            values.append(None if match[2] == null else match[2])
        if not match[3]:
            break
    return values
