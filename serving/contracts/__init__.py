"""Makes Soda contracts of the marts from their dbt YAML, which is the only place a field is described.

A column's `meta.range`, `meta.value_set`, `not_null` test and `meta.pii` become checks; a model's `meta.checks`
become failed-row checks with the id of the specification (PI-C05 and so on).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lakehouse import PROJECT_ROOT
from lakehouse.errors import ContractError

MARTS_FOLDER = PROJECT_ROOT / "dbt_project" / "models" / "marts"
CONTRACTS_FOLDER = Path(__file__).parent
DATA_SOURCE = "lake"

_RANGE = re.compile(r"^(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)$")
_MEDICAL_NUMBER = r"(^|[^0-9])[1-9][0-9]{16}[0-9Xx]($|[^0-9])|(^|[^0-9])1[3-9][0-9]{9}($|[^0-9])"


@dataclass(frozen=True, kw_only=True, slots=True)
class MartModel:
    """One mart table as its YAML describes it."""

    disease: str
    name: str
    description: str
    grain: tuple[str, ...]
    checks: tuple[dict[str, Any], ...]
    columns: tuple[dict[str, Any], ...]

    @property
    def schema(self) -> str:
        """Return the schema the table stands in."""
        return f"mart_{self.disease}"


def read_marts(disease: str | None = None) -> list[MartModel]:
    """Return the released tables of one disease, or of all, as their YAMLs describe them.

    Raises ContractError when a disease has no mart.
    """
    models = []
    for path in sorted(MARTS_FOLDER.glob("*/mart_*.yml")):
        if disease is not None and path.parent.name != disease:
            continue
        model = yaml.safe_load(path.read_text(encoding="utf-8"))["models"][0]
        meta = model["config"]["meta"]
        models.append(
            MartModel(
                disease=path.parent.name,
                name=model["name"],
                description=model["description"],
                grain=tuple(part.strip() for part in str(meta["grain"]).split(" and ")),
                checks=tuple(meta.get("checks") or ()),
                columns=tuple(model["columns"]),
            )
        )
    if not models:
        raise ContractError(f"there is no mart of {disease!r}; there are {', '.join(disease_names())}")
    return models


def disease_names() -> list[str]:
    """Return the diseases that have a mart."""
    return sorted({path.parent.name for path in MARTS_FOLDER.glob("*/mart_*.yml")})


def column_meta(column: dict[str, Any]) -> dict[str, Any]:
    """Return the meta of a column of a mart."""
    return dict((column.get("config") or {}).get("meta") or {})


def contract_of(model: MartModel) -> dict[str, Any]:
    """Return the Soda contract of one mart table."""
    columns = []
    for column in model.columns:
        entry: dict[str, Any] = {"name": column["name"], "data_type": column["data_type"]}
        checks = _column_checks(column)
        if len(model.grain) == 1 and column["name"] == model.grain[0]:
            checks.append({"duplicate": {"name": f"{column['name']} is unique"}})
        if checks:
            entry["checks"] = checks
        columns.append(entry)
    checks = [{"schema": {}}, {"row_count": {"threshold": {"must_be_greater_than": 0}}}]
    if len(model.grain) > 1:
        checks.append({"duplicate": {"columns": list(model.grain), "name": "one row per " + " and ".join(model.grain)}})
    for check in model.checks:
        failed_rows: dict[str, Any] = {
            "name": check["label_zh"],
            "qualifier": check["check_id"],
            "expression": check["fails_when"],
        }
        if check["severity"] == "warn":
            failed_rows["threshold"] = {"level": "warn", "must_be": 0}
        checks.append({"failed_rows": failed_rows})
    return {
        "dataset": f"{DATA_SOURCE}/{model.schema}/{model.name}",
        "description": model.description,
        "columns": columns,
        "checks": checks,
    }


def _column_checks(column: dict[str, Any]) -> list[dict[str, Any]]:
    meta = column_meta(column)
    checks: list[dict[str, Any]] = []
    if "not_null" in (column.get("data_tests") or []):
        checks.append({"missing": {"name": f"{column['name']} is filled"}})
    bounds = _RANGE.match(str(meta.get("range", "")))
    if bounds:
        low, high = (float(bound) if "." in bound else int(bound) for bound in bounds.groups())
        checks.append({"invalid": {"name": f"{column['name']} is plausible", "valid_min": low, "valid_max": high}})
    if isinstance(meta.get("value_set"), list) and column["data_type"] == "varchar":
        values = [str(value) for value in meta["value_set"]]
        checks.append({"invalid": {"name": f"{column['name']} is in its value set", "valid_values": values}})
    if meta.get("pii") == "text":
        checks.append(
            {
                "invalid": {
                    "name": f"{column['name']} holds no citizen or telephone number",
                    "qualifier": "no_numbers",
                    "invalid_format": {"regex": _MEDICAL_NUMBER, "name": "citizen or telephone number"},
                }
            }
        )
    return checks


def contract_text(model: MartModel) -> str:
    """Return the contract of one mart table as YAML."""
    return (
        f"# Made from {model.name}.yml by `radlake contracts write`; change the model's YAML, not this file.\n"
        + yaml.safe_dump(contract_of(model), allow_unicode=True, sort_keys=False, width=120)
    )


def write_contracts(folder: Path = CONTRACTS_FOLDER) -> list[Path]:
    """Write the contracts of all marts and remove those of marts that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for model in read_marts():
        path = folder / f"{model.name}.yml"
        path.write_text(contract_text(model), encoding="utf-8")
        written.append(path)
    for path in set(folder.glob("*.yml")) - set(written):
        path.unlink()
    return written
