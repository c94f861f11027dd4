"""Makes series, study and patient out of the instances; only the groups whose instances changed are made again.

A column of these tables that `instance` also has is aggregated: the value all instances agree on (an absent value
disagrees with nothing), else null, with the values and their counts in `conflicting_attributes`.
"""

from datetime import datetime

from lakehouse.contract import Table, read_table
from lakehouse.lake import Connection, transaction

_INSTANCE = "raw.raw_dicom.instance"
_FINGERPRINT = (
    "concat_ws('-', count(*), bit_xor(hash(sop_instance_uid, file_token, batch_id, loaded_at, n_copies, is_present)))"
)
_COMPUTED = {
    "n_instances": "count(*)",
    "n_series": "count(distinct series_instance_uid)",
    "n_studies": "count(distinct study_instance_uid)",
    "modalities": "string_agg(distinct modality, '\\' order by modality)",
    "is_present": "bool_or(is_present)",
}


def rebuild_groups(connection: Connection, batch_id: str, loaded_at: datetime) -> None:
    """Bring series, study and patient up to date with `instance`, each in one transaction."""
    for name in ("series", "study", "patient"):
        table = read_table("dicom", name)
        _find_stale(connection, table)
        with transaction(connection):
            _rebuild(connection, table, batch_id, loaded_at)
        connection.execute("drop table temp.scan_stale")


def _same_key(table: Table, left: str, right: str) -> str:
    return " and ".join(f"{left}.{column} is not distinct from {right}.{column}" for column in table.key)


def _find_stale(connection: Connection, table: Table) -> None:
    keys = ", ".join(table.key)
    connection.execute(
        f"create or replace temp table scan_stale as with expected as ("
        f"select {keys}, {_FINGERPRINT} as fingerprint from {_INSTANCE} "
        f"where {table.key[0]} is not null group by {keys}"
        f") select {', '.join(f'coalesce(e.{key}, t.{key}) as {key}' for key in table.key)} "
        f"from expected as e full join raw.{table.schema}.{table.name} as t "
        f"on {_same_key(table, 'e', 't')} where e.fingerprint is distinct from t.fingerprint"
    )


def _rebuild(connection: Connection, table: Table, batch_id: str, loaded_at: datetime) -> None:
    target = f"raw.{table.schema}.{table.name}"
    connection.execute(
        f"delete from {target} as t where exists (select 1 from scan_stale as s where {_same_key(table, 's', 't')})"
    )
    instance_columns = set(read_table("dicom", "instance").column_names)
    aggregated = [
        name
        for name in table.column_names
        if name in instance_columns
        and name not in table.key
        and name not in _COMPUTED
        and name not in ("batch_id", "loaded_at")
    ]
    conflicts = ", ".join(
        f"case when min(i.{_quote(name)}) <> max(i.{_quote(name)}) "
        f"then {{'k': '{name}', 'v': histogram(cast(i.{_quote(name)} as varchar))}} end"
        for name in aggregated
    )
    columns = [f"i.{key}" for key in table.key]
    columns += [
        f"case when min(i.{_quote(name)}) = max(i.{_quote(name)}) then min(i.{_quote(name)}) end as {_quote(name)}"
        for name in aggregated
    ]
    columns += [f"{sql} as {name}" for name, sql in _COMPUTED.items() if name in table.column_names]
    columns += [
        f"nullif(cast(to_json(map_from_entries(list_filter([{conflicts}], lambda c: c is not null))) as varchar), "
        "'{}') as conflicting_attributes",
        f"{_FINGERPRINT} as fingerprint",
        "$1 as batch_id",
        "$2 as loaded_at",
    ]
    connection.execute(
        f"insert into {target} by name select {', '.join(columns)} from {_INSTANCE} as i "
        f"where exists (select 1 from scan_stale as s where {_same_key(table, 's', 'i')}) "
        f"group by {', '.join(f'i.{key}' for key in table.key)}",
        [batch_id, loaded_at],
    )


def _quote(name: str) -> str:
    return f'"{name}"'
