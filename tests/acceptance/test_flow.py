"""From extracts to a released dataset: the mart is the truth, a repeat changes nothing, nobody can be recognised."""

import json
from pathlib import Path

import pytest

from lakehouse.lake import open_lake
from tests.acceptance.conftest import Hospital, radlake
from tests.canary import hunt, read_planted_identities
from tests.truth import compare_episodes, read_truth


def test_every_step_balances(hospital: Hospital) -> None:
    with open_lake(hospital.settings, ("raw",), read_only=True) as connection:
        steps = connection.execute(
            "select step, status, received, loaded, quarantined, unchanged from raw.raw_ledger.step"
        ).fetchall()
    assert {status for _, status, *_ in steps} == {"done"}
    assert all(received == loaded + quarantined + unchanged for *_, received, loaded, quarantined, unchanged in steps)
    assert {step for step, *_ in steps} >= {
        *(f"ingest {source}" for source in ("cdr", "emr", "fhir", "his", "hl7v2", "lis", "obstetrics", "pacs", "path", "ris", "us")),
        "dicom scan", "text structure", "ai backfill", "dbt build",
    }  # fmt: skip


def test_every_delivered_row_is_accounted_for(hospital: Hospital) -> None:
    counts = {row["file"]: int(row["rows"]) for row in read_truth(hospital.truth, "counts")}
    kinds = [row["kind"] for row in read_truth(hospital.truth, "bad_row")]
    records = sum(counts.values()) + sum(kind in ("short_row", "extra_column", "duplicate_row") for kind in kinds)
    with open_lake(hospital.settings, ("raw",), read_only=True) as connection:
        received, quarantined = connection.execute(
            "select sum(received), sum(quarantined) from raw.raw_ledger.delivery where source not in ('fhir', 'hl7v2')"
        ).fetchone() or (0, 0)
    assert received == records
    assert quarantined == sum(kind in ("short_row", "extra_column") for kind in kinds)


def test_mart_is_the_truth(hospital: Hospital) -> None:
    comparison = compare_episodes(hospital.settings, hospital.truth)
    assert comparison.true_episodes >= 15
    assert comparison.missing == ()
    assert comparison.surplus == 0
    assert comparison.differing == ()


def test_excluded_candidates_carry_their_reason(hospital: Hospital) -> None:
    expected = sorted(row["reason"] for row in read_truth(hospital.truth, "candidate_excluded"))
    with open_lake(hospital.settings, ("lake",), read_only=True) as connection:
        found = connection.execute(
            "select exclusion_reason from lake.mart_pulmonary_infection.int_pulmonary_infection__excluded order by 1"
        ).fetchall()
    assert [reason for (reason,) in found] == expected


def test_no_planted_identity_leaves_the_restricted_zone(hospital: Hospital) -> None:
    identities = read_planted_identities(hospital.truth)
    assert len(identities) > 500
    assert hunt(hospital.settings, identities, output=hospital.output) == {}


def test_hunt_finds_what_is_planted_again(hospital: Hospital, tmp_path: Path) -> None:
    from tests.canary import find_in_bytes, find_in_files

    identities = read_planted_identities(hospital.truth)
    (tmp_path / "leak.log").write_bytes(f"loaded {identities[0]}".encode("gb18030"))
    assert list(find_in_files([tmp_path], identities)) == [str(tmp_path / "leak.log")]
    assert find_in_bytes([identities[-1].encode("utf-16-le")], identities)[0] == [identities[-1]]


def test_images_are_indexed_as_the_truth_says(hospital: Hospital) -> None:
    expected: dict[str, int] = {}
    for row in read_truth(hospital.truth, "dicom"):
        expected[row["expected_status"]] = expected.get(row["expected_status"], 0) + 1
    with open_lake(hospital.settings, ("raw",), read_only=True) as connection:
        found = dict(connection.execute("select status, count(*) from raw.raw_dicom.file group by 1").fetchall())
    assert found == expected


def test_ai_nodules_reach_the_mart_with_their_true_size(hospital: Hospital) -> None:
    true_sizes = {
        round(float(row["long_axis_mm"]), 2)
        for row in read_truth(hospital.truth, "ai_finding")
        if row["expected"] == "loaded" and row["long_axis_mm"]
    }
    with open_lake(hospital.settings, ("lake",), read_only=True) as connection:
        rows = connection.execute(
            "select long_axis_mm, algorithm, is_current from lake.mart_pulmonary_infection.mart_pulmonary_infection__ai_finding"
        ).fetchall()
    assert rows
    assert {round(size, 2) for size, _, _ in rows} <= true_sizes
    assert {algorithm for _, algorithm, _ in rows} == {"LungScan"}


def test_second_run_changes_nothing(hospital: Hospital) -> None:
    before = _content(hospital)
    steps = json.loads(radlake("run", "--json", home=hospital.settings.home).stdout)["steps"]
    assert {step["loaded"] for step in steps if step["step"] != "dbt build"} == {0}
    assert next(step for step in steps if step["step"] == "dicom scan")["details"]["opened"] == 0
    assert _content(hospital) == before


def _content(hospital: Hospital) -> dict[str, str]:
    with open_lake(hospital.settings, read_only=True) as connection:
        tables = connection.execute(
            "select database_name, schema_name, table_name from duckdb_tables() where database_name in ('raw', 'lake') "
            "and schema_name not in ('ops', 'raw_ledger') and table_name not like '\\_dlt%' escape '\\' "
            # how old a source is depends on when one looks
            "and table_name not like '%freshness'"
        ).fetchall()
        return {
            f"{zone}.{schema}.{table}": str(
                connection.execute(
                    f'select count(*), sum(hash(t)::hugeint) from {zone}."{schema}"."{table}" as t'
                ).fetchone()
            )
            for zone, schema, table in tables
        }


@pytest.mark.parametrize("command", [("gate", "--json"), ("release", "list", "--json")], ids=["gate", "release list"])
def test_json_is_one_document(hospital: Hospital, command: tuple[str, ...]) -> None:
    assert json.loads(radlake(*command, home=hospital.settings.home).stdout)


def test_sql_opens_the_research_zone_read_only(hospital: Hospital) -> None:
    home = hospital.settings.home
    answer = radlake("sql", "select count(*) as n from std.std_patient", "--format", "json", home=home)
    assert json.loads(answer.stdout) == [{"n": 60}]
    for forbidden in (
        "delete from std.std_patient",
        "copy (select 1) to 'out.csv'",
        "select * from read_text('/etc/hostname')",
        "attach 'other.duckdb'",
        "set enable_external_access = true",
        "select * from raw.raw_his.patient",
    ):
        assert radlake("sql", forbidden, home=home, check=False).returncode == 2
