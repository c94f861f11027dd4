"""Writes every identifier of a synthetic home in clear, beside its pseudonym and the fact and person it belongs to.

For checks against known truth only: refused in any home that was not made with `init --synthetic`, and audited in the
vault (privacy requirement PRV-PS-06). Values stand as they were received and, where the door changed them, as cleaned;
both have the pseudonym under which `lake` knows them.
"""

import functools
import getpass
from pathlib import Path
from typing import Any

import yaml

from ingestion.identity.columns import PersonTable, person_tables
from ingestion.identity.records import record_key
from ingestion.identity.state import write_audit
from ingestion.quality.issues import pseudonym_kinds
from lakehouse.contract import Column, Table, clean_expression, read_contract, source_names
from lakehouse.errors import NotPermittedError
from lakehouse.lake import Connection, create_raw_tables, open_lake, transaction
from lakehouse.ledger import local_now
from lakehouse.settings import Settings

COLUMNS = ("entity", "entity_key", "patient_key", "id_type", "id_raw", "id_pseudonym", "src_system")
_PERSONAL_FORMS = frozenset({"person_name", "citizen_id", "phone", "address", "id"})
_DOCUMENTS = frozenset({"document", "text"})


@functools.cache
def crosswalk_tables() -> dict[str, Any]:
    """Return the content of crosswalk.yml."""
    content: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "crosswalk.yml").read_text(encoding="utf-8"))
    return content


def write_crosswalk(settings: Settings, target: Path) -> dict[str, int]:
    """Write the crosswalk as CSV and return the number of rows by entity.

    Raises NotPermittedError outside a synthetic home, KeyMissingError without the keys of the vault.
    """
    if not settings.synthetic:
        raise NotPermittedError(
            "the crosswalk is written only in a home made with `radlake init --synthetic`; "
            "here identities stay in the vault"
        )
    with open_lake(settings) as connection:
        create_raw_tables(connection)
        connection.execute(
            "create or replace temp table crosswalk (entity varchar, entity_key varchar, patient_key varchar, "
            "id_type varchar, id_raw varchar, id_pseudonym varchar, src_system varchar)"
        )
        _find_persons(connection)
        for table in _tables():
            _add_rows(connection, table)
        target.parent.mkdir(parents=True, exist_ok=True)
        quoted = str(target).replace("'", "''")
        connection.execute(
            f"copy (select distinct {', '.join(COLUMNS)} from crosswalk order by all) to '{quoted}' "
            "(format csv, header true)"
        )
        counts = dict(
            connection.execute(
                "select entity, count(*) from (select distinct * from crosswalk) group by 1 order by 1"
            ).fetchall()
        )
        with transaction(connection):
            write_audit(
                connection, act="crosswalk", actor=getpass.getuser(), detail={"rows": counts},
                acted_at=local_now(settings.timezone),
            )  # fmt: skip
    target.chmod(0o600)
    return counts


def _tables() -> list[Table]:
    return [
        table
        for source in source_names()
        if source not in crosswalk_tables()["left_out"]
        for table in read_contract(source).values()
    ]


def _find_persons(connection: Connection) -> None:
    """Make `known_record` and `known_number`: the person of records, and of numbers in their spelling as cleaned."""
    connection.execute("""
        create or replace temp table known_record as
        with standing as (
            select * from raw.raw_vault.person_link
            qualify row_number() over (partition by record_id order by version_no desc) = 1
        ),
        known as (
            select distinct standing.person_id from standing
            inner join raw.raw_vault.person_record as record using (record_id) where record.is_registry
        )
        select record.record_key, md5('patient|' || standing.person_id) as patient_key
        from standing
        inner join raw.raw_vault.person_record as record using (record_id)
        inner join known using (person_id)
    """)
    if _has_columns(connection, "std_patient_link", {"patient_id", "patient_key"}):
        connection.execute(
            "create or replace temp table known_number as select patient_id, patient_key "
            "from lake.std.std_patient_link where patient_key is not null"
        )
    else:
        connection.execute("create or replace temp table known_number (patient_id varchar, patient_key varchar)")


def _has_columns(connection: Connection, model: str, columns: set[str]) -> bool:
    found = connection.execute(
        "select column_name from duckdb_columns() where database_name = 'lake' and schema_name = 'std' "
        "and table_name = $1",
        [model],
    ).fetchall()
    return columns <= {name for (name,) in found}


def _clean(table: Table, column: str) -> str:
    return clean_expression(column) if table.is_delivered else f'cast("{column}" as varchar)'


def _identifying(table: Table) -> list[Column]:
    return [
        column
        for column in table.columns
        if column.pii in ("id", "uid")
        or (column.pii == "vault" and column.meta.get("form") not in _DOCUMENTS and _is_personal(column))
    ]


def _is_personal(column: Column) -> bool:
    form = column.meta.get("form")
    return form in _PERSONAL_FORMS or (
        form is None and column.name.endswith(("_name", "phone", "address", "citizen_id"))
    )


def _pseudonym(table: Table, column: str) -> str:
    kind = pseudonym_kinds(table.source, table.name).get(column)
    if kind is None and table.source == "dicom" and column == "patient_id":
        # headers are staged by study; the number is matched as a patient number
        kind = "patient"
    return f"pseudonym('{kind}', {_clean(table, column)})" if kind else "null"


def _source_key(table: Table, columns: list[str]) -> str:
    parts = []
    for column in columns:
        pseudonym = _pseudonym(table, column)
        parts.append(pseudonym if pseudonym != "null" else f"nullif(trim({_clean(table, column)}), '')")
    return f"concat_ws('/', {', '.join(parts)})"


def _add_rows(connection: Connection, table: Table) -> None:
    columns = _identifying(table)
    if not columns:
        return
    name = f"{table.source}.{table.name}"
    entry = crosswalk_tables()["tables"].get(name)
    person_table = next((item for item in person_tables() if item.name == name), None)
    fact_join, fact_key, fact_patient = "", "null", "null"
    if entry and _fact_table(connection, entry):
        source = entry.get("source", table.source)
        fact_join = f"left join fact on fact.source_key = '{source}:' || told.source_key"
        fact_key, fact_patient = "fact.entity_key", "fact.patient_key"
    number = next((column for column in ("his_patient_id", "patient_id") if column in table.column_names), None)
    number_pseudonym = _pseudonym(table, number) if number else "null"
    listed = ", ".join(
        f"{{'id_type': '{column.name}', 'as_received': cast(\"{column.name}\" as varchar), "
        f"'as_cleaned': {_clean(table, column.name)}, 'id_pseudonym': {_pseudonym(table, column.name)}}}"
        for column in columns
    )
    kind = "struct(id_type varchar, as_received varchar, as_cleaned varchar, id_pseudonym varchar)[]"
    entity = entry["entity"] if entry else "patient"
    person = "known_record.patient_key"
    told_patient = f"coalesce({fact_patient}, {person}, known_number.patient_key)"
    key = fact_key if entity != "patient" else told_patient
    connection.execute(f"""
        insert into crosswalk by name
        with told as (
            select distinct
                {_source_key(table, entry["source_key"]) if entry else "null"} as source_key,
                {_row_key(person_table)} as row_key,
                {number_pseudonym} as number,
                unnest([{listed}]::{kind}) as item
            from raw.{table.schema}."{table.name}"
        ),

        placed as (
            select told.item, {key} as entity_key, {told_patient} as patient_key
            from told
            left join known_record on told.row_key = known_record.record_key
            left join known_number on told.number = known_number.patient_id
            {fact_join}
        )

        select
            '{entity}' as entity,
            entity_key,
            patient_key,
            item.id_type as id_type,
            unnest(list_distinct([item.as_received, item.as_cleaned])) as id_raw,
            item.id_pseudonym as id_pseudonym,
            '{table.source}' as src_system
        from placed
        where item.as_received is not null and trim(item.as_received) <> ''
    """)


def _row_key(person_table: PersonTable | None) -> str:
    return record_key(person_table) if person_table and person_table.numbers else "null"


def _fact_table(connection: Connection, entry: dict[str, Any]) -> bool:
    """Make `fact` (source_key, entity_key, patient_key) of a std model, if it is built; return whether it is."""
    model, key = entry["model"], entry["key"]
    if _has_columns(connection, model, {"source_keys", "patient_key", key}):
        keys = "unnest(source_keys)"
    elif _has_columns(connection, model, {"source_key", "source_system", "patient_key", key}):
        keys = "source_system || ':' || source_key"
    else:
        return False
    connection.execute(
        f"create or replace temp table fact as select source_key, any_value(entity_key) as entity_key, "
        f"any_value(patient_key) as patient_key from (select {keys} as source_key, {key} as entity_key, patient_key "
        f"from lake.std.{model}) group by source_key"
    )
    return True
