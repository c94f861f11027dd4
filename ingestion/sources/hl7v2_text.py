"""Reads the values of OBX segments as text, and joins those of one request to a report.

Text is often sent with separators that should have been escaped. So a text value is taken whole: `^` and `&` stay in
it, `|` is put back (rejoin_value), and `~` is a line end unless it stands between two numbers, as in the range 3~5 mm.
"""

import base64
import binascii
import functools
import re
from collections.abc import Sequence
from dataclasses import replace

from ingestion.sources import Row
from lakehouse.formats.encoding import decode
from lakehouse.formats.hl7v2 import DELETE, Delimiters, Segment, unescape

TEXT_TYPES = frozenset({"TX", "FT", "ST"})
_CODED_TYPES = frozenset({"CE", "CWE", "CNE", "CF"})
_MEASURED_TYPES = frozenset({"NM", "SN"})
# HL7 table 0085
_STATUSES = frozenset("ABCDFINOPRSUVWX")
_WITHDRAWN = frozenset("DWX")
_LONGEST_SHORT_FIELD = 80
REPORT_TEXT = (
    "findings",
    "impression",
    "full_text",
    "abnormal_flag",
    "text_status",
    "text_observed_at",
    "text_line_count",
    "withdrawn_line_count",
)
"""Columns that the observations of a request give its report."""

_LINE_END = re.compile(r"(?<![0-9])~|~(?![0-9])|(?<=[0-9])~(?=[0-9]{1,2}[.、．)）](?![0-9]))")
_RANGE_WITH_UNIT = re.compile(r"(?<=[0-9])([cmμ]?m|%|[℃°])~(?=[0-9])")

# suffixes of HL7 2.3 figure 7-1 (GDT, IMP) and LOINC
_SECTION_CODES = {
    "GDT": "findings",
    "59776-5": "findings",
    "18782-3": "findings",
    "IMP": "impression",
    "19005-8": "impression",
}
_OTHER_SECTION = re.compile(
    r"临床|病史|病情|目的|方法|技术|建议|CLINICAL|HISTORY|INDICATION|TECHNI|COMPARISON|RECOMMEND"
)
_FINDINGS = re.compile(r"所见|描述|表现|征象|\bFINDINGS\b|\bFINDING$|DESCRIPTION")
_IMPRESSION = re.compile(r"诊断|印象|结论|提示|意见|IMPRESSION|CONCLUSION|DIAGNOS")


def lines_of(segment: Segment, number: int) -> str | None:
    """Return a field of text whole, its repetitions as lines; None when it is absent or empty."""
    sent = segment.field(number)
    if sent is None:
        return None
    if "~" in sent and segment.delimiters.repetition == "~":
        # protects ranges from the split, then splits
        sent = _RANGE_WITH_UNIT.sub("\\1\x00", sent)
        sent = _LINE_END.sub("\n", sent).replace("\x00", "~")
    elif segment.delimiters.repetition:
        sent = sent.replace(segment.delimiters.repetition, "\n")
    return unescape(sent, segment.delimiters, segment.encoding)


def rejoin_value(segment: Segment) -> tuple[Segment, int]:
    """Put field separators back into the text of an OBX segment, and return how many.

    They are recognised by the status (OBX-11): where it is none of HL7 table 0085, but a field further on is, and what
    stands between is short enough for units, range and flags, the fields too many belong to the text.
    """
    fields = segment.fields
    if len(fields) <= 12 or fields[2] not in TEXT_TYPES or fields[11].strip() in _STATUSES:
        return segment, 0
    for shift in range(1, len(fields) - 11):
        if (
            fields[11 + shift].strip() in _STATUSES
            and any(fields[6 : 6 + shift])
            and all(len(part) <= _LONGEST_SHORT_FIELD for part in fields[6 + shift : 11 + shift])
        ):
            value = segment.delimiters.field.join(fields[5 : 6 + shift])
            return replace(segment, fields=(*fields[:5], value, *fields[6 + shift :])), shift
    return segment, 0


def observation_value(segment: Segment) -> Row:
    """Return value, value_code and value_code_system of an OBX segment.

    Text and unknown types come whole; of a coded value the words, or the code when there are none; a structured number
    without its component separators (`>^10` is `>10`); of text that is encapsulated (ED) the text itself.
    """
    row: Row = {"value": None, "value_code": None, "value_code_system": None}
    value_type = segment.value(2)
    sent = segment.field(5)
    if sent is None or sent == DELETE:
        row["value"] = sent
    elif value_type in _CODED_TYPES:
        repetitions = segment.repetitions(5)
        names = [
            next((text for text in (segment.component(one, n) for n in (2, 9, 5, 1)) if text), "")
            for one in repetitions
        ]
        row["value"] = "\n".join(names)
        row["value_code"], row["value_code_system"] = segment.value(5), segment.value(5, 3)
    elif value_type == "SN":
        row["value"] = "".join(segment.component(segment.repetitions(5)[0], n) or "" for n in range(1, 5)) or None
    elif value_type == "ED":
        row["value"] = _encapsulated_text(segment) or segment.text(5)
    elif value_type in TEXT_TYPES:
        row["value"] = lines_of(segment, 5)
    else:
        row["value"] = segment.text(5)
    return row


def _encapsulated_text(segment: Segment) -> str | None:
    """Return the text in a value of type ED (source^type^subtype^encoding^data) when it is plain text."""
    kind, subtype, encoding = (segment.value(5, n) or "" for n in (2, 3, 4))
    data = segment.value(5, 5)
    if data is None or not {kind.upper(), subtype.upper()} & {"TEXT", "PLAIN"}:
        return None
    if encoding.upper() != "BASE64":
        return data
    try:
        return decode(base64.b64decode(data, validate=False))[0]
    except binascii.Error:
        return None


def _section_of(segment: Segment) -> str | None:
    """Return which part of a report an OBX segment holds, by its OBX-3: findings, impression or None."""
    return _section_named(segment.fields[3] if len(segment.fields) > 3 else "", segment.delimiters, segment.encoding)


@functools.lru_cache(maxsize=4096)
def _section_named(sent: str, delimiters: Delimiters, encoding: str) -> str | None:
    segment = Segment(name="OBX", fields=("OBX", "", "", sent), delimiters=delimiters, encoding=encoding)
    codes = [part for n in (1, 4) for part in (segment.value(3, n) or "").upper().split("&")]
    for code in reversed(codes):
        if code in _SECTION_CODES:
            return _SECTION_CODES[code]
    for n in (2, 1, 5):
        name = (segment.value(3, n) or "").upper()
        if not name or _OTHER_SECTION.search(name):
            continue
        is_findings, is_impression = _FINDINGS.search(name), _IMPRESSION.search(name)
        if bool(is_findings) != bool(is_impression):
            return "findings" if is_findings else "impression"
    return None


def join_report(observations: Sequence[tuple[Segment, str | None]]) -> Row | None:
    """Return the text of a request's observations as a report, or None when they hold no text.

    Lines that were withdrawn (OBX-11 D, W or X) are left out, unless all are: then the report was recalled as a whole.
    """
    types = {segment.value(2) for segment, _ in observations}
    # a short string is a laboratory value beside measured ones, and a line of text where nothing is measured
    text_types = {"TX", "FT", "ED"} if types & _MEASURED_TYPES else {"TX", "FT", "ED", "ST"}
    told = [
        (segment, value, section)
        for segment, value in observations
        for section in [_section_of(segment)]
        if section or segment.value(2) in text_types
    ]
    if not told:
        return None
    standing = [entry for entry in told if entry[0].value(11) not in _WITHDRAWN] or told
    parts: dict[str, list[str]] = {"findings": [], "impression": []}
    headings = [segment.value(3, 2) or segment.value(3) for segment, _, _ in standing]
    is_headed = len(set(headings)) > 1
    full: list[str] = []
    current: str | None = None
    for heading, (segment, value, section) in zip(headings, standing, strict=True):
        text = "" if value is None or value == DELETE or _is_binary(segment, value) else value
        if section:
            parts[section].append(text)
        if is_headed and heading and heading != current:
            full.append(f"{heading}{':' if heading.isascii() else '：'}")
        current = heading
        full.append(text)
    first = standing[0][0]
    return {
        "findings": "\n".join(parts["findings"]).strip("\n") or None,
        "impression": "\n".join(parts["impression"]).strip("\n") or None,
        "full_text": "\n".join(full).strip("\n") or None,
        "abnormal_flag": next((flag for flag in (s.value(8) for s, _, _ in standing) if flag), None),
        "text_status": first.value(11),
        "text_observed_at": first.value(14),
        "text_line_count": str(len(standing)),
        "withdrawn_line_count": str(len(told) - len(standing)),
    }


def _is_binary(segment: Segment, value: str) -> bool:
    return segment.value(2) == "ED" and value == segment.text(5)
