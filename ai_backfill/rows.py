"""Flattens a result into the rows of `raw_ai`: one of the result, one a finding, one a measurement."""

import hashlib
from dataclasses import fields
from datetime import datetime
from typing import Any

import pyarrow as pa

from ai_backfill.result import AiFinding, AiMeasurement, AiResult, Code, Reference
from lakehouse.contract import PROVENANCE, Table

_ARROW = {
    "varchar": pa.string(),
    "varchar[]": pa.list_(pa.string()),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}


def arrow_table(table: Table, rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows as Arrow, typed by their contract; a column no row has is null."""
    types = {column.name: column.data_type for column in table.columns} | PROVENANCE
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, _ARROW[kind]) for name, kind in types.items()]))


def result_id_of(result: AiResult, mapping_sha256: str) -> str:
    """Return the key of one reading of one content of one object."""
    parts = (result.study_instance_uid, result.sop_instance_uid, result.content_sha256, mapping_sha256)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def result_row(result: AiResult, **extra: Any) -> dict[str, Any]:
    """Return the row of `raw_ai.result`."""
    row = {field.name: getattr(result, field.name) for field in fields(AiResult) if field.name != "findings"}
    for name in ("referenced_sop_instance_uids", "referenced_series_instance_uids"):
        row[name] = list(row[name])
    return row | {"finding_count": len(result.findings)} | extra


def finding_rows(result: AiResult, result_id: str) -> list[dict[str, Any]]:
    """Return the rows of `raw_ai.finding`."""
    return [_finding_row(finding, result_id) for finding in result.findings]


def measurement_rows(result: AiResult, result_id: str) -> list[dict[str, Any]]:
    """Return the rows of `raw_ai.measurement`."""
    return [
        _measurement_row(measurement, finding, result_id)
        for finding in result.findings
        for measurement in finding.measurements
    ]


def provenance(*, token: str, key: str, content_sha256: str, batch_id: str, loaded_at: datetime) -> dict[str, Any]:
    """Return the provenance columns of a row."""
    return {
        "_src_file": token,
        "_row_key": key,
        "_row_sha256": content_sha256,
        "_batch_id": batch_id,
        "_loaded_at": loaded_at,
    }


def _code(name: str, code: Code | None) -> dict[str, str | None]:
    code = code or Code()
    return {f"{name}_code": code.value, f"{name}_system": code.system, f"{name}_name": code.meaning}


def _reference(reference: Reference | None) -> dict[str, Any]:
    return {
        "referenced_sop_instance_uid": reference.sop_instance_uid if reference else None,
        "referenced_frame_number": reference.frame_number if reference else None,
        "referenced_segment_number": reference.segment_number if reference else None,
    }


def _finding_row(finding: AiFinding, result_id: str) -> dict[str, Any]:
    apart = ("finding_type_source", "finding_site_source", "malignancy_source", "reference", "measurements")
    row = {field.name: getattr(finding, field.name) for field in fields(AiFinding) if field.name not in apart}
    return {
        "finding_id": f"{result_id}_{finding.finding_number}",
        "result_id": result_id,
        **row,
        **_code("finding_type_source", finding.finding_type_source),
        **_code("finding_site_source", finding.finding_site_source),
        **_code("malignancy_source", finding.malignancy_source),
        **_reference(finding.reference),
        "measurement_count": len(finding.measurements),
    }


def _measurement_row(measurement: AiMeasurement, finding: AiFinding, result_id: str) -> dict[str, Any]:
    apart = ("source", "derivation_source", "method_source", "value_code", "unit_source", "qualifier", "references")
    row = {field.name: getattr(measurement, field.name) for field in fields(AiMeasurement) if field.name not in apart}
    finding_id = f"{result_id}_{finding.finding_number}"
    return {
        "measurement_id": f"{finding_id}_{measurement.measurement_number}",
        "finding_id": finding_id,
        "result_id": result_id,
        **row,
        **_code("concept_source", measurement.source),
        **_code("derivation_source", measurement.derivation_source),
        **_code("method_source", measurement.method_source),
        **_code("value_source", measurement.value_code),
        **_code("unit_source", measurement.unit_source),
        **_code("qualifier_source", measurement.qualifier),
        **_reference(measurement.references[0] if measurement.references else None),
    }
