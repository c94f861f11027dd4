"""Makes, lists and verifies releases: read-only folders of passed marts that identify nobody.

On the way out every identifier becomes a pseudonym of the project's own key, so two projects do not join; every date
of a patient moves by one offset (a multiple of 7 days, 28 to 357 days either way; PRV-DT-01) so intervals and weekdays
stay; an instant that would come to lie in the future is left empty (PRV-DT-04); ages of 90 years and more become 90;
free text stays behind unless asked for.
"""

import csv
import hashlib
import importlib.metadata
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import CheckFailedError, GateClosedError, SettingsError, UsageError
from lakehouse.keyring import derive_key, read_key
from lakehouse.lake import Connection, open_lake
from lakehouse.ledger import local_now
from lakehouse.log import get_logger
from lakehouse.pseudonym import macro_statements, session_variables
from lakehouse.settings import Settings
from serving.contracts import MartModel, column_meta, read_marts
from serving.exports.fields import ExportTable, fields_of
from serving.exports.formats import chosen_formats, export_problems, write_exports
from serving.gate import GateResult, judge
from serving.reports.quality import write_quality_report

logger = get_logger(__name__)

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
_INTERNAL = ("load_id", "loaded_at")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasedTable:
    """One table of a release."""

    table: str
    disease: str
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A finished release."""

    name: str
    folder: Path
    tables: tuple[ReleasedTable, ...]
    files: int


def create_release(
    settings: Settings,
    name: str,
    *,
    project: str | None = None,
    disease: str | None = None,
    with_text: bool = False,
    shift_dates: bool = True,
    what_if: bool = False,
    formats: Sequence[str] | None = None,
) -> Release:
    """Judge the marts and, when the gate is open, write a release folder in the formats named, all when none is.

    Raises UsageError for a bad or taken name or an unknown format, GateClosedError when the gate is closed.
    """
    chosen = chosen_formats(formats)
    if not _NAME.match(name):
        raise UsageError("a release is named by letters, digits, dot, dash and underscore, 64 at most")
    folder = settings.home / "releases" / name
    if folder.exists():
        raise UsageError(f"release {name!r} is there already; a release is never written over")
    gate = judge(settings, disease)
    if not gate.is_open:
        closing = gate.closing
        raise GateClosedError(
            f"the gate is closed by {len(closing)} of {len(gate.outcomes)} checks: "
            + "; ".join(f"{check.table} {check.check_id} ({check.outcome})" for check in closing[:5])
        )
    partial = folder.with_name(f".{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    key = derive_key(read_key(settings.home / "keys", "pseudonym", settings.keys), "release", project or name)
    models = read_marts(disease)
    with open_lake(settings, ("lake",), read_only=True) as connection:
        _use_project_key(connection, key)
        selections = {model.name: _selection(model, with_text=with_text, shift_dates=shift_dates) for model in models}
        if what_if:
            tables = [_table_of(connection, model, selections[model.name]) for model in models]
            return Release(name=name, folder=folder, tables=tuple(tables), files=0)
        (partial / "data").mkdir(mode=0o700, parents=True)
        tables = [_write_table(connection, model, selections[model.name], partial / "data") for model in models]
        _write_dictionary(models, partial, with_text=with_text, shift_dates=shift_dates)
        write_quality_report(connection, gate, models, partial / "quality_report.html", title=name)
    exported = [_export_table(model, table, partial / "data") for model, table in zip(models, tables, strict=True)]
    differences = write_exports(exported, partial, chosen, release=name, synthetic=settings.synthetic)
    exports = {"formats": chosen, "differences": differences}
    _write_manifest(settings, partial, name, project or name, gate, tables, with_text, shift_dates, exports)
    _seal(partial)
    partial.rename(folder)
    folder.chmod(0o500)
    logger.info("release created", extra={"release": name, "tables": len(tables)})
    return Release(name=name, folder=folder, tables=tuple(tables), files=sum(1 for _ in folder.rglob("*")))


def _use_project_key(connection: Connection, key: bytes) -> None:
    for statement in macro_statements():
        connection.execute(statement)
    for variable, pad in session_variables(key).items():
        connection.execute(f"set variable {variable} = $1", [pad])
    # 4 to 51 weeks either way, from the patient's own digest
    connection.execute(
        "create or replace temp macro shift_days(patient) as "
        "(4 + (cast('0x' || substr(hmac_sha256('shift' || chr(31) || patient), 1, 8) as ubigint) % 48)::int) * 7 "
        "* case when cast('0x' || substr(hmac_sha256('shift' || chr(31) || patient), 9, 1) as ubigint) % 2 = 0 "
        "then 1 else -1 end"
    )


def _selection(model: MartModel, *, with_text: bool, shift_dates: bool) -> dict[str, str]:
    """Return the SQL expression of each released column by name."""
    names = {column["name"] for column in model.columns}
    selected: dict[str, str] = {}
    for column in model.columns:
        name, pii = column["name"], column_meta(column).get("pii", "vault")
        if name in _INTERNAL or pii == "vault" or (pii == "text" and not with_text):
            continue
        if pii in ("id", "uid"):
            selected[name] = f"pseudonym('{'uid' if pii == 'uid' else name}', {name})"
        elif column["data_type"] in ("timestamp", "date") and shift_dates:
            if "patient_id" not in names:
                continue
            shifted = f"({name} + to_days(shift_days(patient_id)))::{column['data_type']}"
            selected[name] = f"case when {shifted} <= current_timestamp::timestamp then {shifted} end"
        elif name == "age_years":
            selected[name] = f"least({name}, 90)"
        else:
            selected[name] = name
    return selected


def _query(model: MartModel, selection: dict[str, str]) -> str:
    columns = ", ".join(f'{expression} as "{name}"' for name, expression in selection.items())
    order = ", ".join(f'"{name}"' for name in model.grain if name in selection)
    return f"select {columns} from lake.{model.schema}.{model.name} order by {order}"


def _table_of(connection: Connection, model: MartModel, selection: dict[str, str]) -> ReleasedTable:
    row = connection.execute(f"select count(*) from lake.{model.schema}.{model.name}").fetchone()
    return ReleasedTable(
        table=model.name, disease=model.disease, rows=int(row[0]) if row else 0, columns=tuple(selection)
    )


def _write_table(connection: Connection, model: MartModel, selection: dict[str, str], folder: Path) -> ReleasedTable:
    query = _query(model, selection)
    connection.execute(f"copy ({query}) to '{folder / model.name}.parquet' (format parquet, compression zstd)")
    return _table_of(connection, model, selection)


def _export_table(model: MartModel, table: ReleasedTable, folder: Path) -> ExportTable:
    return ExportTable(
        name=model.name,
        disease=model.disease,
        description=model.description,
        grain=model.grain,
        fields=fields_of(model, table.columns),
        parquet=folder / f"{model.name}.parquet",
        rows=table.rows,
    )


def _write_dictionary(models: Sequence[MartModel], folder: Path, *, with_text: bool, shift_dates: bool) -> None:
    fields = (
        "table", "column", "label_zh", "description", "data_type", "unit", "range", "value_set", "source_system",
        "guideline", "pii", "treatment",
    )  # fmt: skip
    rows: list[dict[str, Any]] = []
    for model in models:
        released = _selection(model, with_text=with_text, shift_dates=shift_dates)
        for column in model.columns:
            if column["name"] not in released:
                continue
            meta = column_meta(column)
            value_set = meta.get("value_set", "")
            rows.append(
                {
                    "table": model.name,
                    "column": column["name"],
                    "label_zh": meta.get("label_zh", ""),
                    "description": column["description"],
                    "data_type": column["data_type"],
                    "unit": meta.get("unit", ""),
                    "range": meta.get("range", ""),
                    "value_set": ";".join(map(str, value_set)) if isinstance(value_set, list) else value_set,
                    "source_system": meta.get("source_system", ""),
                    "guideline": meta.get("guideline", ""),
                    "pii": meta.get("pii", ""),
                    "treatment": _treatment(column, meta, shift_dates=shift_dates),
                }
            )
    with (folder / "dictionary.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows(rows)
    (folder / "dictionary.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")


def _treatment(column: dict[str, Any], meta: dict[str, Any], *, shift_dates: bool) -> str:
    if meta.get("pii") in ("id", "uid"):
        return "project pseudonym 项目假名"
    if column["data_type"] in ("timestamp", "date"):
        return "shifted per patient 按患者平移" if shift_dates else "true date 真实日期"
    if column["name"] == "age_years":
        return "90 and above as 90 90岁及以上记为90"
    if meta.get("pii") == "text":
        return "scrubbed 已脱敏"
    return ""


def _write_manifest(
    settings: Settings,
    folder: Path,
    name: str,
    project: str,
    gate: GateResult,
    tables: Sequence[ReleasedTable],
    with_text: bool,
    shift_dates: bool,
    exports: dict[str, Any],
) -> None:
    files = {
        path.relative_to(folder).as_posix(): {"sha256": _sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    manifest = {
        "release": name,
        "project": project,
        "hospital": settings.hospital,
        "synthetic": settings.synthetic,
        "created_at": local_now(settings.timezone).isoformat(timespec="seconds"),
        "shift_mode": "multiple_of_7_days_per_patient" if shift_dates else "none",
        "text_included": with_text,
        "may_be_empty": settings.may_be_empty,
        "gate": {
            "gate_id": gate.gate_id,
            "checks": len(gate.outcomes),
            "passed": gate.count("passed"),
            "warned": gate.count("warned"),
            "not_applicable": gate.count("not_applicable"),
        },
        "software": {package: importlib.metadata.version(package) for package in ("radlake", "dbt-core", "duckdb")},
        "tables": [asdict(table) for table in tables],
        **exports,
        "files": files,
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    (folder / "manifest.sha256").write_text(
        f"{hashlib.sha256(text.encode()).hexdigest()}  manifest.json\n", encoding="ascii"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(folder: Path) -> None:
    for path in folder.rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)


def verify_release(folder: Path) -> dict[str, Any]:
    """Compare every byte of a release with its manifest and return the manifest.

    Raises SettingsError when the folder is no release, CheckFailedError naming the files that differ.
    """
    manifest_file, digest_file = folder / "manifest.json", folder / "manifest.sha256"
    if not manifest_file.is_file() or not digest_file.is_file():
        raise SettingsError(f"{folder} is no release: manifest.json or manifest.sha256 is missing")
    if digest_file.read_bytes() != f"{_sha256(manifest_file)}  manifest.json\n".encode():
        raise CheckFailedError(f"{manifest_file} was changed after the release was made")
    manifest: dict[str, Any] = json.loads(manifest_file.read_text(encoding="utf-8"))
    expected = manifest["files"]
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    present -= {"manifest.json", "manifest.sha256"}
    problems = [f"{name} is missing" for name in sorted(set(expected) - present)]
    problems += [f"{name} was added" for name in sorted(present - set(expected))]
    problems += [
        f"{name} was changed"
        for name in sorted(present & set(expected))
        if _sha256(folder / name) != expected[name]["sha256"]
    ]
    # a data card is read only when it is the one that was released
    problems = problems or export_problems(folder, manifest)
    if problems:
        raise CheckFailedError(f"release {manifest['release']!r} does not match its manifest: {'; '.join(problems)}")
    return manifest


def list_releases(settings: Settings) -> list[dict[str, Any]]:
    """Return name, date and table rows of every release of a home."""
    releases = []
    for manifest_file in sorted((settings.home / "releases").glob("*/manifest.json")):
        manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
        releases.append(
            {
                "release": manifest["release"],
                "created_at": manifest["created_at"],
                "tables": len(manifest["tables"]),
                "rows": sum(table["rows"] for table in manifest["tables"]),
            }
        )
    return releases
