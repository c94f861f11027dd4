"""Fixtures every test folder shares."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of third-party inputs that lies beside the checkout."""
    folder = Path(os.environ.get("RADLAKE_SHARED", PROJECT.parent / "shared"))
    assert folder.is_dir(), "set RADLAKE_SHARED to the folder that holds data/"
    return folder
