"""The guide to migration names only commands and options that exist, and every verb has its section."""

import re
import shlex

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from serving.cli import app
from tests.conftest import PROJECT

GUIDE = (PROJECT / "docs" / "migration.md").read_text(encoding="utf-8")


def lines() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    found = {line.split("#")[0].strip() for block in blocks for line in block.splitlines()}
    return sorted(line for line in found if line.startswith("radlake "))


@pytest.mark.parametrize("line", lines())
def test_a_command_of_the_guide_exists_with_its_options(line: str) -> None:
    words = shlex.split(line)
    result = CliRunner().invoke(app, [*words[1:3], "--help"])
    assert result.exit_code == 0
    shown = re.sub(r"\s+", " ", result.output)
    for option in (word for word in words if word.startswith("--")):
        assert option in shown, option


def test_every_verb_of_migrate_is_in_the_guide() -> None:
    verbs = get_command(app).commands["migrate"].commands  # type: ignore[attr-defined]
    assert [verb for verb in verbs if f"radlake migrate {verb} " not in GUIDE] == []
