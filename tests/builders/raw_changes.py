"""Changes a raw zone at random, as days of deliveries do and worse: late and corrected rows, rows taken back, swapped
and missing identifiers, persons merged and split, images and reports that come, change and go.

Everything follows from the random generator, so that a seed tells one history.
"""

import random
from collections.abc import Callable

from lakehouse.contract import Table, read_contract, source_names
from lakehouse.lake import Connection

_DAY = "timestamp '2030-01-01' + interval {day} day + interval {hour} hour"


def change_raw_zone(connection: Connection, rng: random.Random, day: int, acts: int = 12) -> None:
    """Do a number of random acts, those of one day."""
    delivered = [
        table
        for source in source_names()
        for table in read_contract(source).values()
        if table.is_delivered and table.has_provenance and _size(connection, table)
    ]
    deeds: list[Callable[[str, str], None]] = [
        lambda load, at: _correct(connection, rng, rng.choice(delivered), load, at),
        lambda load, at: _correct(connection, rng, rng.choice(delivered), load, at),
        lambda load, at: _bring_new(connection, rng, rng.choice(delivered), load, at),
        lambda load, at: _take_back(connection, rng, rng.choice(delivered), load, at),
        lambda load, at: _undo(connection, rng, rng.choice(delivered)),
        lambda load, at: _merge_persons(connection, rng, load, at),
        lambda load, at: _split_person(connection, rng, load, at),
        lambda load, at: _rewrite_record(connection, rng, load, at),
        lambda load, at: _read_again(connection, rng, load, at),
        lambda load, at: _change_images(connection, rng, load, at),
        lambda load, at: _replace_result(connection, rng),
    ]
    for act in range(acts):
        at = _DAY.format(day=day, hour=act)
        rng.choice(deeds)(f"day{day:03}_{act:02}", at)


def _name(table: Table) -> str:
    return f'raw.{table.schema}."{table.name}"'


def _size(connection: Connection, table: Table) -> int:
    row = connection.execute(f"select count(*) from {_name(table)}").fetchone()
    return int(row[0]) if row else 0


def _pick(connection: Connection, rng: random.Random, name: str, most: int = 3, condition: str = "true") -> list[int]:
    rows = [row[0] for row in connection.execute(f"select rowid from {name} where {condition} order by 1").fetchall()]
    return sorted(rng.sample(rows, min(len(rows), rng.randint(1, most))))


def _listed(rows: list[int]) -> str:
    return "(" + ", ".join(map(str, rows or [-1])) + ")"


def _copy(connection: Connection, name: str, rows: list[int], replaced: dict[str, str]) -> None:
    items = ", ".join(f'{value} as "{column}"' for column, value in replaced.items())
    connection.execute(
        f"insert into {name} by name select * replace ({items}) from (select * from {name} where rowid in {_listed(rows)})"
    )


def _provenance(load: str, at: str) -> dict[str, str]:
    return {
        "_batch_id": f"'{load}'",
        "_loaded_at": at,
        "_row_sha256": f"sha256(_row_sha256 || '{load}')",
        "_src_file": f"'{load}'",
    }


def _correct(connection: Connection, rng: random.Random, table: Table, load: str, at: str) -> None:
    """A later version of some rows, in which a column has the value of another row or, if it may, none."""
    name = _name(table)
    rows = _pick(connection, rng, name)
    column = rng.choice(table.columns)
    others = _pick(connection, rng, name, 1, f'"{column.name}" is not null')
    if others and (column.required or rng.random() < 0.8):
        value = f'(select other."{column.name}" from {name} as other where other.rowid = {others[0]})'
    elif column.required:
        return
    else:
        value = "null"
    _copy(connection, name, rows, _provenance(load, at) | {column.name: value, "_clean": "null"})


def _bring_new(connection: Connection, rng: random.Random, table: Table, load: str, at: str) -> None:
    """Records like others under numbers of their own; some belong to another record of the same table."""
    name = _name(table)
    rows = _pick(connection, rng, name)
    types = {column.name: column.data_type for column in table.columns}
    key = [part for part in table.key if types.get(part) == "varchar"][:1]
    if key:
        new = {key[0]: f"\"{key[0]}\" || '{load[-2:]}{load[3:6]}'"}
        _copy(connection, name, rows, _provenance(load, at) | new | {"_clean": "null", "_change": "null"})


def _take_back(connection: Connection, rng: random.Random, table: Table, load: str, at: str) -> None:
    """Tombstones and voids."""
    name = _name(table)
    word = rng.choice(["deleted", "voided"])
    _copy(connection, name, _pick(connection, rng, name), _provenance(load, at) | {"_change": f"'{word}'"})


def _undo(connection: Connection, rng: random.Random, table: Table) -> None:
    """Raw rows that are gone, as after a load that was taken back."""
    name = _name(table)
    connection.execute(f"delete from {name} where rowid in {_listed(_pick(connection, rng, name, 2))}")


def _standing(connection: Connection) -> list[tuple[str, str, int, bool]]:
    return connection.execute(
        "select record_id, person_id, version_no, is_survivor from raw.raw_vault.person_link "
        "qualify row_number() over (partition by record_id order by version_no desc) = 1 order by record_id"
    ).fetchall()


def _link(
    connection: Connection, record: str, person: str, is_survivor: bool, version: int, load: str, at: str
) -> None:
    connection.execute(
        "insert into raw.raw_vault.person_link by name select * replace ($2 as person_id, $3 as is_survivor, "
        f"$4::integer as version_no, $5 as batch_id, {at} as linked_at) from raw.raw_vault.person_link "
        "where record_id = $1 order by version_no desc limit 1",
        [record, person, is_survivor, version + 1, load],
    )


def _merge_persons(connection: Connection, rng: random.Random, load: str, at: str) -> None:
    links = _standing(connection)
    one, other = rng.choice(links)[1], rng.choice(links)[1]
    if one != other:
        for record, person, version, _ in links:
            if person == one:
                _link(connection, record, other, False, version, load, at)


def _split_person(connection: Connection, rng: random.Random, load: str, at: str) -> None:
    record, _, version, is_survivor = rng.choice(_standing(connection))
    if not is_survivor:
        _link(connection, record, f"P{load}".upper().replace("_", "")[:20], True, version, load, at)


def _rewrite_record(connection: Connection, rng: random.Random, load: str, at: str) -> None:
    """Records and identifiers that linking writes anew: most as they were, one with other facts."""
    name = "raw.raw_vault.person_record"
    rows = _pick(connection, rng, name)
    connection.execute(
        f"update {name} set birth_date = birth_date + 1, last_seen = {at}, batch_id = '{load}' "
        f"where rowid in {_listed(rows)}"
    )
    name = "raw.raw_vault.record_identifier"
    rows = _pick(connection, rng, name, 5)
    connection.execute(f"create or replace temp table written as select * from {name} where rowid in {_listed(rows)}")
    connection.execute(f"delete from {name} where rowid in {_listed(rows)}")
    connection.execute(f"insert into {name} by name select * from written")


def _read_again(connection: Connection, rng: random.Random, load: str, at: str) -> None:
    """A newer algorithm that read some reports otherwise."""
    rows = _pick(connection, rng, "raw.raw_text.report")
    version = {"algorithm_version": f"algorithm_version || '.{int(load[3:6])}'"}
    marks = _provenance(load, at)
    reports = connection.execute(
        f"select source, report_id, text_sha256, algorithm_version from raw.raw_text.report where rowid in {_listed(rows)}"
    ).fetchall()
    _copy(connection, "raw.raw_text.report", rows, marks | version | {"impression": f"'{load}'"})
    for source, report, digest, algorithm in reports:
        found = [
            row[0]
            for row in connection.execute(
                "select rowid from raw.raw_text.report_entity where source = $1 and report_id = $2 and text_sha256 = $3 "
                "and algorithm_version = $4 and entity_no > 1",
                [source, report, digest, algorithm],
            ).fetchall()
        ]
        _copy(connection, "raw.raw_text.report_entity", found, marks | version)


def _change_images(connection: Connection, rng: random.Random, load: str, at: str) -> None:
    """Images that vanished from disk, came under a new number, or belong to another accession number now."""
    study, series, instance = (f"raw.raw_dicom.{name}" for name in ("study", "series", "instance"))
    rows = _pick(connection, rng, study, 1)
    act = rng.randint(1, 4)
    if act == 1:
        connection.execute(f"update {study} set is_present = not is_present where rowid in {_listed(rows)}")
    elif act == 2:
        other = _pick(connection, rng, study, 1)
        connection.execute(
            f"update {study} set accession_number = (select accession_number from {study} where rowid = {other[0]}), "
            f"batch_id = '{load}' where rowid in {_listed(rows)}"
            if other
            else "select 1"
        )
    elif act == 3:
        for name, column in ((series, "series_instance_uid"), (instance, "sop_instance_uid")):
            _copy(connection, name, _pick(connection, rng, name),
                  {column: f"{column} || '.{int(load[3:6])}{int(load[-2:]):02}'", "batch_id": f"'{load}'", "loaded_at": at})  # fmt: skip
    else:
        connection.execute(f"delete from {instance} where rowid in {_listed(_pick(connection, rng, instance))}")


def _replace_result(connection: Connection, rng: random.Random) -> None:
    """AI results of which another version stands now."""
    rows = _pick(connection, rng, "raw.raw_ai.result")
    connection.execute(f"update raw.raw_ai.result set is_current = not is_current where rowid in {_listed(rows)}")
