"""Reports a core reads and scrubs in a second, and the ratio to medspaCy's ConText on the same rules and tokens.

python -m benchmarks.structuring.speed [--reports 2000] [--rounds 3] [--peer PYTHON]

`--peer` is the Python of an environment with medspaCy; without it that comparison is left out with a message.
Sentences, tokens (one a character) and targets are given to both, and ConText is timed alone. It gets our rows of cues
as patterns, which is the same rules, and, apart from that, as many rules of one literal wording each, which says less
than a row of ours. Times are of the processor, best of the rounds; a ratio above 1 means that ours is the faster.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.structuring.reports import make_reports
from report_structuring import structure
from report_structuring.scrub import scrub_text
from report_structuring.structure import structure_report
from report_structuring.words import read_rows

_DIRECTIONS = {">": "FORWARD", "<": "BACKWARD", "=": "BIDIRECTIONAL"}
_WORDINGS = (
    "未见", "无", "未发现", "未探及", "不除外", "待排", "可能", "考虑", "疑似", "倾向", "较前吸收", "较前增大", "新增",
    "消失", "稳定", "建议", "请结合", "必要时", "除", "以外", "既往", "病史", "原", "可见", "阴性", "未及", "否认",
    "仍见", "怀疑", "可疑", "鉴别", "不支持", "减少", "好转", "进展", "已", "示", "提示", "符合", "不明显",
)  # fmt: skip


def _time(work: Callable[[], object], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def record_judging(texts: Sequence[str]) -> tuple[list[tuple[tuple, dict]], list[list[Any]]]:
    """Read the reports once; return the arguments of every judged sentence, and the documents for the peer."""
    calls: list[tuple[tuple, dict]] = []
    documents: list[list[Any]] = []
    judge = structure.judge

    def remember(*arguments: Any, **options: Any) -> Any:
        calls.append((arguments, options))
        return judge(*arguments, **options)

    structure.judge = remember
    try:
        for number, text in enumerate(texts):
            before = len(calls)
            structure_report(text, report_id=str(number))
            sentences = calls[before:]
            copy = sentences[0][0][0] if sentences else text
            spans: list[list[int]] = []
            for arguments, _ in sentences:
                for mention in sorted(arguments[2], key=lambda one: one.start):
                    if not spans or mention.start >= spans[-1][1]:
                        spans.append([mention.start, mention.end])
            documents.append([copy, spans, [arguments[1].start for arguments, _ in sentences]])
    finally:
        structure.judge = judge
    return calls, documents


def judge_again(calls: Sequence[tuple[tuple, dict]]) -> int:
    """Find the cues of every sentence and judge its mentions; return how many sentences had a mention."""
    judged = 0
    for (text, scene, mentions, _, *rest), options in calls:
        cues = structure.find_cues(text, scene.start, scene.end, [(one.start, one.end) for one in mentions])
        judged += bool(structure.judge(text, scene, mentions, cues, *rest, **options))
    return judged


def peer_rules(*, literal: bool) -> list[list[str | None]]:
    """Return a rule for each row of cues, of the same kind and direction: its pattern, or one literal wording."""
    rows = read_rows("cues.tsv")
    names = [_WORDINGS[at % len(_WORDINGS)] + "的" * (at // len(_WORDINGS)) for at in range(len(rows))]
    return [
        [name, row[0].upper(), _DIRECTIONS.get(row[1], "FORWARD"), None if literal else row[-1]]
        for name, row in zip(names, rows, strict=True)
    ]


def ask_peer(peer: Path, rules: list, documents: list, rounds: int) -> dict[str, Any]:
    """Time ConText in its own Python; the answer has `missing` when it cannot run there."""
    run = subprocess.run(
        [str(peer), str(Path(__file__).with_name("context_peer.py"))],
        input=json.dumps({"rules": rules, "documents": documents, "rounds": rounds}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    line = next((line for line in reversed(run.stdout.splitlines()) if line.startswith("{")), None)
    return json.loads(line) if line else {"missing": re.sub(r"\s+", " ", run.stderr)[-200:]}


def compare(texts: Sequence[str], peer: Path, rounds: int) -> dict[str, object]:
    """Time both on the same reports in one run, or say what is missing."""
    calls, documents = record_judging(texts)
    ours = _time(lambda: judge_again(calls), rounds)
    answer: dict[str, object] = {"rules": len(peer_rules(literal=True))}
    for name, literal in (("same_patterns", False), ("literals", True)):
        timed = ask_peer(peer, peer_rules(literal=literal), documents, rounds)
        if "missing" in timed:
            return {"left_out": f"medspaCy is not usable there: {timed['missing']}"}
        answer |= {key: timed[key] for key in ("tokens", "targets")}
        answer[f"context_with_{name}_to_ours"] = round(timed["seconds"] / ours, 2)
    return answer


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", type=Path)
    options = parser.parse_args()
    texts = list(make_reports(options.reports))
    structure_report(texts[0], report_id="")
    scrub_text(texts[0])
    read = _time(lambda: [structure_report(text, report_id="") for text in texts], options.rounds)
    scrub = _time(lambda: [scrub_text(text) for text in texts], options.rounds)
    answer: dict[str, object] = {
        "reports": len(texts),
        "characters": sum(map(len, texts)),
        "read_per_second_and_core": round(len(texts) / read),
        "scrubbed_per_second_and_core": round(len(texts) / scrub),
        "both_per_second_and_core": round(len(texts) / (read + scrub)),
    }
    if options.peer:
        answer["context"] = compare(texts, options.peer, options.rounds)
    else:
        print("no --peer: the comparison with medspaCy's ConText is left out", file=sys.stderr)
    print(json.dumps(answer, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
