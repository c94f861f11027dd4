"""What an update knows of the dbt project: models in order, their compiled SQL, keys, identifiers and tests.

It is read from the manifest that dbt left and kept beside it with the fingerprint of the project, so that an update
needs no dbt. How a model is updated follows from its key (`one_row_per`), unless its YAML says otherwise
(`config.meta.update`):

component  the key names a record or a person: only rows that hang together with what changed are made again
union      each row follows from single rows of its inputs; what the touched rows give is added
whole      anything else over persons, such as counts: made again as a whole when an input changed
reference  reads no person's rows: made again as a whole when an input changed; what reads it must find it equal
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from lakehouse import PROJECT_ROOT
from lakehouse.contract import read_contract
from lakehouse.settings import Settings
from serving.updates import WholeBuildError

PLAN_FILE = "update_plan.json"
_IDENTIFYING = ("id", "uid")
# what decides the content of the lake besides the raw zone
_PROJECT_FILES = ("dbt_project.yml", "profiles.yml", "lakehouse/pseudonym.py", "lakehouse/changes.py")
_PROJECT_FOLDERS = ("dbt_project", "serving/updates")


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """What joins a staging row to others: rows with the same value belong together."""

    sql: str
    kind: str | None
    """Kind of its pseudonyms: two kinds never have one value; none when it is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One data test of a model."""

    name: str
    sql: str
    is_error: bool
    fail_if: str
    """Comparison of the number of failures, such as `!= 0`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One table of the lake."""

    name: str
    schema: str
    kind: str
    """component, union, whole or reference; staging of persons' rows is component, other staging reference."""
    sql: str
    key: tuple[str, ...]
    source: str | None
    """schema.table of the raw table a staging model reads."""
    inputs: tuple[str, ...]
    """Names of the models it reads."""
    links: tuple[Link, ...]
    """Of a staging model over persons' rows."""
    records: tuple[str, ...]
    """Lists of linking columns that tell its records apart; rows in which all of one list are null hang together."""
    checks: tuple[Check, ...]

    @property
    def relation(self) -> str:
        """Return the name of the table as compiled SQL writes it."""
        return f'"lake"."{self.schema}"."{self.name}"'

    @property
    def is_staging(self) -> bool:
        """Return whether the model reads a raw table."""
        return self.source is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All models, each after its inputs."""

    fingerprint: str
    models: tuple[Model, ...]

    def by_name(self) -> dict[str, Model]:
        """Return the models by name."""
        return {model.name: model for model in self.models}


def project_fingerprint(settings: Settings) -> str:
    """Return a digest of all that decides what the lake holds besides the raw zone: SQL, seeds, key, time zone."""
    digest = hashlib.sha256(f"{settings.timezone}\x1f{settings.keys.get('pseudonym', '')}".encode())
    paths = [PROJECT_ROOT / name for name in _PROJECT_FILES]
    for folder in _PROJECT_FOLDERS:
        paths += sorted(
            path
            for path in (PROJECT_ROOT / folder).rglob("*")
            if path.suffix in (".sql", ".yml", ".csv", ".py") and path.is_file()
        )
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(PROJECT_ROOT).as_posix()}\x1f{len(content)}\x1f".encode())
        digest.update(content)
    return digest.hexdigest()


def write_plan(folder: Path, fingerprint: str) -> Plan:
    """Read the manifest that dbt left in a folder and keep what updates need of it beside it."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    plan = Plan(fingerprint=fingerprint, models=_read_models(manifest))
    (folder / PLAN_FILE).write_text(json.dumps(asdict(plan), ensure_ascii=False), encoding="utf-8")
    return plan


def read_plan(folder: Path, fingerprint: str) -> Plan | None:
    """Return the plan kept in a folder; none when there is none or the project changed since."""
    try:
        content = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if content.get("fingerprint") != fingerprint:
        return None
    return Plan(fingerprint=fingerprint, models=tuple(_restored(item) for item in content["models"]))


def _restored(item: dict[str, Any]) -> Model:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in item.items()}
    values["links"] = tuple(Link(**link) for link in item["links"])
    values["checks"] = tuple(Check(**check) for check in item["checks"])
    return Model(**values)


def _read_models(manifest: dict[str, Any]) -> tuple[Model, ...]:
    nodes = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    order = TopologicalSorter(
        {
            name: sorted(parent for parent in node["depends_on"]["nodes"] if parent in nodes)
            for name, node in nodes.items()
        }
    )
    unlinked = _unlinked_columns()
    checks = _read_checks(manifest, nodes)
    models: dict[str, Model] = {}
    for unique_id in order.static_order():
        node = nodes[unique_id]
        if node["config"]["materialized"] != "table" or not node.get("compiled_code"):
            raise WholeBuildError(f"model {node['name']} is no compiled table")
        models[node["name"]] = _read_model(manifest, node, nodes, models, unlinked, checks.get(unique_id, ([], [])))
    return tuple(models.values())


def _read_model(
    manifest: dict[str, Any],
    node: dict[str, Any],
    nodes: dict[str, Any],
    known: dict[str, Model],
    unlinked: set[str],
    checks: tuple[list[tuple[str, ...]], list[Check]],
) -> Model:
    keys, tests = checks
    key = keys[0] if keys else ()
    sources = [manifest["sources"][parent] for parent in node["depends_on"]["nodes"] if parent.startswith("source.")]
    inputs = tuple(nodes[parent]["name"] for parent in node["depends_on"]["nodes"] if parent in nodes)
    meta = node["config"]["meta"]
    declared = meta.get("update", {})
    declared = {"kind": declared} if isinstance(declared, str) else declared
    identifying = [name for name, column in node["columns"].items() if _pii(column) in _IDENTIFYING]
    links: tuple[Link, ...] = ()
    records: tuple[str, ...] = ()
    if sources:
        left_out = unlinked | set(declared.get("unlinked", ()))
        kinds = _read_kinds(node["compiled_code"]) | declared.get("kinds", {})
        links = tuple(Link(sql=name, kind=kinds.get(name)) for name in identifying if name not in left_out)
        links += tuple(Link(**link) for link in declared.get("links", ()))
        records = tuple(declared.get("records", _records_of(sources[0], identifying, left_out)))
        kind = "component" if links else "reference"
    elif all(known[name].kind == "reference" for name in inputs):
        kind = "reference"
    elif declared.get("kind"):
        kind = str(declared["kind"])
    else:
        kind = "component" if any(name in identifying for name in key) else "whole"
    if kind in ("component", "union"):
        for name in inputs:
            if known[name].kind == "whole":
                raise WholeBuildError(f"model {node['name']} reads {name}, which is made as a whole")
    return Model(
        name=node["name"], schema=node["schema"], kind=kind, sql=node["compiled_code"], key=key,
        source=f"{sources[0]['schema']}.{sources[0]['identifier']}" if sources else None,
        inputs=inputs, links=links, records=records, checks=tuple(tests),
    )  # fmt: skip


def _read_kinds(sql: str) -> dict[str, str]:
    """Return the kind of pseudonym of each column of compiled staging SQL that is one and nothing else."""
    kinds = {}
    for item in re.split(r",\n", sql):
        found = re.fullmatch(r"(?:.*\bselect\b)?\s*pseudonym\('([a-z_]+)', .*\)\s+as (\w+)\s*", item, re.DOTALL)
        if found and item.count("pseudonym(") == 1:
            kinds[found[2]] = found[1]
    return kinds


def _pii(column: dict[str, Any]) -> str | None:
    return (column.get("config", {}).get("meta") or column.get("meta") or {}).get("pii")


def _records_of(source: dict[str, Any], identifying: list[str], left_out: set[str]) -> list[str]:
    table = read_contract(source["source_name"])[source["name"]]
    parts = [name for name in table.key if name in identifying and name not in left_out]
    return [", ".join(parts)] if parts else []


def _unlinked_columns() -> set[str]:
    project = yaml.safe_load((PROJECT_ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    return set(project.get("vars", {}).get("radlake", {}).get("unlinked_identifiers", []))


def _read_checks(
    manifest: dict[str, Any], nodes: dict[str, Any]
) -> dict[str, tuple[list[tuple[str, ...]], list[Check]]]:
    """Return the keys and the data tests of each model; a test that reads several models belongs to each."""
    found: dict[str, tuple[list[tuple[str, ...]], list[Check]]] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] != "test" or not node.get("compiled_code"):
            continue
        config = node["config"]
        is_error = str(config.get("severity", "error")).lower() == "error"
        check = Check(
            name=node["name"],
            sql=f"select {config.get('fail_calc') or 'count(*)'} as failures from ({node['compiled_code']}) as failing",
            is_error=is_error,
            fail_if=(config.get("error_if") if is_error else config.get("warn_if")) or "!= 0",
        )
        for parent in node["depends_on"]["nodes"]:
            if parent not in nodes:
                continue
            keys, checks = found.setdefault(parent, ([], []))
            checks.append(check)
            metadata = node.get("test_metadata") or {}
            if metadata.get("name") == "one_row_per" and node.get("attached_node") == parent:
                keys.append(tuple(metadata["kwargs"]["columns"]))
    return found
