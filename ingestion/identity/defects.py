"""Names the rows in which identity found a defect, in the form of raw_ledger.dq_issue (sources.md 7).

    duplicate_patient   a further registration of a person in one system, that no merge explains
    merged_patient      a registration or message that the source merged into another
    shared_id           a number, card or master index that stands for several people
    mother_newborn      a newborn under the mother's number, name or card
Conflicts of sex, birth and age between systems are found at the door (ingestion.quality.conflicts).
"""

from datetime import datetime

from ingestion.identity.columns import PersonTable, person_tables
from ingestion.identity.records import record_key
from ingestion.naming import shown_name
from ingestion.quality.issues import RULES_VERSION, issue_id_expression, record_key_expression
from ingestion.quality.kinds import read_kinds
from lakehouse.contract import Table, read_table
from lakehouse.lake import Connection


def find_defects(connection: Connection, batches: dict[str, list[str]]) -> None:
    """Make `defect_record` (record, kind, role) of touched records, then `defect_row` of their raw rows."""
    connection.execute("create or replace temp table defect_record (record_id varchar, kind varchar, role varchar)")
    _find_duplicates(connection)
    _find_merged(connection)
    _find_shared(connection)
    _find_newborns(connection)
    connection.execute(
        "create or replace temp table defect_key as select distinct record.record_key, defect_record.kind, "
        "defect_record.role from defect_record inner join record using (record_id) where record.is_touched"
    )
    connection.execute(
        "create or replace temp table defect_row (source varchar, entity varchar, file_token varchar, row_no bigint, "
        "record_key varchar, column_name varchar, kind varchar, before_sha256 varchar)"
    )
    for person_table in person_tables():
        # of departments only new rows; registrations of before may have become defects by what came now
        if person_table.is_registry or person_table.name in batches:
            connection.execute(_row_query(person_table), [batches.get(person_table.name, [])])
    if "hl7v2.patient_merge" in batches or "hl7v2.patient" in batches:
        connection.execute(_merge_message_query(read_table("hl7v2", "patient_merge")))


def _find_duplicates(connection: Connection) -> None:
    connection.execute("""
        insert into defect_record
        with registrations as (
            select
                record.record_id, link.person_id, record.source, record.first_order, record.merged_into,
                number.id_key, record.name_kind
            from record
            inner join link using (record_id)
            inner join (select distinct record_id, id_type, id_value, id_key from identifier) as number
                on record.record_id = number.record_id and record.number_kind = number.id_type
                and record.number = number.id_value
            where record.is_registry and not record.is_newborn and not record.is_void
        ),

        first_keys as (
            select person_id, source, arg_min(id_key, (first_order, record_id)) as first_key
            from registrations
            where merged_into is null or merged_into = ''
            group by all
        )

        select distinct registrations.record_id, 'duplicate_patient', 'number'
        from registrations
        inner join first_keys using (person_id, source)
        where registrations.id_key <> first_keys.first_key
            and (registrations.merged_into is null or registrations.merged_into = '')
            and registrations.name_kind <> 'test'
            -- a copy in another system of what the HIS has merged
            and registrations.id_key not in (
                select identifier.id_key
                from record
                inner join identifier on record.record_id = identifier.record_id
                    and record.number_kind = identifier.id_type and record.number = identifier.id_value
                where record.merged_into is not null and record.merged_into <> ''
            )
    """)


def _find_merged(connection: Connection) -> None:
    connection.execute("""
        insert into defect_record
        select record_id, 'merged_patient', 'merged_into'
        from record
        where is_registry and merged_into is not null and merged_into <> '' and merged_into <> number
    """)


def _find_shared(connection: Connection) -> None:
    connection.execute("""
        insert into defect_record
        with facts as (
            select id_type, id_value, period from number_fact where is_shared group by all
        )

        select distinct identifier.record_id, 'shared_id', identifier.id_type
        from identifier
        inner join facts using (id_type, id_value, period)
        inner join record using (record_id)
        where record.name_kind <> 'missing' and not record.is_newborn
        union
        -- a number of one system and period with two registered persons
        select numbered.record_id, 'shared_id', numbered.id_type
        from (
            select identifier.record_id, identifier.id_type, identifier.id_value, identifier.source, identifier.period,
                count(distinct link.person_id) over (
                    partition by identifier.id_type, identifier.id_value, identifier.source, identifier.period
                ) as person_count
            from identifier
            inner join record using (record_id)
            inner join link using (record_id)
            where record.is_registry and record.name_kind = 'ordinary' and not record.is_newborn
        ) as numbered
        where numbered.person_count > 1
    """)
    # somebody else's card; whose it is tells the record that it fits
    connection.execute("""
        insert into defect_record
        with holders as (
            select record.citizen_id, record.citizen_state, link.person_id, record.record_id, record.is_newborn
            from record
            inner join link using (record_id)
            where record.citizen_state in ('own', 'foreign')
        ),

        shared as (
            select citizen_id, bool_or(citizen_state = 'own') as has_owner
            from holders
            group by citizen_id
            having count(distinct person_id) > 1
        )

        select holders.record_id, 'shared_id', 'citizen_id'
        from holders
        inner join shared using (citizen_id)
        where not holders.is_newborn and (holders.citizen_state = 'foreign' or not shared.has_owner)
    """)


def _find_newborns(connection: Connection) -> None:
    connection.execute("""
        insert into defect_record
        with newborn_numbers as (
            select record.record_id, record.birth_low, record.name_kind, record.mother_id, identifier.id_value,
                identifier.id_key, identifier.source, identifier.id_suffix, record.source as record_source
            from record
            inner join identifier using (record_id)
            where identifier.id_type = 'patient_id' and record.birth_low is not null
        )

        -- the name says it, outside the register of newborns
        select record_id, 'mother_newborn', 'number'
        from record
        where name_kind = 'newborn'
            and (source <> 'obstetrics' or number in (select mother_id from record where mother_id is not null))
        union
        -- another name, a generation younger, under the number of a woman
        select newborn_numbers.record_id, 'mother_newborn', 'number'
        from newborn_numbers
        inner join identifier as mother_number
            on newborn_numbers.id_key = mother_number.id_key and mother_number.id_type = 'patient_id'
            and newborn_numbers.source = mother_number.source
        inner join record as mother on mother_number.record_id = mother.record_id
        inner join record as child on newborn_numbers.record_id = child.record_id
        where mother.is_registry and child.is_registry and mother.sex = 'F' and mother.name_kind = 'ordinary'
            and mother.birth_high < child.birth_low - 14 * 365 and mother.name_norm <> child.name_norm
            and child.birth_low > child.first_seen::date - 366 * 2
            and (newborn_numbers.id_value = mother_number.id_value or newborn_numbers.id_suffix <> '')
    """)


def _column_of(person_table: PersonTable) -> str:
    """Return SQL that names the raw column of a role and its value as received."""
    roles = {kind: columns[0] for kind, columns in person_table.numbers.items()}
    roles |= {role: columns[0] for role, columns in person_table.attributes.items()}
    roles["number"] = person_table.number_columns[0]
    names = " ".join(f"when '{role}' then '{column}'" for role, column in sorted(roles.items()))
    values = " ".join(f"when '{role}' then \"{column}\"" for role, column in sorted(roles.items()))
    return f"case defects.role {names} end as column_name, sha256(case defects.role {values} end) as before_sha256"


def _row_query(person_table: PersonTable) -> str:
    table = person_table.table
    new_only = "true" if person_table.is_registry else "list_contains($1, raw_rows._batch_id)"
    return f"""
        insert into defect_row by name
        select
            '{table.source}' as source,
            '{table.name}' as entity,
            raw_rows._src_file as file_token,
            raw_rows._src_row_no as row_no,
            {record_key_expression(table, "raw_rows")} as record_key,
            defects.kind,
            {_column_of(person_table)}
        from (select *, {record_key(person_table)} as row_key from raw.{table.schema}."{table.name}") as raw_rows
        inner join defect_key as defects on raw_rows.row_key = defects.record_key
        where ({new_only} or $1 is null)
        qualify row_number() over (
            partition by raw_rows._src_file, raw_rows._src_row_no, defects.kind, column_name order by defects.role
        ) = 1
    """


def _merge_message_query(table: Table) -> str:
    return f"""
        insert into defect_row by name
        select
            '{table.source}' as source, '{table.name}' as entity, _src_file as file_token, _src_row_no as row_no,
            {record_key_expression(table, "raw_rows")} as record_key, 'merged_patient' as kind,
            'prior_patient_id' as column_name, sha256(prior_patient_id) as before_sha256
        from raw.{table.schema}."{table.name}" as raw_rows
        where prior_patient_id is not null and patient_id is not null
    """


def save_defects(connection: Connection, *, batch_id: str, found_at: datetime) -> dict[str, int]:
    """Append the defects that are not in the books yet and return how many of each kind there are.

    In a transaction of the caller.
    """
    files = connection.execute("""
        select source, entity, file_token, file_sha256, file_name, file_match
        from raw.raw_ledger.delivery
        where (source, entity, file_token) in (select (source, entity, file_token) from defect_row)
        qualify row_number() over (partition by source, entity, file_token order by batch_id desc) = 1
    """).fetchall()
    connection.execute(
        "create or replace temp table defect_file "
        "(source varchar, entity varchar, file_token varchar, file_sha256 varchar, file_name varchar)"
    )
    if files:
        connection.executemany(
            "insert into defect_file values ($1, $2, $3, $4, $5)",
            [
                [source, entity, token, digest, shown_name(str(name).rsplit("/", 1)[-1], match or "")]
                for source, entity, token, digest, name, match in files
            ],
        )
    kinds = " ".join(f"when '{name}' then '{kind.severity}'" for name, kind in read_kinds().items())
    actions = " ".join(f"when '{name}' then '{kind.action}'" for name, kind in read_kinds().items())
    number = issue_id_expression(
        "source", "entity", "coalesce(file_sha256, file_token)", "row_no", "column_name", "kind", "before_sha256"
    )
    connection.execute(f"""
        create or replace temp table new_defect as
        select
            {number} as issue_id, source, entity, file_token, file_name, row_no, record_key, column_name, kind,
            case kind {kinds} end as severity, case kind {actions} end as action, before_sha256,
            'identity.' || kind || '/{RULES_VERSION}' as rule_id
        from defect_row
        left join defect_file using (source, entity, file_token)
        where issue_id not in (select issue_id from raw.raw_ledger.dq_issue)
        qualify row_number() over (partition by issue_id order by row_no) = 1
    """)
    connection.execute(
        "insert into raw.raw_ledger.dq_issue by name select *, $1 as batch_id, $2::timestamp as found_at "
        "from new_defect order by source, entity, file_token, row_no, kind, issue_id",
        [batch_id, found_at],
    )
    return dict(connection.execute("select kind, count(*) from new_defect group by 1 order by 1").fetchall())
