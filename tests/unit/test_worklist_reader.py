"""The reader of DICOM worklists: datasets as files, with and without preamble, and DICOM JSON."""

import io
import json
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from tests.builders.reading import read

COLUMNS = {
    "patient": "PatientID",
    "name": "PatientName",
    "modality": "Modality",
    "day": "ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate",
}
ITEM = {"patient": "CANARY-P1", "name": "王^试甲CANARY", "modality": "CT", "day": "20240305"}


def dataset() -> Dataset:
    """Return a worklist item without a SOP Instance UID."""
    item, step = Dataset(), Dataset()
    item.SpecificCharacterSet, item.PatientName, item.PatientID = "GB18030", "王^试甲CANARY", "CANARY-P1"
    step.Modality, step.ScheduledProcedureStepStartDate = "CT", "20240305"
    item.ScheduledProcedureStepSequence = [step]
    return item


def as_bytes(*, implicit: bool) -> bytes:
    """Return the item as a bare dataset."""
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset(), implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    return out.getvalue()


@pytest.mark.parametrize("implicit", [True, False])
def test_a_dataset_is_one_record_with_values_of_its_sequences(tmp_path: Path, implicit: bool) -> None:
    assert read(tmp_path / "a.wl", as_bytes(implicit=implicit), COLUMNS, format="worklist").rows == [ITEM]


def test_a_character_set_that_lies_is_seen_through(tmp_path: Path) -> None:
    item = dataset()
    item.SpecificCharacterSet = "ISO_IR 100"
    data = as_bytes(implicit=False).replace(b"GB18030 ", b"ISO_IR 6")
    assert read(tmp_path / "a.wl", data, COLUMNS, format="worklist").rows == [ITEM]


@pytest.mark.parametrize("form", ["list", "lines"])
def test_the_json_model_in_any_number(tmp_path: Path, form: str) -> None:
    one = dataset().to_json_dict()
    content = json.dumps([one, {"x": 1}]) if form == "list" else json.dumps(one) + "\n" + json.dumps({"x": 1})
    result = read(tmp_path / "a.json", content, COLUMNS, format="worklist")
    assert result.rows == [ITEM]
    assert result.reasons == [(2, "not_a_dataset")]


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path / "a.wl", b"junk" * 100, COLUMNS, format="worklist").reasons == [(1, "not_a_dataset")]
