"""Finds accession numbers that do not name one examination of one patient (sources.md 2, 4.6).

A number that stands with examinations of two patients is a collision; patients differ when their numbers and, where
both are written, their names do. Two systems that mean one examination, by its UID, number or request, and write
different accession numbers are a mismatch; so is a number that lost its prefix or was cut at 16 characters (DICOM SH),
and a number under which two systems that otherwise agree on the patient know different ones.
"""

from ingestion.quality.issues import found_columns
from ingestion.quality.relations import (
    AGREEING_SHARE,
    current_rows,
    find_table,
    found_row,
    number_expression,
    table_relations,
    was_touched,
)
from lakehouse.contract import Table, clean_expression
from lakehouse.lake import Connection

_LONGEST_ACCESSION = 16


def find_accession_issues(connection: Connection) -> None:
    """Leave collisions and mismatches of accession numbers in `relation_found`."""
    relations = table_relations()
    names = _tables_with_accessions()
    touched = {name for name in names if was_touched(connection, _table(name))}
    if not touched:
        return
    for name in names:
        _gather(connection, name)
    for name in relations["exams"]:
        if name in touched:
            _find_collisions(connection, _table(name))
    for child, parent, column in relations["accession_pairs"]:
        if touched & {child, parent} and column in _table(child).column_names and column in _table(parent).column_names:
            _find_mismatches(connection, _table(child), _table(parent), column)
    for child, parent in relations["accession_persons"]:
        if touched & {child, parent}:
            _find_other_persons(connection, _table(child), _table(parent))
            _find_damaged(connection, _table(child), _table(parent))


def _tables_with_accessions() -> list[str]:
    relations = table_relations()
    names = {*relations["exams"], *(name for pair in relations["accession_pairs"] for name in pair[:2])}
    return [name for name in sorted(names) if (table := find_table(name)) and "accession_number" in table.column_names]


def _table(name: str) -> Table:
    table = find_table(name)
    assert table is not None
    return table


def _relation(table: Table) -> str:
    return f"exam_of_{table.source}_{table.name}"


def _gather(connection: Connection, name: str) -> None:
    """Make a temporary table of the current rows of one table that have an accession number."""
    table = _table(name)
    exam = table_relations()["exams"].get(name)
    columns = [column for column in ("study_instance_uid", "exam_id", "request_id") if column in table.column_names]
    links = ", ".join(
        f"nullif(canonical_identifier({clean_expression(column, 'rows')}), '') as {column}_link" for column in columns
    )
    persons = [column for column in ("his_patient_id", "patient_id") if column in table.column_names]
    person = ", ".join(number_expression(column, "rows") for column in persons)
    has_name = "patient_name" in table.column_names
    patient_name = clean_expression("patient_name", "rows") if has_name else "cast(null as varchar)"
    connection.execute(
        f"""
        create or replace temp table {_relation(table)} as
        select
            {found_row(table, "rows")},
            nullif(canonical_identifier({clean_expression("accession_number", "rows")}), '') as accession,
            {number_expression("accession_number", "rows")} as accession_core,
            {f"coalesce({person})" if person else "cast(null as varchar)"} as person,
            {name_expression(patient_name)} as person_name,
            {f"canonical_identifier({clean_expression(exam, 'rows')})" if exam else "cast(null as varchar)"} as exam,
            {links + "," if links else ""}
            sha256(rows."accession_number") as before_sha256,
            rows._batch_id in (select batch_id from relation_batch) as is_touched
        from {current_rows(table)} as rows
        where nullif(trim({clean_expression("accession_number", "rows")}), '') is not null
        """
    )


def name_expression(value: str) -> str:
    """Return SQL of a name as it is compared: no spaces, points or remarks in brackets, upper case; null when empty."""
    return f"nullif(upper(regexp_replace({value}, '[\\s\\x{{a0}}\\x{{3000}}·•.．・]|[(（\\[【].*$', '', 'g')), '')"


_FOUND = (
    "source, entity, file_token, row_no, load_id, record_key, row_sha256, 'accession_number' as column_name, "
    "before_sha256"
)


def _find_collisions(connection: Connection, table: Table) -> None:
    relation = _relation(table)
    connection.execute(
        f"""
        insert into relation_found by name
        with groups as (
            select accession
            from {relation}
            group by accession
            having
                bool_or(is_touched)
                and count(distinct exam) > 1
                and count(distinct person) > 1
                -- the same name under two numbers is one person registered twice
                and (count(distinct person_name) > 1 or count(person_name) = 0)
        )
        select {_FOUND}, {found_columns("accession_collision", "relation.accession_collision")}
        from {relation}
        where accession in (select groups.accession from groups)
        """
    )


def _find_mismatches(connection: Connection, child: Table, parent: Table, column: str) -> None:
    """Compare the accession numbers of rows that share a UID, an exam or a request."""
    connection.execute(
        f"""
        insert into relation_found by name
        with parents as (
            select {column}_link as link, list(distinct accession) as accessions, bool_or(is_touched) as is_touched
            from {_relation(parent)} where {column}_link is not null group by 1
        ),
        children as (
            select
                child.*, parents.accessions, parents.is_touched as is_parent_touched,
                -- a request may have several examinations, and name only one of them
                bool_or(list_contains(parents.accessions, child.accession)) over (partition by child.{column}_link)
                    as has_match
            from {_relation(child)} as child
            inner join parents on child.{column}_link = parents.link
        )
        select {_FOUND}, {found_columns("accession_mismatch", f"relation.accession_by_{column}")}
        from children
        where (is_touched or is_parent_touched) and not list_contains(accessions, accession)
            {"and not has_match" if column == "request_id" else ""}
        """
    )


def _find_other_persons(connection: Connection, child: Table, parent: Table) -> None:
    """Find rows whose accession number another system knows for another person, where the systems mostly agree."""
    connection.execute(
        f"""
        insert into relation_found by name
        with parents as (
            select
                accession, list(distinct person) as persons, list(distinct person_name) as names,
                bool_or(is_touched) as is_touched
            from {_relation(parent)} where person is not null group by accession
        ),
        pairs as (
            select
                child.*, parents.is_touched as is_parent_touched,
                list_contains(parents.persons, child.person) as is_same,
                child.person_name is not null and list_contains(parents.names, child.person_name) as is_same_name
            from {_relation(child)} as child
            inner join parents on child.accession = parents.accession
            where child.person is not null
        )
        select {_FOUND}, {found_columns("accession_mismatch", "relation.accession_person")}
        from pairs
        qualify
            (is_touched or is_parent_touched) and not is_same and not is_same_name
            and avg(cast(is_same as integer)) over () >= {AGREEING_SHARE}
        """
    )


def _find_damaged(connection: Connection, child: Table, parent: Table) -> None:
    """Find accession numbers that are one examination's only without its prefix, or cut at 16 characters."""
    connection.execute(
        f"""
        insert into relation_found by name
        with parents as (
            select accession, any_value(accession_core) as core, list(distinct person) as persons
            from {_relation(parent)} group by accession
        ),
        lost as (
            select child.* from {_relation(child)} as child
            where child.is_touched and child.person is not null
                and child.accession not in (select parents.accession from parents)
        ),
        candidates as (
            select lost.row_sha256, lost.row_no, lost.file_token, parents.accession
            from lost inner join parents on lost.accession_core = parents.core
            where list_contains(parents.persons, lost.person)
            union all
            select lost.row_sha256, lost.row_no, lost.file_token, parents.accession
            from lost inner join parents on lost.accession = substr(parents.accession, 1, {_LONGEST_ACCESSION})
            where length(parents.accession) > {_LONGEST_ACCESSION} and list_contains(parents.persons, lost.person)
        ),
        single as (
            select row_sha256, row_no, file_token from candidates group by all having count(distinct accession) = 1
        )
        select {_FOUND}, {found_columns("accession_mismatch", "relation.accession_damaged")}
        from lost semi join single using (row_sha256, row_no, file_token)
        """
    )
