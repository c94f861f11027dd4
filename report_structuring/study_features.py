"""Study-level values of one chest report, from its entities (pulmonary infection specification 3.2, 3.3).

The caller leaves out what the specification does not count (history, clinical diagnosis).
"""

from collections.abc import Sequence

from report_structuring.structure import Entity

_BEST_FIRST = ("present", "uncertain", "historical", "absent")
_LOBES = ("RUL", "RML", "RLL", "LUL", "LLL")
OPACITY_CODES = frozenset(
    f"lung.{name}" for name in ("ggo", "consolidation", "patchy_opacity", "tree_in_bud", "miliary", "white_lung")
) | {"lung.infiltrate"}
PNEUMONIA_CODES = frozenset(
    f"lung.{name}"
    for name in (
        *("pneumonia", "viral_pneumonia", "covid19", "bacterial_pneumonia", "lobar_pneumonia", "bronchopneumonia"),
        *(
            "mycoplasma_pneumonia",
            "aspiration_pneumonia",
            "tb",
            "tb_active",
            "fungal_infection",
            "aspergillosis",
            "pcp",
        ),
    )
)


def best_assertion(entities: Sequence[Entity], codes: frozenset[str]) -> str | None:
    """Return the strongest assertion of the codes (present > uncertain > historical > absent), None if not mentioned."""
    found = {entity.assertion for entity in entities if entity.code in codes}
    return next((assertion for assertion in _BEST_FIRST if assertion in found), None)


def is_pneumonia_on_imaging(entities: Sequence[Entity] | None) -> bool | None:
    """Say whether an opacity or a pneumonia diagnosis is present or uncertain; None without a report."""
    if entities is None:
        return None
    return best_assertion(entities, OPACITY_CODES | PNEUMONIA_CODES) in ("present", "uncertain")


def find_opacity_lobes(entities: Sequence[Entity]) -> tuple[str, ...]:
    """Return the lobes of present or uncertain opacities in anatomical order; the lingula counts as LUL."""
    lobes = {code.split(".")[0] for entity in _opacities(entities) for code in entity.locations}
    lobes |= {"LUL"} if "LIN" in lobes else set()
    return tuple(lobe for lobe in _LOBES if lobe in lobes)


def is_bilateral(entities: Sequence[Entity]) -> bool | None:
    """Say whether opacities are present or uncertain on both sides; None without an opacity or a side."""
    sides = {entity.laterality for entity in _opacities(entities)} - {None}
    sides |= {"right" if lobe.startswith("R") else "left" for lobe in find_opacity_lobes(entities)}
    return ("bilateral" in sides or {"left", "right"} <= sides) if sides else None


def _opacities(entities: Sequence[Entity]) -> list[Entity]:
    return [e for e in entities if e.code in OPACITY_CODES and e.assertion in ("present", "uncertain")]
