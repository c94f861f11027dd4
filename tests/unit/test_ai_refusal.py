"""A file that is no AI result is refused with one reason of the closed list."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from ai_backfill.readers import parse_result, read_result
from ai_backfill.result import REASONS, RefusedError
from tests.builders import structured_report as sr


def bare(**header: str | None) -> Dataset:
    return sr.report(sr.group(sr.finding(), sr.num(sr.LONG_AXIS, 12.0, "mm")), **header)


def segmentation() -> Dataset:
    dataset = sr.make_ct()
    dataset.SOPClassUID, dataset.Modality = sr.SEGMENTATION, "SEG"
    return dataset


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"),
        (b"a,b,c\n1,2,3\n", "not_dicom"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 200, "not_dicom"),
        (b"MSH|^~\\&|AI|H|", "unsupported_format"),
        (b'\xef\xbb\xbf {"nodules": []}', "unsupported_format"),
        (b"<ClinicalDocument/>", "unsupported_format"),
        (sr.to_bytes(segmentation()), "unsupported_format"),
        (sr.to_bytes(bare(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.59")), "unsupported_format"),
        (sr.to_bytes(sr.make_ct()), "not_an_ai_result"),
        (sr.to_bytes(bare(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.67")), "not_an_ai_result"),
        (sr.to_bytes(bare())[:-30], "damaged"),
        (sr.to_bytes(bare(SOPInstanceUID=None)), "missing_sop_instance_uid"),
        (sr.to_bytes(bare(StudyInstanceUID=None)), "missing_study_instance_uid"),
        (
            sr.to_bytes(
                sr.report(
                    sr.text(("121071", "LN", "Report Text"), "free text"),
                    title=("11528-7", "LN", "Radiology Report"),
                    ManufacturerModelName=None,
                )
            ),
            "no_measurements",
        ),
    ],
)
def test_a_file_that_is_no_result_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_result(data)
    assert refused.value.reason == reason


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        read_result(tmp_path / "gone.dcm")
    assert refused.value.reason == "unreadable"


def test_a_reason_outside_the_list_cannot_be_given() -> None:
    with pytest.raises(ValueError, match="closed list"):
        RefusedError("because")
    assert all(meaning for meaning in REASONS.values())
