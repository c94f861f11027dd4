"""Reads arrays and ranges and writes them as PostgreSQL shows them."""

import re
from collections.abc import Callable
from datetime import date, timedelta

Read = Callable[[str], str]

_RANGE = re.compile(r'([\[(])\s*(?:"([^"]*)"|([^",]*)),\s*(?:"([^"]*)"|([^",]*?))\s*([\])])')


def range_reader(element: Read, step: str) -> Read:
    """Return what reads a range; one of whole numbers or days is shown from its first value to behind its last."""

    def behind(value: str) -> str:
        if step == "whole":
            return str(int(value) + 1)
        return (date.fromisoformat(value) + timedelta(days=1)).isoformat()

    def read(text: str) -> str:
        match = _RANGE.fullmatch(text.strip())
        if match is None:
            return text.strip().lower() if text.strip().lower() == "empty" else text
        first, low, low_bare, high, high_bare, last = match.groups()
        lower, upper = low or low_bare or "", high or high_bare or ""
        lower, upper = element(lower) if lower else "", element(upper) if upper else ""
        try:
            if step and lower and first == "(":
                first, lower = "[", behind(lower)
            if step and upper and last == "]":
                last, upper = ")", behind(upper)
            if step and lower and upper and (int(lower) >= int(upper) if step == "whole" else lower >= upper):
                return "empty"
        except ValueError:
            return text
        first, last = (first if lower else "("), (last if upper else ")")
        shown = [f'"{value}"' if " " in value else value for value in (lower, upper)]
        return f"{first}{shown[0]},{shown[1]}{last}"

    return read


_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^{},"\\]*(?:\\.[^{},"\\]*)*))\s*', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_QUOTES = re.compile(r'[{},"\\\s]')


def array_reader(element: Read | None) -> Read:
    """Return the reader of an array of elements, as text that PostgreSQL would print."""

    def read(text: str) -> str:
        bounds, body = "", text.strip()
        if body.startswith("["):
            bounds, _, body = body.partition("=")
            bounds += "="
        try:
            found, position = _read_array(body, 0, element)
        except ValueError:
            return text
        return bounds + found if position == len(body) else text

    return read


def _read_array(text: str, position: int, element: Read | None) -> tuple[str, int]:
    if text[position : position + 1] != "{":
        raise ValueError
    parts: list[str] = []
    position += 1
    while True:
        while text[position : position + 1].isspace():
            position += 1
        if text[position : position + 1] == "{":
            part, position = _read_array(text, position, element)
            parts.append(part)
        elif text[position : position + 1] == "}" and not parts:
            return "{}", position + 1
        else:
            match = _ITEM.match(text, position)
            assert match is not None
            position = match.end()
            parts.append(_item(match[1], match[2], element))
        while text[position : position + 1].isspace():
            position += 1
        mark = text[position : position + 1]
        position += 1
        if mark == "}":
            return "{" + ",".join(parts) + "}", position
        if mark != ",":
            raise ValueError


def _item(quoted: str | None, bare: str | None, element: Read | None) -> str:
    if quoted is None:
        assert bare is not None
        if bare.strip().upper() == "NULL":
            return "NULL"
        value = _ESCAPED.sub(r"\1", bare.strip())
    else:
        value = _ESCAPED.sub(r"\1", quoted)
    value = element(value) if element else value
    if not value or value.upper() == "NULL" or _NEEDS_QUOTES.search(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value
