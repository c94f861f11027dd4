"""How well reports are read is measured as specification 9.2 says, on reports small enough to count by hand."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from lakehouse.errors import UsageError
from report_structuring.evaluation import (
    ASSERTIONS,
    GATES,
    INVENTED,
    MISSED,
    evaluate,
    gate_value,
    list_doubts,
    read_reports,
)
from report_structuring.evaluation_matching import is_same_measurement, overlap_share, pair_entities

Report = dict[str, Any]


def entity(code: str, start: int, end: int, assertion: str = "present", **more: Any) -> Report:
    return {"id": f"E{start}", "code": code, "start": start, "end": end, "assertion": assertion} | more


def measurement(dims: list, unit: str | None, start: int = 0, end: int = 4, **more: Any) -> Report:
    return {"id": "M1", "dims": dims, "unit": unit, "start": start, "end": end, "kind": "size", "entity": None} | more


def report(entities: list[Report], measurements: list[Report] | None = None, **more: Any) -> Report:
    return {"text": "字" * 100, "entities": entities, "measurements": measurements or []} | more


def f1(gold: Report, told: Report, metric: str = "entity_assertion") -> tuple[int, int, int, float]:
    scores = evaluate({"a": gold}, {"a": told})["overall"][metric]
    return scores["tp"], scores["fp"], scores["fn"], scores["f1"]


def test_spans_that_overlap_by_a_tenth_meet() -> None:
    gold = [entity("lung.ggo", 0, 10)]
    assert overlap_share(gold[0], entity("lung.ggo", 9, 19)) == pytest.approx(1 / 19)
    assert pair_entities(gold, [entity("lung.ggo", 9, 19)]) == []
    assert pair_entities(gold, [entity("lung.ggo", 8, 19)]) == [(0, 0)]
    assert pair_entities(gold, [entity("lung.ggo", 8, 19)], exact=True) == []
    assert pair_entities(gold, [entity("lung.nodule", 0, 10)]) == []


def test_a_pair_that_agrees_is_made_before_one_that_overlaps_more() -> None:
    gold = [entity("lung.ggo", 0, 10, "absent")]
    told = [entity("lung.ggo", 0, 10, "present"), entity("lung.ggo", 5, 12, "absent")]
    assert pair_entities(gold, told) == [(0, 1)]


def test_each_mention_counts_once() -> None:
    gold = report([entity("lung.ggo", 0, 4), entity("lung.ggo", 10, 14, "absent")])
    told = report([entity("lung.ggo", 0, 4), entity("lung.ggo", 1, 4), entity("lung.ggo", 10, 14)])
    assert f1(gold, told) == (1, 2, 1, 0.4)
    assert f1(gold, told, "entity") == (2, 1, 0, 0.8)
    result = evaluate({"a": gold}, {"a": told})
    assert result["overall"]["polarity_errors"] == {
        "absent_called_present": 1, "of_absent_found": 1, "present_called_absent": 0, "of_present_found": 1,
    }  # fmt: skip
    table = result["confusion"]["all"]
    assert (table["absent"]["present"], table["present"]["present"], table[INVENTED]["present"]) == (1, 1, 1)
    assert sum(counts[MISSED] for right, counts in table.items() if right != INVENTED) == 0


def test_a_report_that_was_not_read_is_missed_as_a_whole() -> None:
    result = evaluate({"a": report([entity("lung.ggo", 0, 4)], disease="pas", tags=["x"])}, {})
    assert (result["n_predicted"], result["overall"]["entity"]["fn"]) == (0, 1)
    assert result["by_tag"] == {"x": {"reports": 1, "f1": 0.0}}
    assert result["confusion"]["pas"]["present"][MISSED] == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (measurement([[12, 12], [8, 8]], "mm"), measurement([[0.8, 0.8], [1.2, 1.2]], "cm"), True),
        (measurement([[12, 12]], "mm"), measurement([12], "毫米"), True),
        (measurement([[3, 6]], "mm"), measurement([[3, 5]], "mm"), False),
        (measurement([[3, 3]], "mm", op="lt"), measurement([[3, 3]], "mm"), False),
        (measurement([[3, 3]], None), measurement([[3, 3]], ""), True),
        (measurement([[3, 3]], "ml"), measurement([[3, 3]], "mm"), False),
        (measurement([["a", "b"]], "mm"), measurement([[3, 3]], "mm"), False),
    ],
    ids=["order_and_unit", "single", "range", "operator", "no_unit", "other_unit", "no_number"],
)
def test_measurements_are_equal_after_conversion(one: Report, other: Report, same: bool) -> None:
    assert is_same_measurement(one, other) is same


def test_a_link_is_right_by_the_code_of_its_mention() -> None:
    gold = report([entity("lung.ggo", 0, 4)], [measurement([[5, 5]], "mm", 5, 8, entity="E0")])
    told = report([entity("lung.nodule", 0, 4)], [measurement([[5, 5]], "mm", 5, 8, entity="E0")])
    assert f1(gold, told, "measurement") == (1, 0, 0, 1.0)
    assert f1(gold, told, "measurement_linked") == (0, 1, 1, 0.0)


def test_attributes_count_where_gold_has_them() -> None:
    gold = report([
        entity("lung.ggo", 0, 4, laterality="left", locations=["LUL.S3"], certainty="definite"),
        entity("lung.ggo", 9, 14, "uncertain", laterality=None, certainty="possible"),
    ])  # fmt: skip
    told = report([
        entity("lung.ggo", 0, 4, laterality="right", locations=["LUL"], certainty="possible"),
        entity("lung.ggo", 9, 14, "uncertain", laterality="left", certainty="possible"),
    ])  # fmt: skip
    attributes = evaluate({"a": gold}, {"a": told})["overall"]["attributes"]
    assert attributes == {
        "laterality": {"n": 1, "accuracy": 0.0},
        "location": {"n": 1, "accuracy": 1.0},
        "change": {"n": 0, "accuracy": None},
        "certainty": {"n": 1, "accuracy": 1.0},
    }


def test_a_limit_may_be_set_for_every_gate() -> None:
    gold = {
        "a": report([entity("lung.ggo", 9 * n, 9 * n + 4, "absent") for n in range(4)], disease="pas"),
        "b": report([entity("lung.ggo", 0, 4, laterality="left")], disease="stroke"),
    }
    told = {
        "a": report([entity("lung.ggo", 9 * n, 9 * n + 4, "present" if n == 0 else "absent") for n in range(4)]),
        "b": report([entity("lung.ggo", 0, 4, laterality="right")]),
    }
    result = evaluate(gold, told)
    values = {name: gate_value(result, name) for name in GATES}
    assert values["entity_assertion"] == 0.8
    assert (values["disease"], values["polarity"], values["laterality"]) == (0.75, 0.75, 0.0)
    assert (values["change"], values["present"]) == (1.0, pytest.approx(2 / 3, abs=1e-4))


def test_kappa_is_what_agreement_is_beyond_chance() -> None:
    one = [entity("lung.ggo", 9 * n, 9 * n + 4, "present" if n < 5 else "absent") for n in range(10)]
    other = [entity("lung.ggo", 9 * n, 9 * n + 4, "present" if n in (0, 1, 2, 3, 5) else "absent") for n in range(10)]
    # 8 of 10 agree, chance gives 5
    assert evaluate({"a": report(one)}, {"a": report(other)})["assertion_kappa"] == 0.6
    assert evaluate({"a": report(one[:1])}, {"a": report(one[:1])})["assertion_kappa"] is None


def test_the_strongest_assertion_is_that_of_the_document() -> None:
    gold = report([entity("lung.ggo", 0, 4, "absent"), entity("lung.ggo", 9, 14, "uncertain")])
    told = report([entity("lung.ggo", 50, 54, "uncertain")])
    assert f1(gold, told, "document_level") == (1, 0, 0, 1.0)


def test_an_interval_holds_the_value_and_comes_again() -> None:
    rng = random.Random(7)
    gold = {str(n): report([entity("lung.ggo", 0, 4, rng.choice(ASSERTIONS))]) for n in range(30)}
    told = {name: report([entity("lung.ggo", 0, 4)]) for name in gold}
    first, second = evaluate(gold, told, draws=200), evaluate(gold, told, draws=200)
    low, high = first["ci95"]["entity_assertion"]
    assert low < first["overall"]["entity_assertion"]["f1"] < high
    assert first == second


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["{"], "gold.jsonl:1: not JSON"),
        (['{"text": ""}'], "gold.jsonl:1: no report_id"),
        (['{"report_id": "a"}'], "gold.jsonl:1: no text"),
        (['{"report_id": "a", "text": ""}', "", '{"report_id": "a", "text": ""}'], "gold.jsonl:3: the report_id"),
    ],
    ids=["no_json", "no_number", "no_text", "twice"],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, lines: list[str], problem: str) -> None:
    (tmp_path / "gold.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(UsageError, match=problem):
        read_reports(tmp_path / "gold.jsonl", with_text=True)


def test_predictions_with_odd_spans_are_doubted_and_never_crash() -> None:
    gold = {"a": report([entity("lung.ggo", 0, 4)])}
    told = {"a": report([entity("lung.ggo", -1, 4), entity("x", 5, 900, "maybe"), {"code": "y"}]), "b": report([])}
    assert len(list_doubts(gold, told)) == 6
    assert json.dumps(evaluate(gold, told)["overall"]["entity"]["tp"]) == "1"


def test_the_shipped_annotations_agree_with_themselves(shared: Path) -> None:
    gold = read_reports(shared / "gold" / "reports_dev.jsonl", with_text=True)
    result = evaluate(gold, gold)
    assert {result["overall"][name]["f1"] for name in ("entity_strict", "measurement_linked", "document_level")} == {
        1.0
    }
    assert result["n_reports"] == 40
