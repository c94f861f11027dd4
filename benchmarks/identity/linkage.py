"""Links a synthetic population and says how well: `python -m benchmarks.identity.linkage [PEOPLE] [--train]`.

Prints pairwise precision and recall of everything, of each rule by itself, of the rules alone and of the model alone,
the curve by threshold, time and memory. A pair is two records of one person; records of walk-in numbers, which nobody
could tell apart, count for precision only. `--train` fits the model anew and writes model.json with the curve.
"""

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.identity.dirt import Extracts, write_down
from benchmarks.identity.people import make_people
from ingestion.identity.clusters import connect
from ingestion.identity.linking import link_persons
from ingestion.identity.probability import ELIGIBLE
from lakehouse.contract import read_table
from lakehouse.lake import Connection, append_arrow, create_raw_tables, open_lake
from lakehouse.settings import Settings, read_settings
from serving.home import create_home

BATCH = "20260101T000000000000000_bench"
NAMES = {("his", "patient"), ("cdr", "patient"), ("lis", "result"), ("ris", "exam")}


def load(settings: Settings, extracts: Extracts) -> None:
    """Put the extracts into the raw tables, as ingestion would, and the truth beside them into a file."""
    with open_lake(settings, ("raw",)) as connection:
        create_raw_tables(connection)
        for (source, entity), rows in sorted(extracts.rows.items()):
            table = read_table(source, entity)
            columns = {name: [row.get(name) or None for row in rows] for name in table.column_names}
            filled = {name: pa.array(values, pa.string()) for name, values in columns.items()}
            count = len(rows)
            filled |= {
                "_src_file": pa.array(["bench"] * count),
                "_src_row_no": pa.array(range(1, count + 1), pa.int64()),
                "_src_period": pa.array([row.get("_period") for row in rows], pa.string()),
                "_row_sha256": pa.array([str(place) for place in range(count)]),
                "_batch_id": pa.array([BATCH] * count),
                "_loaded_at": pa.array([None] * count, pa.timestamp("us")),
            }
            append_arrow(connection, f"raw.{table.schema}.{entity}", pa.table(filled))
            connection.execute(
                f"update raw.{table.schema}.{entity} set _loaded_at = timestamp '2026-06-30 00:00:00' "
                "where _loaded_at is null"
            )


def record_truth(connection: Connection, extracts: Extracts) -> None:
    """Make `truth` (record_id, person, is_walk_in) of all named rows."""
    keys: dict[str, tuple[int, bool]] = {}
    for (source, entity), rows in extracts.rows.items():
        if (source, entity) not in NAMES:
            continue
        for row in rows:
            number = (row.get("patient_id") or "").strip()
            key = f"{source}/{row.get('_period') or ''}/{number}/{row.get('patient_name') or ''}"
            keys[key] = (row["_truth"], bool(row.get("_walk_in")))
    connection.execute("create or replace temp table truth_key (record_key varchar, person bigint, is_walk_in boolean)")
    append_arrow(
        connection,
        "truth_key",
        pa.table({
            "record_key": list(keys), "person": [person for person, _ in keys.values()],
            "is_walk_in": [walk_in for _, walk_in in keys.values()],
        }),
    )  # fmt: skip
    connection.execute(
        "create or replace temp table truth as select pseudonym('person_record', record_key) as record_id, "
        "any_value(person) as person, bool_or(is_walk_in) as is_walk_in from truth_key group by 1"
    )


def measure(connection: Connection, groups: str, *, registrations_only: bool = False) -> dict[str, float]:
    """Return pairwise precision and recall of a relation (record_id, root) against the truth."""
    where = "where record_id in (select record_id from raw.raw_vault.person_record where is_registry)"
    row = connection.execute(f"""
        with placed as (
            select truth.person, truth.is_walk_in, coalesce(cast(g.root as varchar), truth.record_id) as root
            from truth left join ({groups}) as g using (record_id)
            {where if registrations_only else ""}
        ),
        together as (select root, person, count(*) as n from placed group by all),
        named as (select root, person, count(*) as n from placed where not is_walk_in group by all)
        select
            (select sum(n * (n - 1) / 2) from together),
            (select sum(n * (n - 1) / 2) from (select sum(n) as n from together group by root)),
            (select sum(n * (n - 1) / 2) from named),
            (select sum(n * (n - 1) / 2) from (select sum(n) as n from named group by person))
    """).fetchone()
    assert row is not None
    right, said, found, true = (float(value or 0) for value in row)
    return {
        "pairs_said": said, "pairs_true": true, "wrong": said - right,
        "precision": right / said if said else 1.0, "recall": found / true if true else 1.0,
    }  # fmt: skip


def measure_rules(connection: Connection, table: str) -> dict[str, dict[str, float]]:
    """Return for each rule how many pairs it finds, how many of them are right."""
    rows = connection.execute(f"""
        select rule, is_review, count(*), sum((a.person = b.person)::int)
        from {table} as pair
        inner join truth as a on pair.record_a = a.record_id
        inner join truth as b on pair.record_b = b.record_id
        group by all order by 2, 3 desc
    """).fetchall()
    return {
        f"{rule}{' (review)' if review else ''}": {"pairs": count, "precision": right / count}
        for rule, review, count, right in rows
    }


def clusters_of(connection: Connection, query: str) -> str:
    """Return a relation of plain connected components of a query for pairs."""
    connection.execute(
        "create or replace temp table all_record as select record_id, "
        "row_number() over (order by record_id) - 1 as place from raw.raw_vault.person_record"
    )
    edges = connection.execute(
        f"select a.place as l, b.place as r from ({query}) as p inner join all_record a on p.record_a = a.record_id "
        "inner join all_record b on p.record_b = b.record_id"
    ).fetchnumpy()
    count = connection.execute("select count(*) from all_record").fetchone()
    assert count is not None
    labels = connect(count[0], edges["l"], edges["r"])
    connection.execute("create or replace temp table alone (place bigint, root bigint)")
    append_arrow(connection, "alone", pa.table({"place": np.arange(len(labels)), "root": labels}))
    return "select record_id, root from alone inner join all_record using (place)"


def model_alone(connection: Connection, threshold: float) -> str:
    """Return a relation of the clusters of the model without any rule, nor any contradiction."""
    return clusters_of(connection, f"select record_a, record_b from scored_pair where score >= {threshold}")


def curve(connection: Connection) -> list[dict[str, float]]:
    """Return precision and recall by threshold over the pairs that no rule has found and the model may link."""
    rows = connection.execute(f"""
        with judged as (
            select score, (a.person = b.person) as is_right
            from scored_pair
            inner join truth as a on record_a = a.record_id
            inner join truth as b on record_b = b.record_id
            inner join record as l on record_a = l.record_id
            inner join record as r on record_b = r.record_id
            where {ELIGIBLE} and (record_a, record_b) not in (
                select (record_a, record_b) from raw.raw_vault.record_pair
                where not is_review and rule <> 'probabilistic'
            )
        ),
        thresholds as (
            select unnest([0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99999]) as t
        )
        select t, count(*) filter (score >= t), sum((is_right and score >= t)::int),
            (select count(*) from judged where is_right)
        from thresholds, judged group by t order by t
    """).fetchall()
    return [
        {
            "threshold": float(t),
            "pairs": n,
            "precision": (right or 0) / n if n else 1.0,
            "recall": (right or 0) / all_right,
        }
        for t, n, right, all_right in rows
    ]


def run(people: int, seed: int, *, home: Path) -> dict[str, Any]:
    """Generate, load and link; return all figures."""
    create_home(home, synthetic=True)
    settings = read_settings(home)
    extracts = write_down(make_people(people, seed), seed)
    load(settings, extracts)
    started = time.monotonic()
    result = link_persons(settings)
    seconds = time.monotonic() - started
    figures: dict[str, Any] = {
        "people": people, "records": result.received, "seconds": round(seconds, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "dirt": extracts.counts, "open_reviews": result.open_reviews,
    }  # fmt: skip
    with open_lake(settings, ("raw",)) as connection:
        record_truth(connection, extracts)
        current = (
            "select record_id, person_id as root from raw.raw_vault.person_link "
            "qualify row_number() over (partition by record_id order by version_no desc) = 1"
        )
        figures["together"] = measure(connection, current)
        figures["registrations"] = measure(connection, current, registrations_only=True)
        figures["by_rule"] = measure_rules(connection, "raw.raw_vault.record_pair")
        rules_only = (
            "select record_a, record_b from raw.raw_vault.record_pair where not is_review and rule <> 'probabilistic'"
        )
        figures["rules_alone"] = measure(connection, clusters_of(connection, rules_only))
        figures |= _measure_model(connection)
    return figures


def _measure_model(connection: Connection) -> dict[str, Any]:
    from ingestion.identity.probability import read_model, score_pairs

    connection.execute(
        "create or replace temp table record as select *, true as is_touched from raw.raw_vault.person_record"
    )
    started = time.monotonic()
    score_pairs(connection, lowest=0.5)
    seconds = round(time.monotonic() - started, 1)
    return {
        "model_seconds": seconds,
        "model_alone": measure(connection, model_alone(connection, read_model()["threshold"])),
        "curve": curve(connection),
    }


def show(figures: dict[str, Any]) -> None:
    """Print the figures as text."""
    print(
        f"{figures['people']} people, {figures['records']} records: {figures['seconds']} s, {figures['peak_mb']} MB, "
        f"{figures['open_reviews']} questions for a person"
    )
    for name in ("together", "registrations", "rules_alone", "model_alone"):
        part = figures[name]
        print(
            f"{name:13} precision {part['precision']:.5f} recall {part['recall']:.5f} wrong pairs {part['wrong']:.0f}"
        )
    for rule, part in figures["by_rule"].items():
        print(f"  {rule:36} pairs {part['pairs']:8} precision {part['precision']:.5f}")
    print("model, pairs that no rule found: threshold, pairs, precision, recall")
    for point in figures["curve"]:
        print(f"  {point['threshold']:<8} {point['pairs']:7} {point['precision']:.4f} {point['recall']:.4f}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("people", nargs="?", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="identity_"))
    try:
        if arguments.train:
            from benchmarks.identity.training import train

            train(arguments.people, arguments.seed, home=folder / "training")
        figures = run(arguments.people, arguments.seed, home=folder / "home")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        sys.stdout.write(json.dumps(figures, ensure_ascii=False, indent=1) + "\n")
    else:
        show(figures)


if __name__ == "__main__":
    main()
