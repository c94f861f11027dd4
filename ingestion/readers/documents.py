"""Reads folders of documents: each file is one record, whatever it holds (RTF, HTML, XML, CDA, Word, text).

The columns of the record are the named groups of `file_name:`, matched against the file's name; `text`, the extracted
text; `content`, what the file holds as it is; `document_kind` and `extractor`; the facts of a CDA document's header;
and what the text itself says in lines `label：value`, for labels that the mapping accepts. A value goes on until a line
begins with another known label.
"""

import re
from pathlib import Path
from typing import Any

from ingestion.mapping import FileMapping
from ingestion.naming import normalise_header
from ingestion.readers import Batches, HeldFileError, Reading, Rejected
from ingestion.readers.clinical_document import ROOT, add_header_fact
from ingestion.readers.named_records import NamedRecord, batches_of
from lakehouse.errors import SettingsError
from lakehouse.formats.document_text import MAXIMUM_CHARACTERS, DocumentText, text_of, text_of_bytes
from lakehouse.formats.document_text_xml import local_name, parse_xml
from lakehouse.formats.encoding import decode

_LABEL_END = re.compile(r"[:：]")
_LONGEST_LABEL = 40
_BINARY_STARTS = (b"PK\x03\x04", b"\x1f\x8b", b"%PDF", b"\xd0\xcf\x11\xe0", b"\xff\xd8\xff", b"\x89PNG")


def read_documents(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the one record of a document.

    Raises HeldFileError when the document is too large, and SettingsError when `file_name:` is no regular expression.
    """
    yield from batches_of([_record(path, mapping, reading)], mapping)


def _record(path: Path, mapping: FileMapping, reading: Reading) -> NamedRecord | Rejected:
    if path.stat().st_size > 4 * MAXIMUM_CHARACTERS:
        raise HeldFileError("file_too_large")
    values = _values_of_name(path.name, mapping.reader.file_name)
    if values is None:
        return Rejected(row_no=1, reason="file_name_does_not_fit", raw_text=path.name)
    data = path.read_bytes()
    forced = None if mapping.reader.encoding == "auto" else mapping.reader.encoding
    content = ""
    if data.startswith(_BINARY_STARTS):
        reading.encoding, reading.encoding_confidence = "utf-8", 1.0
        found = text_of_bytes(data, forced)
    else:
        content, detected = decode(data, forced)
        reading.encoding, reading.encoding_confidence = detected.encoding, detected.confidence
        if detected.has_bom:
            reading.find("bom")
        found = text_of(content)
    if found.kind in ("binary", "too_large"):
        return Rejected(row_no=1, reason="no_text" if found.kind == "binary" else "record_too_large", raw_text="")
    accepted = mapping.accepted_headers()
    offered = _header_facts(found, content) | _about(found, content)
    own = {name: value for name, value in offered.items() if normalise_header(name) in accepted}
    return 1, _labelled(found, accepted) | own | values


def _values_of_name(name: str, pattern: str | None) -> dict[str, str | None] | None:
    if pattern is None:
        return {}
    try:
        found = re.search(pattern, name)
    except re.error as error:
        raise SettingsError(
            f"file_name of the reader is no regular expression ({error.msg}); see docs/mapping.md"
        ) from None
    return None if found is None else dict(found.groupdict())


def _about(found: DocumentText, content: str) -> dict[str, str | None]:
    return {
        "text": found.text,
        "content": content or None,
        "document_kind": found.kind,
        "extractor": f"{found.extractor} {found.version}",
    }


def _header_facts(found: DocumentText, content: str) -> dict[str, str | None]:
    if found.kind != "cda":
        return {}
    around = parse_xml(content)
    root: Any = (
        next((element for element in around if local_name(element) == ROOT), None) if around is not None else None
    )
    facts: dict[str, str] = {}
    for element in root if root is not None else ():
        add_header_fact(facts, element)
    return dict(facts)


def _labelled(found: DocumentText, accepted: dict[str, str]) -> dict[str, str | None]:
    """Return what lines of the text say that begin with an accepted label."""
    values: dict[str, list[str]] = {}
    current: str | None = None
    for line in found.text.split("\n"):
        found_label, rest = False, line
        while (end := _LABEL_END.search(rest[: _LONGEST_LABEL + 1])) is not None:
            label = normalise_header(rest[: end.start()])
            if label not in accepted:
                break
            found_label, current = True, label if label not in values else None
            # a line may hold several labels: 姓名：王  性别：男
            value, rest = _until_next_label(rest[end.end() :], accepted)
            if current:
                values[current] = [value.strip()]
        if not found_label and current is not None and line.strip():
            values[current].append(line)
    return {label: "\n".join(lines).strip() for label, lines in values.items()}


def _until_next_label(text: str, accepted: dict[str, str]) -> tuple[str, str]:
    """Return the value at the start of a text, and the text from the next known label on."""
    for blank in re.finditer(r"[ \t\u3000]+", text):
        end = _LABEL_END.search(text[blank.end() : blank.end() + _LONGEST_LABEL + 1])
        if end and normalise_header(text[blank.end() : blank.end() + end.start()]) in accepted:
            return text[: blank.start()], text[blank.end() :]
    return text, ""
