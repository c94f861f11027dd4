"""Puts the files of a dump in the order in which a server could read them: tables before what is said of them.

Folders name their files as they like, so that data may stand before their schema; names decide only between files that
do not need each other.
"""

import re

from ingestion.migration.dump.files import DumpFile
from ingestion.migration.dump.rows import BadRowsError, read_copy
from ingestion.migration.dump.script import Copy, Insert, Script

_NAME = r'((?:(?:`[^`]+`|"[^"]+"|[\w$]+)\s*\.\s*)*(?:`[^`]+`|"[^"]+"|[\w$]+))'
_MADE = re.compile(
    r"(?:/\*M?!\d*\s*)?CREATE\s+(?:OR\s+REPLACE\s+)?(?:UNLOGGED\s+|FOREIGN\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    + _NAME,
    re.IGNORECASE,
)
_NEEDED = (
    re.compile(r"(?:/\*M?!\d*\s*)?ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?" + _NAME, re.IGNORECASE),
    re.compile(r"CREATE\s+(?:UNIQUE\s+|FULLTEXT\s+|SPATIAL\s+)?INDEX\b.*?\bON\s+(?:ONLY\s+)?" + _NAME,
               re.IGNORECASE | re.DOTALL),
    re.compile(r"COMMENT\s+ON\s+TABLE\s+" + _NAME, re.IGNORECASE),
    re.compile(r"(?:/\*M?!\d*\s*)?CREATE\b[^;]*?\bTRIGGER\b.*?\bON\s+" + _NAME, re.IGNORECASE | re.DOTALL),
    re.compile(r"INSERT\s+INTO\s+" + _NAME, re.IGNORECASE),
)  # fmt: skip


def in_order(files: list[DumpFile], engine: str) -> list[DumpFile]:
    """Return the files in an order in which each finds the tables it needs, by name where it is free."""
    if len(files) < 2:
        return files
    told = [_read(file, engine) for file in files]
    anywhere = set().union(*(made for made, _ in told))
    waiting = list(range(len(files)))
    made: set[str] = set()
    ordered: list[DumpFile] = []
    while waiting:
        place = next((place for place in waiting if told[place][1] & anywhere <= made), waiting[0])
        waiting.remove(place)
        made |= told[place][0]
        ordered.append(files[place])
    return ordered


def _plain(name: str) -> str:
    return re.split(r"\s*\.\s*", name)[-1].strip('`"').lower()


def _read(file: DumpFile, engine: str) -> tuple[set[str], set[str]]:
    """Return the tables a file makes, and those it needs before it makes them."""
    made: set[str] = set()
    needed: set[str] = set()
    script = Script(file, engine)
    for statement in script.statements():
        if isinstance(statement, Insert | Copy):
            needed |= {_plain(statement.table)} - made
            _skip(script, statement)
            continue
        match = _MADE.match(statement)
        if match:
            made.add(_plain(match[1]))
            continue
        for pattern in _NEEDED:
            match = pattern.match(statement)
            if match:
                needed |= {_plain(match[1])} - made
                break
    return made, needed


def _skip(script: Script, statement: Insert | Copy) -> None:
    if isinstance(statement, Insert):
        script.skip_statement()
        return
    try:
        for _ in read_copy(script, statement):
            pass
    except BadRowsError:
        return
