"""The synthetic hospital: the same twice, as large as asked in little memory, and recognisable."""

import csv
import io
import tracemalloc
from pathlib import Path

import pytest

from synthetic_hospital import marks, other_stories, pulmonary_stories
from synthetic_hospital.__main__ import write_hospital
from synthetic_hospital.extracts import ExtractWriter
from synthetic_hospital.named import named_patients
from synthetic_hospital.people import citizen_id, invent_staff
from synthetic_hospital.population import tell_patients
from synthetic_hospital.truth import episode_row


def written(folder: Path, **options: int) -> dict[str, bytes]:
    write_hospital(folder, **({"patients": 25, "seed": 5, "image_patients": 2, "day": 1} | options))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a"), written(tmp_path / "b")
    assert first.keys() == second.keys()
    # SQLite writes a counter of its own into the file
    assert [name for name in first if first[name] != second[name] and not name.endswith(".sqlite")] == []
    assert written(tmp_path / "c", seed=6)["extracts/his/V_BRXX.txt"] != first["extracts/his/V_BRXX.txt"]


def test_ten_named_patients_are_the_same_in_every_hospital() -> None:
    names = [patient.person.name for patient in named_patients(invent_staff(1))]
    assert names == [patient.person.name for patient in list(tell_patients(50, 99))[:10]]
    assert len(names) == 10


def test_every_story_is_told_and_its_truth_is_decidable() -> None:
    told = {patient.family for patient in tell_patients(400, 3)}
    assert told == {"pulmonary_infection", "stroke", "placenta_accreta", "acute_abdomen", "other"}
    episodes = [
        episode_row(patient, episode)
        for patient in tell_patients(400, 3)
        for episode in patient.episodes
        if episode.qualifying_rule
    ]
    assert {row["qualifying_rule"] for row in episodes} == {"icd", "text", "image_lab"}
    assert {row["cohort_tier"] for row in episodes} == {"pneumonia", "infection_only"}
    assert sum(row["curb65_total"] != "" for row in episodes) > len(episodes) / 2
    assert any(row["curb65_total"] == "" for row in episodes)
    assert len(pulmonary_stories.STORIES) + len(other_stories.STORIES) == 25


def test_two_thousand_patients_are_a_stream(tmp_path: Path) -> None:
    tracemalloc.start()
    writer = ExtractWriter(tmp_path, 1)
    for patient in tell_patients(2000, 1):
        writer.write(patient)
    writer.close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000


@pytest.mark.parametrize(
    ("name", "delimiter", "encoding"),
    [("his/V_BRXX.txt", "|", "gb18030"), ("his/V_ZD.txt", "|", "gb18030"), ("lis/result.csv", ",", "gb18030"), ("emr/document.csv", ",", "utf-8-sig")],
    ids=["patients", "diagnoses", "results", "documents"],
)  # fmt: skip
def test_counts_are_what_a_csv_parser_finds(tmp_path: Path, name: str, delimiter: str, encoding: str) -> None:
    files = written(tmp_path)
    text = files[f"extracts/{name}"].decode(encoding)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    whole = [row for row in rows[1:] if len(row) == len(rows[0]) and row != rows[0]]
    counts = {row["file"]: int(row["rows"]) for row in csv.DictReader(io.StringIO(files["truth/counts.csv"].decode()))}
    faults = [row for row in csv.DictReader(io.StringIO(files["truth/bad_row.csv"].decode())) if row["file"] == name]
    assert len(whole) == counts[name] + sum(row["kind"] == "duplicate_row" for row in faults)
    assert faults


def test_marks_stand_in_no_clinical_wording(tmp_path: Path) -> None:
    from synthetic_hospital import charting, wording

    for module in (charting, wording, other_stories, pulmonary_stories):
        text = Path(module.__file__ or "").read_text(encoding="utf-8")
        assert not set(text) & set(marks.GIVEN_NAME_CHARACTERS)


def test_identity_cards_have_their_check_digit() -> None:
    # the worked example of GB 11643-1999 without its area: 11010519491231002X
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    for patient in tell_patients(200, 8):
        number = patient.person.citizen_id
        assert number == "" or number.startswith(marks.AREA_CODE)
    sample = citizen_id(patient.person.birth_date, "F", 4)
    total = sum(weight * int(digit) for weight, digit in zip(weights, sample[:17], strict=True))
    assert "10X98765432"[total % 11] == sample[17]
    assert int(sample[16]) % 2 == 0


def test_next_day_changes_four_things_and_nothing_else(tmp_path: Path) -> None:
    first = written(tmp_path, image_patients=0)
    second = written(tmp_path, image_patients=0, day=2)
    before = first["extracts/lis/result.csv"].decode("gb18030").splitlines()
    after = second["extracts_day2/lis/result.csv"].decode("gb18030").splitlines()
    changed = [line for line in after if line not in before]
    assert sum("9.9" in line for line in changed) == 1
    assert (
        len([line for line in second["extracts_day2/ris/exam.csv"].decode().splitlines() if "补充：较前片吸收" in line])
        == 1
    )
    assert second["extracts_day2/his/V_BRXX.txt"].count(b"\n") == first["extracts/his/V_BRXX.txt"].count(b"\n") + 1


def test_every_number_of_the_extracts_is_listed_as_planted(tmp_path: Path) -> None:
    import re

    files = written(tmp_path, image_patients=0)
    listed = {row["id_raw"] for row in csv.DictReader(io.StringIO(files["truth/identifier.csv"].decode()))}
    prefixes = "|".join(
        value for name, value in vars(marks).items() if name.endswith("_PREFIX") and name != "MOBILE_PREFIX"
    )
    found = set()
    for name, encoding in (
        ("his/V_YZ.txt", "gb18030"),
        ("his/V_SSJL.txt", "gb18030"),
        ("his/V_ZYDJ.txt", "gb18030"),
        ("emr/document.csv", "utf-8"),
        ("emr/vital_sign.csv", "utf-8"),
        ("lis/result.csv", "gb18030"),
        ("ris/exam.csv", "utf-8"),
        ("his/V_BRXX.txt", "gb18030"),
        ("his/V_FY.txt", "gb18030"),
        ("ris/request.csv", "gb18030"),
        ("pacs/study.csv", "utf-8"),
        ("cdr/patient.csv", "utf-8"),
        ("cdr/encounter.csv", "utf-8"),
        ("cdr/report.csv", "utf-8"),
        ("obstetrics/newborn.csv", "gb18030"),
    ):
        found |= set(re.findall(rf"\b(?:{prefixes})\d{{6,}}\b", files[f"extracts/{name}"].decode(encoding)))
    assert len(found) > 100
    assert found <= listed
