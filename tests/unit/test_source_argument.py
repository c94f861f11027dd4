"""The address of a source on the command line: a password is seen in no list of processes and inherited by nobody."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lakehouse.errors import UsageError
from serving.source_argument import VARIABLE, hide_password, resolve_source
from tests.conftest import PROJECT

PASSWORD = "canary-Pa55:word"
URL = f"postgresql://reader:{PASSWORD}@127.0.0.1:1/research"
# stands where a command would work: tells who it is, and what it and a program that it starts may see
PROGRAM = """
import os, subprocess, sys, time
from pathlib import Path
from serving.source_argument import hide_password, resolve_source
hide_password(sys.argv)
address = resolve_source(sys.argv[2])
child = subprocess.run([sys.executable, "-c", "import os; print(os.environ.get('RADLAKE_SOURCE_URL'))"], capture_output=True, text=True)
Path(sys.argv[1]).write_text(f"{os.getpid()}|{address.url.password}|{child.stdout.strip()}|{sys.argv[3:]}")
time.sleep(30)
"""


def test_password_is_in_no_list_of_processes_and_inherited_by_no_program(tmp_path: Path) -> None:
    program, answer = tmp_path / "program.py", tmp_path / "answer"
    program.write_text(PROGRAM, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(program), str(answer), URL, "--table", "a b"],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    try:
        for _ in range(200):
            if answer.exists() and answer.read_text():
                break
            time.sleep(0.05)
        pid, password, inherited, rest = answer.read_text().split("|")
        assert int(pid) == process.pid
        assert (password, inherited, rest) == (PASSWORD, "None", "['--table', 'a b']")
        shown = Path(f"/proc/{pid}/cmdline").read_bytes()
        assert PASSWORD.encode() not in shown
        assert f"env:{VARIABLE}".encode() in shown
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "argument",
    [
        "postgresql://reader@127.0.0.1:5432/research",
        "sqlite:////data/a:b@c.sqlite",
        "/data/dump",
        "--out",
        "a:b@c",
        "env:X",
    ],
)
def test_arguments_without_a_password_start_nothing_again(argument: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("started again"))
    hide_password(["radlake", argument])


@pytest.mark.parametrize(
    "argument",
    [URL, f"--source={URL}", "mysql://h/db?user=a&password=x", "mariadb+pymysql://a:b@h/d", "mysql://:geheim@h/d"],
)
def test_every_form_of_a_password_is_hidden(argument: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[list[str], str]] = []
    monkeypatch.setattr(sys, "orig_argv", ["python", "radlake", "migrate", argument])
    monkeypatch.setattr(
        os, "execve", lambda _, arguments, environment: started.append((arguments, environment[VARIABLE]))
    )
    hide_password(["radlake", "migrate", argument])
    ((arguments, value),) = started
    assert arguments[1:] == ["radlake", "migrate", argument.replace(value, f"env:{VARIABLE}")]
    assert argument.endswith(value)


def test_variable_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SOURCE", URL)
    assert resolve_source("env:MY_SOURCE").database == "research"
    assert "MY_SOURCE" not in os.environ
    with pytest.raises(UsageError, match="MY_SOURCE"):
        resolve_source("env:MY_SOURCE")
