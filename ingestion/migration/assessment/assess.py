"""Assesses an open legacy database and returns everything the report needs, in one order and without a time."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from ingestion.migration.assessment import probes as probing
from ingestion.migration.assessment import profile as profiling
from ingestion.migration.assessment.code import CodeItem, code_items
from ingestion.migration.assessment.dialect import reader_of
from ingestion.migration.assessment.dispositions import Disposition, propose
from ingestion.migration.assessment.effort import estimate
from ingestion.migration.assessment.growth import growth_of
from ingestion.migration.assessment.relations import Relation, find_declared, find_implied
from ingestion.migration.assessment.view_draft import ViewDraft, draft_views
from ingestion.migration.catalog import Catalog, Column, Table, target_name
from ingestion.migration.source import Source
from ingestion.migration.types import rule_of
from lakehouse.errors import RadlakeError

MIN_FREQUENCY = 5
"""Rows below which a value is never shown."""

Progress = Callable[[str, int, int], None]
"""Told the name of a step, what is done and what there is to do."""


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What an assessment found; `content` is assessment.json."""

    content: dict[str, Any]
    items: list[CodeItem]
    drafts: list[ViewDraft]
    proposals: list[Disposition]
    definitions: str


def assess(
    source: Source,
    catalog: Catalog,
    *,
    today: date,
    min_frequency: int = MIN_FREQUENCY,
    decided: Sequence[Disposition] | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Assessment:
    """Return the assessment of an open source.

    A value with fewer than `min_frequency` rows is in no part of it. `decided` replaces the proposed dispositions.
    """
    reader = reader_of(source, catalog)
    tables: dict[tuple[str, str], profiling.TableFacts] = {}
    for number, table in enumerate(catalog.tables):
        progress(f"{table.schema}.{table.name}", number, len(catalog.tables))
        with _naming(table):
            facts = profiling.read_facts(reader, table)
            profiling.settle_ranges(facts)
            profiling.read_texts(reader, facts, today)
            profiling.read_days(reader, facts)
        tables[(table.schema, table.name)] = facts
    progress("relations", len(tables), len(tables))
    declared, implied = find_declared(reader, tables), find_implied(reader, tables)
    findings = []
    for key, facts in tables.items():
        profiling.read_top_values(reader, facts, _key_columns(key, facts, [*declared, *implied]), min_frequency)
        findings += list(probing.find_defects(facts, least=min_frequency, today=today))
    items = code_items(catalog)
    drafts = draft_views(catalog, items)
    proposals = propose(catalog, items, {draft.view: draft.file for draft in drafts if draft.sql})
    effort = estimate(
        catalog,
        items,
        undrafted_views=frozenset(draft.view for draft in drafts if not draft.sql),
        defects=Counter(finding.probe for finding in findings if _is_defect(finding.probe)),
    )
    content = {
        "source": {
            "engine": catalog.engine,
            "version": catalog.version,
            "database": catalog.database,
            "character_set": catalog.character_set,
            "collation": catalog.collation,
        },
        "min_frequency": min_frequency,
        "counts": catalog.counts()
        | {
            "rows": sum(facts.rows for facts in tables.values()),
            "size_bytes": sum(facts.octets for facts in tables.values()),
        },
        "objects": _describe_objects(source, catalog, tables, items, min_frequency),
        "relations": {
            "declared": [relation.as_plain() for relation in declared],
            "implied": [relation.as_plain() for relation in implied],
        },
        "probes": [finding.as_plain() for finding in findings],
        "probe_totals": probing.total_rows(findings),
        "effort": effort,
        "dispositions": {
            "is_decided": decided is not None,
            "objects": [asdict(one) for one in (proposals if decided is None else decided)],
        },
        "drafts": [
            {"view": draft.view, "file": draft.sql and f"drafts/{draft.file}.sql", "reason": draft.reason}
            for draft in drafts
        ],
        "notes": _notes(catalog, tables),
    }
    return Assessment(
        content=content,
        items=items,
        drafts=drafts,
        proposals=proposals,
        definitions=_definitions(catalog, items),
    )


@contextmanager
def _naming(table: Table) -> Iterator[None]:
    """Name the table that the source refused to show, such as one the account may not read."""
    try:
        yield
    except RadlakeError as error:
        raise type(error)(f"table {table.schema}.{table.name}: {error}") from None


def _is_defect(probe: str) -> bool:
    return next(entry.is_defect for entry in probing.PROBES if entry.name == probe)


def _key_columns(table: tuple[str, str], facts: profiling.TableFacts, relations: Sequence[Relation]) -> frozenset[str]:
    """Return the columns of a table that identify rows or point to such."""
    names = {name for key in (facts.table.primary_key, *facts.table.unique_keys) for name in key}
    for relation in relations:
        if (relation.schema, relation.table) == table:
            names.update(relation.columns)
        if (relation.referenced_schema, relation.referenced_table) == table:
            names.update(relation.referenced_columns)
    return frozenset(names)


def _describe_objects(
    source: Source,
    catalog: Catalog,
    tables: dict[tuple[str, str], profiling.TableFacts],
    items: Sequence[CodeItem],
    least: int,
) -> dict[str, Any]:
    objects: dict[str, Any] = {
        "tables": [_describe_table(source, catalog, facts, least) for facts in tables.values()],
    }
    for name, kinds in (
        ("views", ("view",)),
        ("triggers", ("trigger",)),
        ("functions", ("function", "aggregate", "package")),
        ("procedures", ("procedure",)),
        ("events", ("event",)),
    ):
        objects[name] = [
            {
                "schema": item.schema,
                "name": item.name,
                "kind": item.kind,
                "table": item.table or None,
                "lines": item.lines,
                "definition_sha256": item.sha256,
            }
            for item in items
            if item.kind in kinds
        ]
    objects["sequences"] = [{"name": f"{one.schema}.{one.name}", "owned_by": one.owned_by} for one in catalog.sequences]
    objects["types"] = [
        {
            "name": f"{one.schema}.{one.name}",
            "kind": one.kind,
            "definition_sha256": hashlib.sha256(one.definition.encode()).hexdigest(),
            "lines": len(one.definition.splitlines()),
        }
        for one in catalog.types
    ]
    return objects


def _describe_table(source: Source, catalog: Catalog, facts: profiling.TableFacts, least: int) -> dict[str, Any]:
    table = facts.table
    return {
        "schema": table.schema,
        "name": table.name,
        "target": target_name(catalog, table),
        "comment": table.comment,
        "rows": facts.rows,
        # counted, not asked for: what engines tell about their files changes by itself
        "size_bytes": facts.octets,
        "partition_of": table.partition_of,
        "is_partitioned": table.is_partitioned,
        "primary_key": list(table.primary_key),
        "unique_keys": [list(key) for key in table.unique_keys],
        "columns": [
            {
                "name": column.column.name,
                "source_type": column.column.source_type,
                "target_type": _target_type(source, catalog, column.column),
                "nullable": column.column.is_nullable,
                "default": column.column.default,
                "comment": column.column.comment,
                "is_generated": column.column.is_generated,
                "is_identity": column.column.is_identity,
                "character_set": column.column.character_set,
                "collation": column.column.collation,
                "profile": profiling.describe(facts, column),
            }
            for column in facts.columns.values()
        ],
        "indexes": [asdict(index) for index in table.indexes],
        "foreign_keys": [asdict(key) for key in table.foreign_keys],
        "checks": list(table.checks),
        "growth": growth_of(facts, least),
    }


def _target_type(source: Source, catalog: Catalog, column: Column) -> str | None:
    """Return the type in the lake; None for engines whose type map is not written yet."""
    try:
        return rule_of(source.engine, catalog.engine, column).target_type
    except KeyError:
        return None


def _notes(catalog: Catalog, tables: dict[tuple[str, str], profiling.TableFacts]) -> list[str]:
    notes = list(catalog.notes)
    for facts in tables.values():
        if facts.sampled_rows is not None:
            notes.append(
                f"{facts.table.schema}.{facts.table.name}: distinct values were counted in a sample of "
                f"{facts.sampled_rows} of {facts.rows} rows"
            )
    return notes


def _definitions(catalog: Catalog, items: Sequence[CodeItem]) -> str:
    """Return all definitions as one file of SQL for reading."""
    parts = [(f"table {table.schema}.{table.name}", table.definition) for table in catalog.tables]
    parts += [(f"type {own.schema}.{own.name}", own.definition) for own in catalog.types]
    parts += [(f"{item.kind} {item.name}", item.definition) for item in items]
    return "".join(f"-- {title}\n{definition.strip()}\n\n" for title, definition in parts if definition.strip())
