"""What a delta of 0.1 % costs to build, against a build of everything, in one run on one machine.

python -m benchmarks.updates --patients 100000

Two deltas: all rows of 0.1 % of the persons come again with a change (a day of visits), and 0.1 % of all rows, drawn
at random, come again with a change (which touches far more persons). Both are written into the raw zone as a load
would; persons are linked and reports structured before the clock starts.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ingestion.identity.linking import link_persons
from lakehouse.contract import Table, read_contract, source_names
from lakehouse.lake import Connection, open_lake
from lakehouse.ledger import local_now, new_batch_id
from lakehouse.settings import Settings, read_settings
from report_structuring.tables import structure_reports

_ROOT = Path(__file__).resolve().parent.parent
_CLI = [sys.executable, "-m", "serving.cli"]
SHARE = 0.001
# columns that no key holds and no code list knows
_CHANGED = (
    "department",
    "diagnosis_name",
    "result",
    "quantity",
    "pulse",
    "dose",
    "exam_item",
    "impression",
    "diagnosis",
)


def measure(folder: Path, patients: int) -> dict[str, object]:
    """Build a hospital of a size as a whole, then bring in two deltas, and return the seconds of each build."""
    hospital, home = folder / "hospital", folder / "home"
    subprocess.run(
        [sys.executable, "-m", "synthetic_hospital", "--out", str(hospital), "--patients", str(patients)],
        check=True, cwd=_ROOT,
    )  # fmt: skip
    subprocess.run(
        [*_CLI, "init", "--home", str(home), "--synthetic", "--deliveries", str(hospital)],
        check=True, cwd=_ROOT, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    subprocess.run([*_CLI, "run", "--home", str(home), "--json"], check=True, cwd=_ROOT, stdout=subprocess.DEVNULL)
    settings = read_settings(home)
    return compare(settings) | {"patients": patients}


def compare(settings: Settings) -> dict[str, object]:
    """Return what a whole build of a built home takes, and two deltas after it, in seconds of the clock and of CPU."""
    home = settings.home
    whole, whole_cpu = _build(home, "--full-refresh")
    result: dict[str, object] = {"whole_seconds": round(whole, 1), "whole_cpu_seconds": round(whole_cpu, 1)}
    for name, condition in (("persons", _of_persons), ("rows", _of_rows)):
        rows, share = _deliver(settings, name, condition)
        seconds, cpu = _build(home)
        result[f"delta_of_{name}"] = {
            "rows": rows, "share_of_rows": round(share, 5), "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1),
            "of_whole": round(seconds / whole, 4), "cpu_of_whole": round(cpu / whole_cpu, 4),
        }  # fmt: skip
    result["nothing_new_seconds"] = round(_build(home)[0], 1)
    return result


def _build(home: Path, *arguments: str) -> tuple[float, float]:
    started, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = subprocess.run(
        [*_CLI, "build", "--exclude-resource-type", "unit_test", *arguments, "--home", str(home)],
        check=True,
        cwd=_ROOT,
        capture_output=True,
        text=True,
    )
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    print(answer.stdout, answer.stderr[-500:], file=sys.stderr, flush=True)
    return seconds, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def _of_persons(table: Table) -> str | None:
    names = {column.name for column in table.columns}
    column = next((name for name in ("patient_id", "visit_id") if name in names), None)
    return f"hash({column}) % {round(1 / SHARE)} = 7" if column else None


def _of_rows(table: Table) -> str | None:
    return f"hash(_row_sha256) % {round(1 / SHARE)} = 7"


def _deliver(settings: Settings, name: str, condition_of: object) -> tuple[int, float]:
    """Write a delta as a load, link its persons, structure its reports; return its rows and their share of all."""
    batch, delivered, stored = new_batch_id(), 0, 0
    with open_lake(settings) as connection:
        for source in source_names():
            for table in read_contract(source).values():
                if not (table.is_delivered and table.has_provenance):
                    continue
                stored += _count(connection, table, "true")
                condition = condition_of(table)  # type: ignore[operator]
                if condition:
                    delivered += _come_again(connection, table, condition, batch, name)
    link_persons(settings)
    with open_lake(settings) as connection:
        structure_reports(
            connection, batch_id=new_batch_id(), loaded_at=local_now(settings.timezone), workers=settings.threads
        )
    return delivered, delivered / stored


def _count(connection: Connection, table: Table, condition: str) -> int:
    row = connection.execute(f"select count(*) from raw.{table.schema}.{table.name} where {condition}").fetchone()
    return int(row[0]) if row else 0


def _come_again(connection: Connection, table: Table, condition: str, batch: str, name: str) -> int:
    changed = next((column.name for column in table.columns if column.name in _CHANGED), None)
    items = {
        "_batch_id": f"'{batch}'", "_loaded_at": "cast(now() as timestamp)", "_src_file": f"'{name}'",
        "_row_sha256": f"sha256(_row_sha256 || '{batch}')",
    }  # fmt: skip
    if changed:
        items |= {changed: f"concat({changed}, ' ')", "_clean": "null"}
    replaced = ", ".join(f'{value} as "{column}"' for column, value in items.items())
    relation = f"raw.{table.schema}.{table.name}"
    answer = connection.execute(
        f"insert into {relation} by name select * replace ({replaced}) from {relation} where {condition}"
    ).fetchone()
    return int(answer[0]) if answer else 0


def main() -> None:
    """Measure one size and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="keep hospital and home here instead of in a temporary folder")
    arguments = parser.parse_args()
    if arguments.folder:
        arguments.folder.mkdir(parents=True)
        print(json.dumps(measure(arguments.folder, arguments.patients), indent=1))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), arguments.patients), indent=1))


if __name__ == "__main__":
    main()
