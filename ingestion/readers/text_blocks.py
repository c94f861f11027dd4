"""Reads records written as labelled text blocks, as pathology systems print them.

    ====
    病理号：B2024-000001
    镜下所见：several lines
    belong to the label above

A line `label：value` starts a value when the label is one of the mapping; any other line continues the value above.
"""

from pathlib import Path

from ingestion.mapping import FileMapping
from ingestion.naming import normalise_header
from ingestion.readers import BATCH_ROWS, Batch, Batches, Reading, Rejected
from lakehouse.formats.encoding import decode


def read_text_blocks(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the records of a file of text blocks in batches."""
    forced = None if mapping.reader.encoding == "auto" else mapping.reader.encoding
    text, detected = decode(path.read_bytes(), forced)
    reading.encoding, reading.encoding_confidence = detected.encoding, detected.confidence
    labels = mapping.accepted_headers()
    header = tuple(labels)
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    rejected: list[Rejected] = []
    for number, lines in _blocks(text, mapping.reader.record_separator):
        values = _labelled_values(lines, labels)
        if values:
            rows.append([values.get(label) for label in header])
            numbers.append(number)
        elif any(line.strip() for line in lines):
            rejected.append(Rejected(row_no=number, reason="no_known_label", raw_text="\n".join(lines)))
        if len(rows) + len(rejected) >= BATCH_ROWS:
            yield Batch(header=header, rows=rows, row_numbers=numbers, rejected=rejected)
            rows, numbers, rejected = [], [], []
    yield Batch(header=header, rows=rows, row_numbers=numbers, rejected=rejected)


def _blocks(text: str, separator: str) -> list[tuple[int, list[str]]]:
    blocks: list[tuple[int, list[str]]] = []
    lines: list[str] = []
    start = 1
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if line.strip().startswith(separator):
            blocks.append((start, lines))
            lines, start = [], number + 1
        else:
            lines.append(line)
    blocks.append((start, lines))
    return [(first, block) for first, block in blocks if any(line.strip() for line in block)]


def _labelled_values(lines: list[str], labels: dict[str, str]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    current: str | None = None
    for line in lines:
        label, colon, _ = line.replace(":", "：", 1).partition("：")
        name = normalise_header(label)
        if colon and name in labels:
            current = name
            # the text after the colon is taken from the line itself, where a second colon stays what it was
            values[current] = [line[len(label) + 1 :]]
        elif current is not None:
            values[current].append(line)
    return {name: "\n".join(parts).strip("\n") for name, parts in values.items()}
