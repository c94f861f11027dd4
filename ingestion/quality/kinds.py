"""The closed list of kinds of defects, read from kinds.yml: action, severity and Chinese name of each."""

import functools
from dataclasses import dataclass
from pathlib import Path

import yaml

ACTIONS = (
    "normalise", "normalise_flag", "null_flag", "keep_flag", "drop_row", "drop_duplicate", "quarantine_row",
    "hold_file", "supersede", "tombstone", "link_merge", "link_split", "link_review", "exclude", "scrub",
)  # fmt: skip
SEVERITIES = ("info", "warn", "error")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of defect; `others` are the actions a rule may take instead of the usual one."""

    name: str
    action: str
    others: tuple[str, ...]
    severity: str
    label_zh: str


@functools.cache
def read_kinds() -> dict[str, Kind]:
    """Return all kinds by name, in the order of kinds.yml."""
    content = yaml.safe_load((Path(__file__).parent / "kinds.yml").read_text(encoding="utf-8"))
    return {
        name: Kind(
            name=name,
            action=entry["action"],
            others=tuple(entry.get("or", ())),
            severity=entry["severity"],
            label_zh=entry["label_zh"],
        )
        for name, entry in content.items()
    }


_REFUSALS = {
    "malformed_message": frozenset({
        "bad_delimiters", "empty_message", "message_too_large", "no_delimiters", "no_message_header",
    }),
    "malformed_resource": frozenset({
        "empty_content", "entry_not_a_resource", "no_resource_type", "not_json", "too_deeply_nested",
    }),
}  # fmt: skip


def kind_of_reason(reason: str) -> str:
    """Return the kind that stands for a reason of quarantine; readers' own reasons are kinds or mapped here.

    A reason nobody thought of is a malformed record: it must not be lost for want of a name.
    """
    if reason in read_kinds():
        return reason
    return next((kind for kind, reasons in _REFUSALS.items() if reason in reasons), "malformed_record")
