"""A mapping that cannot stand is refused with the line, the field and the remedy; what is written is taken as written."""

from pathlib import Path

import pytest

from ingestion.freshness import interval_hours, status_of
from ingestion.mapping import SourceMapping, read_mapping
from lakehouse.errors import SettingsError

GOOD = """\
source: his
expected_every: P1D
files:
  - entity: patient
    match: "V*.txt"
    reader: {format: delimited, delimiter: \\t, sheet: }
    columns:
      patient_id: BRID
      sex: [XB, 性别]
      is_void: ZFBZ
    codes: {sex: {1: M, no: F, NULL: U, 0010: O}}
    void: {column: is_void, values: [1, yes]}
    missing: [NULL, 不详]
"""


def read(tmp_path: Path, text: str) -> SourceMapping:
    path = tmp_path / "m.yml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path)


def test_values_are_taken_as_they_are_written(tmp_path: Path) -> None:
    file = read(tmp_path, GOOD).files[0]
    assert file.codes == {"sex": {"1": "M", "no": "F", "NULL": "U", "0010": "O"}}
    assert file.void and file.void.values == ("1", "yes")
    assert file.missing == ("NULL", "不详")
    assert (file.reader.delimiter, file.reader.sheet) == ("\t", None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format: delimited", "format: delimted", "line 6, files[1].reader.format: 'delimted' is unknown; did you mean 'delimited'?"),
        ("delimiter:", "delimeter:", "line 6, files[1].reader.delimeter: unknown field; did you mean 'delimiter'?"),
        ("    match:", "    mtach:", "line 5, files[1].mtach: unknown field; did you mean 'match'?"),
        ("    match:", "    mtach:", "line 4, files[1].match: is missing: add it"),
        ("entity: patient", "entity: pateint", "line 4, files[1].entity: source his has no table 'pateint'; did you mean 'patient'?"),
        ("source: his", "source: hsi", "line 1, source: there is no source 'hsi'; did you mean 'his'?"),
        ("sex: [XB", "sxe: [XB", "line 9, files[1].columns.sxe: raw_his.patient has no column 'sxe'; did you mean 'sex'?"),
        ("patient_id: BRID", "phone: LXDH", "line 7, files[1].columns: required column patient_id (病人ID) has no mapping: add `patient_id: HEADER`"),
        ("sex: [XB", "sex: [BRID", "line 9, files[1].columns.sex: header 'BRID' is also accepted for patient_id"),
        ("is_void: ZFBZ", "sex: ZFBZ", "line 10, files[1].columns.sex: stands twice, first in line 9: remove one"),
        ("is_void: ZFBZ", "phone: ZFBZ", "line 12, files[1].void.column: column is_void is not under columns"),
        ('"V*.txt"', '"/data/V*.txt"', "line 5, files[1].match: is a path; write a glob"),
        ("sheet: }", "encoding: gbx}", "line 6, files[1].reader.encoding: encoding 'gbx' is unknown; write auto"),
        ("delimited", "fixed_width", "line 6, files[1].reader: format fixed_width needs widths: add it"),
        ("P1D", "1 day", "line 2, expected_every: is no interval of ISO 8601; write P1D"),
        ("  - entity", "\t- entity", "m.yml, line 4: not YAML"),
        ("columns:\n", "columns: BRID\n    x:\n", "line 7, files[1].columns: needs fields of its own below it"),
    ],
)  # fmt: skip
def test_message_names_line_field_and_remedy(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "just words", "source: his\n", "source: his\nfiles: []\n"])
def test_what_is_no_mapping_is_refused_with_a_message(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"line [12]"):
        read(tmp_path, text)


def test_freshness_is_judged_in_intervals() -> None:
    assert [interval_hours(text) for text in ("P1D", "PT6H", "P1W", "PT30M", None)] == [24, 6, 168, 0.5, None]
    assert [status_of(hours, 24, 1) for hours in (0, 24, 25, 48, 49)] == ["green", "green", "amber", "amber", "red"]
    assert status_of(None, 24, 1) is None and status_of(5, None, 1) is None
