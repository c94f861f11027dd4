"""Reads JSON of any size item by item: a list, a list within an object, one value, or values one after the other.

Bounded memory: only the item at hand is held. An item that is broken is passed over and told, the items after it are
read. Numbers can be kept as they are written.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from lakehouse.formats.encoding import CHUNK_BYTES

MAXIMUM_ITEM_CHARACTERS = 32_000_000
_SPACE = re.compile(r"[ \t\r\n\ufeff\x00]*")
_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)
_FIRST_NAME = re.compile(r'\{\s*("(?:[^"\\]|\\.)*")')
_EXCERPT = 100_000
_MOST_MARKS_IN_VAIN = 2_000_000
"""Brackets that may be looked at to find the ends of broken items, so that a hostile file costs no hours."""
_SURROGATE = re.compile("[\ud800-\udfff]")


class BrokenItemError(Exception):
    """One item is no JSON; `reason` is not_json, too_deeply_nested or record_too_large, `text` what stands there."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One item: its number from 1, its value, or why it has none and what stands there instead."""

    number: int
    value: Any = None
    reason: str | None = None
    text: str = ""


def make_decoder(parse_float: Callable[[str], Any], parse_int: Callable[[str], Any] = int) -> json.JSONDecoder:
    """Return a decoder that takes control characters within strings and reads NaN and Infinity as null."""
    return json.JSONDecoder(parse_float=parse_float, parse_int=parse_int, parse_constant=lambda _: None, strict=False)


def parse_line(decoder: json.JSONDecoder, line: str) -> Any:
    """Return the one value that a line holds. Raises BrokenItemError when it holds none, or more."""
    try:
        value, end = decoder.raw_decode(line)
    except RecursionError:
        raise BrokenItemError("too_deeply_nested", line[:1000]) from None
    except ValueError:
        raise BrokenItemError("not_json", line[:_EXCERPT]) from None
    if line[end:].strip():
        raise BrokenItemError("not_json", line[:_EXCERPT])
    return without_surrogates(value) if "\\ud" in line or "\\uD" in line else value


class JsonStream:
    """The text of one JSON file, in pieces."""

    def __init__(self, file: BinaryIO, encoding: str, decoder: json.JSONDecoder) -> None:
        self._file = file
        self._text_decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._decoder = decoder
        self._text = ""
        self._place = 0
        self._is_ended = False
        self._marks_in_vain = 0
        self.is_cut = False
        """Whether the file ended within a list or an item."""

    def _more(self) -> bool:
        """Append the next piece, twice as much as is waiting; False at the end of the file."""
        if self._is_ended:
            return False
        data = self._file.read(max(CHUNK_BYTES, len(self._text) - self._place))
        self._is_ended = not data
        self._text = self._text[self._place :] + self._text_decoder.decode(data, final=self._is_ended)
        self._place = 0
        return True

    def peek(self) -> str:
        """Return the next character that is no space, empty at the end."""
        while True:
            found = _SPACE.match(self._text, self._place)
            self._place = found.end() if found else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._more():
                return ""

    def rest(self, length: int) -> str:
        """Return the next characters without going on."""
        return self._text[self._place : self._place + length]

    def skip(self) -> None:
        """Pass over one character."""
        self._place += 1

    def value(self) -> Any:
        """Return the value that begins here. Raises BrokenItemError, standing still."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._place)
            except RecursionError:
                raise BrokenItemError("too_deeply_nested") from None
            except json.JSONDecodeError as error:
                is_open = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - 16
                if not is_open or self._is_ended:
                    raise BrokenItemError("not_json") from None
                if len(self._text) - self._place > MAXIMUM_ITEM_CHARACTERS:
                    raise BrokenItemError("record_too_large") from None
                self._more()
                continue
            except ValueError:
                # a number of more digits than Python converts
                raise BrokenItemError("not_json") from None
            if end >= len(self._text) and self._more():
                # a number may go on
                continue
            if self._text.find("\\ud", self._place, end) >= 0 or self._text.find("\\uD", self._place, end) >= 0:
                value = without_surrogates(value)
            self._place = end
            return value

    def pass_over(self) -> str:
        """Go behind an item that is broken and return what stands there.

        The item ends with its bracket; where the brackets do not match, before the next item that begins as it does.
        """
        end = self._balanced_end() if self._marks_in_vain < _MOST_MARKS_IN_VAIN else None
        if end is None:
            return self._pass_to_like()
        end = max(end, self._place + 1)
        text = self._text[self._place : min(end, self._place + _EXCERPT)]
        self._place = end
        return text

    def _balanced_end(self) -> int | None:
        """Return the place behind the item that begins here by its brackets, None when they do not match."""
        open_brackets: list[str] = []
        offset = 0
        while True:
            self._marks_in_vain += 1
            start = self._place + offset
            found = _MARK.search(self._text, start)
            if found is None or '"' in self._text[start : found.start()]:
                # a string that is cut in two has no second quote yet
                if len(self._text) - self._place > MAXIMUM_ITEM_CHARACTERS or not self._more():
                    return None
                continue
            offset = found.end() - self._place
            mark = found[0]
            if mark in "{[":
                open_brackets.append(mark)
            elif mark in "}]":
                if not open_brackets or open_brackets.pop() != ("{" if mark == "}" else "["):
                    return None
                if not open_brackets:
                    return found.end()
            elif mark == "," and not open_brackets:
                return found.start()

    def _pass_to_like(self) -> str:
        """Go before the next object whose first name is that of the one that begins here."""
        first = _FIRST_NAME.match(self._text, self._place)
        like = re.compile(r"\{\s*" + (re.escape(first[1]) if first else '"'))
        start = self._text[self._place : self._place + _EXCERPT]
        searched, passed = 1, False
        while True:
            found = like.search(self._text, self._place + searched)
            if found:
                text = start if passed else self._text[self._place : min(found.start(), self._place + _EXCERPT)]
                self._place = found.start()
                return text
            # what was searched is let go but for a rest in which the next may have begun
            self._place = max(self._place + searched, len(self._text) - 4096)
            searched, passed = 0, True
            if not self._more():
                self.is_cut = not self._text[self._place :].rstrip("\x00 \t\r\n").endswith(("]", "}"))
                self._place = len(self._text)
                return start

    def line(self) -> str | None:
        """Return the rest of the line, None at the end. Raises BrokenItemError behind one that is too long."""
        start = ""
        is_long = False
        while True:
            end = self._text.find("\n", self._place)
            if end >= 0 or self._is_ended:
                end = len(self._text) if end < 0 else end
                line = self._text[self._place : end]
                self._place = min(end + 1, len(self._text))
                if is_long:
                    raise BrokenItemError("record_too_large", start)
                return line if line or self._place < len(self._text) or not self._is_ended else None
            if len(self._text) - self._place > MAXIMUM_ITEM_CHARACTERS:
                start, is_long = start or self._text[self._place : self._place + 1000], True
                self._place = len(self._text)
            self._more()

    def items_of_list(self) -> Iterator[Item]:
        """Yield the items of the list that begins here."""
        self.peek()
        self.skip()
        number, is_broken = 0, False
        while (mark := self.peek()) != "]":
            if mark == "":
                self.is_cut = self.is_cut or not is_broken
                return
            if mark in ",":
                self.skip()
                continue
            number += 1
            try:
                value = self.value()
            except BrokenItemError as error:
                # behind an item that cannot be understood the end of the list may be lost too
                is_broken = True
                yield Item(number=number, reason=error.reason, text=self.pass_over())
            else:
                is_broken = False
                yield Item(number=number, value=value)
        self.skip()

    def enter(self, path: Sequence[str], around: dict[str, Any]) -> bool:
        """Go to the value at a path of names within the object that begins here; False when it has none.

        Plain values that stand beside the path before it are put into `around`, by their dotted path.
        """
        for depth, name in enumerate(path):
            if self.peek() != "{":
                return False
            self.skip()
            while True:
                mark = self.peek()
                if mark == ",":
                    self.skip()
                    continue
                if mark != '"':
                    return False
                try:
                    key = self.value()
                except BrokenItemError:
                    return False
                if self.peek() != ":":
                    return False
                self.skip()
                if key == name:
                    break
                if self.peek() in "{[":
                    if not self._skip_nested():
                        return False
                    continue
                try:
                    around[".".join([*path[:depth], str(key)])] = self.value()
                except BrokenItemError:
                    return False
        return True

    def _skip_nested(self) -> bool:
        """Go behind the object or list that begins here without reading it."""
        depth = 0
        while True:
            found = _MARK.search(self._text, self._place)
            # a string that is cut in two has no second quote yet
            if found is None or ('"' in self._text[self._place : found.start()]):
                if len(self._text) - self._place > MAXIMUM_ITEM_CHARACTERS or not self._more():
                    return False
                continue
            self._place = found.end()
            if found[0] in "{[":
                depth += 1
            elif found[0] in "}]":
                depth -= 1
                if depth == 0:
                    return True


def without_surrogates(content: Any) -> Any:
    """Replace halves of characters, which JSON can write and no encoding can, by U+FFFD, in place."""
    if isinstance(content, str):
        return _SURROGATE.sub("\ufffd", content)
    pending = [content]
    while pending:
        node = pending.pop()
        if not isinstance(node, dict | list):
            continue
        pairs: list[tuple[Any, Any]] = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
        for key, value in pairs:
            if isinstance(value, str):
                node[key] = _SURROGATE.sub("\ufffd", value)
            elif isinstance(value, dict | list):
                pending.append(value)
    return content
