"""Time of reading and scrubbing long and hostile texts at two sizes, and the exponent of growth between them.

python -m benchmarks.structuring.length [--small 12500] [--large 100000] [--only scrub read] [--limit 1.3]

Exit code 1 when an exponent is above the limit. Times are of the processor, best of three at the small size.
"""

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

from benchmarks.structuring.reports import make_report
from report_structuring.scrub import scrub_text
from report_structuring.structure import structure_report

_KNOWN: Mapping[str, list[str]] = {
    "name": ["王试甲", "高明"],
    "address": ["河北省石家庄市长安区中山东路12号院3号楼2单元401室"],
    "id_number": ["110105194912310021"],
    "number": ["0012345678"],
}
UNITS: Mapping[str, str] = {
    "one character": "影",
    "one surname": "王",
    "spaces": " ",
    "full-width spaces": "　",
    "line ends": "\n",
    "carriage returns": "\r\n",
    "digits": "1234567890",
    "one digit": "1",
    "digits and spaces": "1 ",
    "digits and hyphens": "13-",
    "digits and line ends": "13\n",
    "digits and dots": "1.2.",
    "letters": "Ab",
    "capitals": "Zhang ",
    "chained Latin names": "Zhang Wei^",
    "e-mail look-alikes": "a.b@c-d.",
    "negations": "未见未见",
    "negations of all": "未见明显",
    "doubts": "不除外可能",
    "open brackets": "(",
    "open square brackets": "【",
    "closed brackets": "()",
    "open tags": "<b",
    "entities": "&nbsp",
    "sizes": "12mm×8mm×",
    "sizes without unit": "12×8×",
    "ranges": "3-5-",
    "ranges of sizes": "3.5~4.2cm、",
    "percentages": "5%",
    "enumeration": "右肺、左肺、",
    "commas": "，",
    "full stops": "。",
    "clauses": "右肺结节，",
    "sides": "左右双侧",
    "findings": "结节影斑片影",
    "headers": "检查所见：",
    "impressions": "诊断：",
    "comparisons": "较前",
    "dates": "2024-01-",
    "years": "2024年",
    "Chinese digits": "一三五",
    "roles": "患者",
    "roles and surnames": "患者王",
    "labels": "姓名：",
    "signatures": "报告医师：",
    "signed names": "报告医师：张三、",
    "names in a row": "张伟、",
    "names and spaces": "张 伟 ",
    "titles": "主任",
    "surnames before titles": "王主任",
    "acts": "审核",
    "dotted names": "阿依·",
    "masked names": "王*",
    "provinces": "河北省",
    "address look-alikes": "石家庄市长安区",
    "parts of addresses": "路街巷村",
    "houses": "12号",
    "hospital look-alikes": "人民医",
    "hospitals": "医院",
    "institutions": "某某某大学附属",
    "workplaces": "在某某公司",
    "record labels": "住院号",
    "records": "住院号：A",
    "plates": "京A",
    "masked": "囗",
    "broken characters": "\ufffd",
}


def repeat(unit: str, size: int) -> str:
    """Return a text of so many characters made of one unit."""
    return (unit * (size // len(unit) + 1))[:size]


def mixed(seed: int, size: int) -> str:
    """Return a text of units in random order."""
    rng = random.Random(seed)
    units = list(UNITS.values())
    parts: list[str] = []
    length = 0
    while length < size:
        parts.append(rng.choice(units) * rng.randint(1, 3))
        length += len(parts[-1])
    return "".join(parts)[:size]


def clinical(size: int) -> str:
    """Return a text of ordinary clinical sentences in one line."""
    parts: list[str] = []
    number = length = 0
    while length < size:
        parts.append(make_report(number).replace("\n", ""))
        length += len(parts[-1])
        number += 1
    return "".join(parts)[:size]


def _seconds(work: Callable[[str], object], text: str, rounds: int) -> float:
    best = math.inf
    for _ in range(rounds):
        started = time.process_time()
        work(text)
        best = min(best, time.process_time() - started)
    return best


def _exponent(work: Callable[[str], object], make: Callable[[int], str], small: int, large: int) -> tuple[float, float]:
    first = _seconds(work, make(small), 3)
    last = _seconds(work, make(large), 1)
    return round(math.log(max(last, 1e-4) / max(first, 1e-4)) / math.log(large / small), 2), round(last, 2)


def main() -> None:
    """Measure every input and print one JSON document, the worst exponents first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=12_500)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--only", nargs="*", choices=("scrub", "read"), default=["scrub", "read"])
    parser.add_argument("--limit", type=float, default=1.3)
    options = parser.parse_args()
    works: dict[str, Callable[[str], object]] = {
        "scrub": lambda text: scrub_text(text, known=_KNOWN),
        "read": lambda text: structure_report(text, report_id=""),
    }
    makers: dict[str, Callable[[int], str]] = {name: partial(repeat, unit) for name, unit in UNITS.items()}
    makers |= {"mixed": lambda size: mixed(1, size), "clinical sentences": clinical}
    answer: dict[str, dict[str, list[float]]] = {}
    worst = 0.0
    for what in options.only:
        found = {name: _exponent(works[what], make, options.small, options.large) for name, make in makers.items()}
        answer[what] = {
            name: list(pair) for name, pair in sorted(found.items(), key=lambda item: (-item[1][1], item[0]))
        }
        worst = max(worst, *(exponent for exponent, seconds in found.values() if seconds > 0.2), 0.0)
    print(
        json.dumps(
            {"characters": options.large, "exponent_and_seconds": answer, "worst": worst}, ensure_ascii=False, indent=1
        )
    )
    if worst > options.limit:
        sys.exit(1)


if __name__ == "__main__":
    main()
