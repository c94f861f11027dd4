"""The door for records and relations: every defect is an issue, once, named by pseudonym, and acted on by its rule."""

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from ingestion.freshness import read_freshness
from ingestion.mapping import SourceMapping, read_mapping
from ingestion.pipeline import ingest_source, relate_sources
from ingestion.quality.issues import export_issues, summarise_counts
from ingestion.quality.kinds import ACTIONS, SEVERITIES, read_kinds
from ingestion.quality.relations import find_relations
from lakehouse import PROJECT_ROOT
from lakehouse.lake import create_raw_tables, lock_home, open_lake
from lakehouse.settings import Settings, read_settings, write_settings

KINDS_OF_THE_SPECIFICATION = [
    "encoding_mismatch", "bom", "mojibake", "encoding_lost", "rare_char_lost", "truncated_text",
    "embedded_newline", "embedded_delimiter", "html_residue", "control_char", "repeated_header", "blank_row",
    "footer_row", "short_row", "extra_column", "truncated_file", "duplicate_row", "date_format",
    "date_excel_serial", "fullwidth_value", "unit_variant", "sex_code", "name_variant", "age_text",
    "date_sentinel", "date_impossible", "value_unparseable", "date_future", "date_order", "value_out_of_range",
    "unit_mismatch", "value_ambiguous", "cross_system_conflict", "id_leading_zero", "id_o_zero", "id_prefix",
    "id_whitespace", "id_scientific", "idcard_checksum", "idcard_birth_mismatch", "idcard_sex_mismatch",
    "idcard_15digit", "value_qualitative", "value_comparator", "value_range", "value_see_report",
    "value_not_done", "code_format", "code_unknown", "code_name_mismatch", "code_system_mixed",
    "duplicate_patient", "merged_patient", "shared_id", "mother_newborn", "orphan_record",
    "accession_collision", "accession_mismatch", "report_amendment", "report_duplicate", "report_cancelled",
    "row_deleted", "preliminary_report", "test_patient", "template_residue", "phi_in_text",
]  # fmt: skip

MAPPINGS = """
source: his
expected_every: P1D
files:
  - {entity: patient, match: "pat*.csv", reader: {format: delimited},
     columns: {patient_id: A, patient_name: N, sex: S, birth_date: B}}
  - {entity: encounter, match: "enc*.csv", reader: {format: delimited}, optional: true,
     columns: {visit_id: V, patient_id: A, encounter_class: C, admitted_at: D}}
  - {entity: diagnosis, match: "zd*.csv", reader: {format: delimited}, optional: true, codes: {present_on_admission: {有: "1", 无: "4"}},
     columns: {visit_id: V, diagnosis_type: T, sequence_no: N, diagnosis_code: C, diagnosis_name: M, present_on_admission: P}}
---
source: lis
files:
  - {entity: result, match: "lis*.csv", reader: {format: delimited},
     columns: {report_id: R, patient_id: A, patient_name: N, sex: S, age: G, collected_at: D, item_code: I, result: V}}
---
source: ris
files:
  - entity: exam
    match: "ris*.csv"
    reader: {format: delimited}
    complete_extract: true
    codes: {report_status: {"3": final, "9": cancelled}}
    void: {column: is_void, values: ["1"]}
    columns: {exam_id: E, accession_number: X, patient_id: A, patient_name: N, findings: F, impression: I, report_status: Z,
              report_version: B, verified_at: D, study_instance_uid: U, is_void: O}
---
source: pacs
files:
  - {entity: study, match: "pacs*.csv", reader: {format: delimited},
     columns: {study_instance_uid: U, accession_number: X, patient_id: A, patient_name: N}}
"""
NAMES = "甲乙丙丁戊己庚辛壬癸"
PATIENTS = [(f"10770{n}", f"王试{NAMES[n]}", "12"[n % 2], f"19{60 + n}-03-0{n % 9 + 1}") for n in range(10)]


def mapping_of(folder: Path, source: str) -> SourceMapping:
    part = next(text for text in MAPPINGS.split("---") if f"source: {source}\n" in text)
    path = folder / f"{source}.yml"
    path.write_text(part, encoding="utf-8")
    return read_mapping(path)


def write(folder: Path, name: str, header: str, rows: list[str]) -> None:
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


RIS_HEADER = "E,X,A,N,F,I,Z,B,D,U,O"


def exam(number: int, *, version: int = 1, text: str = "双肺纹理清晰，未见异常密度影。", status: str = "3", day: int = 1,
         accession: str | None = None, void: int = 0) -> str:  # fmt: skip
    patient, name, _, _ = PATIENTS[number]
    accession = accession or f"CT24{number:05d}"
    return f"E{number},{accession},{patient},{name},{text},未见异常,{status},{version},2024-06-0{day} 08:00:00,1.2.{number},{void}"


def write_hospital(folder: Path) -> None:
    write(folder, "pat.csv", "A,N,S,B", [",".join(patient) for patient in PATIENTS])
    encounters = [f"V{n},{patient[0]},住院,2024-05-0{n % 9 + 1} 10:00:00" for n, patient in enumerate(PATIENTS)]
    write(folder, "enc.csv", "V,A,C,D", [*encounters, "V88,666666,住院,2024-05-01 10:00:00"])
    diagnoses = [f"V{n},出院,1,J18.9,肺炎,有" for n in range(10)]
    odd = ["V77,出院,1,J18.9,肺炎,有", "V1,出院,2,S72.000,肺炎,有", "V2,特别,2,J18.9,肺炎,有", "V3,出院,2,U99.9,某病,有",
           "V4,出院,2,J18.9,肺炎,怪"]  # fmt: skip
    write(folder, "zd.csv", "V,T,N,C,M,P", [*diagnoses, *odd])
    results = [
        f"R{n},{patient[0]},{patient[1]},{patient[2]},{2024 - 1960 - n}岁,2024-06-01 08:00:00,WBC,5.1"
        for n, patient in enumerate(PATIENTS)
    ]
    results[1] = results[1].replace(",2,63岁,", ",1,63岁,")
    results[2] = results[2].replace(",62岁,", ",20岁,")
    results.append("R99,555555,李无名,1,20岁,2024-06-01 08:00:00,WBC,5.1")
    write(folder, "lis.csv", "R,A,N,S,G,D,I,V", results)
    exams = [exam(n) for n in range(10)]
    exams[5] = exam(5, accession="CT2400004")
    exams += [
        exam(0, version=2, text="双肺纹理增多，右肺下叶结节。", day=2),
        exam(1),
        exam(1, day=3),
        exam(2, version=2, text="双肺清晰。补充报告：另见肝囊肿。"),
        exam(6, version=2, status="初步报告", text="待审。", day=3),
        exam(7, version=2, status="9", text="作废。", day=3),
        exam(8, version=2, void=1, day=3),
        "E98,CT1",
    ]
    write(folder, "ris.csv", RIS_HEADER, exams)
    studies = [f"1.2.{n},CT24{n:05d},{PATIENTS[n][0]},{PATIENTS[n][1]}" for n in range(10) if n != 5]
    studies[6] = f",24{7:05d},{PATIENTS[7][0]},{PATIENTS[7][1]}"
    studies[8] = f"1.2.9,CT2499999,{PATIENTS[9][0]},{PATIENTS[9][1]}"
    write(folder, "pacs.csv", "U,X,A,N", studies)


@pytest.fixture(scope="module")
def hospital(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Return a home into which four systems were loaded, the laboratory before the registrations."""
    folder = tmp_path_factory.mktemp("hospital")
    shutil.copytree(empty_home, folder / "home")
    deliveries = folder / "deliveries"
    deliveries.mkdir()
    settings = read_settings(folder / "home").model_copy(update={"deliveries": deliveries})
    write_settings(settings)
    with open_lake(settings) as connection:
        create_raw_tables(connection, ["ledger"])
    write_hospital(deliveries)
    results = [
        ingest_source(settings, mapping_of(folder, source), deliveries) for source in ("lis", "his", "ris", "pacs")
    ]
    relate_sources(settings, results)
    yield settings


def issues(settings: Settings, kind: str, columns: str = "entity, row_no, column_name") -> list[tuple]:
    with open_lake(settings, read_only=True) as connection:
        return connection.execute(
            f"select {columns} from raw.raw_ledger.dq_issue where kind = $1 order by all", [kind]
        ).fetchall()


def test_every_kind_of_the_specification_is_listed_with_what_is_done() -> None:
    kinds = read_kinds()
    assert set(KINDS_OF_THE_SPECIFICATION) <= set(kinds)
    for kind in kinds.values():
        assert {kind.action, *kind.others} <= set(ACTIONS) and kind.severity in SEVERITIES and kind.label_zh


def test_the_code_names_no_other_kinds_and_no_kind_is_idle() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((PROJECT_ROOT / "ingestion").rglob("*.py")))
    emitted = set(re.findall(r"(?:reading\.find|found_columns)\(\s*[\"'](\w+)[\"']", text))
    assert emitted and emitted <= set(read_kinds())
    words = set(re.findall(r"[\"']([a-z0-9_]+)[\"']", text))
    assert set(read_kinds()) - words == set()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("orphan_record", [("diagnosis", 12, None), ("encounter", 12, None), ("result", 12, None)]),
        ("cross_system_conflict", [("result", 3, "sex"), ("result", 4, "age")]),
        ("accession_collision", [("exam", 6, "accession_number"), ("exam", 7, "accession_number")]),
        ("accession_mismatch", [("study", 8, "accession_number"), ("study", 10, "accession_number")]),
        ("duplicate_row", [("exam", 13, None)]),
        ("report_duplicate", [("exam", 14, None)]),
        ("report_amendment", [("exam", 12, None), ("exam", 15, None)]),
        ("preliminary_report", [("exam", 16, "report_status")]),
        ("report_cancelled", [("exam", 17, "report_status"), ("exam", 18, "report_status")]),
        ("short_row", [("exam", 19, None)]),
        ("code_name_mismatch", [("diagnosis", 13, "diagnosis_code")]),
        ("code_unknown", [("diagnosis", 14, "diagnosis_type"), ("diagnosis", 15, "diagnosis_code"),
                          ("diagnosis", 16, "present_on_admission")]),
    ],
)  # fmt: skip
def test_each_kind_is_found_where_it_was_planted_and_nowhere_else(
    hospital: Settings, kind: str, expected: list[tuple]
) -> None:
    assert issues(hospital, kind) == expected


def test_export_names_records_by_pseudonym_and_holds_no_identifier(hospital: Settings, tmp_path: Path) -> None:
    target = tmp_path / "issues.csv"
    with open_lake(hospital, read_only=True) as connection:
        count = export_issues(connection, target, tmp_path)
        pseudonym = connection.execute("select pseudonym('report', 'E0') || '|2'").fetchone()
    data = target.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(data.decode("utf-8-sig").splitlines()))
    assert len(rows) == count > 15
    assert list(rows[0])[:8] == ["source", "file", "row", "key", "kind", "severity", "action", "before_sha256"]
    assert next(row["key"] for row in rows if row["kind"] == "report_amendment") == pseudonym[0]
    assert {row["action"] for row in rows if row["kind"] == "orphan_record"} == {"keep_flag"}
    assert all(len(row["before_sha256"]) in (0, 64) for row in rows)
    text = data.decode()
    assert not any(word in text for patient in PATIENTS for word in patient[:2])


def test_second_look_adds_no_issue(hospital: Settings) -> None:
    def state() -> list[tuple]:
        with open_lake(hospital, read_only=True) as connection:
            return connection.execute("select issue_id from raw.raw_ledger.dq_issue order by 1").fetchall()

    before = state()
    with open_lake(hospital, read_only=True) as connection:
        batches = [
            row[0] for row in connection.execute("select distinct batch_id from raw.raw_ledger.delivery").fetchall()
        ]
    with open_lake(hospital) as connection:
        assert find_relations(connection, batches, datetime(2024, 7, 1)) == {}
    assert state() == before


def test_counts_tell_what_is_missing_before_and_after(hospital: Settings) -> None:
    with open_lake(hospital, read_only=True) as connection:
        counts = {
            (row["entity"], row["column_name"], row["rule_id"]): (
                row["row_count"],
                row["before_count"],
                row["after_count"],
            )
            for row in summarise_counts(connection)
        }
    assert counts["study", "study_instance_uid", "missing"] == (9, 1, 1)
    assert counts["exam", "exam_id", "missing"] == (17, 0, 0)


def test_value_maps_and_freshness_stand_in_the_ledger(hospital: Settings) -> None:
    with open_lake(hospital, read_only=True) as connection:
        assert connection.execute(
            "select source_value, standard_value from raw.raw_ledger.code_map where source = 'ris' order by 1"
        ).fetchall() == [("3", "final"), ("9", "cancelled")]
        looked = connection.execute("select looked_at from raw.raw_ledger.freshness where source = 'his'").fetchone()[0]
        rows = {row["source"]: row for row in read_freshness(connection, looked)}
    assert str(rows["his"]["newest_event_at"]) == "2024-05-09 10:00:00"
    assert rows["his"]["delivery_age_hours"] == 0 and rows["his"]["status"] == "red"
    assert rows["lis"]["status"] == "not_expected"


def stored(settings: Settings, exam_id: str) -> list[tuple]:
    with open_lake(settings, read_only=True) as connection:
        return connection.execute(
            "select report_version, _change from raw.raw_ris.exam where exam_id = $1 "
            "order by _loaded_at, _batch_id, _src_row_no",
            [exam_id],
        ).fetchall()


def test_complete_extract_deletes_restores_and_asks_before_it_deletes_most(hospital: Settings, tmp_path: Path) -> None:
    deliveries, mapping = hospital.deliveries_folder, mapping_of(tmp_path, "ris")
    lines = (deliveries / "ris.csv").read_text(encoding="utf-8").splitlines()
    without = [line for line in lines if not line.startswith("E9,")]

    write(deliveries, "ris.csv", without[0], without[1:])
    result = ingest_source(hospital, mapping, deliveries)
    assert (result.total("deleted"), result.total("loaded"), result.total("received")) == (1, 0, 17)
    assert result.files[0].issues["row_deleted"] == 1
    assert stored(hospital, "E9") == [("1", None), ("1", "deleted")]

    write(deliveries, "ris.csv", without[0], without[1:3])
    result = ingest_source(hospital, mapping, deliveries)
    assert result.total("deleted") == 0 and "lacks" in result.stops[0] and not result.breaches
    assert ingest_source(hospital, mapping, deliveries).stops == result.stops
    # an empty extract concludes nothing
    write(deliveries, "ris.csv", without[0], [])
    assert ingest_source(hospital, mapping, deliveries).total("deleted") == 0

    write(deliveries, "ris.csv", without[0], without[1:3])
    result = ingest_source(hospital, mapping, deliveries, allow_mass_deletion=True)
    # what the source took back before is no news when it is gone
    assert result.total("deleted") == 11 and not result.stops

    # the bytes of the first delivery under the same name: everything is there again
    write(deliveries, "ris.csv", lines[0], lines[1:])
    assert ingest_source(hospital, mapping, deliveries).total("deleted") == 0
    assert stored(hospital, "E9") == [("1", None), ("1", "deleted"), ("1", None)]
    assert stored(hospital, "E8") == [("1", None), ("2", "voided"), ("1", "deleted"), ("1", None)]


def test_orphans_are_resolved_when_their_parents_arrive(hospital: Settings, tmp_path: Path) -> None:
    deliveries, mapping = hospital.deliveries_folder, mapping_of(tmp_path, "his")
    write(deliveries, "pat_2.csv", "A,N,S,B", ["555555,李无名,1,2004-01-03"])
    write(deliveries, "enc_2.csv", "V,A,C,D", [f"V77,{PATIENTS[1][0]},住院,2024-05-01 10:00:00"])
    ingest_source(hospital, mapping, deliveries)
    # a run that was killed here left the load to the next one
    relate_sources(hospital, [])
    assert issues(hospital, "orphan_record", "entity, resolved_at is null") == [
        ("diagnosis", False),
        ("encounter", True),
        ("result", False),
    ]


def test_load_that_is_killed_at_any_moment_leaves_nothing_behind(settings: Settings, tmp_path: Path) -> None:
    write_hospital(settings.deliveries_folder)
    mapping_of(tmp_path, "ris")
    arguments = ["ingest", str(settings.home), str(tmp_path / "ris.yml"), "3", "11"]
    killed = subprocess.run(
        [sys.executable, "-m", "tests.builders.kill_points", *arguments],
        capture_output=True, text=True, cwd=PROJECT_ROOT, check=True,
    )  # fmt: skip
    assert "70" not in killed.stdout.split(), killed.stderr[-2000:]
    with lock_home(settings):
        ingest_source(settings, mapping_of(tmp_path, "ris"), settings.deliveries_folder)
    with open_lake(settings, read_only=True) as connection:
        rows = connection.execute("select count(*), count(distinct _batch_id) from raw.raw_ris.exam").fetchone()
        books = connection.execute(
            "select sum(loaded), (select count(*) from raw.raw_ledger.open_load), "
            "(select count(*) from raw.raw_ledger.dq_issue where kind = 'report_amendment') "
            "from raw.raw_ledger.delivery"
        ).fetchone()
    assert rows == (16, 1)
    assert books == (16, 0, 2)
