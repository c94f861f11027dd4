"""Wordings behind a lookahead match as they are written, and trigger words are found wherever they stand."""

import re

import pytest

from report_structuring.first_characters import compile_wording
from report_structuring.triggers import called_rules, find_triggers, number_triggers, places_within
from report_structuring.words import expand, read_rows

_TABLES = (("patterns.tsv", 3), ("heads.tsv", 1), ("cues.tsv", 4), ("measured.tsv", 0))


@pytest.fixture(scope="module")
def text() -> str:
    """Return one text that holds the lexicon's words between cues and numbers."""
    words = [word for row in read_rows("finding_lexicon.tsv") for word in row[4].split("|")[:2]]
    return "，".join(f"{lead}{word}{tail}" for word in words for lead, tail in (("未见明显", "可能"), ("较前", "3mm")))


@pytest.mark.parametrize(("table", "column"), _TABLES)
def test_every_wording_of_a_table_matches_as_it_is_written(table: str, column: int, text: str) -> None:
    """The lookahead changes no match of any wording of the package, and some of them match the text."""
    found = 0
    for row in read_rows(table):
        pattern = expand(row[column])
        spans = [hit.span() for hit in re.finditer(pattern, text[:4000])]
        assert [hit.span() for hit in compile_wording(pattern).finditer(text[:4000])] == spans
        found += len(spans)
    assert found


@pytest.mark.parametrize(
    "pattern",
    [
        r"a?b|\d+c", r"[^a]b", r"a*", r"(?i)ab", r"(?P<x>a)(?P=x)", r"(?<=x)[a-c]+?", r"(?:a|)b", r"a{0,2}[\s\]^-]", r".b",
        r"(?!b)[ab]{1,2}", r"^b|\Ba", r"(a)?(?(1)b|c)", r"(?>ab|a)c", r"(?i:a)b", r"\^|\\|-",
    ],
)  # fmt: skip
def test_any_regular_expression_keeps_its_matches_and_groups(pattern: str) -> None:
    """Classes, groups, flags and wordings that can be empty match as before, with their groups."""
    text = "ab aab Ab xabc 12c b-]^ aac bb\\ \nabac"
    expected = [(hit.span(), hit.groups()) for hit in re.finditer(pattern, text)]
    assert expected
    assert [(hit.span(), hit.groups()) for hit in compile_wording(pattern).finditer(text)] == expected


def test_trigger_words_are_found_with_the_rules_they_call() -> None:
    """Words of one character, words within words and capitals are found where they are written so."""
    table = number_triggers([[("dwi",), ("结",)], [("结节", "DWI"), ("结", "DWI"), ("节影",)]])
    text = "DWI示结节影，dwi"
    lowered, written = find_triggers([text.lower(), text], table)
    assert lowered == [(0, 3, (0,)), (4, 5, (1,)), (8, 11, (0,))]
    assert written == [(0, 3, (0, 1)), (4, 5, (1,)), (4, 6, (0,)), (5, 7, (2,))]
    assert places_within(written, 4, 6) == [(4, 5, (1,)), (4, 6, (0,))]
    assert called_rules(written, 4, 7) == [0, 1, 2]
    assert find_triggers(["", ""], table) == [[], []]
