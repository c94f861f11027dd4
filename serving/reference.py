"""Writes docs/cli.md, the reference of all commands, from the commands themselves."""

from typing import Any

import typer

from lakehouse import PROJECT_ROOT
from lakehouse.errors import RadlakeError
from serving.cli import app

REFERENCE = PROJECT_ROOT / "docs" / "cli.md"


def reference_text() -> str:
    """Return the reference as Markdown."""
    lines = ["# Commands", "", "Made by `python -m serving.reference`; the commands are the source.", ""]
    root = typer.main.get_command(app)
    for name, command in sorted(_leaves(root), key=lambda leaf: leaf[0]):
        lines += [f"## radlake {name}", "", (command.help or "").split("\n\n")[0].strip(), ""]
        rows = [_row(parameter) for parameter in command.params]
        if rows:
            lines += ["| argument | meaning |", "|---|---|", *rows, ""]
    lines += ["## Exit codes", "", "| code | meaning |", "|---|---|", "| 0 | done |"]
    for error in sorted((RadlakeError, *RadlakeError.__subclasses__()), key=lambda kind: kind.exit_code):
        if error.__module__ == "lakehouse.errors":
            lines.append(f"| {error.exit_code} | {(error.__doc__ or '').splitlines()[0]} |")
    return "\n".join(lines) + "\n"


def _leaves(group: Any, prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found += _leaves(command, f"{prefix}{name} ")
        else:
            found.append((f"{prefix}{name}", command))
    return found


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "option":
        return f"| `{'`, `'.join(parameter.opts)}` | {parameter.help or ''} |"
    return f"| {(parameter.name or '').upper()} | {getattr(parameter, 'help', '') or ''} |"


if __name__ == "__main__":
    REFERENCE.write_text(reference_text(), encoding="utf-8")
