"""Compares a migration with the engine's own export of the same table, in one run, as ratios.

python -m benchmarks.migration.load [--rows 2000000] [--engines postgresql mariadb]

The export is `COPY … TO STDOUT` of PostgreSQL and `SELECT … INTO OUTFILE` of MariaDB; both throw the rows away or write
them in clear, whereas the load ends in the encrypted lake, counted and booked. Each figure is the best of three.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.builders.servers import PASSWORD, Server, start_mariadb, start_postgresql

POSTGRESQL = """
create table exam as
select i::bigint as id, (i % 50000)::int as patient_id, 'EX' || lpad(i::text, 10, '0') as exam_number,
  timestamp '2015-01-01' + (i * 37 % 200000000) * interval '1 second' as examined_at,
  date '1940-01-01' + (i * 7 % 25000)::int as birth_date,
  (array['CT', 'MR', 'DX'])[1 + i % 3]::varchar(8) as modality,
  '双肺纹理增多，右肺上叶见结节影，大小约' || (i % 30) || 'mm，边界清' as findings,
  case when i % 5 = 0 then null else '右肺结节，建议随访' || (i % 7) end as impression,
  ((i % 3000) / 100.0)::numeric(8,2) as nodule_mm, (i % 997) / 7.0::float8 as score,
  (i % 2)::smallint as sex, i % 11 = 0 as is_final
from generate_series(1, {rows}) i;
alter table exam add primary key (id);
analyze exam;
"""
MARIADB = """
create table exam (id bigint primary key, patient_id int, exam_number varchar(32), examined_at datetime,
  birth_date date, modality varchar(8), findings text, impression text, nodule_mm decimal(8,2), score double,
  sex tinyint(1), is_final bit(1)) character set utf8mb4;
insert into exam select seq, seq % 50000, concat('EX', lpad(seq, 10, '0')),
  '2015-01-01' + interval (seq * 37 % 200000000) second, '1940-01-01' + interval (seq * 7 % 25000) day,
  elt(1 + seq % 3, 'CT', 'MR', 'DX'), concat('双肺纹理增多，右肺上叶见结节影，大小约', seq % 30, 'mm，边界清'),
  if(seq % 5 = 0, null, concat('右肺结节，建议随访', seq % 7)), (seq % 3000) / 100, (seq % 997) / 7,
  seq % 2, b'1' from seq_1_to_{rows};
"""
_STEP = """
import sys, time
from pathlib import Path
from lakehouse.settings import read_settings
from ingestion.migration.plan import plan_folder, read_plan
from ingestion.migration.source import parse_address
settings, address = read_settings(Path(sys.argv[2])), parse_address(sys.argv[3])
if sys.argv[1] == "plan":
    from serving.migration import make_site_plan
    made = make_site_plan(settings, address)[0]
    print(sum(table.estimated_seconds for table in made.tables), 0)
    raise SystemExit
plan = read_plan(plan_folder(settings, address))
if sys.argv[1] == "run":
    from ingestion.migration.run import run_migration as act
    options = {}
else:
    from serving.migration import validate_site as act
    options = {"depth": sys.argv[1]}
started = time.monotonic()
act(settings, address, plan, **options)
seconds = time.monotonic() - started
# unlike the maximum that getrusage tells, this one is not inherited from the parent
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(seconds, int(status["VmHWM"].split()[0]) / 1024)
"""


def _step(name: str, home: Path, url: str) -> tuple[float, float]:
    """Run a step in a process of its own; return its seconds and its resident memory in MiB."""
    arguments = [sys.executable, "-c", _STEP, name, str(home), url]
    answer = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()
    return float(answer[0]), float(answer[1])


def _best(act: Callable[[], object], times: int = 3) -> float:
    seconds = []
    for _ in range(times):
        started = time.monotonic()
        act()
        seconds.append(time.monotonic() - started)
    return min(seconds)


def _export(server: Server, database: str, folder: Path) -> None:
    if server.engine == "postgresql":
        command = ["psql", "-q", "-h", "127.0.0.1", "-p", str(server.port), "-U", "migration_reader", "-d", database]
        command += ["-c", "copy exam to stdout"]
    else:
        out = server.folder / "exam.tsv"
        out.unlink(missing_ok=True)
        command = ["mariadb", "-h", "127.0.0.1", "-P", str(server.port), "-u", "migration_reader", database]
        command += ["-e", f"select * from exam into outfile '{out}'"]
    environment = {"PGPASSWORD": PASSWORD, "MYSQL_PWD": PASSWORD, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    with (folder / "export").open("wb") as out_file:
        subprocess.run(command, check=True, env=environment, stdout=out_file)


def measure(server: Server, rows: int, folder: Path) -> dict[str, float]:
    """Return seconds, ratios and memory of export, load, second load and validation of one table."""
    script = (POSTGRESQL if server.engine == "postgresql" else MARIADB).format(rows=rows)
    database = server.new_database(script)
    url, home = server.url(database), folder / f"home_{server.engine}"
    export = _best(lambda: _export(server, database, folder))
    loads, memories = [], []
    for number in range(3):
        home = folder / f"home_{server.engine}_{number}"
        subprocess.run([sys.executable, "-m", "serving.cli", "init", "--synthetic", "--home", str(home)], check=True,
                       capture_output=True)  # fmt: skip
        estimated, _ = _step("plan", home, url)
        seconds, memory = _step("run", home, url)
        loads.append(seconds)
        memories.append(memory)
    again, _ = _step("run", home, url)
    by_hash, memory_by_hash = min(_step("row_hash", home, url) for _ in range(3))
    in_full, memory_in_full = min(_step("full", home, url) for _ in range(3))
    load = min(loads)
    return {
        "rows": rows,
        "export_seconds": round(export, 2),
        "load_seconds": round(load, 2),
        "load_to_export": round(load / export, 2),
        "load_mib": round(max(memories)),
        "estimated_to_load": round(estimated / load, 2),
        "second_run_to_load": round(again / load, 2),
        "row_hash_seconds": round(by_hash, 2),
        "row_hash_to_load": round(by_hash / load, 2),
        "full_validation_to_load": round(in_full / load, 2),
        "validation_mib": round(max(memory_by_hash, memory_in_full)),
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--engines", nargs="+", default=["postgresql", "mariadb"])
    options = parser.parse_args()
    answer = {}
    with tempfile.TemporaryDirectory(prefix="radlake_benchmark_") as folder:
        for engine in options.engines:
            start = start_postgresql if engine == "postgresql" else start_mariadb
            server = start(Path(folder) / engine)
            try:
                answer[engine] = measure(server, options.rows, Path(folder))
            finally:
                server.stop()
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
