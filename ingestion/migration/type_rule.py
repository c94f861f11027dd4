"""How a column of one type travels from the source into the lake."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeRule:
    """How one column travels; `{0}` in `wire`, `source_text` and `target_text` is the quoted column.

    `wire` is in the source's SQL and gives text unless `wire_is_native`; `convert` is in the lake's SQL over the wire
    value, NULL where it does not fit; `lossy` says what a target type cannot hold, None when nothing is lost.
    """

    target_type: str
    wire: str = "{0}"
    convert: str = "{0}"
    source_text: str = "{0}"
    target_text: str = "cast({0} as varchar)"
    lossy: str | None = None
    misfit: str | None = None
    """In the source's SQL: true for a value that `convert` refuses; None when every value fits."""
    is_lob: bool = False
    note: str = ""
