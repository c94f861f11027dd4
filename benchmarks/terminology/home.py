"""A throw-away home whose raw tables are filled directly, and the models of terminology built over it, timed by dbt."""

import json
import os
import subprocess
import sys
from pathlib import Path

from lakehouse.lake import Connection, create_raw_tables, open_lake
from lakehouse.settings import Settings, read_settings

ROOT = Path(__file__).resolve().parent.parent.parent
MODELS = (
    "std_code", "std_snomed_concept", "std_diagnosis_statement", "std_diagnosis", "std_procedure", "std_lab_result",
    "std_code_coverage", "std_unmapped_code", "std_code_conflict",
)  # fmt: skip


def make_home(folder: Path) -> Settings:
    """Make an empty synthetic home with all raw tables."""
    subprocess.run(
        [sys.executable, "-m", "serving.cli", "init", "--home", str(folder), "--synthetic"],
        check=True, cwd=ROOT, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    settings = read_settings(folder)
    with open_lake(settings) as connection:
        create_raw_tables(connection)
    return settings


def insert(connection: Connection, table: str, query: str) -> None:
    """Fill a raw table from a query by column name; provenance is added."""
    connection.execute(
        f"insert into raw.{table} by name select *, '' as _src_file, row_number() over () as _src_row_no, "
        f"md5(cast(row_number() over () as varchar)) as _row_sha256, 'b' as _batch_id, "
        f"timestamp '2024-01-01' as _loaded_at from ({query})"
    )


def build(settings: Settings, folder: Path) -> dict[str, float]:
    """Build the models of terminology and what they read, and return the seconds each took."""
    target = folder / "target"
    subprocess.run(
        [
            Path(sys.executable).parent / "dbt", "run", "--quiet", "--select", "+std_code_coverage",
            "+std_unmapped_code", "+std_code_conflict", "+std_diagnosis", "--target-path", target,
            "--log-path", folder / "logs",
        ],
        check=True, cwd=ROOT, env=os.environ | {"RADLAKE_HOME": str(settings.home)},
    )  # fmt: skip
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    return {item["unique_id"].split(".")[-1]: round(item["execution_time"], 2) for item in results}


def seed(settings: Settings, folder: Path) -> None:
    """Load the seeds once."""
    subprocess.run(
        [
            Path(sys.executable).parent / "dbt", "seed", "--quiet", "--target-path", folder / "target",
            "--log-path", folder / "logs",
        ],
        check=True, cwd=ROOT, env=os.environ | {"RADLAKE_HOME": str(settings.home)},
    )  # fmt: skip
