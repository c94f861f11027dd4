"""Reads `rules.yml`, the cleaning rules, and turns each into SQL over one column."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lakehouse.errors import SettingsError

CLASSES = ("text", "code", "date_text", "date")
_DATE_TYPES = ("date", "timestamp", "timestamptz")
_FILE = Path(__file__).with_name("rules.yml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One cleaning rule; it changes exactly the rows for which its predicate is true."""

    name: str
    version: int
    label_zh: str
    label: str
    reason_zh: str
    applies_to: tuple[str, ...]
    """Some of CLASSES."""
    by_default: bool
    predicate: str
    expression: str | None = None
    """None when the rule only reports."""

    def is_true(self, column: str) -> str:
        """Return SQL that is true for a value the rule is about, never NULL; `column` is a name or a value in SQL."""
        return f"coalesce({self.predicate.replace('{0}', column)}, false)"

    def cleaned(self, column: str, is_true: str = "") -> str:
        """Return SQL of the value the rule leaves; `is_true` may name where its predicate was computed already."""
        if self.expression is None:
            return column
        condition = is_true or self.predicate.replace("{0}", column)
        return f"case when {condition} then {self.expression.replace('{0}', column)} else {column} end"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnTest:
    """How a column of text is found to belong to a class: SQL over one value, and the share that must be true."""

    test: str
    share: float

    def is_true(self, column: str) -> str:
        """Return SQL that is true for a value of this class."""
        return self.test.replace("{0}", column)


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleBook:
    """All rules in their order."""

    version: int
    rules: tuple[Rule, ...]
    tests: Mapping[str, ColumnTest]

    def rule(self, name: str) -> Rule:
        """Return one rule; KeyError when there is none."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise KeyError(name)

    def rules_of(self, classes: tuple[str, ...]) -> tuple[Rule, ...]:
        """Return the rules for a column of these classes, in their order."""
        return tuple(rule for rule in self.rules if set(rule.applies_to) & set(classes))


@functools.cache
def read_rules() -> RuleBook:
    """Return the rules of this version of radlake."""
    content: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    definitions: dict[str, str] = content["definitions"]

    def expand(text: str | None) -> str | None:
        while text and (found := re.search(r"\{(" + "|".join(definitions) + r")\}", text)):
            text = text.replace(found[0], definitions[found[1]])
        return text

    return RuleBook(
        version=content["version"],
        rules=tuple(
            Rule(
                **entry
                | {name: expand(entry.get(name)) for name in ("predicate", "expression")}
                | {"applies_to": tuple(entry["applies_to"])}
            )
            for entry in content["rules"]
        ),
        tests={
            name: ColumnTest(test=expand(entry["test"]) or "", share=entry["share"])
            for name, entry in content["classes"].items()
        },
    )


def classes_of_type(target_type: str) -> tuple[str, ...]:
    """Return the classes a column has by its type alone."""
    if target_type == "varchar":
        return ("text",)
    return ("date",) if target_type in _DATE_TYPES else ()


def read_choices(path: Path) -> dict[str, dict[str, bool]]:
    """Read `cleaning.yml`: table.column to rules, each with true to apply it there or false to leave it.

    Nothing is chosen when there is no such file. Raises SettingsError when it cannot be read or names an unknown rule.
    """
    if not path.is_file():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} cannot be read as YAML: {type(error).__name__}") from error
    known = {rule.name for rule in read_rules().rules}
    if not isinstance(content, dict) or not all(
        isinstance(rules, dict) and all(isinstance(value, bool) for value in rules.values())
        for rules in content.values()
    ):
        raise SettingsError(f"{path} must hold table.column: {{rule: true or false}}")
    unknown = sorted({str(name) for rules in content.values() for name in rules} - known)
    if unknown:
        raise SettingsError(f"{path} names unknown rules: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return {str(column): dict(rules) for column, rules in content.items()}
