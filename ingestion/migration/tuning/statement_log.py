"""Reads the statements out of a log file of PostgreSQL (stderr, csvlog or jsonlog) or a slow query log of MySQL.

PostgreSQL logs bound parameters in a line of detail; they are filled in, since a query with $1 cannot be replayed.
The words of a server that speaks Chinese are understood too.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

from ingestion.migration.tuning.statements import fill_parameters
from lakehouse.errors import SourceUnreachableError

_STATEMENT = re.compile(
    r"(?:(?:duration|持续时间|执行时间)[:：]\s*(?P<ms>[\d.]+)\s*(?:ms|毫秒)\s+)?"
    r"(?:(?:statement|语句)|(?:execute|执行)\s+(?P<portal>[^:：]+))[:：]\s?(?P<sql>.*)",
    re.DOTALL,
)
_PARAMETERS = re.compile(r"(?:parameters|参数)[:：]\s*(?P<list>.*)", re.DOTALL | re.IGNORECASE)
_PARAMETER = re.compile(r"\$(\d+) = (NULL|'[^']*(?:''[^']*)*')(?:, |\s*$)")
_LINE = re.compile(
    r"(?P<prefix>.*?)(?P<level>LOG|DETAIL|日志|详细信息|[A-Z]{4,}\d?|[一-鿿]{2,5})[:：] {1,2}(?P<text>.*)"
)
_MESSAGE, _DETAIL = 13, 14
"""Columns of a csvlog."""
_SLOW_TIME = re.compile(r"# Query_time: ([\d.]+)")

Statement = tuple[str, float]
"""SQL and how long it took in milliseconds, 0 when the log does not tell."""


def read_statement_log(path: Path, engine: str) -> tuple[list[Statement], int]:
    """Return the statements of a log file, and how many could not be filled with their parameters.

    Raises SourceUnreachableError when the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SourceUnreachableError(f"{path.name} cannot be read ({type(error).__name__})") from error
    if engine == "mysql":
        return list(_slow_log(text)), 0
    statements, unfilled = [], 0
    for message, detail in _messages(text):
        match = _STATEMENT.match(message)
        if match is None:
            continue
        sql = match["sql"].strip()
        parameters = _PARAMETERS.match(detail)
        if match["portal"]:
            filled = fill_parameters(sql, _values(parameters["list"]) if parameters else {})
            if filled is None:
                unfilled += 1
                continue
            sql = filled
        statements.append((sql, float(match["ms"] or 0)))
    return statements, unfilled


def _values(text: str) -> dict[int, str]:
    return {int(number): value for number, value in _PARAMETER.findall(text.replace("\n\t", "\n"))}


def _messages(text: str) -> Iterator[tuple[str, str]]:
    """Yield (message, detail) of every entry, whatever the form of the log."""
    start = text.lstrip()[:1]
    if start == "{":
        for line in text.splitlines():
            entry = json.loads(line) if line.startswith("{") and line.rstrip().endswith("}") else {}
            yield str(entry.get("message", "")), str(entry.get("detail", ""))
        return
    first = next(csv.reader(io.StringIO(text)), [])
    if len(first) > _DETAIL:
        for row in csv.reader(io.StringIO(text)):
            if len(row) > _DETAIL:
                yield row[_MESSAGE], row[_DETAIL]
        return
    yield from _lines(text)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield the entries of a log in plain lines; a line that begins with a tab goes on with the entry before it."""
    message: str | None = None
    detail, in_detail = "", False
    for line in text.splitlines():
        if line.startswith("\t"):
            if in_detail:
                detail += "\n" + line
            elif message is not None:
                message += "\n" + line[1:]
            continue
        match = _LINE.match(line)
        if match is None:
            continue
        if match["level"] in ("DETAIL", "详细信息"):
            detail, in_detail = match["text"], True
            continue
        if message is not None:
            yield message, detail
        message, detail, in_detail = (match["text"] if match["level"] in ("LOG", "日志") else None), "", False
    if message is not None:
        yield message, detail


def _slow_log(text: str) -> Iterator[Statement]:
    """Yield the statements of MySQL's slow query log with their times."""
    sql, ms = "", 0.0
    for line in [*text.splitlines(), "# "]:
        if line.startswith("#"):
            if sql.strip():
                yield sql.strip().rstrip(";"), ms
            sql = ""
            found = _SLOW_TIME.match(line)
            ms = float(found[1]) * 1000 if found else ms
        elif not re.match(r"(?i)use \S+;$|set timestamp=\d+", line) and not re.match(
            r"\S+, Version: |Tcp port: |Time\s+Id\s", line
        ):
            sql += line + "\n"
