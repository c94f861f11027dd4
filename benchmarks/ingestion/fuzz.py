"""Mutates inputs of every parser of our own for a while, and counts crashes, hangs and records that are not accounted.

python -m benchmarks.ingestion.fuzz [--seconds 300] [--only xml json] [--seed 1] [--keep FOLDER]

A crash is any exception but those by which a reader refuses a file; a hang is an input that takes more than five
seconds of work; an imbalance is a file of which received is not loaded + quarantined, or whose row numbers repeat.
Exit code 1 when there was any; `--keep` writes the inputs that were at fault.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import pyarrow as pa

from benchmarks.ingestion.fuzz_inputs import Input, make_inputs
from ingestion.mapping import STANDARD_FORMATS
from ingestion.records import FileReading, read_file
from ingestion.sources.standard import read_standard
from lakehouse.contract import read_contract
from lakehouse.errors import RadlakeError
from lakehouse.formats.document_text import text_of, text_of_bytes

HANG_SECONDS = 5
_INTERESTING = (
    b"\x00",
    b"\r",
    b"\n",
    b'"',
    b"<",
    b">",
    b"&",
    b"|",
    b"^~\\&",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\\'",
    b"\\u-1",
    b"\\bin99999999 ",
    b"\xd6",
    b"\x81\x30",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>",
    b"&#0;",
    b"&#x110000;",
    b"1e999",
    b"99999999999999999999",
    b"\\ud800",
    b"MSH|",
    b"\x0b",
    b"\x1c\r",
    b"====",
    b"{\\rtf1",
)


class _HangError(BaseException):
    """An input took too long."""


@dataclass(slots=True)
class Faults:
    """What went wrong with the inputs of one parser."""

    tried: int = 0
    refused: int = 0
    crashes: Counter[str] = field(default_factory=Counter)
    hangs: int = 0
    imbalances: int = 0

    @property
    def count(self) -> int:
        """Return how many inputs were at fault."""
        return sum(self.crashes.values()) + self.hangs + self.imbalances


def mutate(data: bytes, other: bytes, random_source: random.Random) -> bytes:
    """Return an input changed in one to six places: bits, cuts, copies, pieces of another input, hostile tokens."""
    out = bytearray(data)
    for _ in range(random_source.randint(1, 6)):
        place = random_source.randrange(len(out) + 1)
        match random_source.randrange(8):
            case 0 if place < len(out):
                out[place] ^= 1 << random_source.randrange(8)
            case 1 if place < len(out):
                out[place] = random_source.randrange(256)
            case 2:
                del out[place : place + random_source.randint(1, 40)]
            case 3:
                piece = out[place : place + random_source.randint(1, 60)]
                out[place:place] = piece * random_source.choice((1, 2, 50))
            case 4 if other:
                start = random_source.randrange(len(other))
                out[place:place] = other[start : start + random_source.randint(1, 80)]
            case 5 if random_source.random() < 0.2:
                del out[place:]
            case 6 if random_source.random() < 0.1:
                out[place:place] = random_source.choice(_INTERESTING) * 3_000
            case _:
                out[place:place] = random_source.choice(_INTERESTING)
    return bytes(out)


def _account(reading: FileReading, loaded: Counter[str], numbers: Sequence[int]) -> bool:
    """Return whether everything received is loaded or refused, each under a number of its own."""
    if len(set(numbers)) != len(numbers):
        return False
    refused = {entity: len(refusals) for entity, refusals in reading.refusals.items()}
    entities = {*reading.received, *loaded, *refused}
    return all(reading.received.get(one, 0) == loaded[one] + refused.get(one, 0) for one in entities)


def read_input(one: Input, path: Path) -> bool:
    """Read a file as ingestion does, and return whether its records balance."""
    if one.mapping is None:
        text_of_bytes(path.read_bytes())
        text_of(path.read_bytes().decode("utf-8", "replace"))
        return True
    reading = FileReading()
    loaded: Counter[str] = Counter()
    numbers: list[int] = []
    tables = read_contract(one.source)
    kind = one.mapping.reader.format
    batches: Iterator[tuple[str, pa.Table]]
    if kind in STANDARD_FORMATS:
        batches = read_standard(path, kind, tables, reading)
    else:
        batches = read_file(path, one.mapping, tables, reading)
    for entity, rows in batches:
        loaded[entity] += rows.num_rows
        numbers += rows.column("_src_row_no").to_pylist()
    return _account(reading, loaded, numbers)


def _alarm(_: int, __: FrameType | None) -> None:
    raise _HangError


def _try(one: Input, data: bytes, path: Path, faults: Faults, keep: Callable[[str, bytes], None]) -> None:
    path.write_bytes(data)
    faults.tried += 1
    # seconds of work, so that a busy machine is no hang; and of waiting, so that a deadlock is one
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, 20 * HANG_SECONDS)
    try:
        if not read_input(one, path):
            faults.imbalances += 1
            keep("imbalance", data)
    except RadlakeError:
        # the whole file is held, which is one refused record
        faults.refused += 1
    except _HangError:
        faults.hangs += 1
        keep("hang", data)
    except Exception as error:  # a crash is what is looked for
        place = traceback.extract_tb(error.__traceback__)[-1]
        faults.crashes[f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"] += 1
        keep("crash", data)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def fuzz(seconds: float, seed: int, only: Sequence[str], folder: Path, keep_in: Path | None) -> dict[str, Faults]:
    """Try mutated inputs of each parser in turn until the time is over."""
    inputs = [one for one in make_inputs() if not only or one.name in only]
    found = {one.name: Faults() for one in inputs}
    random_source = random.Random(seed)
    kept = 0

    def keeper(name: str) -> Callable[[str, bytes], None]:
        def keep(fault: str, data: bytes) -> None:
            nonlocal kept
            if keep_in is not None and kept < 200:
                kept += 1
                (keep_in / f"{name}_{fault}_{kept:03}").write_bytes(data)

        return keep

    signal.signal(signal.SIGALRM, _alarm)
    signal.signal(signal.SIGPROF, _alarm)
    end = time.monotonic() + seconds
    for one in _in_turn(inputs, end):
        base = random_source.choice(one.samples)
        data = mutate(base, random_source.choice(one.samples), random_source)
        _try(one, data, folder / one.file_name, found[one.name], keeper(one.name))
    return found


def _in_turn(inputs: Sequence[Input], end: float) -> Iterator[Input]:
    while time.monotonic() < end:
        yield from inputs


def main() -> None:
    """Print what was found for each parser as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz(arguments.seconds, arguments.seed, arguments.only, Path(folder), arguments.keep)
    told = {
        name: {
            "tried": faults.tried,
            "refused": faults.refused,
            "crashes": dict(faults.crashes),
            "hangs": faults.hangs,
            "imbalances": faults.imbalances,
        }
        for name, faults in found.items()
    }
    json.dump(told, sys.stdout, indent=2)
    sys.stdout.write("\n")
    sys.exit(1 if any(faults.count for faults in found.values()) else 0)


if __name__ == "__main__":
    main()
