"""Regular expressions that look first at the character a match can begin with.

Most wordings begin with words that may be left out, which keeps the engine from skipping to the characters that count:
it tries every alternative at every place. A lookahead of one character class in front says no at once, and changes no
match.
"""

import re
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_CLASSES = {ops.CATEGORY_DIGIT: r"\d", ops.CATEGORY_SPACE: r"\s", ops.CATEGORY_WORD: r"\w"}
_ZERO_WIDTH = frozenset({ops.AT, ops.ASSERT, ops.ASSERT_NOT})


def compile_wording(pattern: str) -> re.Pattern[str]:
    """Compile a pattern behind a lookahead for its first character, or as it is where any character may begin it.

    The groups keep their names and numbers. Raises re.error where the pattern is none.
    """
    parsed = parser.parse(pattern)
    if parsed.state.flags & ~re.UNICODE:
        return re.compile(pattern)
    begins, may_be_empty = _first(parsed)
    if begins is None or may_be_empty:
        return re.compile(pattern)
    return re.compile(f"(?=[{''.join(sorted(begins))}])(?:{pattern})")


def _first(parsed: Any) -> tuple[set[str] | None, bool]:
    """Return what a match can begin with, as parts of a character class (None: anything), and if it can be empty."""
    begins: set[str] = set()
    for op, value in parsed:
        if op in _ZERO_WIDTH:
            continue
        found, may_be_empty = _first_of_item(op, value)
        if found is None:
            return None, False
        begins |= found
        if not may_be_empty:
            return begins, False
    return begins, True


def _first_of_item(op: Any, value: Any) -> tuple[set[str] | None, bool]:
    if op is ops.LITERAL:
        return {re.escape(chr(value))}, False
    if op is ops.IN:
        return _members(value), False
    if op is ops.SUBPATTERN:
        _group, added, removed, inner = value
        return (None, False) if added or removed else _first(inner)
    if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
        least, _most, inner = value
        found, may_be_empty = _first(inner)
        return found, may_be_empty or least == 0
    if op is ops.BRANCH:
        branches = [_first(branch) for branch in value[1]]
        known = [found for found, _ in branches if found is not None]
        if len(known) < len(branches):
            return None, False
        return set().union(*known), any(may_be_empty for _, may_be_empty in branches)
    return None, False


def _members(items: Any) -> set[str] | None:
    """Return the members of a character class, None for one that is denied."""
    members: set[str] = set()
    for op, value in items:
        if op is ops.LITERAL:
            members.add(re.escape(chr(value)))
        elif op is ops.RANGE:
            members.add(f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}")
        elif op is ops.CATEGORY and value in _CLASSES:
            members.add(_CLASSES[value])
        else:
            return None
    return members
