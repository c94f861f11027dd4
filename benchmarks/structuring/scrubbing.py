"""Measures how many identifiers the scrubber finds in generated reports, by kind, and how much clinical text it takes.

python -m benchmarks.structuring.scrubbing [--documents 3000] [--seed 1] [--wording development] [--misses 0]
                                           [--carriers FILE] [--clinical FILE ...]

An identifier counts as found only when every character of it but spaces is taken out. Over-scrubbing is the share of
characters taken out of clinical text: between the identifiers of the generated reports, and in files without any.
`--known` gives the scrubber what the patient's record and the roster hold. Files are text, or JSON lines with `text`.
"""

import argparse
import csv
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.structuring.identifiers import MAKERS, make_identifier
from report_structuring.scrub import scrub_text

_HERE = Path(__file__).parent
_SLOT = re.compile(r"\{(\w+)\}")
_KNOWN_KIND = {
    "name": "name",
    "staff name": "staff",
    "identity card": "id_number",
    "mobile": "phone",
    "record number": "number",
    "address": "address",
}
_WORDING_OF_KNOWN = "known"


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A generated report, its identifiers as (start, end, kind), and the values a record would know."""

    text: str
    identifiers: tuple[tuple[int, int, str], ...]
    known: dict[str, list[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Identifiers and found ones by kind, characters between identifiers and those taken out, and what was missed."""

    total: Counter[str]
    found: Counter[str]
    clinical: int
    taken: int
    missed: list[tuple[str, str, str]]
    excess: list[tuple[str, str]]

    @property
    def recall(self) -> float:
        """Return found over all."""
        return sum(self.found.values()) / max(sum(self.total.values()), 1)


def read_wording(path: Path, wanted: str) -> list[str]:
    """Return the texts of one set of a table (columns set, text), with written line ends made real."""
    with path.open(encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row["text"].replace("\\n", "\n") for row in rows if row["set"] == wanted]


def fill(rng: random.Random, wording: str) -> tuple[str, list[tuple[int, int, str]], dict[str, list[str]]]:
    """Fill the slots of a wording; return the text, its identifiers and their values as a register knows them."""
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    known: dict[str, list[str]] = {}
    at = length = 0

    def put(piece: str) -> None:
        nonlocal length
        parts.append(piece)
        length += len(piece)

    for slot in _SLOT.finditer(wording):
        put(wording[at : slot.start()])
        at = slot.end()
        if slot[1] in MAKERS:
            one = make_identifier(rng, slot[1])
            spans.append((length, length + len(one.written), one.kind))
            put(one.written)
            if one.kind in _KNOWN_KIND:
                known.setdefault(_KNOWN_KIND[one.kind], []).append(one.value)
        else:
            put({"sex": rng.choice("男女"), "age": str(rng.randint(1, 89)), "n": str(rng.randint(2, 30))}[slot[1]])
    put(wording[at:])
    return "".join(parts), spans, known


def make_documents(
    seed: int, count: int, wordings: Sequence[str], carriers: Sequence[str], *, known: bool = False
) -> Iterator[Document]:
    """Generate reports: one to three clinical texts with two to five wordings between them."""
    rng = random.Random(seed)
    for _ in range(count):
        pieces: list[str] = [rng.choice(carriers) for _ in range(rng.randint(1, 3))]
        chosen = [rng.choice(wordings) for _ in range(rng.randint(2, 5))]
        marked: list[tuple[bool, str]] = [(False, piece) for piece in pieces] + [(True, wording) for wording in chosen]
        rng.shuffle(marked)
        text, spans = "", []
        values: dict[str, list[str]] = {}
        for is_wording, piece in marked:
            if is_wording:
                piece, inner, held = fill(rng, piece)
                spans += [(len(text) + start, len(text) + end, kind) for start, end, kind in inner]
                for kind, some in held.items():
                    values.setdefault(kind, []).extend(some)
            text += piece + rng.choice(("\n", "\n", "", " ") if piece[-1] in "。；，" else ("\n", "\n", " "))
        yield Document(text=text, identifiers=tuple(spans), known=values if known else {})


def score(documents: Iterator[Document], *, keep: int = 0) -> Score:
    """Scrub every document and compare; `keep` misses and excesses are kept with their surroundings."""
    total: Counter[str] = Counter()
    found: Counter[str] = Counter()
    clinical = taken = 0
    missed: list[tuple[str, str, str]] = []
    excess: list[tuple[str, str]] = []
    for document in documents:
        text = document.text
        gone = bytearray(len(text))
        for removal in scrub_text(text, known=document.known).removed:
            gone[removal.start : removal.end] = b"\x01" * (removal.end - removal.start)
        identifying = bytearray(len(text))
        for start, end, kind in document.identifiers:
            total[kind] += 1
            identifying[start:end] = b"\x01" * (end - start)
            if all(gone[place] or text[place].isspace() for place in range(start, end)):
                found[kind] += 1
            elif len(missed) < keep:
                missed.append((kind, text[start:end], text[max(0, start - 14) : end + 8]))
        clinical += len(text) - sum(identifying)
        extra = [place for place in range(len(text)) if gone[place] and not identifying[place]]
        taken += len(extra)
        if extra and len(excess) < keep:
            excess.append(("".join(text[place] for place in extra), text[max(0, extra[0] - 12) : extra[-1] + 8]))
    return Score(total=total, found=found, clinical=clinical, taken=taken, missed=missed, excess=excess)


def read_texts(path: Path) -> list[str]:
    """Return the texts of a file: JSON lines with `text`, a JSON line of texts, or plain text by line."""
    content = path.read_text(encoding="utf-8")
    if path.suffix not in (".json", ".jsonl"):
        return [line for line in content.splitlines() if line.strip()]
    return [str(json.loads(line).get("text") or "") for line in content.splitlines() if line.strip()]


def measure_clinical(texts: Sequence[str]) -> tuple[int, int, list[str]]:
    """Return the characters of texts without identifiers, how many were taken out, and the pieces taken."""
    size = taken = 0
    pieces = []
    for text in texts:
        size += len(text)
        for removal in scrub_text(text).removed:
            taken += removal.end - removal.start
            pieces.append(
                f"{removal.kind}: {text[max(0, removal.start - 8) : removal.start]}"
                f"[{text[removal.start : removal.end]}]{text[removal.end : removal.end + 6]}"
            )
    return size, taken, pieces


def main() -> None:
    """Measure and print one JSON document; misses go to standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wording", choices=("development", "held_out"), default="development")
    parser.add_argument("--known", action="store_true")
    parser.add_argument("--misses", type=int, default=0)
    parser.add_argument("--carriers", type=Path)
    parser.add_argument("--clinical", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    wordings = read_wording(_HERE / "wording.tsv", options.wording)
    if options.known:
        wordings += read_wording(_HERE / "wording.tsv", _WORDING_OF_KNOWN)
    carriers = (
        read_texts(options.carriers) if options.carriers else read_wording(_HERE / "carriers.tsv", options.wording)
    )
    result = score(
        make_documents(options.seed, options.documents, wordings, carriers, known=options.known), keep=options.misses
    )
    for kind, value, around in result.missed:
        print(f"MISS {kind}: {value!r} in {around!r}", file=sys.stderr)
    for value, around in result.excess:
        print(f"EXCESS {value!r} in {around!r}", file=sys.stderr)
    answer: dict[str, object] = {
        "identifiers": sum(result.total.values()),
        "recall": round(result.recall, 5),
        "recall_by_kind": {
            kind: f"{result.found[kind]}/{count} {result.found[kind] / count:.4f}"
            for kind, count in sorted(result.total.items())
        },
        "clinical_characters": result.clinical,
        "taken_share": round(result.taken / max(result.clinical, 1), 5),
    }
    for path in options.clinical:
        size, taken, pieces = measure_clinical(read_texts(path))
        answer[path.name] = {"characters": size, "taken": taken, "share": round(taken / max(size, 1), 5)}
        for piece in pieces[: options.misses]:
            print(f"TAKEN {path.name} {piece!r}", file=sys.stderr)
    print(json.dumps(answer, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
