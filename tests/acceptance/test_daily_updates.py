"""Updates by component give what a whole build gives, whatever days bring; a kill and a failed test change nothing."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.errors import CheckFailedError
from lakehouse.lake import open_lake
from lakehouse.settings import Settings, read_settings
from serving.build import run_dbt, target_folder
from serving.updates import WholeBuildError
from serving.updates.plan import Plan, project_fingerprint, read_plan
from serving.updates.run import update_lake
from tests.acceptance.conftest import RADLAKE, Hospital
from tests.builders.raw_changes import change_raw_zone
from tests.builders.whole_build import lake_digests, whole_digests
from tests.conftest import PROJECT

# many histories: RADLAKE_UPDATE_SEEDS=1-20 RADLAKE_UPDATE_DAYS=30 pytest tests/acceptance/test_daily_updates.py
_FIRST, _, _LAST = os.environ.get("RADLAKE_UPDATE_SEEDS", "1").partition("-")
SEEDS = range(int(_FIRST), int(_LAST or _FIRST) + 1)
DAYS = int(os.environ.get("RADLAKE_UPDATE_DAYS", "3"))
BUILD = ["build", "--exclude-resource-type", "unit_test"]


@pytest.fixture
def built(hospital: Hospital, tmp_path: Path) -> Iterator[Settings]:
    """Yield the settings of a copy of a built hospital."""
    home = tmp_path / "home"
    shutil.copytree(hospital.settings.home, home, ignore=shutil.ignore_patterns("releases", "logs"))
    yield read_settings(home)
    shutil.rmtree(home)


def plan_of(settings: Settings) -> Plan:
    plan = read_plan(target_folder(settings), project_fingerprint(settings))
    assert plan is not None, "the hospital was not built with this project"
    return plan


def differing(settings: Settings) -> dict[str, object]:
    """Return the tables that are not what a whole build makes of the raw zone."""
    plan = plan_of(settings)
    with open_lake(settings, read_only=True) as connection:
        updated, whole = lake_digests(connection, plan), whole_digests(connection, plan)
    return {name: (updated[name], whole[name]) for name in whole if updated[name] != whole[name]}


@pytest.mark.parametrize("seed", SEEDS)
def test_days_of_updates_equal_a_whole_build(built: Settings, seed: int) -> None:
    rng = random.Random(seed)
    for day in range(1, DAYS + 1):
        with open_lake(built) as connection:
            change_raw_zone(connection, rng, day, acts=rng.randint(1, 12))
        assert run_dbt(built, BUILD).mode == "update"
    assert differing(built) == {}


def test_a_failed_test_writes_nothing_and_the_next_update_goes_on(built: Settings) -> None:
    plan = plan_of(built)
    with open_lake(built) as connection:
        before = lake_digests(connection, plan)
        connection.execute(
            "insert into raw.raw_his.encounter by name select * replace (null as patient_id, null as _clean, "
            "'bad' as _batch_id) from raw.raw_his.encounter limit 1"
        )
    with pytest.raises(CheckFailedError, match="not_null_stg_his__encounter_patient_id"):
        run_dbt(built, BUILD)
    with open_lake(built) as connection:
        assert lake_digests(connection, plan) == before
        connection.execute("delete from raw.raw_his.encounter where _batch_id = 'bad'")
        connection.execute("delete from raw.raw_lis.result where _src_row_no = 1")
    assert run_dbt(built, BUILD).mode == "update"
    assert differing(built) == {}


@pytest.mark.parametrize("seconds", [1.2, 2.5])
def test_a_killed_update_is_done_by_the_same_command_again(built: Settings, seconds: float) -> None:
    with open_lake(built) as connection:
        change_raw_zone(connection, random.Random(7), 1)
    process = subprocess.Popen(
        [*RADLAKE, "build", "--home", str(built.home)],
        cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run([*RADLAKE, "build", "--home", str(built.home)], cwd=PROJECT, check=True, capture_output=True)
    assert differing(built) == {}


def test_a_lake_changed_by_hand_is_not_updated(built: Settings) -> None:
    with open_lake(built) as connection:
        connection.execute("delete from lake.std.std_diagnosis")
        connection.execute(
            "insert into raw.raw_his.diagnosis by name select * replace ('J18.900' as diagnosis_code, "
            "'new' as _batch_id, sha256(_row_sha256) as _row_sha256, null as _clean) from raw.raw_his.diagnosis"
        )
    with pytest.raises(WholeBuildError, match="does not hold the rows that changed"):
        update_lake(built, target_folder(built), project_fingerprint(built))


def test_a_changed_code_map_asks_for_a_whole_build(built: Settings) -> None:
    with open_lake(built) as connection:
        connection.execute(
            "insert into raw.raw_ledger.code_map by name select 'his' as source, '' as period, 'diagnosis' as entity, "
            "'diagnosis_type' as column_name, 'ZZ' as source_value, 'discharge' as standard_value, 'new' as batch_id, "
            "cast(now() as timestamp) as loaded_at"
        )
        connection.execute(
            "insert into raw.raw_his.diagnosis by name select * replace ('new' as _batch_id, "
            "sha256(_row_sha256) as _row_sha256) from raw.raw_his.diagnosis limit 1"
        )
    with pytest.raises(WholeBuildError, match=r"std_code_map, which \w+ looks up, changed"):
        update_lake(built, target_folder(built), project_fingerprint(built))


def test_what_is_known_of_the_models_holds(built: Settings) -> None:
    plan = plan_of(built)
    unknown = [f"{model.name}: {link.sql}" for model in plan.models for link in model.links if link.kind is None]
    assert unknown == [], "a link without a kind is asked for everywhere: declare it in config.meta.update.kinds"
    kinds = {model.name: model.kind for model in plan.models}
    assert kinds["std_patient"] == kinds["mart_pulmonary_infection__episode"] == "component"
    assert kinds["std_code"] == "union"
    assert kinds["mart_pulmonary_infection__cohort_attrition"] == kinds["std_source"] == "whole"
    assert kinds["std_code_map"] == "reference"
    assert [model.name for model in plan.models if not model.key] == []
