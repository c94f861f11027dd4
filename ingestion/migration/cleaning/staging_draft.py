"""Drafts staging models that apply the cleaning rules, and the contract they would read; a person finishes them.

Nobody has told yet which columns identify a patient, so a draft lets none pass: it stops dbt with a message, and when
that line is deleted it selects provenance alone. Each column stands in a comment with what the rules met in it; whoever
finishes the draft takes columns over one by one, identifiers as pseudonyms, and classifies them in the contract, whose
`pii: unclassified` no command of radlake accepts.
"""

import json
import re
from collections.abc import Sequence

from ingestion.migration import books
from ingestion.migration.chunks import PROVENANCE
from ingestion.migration.cleaning.measurement import RuleCount, TableMeasure, cleaning_steps
from ingestion.migration.cleaning.rules import read_rules
from ingestion.migration.plan import SCHEMA, Plan, TablePlan

SOURCES_FILE = "_legacy__sources.yml"
_PROVENANCE_ZH = {"_batch_id": "批次号", "_chunk_no": "分块序号", "_loaded_at": "装载时间"}


def draft_staging(plan: Plan, measures: Sequence[TableMeasure]) -> dict[str, str]:
    """Return the drafts by file name: one model for each measured table, and the contract of all of them."""
    names: dict[str, str] = {}
    tables = [(plan.table(measured.target), measured) for measured in measures]
    for table, _ in tables:
        names[table.target] = _model_name(table.target, set(names.values()))
    files = {
        f"{names[table.target]}.sql": _draft_model(plan, table, measured, names[table.target])
        for table, measured in tables
    }
    return files | {SOURCES_FILE: _draft_contract(plan, [table for table, _ in tables])}


def _model_name(target: str, taken: set[str]) -> str:
    """Return the name of a model, which may hold no blank or mark; Chinese characters stay."""
    wanted = "stg_legacy__" + (re.sub(r"\W+", "_", target).strip("_").lower() or "table")
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _draft_model(plan: Plan, table: TablePlan, measured: TableMeasure, name: str) -> str:
    message = f"{name} is a draft: take over the columns that may pass, then delete this line"
    # the relation is Jinja, everything else must not be taken for it
    mark = "radlake_source_of_the_draft"
    steps, last = cleaning_steps(
        [(column.target_name, measured.applied(column.target_name)) for column in table.columns], mark
    )
    lines = [
        f"-- 草稿 draft of radlake from plan {plan.plan_id} with version {read_rules().version} of the cleaning rules",
        "-- 每列须由人定级（pii）后才可取用；直接标识符只能以假名通过，姓名、电话、住址、证件号留在 raw",
        "-- every column is pii: unclassified; identifiers pass as pseudonyms only, names and addresses never",
        "-- 模型另需 YAML 列出每列 a model of this project also needs its YAML with every column",
        "{# 例 example: {{ pseudonym('patient', '\"patient_id\"') }} as patient_id, #}",
    ]
    if measured.lost_keys:
        lines.append(
            f"-- 注意 mind: cleaning makes {measured.lost_keys} keys of this table equal to others: "
            "leave the key as it is, or decide which row stands"
        )
    lines += [
        f"{{{{ exceptions.raise_compiler_error({_jinja_text(message)}) }}}}",
        "",
        _outside_jinja(steps).replace(mark, f"{{{{ source('legacy', {_jinja_text(table.target)}) }}}}"),
        "",
        "select",
    ]
    for column in table.columns:
        lines.append(_in_comment(f"{books.quoted(column.target_name)},  -- {column.target_type}, pii: unclassified"))
        lines += [
            _in_comment(f"    {text}")
            for count in measured.counts
            if count.column == column.target_name
            for text in _told(count)
        ]
    lines += [
        "    'legacy' as source_system,",
        "    _batch_id as load_id,",
        "    _loaded_at as loaded_at",
        f"from {last}",
    ]
    return "\n".join(lines) + "\n"


def _told(count: RuleCount) -> list[str]:
    if not count.before:
        return []
    about = f"{count.rule.label_zh} {count.rule.name} v{count.rule.version}: {count.before} rows"
    if count.rule.expression is None:
        return [about + ", reported only"]
    return [about + (f" -> {count.after}" if count.is_applied else ", not applied: choose it in cleaning.yml")]


def _in_comment(text: str) -> str:
    """Return a line of SQL comment; a name can neither end it nor be taken for Jinja."""
    flat = " ".join(text.splitlines())
    return "    -- " + re.sub(r"\{(?=[{%#])", "{ ", flat)


def _outside_jinja(sql: str) -> str:
    """Return SQL that Jinja leaves alone, which is almost always the SQL itself."""
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", sql)


def _jinja_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def _draft_contract(plan: Plan, tables: Sequence[TablePlan]) -> str:
    lines = [
        f"# 草稿 draft, made by radlake from plan {plan.plan_id}: every `pii: unclassified` must become one of",
        "# none, quasi, id, uid, text, vault, and every label_zh what the column means",
        "version: 2",
        "",
        "sources:",
        "  - name: legacy",
        "    database: raw",
        f"    schema: {SCHEMA}",
        "    description: Tables of the legacy database as they came.",
        "    quoting: {database: true, schema: true, identifier: true}",
        "    tables:",
    ]
    for table in tables:
        key = [table.column(name).target_name for name in table.key]
        lines += [
            f"      - name: {_yaml(table.target)}",
            f"        description: {_yaml(f'One row per row of {table.target}.')}",
            f"        config: {{meta: {{key: {_yaml(key)}, provenance: false}}}}",
            "        columns:",
        ]
        columns = [
            (column.target_name, column.target_type, "unclassified", column.target_name, not column.is_nullable)
            for column in table.columns
        ] + [(name, data_type, "none", _PROVENANCE_ZH[name], True) for name, data_type in PROVENANCE.items()]
        for name, data_type, pii, label, is_required in columns:
            required = ", required: true" if is_required else ""
            lines.append(
                f"          - {{name: {_yaml(name)}, description: {_yaml(f'{name} of the source.')}, "
                f"data_type: {_yaml(data_type)}, "
                f"config: {{meta: {{pii: {pii}{required}, label_zh: {_yaml(label)}}}}}}}"
            )
    return "\n".join(lines) + "\n"


def _yaml(value: str | list[str]) -> str:
    # JSON is YAML, and a name may hold anything
    return json.dumps(value, ensure_ascii=False)
