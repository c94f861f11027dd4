"""The quality report of a release: verdict, attrition, completeness, distributions, every check; one HTML page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from lakehouse.lake import Connection, fetch_dicts
from serving.contracts import MartModel, column_meta
from serving.gate import GateResult

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_SMALL_CELL = 5
"""Counts of patients below this are shown as <5 (PRV-AC-08)."""

OUTCOME_ZH = {
    "passed": "通过",
    "failed": "未通过",
    "warned": "警告",
    "not_evaluated": "未评估",
    "empty": "空表",
    "not_applicable": "不适用",
    "error": "出错",
}


def write_quality_report(
    connection: Connection, gate: GateResult, models: Sequence[MartModel], path: Path, *, title: str
) -> None:
    """Write the report of the marts that a gate judged."""
    tables = []
    for model in models:
        row = connection.execute(f"select count(*) from lake.{model.schema}.{model.name}").fetchone()
        rows = int(row[0]) if row else 0
        tables.append(
            {
                "name": model.name,
                "description": model.description,
                "rows": rows,
                "columns": _completeness(connection, model, rows),
                "checks": sum(check.table == model.name for check in gate.outcomes),
                "failed": sum(check.table == model.name for check in gate.closing),
            }
        )
    page = _TEMPLATES.get_template("quality.html.j2").render(
        title=title,
        judged_at=gate.judged_at.strftime("%Y-%m-%d %H:%M"),
        gate_id=gate.gate_id,
        is_open=gate.is_open,
        outcomes=[(outcome, OUTCOME_ZH[outcome], gate.count(outcome)) for outcome in OUTCOME_ZH],
        checks=[check for check in gate.outcomes if check.outcome != "passed"],
        passed=[check for check in gate.outcomes if check.outcome == "passed"],
        outcome_zh=OUTCOME_ZH,
        tables=tables,
        attritions=[_attrition(connection, model) for model in models if model.name.endswith("__cohort_attrition")],
        charts=[chart for model in models for chart in _charts(connection, model)],
        suppress=_suppress,
    )
    path.write_text(page, encoding="utf-8")


def _completeness(connection: Connection, model: MartModel, rows: int) -> list[dict[str, Any]]:
    if rows == 0:
        return []
    counts = connection.execute(
        "select "
        + ", ".join(f'count("{column["name"]}")' for column in model.columns)
        + f" from lake.{model.schema}.{model.name}"
    ).fetchone()
    return [
        {
            "name": column["name"],
            "label_zh": column_meta(column).get("label_zh", ""),
            "filled": filled,
            "share": filled / rows,
        }
        for column, filled in zip(model.columns, counts or (), strict=True)
        if column["name"] not in ("load_id", "loaded_at", "source_system")
    ]


def _attrition(connection: Connection, model: MartModel) -> dict[str, Any]:
    steps = fetch_dicts(
        connection,
        f"select label_zh, step_code, chain_count, patient_count, removed_count "
        f"from lake.{model.schema}.{model.name} order by step_no",
    )
    largest = max((step["chain_count"] for step in steps), default=0) or 1
    for step in steps:
        step["share"] = step["chain_count"] / largest
    return {"disease": model.disease, "steps": steps}


def _charts(connection: Connection, model: MartModel) -> list[dict[str, Any]]:
    """Return a bar chart for each categorical column of the analysis table and one of episodes by quarter."""
    if not model.name.endswith("__episode"):
        return []
    table = f"lake.{model.schema}.{model.name}"
    charts = []
    for column in model.columns:
        meta = column_meta(column)
        if not isinstance(meta.get("value_set"), list) or column["data_type"] != "varchar":
            continue
        bars = connection.execute(
            f"select coalesce(\"{column['name']}\", '缺失') as label, count(*) as n from {table} "
            "group by label order by n desc, label"
        ).fetchall()
        charts.append(_bars(f"{meta['label_zh']} {column['name']}", bars))
    ages = connection.execute(
        "select case when age_years < 18 then '0-17' when age_years < 45 then '18-44' "
        "when age_years < 65 then '45-64' when age_years < 80 then '65-79' when age_years >= 80 then '80+' "
        "else '缺失' end as label, count(*) "
        f"from {table} group by label order by label"
    ).fetchall()
    charts.append(_bars("年龄组 age group", ages))
    scores = connection.execute(
        f"select coalesce(cast(curb65_total as varchar), '缺失') as label, count(*) from {table} group by label "
        "order by label"
    ).fetchall()
    charts.append(_bars("CURB-65 总分 total", scores))
    return charts


def _suppress(count: int) -> str:
    return f"<{_SMALL_CELL}" if 0 < count < _SMALL_CELL else str(count)


def _bars(title: str, rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    largest = max((count for _, count in rows), default=0) or 1
    return {
        "title": title,
        "bars": [
            # the length of a bar tells a small count as well as its number would
            {"label": label, "n": count, "share": (count if count >= _SMALL_CELL else min(2.5, largest)) / largest}
            for label, count in rows
        ],
    }
