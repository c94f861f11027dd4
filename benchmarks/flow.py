"""Wall time and peak memory of `radlake run` for hospitals of several sizes, and the exponent between them.

python -m benchmarks.flow --patients 1000 100000
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def measure(patients: int, folder: Path) -> dict[str, object]:
    """Build a hospital of a size, run the flow over it in a process of its own, and return what it took."""
    hospital, home = folder / "hospital", folder / "home"
    generate = [sys.executable, "-m", "synthetic_hospital", "--out", str(hospital), "--patients", str(patients)]
    started = time.monotonic()
    subprocess.run(generate, check=True, cwd=_ROOT)
    generated = time.monotonic() - started
    cli = [sys.executable, "-m", "serving.cli"]
    subprocess.run(
        [*cli, "init", "--home", str(home), "--synthetic", "--deliveries", str(hospital)], check=True, cwd=_ROOT,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    started = time.monotonic()
    process = subprocess.Popen([*cli, "run", "--home", str(home), "--json"], cwd=_ROOT, stdout=subprocess.PIPE)
    output = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if status != 0:
        raise SystemExit(f"the run of {patients} patients failed")
    steps = {step["step"]: step for step in json.loads(output)["steps"]}
    return {
        "patients": patients,
        "generate_seconds": round(generated, 1),
        "run_seconds": round(seconds, 1),
        # of the largest single process: the flow itself
        "peak_megabytes": round(usage.ru_maxrss / 1024),
        "rows_ingested": sum(step["loaded"] for name, step in steps.items() if name.startswith("ingest")),
        "step_seconds": {name: step["seconds"] for name, step in steps.items()},
    }


def main() -> None:
    """Measure each size and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, nargs="+", default=[1_000, 100_000])
    sizes = parser.parse_args().patients
    results = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(size, Path(folder)))
            print(f"{size} patients: {results[-1]['run_seconds']} s", file=sys.stderr, flush=True)
    small, large = results[0], results[-1]
    exponent = None
    if len(results) > 1:
        times = float(large["run_seconds"]) / float(small["run_seconds"])  # type: ignore[arg-type]
        exponent = math.log(times) / math.log(int(large["patients"]) / int(small["patients"]))  # type: ignore[call-overload]
    print(json.dumps({"sizes": results, "exponent": exponent}, indent=1))


if __name__ == "__main__":
    main()
