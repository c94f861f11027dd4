"""Finds rows whose sex, birth date or age contradicts the system that is trusted most for their patient number.

The reference is the newest registration of the number in the most trusted registry that has it (sources.md 5.1). A row
is compared where its name, if it has one, is that of the registration: another name under the number is a shared
number, a newborn under its mother or a typing error, and that is identity's to tell. Ages are compared in years with a
tolerance of two (nominal age counts up to two more); an age in months, days or hours only tells of a child below two.
"""

import functools

from ingestion.quality.exam_numbers import name_expression
from ingestion.quality.issues import found_columns
from ingestion.quality.relations import current_rows, find_table, found_row, table_relations, touched_rows, was_touched
from lakehouse.contract import Table, clean_expression, read_contract, source_names
from lakehouse.lake import Connection

AGE_TOLERANCE_YEARS = 2
_SEXES = (
    "case upper(trim({value})) when 'M' then 'M' when 'F' then 'F' when '男' then 'M' when '女' then 'F' "
    "when '男性' then 'M' when '女性' then 'F' when 'MALE' then 'M' when 'FEMALE' then 'F' "
    "when '1' then 'M' when '2' then 'F' end"
)
_NUMBERS = ("his_patient_id", "patient_id")


def find_conflicts(connection: Connection) -> None:
    """Leave contradictions of sex, birth and age in `relation_found`."""
    registries = [table for name in table_relations()["registries"] if (table := find_table(name))]
    if not any(was_touched(connection, table) for table in _person_tables()):
        return
    _gather_references(connection, registries)
    if connection.execute("select 1 from reference_person limit 1").fetchone() is None:
        return
    ranks = {f"{table.source}.{table.name}": rank for rank, table in enumerate(registries)}
    for table in _person_tables():
        _compare(connection, table, ranks.get(f"{table.source}.{table.name}", len(ranks)))


@functools.cache
def _person_tables() -> tuple[Table, ...]:
    """Return the delivered tables that say something of a person under a patient number."""
    return tuple(
        table
        for source in source_names()
        for table in read_contract(source).values()
        if table.is_delivered and _number(table) and {"sex", "birth_date", "age"} & set(table.column_names)
    )


def _number(table: Table) -> str | None:
    names = [column for column in _NUMBERS if column in table.column_names]
    if table.source == "fhir" or not names:
        # numbers of resources are of another kind
        return None
    return (
        "nullif(coalesce("
        + ", ".join(f"nullif(canonical_identifier({clean_expression(column, 'rows')}), '')" for column in names)
        + "), '')"
    )


def _fact(table: Table, column: str, expression: str) -> str:
    if column not in table.column_names:
        return f"cast(null as varchar) as {column}"
    return f"{expression.replace('{value}', clean_expression(column, 'rows'))} as {column}"


def _facts(table: Table) -> str:
    events = [column for column in table_relations()["events"] if column in table.column_names]
    event = ", ".join(f"try_cast(substr({clean_expression(column, 'rows')}, 1, 10) as date)" for column in events)
    name = clean_expression("patient_name", "rows") if "patient_name" in table.column_names else "cast(null as varchar)"
    return ", ".join(
        (
            f"{_number(table)} as number",
            f"{name_expression(name)} as person_name",
            _fact(table, "sex", _SEXES),
            _fact(table, "birth_date", "nullif(trim(substr({value}, 1, 10)), '')"),
            _fact(table, "age", "nullif(trim({value}), '')"),
            f"{f'coalesce({event})' if events else 'cast(null as date)'} as happened_on",
        )
    )


def _gather_references(connection: Connection, registries: list[Table]) -> None:
    parts = []
    for rank, table in enumerate(registries):
        parts.append(
            f"select {rank} as rank, {_facts(table)}, rows._loaded_at as told_at, "
            "rows._batch_id in (select batch_id from relation_batch) as is_touched "
            f"from {current_rows(table)} as rows"
        )
    connection.execute(
        "create or replace temp table reference_person as "
        + (" union all by name ".join(parts) if parts else "select null as number limit 0")
    )


def _compare(connection: Connection, table: Table, rank: int) -> None:
    """Compare the rows of one table with registrations that are trusted more than it."""
    references = f"""
        select
            number,
            arg_max(sex, (-rank, told_at)) as sex,
            arg_max(try_cast(birth_date as date), (-rank, told_at)) as born_on,
            arg_max(birth_date, (-rank, told_at)) as birth_text,
            list(distinct person_name) as names,
            bool_or(is_touched) as is_touched
        from reference_person
        where number is not null and rank < {rank}
        group by number
    """
    is_touched = was_touched(connection, table)
    touched = connection.execute(
        f"select 1 from reference_person where is_touched and rank < {rank} limit 1"
    ).fetchone()
    if not is_touched and touched is None:
        return
    # registrations that changed concern all rows of their numbers, others only what the loads brought
    rows = touched_rows(table) if touched is None else current_rows(table)
    age_years = "try_cast(regexp_extract(told.age, '^0*([0-9]{1,3})(岁|Y|y|周岁|$)', 1) as integer)"
    is_infant = "regexp_matches(told.age, '^0*[0-9]+(个?月|M|m|W|w|周|天|日|D|d|小时|时|H|h)')"
    connection.execute(
        f"""
        create or replace temp table conflict as
        with reference as ({references}),
        told as (
            select {found_row(table, "rows")}, {_facts(table)},
                {_digest(table, "sex")}, {_digest(table, "birth_date")}, {_digest(table, "age")},
                rows._batch_id in (select batch_id from relation_batch) as is_touched
            from {rows} as rows
        )
        select
            told.*,
            told.sex <> reference.sex as has_other_sex,
            -- a first of January may stand for a year
            try_cast(told.birth_date as date) <> reference.born_on and not (
                year(try_cast(told.birth_date as date)) = year(reference.born_on)
                and (strftime(reference.born_on, '%m%d') = '0101' or told.birth_date like '%-01-01')
            ) as has_other_birth,
            case
                when told.happened_on is null or reference.born_on is null then false
                when {is_infant} then date_sub('year', reference.born_on, told.happened_on) >= {AGE_TOLERANCE_YEARS}
                else abs(date_sub('year', reference.born_on, told.happened_on) - {age_years}) > {AGE_TOLERANCE_YEARS}
            end as has_other_age
        from told
        inner join reference on told.number = reference.number
        where
            (told.is_touched or reference.is_touched)
            and (told.person_name is null or len(reference.names) = 0
                or list_contains(reference.names, told.person_name))
        """
    )
    for column, condition in (("sex", "has_other_sex"), ("birth_date", "has_other_birth"), ("age", "has_other_age")):
        if column in table.column_names:
            connection.execute(
                "insert into relation_found by name select source, entity, file_token, row_no, load_id, record_key, "
                f"row_sha256, '{column}' as column_name, {column}_sha256 as before_sha256, "
                f"{found_columns('cross_system_conflict', f'relation.conflict_{column}')} "
                f"from conflict where coalesce({condition}, false)"
            )


def _digest(table: Table, column: str) -> str:
    value = f'sha256(rows."{column}")' if column in table.column_names else "cast(null as varchar)"
    return f"{value} as {column}_sha256"
