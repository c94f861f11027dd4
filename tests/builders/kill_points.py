"""Kills loads at random points: a process of its own that forks, so that a kill costs no start of Python.

Usage: python -m tests.builders.kill_points ACT HOME SOURCE TIMES SEED, ACT being load, validate or full-disk of a
migration, or ingest, whose SOURCE is a mapping YAML. It runs the act TIMES times in forked children and kills each with
SIGKILL at a random moment of the time a whole act takes.
"""

import os
import random
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

import ingestion.load  # noqa: F401 - before the forks
from ingestion.mapping import read_mapping
from ingestion.migration.plan import plan_folder, read_plan
from ingestion.migration.run import run_migration
from ingestion.pipeline import ingest_source
from lakehouse.errors import RadlakeError
from lakehouse.lake import lock_home
from lakehouse.settings import read_settings
from serving.migration import validate_site
from serving.source_argument import resolve_source


def _load(home: Path, source: str) -> None:
    settings, address = read_settings(home), resolve_source(source)
    run_migration(settings, address, read_plan(plan_folder(settings, address)), retries=0)


def _validate(home: Path, source: str) -> None:
    settings, address = read_settings(home), resolve_source(source)
    validate_site(settings, address, read_plan(plan_folder(settings, address)))


def _ingest(home: Path, source: str) -> None:
    settings = read_settings(home)
    with lock_home(settings):
        ingest_source(settings, read_mapping(Path(source)), settings.deliveries_folder)


def _load_on_a_full_disk(home: Path, source: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    try:
        _load(home, source)
    except RadlakeError as error:
        sys.stderr.write(str(error))
        os._exit(error.exit_code)


ACTS = {"ingest": _ingest, "load": _load, "validate": _validate, "full-disk": _load_on_a_full_disk}


def _fork(act: str, home: Path, source: str) -> int:
    child = os.fork()
    if child:
        return child
    try:
        ACTS[act](home, source)
        os._exit(0)
    except BaseException as error:
        traceback.print_exception(error)
        os._exit(70)


def main() -> None:
    """Run the acts, and print how each ended: the exit code, or -9."""
    act, home, source, times, seed = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    chance, longest, endings = random.Random(seed), 3.0, []
    for _ in range(times):
        started = time.monotonic()
        child = _fork(act, home, source)
        if act != "full-disk":
            deadline = started + chance.uniform(0.05, longest)
            while time.monotonic() < deadline and not _has_ended(child):
                time.sleep(0.01)
        ended = _ENDED.pop(child, None)
        if ended is None:
            if act != "full-disk":
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            ended = os.waitstatus_to_exitcode(status)
        else:
            # a whole act took this long: the next kills fall within it
            longest = max(0.3, time.monotonic() - started)
        endings.append(str(ended))
    sys.stdout.write(" ".join(endings))


_ENDED: dict[int, int] = {}


def _has_ended(child: int) -> bool:
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        _ENDED[child] = os.waitstatus_to_exitcode(status)
    return bool(done)


if __name__ == "__main__":
    main()
