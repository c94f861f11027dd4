"""Compares our parse of HL7 v2 with that of the package `hl7`, with equal results, in one run, as ratios.

python -m benchmarks.ingestion.hl7v2 [--messages 3000] [--path SITE_PACKAGES]

`hl7` is no dependency of the project. Install it in a scratch environment, and name its folder of packages:

    python -m venv /tmp/hl7 && /tmp/hl7/bin/pip install hl7
    python -m benchmarks.ingestion.hl7v2 --path /tmp/hl7/lib/python3.11/site-packages

Three steps are timed: the parse, which for ours includes finding the encoding of the bytes, whereas `hl7` is given
text; the parse with every field taken apart into repetitions, components and subcomponents, which `hl7` does always;
and the rows of raw_hl7v2. Before anything is timed all values of all messages are compared. Each figure is the best of
five; a ratio is that of the package's time to ours.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ingestion.sources.hl7v2 import rows_of_message
from lakehouse.formats.hl7v2 import Delimiters, Message, parse_message
from tests.builders.hl7v2 import header, message, observation, patient, request, segment, visit

Nested = str | list["Nested"]
_RUNS = 5
_FINDINGS = "两肺纹理增多，右肺上叶见磨玻璃结节，大小约8mm×6mm，边界清。\\.br\\余肺未见实变，纵隔未见肿大淋巴结。"


def make_messages(count: int) -> dict[str, list[bytes]]:
    """Return messages by kind: admissions, laboratory results of twenty lines, radiology reports, orders."""
    made: dict[str, list[bytes]] = {"ADT^A01": [], "ORU^R01 laboratory": [], "ORU^R01 report": [], "ORM^O01": []}
    for number in range(count // 4):
        who = patient(f"{number:08}^^^HIS&BRID~{number:06}^^^HIS&ZYH", more={11: "某市某区某路1号", 13: "0100000"})
        stay = visit(f"V{number}", more={7: "1234^张试", 44: "20240305080300"})
        start = f"M{number}"
        made["ADT^A01"].append(
            message(
                [
                    header("ADT^A01", control_id=f"{start}A"),
                    segment("EVN", {1: "A01", 2: "20240305080300"}),
                    who,
                    stay,
                    segment("DG1", {1: "1", 3: "I63.900^脑梗死^ICD10", 6: "A"}),
                ]
            )
        )
        results = [
            observation(
                str(number % 90 + line / 10),
                code=f"L{line:02}^白细胞计数{line}^L",
                value_type="NM",
                more={1: str(line), 6: "10*9/L", 7: "3.5-9.5", 8: "H" if line % 5 == 0 else "", 14: "20240305090000"},
            )
            for line in range(20)
        ]
        made["ORU^R01 laboratory"].append(
            message([header("ORU^R01", control_id=f"{start}L"), who, stay, request(f"F{number}"), *results])
        )
        made["ORU^R01 report"].append(
            message(
                [
                    header("ORU^R01", control_id=f"{start}R"),
                    who,
                    stay,
                    request(f"E{number}", more={18: f"ACC{number}", 22: "20240305100000"}),
                    observation(_FINDINGS * 3, code="GDT^检查所见"),
                    observation("右肺上叶结节，建议随访。", code="IMP^诊断意见"),
                ]
            )
        )
        order = segment("ORC", {1: "NW", 2: f"P{number}", 9: "20240305080000"})
        made["ORM^O01"].append(
            message([header("ORM^O01", control_id=f"{start}O"), who, stay, order, request("", status="")])
        )
    return made


def take_apart(parsed: Message) -> list[Nested]:
    """Return every value of a message as nested lists: segments, fields, repetitions, components, subcomponents."""
    is_plain = parsed.delimiters.is_plain
    return [
        [
            field if is_plain(field) or (position < 3 and one.name == "MSH") else _levels(field, parsed.delimiters)
            for position, field in enumerate(one.fields)
        ]
        for one in parsed.segments
    ]


def _levels(text: str, marks: Delimiters) -> Nested:
    separators = (marks.repetition, marks.component, marks.subcomponent)

    def level(part: str, depth: int) -> Nested:
        if depth == len(separators):
            return part
        pieces = part.split(separators[depth])
        return level(pieces[0], depth + 1) if len(pieces) == 1 else [level(piece, depth + 1) for piece in pieces]

    return level(text, 0)


def of_package(node: Any) -> Nested:
    """Return what the package parsed in the same form; a list of one value is that value."""
    if isinstance(node, str):
        return node
    parts = [of_package(part) for part in node]
    return parts[0] if len(parts) == 1 else parts


def _equal(peer: Any, text: str, parsed: Message) -> bool:
    theirs = [
        [of_package(field) if field else "" for field in one] if len(one) > 1 else [of_package(one)]
        for one in peer.parse(text)
    ]
    return theirs == take_apart(parsed)


def _best(step: Callable[[], Any]) -> float:
    def once() -> Iterator[float]:
        for _ in range(_RUNS):
            start = time.perf_counter()
            step()
            yield time.perf_counter() - start

    return min(once())


def compare(peer: Any, messages: Sequence[bytes]) -> dict[str, float | int]:
    """Return the seconds and ratios of one kind of message, and how many messages differ."""
    texts = [one.decode() for one in messages]
    differing = sum(not _equal(peer, text, parse_message(one)) for one, text in zip(messages, texts, strict=True))
    theirs = _best(lambda: [peer.parse(text) for text in texts])
    ours = {
        "parse": _best(lambda: [parse_message(one) for one in messages]),
        "taken_apart": _best(lambda: [take_apart(parse_message(one)) for one in messages]),
        "rows": _best(lambda: [list(rows_of_message(parse_message(one))) for one in messages]),
    }
    figures: dict[str, float | int] = {
        "messages": len(messages),
        "differing": differing,
        "hl7_seconds": round(theirs, 4),
    }
    for name, seconds in ours.items():
        figures |= {f"{name}_seconds": round(seconds, 4), f"{name}_ratio": round(theirs / seconds, 1)}
    return figures


def main() -> None:
    """Print the figures of each kind of message as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--path", help="folder of packages that holds hl7")
    arguments = parser.parse_args()
    if arguments.path:
        sys.path.append(arguments.path)
    try:
        peer = importlib.import_module("hl7")
    except ImportError:
        sys.exit("the package hl7 is not installed: see the first lines of this module")
    made = make_messages(arguments.messages)
    made["all"] = [one for several in zip(*made.values(), strict=True) for one in several]
    json.dump({kind: compare(peer, messages) for kind, messages in made.items()}, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
