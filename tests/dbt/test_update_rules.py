"""What updates by component take for granted of the models (docs/decisions/0007-updates-by-component.md)."""

import re
from pathlib import Path

import yaml

from tests.conftest import PROJECT

MODELS = PROJECT / "dbt_project" / "models"
# a model of its own gives this name to a key of its own
_NAMESAKES = {"study_id"}


def models_over_persons() -> list[Path]:
    return sorted([*(MODELS / "standard").glob("*.sql"), *(MODELS / "marts").glob("*/*.sql")])


def test_no_model_joins_groups_or_orders_by_an_identifier_that_makes_no_component() -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    unlinked = set(project["vars"]["radlake"]["unlinked_identifiers"])
    # linked under a condition in the YAML of their staging model
    declared = " ".join(
        line
        for path in (MODELS / "staging").glob("*/stg_*.yml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "update: {" in line
    )
    wrong = []
    for name in sorted(unlinked - _NAMESAKES - set(re.findall(r"\w+", declared))):
        uses = re.compile(
            rf"\b{name}\b\s*(=|<>|is not distinct)|(=|<>|distinct from)\s*(\w+\.)?{name}\b"
            rf"|(partition|group|order) by[^)]*?\b{name}\b"
            rf"|with_versions\((?:[^()]|\([^()]*\))*\b{name}\b",
            re.DOTALL,
        )
        for path in models_over_persons():
            if uses.search(path.read_text(encoding="utf-8")):
                wrong.append(f"{path.stem}: {name}")
    assert wrong == [], "take the identifier off unlinked_identifiers, or link it under a condition"


def test_every_unlinked_identifier_is_a_staging_column() -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    staged = " ".join(path.read_text(encoding="utf-8") for path in (MODELS / "staging").glob("*/stg_*.yml"))
    unlinked = project["vars"]["radlake"]["unlinked_identifiers"]
    assert [name for name in unlinked if f"{{name: {name}," not in staged] == []
    assert len(set(unlinked)) == len(unlinked)
