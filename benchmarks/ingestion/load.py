"""Compares the ingestion of a GB18030 CSV with DuckDB's own `read_csv` of the same data in UTF-8, as ratios of one run.

python -m benchmarks.ingestion.load [--rows 1000000] [--dirt 0.0] [--memory-limit 4GB] [--profile]

The file has 12 columns of a patient register. DuckDB reads it three times, all columns as text: into a table in memory,
into a database file, and into the encrypted zone `raw` itself. The ingestion detects the encoding, repairs, judges and
compares every row and keeps the books. Each step runs in a process of its own; the resident memory is its VmHWM.
On a busy machine the seconds of the processor tell more than those of the wall.
`--dirt` is the share of rows with a defect; `--profile` tells where the time of the ingestion goes. The ingestion may
hold `--memory-limit` besides what Python and the extensions take: with a small one, the memory is the same for any
number of rows.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ingestion.mapping import FileMapping, Layout, SourceMapping
from ingestion.pipeline import ingest_source
from ingestion.readers import Reading
from ingestion.readers.delimited import read_delimited
from lakehouse.lake import open_lake
from lakehouse.settings import read_settings, write_settings
from serving.home import create_home

COLUMNS: dict[str, tuple[str, ...]] = {
    "patient_id": ("BRID",), "patient_name": ("XM",), "sex": ("XB",), "birth_date": ("CSRQ",), "citizen_id": ("SFZH",),
    "phone": ("LXDH",), "address": ("JTDZ",), "ethnicity": ("MZDM",), "contact_name": ("LXRM",),
    "registered_at": ("JDSJ",), "merged_into_patient_id": ("HBBRID",), "is_void": ("ZFBZ",),
}  # fmt: skip
_SELECT = """
with people as (
  select i, (i * 7919) % 1000000007 as number, date '1940-01-01' + (i * 7 % 25000)::int as born,
    '110199' || strftime(born, '%Y%m%d') || lpad((i % 100)::varchar, 2, '0') || (i % 10 // 2 * 2 + (i + 1) % 2) as body
  from range({rows}) rows(i)
)
select lpad(number::varchar, 10, '0') as BRID,
  ['王', '李', '张', '刘', '陈', '杨', '赵', '黄', '周', '吴'][1 + i % 10]
    || ['伟', '芳', '娜', '敏', '静', '丽', '强', '磊', '军', '洋'][1 + (i // 10) % 10] as XM,
  (1 + i % 2)::varchar as XB, strftime(born, '%Y-%m-%d') as CSRQ,
  body || '10X98765432'[1 + list_sum([
    body[place]::int * [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2][place] for place in range(1, 18)
  ])::int % 11] as SFZH,
  '199' || lpad((i * 31 % 100000000)::varchar, 8, '0') as LXDH,
  '测试省模拟市标记路' || (i % 3000) || '号' || (i % 40) || '单元' || (i % 900) || '室' as JTDZ, '01' as MZDM,
  ['王', '李', '张', '刘', '陈'][1 + i % 5] || ['建国', '淑芬'][1 + i % 2] as LXRM,
  strftime(timestamp '2015-01-01' + to_seconds(i * 37 % 200000000), '%Y-%m-%d %H:%M:%S') as JDSJ, null as HBBRID,
  '0' as ZFBZ
from people
"""


def source_mapping() -> SourceMapping:
    """Return the mapping of the benchmark's file."""
    file = FileMapping(entity="patient", match="**/patient*.csv", reader=Layout(format="delimited"), columns=COLUMNS)
    return SourceMapping(source="his", files=(file,))


def write_files(folder: Path, rows: int, dirt: float) -> None:
    """Write the same rows as UTF-8 and as GB18030; defects are in the latter only."""
    home = folder / "maker"
    create_home(home, synthetic=True)
    plain = folder / "plain.csv"
    with open_lake(read_settings(home), ()) as connection:
        connection.execute(f"copy ({_SELECT.format(rows=rows)}) to '{plain}' (header, force_quote (JTDZ))")
    generator = random.Random(1)
    target = folder / "deliveries" / "patient.csv"
    target.parent.mkdir()
    with plain.open(encoding="utf-8", newline="") as source, target.open("w", encoding="gb18030", newline="") as sink:
        while lines := source.readlines(1 << 22):
            if dirt:
                lines = [_spoiled(line, generator) if generator.random() < dirt else line for line in lines]
            sink.write("".join(lines))


def _spoiled(line: str, generator: random.Random) -> str:
    cells = line.rstrip("\n").split(",")
    kind = generator.randrange(4)
    if kind == 0:
        return ",".join(cells[:3]) + "\n"
    if kind == 1:
        return line.rstrip("\n") + ",多余\n"
    if kind == 2:
        return line.replace("标记路", "标记路\n").replace('"', "")
    return "\n" + line


def _settings(folder: Path) -> tuple[Path, Path]:
    home = folder / "home"
    create_home(home, synthetic=True)
    return home, folder / "deliveries"


def step(name: str, folder: Path, memory_limit: str = "4GB") -> None:
    """Run one step in this process and print its seconds and its peak of resident memory in MiB."""
    plain = folder / "plain.csv"
    query = f"select * from read_csv('{plain}', all_varchar = true, header = true)"
    if name == "read":
        started, worked = time.perf_counter(), time.process_time()
        mapping = source_mapping().files[0]
        for batch in read_delimited(folder / "deliveries" / "patient.csv", mapping, Reading()):
            assert batch.row_count >= 0
    else:
        home, deliveries = _settings(folder / name) if name != "ingest" else _settings(folder)
        settings = read_settings(home).model_copy(update={"deliveries": deliveries, "memory_limit": memory_limit})
        write_settings(settings)
        if name == "ingest":
            started, worked = time.perf_counter(), time.process_time()
            result = ingest_source(settings, source_mapping(), deliveries)
            received = result.total("received")
            assert received == sum(result.total(part) for part in ("loaded", "quarantined", "unchanged"))
        else:
            with open_lake(settings) as connection:
                if name == "file":
                    connection.execute(f"attach '{folder / 'plain.duckdb'}' as plain")
                table = {"memory": "memory.patient", "file": "plain.patient", "lake": "raw.raw_his.plain_patient"}[name]
                started, worked = time.perf_counter(), time.process_time()
                connection.execute(f"create table {table} as {query}")
                if name == "file":
                    connection.execute("detach plain")
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - worked
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    answer = {"seconds": round(seconds, 2), "cpu_seconds": round(cpu_seconds, 2), "mib": int(peak.split()[1]) // 1024}
    print(json.dumps(answer))


def _profiled(folder: Path, memory_limit: str) -> None:
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.enable()
    step("ingest", folder, memory_limit)
    profile.disable()
    pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dirt", type=float, default=0.0)
    parser.add_argument("--memory-limit", default="4GB")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step(options.step, options.folder, options.memory_limit)
        return
    with tempfile.TemporaryDirectory(prefix="radlake_benchmark_") as name:
        folder = Path(name)
        write_files(folder, options.rows, options.dirt)
        if options.profile:
            _profiled(folder, options.memory_limit)
            return
        answer: dict[str, object] = {"rows": options.rows, "dirt": options.dirt, "memory_limit": options.memory_limit}
        figures: dict[str, dict[str, float]] = {}
        for step_name in ("memory", "file", "lake", "read", "ingest"):
            command = [sys.executable, "-m", "benchmarks.ingestion.load", "--step", step_name, "--folder", name]
            command += ["--memory-limit", options.memory_limit]
            printed = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ.copy()).stdout
            figures[step_name] = json.loads(printed.splitlines()[-1])
        answer["steps"] = figures
        for measure in ("seconds", "cpu_seconds"):
            answer[f"ratios_of_{measure}"] = {
                f"{step_name}_to_read_csv_into_{base}": round(figures[step_name][measure] / figures[base][measure], 2)
                for step_name in ("read", "ingest")
                for base in ("memory", "file", "lake")
            }
        print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
