"""Compares the validation of a migrated table with reladiff on the same table, in one run, as ratios.

python -m benchmarks.migration.validation [--rows 2000000]

reladiff, installed into an environment of its own, compares the table with a copy of it in the same PostgreSQL by
hashes and bisection; ours compares it with its copy in the encrypted lake. Both do it for equal tables, and for tables
in which one row was changed. Each figure is the best of `--times`; the memory is that of the process, without the
server.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.migration.load import POSTGRESQL
from ingestion.migration.source import parse_address
from lakehouse.lake import open_lake
from lakehouse.settings import read_settings
from serving.migration import make_site_plan, run_site_plan
from tests.builders.servers import start_postgresql

_VALIDATE = """
import sys, time
from pathlib import Path
from ingestion.migration.origin import open_origin
from ingestion.migration.plan import plan_folder, read_plan
from ingestion.migration.source import parse_address
from ingestion.migration.validation.validate import validate
from lakehouse.settings import read_settings
settings, address = read_settings(Path(sys.argv[1])), parse_address(sys.argv[2])
plan = read_plan(plan_folder(settings, address))
started = time.monotonic()
with open_origin(address, settings.work_folder) as (source, catalog):
    result = validate(settings, source, plan, catalog=catalog, depth=sys.argv[3])
seconds = time.monotonic() - started
# getrusage would tell the memory of the process that started this one
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(seconds, int(peak.split()[1]) / 1024, result.differences)
"""


def _validate(home: Path, url: str, depth: str) -> tuple[float, float, int]:
    """Return seconds, MiB and the number of differences of one validation in a process of its own."""
    arguments = [sys.executable, "-c", _VALIDATE, str(home), url, depth]
    seconds, memory, differences = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(memory), int(differences)


def _reladiff(program: Path, url: str) -> tuple[float, int]:
    """Return seconds and the number of differing lines of one comparison by reladiff; its own default of one thread."""
    arguments = [str(program), url, "exam", "exam_copy", "-k", "id", "-c", "%", "-a", "hashdiff"]
    started = time.monotonic()
    answer = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return time.monotonic() - started, len(answer.stdout.split("\n")) - 1


def install_reladiff(folder: Path) -> Path:
    """Install reladiff into an environment of its own and return its program."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "-q", "reladiff[postgresql]"], check=True, capture_output=True)
    return folder / "bin" / "reladiff"


def measure(folder: Path, rows: int, times: int) -> dict[str, dict[str, float]]:
    """Return seconds, ratios and memory for equal tables and for one changed row."""
    program = install_reladiff(folder / "reladiff")
    server = start_postgresql(folder / "postgresql")
    try:
        copy = "create table exam_copy as table exam; alter table exam_copy add primary key (id); analyze exam_copy;"
        database = server.new_database(POSTGRESQL.format(rows=rows) + copy)
        url, home = server.url(database), folder / "home"
        init = [sys.executable, "-m", "serving.cli", "init", "--synthetic", "--home", str(home)]
        subprocess.run(init, check=True, capture_output=True)
        settings, address = read_settings(home), parse_address(url)
        plan = make_site_plan(settings, address, only=["exam"])[0]
        run = run_site_plan(settings, address, plan)
        answer = {"equal": _compare(home, url, program, times) | {"load_seconds": round(run.seconds, 2)}}
        changed = f"set findings = findings || ' ' where id = {rows // 3}"
        server.run(f"update exam_copy {changed}", database)
        with open_lake(settings, ("raw",)) as connection:
            connection.execute(f"update raw.raw_legacy.exam {changed}")
        answer["one row changed"] = _compare(home, url, program, times)
        return answer
    finally:
        server.stop()


def _compare(home: Path, url: str, program: Path, times: int) -> dict[str, float]:
    theirs, found = min(_reladiff(program, url) for _ in range(times))
    hashes, memory, differences = min(_validate(home, url, "row_hash") for _ in range(times))
    full, full_memory, _ = min(_validate(home, url, "full") for _ in range(times))
    return {
        "reladiff_seconds": round(theirs, 2),
        "reladiff_lines": found,
        "row_hash_seconds": round(hashes, 2),
        "row_hash_to_reladiff": round(hashes / theirs, 2),
        "full_seconds": round(full, 2),
        "full_to_reladiff": round(full / theirs, 2),
        "differences": differences,
        "mib": round(max(memory, full_memory)),
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="radlake_benchmark_") as folder:
        print(json.dumps(measure(Path(folder), options.rows, options.times), indent=1))


if __name__ == "__main__":
    main()
