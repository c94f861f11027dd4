"""House rules that a machine can check: names, sizes, printing, imports, one place for each thing."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

PACKAGES = (
    "lakehouse",
    "ingestion",
    "dicom_index",
    "report_structuring",
    "ai_backfill",
    "serving",
    "synthetic_hospital",
    "benchmarks",
)
MODULES = sorted(path for package in PACKAGES for path in (PROJECT / package).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def test_no_module_is_longer_than_400_lines() -> None:
    assert [relative(path) for path in MODULES if path.read_text(encoding="utf-8").count("\n") > 400] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [
        relative(path)
        for path in MODULES
        if re.search(r"(^|_)(util|helper|common|manager|misc|base)s?\.py$", path.name)
    ] == []


def test_nothing_prints_but_the_command_line() -> None:
    allowed = ("serving/terminal.py", "serving/commands/", "serving/demo.py", "benchmarks/")
    printing = []
    for path in MODULES:
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
        if "print" in names and not relative(path).startswith(allowed):
            printing.append(relative(path))
    assert printing == []


def test_every_module_and_public_function_has_a_docstring() -> None:
    missing = []
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if ast.get_docstring(tree) is None:
            missing.append(relative(path))
        for node in tree.body:
            is_public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if is_public and ast.get_docstring(node) is None:
                missing.append(f"{relative(path)}:{node.name}")
    assert missing == []


def test_no_path_of_a_machine_and_no_unfinished_business() -> None:
    found = [
        relative(path)
        for path in MODULES
        if re.search(
            r"/work/|/root/|/home/\w+/|\bTODO\b|\bFIXME\b|NotImplementedError", path.read_text(encoding="utf-8")
        )
    ]
    assert found == []


def test_import_contracts_hold() -> None:
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], capture_output=True, text=True, cwd=PROJECT
    )
    assert result.returncode == 0, result.stdout


def test_exit_codes_are_never_used_twice() -> None:
    from lakehouse import errors

    codes = {}
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.RadlakeError):
            assert value.exit_code not in codes, f"{name} and {codes.get(value.exit_code)}"
            codes[value.exit_code] = name
    assert codes[16] == "KeyMissingError"


@pytest.mark.parametrize(
    "path",
    [*sorted((PROJECT / "docs").rglob("*.md")), PROJECT / "README.md", PROJECT / "CONTRIBUTING.md"],
    ids=relative,
)
def test_files_and_tests_that_a_page_names_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:tests|lakehouse|ingestion|serving|dicom_index|ai_backfill|report_structuring|config|docs|dbt_project|synthetic_hospital|benchmarks)/[\w./*-]*)`",
        text,
    )
    linked = list(re.findall(r"\]\(([^)#:]+)\)", text))
    missing = [name for name in named if "*" not in name and not (PROJECT / name).exists()]
    missing += [link for link in linked if not (path.parent / link).exists()]
    assert missing == []


def test_changelog_has_an_unreleased_section() -> None:
    assert "## Unreleased" in (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
