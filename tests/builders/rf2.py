"""Writes a small SNOMED CT release in RF2. All of it is synthetic: the numbers and terms are ours and mean nothing."""

from collections.abc import Iterable
from pathlib import Path

HEART, LUNG, OLD = "990000000101", "990000000102", "990000000103"
"""Concepts: two in use, one retired."""
CHINESE, ENGLISH, ICD_10_MAP, SIMPLE_MAP = "990000000201", "990000000202", "990000000203", "900000000000497000"
"""Reference sets; the last is the simple map of the international edition that leads to CTV3."""
FULL_NAME, SYNONYM = "900000000000003001", "900000000000013009"
PREFERRED, ACCEPTABLE = "900000000000548007", "900000000000549004"
_CORE = ("id", "effectiveTime", "active", "moduleId")
_MEMBER = (*_CORE, "refsetId", "referencedComponentId")


def _write(path: Path, header: Iterable[str], rows: Iterable[Iterable[str]], *, raw: bytes = b"") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(header), *("\t".join(row) for row in rows)]
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode("utf-8") + raw)


def write_release(folder: Path, *, date: str = "20240131", view: str = "Snapshot", broken: bytes = b"") -> Path:
    """Write a release and return its folder; `broken` is appended to the concept file as it is."""
    terminology, refset = folder / view / "Terminology", folder / view / "Refset"
    core = (date, "1", "990000000001")
    _write(
        terminology / f"sct2_Concept_{view}_SYN_{date}.txt",
        (*_CORE, "definitionStatusId"),
        [
            (HEART, *core, "900000000000074008"),
            (LUNG, *core, "900000000000074008"),
            (OLD, date, "0", "990000000001", "900000000000074008"),
        ],
        raw=broken,
    )
    _write(
        terminology / f"sct2_Description_{view}-zh_SYN_{date}.txt",
        (*_CORE, "conceptId", "languageCode", "typeId", "term", "caseSignificanceId"),
        [
            ("990000000301", *core, HEART, "en", FULL_NAME, "Synthetic heart disease (disorder)", "900000000000448009"),
            ("990000000302", *core, HEART, "zh", SYNONYM, "合成心病别名", "900000000000448009"),
            ("990000000303", *core, HEART, "zh", SYNONYM, "合成心脏病", "900000000000448009"),
            ("990000000304", *core, LUNG, "en", FULL_NAME, "Synthetic lung disease (disorder)", "900000000000448009"),
            ("990000000305", date, "0", "990000000001", LUNG, "zh", SYNONYM, "合成废名", "900000000000448009"),
        ],
    )
    _write(
        terminology / f"sct2_Relationship_{view}_SYN_{date}.txt",
        (
            *_CORE, "sourceId", "destinationId", "relationshipGroup", "typeId", "characteristicTypeId", "modifierId",
        ),
        [("990000000401", *core, LUNG, HEART, "0", "116680003", "900000000000011006", "900000000000451002")],
    )  # fmt: skip
    _write(
        refset / "Language" / f"der2_cRefset_Language{view}-zh_SYN_{date}.txt",
        (*_MEMBER, "acceptabilityId"),
        [
            ("00000000-0000-4000-8000-000000000001", *core, CHINESE, "990000000302", ACCEPTABLE),
            ("00000000-0000-4000-8000-000000000002", *core, CHINESE, "990000000303", PREFERRED),
            ("00000000-0000-4000-8000-000000000003", *core, ENGLISH, "990000000301", PREFERRED),
        ],
    )
    _write(
        refset / "Map" / f"der2_iisssccRefset_ExtendedMap{view}_SYN_{date}.txt",
        (*_MEMBER, "mapGroup", "mapPriority", "mapRule", "mapAdvice", "mapTarget", "correlationId", "mapCategoryId"),
        [
            ("00000000-0000-4000-8000-000000000011", *core, ICD_10_MAP, HEART, "1", "1", "IFA 445518008", "", "I49.8",
             "447561005", "447637006"),
            ("00000000-0000-4000-8000-000000000012", *core, ICD_10_MAP, HEART, "1", "2", "OTHERWISE TRUE", "", "I51.9",
             "447561005", "447637006"),
            ("00000000-0000-4000-8000-000000000013", *core, ICD_10_MAP, HEART, "2", "1", "TRUE", "", "Z95.0",
             "447561005", "447637006"),
        ],
    )  # fmt: skip
    _write(
        refset / "Map" / f"der2_sRefset_SimpleMap{view}_SYN_{date}.txt",
        (*_MEMBER, "mapTarget"),
        [
            ("00000000-0000-4000-8000-000000000021", *core, SIMPLE_MAP, LUNG, "X00"),
            ("00000000-0000-4000-8000-000000000022", *core, "990000000204", LUNG, "J98.4"),
        ],
    )
    (folder / view / "Terminology" / f"sct2_TextDefinition_{view}-en_SYN_{date}.txt").write_text("left alone\n")
    return folder
