"""Writes the generated tables of docs/mapping.md: raw columns from the contracts, kinds of defects from kinds.yml.

`python -m ingestion.onboarding.reference` brings the page up to date.
"""

from pathlib import Path

from ingestion.mapping import STANDARD_FORMATS
from ingestion.quality.kinds import read_kinds
from lakehouse import PROJECT_ROOT
from lakehouse.contract import read_contract, source_names

PAGE = PROJECT_ROOT / "docs" / "mapping.md"


def render_columns() -> str:
    """Return a table of every raw table that mappings fill: its key and its columns, required ones in bold."""
    lines = ["| source.entity | key 主键 | raw columns 原始列 (bold 粗体: required 必填) |", "|---|---|---|"]
    for source in source_names():
        if source in STANDARD_FORMATS:
            continue
        for name, table in read_contract(source).items():
            if not table.is_delivered:
                continue
            columns = ", ".join(
                f"**`{column.name}` {column.label_zh}**" if column.required else f"`{column.name}` {column.label_zh}"
                for column in table.columns
            )
            lines.append(f"| `{source}.{name}` | {', '.join(table.key)} | {columns} |")
    return "\n".join(lines)


def render_kinds() -> str:
    """Return the table of the kinds of defects and what is done about each."""
    lines = ["| kind | 名称 | severity 级别 | action 处理 |", "|---|---|---|---|"]
    for kind in read_kinds().values():
        action = kind.action + (f" (or {', '.join(kind.others)})" if kind.others else "")
        lines.append(f"| `{kind.name}` | {kind.label_zh} | {kind.severity} | {action} |")
    return "\n".join(lines)


def with_tables(page: str) -> str:
    """Return the page with its generated tables brought up to date."""
    for name, text in (("columns", render_columns()), ("kinds", render_kinds())):
        start, _, rest = page.partition(f"<!-- {name}: generated -->\n")
        _, end, behind = rest.partition("<!-- end -->")
        page = f"{start}<!-- {name}: generated -->\n{text}\n{end}{behind}"
    return page


def update_page(path: Path = PAGE) -> None:
    """Rewrite the page of the mapping language with current tables."""
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    update_page()
