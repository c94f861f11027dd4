"""Keeps the books: what each file held and what became of it, what went to quarantine, what each step did.

The balance received = loaded + quarantined + unchanged is checked before an entry is written.
"""

import json
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from lakehouse.errors import RadlakeError
from lakehouse.lake import Connection, append_arrow


def new_batch_id() -> str:
    """Return an identifier of a load that sorts by time."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}{time.time_ns() % 10**9:09d}_{secrets.token_hex(3)}"


def local_now(timezone: str) -> datetime:
    """Return the hospital's local time without zone, as every column of instants holds it."""
    return datetime.now(ZoneInfo(timezone)).replace(tzinfo=None)


def file_token(path: Path, root: Path) -> str:
    """Return the token that stands for a file below a folder, since names may hold identifiers."""
    try:
        name = path.relative_to(root).as_posix()
    except ValueError:
        name = path.name
    return sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:20]


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """The account of one file."""

    batch_id: str
    source: str
    entity: str
    file_token: str
    file_name: str
    file_sha256: str
    mapping_sha256: str
    size_bytes: int
    encoding: str | None
    encoding_confidence: float | None
    received: int
    loaded: int
    quarantined: int
    unchanged: int
    loaded_at: datetime
    dropped: dict[str, int] = field(default_factory=dict)
    unknown_columns: int = 0
    file_match: str = ""
    """Glob of the mapping, by which a mapping is known from one edition to the next."""
    deleted: int = 0
    """Tombstones written for records that a complete extract no longer holds; no part of `received`."""
    deletions_held: int = 0
    """Records that would have vanished and were kept, because they were more than half."""
    breach: str | None = None
    """Why the whole file was held; never a value of the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One record that went to quarantine."""

    row_no: int
    reason: str
    raw_text: str


def check_balance(received: int, loaded: int, quarantined: int, unchanged: int) -> None:
    """Raise RadlakeError when records were lost or made."""
    if received != loaded + quarantined + unchanged:
        raise RadlakeError(
            f"the books do not balance: received {received}, loaded {loaded}, quarantined {quarantined}, "
            f"unchanged {unchanged}"
        )


def write_deliveries(connection: Connection, accounts: Sequence[tuple[Delivery, Sequence[Refusal]]]) -> None:
    """Write the accounts of files and their quarantined records, in a transaction of the caller."""
    deliveries, refused = [], []
    for delivery, refusals in accounts:
        check_balance(delivery.received, delivery.loaded, delivery.quarantined, delivery.unchanged)
        row = {name: getattr(delivery, name) for name in Delivery.__dataclass_fields__}
        deliveries.append(row | {"dropped": json.dumps(delivery.dropped, sort_keys=True)})
        refused += [
            {
                "batch_id": delivery.batch_id,
                "source": delivery.source,
                "entity": delivery.entity,
                "file_token": delivery.file_token,
                "file_sha256": delivery.file_sha256,
                "row_no": refusal.row_no,
                "reason": refusal.reason,
                "raw_text": refusal.raw_text,
                "quarantined_at": delivery.loaded_at,
            }
            for refusal in refusals
        ]
    for table, rows in (("delivery", deliveries), ("quarantine", refused)):
        if rows:
            append_arrow(connection, f"raw.raw_ledger.{table}", pa.Table.from_pylist(rows))


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What one step of a run did."""

    step: str
    status: str
    received: int
    loaded: int
    quarantined: int
    unchanged: int
    seconds: float
    started_at: datetime


def write_steps(connection: Connection, run_id: str, steps: Iterable[Step]) -> None:
    """Write the steps of a run."""
    rows = [{"run_id": run_id} | {name: getattr(step, name) for name in Step.__dataclass_fields__} for step in steps]
    if rows:
        append_arrow(connection, "raw.raw_ledger.step", pa.Table.from_pylist(rows))
