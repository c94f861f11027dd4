"""How codes and terms are compared, and how names are ranked for words without a code."""

import pytest

from ingestion.terminology.spelling import concept_of, is_code_of, spell_code, term_key
from ingestion.terminology.suggestion import Candidate, Ranking


@pytest.mark.parametrize(
    ("written", "code", "concept"),
    [
        ("I63.900x003", "I63.900x003", "I63.9"),
        ("ｉ63．900Ｘ003", "I63.900x003", "I63.9"),
        (" I63900X003 ", "I63.900x003", "I63.9"),
        ("I639", "I63.9", "I63.9"),
        ("I10.x00", "I10.x00", "I10"),
        ("A17.0†", "A17.0", "A17.0"),
        ("K36", "K36", "K36"),
    ],
)
def test_codes_of_diagnoses_have_one_spelling(written: str, code: str, concept: str) -> None:
    assert spell_code(written, "icd_10") == code
    assert concept_of(code, "icd_10") == concept
    assert is_code_of(code, "icd_10")


@pytest.mark.parametrize(
    ("written", "code", "concept"),
    [
        ("74.1X01", "74.1x01", "74.1"),
        ("684901", "68.4901", "68.49"),
        ("47．0901", "47.0901", "47.09"),
        ("31.1", "31.1", "31.1"),
    ],
)
def test_codes_of_procedures_have_one_spelling(written: str, code: str, concept: str) -> None:
    assert spell_code(written, "icd_9_cm_3") == code
    assert concept_of(code, "icd_9_cm_3") == concept


@pytest.mark.parametrize("code", ["A12.9", "BJ0123", "J18.9000", ""])
def test_what_is_no_code_of_a_diagnosis_is_told(code: str) -> None:
    assert not is_code_of(spell_code(code, "icd_10"), "icd_10")


def test_terms_are_compared_without_doubt_numbers_and_punctuation() -> None:
    assert term_key("1. 肺部感染？") == term_key("肺部 感染（待查）") == "肺部感染"


def test_the_likeliest_name_comes_first() -> None:
    ranking = Ranking(
        Candidate(code=code, name=name, code_system="icd10_who")
        for code, name in [
            ("K35.8", "急性阑尾炎"),
            ("K81.0", "急性胆囊炎"),
            ("J18.9", "肺炎"),
            ("K35.8", "急性化脓性阑尾炎"),
        ]
    )
    found = ranking.suggest("急性化脓性阑尾炎伴穿孔", 2)
    assert [(item.code, item.name) for item in found] == [("K35.8", "急性化脓性阑尾炎"), ("K35.8", "急性阑尾炎")]
    assert 0 < found[1].score < found[0].score < 1
    assert ranking.suggest("肺炎")[0].score == 1
    assert ranking.suggest("骨折") == []
