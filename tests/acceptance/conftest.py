"""One synthetic hospital, run once from extracts to a release; the acceptance tests look at what it made."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lakehouse.settings import Settings, read_settings
from tests.conftest import PROJECT

RADLAKE = [sys.executable, "-m", "serving.cli"]


@dataclass(frozen=True, kw_only=True)
class Hospital:
    """A hospital after the whole flow."""

    settings: Settings
    folder: Path
    truth: Path
    output: str
    """Everything the commands printed."""


def radlake(*arguments: str, home: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would and return what it printed."""
    environment = {name: value for name, value in os.environ.items() if name != "RADLAKE_HOME"}
    result = subprocess.run(
        [*RADLAKE, *arguments, *(["--home", str(home)] if home else [])],
        capture_output=True, text=True, cwd=PROJECT, env=environment, timeout=600,
    )  # fmt: skip
    if check:
        assert result.returncode == 0, f"{arguments} ended with {result.returncode}: {result.stderr[-2000:]}"
    return result


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    """Return a hospital of 60 patients with images and AI results, built, judged and released as `first`."""
    root = tmp_path_factory.mktemp("hospital")
    folder, home = root / "deliveries", root / "home"
    subprocess.run(
        [sys.executable, "-m", "synthetic_hospital", "--out", str(folder), "--patients", "60"], check=True, cwd=PROJECT
    )
    output = ""
    for arguments in (
        ("init", "--synthetic", "--deliveries", str(folder)),
        ("run", "--json"),
        ("gate",),
        ("release", "create", "--name", "first"),
    ):
        result = radlake(*arguments, home=home)
        output += result.stdout + result.stderr
    return Hospital(settings=read_settings(home), folder=folder, truth=folder / "truth", output=output)
