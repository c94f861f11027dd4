"""Reads many stored reports through the tables with several processes, and tells the time and the peak memory.

python -m benchmarks.structuring.volume [--reports 100000 1000000] [--workers 2] [--length 300]

Every size runs in a process and a home of its own. The memory is the most that the process and its readers held
together, as the system counts resident pages (shared ones are counted for each), sampled twice a second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from benchmarks.structuring.reports import make_reports
from benchmarks.terminology.home import insert, make_home
from lakehouse.lake import append_arrow, open_lake
from report_structuring.tables import structure_reports

_CHUNK = 20_000
_PAGE = 4096


def _resident(process: int) -> int:
    """Return the resident bytes of a process and of all its children."""
    total = 0
    try:
        total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                total += _resident(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return total


class _Peak(threading.Thread):
    """Samples the memory of this process and its children until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes, self._stop_asked = 0, threading.Event()

    def run(self) -> None:
        """Sample twice a second."""
        process = int(Path("/proc/self/stat").read_text().split()[0])
        while not self._stop_asked.wait(0.5):
            self.bytes = max(self.bytes, _resident(process))

    def stop(self) -> int:
        """Stop and return the peak."""
        self._stop_asked.set()
        self.join()
        return self.bytes


def measure(reports: int, workers: int, length: int, folder: Path) -> dict[str, object]:
    """Fill a home with so many reports, read them, and return seconds and peak memory."""
    settings = make_home(folder / "home")
    with open_lake(settings) as connection:
        for first in range(0, reports, _CHUNK):
            count = min(_CHUNK, reports - first)
            texts = pa.table(
                {
                    "exam_id": [f"E{number}" for number in range(first, first + count)],
                    "findings": list(make_reports(count, first=first, length=length)),
                }
            )
            connection.execute("create or replace temp table texts (exam_id varchar, findings varchar)")
            append_arrow(connection, "texts", texts)
            insert(
                connection,
                "raw_ris.exam",
                "select exam_id, exam_id as accession_number, 'P' || exam_id as patient_id, 'CT' as modality, "
                "findings from texts",
            )
    peak = _Peak()
    tenth = max(reports // 10, 1)

    def tell(done: int, _: int) -> None:
        if done % tenth < 10_000:
            print(f"{done} reports, peak so far {peak.bytes // 2**20} MiB", file=sys.stderr, flush=True)

    with open_lake(settings) as connection:
        peak.start()
        started = time.monotonic()
        result = structure_reports(
            connection,
            batch_id="benchmark",
            loaded_at=datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None),
            workers=workers,
            progress=tell,
        )
        seconds = time.monotonic() - started
        most = peak.stop()
    return {
        "reports": result.loaded,
        "failed": result.failed,
        "findings": result.findings,
        "seconds": round(seconds, 1),
        "reports_per_second": round(result.loaded / seconds),
        "peak_mib": round(most / 2**20),
    }


def main() -> None:
    """Measure each size in a process of its own and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--length", type=int, default=300)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(options.reports[0], options.workers, options.length, Path(folder))))
        return
    for reports in options.reports:
        subprocess.run(
            [
                sys.executable, "-m", "benchmarks.structuring.volume", "--alone", "--reports", str(reports),
                "--workers", str(options.workers), "--length", str(options.length),
            ],
            check=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
