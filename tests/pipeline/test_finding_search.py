"""Reports are found by what was read in them: finding, assertion, place, day, disease and size."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from lakehouse.errors import ContractError, UsageError
from lakehouse.lake import Connection, open_lake
from lakehouse.settings import read_settings
from report_structuring.finding_search import (
    Measure,
    Query,
    find_codes,
    find_locations,
    parse_measure,
    search_findings,
)

GGO = ("lung.ggo",)
REPORTS = """
    select 'R1' as report_key, 1 as version_no, true as is_current, false as is_deleted, 'final' as report_status,
        timestamp '2023-05-01 08:00:00' as examined_at, 'radiology' as report_kind, 'CT' as modality
    union all select 'R2', 1, true, false, 'amended', timestamp '2022-12-31 08:00:00', 'radiology', 'CT'
    union all select 'R3', 1, true, false, 'preliminary', timestamp '2023-06-01 08:00:00', 'radiology', 'CT'
"""
FINDINGS = """
    select 'F1' as finding_key, 'R1' as report_key, 1 as report_version_no, 'lung.ggo' as finding_code,
        'present' as assertion, null::varchar as certainty, 'right' as laterality, 'RUL.S3' as locations,
        null::varchar as change, 'findings' as section, 1 as finding_no, 'auto' as review_status
    union all select 'F2', 'R1', 1, 'lung.ggo', 'absent', null, 'bilateral', 'LIN', null, 'impression', 2, 'auto'
    union all select 'F3', 'R2', 1, 'lung.ggo', 'present', null, null, null, null, 'history', 1, 'auto'
    union all select 'F4', 'R3', 1, 'lung.ggo', 'present', null, 'right', 'RUL', null, 'findings', 1, 'auto'
"""
MEASUREMENTS = """
    select 'F1' as finding_key, 1 as measurement_no, 'size' as measurement_kind, 12.0 as axis_1_high,
        8.0 as axis_2_high, null::double as axis_3_high, 12.0 as largest_value, 'mm' as unit, 'eq' as comparison,
        'current' as measured_time
    union all select 'F1', 2, 'diameter', 30.0, null, null, 30.0, 'mm', 'eq', 'prior'
    union all select 'F2', 1, 'diameter', 4.0, null, null, 4.0, 'mm', 'lt', 'current'
"""


@pytest.fixture(scope="module")
def connection(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Open a lake that holds three reports, one of them not reviewed yet."""
    home = tmp_path_factory.mktemp("search") / "home"
    shutil.copytree(empty_home, home)
    with open_lake(read_settings(home), ("lake",)) as opened:
        with pytest.raises(ContractError, match="radlake build"):
            search_findings(opened, Query(codes=GGO))
        opened.execute("create schema lake.std")
        for name, content in (
            ("std_report", REPORTS),
            ("std_report_finding", FINDINGS),
            ("std_report_measurement", MEASUREMENTS),
            ("std_report_disease", "select 'R1' as report_key, 'pulmonary_infection' as disease"),
        ):
            opened.execute(f"create table lake.std.{name} as {content}")
        yield opened


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(codes=GGO), [("R1", "present"), ("R1", "absent")]),
        (Query(codes=GGO, any_section=True), [("R1", "present"), ("R1", "absent"), ("R2", "present")]),
        (Query(codes=GGO, assertion="absent"), [("R1", "absent")]),
        (Query(codes=GGO, locations=("RUL",)), [("R1", "present")]),
        (Query(codes=GGO, locations=("RUL.S3",)), [("R1", "present")]),
        (Query(codes=GGO, locations=("LUL",)), [("R1", "absent")]),
        (Query(codes=GGO, laterality="left"), [("R1", "absent")]),
        (Query(codes=GGO, since=date(2023, 5, 2)), []),
        (Query(codes=GGO, until=date(2022, 12, 31), any_section=True), [("R2", "present")]),
        (Query(codes=GGO, disease="stroke"), []),
        (Query(codes=GGO, disease="pulmonary_infection", assertion="present"), [("R1", "present")]),
        (Query(codes=GGO, measure=Measure(operator=">=", value=12, unit="mm")), [("R1", "present")]),
        (Query(codes=GGO, measure=Measure(operator=">", value=12, unit="mm")), []),
        (Query(codes=GGO, measure=Measure(operator=">=", value=3, unit="mm"), assertion="absent"), []),
        (Query(codes=GGO, measure=Measure(operator="<", value=4, unit="mm")), [("R1", "absent")]),
        (Query(codes=GGO, measure=Measure(operator=">=", value=1, unit="mL")), []),
        (Query(codes=("lung.nodule",)), []),
    ],
    ids=[
        *("reader", "any_section", "assertion", "lobe", "segment", "lingula", "side", "since", "until", "disease"),
        *("of_disease", "size", "prior_size", "upper_bound", "below", "unit", "other_code"),
    ],
)
def test_what_fits_is_found(connection: Connection, query: Query, found: list[tuple[str, str]]) -> None:
    assert [(row["report_key"], row["assertion"]) for row in search_findings(connection, query)] == found


def test_a_row_has_sizes_and_no_words(connection: Connection) -> None:
    row = search_findings(connection, Query(codes=GGO, assertion="present"))[0]
    assert [(one["axes"], one["unit"], one["time"]) for one in row["measurements"]] == [
        ([12.0, 8.0], "mm", "current"),
        ([30.0], "mm", "prior"),
    ]
    assert (row["examined_on"], row["diseases"]) == (date(2023, 5, 1), ["pulmonary_infection"])
    assert not {"mention", "sentence", "cue_text"} & row.keys()


@pytest.mark.parametrize("words", ["lung.ggo", "磨玻璃影", "毛玻璃影", "ggo"])
def test_a_finding_is_named_by_code_name_or_term(words: str) -> None:
    assert find_codes(words) == GGO


def test_a_word_of_several_findings_means_all_of_them() -> None:
    assert len(find_codes("内膜片")) == 2


def test_a_finding_that_is_not_known_is_told_with_others() -> None:
    with pytest.raises(UsageError, match=r"near it are .*磨玻璃影"):
        find_codes("磨玻璃影像")


@pytest.mark.parametrize(
    ("words", "codes"), [("RUL", ("RUL",)), ("rul.s3", ("RUL.S3",)), ("右肺上叶", ("RUL",)), ("右上肺", ("RUL",))]
)
def test_a_place_is_named_by_code_or_words(words: str, codes: tuple[str, ...]) -> None:
    assert find_locations(words) == codes


def test_a_place_that_is_none_is_told() -> None:
    with pytest.raises(UsageError, match="no place was recognised"):
        find_locations("某处")


@pytest.mark.parametrize(
    ("words", "measure"),
    [
        (">=10 mm", (">=", 10.0, "mm")),
        ("≥1cm", (">=", 10.0, "mm")),
        ("< 3.5 ml", ("<", 3.5, "mL")),
        ("30", ("=", 30.0, "mm")),
        (">20HU", (">", 20.0, "HU")),
        ("<=50%", ("<=", 50.0, "percent")),
    ],
)
def test_a_limit_is_read_in_canonical_units(words: str, measure: tuple[str, float, str]) -> None:
    found = parse_measure(words)
    assert (found.operator, found.value, found.unit) == measure


@pytest.mark.parametrize("words", ["", "big", ">=10 kg", "10mm; drop table"])
def test_a_limit_that_is_none_is_told(words: str) -> None:
    with pytest.raises(UsageError, match="--measure is a limit"):
        parse_measure(words)
