"""Fixtures every test folder shares."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from lakehouse.settings import Settings, read_settings, write_settings
from serving.home import create_home
from tests.builders.servers import Server, running, start_mariadb, start_postgresql

# a busy machine is no fault of the code
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of third-party inputs that lies beside the checkout."""
    folder = Path(os.environ.get("RADLAKE_SHARED", PROJECT.parent / "shared"))
    if not folder.is_dir():
        message = "third-party inputs are not beside the checkout; RADLAKE_SHARED names their folder"
        # a fresh machine may lack them, continuous integration may not
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    return folder


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home nobody may write into; copy it."""
    folder = tmp_path_factory.mktemp("template") / "home"
    create_home(folder, synthetic=True)
    return folder


@pytest.fixture
def settings(empty_home: Path, tmp_path: Path) -> Settings:
    """Return the settings of a home of this test alone, with an empty folder of deliveries."""
    home = tmp_path / "home"
    shutil.copytree(empty_home, home)
    deliveries = tmp_path / "deliveries"
    deliveries.mkdir()
    settings = read_settings(home).model_copy(update={"deliveries": deliveries})
    write_settings(settings)
    return settings


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Return a running PostgreSQL of this session alone."""
    with running(start_postgresql) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """Return a running MariaDB of this session alone."""
    with running(start_mariadb) as server:
        yield server
