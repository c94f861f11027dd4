"""Recall of the scrubber on generated identifiers, its over-scrubbing, and that its time grows with the length."""

import json
import time
from pathlib import Path

import pytest

from benchmarks.structuring.length import UNITS, mixed, repeat
from benchmarks.structuring.scrubbing import Score, make_documents, measure_clinical, read_wording, score
from report_structuring.scrub import scrub_text

FOLDER = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "structuring"


def measure(wording: str, *, known: bool) -> Score:
    wordings = read_wording(FOLDER / "wording.tsv", wording)
    if known:
        wordings += read_wording(FOLDER / "wording.tsv", "known")
    carriers = read_wording(FOLDER / "carriers.tsv", wording)
    return score(make_documents(20240501, 1_100, wordings, carriers, known=known))


@pytest.mark.parametrize(
    ("wording", "known", "needed"),
    [
        ("development", False, 0.992),
        ("development", True, 0.998),
        ("held_out", False, 0.988),
        ("held_out", True, 0.998),
    ],
)
def test_generated_identifiers_are_found_and_clinical_text_stays(wording: str, known: bool, needed: float) -> None:
    result = measure(wording, known=known)
    assert sum(result.total.values()) >= 5_000
    assert result.recall >= needed
    for kind in ("identity card", "mobile"):
        assert result.found[kind] >= 0.995 * result.total[kind]
    assert result.taken <= 0.005 * result.clinical


def test_the_places_of_generated_identifiers_are_true() -> None:
    seen = 0
    for document in make_documents(1, 20, ["身份证号：{id_card}。", "电话：{mobile}。"], ["双肺清晰。"]):
        for start, end, kind in document.identifiers:
            label = "身份证号：" if kind == "identity card" else "电话："
            assert document.text[:start].endswith(label) and document.text[end] == "。"
            seen += 1
    assert seen >= 40


def test_reports_without_identifiers_lose_only_dates(shared: Path) -> None:
    lines = (shared / "gold" / "reports_dev.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    assert {piece.split(":")[0] for piece in measure_clinical(texts)[2]} <= {"date"}


@pytest.mark.parametrize("name", [*sorted(UNITS), "mixed"])
def test_the_time_of_scrubbing_grows_with_the_length(name: str) -> None:
    # a quadratic pattern needs seconds for so long a text, a linear one hundredths
    size = 20_000
    text = mixed(2, size) if name == "mixed" else repeat(UNITS[name], size)
    started = time.process_time()
    scrub_text(text, known={"name": ["王试甲"], "address": ["河北省石家庄市长安区中山东路12号"]})
    assert time.process_time() - started < 1.5
