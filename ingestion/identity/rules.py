"""Finds the pairs of records that the deterministic rules link (rules.yml), and those only a person may decide.

Works over the temporary tables of linking.py: `record` (with is_touched) and `identifier`. Numbers that stand for
several people are taken out before anything is joined, so that a walk-in number costs nothing.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ingestion.identity.conditions import CONDITIONS, contradiction
from ingestion.identity.names import differ_in_one
from lakehouse.lake import Connection

SHARED_BY = 3
"""From how many different names on a number shares it; two may be a mother and her child."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule of the ladder."""

    name: str
    step: int
    score: float
    where: str
    source: dict[str, Any]
    is_review: bool


@functools.cache
def read_rules() -> tuple[Rule, ...]:
    """Return the rules in their order, those for the review queue last."""
    content = yaml.safe_load((Path(__file__).parent / "rules.yml").read_text(encoding="utf-8"))
    return tuple(
        Rule(
            name=entry["rule"], step=entry["step"], score=entry["score"],
            where=entry.get("where", "true").format(**CONDITIONS), source=entry.get("join", {}), is_review=is_review,
        )
        for is_review, part in ((False, "rules"), (True, "review")) for entry in content[part]
    )  # fmt: skip


def find_number_facts(connection: Connection) -> None:
    """Make `number_fact`: how many different names stand on a number, and whether it is shared.

    Names one character apart from the commonest count as that one, and newborns do not count: they are told apart by
    their names.
    """
    near = f"(name_norm = commonest_name or {differ_in_one('name_norm', 'commonest_name')})"
    repeated = "|".join(f"0*{digit}{{5,}}" for digit in range(10))
    connection.execute(f"""
        create or replace temp table number_fact as
        with named as (
            select
                identifier.id_type,
                identifier.id_value,
                identifier.period,
                record.name_norm,
                count(*) as record_count
            from identifier
            inner join record using (record_id)
            where record.name_kind = 'ordinary' and not record.is_newborn
            group by all
        ),

        commonest as (
            select *, first_value(name_norm) over (
                partition by id_type, id_value, period order by record_count desc, name_norm
            ) as commonest_name
            from named
        )

        select
            id_type,
            id_value,
            period,
            1 + count(*) filter (not {near}) as name_count,
            1 + count(*) filter (not {near}) >= {SHARED_BY} as is_shared
        from commonest
        group by all
        union all
        select distinct id_type, id_value, period, {SHARED_BY} as name_count, true as is_shared
        from identifier
        where regexp_full_match(id_value, '{repeated}|0*12345(6(7(89?)?)?)?|[0-9A-Z]')
    """)
    connection.execute("""
        create or replace temp table number as
        with facts as (
            select id_type, id_value, period, max(name_count) as name_count, bool_or(is_shared) as is_shared
            from number_fact
            group by all
        )

        select identifier.*, coalesce(facts.name_count, 1) as name_count
        from identifier
        left join facts using (id_type, id_value, period)
        where not coalesce(facts.is_shared, false)
    """)
    # what encounters say about a number is true of the person registered under it
    connection.execute("""
        create or replace temp table carried_number as
        select * from number
        union
        select
            owner.record_id,
            hospital.* exclude (record_id)
        from number as hospital
        inner join record as mention on hospital.record_id = mention.record_id and mention.name_kind = 'missing'
        inner join number as link
            on hospital.record_id = link.record_id and link.id_type = 'patient_id' and link.name_count <= 1
        inner join number as owner on link.id_type = owner.id_type and link.id_value = owner.id_value
        inner join record as registered
            on owner.record_id = registered.record_id and registered.name_kind = 'ordinary'
            and registered.source = mention.source and not registered.is_newborn
        where hospital.id_type in ('inpatient_no', 'medical_record_no')
    """)


def _joined(rule: Rule) -> str:
    source = rule.source
    if "column" in source:
        columns = [source["column"], *([source["also"]] if "also" in source else [])]
        equal = " and ".join(f"l.{column} = r.{column}" for column in columns)
        return f"from record as l inner join record as r on {equal} and l.record_id < r.record_id"
    if not source:
        return (
            "from merge_pair inner join record as l on merge_pair.record_a = l.record_id "
            "inner join record as r on merge_pair.record_b = r.record_id"
        )
    table = "carried_number" if "carried" in source else "number"
    kinds = ", ".join(f"'{kind}'" for kind in source.get("carried") or source["identifier"])
    return (
        f"from {table} as l_number inner join {table} as r_number on l_number.id_type = r_number.id_type "
        f"and l_number.{source['by']} = r_number.{source['by']} and l_number.record_id < r_number.record_id "
        "inner join record as l on l_number.record_id = l.record_id "
        f"inner join record as r on r_number.record_id = r.record_id and l_number.id_type in ({kinds})"
    )


def find_pairs(connection: Connection) -> None:
    """Make `pair`: for each pair of records that a rule links, and that has a touched record, the surest rule."""
    queries = [
        f"select distinct l.record_id as record_a, r.record_id as record_b, '{rule.name}' as rule, "
        f"{rule.score}::double as score, {rule.step} as step, {str(rule.is_review).lower()} as is_review "
        f"{_joined(rule)} where (l.is_touched or r.is_touched) and ({rule.where}) and not {contradiction(rule.name)}"
        for rule in read_rules()
    ]
    # a merge of the source that cannot be is a question for a person
    queries.append(
        "select l.record_id, r.record_id, 'source_merge', 0.9, 3, true from merge_pair "
        "inner join record as l on merge_pair.record_a = l.record_id "
        "inner join record as r on merge_pair.record_b = r.record_id "
        f"where (l.is_touched or r.is_touched) and {contradiction('source_merge')}"
    )
    connection.execute("create or replace temp table found_pair as " + queries[0])
    for query in queries[1:]:
        connection.execute("insert into found_pair " + query)
    connection.execute("""
        create or replace temp table pair as
        select
            record_a,
            record_b,
            arg_max(rule, (score, -step, rule)) as rule,
            max(score) as score,
            bool_and(is_review) as is_review
        from found_pair
        group by record_a, record_b
    """)


def find_merges(connection: Connection) -> None:
    """Make `merge_pair` of what the sources merged themselves: registrations that point to another, and A40 messages.

    The number pointed to stands for the records of its system that bear it, or of any system when its own has none.
    """
    connection.execute("""
        create or replace temp table merge_pair as
        with pointers as (
            select record.record_id, record.source, record.number_kind as id_type, record.merged_into as target
            from record
            where record.merged_into is not null and record.merged_into <> '' and record.merged_into <> record.number
            union
            select number.record_id, 'hl7v2', number.id_type, message.target
            from (
                select distinct
                    canonical_identifier(prior_patient_id) as prior,
                    canonical_identifier(patient_id) as target
                from raw.raw_hl7v2.patient_merge
                where prior_patient_id is not null and patient_id is not null
            ) as message
            inner join number on message.prior = number.id_value and number.id_type = 'patient_id'
            where message.prior <> message.target
        ),

        candidates as (
            select
                pointers.record_id,
                number.record_id as target_id,
                number.source = pointers.source as is_same_source,
                record.is_registry
            from pointers
            inner join number on pointers.id_type = number.id_type and pointers.target = number.id_value
            inner join record on number.record_id = record.record_id
            where pointers.record_id <> number.record_id
        )

        select distinct least(record_id, target_id) as record_a, greatest(record_id, target_id) as record_b
        from candidates
        qualify
            rank() over (partition by record_id order by is_same_source desc, is_registry desc) = 1
    """)
