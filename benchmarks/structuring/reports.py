"""Makes any number of reports of about 300 characters out of the clinical carrier texts, each told by its number."""

import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.structuring.scrubbing import read_wording

_CARRIERS = read_wording(Path(__file__).parent / "carriers.tsv", "development")
LENGTH = 300


def make_report(number: int, *, length: int = LENGTH) -> str:
    """Return the report of a number: findings and an impression, cut at `length` characters."""
    rng = random.Random(number)
    text = "检查所见："
    while len(text) < length * 2 // 3:
        text += rng.choice(_CARRIERS)
    text += (
        f"\n诊断意见：1.{rng.choice(_CARRIERS)}2.较前片有所吸收，大小约{rng.randint(3, 90)}mm×{rng.randint(3, 90)}mm。"
    )
    while len(text) < length:
        text += rng.choice(_CARRIERS)
    return text[:length]


def make_reports(count: int, *, first: int = 0, length: int = LENGTH) -> Iterator[str]:
    """Yield so many reports in the order of their numbers."""
    for number in range(first, first + count):
        yield make_report(number, length=length)
