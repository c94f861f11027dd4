"""Finds reports by what was read in them: a finding with its assertion, place, time, disease and size.

It asks the models of the lake, which hold no direct identifier, and returns keys, never words of a report.
"""

import difflib
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from lakehouse.errors import ContractError, UsageError
from lakehouse.lake import Connection, fetch_dicts
from report_structuring.lexicon import concept_types
from report_structuring.structure import structure_report
from report_structuring.words import read_rows

DISEASES = ("pulmonary_infection", "placenta_accreta", "stroke", "acute_abdomen")
_LOCATION = re.compile(r"[A-Z][A-Z0-9_]*(?:\.[A-Z0-9+]+)?")
_MEASURE = re.compile(r"\s*(>=|<=|>|<|=|≥|≤)?\s*(\d+(?:\.\d+)?)\s*([A-Za-z%/毫米厘升]*)\s*")
_OPERATORS = {"≥": ">=", "≤": "<=", None: "="}
_UNITS = {
    "": ("mm", 1.0), "mm": ("mm", 1.0), "毫米": ("mm", 1.0), "cm": ("mm", 10.0), "厘米": ("mm", 10.0),
    "ml": ("mL", 1.0), "毫升": ("mL", 1.0), "hu": ("HU", 1.0), "%": ("percent", 1.0), "cm/s": ("cm/s", 1.0),
}  # fmt: skip
# something is said of a place in each organ system, so that one of them tells its code
_PLACE_PROBES = ("{}见结节。", "{}见出血。", "{}见积液。", "{}见占位。")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A limit on the largest axis of a measurement, in canonical units."""

    operator: str
    value: float
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What is looked for; None stands for any."""

    codes: tuple[str, ...]
    assertion: str | None = None
    locations: tuple[str, ...] = ()
    laterality: str | None = None
    since: date | None = None
    until: date | None = None
    disease: str | None = None
    measure: Measure | None = None
    any_section: bool = False
    """Also what the clinician wrote, not only what the reader of the images says."""


def find_codes(words: str) -> tuple[str, ...]:
    """Return the codes of a code, a Chinese name or one of its terms; raises UsageError that proposes others."""
    if words in concept_types():
        return (words,)
    wanted = words.strip().lower()
    named: dict[str, list[str]] = {}
    for code, _domain, _kind, label, variants, *_ in read_rows("finding_lexicon.tsv"):
        for name in (label, *label.split("/"), *variants.split("|")):
            named.setdefault(name.lower(), []).append(code)
    if wanted in named:
        return tuple(sorted(set(named[wanted])))
    near = difflib.get_close_matches(wanted, [*named, *concept_types()], n=5, cutoff=0.4)
    proposed = f"; near it are {', '.join(near)}" if near else ""
    raise UsageError(
        f"--finding is neither a code nor a term of the lexicon{proposed}; see `radlake text lexicon find`"
    )


def find_locations(words: str) -> tuple[str, ...]:
    """Return the anatomy codes of a code or of Chinese words such as 右肺上叶; raises UsageError where none is meant."""
    if _LOCATION.fullmatch(words.strip().upper()) and words.isascii():
        return (words.strip().upper(),)
    for probe in _PLACE_PROBES:
        for entity in structure_report(probe.format(words), report_id="probe").entities:
            if entity.locations:
                return tuple(entity.locations)
    raise UsageError("--location is a code such as RUL or words such as 右肺上叶: no place was recognised")


def parse_measure(words: str) -> Measure:
    """Read a limit such as `>=10 mm`; millimetres where no unit is given. Raises UsageError for anything else."""
    found = _MEASURE.fullmatch(words)
    if found is None or found.group(3).lower() not in _UNITS:
        raise UsageError("--measure is a limit such as '>=10 mm', in mm, cm, mL, HU, % or cm/s")
    unit, factor = _UNITS[found.group(3).lower()]
    operator = _OPERATORS.get(found.group(1), found.group(1))
    return Measure(operator=operator, value=round(float(found.group(2)) * factor, 3), unit=unit)


def search_findings(connection: Connection, query: Query) -> list[dict[str, Any]]:
    """Return the findings of valid reports that fit, newest report first, with their measurements.

    Raises ContractError when nothing was built yet.
    """
    known = connection.execute(
        "select 1 from duckdb_tables() where database_name = 'lake' and table_name = 'std_report_measurement'"
    ).fetchone()
    if known is None:
        raise ContractError("there is nothing to search yet: run `radlake build` first")
    conditions, parameters = _conditions(query)
    return fetch_dicts(
        connection,
        f"""
        with measured as (
            select finding_key, list({{
                'kind': measurement_kind, 'largest': largest_value, 'unit': unit, 'comparison': comparison,
                'time': measured_time, 'axes': list_filter([axis_1_high, axis_2_high, axis_3_high], lambda x: x is not null)
            }} order by measurement_no) as measurements
            from lake.std.std_report_measurement where finding_key is not null group by finding_key
        ),
        diseases as (
            select report_key, list(disease order by disease) as diseases
            from lake.std.std_report_disease group by report_key
        )
        select reports.report_key, cast(reports.examined_at as date) as examined_on, reports.report_kind,
            reports.modality, coalesce(diseases.diseases, []) as diseases, findings.finding_code, findings.assertion,
            findings.certainty, findings.laterality, findings.locations, findings.change, findings.section,
            findings.review_status, coalesce(measured.measurements, []) as measurements
        from lake.std.std_report_finding as findings
        inner join lake.std.std_report as reports
            on findings.report_key = reports.report_key and findings.report_version_no = reports.version_no
        left join diseases on reports.report_key = diseases.report_key
        left join measured on findings.finding_key = measured.finding_key
        where reports.is_current and not reports.is_deleted
            and reports.report_status in ('final', 'amended', 'supplementary')
            and {" and ".join(conditions)}
        order by reports.examined_at desc nulls last, reports.report_key, findings.finding_no
        """,
        parameters,
    )


def _conditions(query: Query) -> tuple[list[str], list[Any]]:
    conditions, parameters = ["true"], []

    def ask(condition: str, value: Any) -> None:
        parameters.append(value)
        conditions.append(condition.replace("?", f"${len(parameters)}"))

    ask("list_contains(?, findings.finding_code)", list(query.codes))
    if query.assertion:
        ask("findings.assertion = ?", query.assertion)
    if not query.any_section:
        conditions.append(
            "coalesce(findings.section, '') not in ('clinical_diagnosis', 'history', 'recommendation', 'technique')"
        )
    if query.laterality:
        ask("findings.laterality in (?, 'bilateral')", query.laterality)
    if query.locations:
        # a lobe holds its segments, and the left upper one the lingula
        ask(
            "len(list_filter(string_split(coalesce(findings.locations, ''), ';'), lambda place: "
            "list_contains(?, place) or list_contains(?, split_part(place, '.', 1)))) > 0",
            sorted({*query.locations, *(("LIN",) if "LUL" in query.locations else ())}),
        )
    if query.since:
        ask("reports.examined_at >= ?", query.since)
    if query.until:
        ask("cast(reports.examined_at as date) <= ?", query.until)
    if query.disease:
        ask("list_contains(diseases.diseases, ?)", query.disease)
    if query.measure:
        ask(
            f"findings.finding_key in (select finding_key from lake.std.std_report_measurement where {_fits(query.measure)})",
            query.measure.value,
        )
    return conditions, parameters


def _fits(measure: Measure) -> str:
    """Return SQL that says whether a current measurement keeps a limit for certain; `<4 mm` is never 3 or more."""
    bounds = {
        ">=": "comparison in ('eq', 'ge', 'gt') and largest_value >= ?",
        ">": "((comparison in ('eq', 'ge') and largest_value > ?) or (comparison = 'gt' and largest_value >= ?))",
        "<=": "comparison in ('eq', 'le', 'lt') and largest_value <= ?",
        "<": "((comparison in ('eq', 'le') and largest_value < ?) or (comparison = 'lt' and largest_value <= ?))",
        "=": "comparison = 'eq' and largest_value = ?",
    }
    return f"measured_time = 'current' and coalesce(unit, '') = '{measure.unit}' and {bounds[measure.operator]}"
