"""How the rules read notes that others annotated: cEHRNER of ChineseBLUE (clinical notes, seven categories of entity).

python -m benchmarks.structuring.cehrner FOLDER [--disagreements 60]

FOLDER holds `train.json` and `dev.json`. Some of the texts were read when rules were written, so the figures are no
blind test; and the annotators worked to other guidelines, on notes instead of reports, so they say how far the rules
carry, not how well they read.

Two questions. Recall: of the annotated spans that name one of our concepts (a variant of `finding_lexicon.tsv` stands
in them), over how many did the rules put an entity of that concept? Precision: of our diagnoses, how many lie over a
span annotated as a disease? Offsets are code points, end exclusive; a span is found when it shares a character with it.
"""

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report_structuring.structure import Entity, structure_report
from report_structuring.words import read_rows

DISEASE, SYMPTOM, OPERATION = "疾病和诊断", "症状", "手术"
COUNTERPARTS: dict[str, tuple[str, ...]] = {
    DISEASE: ("diagnosis", "sign", "histology", "status"),
    SYMPTOM: ("sign",),
    OPERATION: ("status",),
    "解剖部位": (),
    "影像检查": (),
    "实验室检验": (),
    "药物": (),
}
"""The types of our concepts that a category of theirs can name.

Their diseases include what imaging only shows (肺气肿, 胆囊结石, 肝囊肿), which are signs with us, and `胃癌术后`,
which is two entities with us; their symptoms include signs of examination (腹水, 脾大). Sites are an attribute of our
entities and never one themselves; an examination or a test is one of ours only when it is advised, and theirs were
performed; we have no drugs.
"""
_SEED = 20240501
_LATIN = re.compile(r"[a-z0-9]")
_OPERATION_CODES = frozenset({
    "gen.cholecystectomy", "gen.appendectomy", "gen.lung_resection", "gen.drainage_tube", "pas.hysterectomy",
    "pas.prior_cesarean", "brain.craniotomy", "brain.stent",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """An annotated span: category, offsets, and the concepts of ours that it names."""

    category: str
    start: int
    end: int
    codes: frozenset[str]
    is_whole: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A note with what was annotated and what the rules read."""

    text: str
    spans: tuple[Span, ...]
    entities: tuple[Entity, ...]


def read_notes(path: Path, variants: Mapping[str, Mapping[str, str]]) -> list[Note]:
    """Read a file of one JSON object a line and structure its notes; `variants` is of `concept_variants`."""
    notes = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        row = json.loads(line)
        text = row["text"]
        spans = tuple(_as_span(text, item, variants) for item in row["mention_data"])
        found = structure_report(text, report_id=f"{path.stem}-{number}").entities
        notes.append(Note(text=text, spans=spans, entities=found))
    return notes


def concept_variants() -> dict[str, dict[str, str]]:
    """Return every wording of the lexicon in small letters with the codes that it can name, and the type of each."""
    wordings: dict[str, dict[str, str]] = defaultdict(dict)
    for code, _domain, kind, label, variants, *_ in read_rows("finding_lexicon.tsv"):
        for wording in {label, *variants.split("|")}:
            wordings[wording.lower()][code] = kind
    return dict(wordings)


def measure_recall(notes: Iterable[Note], category: str) -> dict[str, Any]:
    """Count the spans of a category that name a concept of ours, by what the rules put over them."""
    counts: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for note in notes:
        for span in note.spans:
            if span.category != category:
                continue
            counts["annotated"] += 1
            over = _over(note.entities, span)
            counts["touched by an entity"] += bool(over)
            if not span.codes:
                continue
            found = bool(span.codes & {entity.code for entity in over})
            if not found:
                missed["|".join(sorted(span.codes))] += 1
            for group in ("named", "named_whole") if span.is_whole else ("named",):
                counts[group] += 1
                counts[f"{group}_found"] += found
                counts[f"{group}_other"] += bool(over) and not found
    return dict(counts) | {
        "recall": _share(counts["named_found"], counts["named"]),
        "recall_whole": _share(counts["named_whole_found"], counts["named_whole"]),
        "missed_most": dict(missed.most_common(8)),
    }


def measure_precision(notes: Sequence[Note], kinds: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Count our diagnoses by assertion and by the category of the annotated span they lie over."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for note in notes:
        for entity in note.entities:
            if kinds[entity.code] != "diagnosis":
                continue
            over = {span.category for span in note.spans if span.start < entity.end and entity.start < span.end}
            where = DISEASE if DISEASE in over else min(over, default="none")
            counts[entity.assertion][where] += 1
            counts[entity.assertion]["diagnoses"] += 1
    return {
        assertion: dict(sorted(row.items())) | {"precision": _share(row[DISEASE], row["diagnoses"])}
        for assertion, row in sorted(counts.items())
    }


def list_disagreements(notes: Sequence[Note], kinds: Mapping[str, str], count: int) -> list[str]:
    """Draw spans that were not found and diagnoses that nobody annotated, half of each, for reading by eye."""
    missed, extra = [], []
    for note in notes:
        for span in note.spans:
            over = _over(note.entities, span)
            if span.codes and not span.codes & {entity.code for entity in over}:
                ours = "+".join(sorted(entity.code for entity in over)) or "nothing"
                missed.append(f"missed {'|'.join(sorted(span.codes))}, ours {ours}: {_show(note.text, span)}")
        for entity in note.entities:
            if kinds[entity.code] == "diagnosis" and not any(
                span.category == DISEASE for span in note.spans if span.start < entity.end and entity.start < span.end
            ):
                extra.append(f"extra {entity.code} {entity.assertion}: {_show(note.text, entity)}")
    rng = random.Random(_SEED)
    return [line for group in (missed, extra) for line in rng.sample(group, min(len(group), count // 2))]


def _as_span(text: str, item: Mapping[str, str], variants: Mapping[str, Mapping[str, str]]) -> Span:
    """Name the concepts whose wording stands in a span: its longest wordings only, as the lexicon is read."""
    start = int(item["offset"])
    end = start + len(item["mention"])
    category, lowered = item["label"], text.lower()
    codes: set[str] = set()
    at = start
    while at < end:
        longest = next(
            (stop for stop in range(end, at, -1) if lowered[at:stop] in variants and _is_token(lowered, at, stop)), None
        )
        if longest:
            codes |= {
                code
                for code, kind in variants[lowered[at:longest]].items()
                if kind in COUNTERPARTS[category] and (category != OPERATION or code in _OPERATION_CODES)
            }
        at = longest or at + 1
    return Span(
        category=category, start=start, end=end, codes=frozenset(codes), is_whole=lowered[start:end] in variants
    )


def _is_token(text: str, start: int, end: int) -> bool:
    """Tell whether letters and digits do not go on beyond either end of a Latin wording."""
    return not (
        (start > 0 and _LATIN.match(text[start]) and _LATIN.match(text[start - 1]))
        or (end < len(text) and _LATIN.match(text[end - 1]) and _LATIN.match(text[end]))
    )


def _over(entities: Iterable[Entity], span: Span) -> list[Entity]:
    return [entity for entity in entities if entity.start < span.end and span.start < entity.end]


def _show(text: str, of: Span | Entity) -> str:
    return f"{text[max(0, of.start - 25) : of.start]}【{text[of.start : of.end]}】{text[of.end : of.end + 15]}"


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def main() -> None:
    """Print the mapping and the figures of both files as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--disagreements", type=int, default=0, metavar="N", help="also print N spans to read by eye")
    asked = parser.parse_args()
    variants = concept_variants()
    kinds = {code: kind for codes in variants.values() for code, kind in codes.items()}
    files = {name: read_notes(asked.folder / f"{name}.json", variants) for name in ("train", "dev")}
    files["both"] = [note for notes in files.values() for note in notes]
    report: dict[str, Any] = {"counterparts": COUNTERPARTS}
    for name, notes in files.items():
        report[name] = {
            "notes": len(notes),
            "spans": {category: measure_recall(notes, category) for category in COUNTERPARTS},
            "our_diagnoses": measure_precision(notes, kinds),
        }
    if asked.disagreements:
        report["disagreements"] = list_disagreements(files["both"], kinds, asked.disagreements)
    print(json.dumps(report, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
