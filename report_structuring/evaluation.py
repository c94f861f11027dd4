"""Measures how well reports were read, against reports that somebody annotated (report_structuring.md 9.2).

Counts are taken report by report, so that any group of reports is a sum and an interval comes from drawing reports
anew. Both sides are lists of JSON objects of section 9.1.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lakehouse.errors import SourceUnreachableError, UsageError
from report_structuring.evaluation_matching import Item, has_span, is_same_measurement, pair_entities, pair_measurements

ASSERTIONS = ("present", "absent", "uncertain", "historical", "recommendation")
"""The strongest first, but for absent, which is weaker than historical."""
MISSED = "not_found"
INVENTED = "not_there"
F1_METRICS = (
    "entity", "entity_assertion", "entity_strict", "entity_assertion_strict", "document_level",
    "measurement", "measurement_linked", "measurement_span",
)  # fmt: skip
"""Metrics with precision, recall and F1, in the order they are shown."""
GATES = (*F1_METRICS, *ASSERTIONS, "laterality", "location", "change", "certainty", "disease", "polarity")
"""What a limit may be set for; `gate_value` says what each is."""
SEED = 20240501
_STRENGTH = {name: rank for rank, name in enumerate(("present", "uncertain", "historical", "absent", "recommendation"))}
_ATTRIBUTES = ("laterality", "location", "change", "certainty")
Counts = Counter[tuple[str, ...]]


def read_reports(path: Path, *, with_text: bool) -> dict[str, dict[str, Any]]:
    """Read reports of section 9.1 by report_id.

    Raises SourceUnreachableError when the file cannot be read, UsageError that names the line that is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceUnreachableError(
            f"{path} cannot be read as UTF-8 ({type(error).__name__}): check the file"
        ) from error
    reports: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            report = json.loads(line)
        except json.JSONDecodeError as error:
            raise UsageError(f"{path.name}:{number}: not JSON at character {error.pos}: one object a line") from error
        if not isinstance(report, dict) or not report.get("report_id"):
            raise UsageError(f"{path.name}:{number}: no report_id: every line is an object that has one")
        name = str(report["report_id"])
        if name in reports:
            raise UsageError(f"{path.name}:{number}: the report_id stands on an earlier line: keep one of them")
        if with_text and not isinstance(report.get("text"), str):
            raise UsageError(f"{path.name}:{number}: no text: annotated reports carry the text of their offsets")
        reports[name] = {"entities": [], "measurements": []} | report
    return reports


def list_doubts(gold: Mapping[str, Item], found: Mapping[str, Item]) -> list[str]:
    """Return what is wrong with the form of predictions: unknown reports, offsets outside the text, odd assertions."""
    doubts = []
    for name, report in found.items():
        if name not in gold:
            doubts.append(f"{name}: is not among the annotated reports and counts for nothing")
            continue
        length = len(gold[name]["text"])
        for entity in report["entities"]:
            if not has_span(entity) or entity["start"] < 0 or entity["end"] > length:
                doubts.append(f"{name}: entity {entity.get('id')}: offsets are not within the text")
            if entity.get("assertion") not in ASSERTIONS:
                doubts.append(f"{name}: entity {entity.get('id')}: the assertion is none of {', '.join(ASSERTIONS)}")
    return doubts


def evaluate(
    gold: Mapping[str, Item], found: Mapping[str, Item], *, draws: int = 0, seed: int = SEED
) -> dict[str, Any]:
    """Return every metric over all reports and by disease, F1 by tag, confusions, and 95 % intervals of `draws`."""
    nothing: dict[str, list] = {"entities": [], "measurements": []}
    counts = {name: count_report(report, found.get(name, nothing)) for name, report in gold.items()}
    diseases = sorted({str(report.get("disease", "?")) for report in gold.values()})
    groups = {
        disease: _sum(counts[name] for name, report in gold.items() if str(report.get("disease", "?")) == disease)
        for disease in diseases
    }
    tags = sorted({tag for report in gold.values() for tag in report.get("tags", ())})
    tagged = {tag: [name for name, report in gold.items() if tag in report.get("tags", ())] for tag in tags}
    overall = _sum(counts.values())
    scores = {name: _f1(count, "entity_assertion")["f1"] for name, count in counts.items()}
    result: dict[str, Any] = {
        "n_reports": len(gold),
        "n_predicted": sum(name in found for name in gold),
        "overall": summarise(overall),
        "by_disease": {disease: summarise(group) for disease, group in groups.items()},
        "by_tag": {
            tag: {"reports": len(names), "f1": _f1(_sum(counts[name] for name in names), "entity_assertion")["f1"]}
            for tag, names in tagged.items()
        },
        "worst_reports": [[name, scores[name]] for name in sorted(scores, key=lambda name: scores[name])[:10]],
        "confusion": {"all": confusion(overall)} | {disease: confusion(group) for disease, group in groups.items()},
    }
    result["assertion_kappa"] = kappa(result["confusion"]["all"])
    if draws:
        result["ci95"] = _intervals(list(counts.values()), draws, seed)
    return result


def gate_value(result: Mapping[str, Any], name: str) -> float:
    """Return the figure a limit is compared with (report_structuring.md 9.3).

    F1 of a metric or of an assertion; accuracy of an attribute; `disease` the lowest F1 of entity and assertion of any
    disease; `polarity` the share of what is absent that was not called present. 1 where there is nothing to count.
    """
    overall = result["overall"]
    if name in F1_METRICS:
        return float(overall[name]["f1"])
    if name in ASSERTIONS:
        return float(overall["by_assertion"][name]["f1"])
    if name == "disease":
        return min((float(one["entity_assertion"]["f1"]) for one in result["by_disease"].values()), default=1.0)
    if name == "polarity":
        errors = overall["polarity_errors"]
        return 1 - errors["absent_called_present"] / errors["of_absent_found"] if errors["of_absent_found"] else 1.0
    accuracy = overall["attributes"][name]["accuracy"]
    return 1.0 if accuracy is None else float(accuracy)


def count_report(gold: Item, found: Item) -> Counts:
    """Return the counts of one report; those of several may be added up."""
    counts: Counts = Counter()
    right, told = gold["entities"], found["entities"]
    for name, exact in (("", False), ("_strict", True)):
        pairs = pair_entities(right, told, exact=exact)
        agreed = [(i, j) for i, j in pairs if right[i]["assertion"] == told[j].get("assertion")]
        _tally(counts, f"entity{name}", len(pairs), len(told), len(right))
        _tally(counts, f"entity_assertion{name}", len(agreed), len(told), len(right))
        if not exact:
            _count_assertions(counts, right, told, pairs, agreed)
            _count_attributes(counts, [(right[i], told[j]) for i, j in pairs])
    _count_measurements(counts, gold, found)
    said, told_status = document_status(right), document_status(told)
    _tally(counts, "document_level", len(said & told_status), len(told_status), len(said))
    return counts


def document_status(entities: Iterable[Item]) -> set[tuple[str, str]]:
    """Return (code, strongest assertion) of a report."""
    strongest: dict[str, str] = {}
    for entity in entities:
        code, assertion = entity.get("code"), entity.get("assertion")
        if assertion in _STRENGTH and _STRENGTH[assertion] < _STRENGTH.get(
            strongest.get(str(code), ""), len(_STRENGTH)
        ):
            strongest[str(code)] = assertion
    return set(strongest.items())


def summarise(counts: Counts) -> dict[str, Any]:
    """Return the metrics that some counts give."""
    met = {gold: sum(counts["met", gold, told] for told in _told_of(counts, gold)) for gold in ("absent", "present")}
    return {
        **{name: _f1(counts, name) for name in F1_METRICS},
        "by_assertion": {name: _f1(counts, f"class {name}") for name in ASSERTIONS},
        "measurement_kind": _accuracy(counts, "measurement_kind"),
        "measurement_time": _accuracy(counts, "measurement_time"),
        "attributes": {name: _accuracy(counts, name) for name in _ATTRIBUTES},
        "polarity_errors": {
            "absent_called_present": counts["met", "absent", "present"],
            "of_absent_found": met["absent"],
            "present_called_absent": counts["met", "present", "absent"],
            "of_present_found": met["present"],
        },
    }


def confusion(counts: Counts) -> dict[str, dict[str, int]]:
    """Return, for each right assertion, how often each was told; what was missed and what was invented besides."""
    columns = (*ASSERTIONS, MISSED)
    table = {right: {told: counts["met", right, told] for told in columns} for right in ASSERTIONS}
    return table | {INVENTED: {told: counts["met", INVENTED, told] for told in ASSERTIONS}}


def kappa(table: Mapping[str, Mapping[str, int]]) -> float | None:
    """Return Cohen's kappa of the assertions of mentions that both sides have; None where it is not defined."""
    pairs = {(right, told): table[right][told] for right in ASSERTIONS for told in ASSERTIONS}
    total = sum(pairs.values())
    if not total:
        return None
    observed = sum(pairs[name, name] for name in ASSERTIONS) / total
    chance = sum(
        sum(pairs[name, told] for told in ASSERTIONS) * sum(pairs[right, name] for right in ASSERTIONS)
        for name in ASSERTIONS
    ) / (total * total)
    return None if chance == 1 else round((observed - chance) / (1 - chance), 4)


def _told_of(counts: Counts, right: str) -> list[str]:
    return [key[2] for key in counts if len(key) == 3 and key[:2] == ("met", right) and key[2] != MISSED]


def _count_assertions(
    counts: Counts,
    right: Sequence[Item],
    told: Sequence[Item],
    pairs: Sequence[tuple[int, int]],
    agreed: Sequence[tuple[int, int]],
) -> None:
    for i, j in pairs:
        counts["met", right[i]["assertion"], str(told[j].get("assertion"))] += 1
    for place, items, side in ((0, right, "fn"), (1, told, "fp")):
        met, good = {pair[place] for pair in pairs}, {pair[place] for pair in agreed}
        for position, item in enumerate(items):
            assertion = str(item.get("assertion"))
            if position in good:
                counts[f"class {assertion}", "tp"] += side == "fn"
            else:
                counts[f"class {assertion}", side] += 1
            if position not in met:
                counts[("met", assertion, MISSED) if side == "fn" else ("met", INVENTED, assertion)] += 1


def _count_attributes(counts: Counts, pairs: Iterable[tuple[Item, Item]]) -> None:
    for right, told in pairs:
        for name in ("laterality", "change", "certainty"):
            # certainty says nothing but of what is uncertain
            if right.get(name) is not None and (name != "certainty" or right["assertion"] == "uncertain"):
                counts[name, "n"] += 1
                counts[name, "right"] += right[name] == told.get(name)
        if right.get("locations"):
            counts["location", "n"] += 1
            counts["location", "right"] += _lobes(right["locations"]) == _lobes(told.get("locations"))


def _lobes(codes: Iterable[str] | None) -> set[str]:
    return {code.split(".")[0] for code in codes or ()}


def _count_measurements(counts: Counts, gold: Item, found: Item) -> None:
    right, told = gold["measurements"], found["measurements"]
    codes, told_codes = ({e.get("id"): e.get("code") for e in side["entities"]} for side in (gold, found))
    pairs = pair_measurements(right, told)
    same = [(right[i], told[j]) for i, j in pairs if is_same_measurement(right[i], told[j])]
    linked = [pair for pair in same if codes.get(pair[0].get("entity")) == told_codes.get(pair[1].get("entity"))]
    _tally(counts, "measurement_span", len(pairs), len(told), len(right))
    _tally(counts, "measurement", len(same), len(told), len(right))
    _tally(counts, "measurement_linked", len(linked), len(told), len(right))
    for name, default in (("kind", None), ("time", "current")):
        counts[f"measurement_{name}", "n"] += len(same)
        counts[f"measurement_{name}", "right"] += sum(
            (one.get(name) or default) == (other.get(name) or default) for one, other in same
        )


def _tally(counts: Counts, name: str, good: int, told: int, right: int) -> None:
    counts[name, "tp"] += good
    counts[name, "fp"] += told - good
    counts[name, "fn"] += right - good


def _sum(parts: Iterable[Counts]) -> Counts:
    total: Counts = Counter()
    for part in parts:
        total.update(part)
    return total


def _f1(counts: Counts, name: str) -> dict[str, Any]:
    return _scores(*(counts[name, part] for part in ("tp", "fp", "fn")))


def _scores(good: int, wrong: int, missed: int) -> dict[str, Any]:
    precision = good / (good + wrong) if good + wrong else 0.0
    recall = good / (good + missed) if good + missed else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    rounded = {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}
    return {"tp": good, "fp": wrong, "fn": missed} | rounded


def _accuracy(counts: Counts, name: str) -> dict[str, Any]:
    n = counts[name, "n"]
    return {"n": n, "accuracy": round(counts[name, "right"] / n, 4) if n else None}


def _intervals(reports: Sequence[Counts], draws: int, seed: int) -> dict[str, list[float]]:
    """Return the middle 95 % of the F1 of as many reports drawn with replacement, `draws` times."""
    generator, positions = random.Random(seed), range(len(reports))
    parts = [
        [[report[name, part] for part in ("tp", "fp", "fn")] for name in ("entity_assertion", "measurement")]
        for report in reports
    ]
    drawn: tuple[list[float], list[float]] = ([], [])
    for _ in range(draws):
        sample = [parts[generator.choice(positions)] for _ in positions]
        for metric, values in enumerate(drawn):
            sums = [sum(column) for column in zip(*(report[metric] for report in sample), strict=True)]
            values.append(_scores(*sums)["f1"] if sums else 0.0)
    return {
        name: [ordered[int(0.025 * draws)], ordered[min(draws - 1, int(0.975 * draws))]]
        for name, ordered in zip(("entity_assertion", "measurement"), map(sorted, drawn), strict=True)
    }
