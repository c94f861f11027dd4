"""The files of a dump: which of a folder count, what engine wrote them, and in which encoding they are read.

A file is decoded piece by piece, whatever its size. Bytes that are no text in its encoding, such as pictures that a
dump holds unescaped, become lone surrogates, from which `encode` gets the bytes back.
"""

import codecs
import gzip
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from lakehouse.errors import SourceUnreachableError, UsageError
from lakehouse.formats.encoding import Detected, detect_encoding, detect_file_encoding

PIECE_BYTES = 1 << 20
_HEAD_BYTES = 1 << 21
_SURE_BYTES = 1 << 25
_SIGN_CHARACTERS = 200_000
_SUFFIXES = frozenset(
    {".sql", ".ddl", ".dump", ".psql", ".pgsql", ".mysql", ".mariadb", ".tab", ".pks", ".pkb", ".prc", ".fnc",
     ".trg", ".vw"}
)  # fmt: skip
_GZIP = b"\x1f\x8b"
_POSTGRESQL_ARCHIVE = b"PGDMP"

_SIGNS: dict[str, tuple[tuple[int, str], ...]] = {
    "mysql": (
        (50, r"(?:MySQL|MariaDB) (?:dump|Backup|Data Transfer)|Source Server Type\s*: M(?:ySQL|ariaDB)|phpMyAdmin SQL"),
        (5, r"\bENGINE\s*=\s*\w"),
        (5, r"\bAUTO_INCREMENT\b"),
        (5, r"^\s*DELIMITER\s"),
        (5, r"/\*!\d{5}"),
        (3, r"\bUNSIGNED\b|\bTINYINT\b|\bMEDIUMTEXT\b|\bLONGTEXT\b|\bLONGBLOB\b"),
        (3, r"^\s*(?:CREATE\s+TABLE|INSERT\s+INTO|DROP\s+TABLE|USE|ALTER\s+TABLE)\s[^;\n]{0,40}`"),
        (3, r"^\s*SET\s+NAMES\b"),
        (1, r"\bDATETIME\b|\\'"),
    ),
    "postgresql": (
        (50, r"PostgreSQL database dump|Source Server Type\s*: PostgreSQL"),
        (10, r"^COPY\s[^;\n]*\bFROM\s+stdin\b"),
        (10, r"^\s*SET\s+(?:search_path|client_encoding|standard_conforming_strings|check_function_bodies)\b"),
        (5, r"\blanguage\s+'?(?:plpgsql|sql)'?|\$\$|\$_\$"),
        (5, r"\bALTER\s+TABLE\s+ONLY\b|\bOWNER\s+TO\b|\bnextval\s*\("),
        (3, r"::\s*[a-z]"),
        (3, r"\b(?:BIG|SMALL)?SERIAL\b|\bBYTEA\b|\bTIMESTAMPTZ\b|\bJSONB\b|\bcharacter varying\b"),
        (3, r"\bGENERATED\s+(?:ALWAYS|BY\s+DEFAULT)\s+AS\s+IDENTITY\b|\btext\[\]"),
        (2, r"^\s*comment\s+on\s+(?:table|column)\b"),
        (1, r"\bcreate\s+(?:sequence|schema|domain|extension)\b|\bboolean\b"),
    ),
    "mssql": (
        (10, r"^\s*GO\s*$"),
        (10, r"\[dbo\]\.|\bdbo\."),
        (5, r"\bIDENTITY\s*(?:\(\s*\d+\s*,\s*\d+\s*\)|\s+(?:NOT\s+)?NULL)"),
        (3, r"\bNVARCHAR\b|\bDATETIME2\b|\bUNIQUEIDENTIFIER\b|\bGETDATE\s*\(|\bNONCLUSTERED\b"),
    ),
    "oracle": (
        (10, r"\bN?VARCHAR2\b"),
        (5, r"\bNUMBER\s*\(|\bNUMBER\s*(?:,|NOT|DEFAULT)"),
        (5, r"^/\s*$"),
        (3, r"\bTABLESPACE\b|\bSYSDATE\b|\bN?CLOB\b|\bVARCHAR\s*\(\d+ (?:BYTE|CHAR)\)"),
    ),
    "sqlite": (
        (30, r"^\s*PRAGMA\s"),
        (20, r"\bAUTOINCREMENT\b|\bWITHOUT\s+ROWID\b|\bdatetime\s*\(\s*'now'|\bstrftime\s*\("),
    ),
}  # fmt: skip
_COMPILED = {
    engine: tuple((weight, re.compile(pattern, re.IGNORECASE | re.MULTILINE)) for weight, pattern in signs)
    for engine, signs in _SIGNS.items()
}

_DECLARED = re.compile(
    r"(?:SET\s+NAMES\s+|SET\s+client_encoding\s*(?:=|TO)\s*|\\encoding\s+)'?([a-z][\w-]*)'?",
    re.IGNORECASE,
)
_ENCODINGS = {
    "utf8": "utf-8", "utf8mb3": "utf-8", "utf8mb4": "utf-8", "unicode": "utf-8",
    "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030", "euc_cn": "gb18030", "euccn": "gb18030",
    "latin1": "cp1252", "big5": "big5", "euc_tw": "big5", "sjis": "shift_jis", "euckr": "euc_kr", "euc_kr": "euc_kr",
    "latin2": "iso8859-2", "latin9": "iso8859-15", "win1250": "cp1250", "win1251": "cp1251", "win1252": "cp1252",
    "cp1250": "cp1250", "cp1251": "cp1251", "ascii": "cp1252", "iso_8859_1": "latin-1",
}  # fmt: skip
"""Names of MySQL and PostgreSQL for character sets; MySQL's latin1 is Windows-1252, PostgreSQL's is not."""


@dataclass(frozen=True, kw_only=True)
class DumpFile:
    """One file of a dump, ready to be read."""

    path: Path
    encoding: str
    has_bom: bool
    head: str
    """The first characters, by which the engine is told."""

    def pieces(self) -> Iterator[str]:
        """Yield the text of the file, without its byte order mark, in pieces of about a million characters.

        Raises SourceUnreachableError when the file cannot be read to its end.
        """
        is_first = True
        try:
            with _open(self.path) as file:
                for piece in _decoded(file, self.encoding):
                    if is_first and piece:
                        piece, is_first = piece.removeprefix("\ufeff"), False
                    yield piece
        except (OSError, EOFError, gzip.BadGzipFile) as error:
            raise SourceUnreachableError(f"{self.path.name} cannot be read ({type(error).__name__})") from None

    def encode(self, text: str) -> bytes:
        """Return the bytes of the file that a piece of its text was decoded from."""
        return encode_back(text, self.encoding)


_SWITCH = re.compile(rb"^/\*!\d+ SET character_set_client\s*= (@?\w+) \*/ ?;", re.MULTILINE)
_SWITCH_BYTES = 100


def _decoded(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Decode a file; mysqldump writes definitions in UTF-8 whatever the rows are in, and says so around them."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    held, is_at_end = b"", False
    while not is_at_end:
        data = file.read(PIECE_BYTES)
        is_at_end = not data
        data = held + data
        start = 0
        # a line that is cut in two is looked at with the next piece
        limit = len(data) if is_at_end else max(0, len(data) - _SWITCH_BYTES)
        for match in _SWITCH.finditer(data) if b"SET character_set_client" in data else ():
            if match.start() >= limit:
                break
            yield decoder.decode(data[start : match.end()], True)
            start = match.end()
            name = match[1].decode().lower()
            told = encoding if name.startswith("@") else _ENCODINGS.get(name, encoding)
            decoder = codecs.getincrementaldecoder(told)("surrogateescape")
        end = max(limit, start)
        yield decoder.decode(data[start:end], is_at_end)
        held = data[end:]


def encode_back(text: str, encoding: str) -> bytes:
    """Return the bytes that were decoded into a text; characters an encoding lacks come from escapes, as UTF-8."""
    try:
        return text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        is_gzip = file.read(2) == _GZIP
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzip else path.open("rb")


def find_files(path: Path) -> list[Path]:
    """Return the files of a dump in the order of their names; a file stands for itself, whatever it is called.

    Raises SourceUnreachableError when there is none.
    """
    if path.is_file():
        return [path]
    found = [file for file in sorted(path.rglob("*")) if file.is_file() and _is_script(file.name)]
    if not found:
        raise SourceUnreachableError(f"{path.name} holds no script: a dump is made of files *.sql or *.sql.gz")
    return found


def _is_script(name: str) -> bool:
    name = name.lower().removesuffix(".gz")
    return not name.startswith(".") and Path(name).suffix in _SUFFIXES


def read_file(path: Path) -> DumpFile:
    """Return a file with its encoding found.

    The encoding it declares (SET NAMES, client_encoding) is believed, as the server does, unless the bytes say for sure
    that somebody saved the file in another one afterwards. Raises UsageError for PostgreSQL's binary archives,
    SourceUnreachableError when the file cannot be read.
    """
    try:
        with _open(path) as file:
            data = file.read(_HEAD_BYTES)
            if data.startswith(_POSTGRESQL_ARCHIVE):
                raise UsageError(f"{path.name} is a binary archive: make a script of it with `pg_restore -f`")
            detected = _detect(path, file, data)
    except (OSError, EOFError) as error:
        raise SourceUnreachableError(f"{path.name} cannot be read ({type(error).__name__})") from None
    encoding = detected.encoding
    # words that any encoding but UTF-16 writes alike
    found = _DECLARED.search(data[:_SIGN_CHARACTERS].decode("latin-1"))
    told = _told(data, found[1]) if found else None
    if told and told != encoding and not detected.has_bom:
        is_sure = encoding == "gb18030" and detected.confidence >= 0.8
        if not (told == "utf-8" and is_sure):
            encoding = told
    head = data[:_SIGN_CHARACTERS].decode(encoding, "replace").removeprefix("\ufeff")
    return DumpFile(path=path, encoding=encoding, has_bom=detected.has_bom, head=head)


def _told(head: bytes, name: str) -> str | None:
    name = name.lower().replace("-", "")
    if name == "latin1" and find_engine(head.decode("latin-1")) == "postgresql":
        return "latin-1"
    return _ENCODINGS.get(name)


def _detect(path: Path, file: BinaryIO, head: bytes) -> Detected:
    """Look at the head first: only where it is pure ASCII the whole file must be read to know."""
    found = detect_encoding(head)
    if found.has_bom or len(head) < _HEAD_BYTES or not head.isascii():
        return found
    if not isinstance(file, gzip.GzipFile):
        return detect_file_encoding(path)
    while data := file.read(_SURE_BYTES):
        if not data.isascii():
            return detect_encoding(data)
    return found


def find_engine(head: str) -> str | None:
    """Return the engine whose signs a script bears most, None when it bears none."""
    scores: Counter[str] = Counter()
    for engine, signs in _COMPILED.items():
        scores[engine] = sum(weight for weight, pattern in signs if pattern.search(head))
    engine, score = max(sorted(scores.items()), key=lambda item: item[1])
    return engine if score else None
