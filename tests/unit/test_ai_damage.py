"""Damaged files are refused with a reason; they never raise anything else and never give half a result."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ai_backfill.readers import parse_result
from ai_backfill.readers.stream import BrokenStreamError, check_stream
from ai_backfill.result import AiResult, RefusedError
from tests.builders import structured_report as sr

SITE = ("42400003", "SCT", "Upper lobe of right lung")


def build(syntax: str) -> bytes:
    group = sr.group(
        sr.tracking("Nodule 1"),
        sr.finding(),
        sr.site(SITE),
        sr.num(sr.LONG_AXIS, 12.0, "mm"),
        sr.code(("N", "99V", "结节类型"), ("1", "99V", "实性")),
        sr.image("2.25.9001", frame=3),
    )
    return sr.to_bytes(sr.report(sr.container(sr.MEASUREMENTS, group), template="1500"), syntax)


FILES = [build(s) for s in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)]


def read(data: bytes) -> AiResult | str:
    """Return the result or the reason; any other exception fails the test."""
    try:
        return parse_result(data)
    except RefusedError as error:
        return error.reason


@pytest.mark.parametrize("data", FILES, ids=["explicit", "implicit", "deflated"])
def test_a_file_cut_anywhere_is_refused(data: bytes) -> None:
    assert [length for length in range(len(data)) if isinstance(read(data[:length]), AiResult)] == []


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(number=st.integers(0, len(FILES) - 1), flips=st.lists(st.tuples(st.integers(0), st.integers(0, 7)), max_size=8))
def test_flipped_bits_give_a_result_or_a_reason(number: int, flips: list[tuple[int, int]]) -> None:
    data = bytearray(FILES[number])
    for position, bit in flips:
        data[position % len(data)] ^= 1 << bit
    read(bytes(data))


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=400), dicom=st.booleans())
def test_any_bytes_give_a_result_or_a_reason(data: bytes, dicom: bool) -> None:
    read((b"\0" * 128 + b"DICM" if dicom else b"") + data)


@settings(max_examples=150, deadline=None)
@given(position=st.integers(0), piece=st.binary(min_size=1, max_size=40), number=st.integers(0, 1))
def test_inserted_bytes_give_a_result_or_a_reason(position: int, piece: bytes, number: int) -> None:
    data = FILES[number]
    cut = position % len(data)
    read(data[:cut] + piece + data[cut:])


def test_zeros_after_the_last_element_do_no_harm() -> None:
    check_stream(FILES[0] + b"\0" * 512)


def test_an_element_that_reaches_beyond_the_end_is_found() -> None:
    with pytest.raises(BrokenStreamError):
        check_stream(FILES[0][:-1])


def test_a_tree_deeper_than_any_report_is_refused() -> None:
    tree = sr.group(sr.finding())
    for _ in range(70):
        tree = sr.container(None, tree)
    assert read(sr.to_bytes(sr.report(tree))) == "too_large"
