"""The documents do not lie: commands exist, the reference is current, settings are described."""

import re
import shlex

import pytest
import yaml
from typer.testing import CliRunner

from lakehouse.settings import Settings
from serving.cli import app
from serving.reference import REFERENCE, reference_text
from tests.conftest import PROJECT

PAGES = ("README.md", "CONTRIBUTING.md", "docs/mapping.md", "docs/architecture.md")


def commands() -> list[str]:
    lines = [line for page in PAGES for line in (PROJECT / page).read_text(encoding="utf-8").splitlines()]
    return sorted({line.strip() for line in lines if line.strip().startswith(".venv/bin/radlake")})


@pytest.mark.parametrize("line", commands())
def test_command_of_a_page_exists(line: str) -> None:
    words = shlex.split(line)[1:]
    path = []
    for word in words:
        if word.startswith("-") or not re.fullmatch(r"[a-z]+", word) or len(path) == 2:
            break
        path.append(word)
    nouns = {group.name for group in app.registered_groups}
    result = CliRunner().invoke(app, [*path[: 2 if path[0] in nouns else 1], "--help"])
    assert result.exit_code == 0
    for option in (word for word in words if word.startswith("--")):
        assert option in re.sub(r"\s+", " ", result.output), f"{option} of: {line}"


def test_reference_of_commands_is_current() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference_text(), "run `python -m serving.reference`"


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", (PROJECT / "README.md").read_text(encoding="utf-8"), re.M):
        assert re.search(rf"^{target}:", makefile, re.M)


def test_every_setting_stands_in_the_example() -> None:
    example = yaml.safe_load((PROJECT / "config" / "site.example.yml").read_text(encoding="utf-8"))
    assert set(example) == set(Settings.model_fields) - {"home"}
    Settings(**example)


def test_every_example_mapping_fits_its_contract() -> None:
    from ingestion.mapping import read_mapping

    for path in sorted((PROJECT / "config" / "sources").glob("*.yml")):
        assert read_mapping(path).source == path.stem
