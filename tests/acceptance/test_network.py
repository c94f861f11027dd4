"""No step opens a connection off the machine, and none needs one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import RADLAKE
from tests.conftest import PROJECT

_WATCH = """
import os, sys

def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
        target = str(arguments[-1] if event in ("socket.connect", "socket.sendto") else arguments[0])
        if not any(mark in target for mark in ("127.0.0.1", "localhost", "::1", "/", "None")):
            with open(os.environ["RADLAKE_NETWORK_LOG"], "a") as log:
                log.write(f"{event} {target}\\n")

sys.addaudithook(watch)
"""


@pytest.fixture
def alone() -> list[str]:
    """Return the prefix of a command that runs without any network, where the machine allows one."""
    prefix = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
        return prefix
    return []


def test_whole_flow_needs_and_seeks_no_network(tmp_path: Path, alone: list[str]) -> None:
    hook, log = tmp_path / "hook", tmp_path / "network.log"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(_WATCH)
    log.touch()
    environment = {name: value for name, value in os.environ.items() if name != "RADLAKE_HOME"}
    environment |= {"PYTHONPATH": f"{hook}:{PROJECT}", "RADLAKE_NETWORK_LOG": str(log), "HOME": str(tmp_path)}
    home, deliveries = str(tmp_path / "home"), str(tmp_path / "deliveries")
    for command in (
        [sys.executable, "-m", "synthetic_hospital", "--out", deliveries],
        [*RADLAKE, "init", "--home", home, "--synthetic", "--deliveries", deliveries],
        [*RADLAKE, "run", "--home", home],
        [*RADLAKE, "gate", "--home", home],
        [*RADLAKE, "release", "create", "--name", "offline", "--home", home],
    ):
        result = subprocess.run([*alone, *command], capture_output=True, text=True, cwd=PROJECT, env=environment)
        assert result.returncode == 0, result.stderr[-2000:]
    assert log.read_text() == ""


def test_watch_sees_an_attempt(tmp_path: Path) -> None:
    hook, log = tmp_path / "hook", tmp_path / "network.log"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(_WATCH)
    log.touch()
    subprocess.run(
        [sys.executable, "-c", "import socket\ntry: socket.getaddrinfo('radlake.invalid', 80)\nexcept OSError: pass"],
        check=True,
        env=os.environ | {"PYTHONPATH": str(hook), "RADLAKE_NETWORK_LOG": str(log)},
    )
    assert "radlake.invalid" in log.read_text()
