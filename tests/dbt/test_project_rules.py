"""Rules of the dbt project, checked over its manifest: layers, grain, labels, contracts, pseudonyms."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse.contract import PII_CLASSES, read_contract, source_names
from serving.contracts import CONTRACTS_FOLDER, contract_text, read_marts
from tests.conftest import PROJECT

Manifest = dict[str, Any]


def models(manifest: Manifest) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def parents(manifest: Manifest, node: dict[str, Any]) -> list[str]:
    return [
        name.split(".")[2] if name.startswith("model.") else name.split(".")[0] for name in node["depends_on"]["nodes"]
    ]


def layer(name: str) -> str:
    return name.split("_", 1)[0]


def test_layers_read_only_what_they_may(manifest: Manifest) -> None:
    allowed = {
        "stg": {"source"},
        "std": {"stg", "std", "seed"},
        "int": {"std", "seed", "int", "mart"},
        "mart": {"std", "seed", "int", "mart"},
    }
    wrong = [
        f"{node['name']} reads {parent}"
        for node in models(manifest)
        for parent in parents(manifest, node)
        if layer(parent) not in allowed[layer(node["name"])]
    ]
    assert wrong == []


def test_staging_reads_one_source_table(manifest: Manifest) -> None:
    assert [
        node["name"]
        for node in models(manifest)
        if node["name"].startswith("stg_") and len(node["depends_on"]["nodes"]) != 1
    ] == []


def test_every_model_has_grain_key_test_labels_and_contract(manifest: Manifest) -> None:
    tested = {
        test["attached_node"]
        for test in manifest["nodes"].values()
        if test["resource_type"] == "test" and "one_row_per" in test["name"]
    }
    wrong = []
    for node in models(manifest):
        if not node["config"]["meta"].get("grain") or not node["description"].startswith("One row per"):
            wrong.append(f"{node['name']}: grain")
        if node["unique_id"] not in tested:
            wrong.append(f"{node['name']}: one_row_per")
        if not node["config"]["contract"]["enforced"]:
            wrong.append(f"{node['name']}: contract")
        for column in node["columns"].values():
            meta = column["config"]["meta"]
            if meta.get("pii") not in PII_CLASSES or not meta.get("label_zh") or not column["description"]:
                wrong.append(f"{node['name']}.{column['name']}: pii, label_zh or description")
    assert wrong == []


def test_no_vault_column_and_no_raw_identifier_is_staged(manifest: Manifest) -> None:
    wrong = []
    for node in models(manifest):
        if not node["name"].startswith("stg_"):
            continue
        source, table = node["name"].removeprefix("stg_").split("__")
        contract = {column.name: column.pii for column in read_contract(source)[table].columns}
        for column in node["columns"].values():
            declared = column["config"]["meta"]["pii"]
            origin = contract.get(column["name"])
            if declared == "vault" or origin == "vault":
                wrong.append(f"{node['name']}.{column['name']} is of class vault")
            if origin in ("id", "uid") and not re.search(rf"pseudonym\([^)]*{column['name']}", node["raw_code"]):
                wrong.append(f"{node['name']}.{column['name']} is not a pseudonym")
    assert wrong == []


def test_direct_identifiers_are_in_no_research_model(manifest: Manifest) -> None:
    forbidden = {"patient_name", "name_raw", "phone", "address", "citizen_id", "contact_name", "reporter", "verifier"}
    assert [
        f"{node['name']}.{column}" for node in models(manifest) for column in node["columns"] if column in forbidden
    ] == []


def test_no_model_uses_row_number_as_a_key_or_selects_all(manifest: Manifest) -> None:
    wrong = []
    for node in models(manifest):
        if layer(node["name"]) in ("std", "mart") and re.search(r"row_number\(\)[^,]*\) as \w+_key", node["raw_code"]):
            wrong.append(f"{node['name']}: row_number key")
        if not re.search(r"select \* from \w+\s*$", node["raw_code"]):
            wrong.append(f"{node['name']}: last line")
    assert wrong == []


def test_one_yaml_a_model_and_file_model_and_table_share_a_name(manifest: Manifest) -> None:
    for node in models(manifest):
        path = PROJECT / node["original_file_path"]
        assert path.with_suffix(".yml").is_file()
        assert path.stem == node["name"] == node["alias"]


@pytest.mark.parametrize("source", source_names())
def test_contracts_of_sources_are_complete(source: str) -> None:
    tables = read_contract(source)
    assert all(table.columns and len(set(table.column_names)) == len(table.columns) for table in tables.values())
    assert all(set(table.key) <= set(table.column_names) | {"_src_file"} for table in tables.values())


def test_soda_contracts_are_current() -> None:
    for model in read_marts():
        path = CONTRACTS_FOLDER / f"{model.name}.yml"
        assert path.read_text(encoding="utf-8") == contract_text(model), "run `radlake contracts write`"


def test_cases_of_the_specification_stand_in_the_unit_tests() -> None:
    import csv

    path = PROJECT / "dbt_project/models/marts/pulmonary_infection/int_pulmonary_infection_score__curb65.yml"
    unit_test = yaml.safe_load(path.read_text(encoding="utf-8"))["unit_tests"][0]
    with Path(PROJECT / "tests/cases/pulmonary_infection_curb65.csv").open(encoding="utf-8", newline="") as file:
        cases = {row["case_id"]: row for row in csv.DictReader(file)}
    expected = {row["episode_id"]: row for row in unit_test["expect"]["rows"]}
    assert expected.keys() == cases.keys()
    for case_id, row in expected.items():
        for name in ("total", "min", "max", "risk_group", "crb65"):
            assert ("" if row[name] is None else str(row[name])) == cases[case_id][f"expected_{name}"]
