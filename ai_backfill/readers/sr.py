"""Reads a DICOM structured report as an AI result: TID 1500, Chest CAD (TID 4100), and what vendors make of them.

Nothing depends on the SOP class, the template identifier, the relationship types or the containers: the tree is
searched for findings (`groups`), and concepts are recognised by the synonym table (`concepts`).
Sources: DICOM PS3.16 TID 1500, 1410, 1411, 1419, 1501, 4019, 4100-4108; PS3.3 C.17.3; IHE RAD AI Results.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from ai_backfill.concepts import UNMAPPED, Match, find_code, find_concept, find_quantity
from ai_backfill.readers.content import Document, Item, parse_document
from ai_backfill.readers.groups import Group, find_groups, role_of
from ai_backfill.readers.measurements import read_measurements
from ai_backfill.result import AiFinding, AiMeasurement, AiResult, Code, Reference, RefusedError
from ai_backfill.site import Place, find_place, find_side

_LARGEST_FILE = 256 * 1024 * 1024
_SR_CLASSES = "1.2.840.10008.5.1.4.1.1.88."
_KEY_OBJECTS = f"{_SR_CLASSES}59"
# procedure log, radiation dose, implantation plan, acquisition context, imaging agent (PS3.6 annex A)
_NO_RESULTS = frozenset(f"{_SR_CLASSES}{number}" for number in (40, 67, 68, 70, 71, 73, 74, 75))
_AI_TEMPLATES = {"1500": "dicom_sr_tid1500", "4100": "dicom_sr_tid4100", "4000": "dicom_sr_cad", "4120": "dicom_sr_cad"}
_LUNG_RADS = re.compile(
    r"(?:lung[- ]?rads)?[\s:-]*(?:category|分级|类)?\s*([0-3]|4[abx]?)(?:\.0)?[+\s]*s?\s*[类级]?", re.I
)
_NOTHING = Code()
_LENGTHS = {"long_axis_mm": "long_axis", "short_axis_mm": "short_axis", "mean_diameter_mm": "mean_diameter"}
_FIELDS = {**_LENGTHS, "diameter_mm": "diameter", "volume_mm3": "volume", "mean_hu": "mean_attenuation"}


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises RefusedError `unreadable` or `too_large`.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise RefusedError("too_large")
        return path.read_bytes()
    except OSError as error:
        raise RefusedError("unreadable") from error


def read_structured_report(path: Path) -> AiResult:
    """Read the AI result in a DICOM SR file.

    Raises RefusedError, and nothing else, when the file cannot become a result.
    """
    return parse_structured_report(read_bytes(path))


def parse_structured_report(data: bytes) -> AiResult:
    """Read the AI result in the bytes of a DICOM SR.

    Raises RefusedError, and nothing else, when they cannot become a result.
    """
    if not data:
        raise RefusedError("empty_file")
    document = parse_document(data)
    check_kind(document)
    header = document.header
    for keyword, reason in (
        ("SOPInstanceUID", "missing_sop_instance_uid"),
        ("StudyInstanceUID", "missing_study_instance_uid"),
    ):
        if keyword not in header:
            raise RefusedError(reason)
    title = document.root.name
    template = document.root.template_id
    title_role = role_of(document.root)
    algorithm, version, origin, observer = _algorithm(document)
    findings = tuple(_findings(document.root))
    announced = template in _AI_TEMPLATES or title_role in ("measurement_report", "cad_report")
    # a document that breaks off before its content must not pass for one that found nothing
    negative = document.root.children and (announced or origin in ("content", "observer"))
    if not findings and not negative:
        raise RefusedError("no_measurements")
    default_format = {"measurement_report": "dicom_sr_tid1500", "cad_report": "dicom_sr_cad"}.get(title_role or "")
    return AiResult(
        sop_instance_uid=header["SOPInstanceUID"],
        sop_class_uid=header.get("SOPClassUID"),
        study_instance_uid=header["StudyInstanceUID"],
        series_instance_uid=header.get("SeriesInstanceUID"),
        referenced_sop_instance_uids=document.referenced_sop_instance_uids,
        referenced_series_instance_uids=document.referenced_series_instance_uids,
        patient_id=header.get("PatientID"),
        accession_number=header.get("AccessionNumber"),
        algorithm=algorithm,
        algorithm_version=version,
        algorithm_origin=origin,
        manufacturer=_first_text(document.root, "device_manufacturer") or header.get("Manufacturer"),
        observer_type=observer,
        observed_at=_observed_at(header),
        result_format=_AI_TEMPLATES.get(template or "") or default_format or "dicom_sr",
        template_id=template,
        document_title=(title.meaning or title.value) if title else None,
        completion_flag=header.get("CompletionFlag"),
        verification_flag=header.get("VerificationFlag"),
        content_sha256=document.content_sha256,
        findings=findings,
    )


def check_kind(document: Document) -> None:
    """Raise RefusedError when a DICOM object is no structured report that may hold an AI result."""
    sop_class = document.header.get("SOPClassUID", "")
    if not document.header:
        raise RefusedError("not_dicom")
    if sop_class == _KEY_OBJECTS:
        raise RefusedError("unsupported_format")
    if sop_class in _NO_RESULTS or role_of(document.root) == "dose_report":
        raise RefusedError("not_an_ai_result")
    if not sop_class.startswith(_SR_CLASSES) and not document.has_content:
        result_like = document.header.get("Modality") in ("SEG", "PR", "KO", "RWV", "PMAP", "OT", "SR", "M3D", "ANN")
        raise RefusedError("unsupported_format" if result_like else "not_an_ai_result")


def _observed_at(header: dict[str, str]) -> datetime | None:
    for name in ("Content", "InstanceCreation", "Series"):
        day = header.get(f"{name}Date", "").replace(".", "").replace("-", "")
        clock = header.get(f"{name}Time", "").replace(":", "").split(".")[0].split("+")[0]
        for text, pattern in ((day + clock.ljust(6, "0")[:6], "%Y%m%d%H%M%S"), (day, "%Y%m%d")):
            try:
                return datetime.strptime(text, pattern)
            except ValueError:
                continue
    return None


def _texts(items: Iterable[Item], role: str) -> Iterator[str]:
    for item in items:
        if item.value_type != "NUM" and role_of(item) == role:
            text = item.text or (item.code and (item.code.meaning or item.code.value)) or item.number_text
            if text:
                yield text


def _first_text(root: Item, role: str) -> str | None:
    return next(_texts(root.below(), role), None)


def _algorithm(document: Document) -> tuple[str | None, str | None, str | None, str | None]:
    """Return an algorithm's name and version, where they stood, and whether a person or a device observed.

    The content's own words come first (TID 4019), then the observing device (TID 1004), then the equipment; what a
    person wrote with some software is not the software's result.
    """
    root, header = document.root, document.header
    devices = [role_of(item) in ("device_uid", "device_name", "device_model") for item in root.below()]
    persons = [role_of(item) == "person_observer_name" for item in root.below()]
    observers = {(True, True): "both", (True, False): "device", (False, True): "person"}
    observer = observers.get((any(devices), any(persons)))
    named = _first_text(root, "algorithm_name")
    version = _first_text(root, "algorithm_version")
    software = header.get("SoftwareVersions")
    if named:
        return named, version or (software if observer != "person" else None), "content", observer
    device = _first_text(root, "device_name") or _first_text(root, "device_model")
    if device:
        return device, version or software, "observer", observer
    model = header.get("ManufacturerModelName")
    if model and observer != "person":
        return model, version or software, "equipment", observer
    return None, version, None, observer


def _findings(root: Item) -> Iterator[AiFinding]:
    by_path = {item.path: item for item in (root, *root.below())}
    for number, group in enumerate(find_groups(root), start=1):
        yield _finding(number, group, by_path)


def _members(group: Group) -> list[Item]:
    """Return a group's items and those of the containers within it, the shallow ones first."""
    members: list[Item] = []
    level: Sequence[Item] = group.items
    while level:
        members.extend(level)
        # what stands below a number is about the number; `read_measurements` takes it from there
        level = [child for item in level if item.value_type != "NUM" for child in item.children]
    return members


def _finding(number: int, group: Group, by_path: dict[tuple[int, ...], Item]) -> AiFinding:
    members = _members(group)
    context = [item for item in group.inherited[::-1] if item.value_type != "NUM"]
    measurements = read_measurements(members, by_path)
    kind, kind_source = _finding_type(group, members, context)
    place, place_source = _place(members, ([group.opener] if group.opener else []) + context)
    values = {field: _value(measurements, concept) for field, concept in _FIELDS.items()}
    probability = _value(measurements, "probability")
    malignancy = next((m for m in measurements if m.concept == "malignancy"), None)
    return AiFinding(
        finding_number=number,
        scope="anatomy" if _is_anatomy(members, kind) else group.scope,
        tracking_id=next(_texts(members, "tracking_identifier"), None),
        tracking_uid=next(_texts(members, "tracking_uid"), None),
        finding_type=kind.concept,
        finding_type_mapping_status=kind.status,
        finding_type_source=kind_source,
        finding_site=place.site,
        finding_site_mapping_status=place.status,
        finding_site_source=place_source,
        laterality=place.side,
        nodule_type=next((m.value_concept for m in measurements if m.value_concept), None),
        **values,
        probability=probability if probability is not None and 0 <= probability <= 1 else None,
        malignancy=_value(measurements, "malignancy"),
        malignancy_text=_category(measurements, "malignancy"),
        malignancy_source=malignancy.source if malignancy else _NOTHING,
        lung_rads=_lung_rads(measurements),
        algorithm=next(_texts(members, "algorithm_name"), None),
        algorithm_version=next(_texts(members, "algorithm_version"), None),
        reference=next(_references(members, by_path), None),
        measurements=measurements,
    )


def _is_anatomy(members: Sequence[Item], kind: Match) -> bool:
    """Return whether what is measured is an organ, not something found in it."""
    return kind.concept is None and any(
        find_code("categories", item.code) == "anatomical_structure"
        or (role_of(item) == "finding" and find_place(item.code, item.text).site is not None)
        for item in members
        if role_of(item) in ("finding_category", "finding")
    )


def _value(measurements: Sequence[AiMeasurement], concept: str) -> float | None:
    values = (m.canonical_value for m in measurements if m.concept == concept)
    return next((value for value in values if value is not None), None)


def _category(measurements: Sequence[AiMeasurement], concept: str) -> str | None:
    for measurement in measurements:
        if measurement.concept == concept and measurement.value_type != "NUM":
            code = measurement.value_code
            return (code.meaning or code.value) if code else measurement.value_text
    return None


def _lung_rads(measurements: Sequence[AiMeasurement]) -> str | None:
    """Return a category of Lung-RADS v2022 and its modifier S; the scale of C-Lung-RADS is another."""
    for measurement in measurements:
        if measurement.concept == "lung_rads":
            code = measurement.value_code or _NOTHING
            for text in (code.meaning, code.value, measurement.value_text):
                if text and (found := _LUNG_RADS.fullmatch(text)):
                    return found[1].upper()
    return None


def _finding_type(group: Group, members: Sequence[Item], context: Sequence[Item]) -> tuple[Match, Code]:
    """Return what a finding is: its coded finding first, then its opener, its headings, its identifier."""
    candidates: list[tuple[Code | None, str | None]] = []
    opener = [group.opener] if group.opener else []
    for item in (*(i for i in members if role_of(i) in _FINDING_ROLES), *opener, *context):
        role = role_of(item)
        if role in _FINDING_ROLES:
            candidates.append((item.code, item.text))
        elif role is None and item.value_type in ("CONTAINER", "CODE", "TEXT"):
            candidates.append((item.name, None))
            candidates.append((item.code, None))
    # a standard code speaks for itself, also under a name that is only the vendor's
    candidates.extend(
        (item.code, None)
        for item in members
        if item.value_type == "CODE" and find_concept("roles", item.name).concept is None
        if find_quantity(item.name, None).concept is None and find_code("findings", item.code)
    )
    candidates.extend((None, text) for text in _texts(members, "tracking_identifier"))
    given = next((code or Code(meaning=text) for code, text in candidates[:1]), _NOTHING)
    for code, text in candidates:
        match = find_concept("findings", code, text)
        if match.concept is not None:
            return match, code or Code(meaning=text)
    stated = any(role_of(item) in _FINDING_ROLES for item in members)
    return Match(concept=None, status=UNMAPPED), given if stated else _NOTHING


_FINDING_ROLES = frozenset(("finding", "single_image_finding", "composite_feature"))


def _place(members: Sequence[Item], context: Sequence[Item]) -> tuple[Place, Code]:
    """Return where a finding is: the most precise of the sites given, with the side beside it."""
    items = [*members, *context]
    nested = [below for item in items if role_of(item) == "finding_site" for below in item.below()]
    sides = [item for item in (*items, *nested) if role_of(item) in ("laterality", "site_modifier")]
    side = next((s for item in sides if (s := find_side(item.code, item.text))), None)
    sites = [item for item in (*items, *nested) if role_of(item) in ("finding_site", "site_modifier")]
    numbers = (item for item in members if item.value_type == "NUM")
    sites += [below for item in numbers for below in item.below() if role_of(below) == "finding_site"]
    places = [(find_place(item.code, item.text, side), item.code or Code(meaning=item.text)) for item in sites]
    places += [
        (place, item.name)
        for item in context
        if item.name and role_of(item) is None and (place := find_place(item.name, None, side)).site
    ]
    if not places:
        return Place(site=None, side=side, status=UNMAPPED), _NOTHING
    # a lobe says more than the lung, and anything known more than the unknown
    ranked = sorted(places, key=lambda pair: (pair[0].site is None, pair[0].site == "LUNG"))
    return ranked[0]


def _references(members: Sequence[Item], by_path: dict[tuple[int, ...], Item]) -> Iterator[Reference]:
    for item in members:
        yield from item.references
        target = by_path.get(item.target) if item.target else None
        if target is not None:
            yield from target.references
    for item in members:
        if item.value_type == "NUM":
            yield from (reference for below in item.below() for reference in below.references)
