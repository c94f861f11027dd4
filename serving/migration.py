"""What the commands of `radlake migrate` do with a home: plans made, kept and followed under its lock."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from pathlib import Path

from ingestion.migration.books import planned_columns, quoted, target_table
from ingestion.migration.estimation import estimate
from ingestion.migration.origin import open_origin
from ingestion.migration.plan import Plan, plan_folder, read_plan, write_plan
from ingestion.migration.planning import make_plan
from ingestion.migration.progress import Progress
from ingestion.migration.run import RunResult, open_target, run_migration
from ingestion.migration.selftest import SelftestResult, selftest
from ingestion.migration.source import Address, quote_name
from ingestion.migration.tuning.materialization import refresh_materialized
from ingestion.migration.validation.files import record_files
from ingestion.migration.validation.results import ValidationResult
from ingestion.migration.validation.validate import validate
from lakehouse.errors import SettingsError
from lakehouse.lake import empty_work_folder, keep_instance, lock_home, open_lake
from lakehouse.ledger import local_now
from lakehouse.settings import Settings
from serving.home import create_home

Bars = Callable[[str, int, int], None]
"""Called with what is worked on, units done and units in all."""


def make_site_plan(
    settings: Settings,
    address: Address,
    *,
    only: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    allow: Sequence[str] = (),
    prefix: str = "",
    write: bool = True,
    progress: Bars | None = None,
) -> tuple[Plan, Path | None]:
    """Make the plan of a source and write it into the home; return it with its file."""
    with lock_home(settings):
        empty_work_folder(settings)
        with ExitStack() as stack:
            source, catalog = stack.enter_context(open_origin(address, settings.work_folder))
            plan = make_plan(
                source,
                catalog,
                local_now(settings.timezone),
                only=only,
                types=types,
                allow=allow,
                prefix=prefix,
                progress=progress,
            )
            if address.engine != "dump":
                # closed first: see run.py
                stack.close()
            plan = estimate(settings, address, plan, source.file)
        return plan, write_plan(plan, plan_folder(settings, address)) if write else None


def read_site_plan(settings: Settings, address: Address, *, write: bool = True) -> Plan:
    """Read the plan of a source, made now when there is none, and kept when `write` is set.

    Raises SettingsError when the plan is damaged or of another version.
    """
    folder = plan_folder(settings, address)
    if not (folder / "plan.json").exists():
        return make_site_plan(settings, address, write=write)[0]
    plan = read_plan(folder)
    if plan.token != address.token:
        raise SettingsError(f"{folder} holds the plan of another source")
    return plan


def run_site_plan(
    settings: Settings,
    address: Address,
    plan: Plan,
    *,
    rows_per_second: int | None = None,
    retries: int = 3,
    lines: bool = False,
    files_root: Path | None = None,
    bars: Bars | None = None,
) -> RunResult:
    """Follow a plan, then record the files that rows refer to by path, when their folder is given.

    `lines` writes progress as lines of JSON on standard error.
    """

    def tell(progress: Progress) -> None:
        if lines:
            sys.stderr.write(json.dumps(asdict(progress), ensure_ascii=False) + "\n")
            sys.stderr.flush()
        if bars:
            bars(progress.table, progress.rows, progress.total)

    with lock_home(settings):
        result = run_migration(settings, address, plan, rows_per_second=rows_per_second, retries=retries, progress=tell)
        with open_lake(settings, ("raw",)) as connection:
            # views that tuning keeps as tables follow the tables they are made of
            refresh_materialized(connection, plan.token)
            if files_root is not None:
                now = local_now(settings.timezone)
                result.files = dict(record_files(connection, plan, files_root, now=now, progress=bars).counts)
    return result


def validate_site(
    settings: Settings,
    address: Address,
    plan: Plan,
    *,
    tables: Sequence[str] | None = None,
    depth: str = "full",
    files_root: Path | None = None,
    progress: Bars | None = None,
) -> ValidationResult:
    """Compare what a home holds with the source as it is now."""
    with lock_home(settings):
        empty_work_folder(settings)
        # the lake is opened while the source tells its structure
        with (
            keep_instance(settings),
            ThreadPoolExecutor(1) as pool,
            nullcontext(pool.submit(open_target, settings)) as target,
            open_origin(address, settings.work_folder) as (source, catalog),
        ):
            target.result()
            return validate(
                settings,
                source,
                plan,
                catalog=catalog,
                tables=tables,
                depth=depth,
                files_root=files_root,
                progress=progress,
            )


def selftest_source(
    folder: Path, address: Address, *, rows_per_table: int, progress: Bars | None = None
) -> SelftestResult:
    """Run the self-test of the validation over copies of a source's tables, in a throw-away home."""
    settings = create_home(folder / "home", synthetic=False)
    return selftest(settings, address, rows_per_table=rows_per_table, progress=progress)


def plan_statements(plan: Plan) -> list[str]:
    """Return the SQL a run would use: the target tables, what is read from the source, and how it is converted."""
    statements = []
    for table in plan.tables:
        columns = ", ".join(f"{quoted(name)} {data_type}" for name, data_type in planned_columns(table))
        wires = ", ".join(
            f"{column.wire.format(quote_name(plan.engine, column.name))} as c{number}"
            for number, column in enumerate(table.columns)
        )
        values = ", ".join(column.convert.format(f"c{number}") for number, column in enumerate(table.columns))
        statements += [
            f"create table {target_table(table)} ({columns});",
            f"select {wires} from {table.source_table};",
            f"insert into {target_table(table)} select {values}, _batch_id, _chunk_no, _loaded_at from arrived;",
        ]
    return statements
