"""What an export says of each column: Chinese label, type, unit, and the codes with their labels."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from serving.contracts import MartModel, column_meta

BOOLEAN_CODES = (("0", "否"), ("1", "是"))

_RANGE = re.compile(r"^(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)$")
_LABELS = Path(__file__).with_name("value_labels.yml")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportField:
    """One released column."""

    name: str
    label_zh: str
    description: str
    data_type: str
    unit: str = ""
    low: str = ""
    high: str = ""
    codes: tuple[tuple[str, str], ...] = ()
    """Codes of the value set in its order, each with its Chinese label."""
    pii: str = "none"
    required: bool = False

    @property
    def label(self) -> str:
        """Return the Chinese label with the unit behind it."""
        return f"{self.label_zh} ({self.unit})" if self.unit and self.unit != "1" else self.label_zh

    @property
    def is_boolean(self) -> bool:
        """Say whether the column is true or false."""
        return self.data_type == "boolean"


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportTable:
    """One released table: its description and the Parquet that holds its rows."""

    name: str
    disease: str
    description: str
    grain: tuple[str, ...]
    fields: tuple[ExportField, ...]
    parquet: Path
    rows: int

    @property
    def entity(self) -> str:
        """Return the name without the mart's prefix."""
        return self.name.removeprefix(f"mart_{self.disease}__")


def fields_of(model: MartModel, released: Iterable[str]) -> tuple[ExportField, ...]:
    """Return the fields of the released columns of a mart table, in the order of its YAML."""
    wanted = set(released)
    return tuple(_field(column) for column in model.columns if column["name"] in wanted)


def _field(column: Mapping[str, Any]) -> ExportField:
    meta = column_meta(dict(column))
    bounds = _RANGE.match(str(meta.get("range", "")))
    low, high = bounds.groups() if bounds else ("", "")
    value_set = meta.get("value_set")
    # a value set in words ("subset of ...") describes several codes in one cell: such a column stays text
    codes: Sequence[str] = [str(code) for code in value_set] if isinstance(value_set, list) else []
    own = {str(code): str(label) for code, label in (meta.get("value_label_zh") or {}).items()}
    return ExportField(
        name=column["name"],
        label_zh=str(meta.get("label_zh") or column["name"]),
        description=str(column.get("description", "")),
        data_type=str(column["data_type"]),
        unit=str(meta.get("unit", "")),
        low=low,
        high=high,
        codes=tuple((code, own.get(code) or value_label(column["name"], code)) for code in codes),
        pii=str(meta.get("pii", "none")),
        required="not_null" in (column.get("data_tests") or []),
    )


def value_label(column: str, code: str) -> str:
    """Return the Chinese label of a code of a column; the code itself where none is known."""
    labels = _value_labels()
    return labels["columns"].get(column, {}).get(code) or labels["values"].get(code) or code


@cache
def _value_labels() -> dict[str, Any]:
    labels: dict[str, Any] = yaml.load(_LABELS.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - text only
    return labels
