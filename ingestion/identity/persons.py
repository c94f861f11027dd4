"""Makes persons of pairs: clusters without contradictions, a surviving record each, and what waits for a decision."""

import hashlib
from datetime import datetime

import numpy as np
import pyarrow as pa

from ingestion.identity.clusters import Facts, Link, connect, contradicts, part
from ingestion.identity.columns import column_roles
from ingestion.identity.state import VAULT
from lakehouse.lake import Connection, append_arrow


def load_decisions(connection: Connection) -> None:
    """Make `decided`: the newest decision of each pair of records that still stands."""
    connection.execute(f"""
        create or replace temp table decided as
        select record_a, record_b, arg_max(decision, (decided_at, decision_id)) as decision
        from {VAULT}.link_decision
        group by record_a, record_b
        having arg_max(decision, (decided_at, decision_id)) in ('same', 'different')
    """)


def find_clusters(connection: Connection) -> None:
    """Make `cluster` (record_id, root) and `left_out` (pairs that a contradiction parted, with the reason)."""
    load_decisions(connection)
    connection.execute(
        "create or replace temp table numbered as select record_id, "
        "row_number() over (order by record_id) - 1 as place from record"
    )
    connection.execute("""
        create or replace temp table linked as
        select a.place as left_place, b.place as right_place, links.rule, links.score
        from (
            select record_a, record_b, rule, score
            from all_pair
            where not is_review and (record_a, record_b) not in (select (record_a, record_b) from decided)
            union all
            select record_a, record_b, 'decision', 1.0 from decided where decision = 'same'
        ) as links
        inner join numbered as a on links.record_a = a.record_id
        inner join numbered as b on links.record_b = b.record_id
    """)
    edges = connection.execute("select left_place, right_place from linked").fetchnumpy()
    counted = connection.execute("select count(*) from record").fetchone()
    labels = connect(int(counted[0]) if counted else 0, edges["left_place"], edges["right_place"])
    append_labels(connection, labels)
    _part_contradictions(connection, labels)


def append_labels(connection: Connection, labels: np.ndarray) -> None:
    """Make `component` (place, root) of the labels by place."""
    connection.execute("create or replace temp table component (place bigint, root bigint)")
    append_arrow(connection, "component", pa.table({"place": np.arange(len(labels)), "root": labels}))


def _part_contradictions(connection: Connection, labels: np.ndarray) -> None:
    """Look closely at the components in which records might contradict each other, and part them."""
    connection.execute("""
        create or replace temp table doubtful as
        select component.root
        from component
        inner join numbered using (place)
        inner join record using (record_id)
        group by component.root
        having count(*) > 1 and (
            count(distinct citizen_id) filter (citizen_state = 'own') > 1
            or count(distinct birth_date) > 1
            or count(distinct is_newborn) filter (name_kind <> 'missing') > 1
            or count(distinct name_kind = 'test') filter (name_kind <> 'missing') > 1
            or count(distinct name_norm) filter (name_kind = 'newborn') > 1
        )
        union
        select a.root
        from decided
        inner join numbered as na on decided.record_a = na.record_id
        inner join numbered as nb on decided.record_b = nb.record_id
        inner join component as a on na.place = a.place
        inner join component as b on nb.place = b.place
        where decided.decision = 'different' and a.root = b.root
    """)
    facts: dict[int, dict[int, Facts]] = {}
    for root, place, citizen, sex, birth, low, high, name, kind, newborn in connection.execute("""
        select component.root, component.place, case when citizen_state = 'own' then citizen_id end, sex, birth_date,
            birth_low, birth_high, name_norm, name_kind, is_newborn
        from doubtful
        inner join component using (root)
        inner join numbered using (place)
        inner join record using (record_id)
        order by component.root, component.place
    """).fetchall():
        facts.setdefault(root, {})[place] = Facts(citizen, sex, birth, low, high, name, kind, newborn)
    links: dict[int, list[Link]] = {}
    for root, left, right, rule, score in connection.execute("""
        select doubtful.root, left_place, right_place, rule, score
        from linked
        inner join component on linked.left_place = component.place
        inner join doubtful on component.root = doubtful.root
    """).fetchall():
        links.setdefault(root, []).append(Link(left=left, right=right, rule=rule, score=score))
    apart = {
        (min(a, b), max(a, b))
        for a, b in connection.execute("""
            select na.place, nb.place from decided
            inner join numbered as na on decided.record_a = na.record_id
            inner join numbered as nb on decided.record_b = nb.record_id
            where decided.decision = 'different'
        """).fetchall()
    }
    left_out = []
    for root, members in facts.items():
        mine = {pair for pair in apart if pair[0] in members and pair[1] in members} if apart else set()
        roots, dropped = part(links.get(root, []), members, contradicts, mine)
        smallest: dict[int, int] = {}
        for place, label in roots.items():
            smallest[label] = min(place, smallest.get(label, place))
        for place, label in roots.items():
            labels[place] = smallest[label]
        left_out += [
            {
                "left_place": link.left,
                "right_place": link.right,
                "rule": link.rule,
                "score": link.score,
                "reason": reason,
            }
            for link, reason in dropped
        ]
    append_labels(connection, labels)
    schema = pa.schema([
        ("left_place", pa.int64()), ("right_place", pa.int64()), ("rule", pa.string()), ("score", pa.float64()),
        ("reason", pa.string()),
    ])  # fmt: skip
    connection.execute(
        "create or replace temp table left_out "
        "(left_place bigint, right_place bigint, rule varchar, score double, reason varchar)"
    )
    append_arrow(connection, "left_out", pa.Table.from_pylist(left_out, schema=schema))
    connection.execute(
        "create or replace temp table cluster as "
        "select record_id, root from component inner join numbered using (place)"
    )


def find_links(connection: Connection) -> None:
    """Make `link`: person, surviving record, method and score of every record.

    The survivor is the registration that was merged into no other; of several the one whose system is trusted most and
    that came first. A record's method is the surest link that holds it to its person.
    """
    trust = "list_position([" + ", ".join(f"'{source}'" for source in column_roles()["trust"]) + "], record.source)"
    connection.execute("""
        create or replace temp table held as
        with held_places as (
            select linked.left_place, linked.right_place, linked.rule, linked.score
            from linked
            inner join component as a on linked.left_place = a.place
            inner join component as b on linked.right_place = b.place and a.root = b.root
        )

        select numbered.record_id, arg_max(ends.rule, (ends.score, ends.rule)) as rule, max(ends.score) as score
        from (
            select left_place as place, rule, score from held_places
            union all
            select right_place as place, rule, score from held_places
        ) as ends
        inner join numbered using (place)
        group by numbered.record_id
    """)
    connection.execute(f"""
        create or replace temp table ranked as
        select
            record.*,
            cluster.root,
            row_number() over (
                partition by cluster.root
                order by
                    not record.is_registry, record.merged_into is not null, record.is_void,
                    record.name_kind <> 'ordinary', coalesce({trust}, 99), record.first_order, record.record_id
            ) = 1 as is_survivor
        from record
        inner join cluster using (record_id)
    """)
    # a number belongs to the person of its records; newborns under their mother's number have none of their own
    connection.execute("""
        create or replace temp table number_owner as
        select
            number_kind,
            number,
            count(distinct root) as root_count,
            arg_min(root, (is_newborn, not is_registry, first_order, record_id)) as first_root,
            count(distinct root) filter (not is_newborn) as grown_count
        from ranked
        where number <> '' and number_kind in ('patient_id', 'fhir_patient') and name_kind <> 'missing'
        group by number_kind, number
    """)
    connection.execute("""
        create or replace temp table survivor as
        select
            ranked.root,
            ranked.record_id,
            case
                when number_owner.first_root = ranked.root
                    then pseudonym(replace(ranked.number_kind, 'patient_id', 'patient'), ranked.number)
                else pseudonym('person', ranked.record_key)
            end as person_id
        from ranked
        left join number_owner using (number_kind, number)
        where ranked.is_survivor
    """)
    connection.execute("""
        create or replace temp table link as
        select
            ranked.record_id,
            survivor.person_id,
            ranked.is_survivor,
            coalesce(
                number_owner.first_root = ranked.root
                and (number_owner.root_count = 1 or number_owner.grown_count = 1 and not ranked.is_newborn),
                false
            ) as is_number_owner,
            coalesce(held.rule, case when ranked.is_registry then 'registration' else 'unlinked' end) as link_method,
            case when held.rule is not null then held.score when ranked.is_registry then 1.0 else 0.0 end as link_score
        from ranked
        inner join survivor using (root)
        left join held on ranked.record_id = held.record_id
        left join number_owner using (number_kind, number)
    """)


def save_links(connection: Connection, *, batch_id: str, linked_at: datetime) -> int:
    """Append a version for each record whose link changed and return how many; in a transaction of the caller."""
    connection.execute(f"""
        create or replace temp table changed_link as
        with standing as (
            select * from {VAULT}.person_link
            qualify row_number() over (partition by record_id order by version_no desc) = 1
        )

        select link.*, coalesce(standing.version_no, 0) + 1 as version_no
        from link
        left join standing using (record_id)
        where standing.record_id is null
            or link.person_id <> standing.person_id
            or link.is_survivor <> standing.is_survivor
            or link.is_number_owner <> standing.is_number_owner
            or link.link_method <> standing.link_method
            or link.link_score <> standing.link_score
    """)
    answer = connection.execute(
        f"insert into {VAULT}.person_link by name select *, $1 as batch_id, $2::timestamp as linked_at "
        "from changed_link order by record_id",
        [batch_id, linked_at],
    ).fetchone()
    return int(answer[0]) if answer else 0


def review_id(record_a: str, record_b: str) -> str:
    """Return the number of a question about two records."""
    return hashlib.sha256(f"{record_a}\x1f{record_b}".encode()).hexdigest()[:16]


def find_reviews(connection: Connection) -> None:
    """Make `review`: links left out for a contradiction, and pairs no rule decides whose records are two persons."""
    connection.execute("""
        create or replace temp table review as
        with asked as (
            select na.record_id as record_a, nb.record_id as record_b, left_out.rule, left_out.score, left_out.reason
            from left_out
            inner join numbered as na on left_out.left_place = na.place
            inner join numbered as nb on left_out.right_place = nb.place
            where left_out.reason <> 'decision'
            union all
            select record_a, record_b, rule, score,
                case rule when 'source_merge' then 'contradiction' else 'uncertain' end
            from all_pair
            where is_review and (record_a, record_b) not in (select (record_a, record_b) from decided)
        ),

        apart as (
            select
                asked.*, least(a.person_id, b.person_id) as person_a, greatest(a.person_id, b.person_id) as person_b
            from asked
            inner join link as a on asked.record_a = a.record_id
            inner join link as b on asked.record_b = b.record_id
            where a.person_id <> b.person_id
        )

        -- one question for two persons, by their surest pair
        select
            substr(sha256(record_a || chr(31) || record_b), 1, 16) as review_id,
            record_a, record_b, rule, score, reason
        from apart
        qualify row_number() over (partition by person_a, person_b order by score desc, record_a, record_b) = 1
    """)


def save_reviews(connection: Connection, batch_id: str) -> int:
    """Write the open questions anew, keeping the run that asked first; in a transaction of the caller."""
    connection.execute(f"""
        create or replace temp table dated_review as
        select review.*, coalesce(before.batch_id, $1) as batch_id
        from review
        left join {VAULT}.link_review as before using (review_id)
    """, [batch_id])  # fmt: skip
    connection.execute(f"delete from {VAULT}.link_review")
    answer = connection.execute(
        f"insert into {VAULT}.link_review by name select * from dated_review order by review_id"
    ).fetchone()
    return int(answer[0]) if answer else 0
