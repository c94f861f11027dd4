"""Judges laboratory results and their units item by item: what is usual for an item is no defect of its results."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ingestion.quality import profiles
from ingestion.quality.columns import Counts, Waiting, judge_values, write_judged
from ingestion.quality.forms import Facts
from ingestion.quality.forms.missing import is_missing
from ingestion.quality.forms.numbers import read_result
from ingestion.quality.forms.units import plain_unit, ucum
from lakehouse.contract import Table

ITEM_CODES = ("item_code", "observation_code")
ITEM_NAMES = ("item_name", "observation_name")
UNITS = ("unit", "units")
_CLASS_SHARE = 0.5
_UNIT_SHARE, _UNIT_COUNT = 0.6, 3
_SPELLING_SHARE = 0.25


def has_items(table: Table) -> bool:
    """Return whether a table holds laboratory results by item."""
    return first_column(table, ("result", "value")) is not None and _item(table) is not None


def first_column(table: Table, names: tuple[str, ...]) -> str | None:
    """Return the first of some columns that a table has; a result must have that form."""
    forms = {column.name: column.meta.get("form") for column in table.columns}
    return next(
        (name for name in names if name in forms and (name not in ("result", "value") or forms[name] == "lab_value")),
        None,
    )


def _item(table: Table) -> str | None:
    """Return SQL of what tells the items of a table apart."""
    parts = [name for name in (first_column(table, ITEM_CODES), first_column(table, ITEM_NAMES)) if name]
    if not parts:
        return None
    return "coalesce(" + ", ".join(f"nullif(trim(\"{name}\"), '')" for name in parts) + ", '')"


def clean_results(waiting: Waiting, filled: Mapping[str, Counts]) -> None:
    """Judge results and units of a table of laboratory results."""
    table = waiting.table
    item, result, unit = _item(table), first_column(table, ("result", "value")), first_column(table, UNITS)
    assert item and result
    if unit is not None and unit in filled:
        _clean_units(waiting, item, unit, filled[unit])
    if result in filled:
        _clean_values(waiting, item, result, unit, filled[result])


def _clean_values(waiting: Waiting, item: str, result: str, unit: str | None, filled: Counts) -> None:
    if not any(odd for _, odd, _ in filled.values()):
        return
    column = next(column for column in waiting.table.columns if column.name == result)
    reference = next(
        (column.name for column in waiting.table.columns if column.meta.get("form") == "reference_range"), None
    )
    odd = waiting.odd(column)
    values: dict[tuple[int, str], list[tuple[str, int]]] = defaultdict(list)
    hints: dict[tuple[int, str], tuple[str, str]] = {}
    extra = ", ".join(f'min("{name}")' if name else "null" for name in (unit, reference))
    for number, key, value, count, a_unit, a_reference in waiting.connection.execute(
        f'select {waiting.group}, {item}, "{result}", count(*), {extra} from {waiting.name} where {odd} '
        "group by all order by all"
    ).fetchall():
        values[number, key].append((value, count))
        hints.setdefault((number, key), (a_unit or "", a_reference or ""))
    plain = {
        (number, key): count
        for number, key, count in waiting.connection.execute(
            f'select {waiting.group}, {item}, count(*) from {waiting.name} where "{result}" is not null '
            f"and trim(\"{result}\") <> '' and not {odd} group by all"
        ).fetchall()
    }
    judged = []
    for (number, key), counted in values.items():
        usual = _usual_classes(plain.get((number, key), 0), counted, hints[number, key])
        facts = Facts(usual=usual, missing=waiting.missing(number), codes=waiting.codes(number, result))
        total = plain.get((number, key), 0) + sum(count for _, count in counted)
        judged += [answer | {"item": key} for answer in judge_values("lab_value", number, counted, facts, total)]
    write_judged(
        waiting, judged, f'delivered."{result}" = judged.value and {_of(item)} = judged.item', result, "lab_value",
        {"item": pa.string()},
    )  # fmt: skip


def _of(item: str) -> str:
    return re.sub(r'"(\w+)"', r'delivered."\1"', item)


def _usual_classes(plain: int, values: profiles.Counted, hint: tuple[str, str]) -> frozenset[str]:
    """Return the classes usual for an item, and as `=words` the usual spellings of its qualitative results."""
    classes: Counter[str] = Counter({"numeric": plain})
    spelled: Counter[str] = Counter()
    for value, count in values:
        if is_missing("lab_value", value, Facts()):
            continue
        value_class = read_result(value).value_class
        classes["qualitative" if value_class == "ordinal" else value_class] += count
        if value_class == "qualitative":
            spelled[value.strip()] += count
    for absent in ("see_report", "not_done"):
        # no result says nothing about what the results of the item are
        if classes[absent] < _CLASS_SHARE * classes.total() or classes.total() < profiles.CONVENTION_COUNT:
            del classes[absent]
    total = classes.total()
    usual = {
        name
        for name, count in classes.items()
        if (count and count >= _CLASS_SHARE * total) or profiles.is_frequent(count, total)
    }
    if total < _UNIT_COUNT:
        unit, reference = hint
        if re.search(r"\d", reference) or (unit.strip() and not is_missing("unit", unit, Facts())):
            usual = {"numeric"}
        elif re.search("[阴阳]", reference):
            usual = {"qualitative"}
    words = sum(spelled.values())
    usual |= {f"={word}" for word, count in spelled.items() if count >= 3 and count >= _SPELLING_SHARE * words}
    return frozenset(
        usual or {"numeric" if classes["numeric"] else max(classes, key=lambda name: classes[name], default="numeric")}
    )


def _clean_units(waiting: Waiting, item: str, unit: str, filled: Counts) -> None:
    rows: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
    for number, key, value, count in waiting.connection.execute(
        f"select {waiting.group}, {item}, coalesce(\"{unit}\", ''), count(*) from {waiting.name} "
        "group by all order by all"
    ).fetchall():
        rows[number].append((key, value, count))
    judged: list[dict[str, Any]] = []
    for number, entries in rows.items():
        judged += _judge_units(waiting, number, entries, filled.get(number, (0, 0, 0))[0])
    write_judged(
        waiting, judged, f'delivered."{unit}" = judged.value and {_of(item)} = judged.item', unit, "unit",
        {"item": pa.string()},
    )  # fmt: skip


def _judge_units(
    waiting: Waiting, number: int, entries: list[tuple[str, str, int]], total: int
) -> list[dict[str, Any]]:
    """Judge the units of one file: their writing by the file and the item, their size by the item."""
    facts = Facts(missing=waiting.missing(number), codes=waiting.codes(number, "unit"))
    written = [(key, value, count) for key, value, count in entries if value.strip()]
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    by_item: dict[str, Counter[str]] = defaultdict(Counter)
    spelled_by_item: dict[str, Counter[str]] = defaultdict(Counter)
    for key, value, count in written:
        if not is_missing("unit", value, facts):
            normal = ucum(value) or plain_unit(value)
            spelled[normal][value.strip()] += count
            by_item[key][normal] += count
            spelled_by_item[key][value.strip()] += count
    usual: frozenset[str] = frozenset().union(
        *(profiles.usual_of(counts, normal) for normal, counts in spelled.items())
    )
    answers: list[dict[str, Any]] = []
    for key, value, count in written:
        of_item = spelled_by_item[key]
        own = {unit for unit, often in of_item.items() if often >= 3 and often >= _SPELLING_SHARE * of_item.total()}
        normal = ucum(value) or plain_unit(value)
        judged: dict[str, Any] = next(
            judge_values("unit", number, [(value, count)], replace(facts, usual=usual | own), total),
            {"file_no": number, "value": value, "normal": normal, "is_changed": normal != value, "kinds": []},
        )
        kind = None if is_missing("unit", value, facts) else _other_unit(normal, by_item[key])
        kinds = list(dict.fromkeys([*judged["kinds"], *([kind] if kind else [])]))
        if kinds or judged["is_changed"]:
            answers.append(judged | {"kinds": kinds, "item": key})
    return answers


def _other_unit(unit: str, counts: Counter[str]) -> str | None:
    """Return the kind of defect when an item has another unit than its other results."""
    total = counts.total()
    if unit not in counts or len(counts) < 2:
        return None
    top = max(sorted(counts), key=lambda name: counts[name])
    if unit == top or counts[top] < _UNIT_COUNT or counts[top] < _UNIT_SHARE * total:
        return None
    if profiles.is_frequent(counts[unit], total):
        return None
    return "unit_variant" if _same_size(unit, top) else "unit_mismatch"


_SAME_SIZE = (
    frozenset({"ng/mL", "ug/L"}),
    frozenset({"ug/mL", "mg/L"}),
    frozenset({"pg/mL", "ng/L"}),
    frozenset({"mg/mL", "g/L"}),
    frozenset({"10*9/L", "10*3/uL"}),
    frozenset({"[IU]/L", "U/L", "m[IU]/mL"}),
    frozenset({"mmol/L", "meq/L"}),
)


def _same_size(one: str, other: str) -> bool:
    """Return whether two units of an item are of the same size, so that a number means the same in both."""
    return any({one, other} <= same for same in _SAME_SIZE)
