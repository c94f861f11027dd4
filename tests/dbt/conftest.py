"""The manifest of the dbt project, parsed once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory, empty_home: Path) -> dict[str, Any]:
    """Return dbt's manifest of the project."""
    target = tmp_path_factory.mktemp("target")
    subprocess.run(
        [Path(sys.executable).parent / "dbt", "parse", "--quiet", "--target-path", target, "--log-path", target],
        check=True, cwd=PROJECT, env=os.environ | {"RADLAKE_HOME": str(empty_home)},
    )  # fmt: skip
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))
