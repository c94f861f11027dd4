"""Reads the raw tables into person records: one for each number and name under which a system knows somebody.

A record is (source, period, number, name). Values are taken as the door cleaned them; of several versions the newest
value stands. The work is done in temporary tables: `mention` (distinct rows), `record`, `identifier`.
"""

from collections.abc import Sequence

from ingestion.identity.columns import PersonTable, column_roles, person_tables
from ingestion.identity.identifiers import (
    check_character,
    citizen_number,
    identifier_columns,
    phone_number,
    postal_address,
)
from ingestion.identity.names import name_kind_sql, name_norm_sql
from lakehouse.contract import Table, clean_expression
from lakehouse.lake import Connection

_MISSING = "'', '-', '--', '—', '/', 'NULL', 'NA', 'N/A', '\\N', '无', '不详', '未知', '空', '#N/A'"
_TEXTS = (
    "patient_name", "sex", "birth_date", "citizen_id", "address", "ethnicity", "merged_into", "mother_id",
    "registered_at", "is_void",
)  # fmt: skip
_BIRTH_FORMATS = "['%Y-%m-%d', '%Y/%-m/%-d', '%Y-%-m-%-d', '%Y%m%d', '%Y.%-m.%-d', '%Y年%-m月%-d日']"
_INSTANT = "try_cast(replace(left(nullif(trim({0}), ''), 19), '/', '-') as timestamp)"

RECORD_COLUMNS = (
    "record_id", "record_key", "source", "period", "is_registry", "is_newborn", "number_kind", "number", "name",
    "name_norm", "name_kind", "sex", "sex_source", "birth_date", "birth_low", "birth_high", "citizen_id",
    "citizen_state", "phones", "address", "ethnicity", "merged_into", "mother_id", "registered_at", "is_void",
    "first_order", "last_order", "first_seen", "last_seen", "batch_id",
)  # fmt: skip
"""Columns of raw_vault.person_record in their order."""

IDENTIFIER_COLUMNS = (
    "record_id", "id_type", "id_value", "id_core", "id_key", "id_prefix", "id_suffix", "source", "period", "first_seen",
    "last_seen",
)  # fmt: skip
"""Columns of raw_vault.record_identifier in their order."""


def record_key(person_table: PersonTable) -> str:
    """Return SQL for the key of the record a raw row belongs to; the macro person_record makes the same in staging."""
    numbers = ", ".join(f"nullif(trim({clean_expression(column)}), '')" for column in person_table.number_columns)
    names = person_table.attributes.get("patient_name", ())
    name = f"coalesce({clean_expression(names[0])}, '')" if names else "''"
    return f"concat_ws('/', '{person_table.table.source}', coalesce(_src_period, ''), coalesce({numbers}, ''), {name})"


def _usable(expression: str) -> str:
    return f"case when upper(trim({expression})) in ({_MISSING}) then null else {expression} end"


def _first_usable(columns: Sequence[str]) -> str:
    return "coalesce(" + ", ".join(_usable(clean_expression(column)) for column in columns) + ")" if columns else "null"


def read_new_batches(connection: Connection, table: Table) -> list[str]:
    """Return the loads of a table that were not linked yet."""
    return [
        batch
        for (batch,) in connection.execute(
            f'select distinct _batch_id from raw.{table.schema}."{table.name}" where _batch_id not in '
            "(select batch_id from raw.raw_vault.linked_batch where source = $1 and entity = $2) order by 1",
            [table.source, table.name],
        ).fetchall()
    ]


def read_mentions(connection: Connection, batches: dict[str, list[str]], *, only_wanted: bool = False) -> int:
    """Make the table `mention` of the distinct rows of the given loads, by source.entity; return how many there are.

    `only_wanted` keeps to the keys in the table `wanted_key`.
    """
    connection.execute(
        "create or replace temp table mention (source varchar, entity varchar, period varchar, is_registry boolean, "
        "is_newborn boolean, number_kind varchar, number varchar, record_key varchar, "
        + ", ".join(f"{role} varchar" for role in _TEXTS)
        + ", phones varchar[], age varchar, event_at timestamp, numbers struct(kind varchar, value varchar)[], "
        "change varchar, first_order varchar, last_order varchar, first_seen timestamp, last_seen timestamp, "
        "batch_id varchar)"
    )
    for person_table in person_tables():
        wanted = batches.get(person_table.name)
        if wanted:
            connection.execute(_mention_query(person_table, only_wanted=only_wanted), [wanted])
    counted = connection.execute("select count(*) from mention").fetchone()
    return int(counted[0]) if counted else 0


def _children(person_table: PersonTable) -> tuple[str, str]:
    """Return a join and a list expression for the identifiers that stand in a table of their own."""
    child = column_roles()["children"].get(person_table.name)
    if child is None:
        return "", "[]"
    table = person_table.table
    keys = ", ".join(f'"{key}" as child_{key}' for key in child["keys"])
    grouped = ", ".join(f"child_{key}" for key in child["keys"])
    # versions may be unnumbered, and null joins null
    equal = " and ".join(f'"{key}" is not distinct from child_{key}' for key in child["keys"])
    kinds = " ".join(f"when '{code}' then '{kind}'" for code, kind in child["types"].items())
    ignored = ", ".join(f"'{code}'" for code in child["ignored"])
    join = f"""
            left join (
                select
                    {grouped},
                    list({{'kind': case code {kinds} else '{child["other"]}' end, 'value': value}}) as more_numbers
                from (
                    select distinct {keys}, upper({clean_expression(child["type"])}) as code,
                        {_usable(clean_expression(child["value"]))} as value
                    from raw.{table.schema}.{child["table"]}
                )
                where value is not null and coalesce(code, '') not in ({ignored})
                group by {grouped}
            ) as children on {equal}"""
    return join, "coalesce(more_numbers, [])"


def _mention_query(person_table: PersonTable, *, only_wanted: bool) -> str:
    table = person_table.table
    join, more_numbers = _children(person_table)
    columns = person_table.number_columns
    kind = (
        "case "
        + "".join(
            f"when {_first_usable(columns)} is not null then '{kind}' "
            for kind, columns in person_table.numbers.items()
        )
        + "end"
        if person_table.numbers
        else "null"
    )
    texts = ", ".join(f"{_first_usable(person_table.attributes.get(role, ()))} as {role}" for role in _TEXTS)
    phones = (
        ", ".join(_usable(clean_expression(column)) for column in person_table.attributes.get("phone", ())) or "null"
    )
    ages = _first_usable(person_table.attributes.get("age", ()))
    event = (
        f"coalesce({', '.join(_INSTANT.format(clean_expression(name)) for name in person_table.event_columns)})"
        if person_table.event_columns else "null::timestamp"
    )  # fmt: skip
    numbers = ", ".join(
        f"{{'kind': '{kind}', 'value': {_usable(clean_expression(column))}}}"
        for kind, columns in person_table.numbers.items() for column in columns
    )  # fmt: skip
    wanted = " and record_key in (select record_key from wanted_key)" if only_wanted else ""
    order = "_batch_id || '/' || lpad(coalesce(cast(_src_row_no as varchar), ''), 12, '0')"
    return f"""
        insert into mention by name
        with rows as (
            select
                coalesce(_src_period, '') as period,
                {kind} as number_kind,
                {_first_usable(columns)} as number,
                {record_key(person_table)} as record_key,
                {texts},
                list_filter([{phones}], lambda x: x is not null) as phones,
                {ages} as age,
                {event} as event_at,
                list_concat(
                    list_filter([{numbers}]::struct(kind varchar, value varchar)[], lambda x: x.value is not null),
                    {more_numbers}
                ) as numbers,
                _change as change,
                {order} as row_order,
                _loaded_at,
                _batch_id
            from raw.{table.schema}."{table.name}"{join}
            where list_contains($1, _batch_id)
        )
        select
            '{table.source}' as source,
            '{table.name}' as entity,
            {str(person_table.is_registry).lower()} as is_registry,
            {str(person_table.is_newborn).lower()} as is_newborn,
            * exclude (row_order, _loaded_at, _batch_id, age, event_at),
            arg_max(age, row_order) as age,
            arg_max(event_at, row_order) filter (age is not null) as event_at,
            min(row_order) as first_order,
            max(row_order) as last_order,
            min(_loaded_at) as first_seen,
            max(_loaded_at) as last_seen,
            max(_batch_id) as batch_id
        from rows
        where number is not null{wanted}
        group by all
    """


def read_sex_codes(connection: Connection) -> None:
    """Make the table `sex_code` of the values that mappings state for sex; the newest load stands."""
    connection.execute(
        "create or replace temp table sex_code as select source, coalesce(period, '') as period, source_value, "
        "arg_max(standard_value, batch_id) as standard_value from raw.raw_ledger.code_map where column_name = 'sex' "
        "group by source, coalesce(period, ''), source_value"
    )


def build_records(connection: Connection) -> None:
    """Make `record` and `identifier` of what `mention` holds."""
    read_sex_codes(connection)
    newest = ", ".join(
        f"arg_max({role}, last_order) as {role}" for role in _TEXTS if role not in ("patient_name", "merged_into")
    )
    sexes = "map {" + ", ".join(f"'{word}': '{code}'" for word, code in column_roles()["sex"].items()) + "}"
    connection.execute(f"""
        create or replace temp table grouped as
        select
            record_key,
            pseudonym('person_record', any_value(record_key)) as record_id,
            any_value(source) as source,
            any_value(period) as period,
            bool_or(is_registry) as is_registry,
            bool_or(is_newborn) as is_newborn,
            arg_max(number_kind, last_order) as number_kind,
            canonical_identifier(arg_max(number, last_order)) as number,
            arg_max(patient_name, last_order) as name,
            {newest},
            -- a merge that the source takes back is no merge any more
            arg_max_null(merged_into, last_order) filter (is_registry) as merged_into,
            list_sort(list_distinct(flatten(list(phones)))) as phones_written,
            arg_max({{'age': age, 'event_at': event_at}}, last_order) filter (age is not null) as aged,
            arg_max_null(change, last_order) as change,
            min(first_order) as first_order,
            max(last_order) as last_order,
            min(first_seen) as first_seen,
            max(last_seen) as last_seen,
            max(batch_id) as batch_id
        from mention
        group by record_key
    """)
    born = f"cast(try_strptime(regexp_replace(left(trim(birth_date), 10), '[T ].*$', ''), {_BIRTH_FORMATS}) as date)"
    # 35岁, 035Y, 35; 1岁2月 is one year; 6月 is months, 3天 and 5小时 are days, weeks are not read
    years = "try_cast(nullif(regexp_extract(age_text, '^0*([0-9]{1,3})(岁|Y|周岁|$)', 1), '') as integer)"
    months = "try_cast(nullif(regexp_extract(age_text, '^0*([0-9]{1,3})(月|个月|M)', 1), '') as integer)"
    days = (
        "case when regexp_matches(age_text, '^[0-9]+(小时|时|H)') then 0 "
        "else try_cast(nullif(regexp_extract(age_text, '^0*([0-9]{1,3})(天|日|D)', 1), '') as integer) end"
    )
    connection.execute(f"""
        create or replace temp table record as
        with typed as (
            select
                grouped.*,
                {name_norm_sql("canonical_identifier(name)")} as name_norm,
                case when {born} > date '1900-12-31' and {born} <= current_date + 1 then {born} end as born,
                {citizen_number("canonical_identifier(citizen_id)")} as citizen,
                nullif(upper(trim(aged.age)), '') as age_text,
                coalesce(codes.standard_value, grouped.sex) as sex_word
            from grouped
            left join sex_code as codes
                on grouped.source = codes.source and grouped.period = codes.period and grouped.sex = codes.source_value
        ),

        judged as (
            select
                *,
                {sexes}[upper(trim(sex_word))] as sex_code,
                try_strptime(substr(citizen, 7, 8), '%Y%m%d')::date as citizen_birth,
                case when try_cast(substr(citizen, 17, 1) as integer) % 2 = 1 then 'M' else 'F' end as citizen_sex,
                {check_character("citizen")} = substr(citizen, 18, 1) as is_checked,
                case when {years} <= 130 then {years} end as age_years,
                {months} as age_months,
                {days} as age_days
            from typed
        )

        select
            record_id,
            record_key,
            source,
            period,
            is_registry,
            is_newborn or {name_kind_sql("name_norm")} = 'newborn' as is_newborn,
            number_kind,
            number,
            name,
            name_norm,
            {name_kind_sql("name_norm")} as name_kind,
            sex_code as sex,
            sex as sex_source,
            born as birth_date,
            coalesce(
                born, (aged.event_at - to_years(age_years + 1))::date,
                (aged.event_at - to_months(age_months + 1))::date, (aged.event_at - to_days(age_days + 1))::date
            ) as birth_low,
            coalesce(
                born, (aged.event_at - to_years(age_years))::date,
                (aged.event_at - to_months(age_months))::date, (aged.event_at - to_days(age_days) + to_days(1))::date
            ) as birth_high,
            citizen as citizen_id,
            case
                when citizen_id is null then 'missing'
                when citizen is null or not is_checked or citizen_birth is null or citizen_birth < date '1890-01-01'
                    or citizen_birth > current_date then 'invalid'
                -- a number whose birth or sex is not the record's own may be a parent's: kept, never matched on
                when coalesce(born, citizen_birth) <> citizen_birth
                    or coalesce(sex_code, citizen_sex) not in (citizen_sex, 'O')
                    then 'foreign'
                else 'own'
            end as citizen_state,
            list_sort(list_distinct(list_filter(
                list_transform(phones_written, lambda p: {phone_number("canonical_identifier(p)")}),
                lambda p: p is not null
            ))) as phones,
            {postal_address("canonical_identifier(address)")} as address,
            ethnicity,
            canonical_identifier(merged_into) as merged_into,
            canonical_identifier(mother_id) as mother_id,
            {_INSTANT.format("registered_at")} as registered_at,
            coalesce(upper(trim(is_void)) in ('1', 'Y', 'T', 'TRUE', '是'), false) or change is not null as is_void,
            first_order,
            last_order,
            first_seen,
            last_seen,
            batch_id
        from judged
    """)
    connection.execute(f"""
        create or replace temp table identifier as
        with values_written as (
            select
                pseudonym('person_record', record_key) as record_id,
                source,
                period,
                item.kind as id_type,
                canonical_identifier(item.value) as id_value,
                min(first_seen) as first_seen,
                max(last_seen) as last_seen
            from (select record_key, source, period, first_seen, last_seen, unnest(numbers) as item from mention)
            group by record_key, source, period, item.kind, canonical_identifier(item.value)
        )

        select
            record_id,
            id_type,
            id_value,
            core as id_core,
            core_key as id_key,
            prefix as id_prefix,
            suffix as id_suffix,
            source,
            period,
            first_seen,
            last_seen
        from (select *, {identifier_columns("id_value")} from values_written)
        where id_value <> ''
    """)
