"""One writer per kind of defect (sources.md 7): how a hospital gets it wrong.

A writer changes the cells of a line (or adds lines), sets what the clean value now is where it is another, and notes the
defect. The clean values of a column whose right reading is open are not compared.
"""

import copy
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta

from synthetic_hospital.second.extracts import Extract, Line
from synthetic_hospital.second.facts import citizen_number

Writer = Callable[..., Line | None]
WRITERS: dict[str, Writer] = {}


def _writes(kind: str) -> Callable[[Writer], Writer]:
    def register(writer: Writer) -> Writer:
        WRITERS[kind] = writer
        return writer

    return register


def _open_question(line: Line, column: str) -> None:
    if line.truth is not None:
        line.truth.pop(column, None)


def _put(extract: Extract, kind: str, line: Line, column: str, cell: str, truth: str | None = "") -> None:
    """Write a cell. `truth`: "" leaves the clean value as it is, None says there is none."""
    line.cells[column] = cell
    if truth != "" and line.truth is not None:
        line.truth[column] = truth
    extract.plant(kind, column, line)


def _value_writer(kind: str, *, truth: str = "kept") -> None:
    """Register a kind that is planted by giving the cell: its clean value is kept, null, or not compared."""

    def write(extract: Extract, line: Line, column: str, cell: str) -> None:
        _put(extract, kind, line, column, cell, None if truth == "null" else "")
        if truth == "open":
            _open_question(line, column)

    WRITERS[kind] = write


for _kind in ("date_format", "date_excel_serial", "unit_variant", "sex_code", "code_format"):
    _value_writer(_kind)
for _kind in ("date_sentinel", "date_impossible", "value_unparseable", "id_scientific"):
    _value_writer(_kind, truth="null")
for _kind in (
    "age_text", "name_variant", "id_prefix", "id_leading_zero", "unit_mismatch", "value_ambiguous", "value_qualitative", "value_comparator", "value_range",
    "value_see_report", "value_not_done", "rare_char_lost", "template_residue", "phi_in_text", "code_unknown", "code_system_mixed",
):  # fmt: skip
    _value_writer(_kind, truth="open")


@_writes("mojibake")
def mojibake(extract: Extract, line: Line, column: str) -> None:
    """Bytes of GBK read as Latin-1: no character is lost."""
    _put(extract, "mojibake", line, column, line.cells[column].encode("gbk").decode("latin-1"))


@_writes("encoding_lost")
def encoding_lost(extract: Extract, line: Line, column: str) -> None:
    """Replacement characters of UTF-8 read as GBK: nothing can bring the text back."""
    text = line.cells[column]
    _put(extract, "encoding_lost", line, column, text[:2] + "锟斤拷锟斤拷" + text[4:])
    _open_question(line, column)


@_writes("truncated_text")
def truncated_text(extract: Extract, line: Line, column: str) -> None:
    """4,000 bytes of a column that holds no more, the last sentence cut."""
    text = line.cells[column] * 60
    encoded = text.encode("gbk")[:4000]
    _put(extract, "truncated_text", line, column, encoded.decode("gbk", "ignore"))
    _open_question(line, column)


@_writes("embedded_newline")
def embedded_newline(extract: Extract, line: Line, column: str) -> None:
    """A line break typed into a field of a file without quotes."""
    text = line.cells[column]
    _put(extract, "embedded_newline", line, column, text[:1] + "\n" + text[1:])
    _open_question(line, column)


@_writes("embedded_delimiter")
def embedded_delimiter(extract: Extract, line: Line, column: str, cell: str) -> None:
    """The delimiter within a field of a file without quotes."""
    _put(extract, "embedded_delimiter", line, column, cell)
    _open_question(line, column)


@_writes("html_residue")
def html_residue(extract: Extract, line: Line, column: str) -> None:
    """Markup of the editor left in the text."""
    text = line.cells[column]
    _put(extract, "html_residue", line, column, text[:8] + "<br/>&nbsp;" + text[8:] + "<br/>")
    _open_question(line, column)


@_writes("control_char")
def control_char(extract: Extract, line: Line, column: str) -> None:
    """A vertical tab of the word processor."""
    text = line.cells[column]
    _put(extract, "control_char", line, column, text[:1] + "\x0b" + text[1:])
    _open_question(line, column)


@_writes("fullwidth_value")
def fullwidth_value(extract: Extract, line: Line, column: str) -> None:
    """ASCII typed with a Chinese keyboard in full-width mode."""
    wide = "".join(
        chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in line.cells[column]
    )
    assert unicodedata.normalize("NFKC", wide) == line.cells[column]
    _put(extract, "fullwidth_value", line, column, wide)


@_writes("id_o_zero")
def id_o_zero(extract: Extract, line: Line, column: str) -> None:
    """The letter O for the digit 0."""
    _put(extract, "id_o_zero", line, column, line.cells[column].replace("0", "O", 2))


@_writes("id_whitespace")
def id_whitespace(extract: Extract, line: Line, column: str) -> None:
    """An ideographic space within a number."""
    text = line.cells[column]
    _put(extract, "id_whitespace", line, column, text[:4] + "\u3000" + text[4:])


@_writes("date_future")
def date_future(extract: Extract, line: Line, column: str, render: Callable[[str], str]) -> None:
    """A year typed ten years ahead."""
    assert line.truth is not None and line.truth[column] is not None
    later = "2034" + str(line.truth[column])[4:]
    _put(extract, "date_future", line, column, render(later), later)


@_writes("date_order")
def date_order(extract: Extract, line: Line, column: str, before: str, render: Callable[[str], str]) -> None:
    """An instant days before the one it must follow."""
    assert line.truth is not None
    earlier = f"{datetime.fromisoformat(str(line.truth[before])) - timedelta(days=6):%Y-%m-%d %H:%M:%S}"
    _put(extract, "date_order", line, column, render(earlier), earlier)


@_writes("value_out_of_range")
def value_out_of_range(extract: Extract, line: Line, column: str, cell: str) -> None:
    """A slip of the keyboard."""
    _put(extract, "value_out_of_range", line, column, cell, cell)


@_writes("idcard_checksum")
def idcard_checksum(extract: Extract, line: Line, column: str = "citizen_id") -> None:
    """A last digit that does not check."""
    text = line.cells[column]
    wrong = text[:-1] + ("1" if text[-1] != "1" else "2")
    _put(extract, "idcard_checksum", line, column, wrong, wrong)


@_writes("idcard_birth_mismatch")
def idcard_birth_mismatch(extract: Extract, line: Line, column: str = "citizen_id") -> None:
    """A valid number of somebody born on another day."""
    assert line.truth is not None
    born = datetime.fromisoformat(str(line.truth["birth_date"])) + timedelta(days=400)
    other = citizen_number(born.date(), int(line.cells[column][14:17]))
    _put(extract, "idcard_birth_mismatch", line, column, other, other)


@_writes("idcard_sex_mismatch")
def idcard_sex_mismatch(extract: Extract, line: Line, column: str = "citizen_id") -> None:
    """A valid number of the other sex."""
    assert line.truth is not None
    born = datetime.fromisoformat(str(line.truth["birth_date"]))
    other = citizen_number(born.date(), int(line.cells[column][14:17]) + 1)
    _put(extract, "idcard_sex_mismatch", line, column, other, other)


@_writes("idcard_15digit")
def idcard_15digit(extract: Extract, line: Line, column: str = "citizen_id") -> None:
    """The number of before 1999: no century, no check digit."""
    text = line.cells[column]
    _put(extract, "idcard_15digit", line, column, text[:6] + text[8:17])


@_writes("code_name_mismatch")
def code_name_mismatch(extract: Extract, line: Line, cell: str) -> None:
    """The code of one disease with the name of another."""
    _put(extract, "code_name_mismatch", line, "diagnosis_name", cell, cell)


@_writes("cross_system_conflict")
def cross_system_conflict(extract: Extract, line: Line, column: str, cell: str, truth: str) -> None:
    """Another sex or birth date than the HIS has."""
    _put(extract, "cross_system_conflict", line, column, cell, truth)


def _insert(extract: Extract, after: Line, line: Line) -> Line:
    extract.lines.insert(extract.lines.index(after) + 1, line)
    return line


@_writes("repeated_header")
def repeated_header(extract: Extract, after: Line, raw: str) -> None:
    """The header line again, where a second export was appended."""
    extract.plant("repeated_header", None, _insert(extract, after, Line(cells={}, truth=None, fate="dropped", raw=raw)))


@_writes("blank_row")
def blank_row(extract: Extract, after: Line, raw: str = "") -> None:
    """An empty line."""
    extract.plant("blank_row", None, _insert(extract, after, Line(cells={}, truth=None, fate="dropped", raw=raw)))


@_writes("footer_row")
def footer_row(extract: Extract, raw: str) -> None:
    """A closing line."""
    line = Line(cells={}, truth=None, fate="dropped", raw=raw)
    extract.lines.append(line)
    extract.plant("footer_row", None, line)


@_writes("short_row")
def short_row(extract: Extract, after: Line, raw: str) -> None:
    """A record that lost its end."""
    extract.plant("short_row", None, _insert(extract, after, Line(cells={}, truth={}, fate="quarantined", raw=raw)))


@_writes("extra_column")
def extra_column(extract: Extract, after: Line, raw: str) -> None:
    """A record with fields that no header names."""
    extract.plant("extra_column", None, _insert(extract, after, Line(cells={}, truth={}, fate="quarantined", raw=raw)))


@_writes("truncated_file")
def truncated_file(extract: Extract, raw: str) -> None:
    """A transfer that broke off within the last line: nothing of the file may be loaded."""
    for line in extract.lines:
        line.fate = "held"
    extract.lines.append(Line(cells={}, truth={}, fate="held", raw=raw))
    extract.plant("truncated_file", None)


@_writes("duplicate_row")
def duplicate_row(extract: Extract, line: Line) -> None:
    """The same row twice."""
    again = copy.deepcopy(line)
    again.fate = "duplicate"
    extract.plant("duplicate_row", None, _insert(extract, line, again), line)


@_writes("bom")
def bom(extract: Extract) -> None:
    """A byte order mark before the first record; the layout writes it."""
    extract.plant("bom", None)


@_writes("encoding_mismatch")
def encoding_mismatch(extract: Extract) -> None:
    """A declaration that names another encoding than the bytes are in; the layout writes it."""
    extract.plant("encoding_mismatch", None)


def _new_line(extract: Extract, line: Line, changes: dict[str, tuple[str, str | None]]) -> Line:
    """Add a record that differs from another in some columns (cell, clean value)."""
    new = copy.deepcopy(line)
    assert new.truth is not None
    for column, (cell, truth) in changes.items():
        new.cells[column] = cell
        if truth is None:
            new.truth.pop(column, None)
        else:
            new.truth[column] = truth
    return _insert(extract, line, new)


def _relation_writer(kind: str, *, tells_both: bool = True) -> None:
    """Register a kind that is a further record beside one that is there; it may be told on either."""

    def write(extract: Extract, line: Line, changes: dict[str, tuple[str, str | None]]) -> Line:
        new = _new_line(extract, line, changes)
        extract.plant(kind, None, *((new, line) if tells_both else (new,)))
        return new

    WRITERS[kind] = write


for _kind in (
    "duplicate_patient",
    "shared_id",
    "accession_collision",
    "report_amendment",
    "report_duplicate",
    "mother_newborn",
):
    _relation_writer(_kind)
for _kind in ("merged_patient", "test_patient", "orphan_record", "preliminary_report", "report_cancelled"):
    _relation_writer(_kind, tells_both=False)


@_writes("accession_mismatch")
def accession_mismatch(extract: Extract, line: Line, cell: str) -> None:
    """The archive has another accession number than the RIS for one examination."""
    _put(extract, "accession_mismatch", line, "accession_number", cell, cell)


@_writes("row_deleted")
def row_deleted(extract: Extract, line: Line) -> None:
    """A record that the next complete delivery lacks."""
    extract.lines.remove(line)
    extract.plant("row_deleted", None)
