"""Time of structuring codes and laboratory values at several sizes, and the exponent between the smallest and largest.

python -m benchmarks.terminology.structuring --rows 100000 1000000
"""

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path

from benchmarks.terminology.home import MODELS, build, insert, make_home, seed
from lakehouse.lake import open_lake

_CODES = (
    "I63.900x003", "j18.900", "J18．900", "I10X00", "I63.9", "K35.8+", "O43.200x001", "BJ0123", "E11.9;I10.x00",
    "A12.900", "R91.x00", "I63.9OO",
)  # fmt: skip
_NAMES = (
    "脑梗死",
    "肺炎",
    "肺炎？",
    "高血压",
    "脑梗死待排",
    "急性阑尾炎",
    "胎盘植入",
    "某局部病",
    "2型糖尿病;高血压",
    "怪病",
    "肺结节",
    "脑梗死",
)
_VALUES = (
    "5.6",
    "５．６",
    "5.6↑",
    "<0.05",
    ">1000",
    "1:320",
    "阳性(+)",
    "阴性",
    "++",
    "3-5/HP",
    "见报告",
    "标本溶血",
    "12.5*",
)
_ITEMS = ("白细胞计数", "血红蛋白", "C反应蛋白", "血清钾", "D-二聚体", "肌酐", "某检验")
_UNITS = ("10^9/L", "g/L", "mg/L", "mmol/L", "mg/L FEU", "μmol/L", "")


def _pick(values: tuple[str, ...], by: str) -> str:
    return f"[{', '.join(repr(value) for value in values)}][1 + {by} % {len(values)}]"


def measure(rows: int, folder: Path) -> dict[str, object]:
    """Fill a home with so many diagnoses and as many laboratory values, build, and return the seconds."""
    settings = make_home(folder / "home")
    seed(settings, folder)
    with open_lake(settings) as connection:
        insert(
            connection,
            "raw_his.diagnosis",
            f"select 'V' || cast(i // 5 as varchar) as visit_id, '出院' as diagnosis_type, "
            f"cast(1 + i % 5 as varchar) as sequence_no, {_pick(_CODES, 'i')} as diagnosis_code, "
            f"{_pick(_NAMES, 'i')} as diagnosis_name from range({rows}) as numbers(i)",
        )
        insert(
            connection,
            "raw_lis.result",
            f"select 'R' || cast(i // 20 as varchar) as report_id, 'P' || cast(i // 100 as varchar) as patient_id, "
            f"cast(i % 20 as varchar) as sequence_no, 'X' || cast(i % 7 as varchar) as item_code, "
            "'静脉血' as specimen, "
            f"{_pick(_ITEMS, 'i')} as item_name, {_pick(_VALUES, '(i // 7)')} as result, {_pick(_UNITS, 'i')} as unit, "
            f"'3.5-9.5' as reference_range, '2024-01-01 08:00:00' as collected_at from range({rows}) as numbers(i)",
        )
    seconds = build(settings, folder)
    with open_lake(settings, ("lake",), read_only=True) as connection:
        counts = {
            name: connection.execute(f"select count(*) from lake.std.{name}").fetchone()
            for name in ("std_diagnosis", "std_lab_result")
        }
    return {
        "rows": rows,
        "counts": {name: row[0] if row else 0 for name, row in counts.items()},
        "seconds": {name: value for name, value in seconds.items() if name in MODELS},
        "staging_seconds": round(sum(value for name, value in seconds.items() if name.startswith("stg_")), 2),
    }


def main() -> None:
    """Measure each size and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    results = []
    for rows in parser.parse_args().rows:
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(rows, Path(folder)))
            print(f"{rows} rows: {results[-1]['seconds']}", file=sys.stderr, flush=True)
    small, large = results[0], results[-1]
    exponents = {}
    for name in ("std_diagnosis_statement", "std_diagnosis", "std_lab_result"):
        first, last = small["seconds"][name], large["seconds"][name]  # type: ignore[index]
        if large["rows"] != small["rows"]:
            size = math.log(large["rows"] / small["rows"])  # type: ignore[operator]
            exponents[name] = round(math.log(last / first) / size, 2)
    print(json.dumps({"results": results, "exponents": exponents}, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
