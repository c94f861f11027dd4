"""The next day's delivery: corrected values win, history stays, nothing else moves."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from lakehouse.keyring import read_key
from lakehouse.lake import fetch_dicts, open_lake
from lakehouse.pseudonym import pseudonym
from lakehouse.settings import read_settings
from synthetic_hospital.corrections import CORRECTED_UREA
from tests.acceptance.conftest import Hospital, radlake
from tests.canary import hunt, read_planted_identities
from tests.conftest import PROJECT


def test_corrections_reach_the_mart_and_keep_the_history(hospital: Hospital, tmp_path: Path) -> None:
    home, deliveries = tmp_path / "home", tmp_path / "deliveries"
    shutil.copytree(hospital.settings.home, home, ignore=shutil.ignore_patterns("releases", "dbt"))
    shutil.copytree(hospital.folder, deliveries)
    settings = read_settings(home)
    generate = [sys.executable, "-m", "synthetic_hospital", "--out", str(deliveries), "--patients", "60", "--day", "2"]
    subprocess.run(generate, check=True, cwd=PROJECT)
    answer = radlake("ingest", "--from", str(deliveries / "extracts_day2"), "--json", home=home)
    files = json.loads(answer.stdout)["files"]
    assert sum(file["loaded"] for file in files if file["entity"] == "result") >= 1
    assert all(
        file["received"] == file["loaded"] + sum(file["quarantined"].values()) + file["unchanged"] for file in files
    )

    patient = pseudonym(read_key(home / "keys", "pseudonym", settings.keys), "patient", "0077000001")
    radlake("run", home=home)
    with open_lake(settings, ("lake",), read_only=True) as connection:
        episode = fetch_dicts(
            connection,
            "select * from lake.mart_pulmonary_infection.mart_pulmonary_infection__episode where patient_id = $1",
            [patient],
        )[0]
        versions = connection.execute(
            "select max(version_no), count(*) from lake.std.std_lab_result where item_code = 'urea' and value_source = $1",
            [CORRECTED_UREA],
        ).fetchone()
        amended = connection.execute(
            "select count(*) from lake.std.std_report where report_status = 'amended' and is_current"
        ).fetchone()
    assert episode["urea_max"] == float(CORRECTED_UREA)
    assert episode["principal_icd10"] == "J15.900"
    assert episode["pi_etiology"] == "bacterial"
    assert versions is not None and versions[0] == 2
    assert amended is not None and amended[0] == 2
    identities = read_planted_identities(deliveries / "truth") + read_planted_identities(deliveries / "truth_day2")
    assert hunt(settings, sorted(set(identities)), output=answer.stdout + answer.stderr) == {}
