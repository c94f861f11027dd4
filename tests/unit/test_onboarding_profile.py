"""Drafts of mappings: decided by values, loadable, and without anybody's name or number."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.onboarding.drafts import SECOND_MAPPINGS, score_drafts, write_unseen
from ingestion.mapping import read_mapping
from ingestion.onboarding.draft import draft_mapping, glob_of
from ingestion.onboarding.profile import FileProfile, profile_file
from lakehouse.errors import ContractError
from serving.commands.source import app, shown_profile
from synthetic_hospital.second.__main__ import write_hospital
from synthetic_hospital.second.facts import Facts, make_facts

_EXAM = "JCH,BRID,XM,JCSJ,BGSJ,ZDYJ,JCLX\n"


@pytest.fixture(scope="module")
def facts() -> Facts:
    """Return the facts of the second hospital."""
    return make_facts()


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the first delivery of the second hospital."""
    folder = tmp_path_factory.mktemp("second")
    write_hospital(folder)
    return folder / "day1"


@pytest.fixture(scope="module")
def profiles(deliveries: Path) -> list[FileProfile]:
    """Return the profiles of all its files but the documents."""
    return [profile_file(path) for path in sorted(deliveries.rglob("*.*")) if "EMR" not in path.parts]


def draft_of(profile: FileProfile) -> str:
    """Return the draft for one file."""
    assert profile.guess
    return draft_mapping(profile.guess.source, [profile])


def column_of(profile: FileProfile, header: str) -> str | None:
    """Return the raw column a header was given."""
    return next(
        match.chosen.column if match.chosen else None for match in profile.matches if match.profile.name == header
    )


def test_the_values_decide_what_jcsj_is(tmp_path: Path) -> None:
    instant, text = tmp_path / "a.csv", tmp_path / "b.csv"
    rows = [(f"CT24000{n}", f"000012345{n}", n) for n in range(9)]
    instant.write_text(
        _EXAM
        + "".join(f"{a},{b},王安邦,2024/3/{n + 1} 08:10,2024/3/{n + 1} 09:10,未见明显异常,CT\n" for a, b, n in rows),
        encoding="gb18030",
    )
    text.write_text(
        _EXAM
        + "".join(
            f"{a},{b},王安邦,双肺纹理清晰，未见实变{n}，纵隔居中。,2024/3/{n + 1} 09:10,未见明显异常,CT\n"
            for a, b, n in rows
        ),
        encoding="gb18030",
    )
    assert column_of(profile_file(instant, "ris", "exam"), "JCSJ") == "examined_at"
    assert column_of(profile_file(text, "ris", "exam"), "JCSJ") == "findings"


def test_a_draft_loads_and_says_the_same_again(profiles: list[FileProfile], tmp_path: Path) -> None:
    for number, profile in enumerate(profiles):
        text = draft_of(profile)
        path = tmp_path / f"{number}.yml"
        path.write_text(text, encoding="utf-8")
        assert profile.guess
        assert read_mapping(path).source == profile.guess.source
        assert draft_of(profile_file(profile.path)) == text


def test_no_draft_and_no_json_holds_a_value_of_a_person(profiles: list[FileProfile], facts: Facts) -> None:
    secrets = {
        row[column]
        for table, rows in facts.tables.items()
        for row in rows
        for column in row
        if column in ("patient_name", "citizen_id", "phone", "address", "patient_id", "visit_id", "exam_id", "accession_number",
                      "inpatient_no", "findings", "content", "reporter", "verifier", "signed_by", "report_id", "barcode", "birth_date")
    }  # fmt: skip
    told = "".join(draft_of(profile) + repr(shown_profile(profile)) for profile in profiles)
    assert [secret for secret in secrets if secret in told] == []


def test_a_file_without_header_shows_no_row_as_names(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("".join(f"000100{n}|李德昌|1|1960030{n}|1391000123{n}\n" for n in range(1, 9)), encoding="utf-8")
    profile = profile_file(path, "his", "patient")
    assert profile.sniffed.layout.header == ("F1", "F2", "F3", "F4", "F5")
    assert "李德昌" not in draft_mapping("his", [profile])
    assert (column_of(profile, "F5"), column_of(profile, "F4")) == ("phone", "birth_date")


def test_codes_are_drafted_and_names_are_no_codes(tmp_path: Path) -> None:
    path = tmp_path / "bg.csv"
    lines = [
        f"E{n:05d},0000{n:06d},{'12'[n % 2]},CT,{('已审核', '已作废')[n % 5 == 0]},{('韩启明', '曹文海')[n % 2]}"
        for n in range(40)
    ]
    path.write_text("检查号,病人ID,性别,检查类型,报告状态,报告医师\n" + "\n".join(lines) + "\n", encoding="utf-8")
    text = draft_mapping("ris", [profile_file(path, "ris", "exam")])
    assert 'sex: {"1": M, "2": F}' in text
    assert 'report_status: {"已审核": final, "已作废": cancelled}' in text
    assert 'void: {column: report_status, values: ["已作废"]}' in text
    assert "韩启明" not in text


def test_most_columns_are_drafted_right(deliveries: Path, facts: Facts, tmp_path: Path) -> None:
    second = score_drafts([read_mapping(path) for path in sorted(SECOND_MAPPINGS.glob("*.yml"))], deliveries)
    assert second.share >= 0.7
    assert second.wrong <= 12
    unseen = score_drafts(write_unseen(tmp_path, facts), tmp_path)
    assert unseen.share >= 0.9
    assert unseen.wrong == 0


@pytest.mark.parametrize(
    "form", ["fixed_width", "delimited", "html", "xml", "text_blocks", "workbook", "json", "dbf", "worklist"]
)
def test_every_form_is_sniffed(profiles: list[FileProfile], form: str) -> None:
    assert form in {profile.sniffed.layout.format for profile in profiles}


def test_a_name_of_a_file_is_shown_without_what_may_name_somebody() -> None:
    assert glob_of("V_BRXX_20240301.txt") == "**/V_BRXX_*.txt"
    assert not re.search("王|0010021", glob_of("王安邦_0010021.xml"))


def test_the_command_writes_one_mapping_a_source_and_tells_what_it_could_not_read(
    deliveries: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    files = [str(deliveries / "LIS" / "export_2.asc"), str(deliveries / "CDR" / "persons.ndjson"), str(empty)]
    result = CliRunner().invoke(app, ["profile", *files, "--out", str(tmp_path / "draft.yml"), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert sorted(told["drafts"]) == ["cdr", "lis"]
    assert [refusal["file_no"] for refusal in told["refused"]] == [3]
    assert read_mapping(tmp_path / "draft.lis.yml").files[0].entity == "result"
    assert read_mapping(tmp_path / "draft.cdr.yml").files[0].entity == "patient"


def test_an_empty_file_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\r\n\r\n")
    with pytest.raises(ContractError, match="empty"):
        profile_file(path)
