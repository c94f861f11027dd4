"""Answers of two engines are the same when they mean the same, and differ when one value does."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ingestion.migration.tuning.answer import AnswerKinds, Precision, RowSum, joint_forms

Rows = list[tuple[Any, ...]]


def _equal(one: Rows, other: Rows, *, in_no_order: bool = False) -> bool:
    kinds = [AnswerKinds(), AnswerKinds()]
    for side, rows in zip(kinds, (one, other), strict=True):
        side.add(rows)
    forms = joint_forms(*kinds, Precision(in_no_order=in_no_order))
    sums = [RowSum(forms), RowSum(forms)]
    for side, rows in zip(sums, (one, other), strict=True):
        side.add(rows)
    return sums[0].sha256 == sums[1].sha256


SAME: list[tuple[str, Rows, Rows]] = [
    ("order", [(1,), (2,)], [(2,), (1,)]),
    ("trailing zeros", [(Decimal("1.50"),)], [(Decimal("1.5"),)]),
    ("whole numbers of any type", [(3,), (None,)], [(Decimal("3.00"),), (None,)]),
    ("a decimal's digits decide", [(Decimal("2.3333"),)], [(2.3333333333333335,)]),
    ("half is rounded up as decimals are", [(Decimal("0.0313"),)], [(0.03125,)]),
    ("many digits count to twelve", [(Decimal("2.3333333333333333"),)], [(2.3333333333333335,)]),
    ("floats to twelve digits", [(0.1 + 0.2,)], [(0.3,)]),
    ("truth values are numbers", [(1,), (0,)], [(True,), (False,)]),
    ("numbers as text", [("5",), ("2.50",)], [(5,), (2.5,)]),
    ("instants as text", [("2020-01-01 10:00:00",)], [(datetime(2020, 1, 1, 10),)]),
    ("a fraction of zeros", [("2020-01-01 10:00:00.500000",)], [(datetime(2020, 1, 1, 10, 0, 0, 500000),)]),
    ("a day and its midnight", [(date(2020, 1, 1),)], [(datetime(2020, 1, 1),)]),
    ("zones", [("2020-01-01 18:00:00+08",)], [(datetime(2020, 1, 1, 10, tzinfo=UTC),)]),
    ("spans", [(timedelta(hours=30),)], [("30:00:00",)]),
    ("times of day", [(timedelta(hours=9, minutes=5),)], [(time(9, 5),)]),
    ("bytes of text", [("中文".encode(),)], [("中文",)]),
    ("documents", [({"b": 1, "a": [1, 2]},)], [('{"a": [1, 2], "b": 1}',)]),
    ("arrays", [([1, None, 3],)], [("{1,NULL,3}",)]),
    ("nothing at all", [], []),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_the_same_meaning_has_the_same_fingerprint(one: Rows, other: Rows) -> None:
    assert _equal(one, other)


DIFFERENT: list[tuple[str, Rows, Rows]] = [
    ("a duplicate", [(1,), (1,)], [(1,)]),
    ("another duplicate", [(1,), (1,), (2,)], [(1,), (2,), (2,)]),
    ("null and empty", [(None,)], [("",)]),
    ("null and zero", [(None,), (1,)], [(0,), (1,)]),
    ("case", [("a",)], [("A",)]),
    ("trailing blank", [("a",)], [("a ",)]),
    ("one cent of a long amount", [(Decimal("12345678901.23"),)], [(Decimal("12345678901.24"),)]),
    ("a long whole number", [(9007199254740993,)], [(9007199254740992,)]),
    ("one second", [(datetime(2020, 1, 1),)], [(datetime(2020, 1, 1, 0, 0, 1),)]),
    ("one Chinese character", [("肺炎",)], [("肺癌",)]),
    ("columns swapped", [("a", "b")], [("b", "a")]),
    ("the border between columns", [("a", "bc")], [("ab", "c")]),
    ("bytes", [(b"\x00",)], [(b"\x01",)]),
]


@pytest.mark.parametrize(("one", "other"), [case[1:] for case in DIFFERENT], ids=[case[0] for case in DIFFERENT])
def test_another_value_has_another_fingerprint(one: Rows, other: Rows) -> None:
    assert not _equal(one, other)


def test_joined_texts_in_no_order_are_compared_by_their_words() -> None:
    assert _equal([("上叶, 下叶",)], [("下叶, 上叶",)], in_no_order=True)
    assert not _equal([("上叶, 下叶",)], [("下叶, 中叶",)], in_no_order=True)
