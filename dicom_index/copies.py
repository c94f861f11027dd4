"""Settles files of the same SOP Instance UID: which one is indexed, how many there are, whether they conflict."""

import hashlib
from pathlib import Path

import pyarrow as pa

from dicom_index.folders import text_to_path
from lakehouse.lake import Connection, append_arrow, transaction

_FILE = "raw.raw_dicom.file"
_INSTANCE = "raw.raw_dicom.instance"
_BLOCK = 1_048_576
_PAGE = 1_000

RIGHTFUL = f"""
    select
        sop_instance_uid,
        coalesce(min(file_token) filter (is_present), min(file_token)) as file_token
    from {_FILE}
    where status = 'indexed'
    group by sop_instance_uid
"""
"""SQL for the file each instance is indexed from: of the files present, the one with the smallest token."""


def find_displaced(connection: Connection) -> list[str]:
    """Return the tokens of files that should be indexed in place of another, because that one is gone."""
    return [
        row[0]
        for row in connection.execute(
            f"select r.file_token from ({RIGHTFUL}) as r "
            f"join {_FILE} as f on f.file_token = r.file_token and f.is_present "
            f"left join {_INSTANCE} as i on i.sop_instance_uid = r.sop_instance_uid "
            "where i.file_token is distinct from r.file_token order by 1"
        ).fetchall()
    ]


def settle_copies(connection: Connection) -> int:
    """Compare the pixel data of files with one SOP Instance UID, and return how many files had to be read for it."""
    connection.execute(
        "create or replace temp table scan_copies as "
        "select row_number() over (order by path) as n, file_token, path, pixel_data_offset "
        f"from {_FILE} where status = 'indexed' and is_present and pixel_sha256 is null and sop_instance_uid in "
        f"(select sop_instance_uid from {_FILE} where status = 'indexed' and is_present "
        "group by sop_instance_uid having count(*) > 1)"
    )
    hashed = 0
    first = 1
    while page := connection.execute(
        "select file_token, path, pixel_data_offset from scan_copies where n >= $1 and n < $2 order by n",
        [first, first + _PAGE],
    ).fetchall():
        first += _PAGE
        digests = [(token, _digest_pixels(text_to_path(path), offset or 0)) for token, path, offset in page]
        hashed += len(page)
        connection.execute("create or replace temp table scan_digest (file_token varchar, pixel_sha256 varchar)")
        append_arrow(
            connection,
            "temp.scan_digest",
            pa.table(
                {"file_token": [t for t, _ in digests], "pixel_sha256": pa.array([d for _, d in digests], pa.string())}
            ),
        )
        with transaction(connection):
            connection.execute(
                f"update {_FILE} as f set pixel_sha256 = d.pixel_sha256 from scan_digest as d "
                "where f.file_token = d.file_token and d.pixel_sha256 is not null"
            )
    _count_copies(connection)
    return hashed


def _count_copies(connection: Connection) -> None:
    connection.execute(
        "create or replace temp table scan_counts as "
        "select i.sop_instance_uid, c.n_copies, c.has_conflicting_copy, c.n_copies > 0 as is_present "
        f"from {_INSTANCE} as i join (select sop_instance_uid, count(*) filter (is_present) as n_copies, "
        "count(distinct pixel_sha256) filter (is_present) > 1 as has_conflicting_copy "
        f"from {_FILE} where status = 'indexed' group by sop_instance_uid) as c using (sop_instance_uid) "
        "where i.n_copies is distinct from c.n_copies "
        "or i.has_conflicting_copy is distinct from c.has_conflicting_copy "
        "or i.is_present is distinct from (c.n_copies > 0)"
    )
    with transaction(connection):
        connection.execute(
            f"update {_INSTANCE} as i set n_copies = c.n_copies, has_conflicting_copy = c.has_conflicting_copy, "
            "is_present = c.is_present from scan_counts as c where i.sop_instance_uid = c.sop_instance_uid"
        )


def _digest_pixels(path: Path, offset: int) -> str | None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as handle:
            handle.seek(offset)
            while block := handle.read(_BLOCK):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()
