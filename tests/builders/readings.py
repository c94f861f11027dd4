"""Readings of findings in a sentence, as the tests of assertion write them down.

A row gives the sentence and, in the order of the text, a word of each finding with its reading: P present,
A absent, U uncertain/possible, L uncertain/probable, H historical, R recommendation, then the change.
"""

from report_structuring.structure import Entity, structure_report

READINGS = {
    "P": ("present", "definite"),
    "A": ("absent", "definite"),
    "U": ("uncertain", "possible"),
    "L": ("uncertain", "probable"),
    "H": ("historical", "definite"),
    "R": ("recommendation", None),
}
_OBSTETRIC = ("胎盘", "桥", "膀胱线", "肌层", "血管前置", "陷窝", "产后", "植入")


def find_entities(text: str) -> list[Entity]:
    """Structure one sentence; the words in it tell the kind of report and the disease."""
    kind = "pathology" if text.startswith("镜下") else "radiology"
    disease = "pas" if any(word in text for word in _OBSTETRIC) else None
    return list(structure_report(text, report_id="r", report_kind=kind, disease=disease).entities)


def check_row(row: str) -> None:
    """Fail when a finding of the row is missing or read otherwise."""
    text, expected = row.split(" | ")
    entities = find_entities(text)
    for item in expected.split(";"):
        word, reading, *change = item.split()
        found = next(e for e in entities if word in e.mention or (len(e.mention) > 1 and e.mention in word))
        entities.remove(found)
        assert (found.assertion, found.certainty) == READINGS[reading], f"{word}: {found.rule} {found.cue_text}"
        if change:
            assert (found.change or "-") == change[0], word
