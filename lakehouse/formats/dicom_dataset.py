"""Reads small DICOM datasets with their sequences: items of a modality worklist, as files or as DICOM JSON.

Values go by keyword; those within sequences by the path of keywords (`ScheduledProcedureStepSequence.Modality`), of the
first item. A dataset needs neither a preamble nor a SOP Instance UID. Binary values and pixel data are left out.
"""

import io
import warnings
from collections.abc import Iterator
from typing import Any

from pydicom import dcmread
from pydicom.datadict import keyword_for_tag

from lakehouse.formats.dicom_character_set import CharacterSet, decode_text, detect_character_set

MAXIMUM_BYTES = 32 * 1024 * 1024
_MAXIMUM_DEPTH = 8
_CHARACTER_VRS = frozenset(("PN", "LO", "SH", "ST", "LT", "UC", "UT"))
_TEXT_VRS = _CHARACTER_VRS | frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"))
_NUMBER_VRS = frozenset(("US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"))
_SAMPLES = 64


def parse_dataset(data: bytes) -> dict[str, str] | None:
    """Return the values of one dataset by path of keywords, or None when it is none."""
    if len(data) > MAXIMUM_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(io.BytesIO(data), force=True, stop_before_pixels=True)
            if not len(dataset):
                return None
            raws = list(_raw_values(dataset, "", 0))
    except (Exception, RecursionError):  # damaged bytes make the library raise almost anything
        return None
    declared = next((value for path, _, value in raws if path == "SpecificCharacterSet"), None)
    name = next((value for path, _, value in raws if path.endswith("PatientName")), None)
    texts = [value for _, vr, value in raws if vr in _CHARACTER_VRS and isinstance(value, bytes)]
    character_set = detect_character_set(declared, texts[:_SAMPLES], name)
    values: dict[str, str] = {}
    for path, vr, value in raws:
        text = _text(value, vr, character_set)
        if text:
            values.setdefault(path, text)
    return values if any(not path.startswith("MediaStorage") for path in values) else None


def _raw_values(dataset: Any, start: str, depth: int) -> Iterator[tuple[str, str, Any]]:
    """Yield path, VR and value of the elements; text as its bytes, since the declared character set may be wrong."""
    for tag in list(dataset.keys()):
        if tag.is_private:
            continue
        keyword = keyword_for_tag(tag)
        raw = dataset.get_item(tag)
        vr = str(raw.VR or "")
        if not keyword:
            continue
        if vr not in _TEXT_VRS | _NUMBER_VRS | {"SQ"}:
            # implicit VR, or one that is unknown: the dictionary knows
            vr = str(dataset[tag].VR)
        path = f"{start}{keyword}"
        if vr == "SQ":
            if depth < _MAXIMUM_DEPTH:
                for item in list(dataset[tag].value or [])[:1]:
                    yield from _raw_values(item, f"{path}.", depth + 1)
        elif vr in _TEXT_VRS:
            value = getattr(raw, "value", None)
            yield path, vr, value if isinstance(value, bytes) else str(value or "").encode("latin-1", "replace")
        elif vr in _NUMBER_VRS:
            value = dataset[tag].value
            yield path, vr, "\\".join(map(str, value)) if isinstance(value, list) else str(value)


def _text(value: Any, vr: str, character_set: CharacterSet) -> str:
    if isinstance(value, bytes):
        text = decode_text(value, character_set, is_person_name=vr == "PN")
        return "\\".join(part.strip(" \x00") for part in text.split("\\"))
    return str(value)


def values_of_json(dataset: Any) -> dict[str, str]:
    """Return the values of one dataset in the DICOM JSON model (PS3.18 F) by path of keywords."""
    values: dict[str, str] = {}
    pending: list[tuple[Any, str, int]] = [(dataset, "", 0)]
    while pending:
        node, start, depth = pending.pop()
        if not isinstance(node, dict):
            continue
        for tag, element in node.items():
            keyword = _keyword(tag)
            if not keyword or not isinstance(element, dict):
                continue
            sent = element.get("Value")
            items = sent if isinstance(sent, list) else [] if sent is None else [sent]
            if element.get("vr") == "SQ":
                if items and depth < _MAXIMUM_DEPTH:
                    pending.append((items[0], f"{start}{keyword}.", depth + 1))
                continue
            parts = [_json_part(item) for item in items]
            if any(parts):
                values.setdefault(f"{start}{keyword}", "\\".join(parts))
    return values


def _keyword(tag: Any) -> str:
    """Return the keyword of a tag as DICOM JSON writes it, `00100020`, or of what dumps write, `(0010,0020)`."""
    text = str(tag).strip("()").replace(",", "")
    if len(text) == 8:
        try:
            return keyword_for_tag(int(text, 16))
        except ValueError:
            pass
    return text if text.isalpha() and text[:1].isupper() else ""


def _json_part(item: Any) -> str:
    if isinstance(item, dict):
        # a name in its three forms (PS3.5 6.2.1): the ideographic one comes second in DICOM
        forms = [str(item.get(form) or "") for form in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(forms).rstrip("=")
    if isinstance(item, bool):
        return "true" if item else "false"
    return "" if item is None else str(item)
