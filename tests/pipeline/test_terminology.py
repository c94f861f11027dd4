"""Lists, SNOMED CT releases and the terminologist's loop, into a home and out of it again."""

import csv
from pathlib import Path

import pytest

from ingestion.terminology.coverage import read_recorded, record_coverage
from ingestion.terminology.release import import_list, import_snomed
from ingestion.terminology.review import apply_reviews, unmapped_rows, write_unmapped
from lakehouse.errors import CheckFailedError, ContractError, UsageError
from lakehouse.lake import Connection, open_lake
from lakehouse.settings import Settings
from tests.builders.rf2 import write_release

ZONE = "Asia/Shanghai"
LIST = "国家临床版\n诊断编码,诊断名称\nJ18.900,肺炎\nj18.900x002,社区获得性肺炎\nA12.900,没有的类目\n,无码\nJ18.900,又一个肺炎\n"


def count(connection: Connection, query: str) -> object:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def test_a_list_is_read_once_and_what_is_no_code_is_refused(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(LIST.encode("gb18030"))
    with open_lake(settings) as connection:
        tried = import_list(connection, path, code_system="icd10_nc2", code_version="2.0", timezone=ZONE, what_if=True)
        assert count(connection, "select count(*) from raw.raw_terminology.code") == 0
        first = import_list(connection, path, code_system="icd10_nc2", code_version="2.0", timezone=ZONE)
        again = import_list(connection, path, code_system="icd10_nc2", code_version="2.0", timezone=ZONE)
        codes = connection.execute("select code, code_name from raw.raw_terminology.code order by all").fetchall()
        reasons = connection.execute(
            "select row_no, reason from raw.raw_ledger.quarantine where source = 'terminology' order by all"
        ).fetchall()
    assert (tried.received, tried.loaded, tried.refused) == (first.received, first.loaded, first.refused) == (5, 2, 3)
    assert (first.is_unchanged, again.is_unchanged) == (False, True)
    assert codes == [("J18.900", "肺炎"), ("J18.900x002", "社区获得性肺炎")]
    assert reasons == [(5, "code_format"), (6, "missing_required_value"), (7, "duplicate_row")]


def test_a_map_may_have_several_targets(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text("编码\t医保编码\nO72.000x002\tO72.003\nO72.000x002\tO72.0\n", encoding="utf-8")
    with open_lake(settings) as connection:
        result = import_list(
            connection, path, code_system="icd10_nc2", code_version="1", timezone=ZONE, target_system="icd10_yb2"
        )
        pairs = connection.execute(
            "select source_code, target_code from raw.raw_terminology.mapping order by all"
        ).fetchall()
    assert (result.content, result.loaded) == ("mapping", 2)
    assert pairs == [("O72.000x002", "O72.0"), ("O72.000x002", "O72.003")]


def test_what_is_no_list_is_told(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("甲,乙\n1,2\n", encoding="utf-8")
    with open_lake(settings) as connection:
        with pytest.raises(ContractError, match="--code-column"):
            import_list(connection, path, code_system="icd10_nc2", code_version="2.0", timezone=ZONE)
        with pytest.raises(UsageError, match="no code system"):
            import_list(connection, path, code_system="local", code_version="2.0", timezone=ZONE)


def test_a_snomed_ct_release_is_read_and_its_bad_lines_are_kept(settings: Settings, tmp_path: Path) -> None:
    folder = write_release(tmp_path / "release", broken=b"99\tbad\r\n")
    with open_lake(settings) as connection:
        results = import_snomed(connection, folder, timezone=ZONE)
        again = import_snomed(connection, folder, timezone=ZONE)
        refused = connection.execute(
            "select entity, row_no, reason, raw_text from raw.raw_ledger.quarantine where source = 'terminology'"
        ).fetchall()
        concepts = count(connection, "select count(*) from raw.raw_terminology.concept")
        versions = connection.execute(
            "select distinct code_system, code_version from raw.raw_terminology.release"
        ).fetchall()
    assert all(result.received == result.loaded + result.refused for result in results)
    assert refused == [("concept", 5, "wrong_field_count", "99\tbad")]
    assert concepts == 3
    assert versions == [("snomed_ct", "20240131")]
    assert all(result.is_unchanged for result in again)


def make_unmapped(connection: Connection) -> None:
    connection.execute("create schema if not exists lake.std")
    connection.execute(
        "create table lake.std.std_unmapped_code as select * from (values "
        "('diagnosis', 'his', 'local', 'BJ0123', null, 40), ('diagnosis', 'his', null, null, '社区获得性肺炎', 12), "
        "('lab_item', 'lis', 'local', 'X77', '=血清肌酐测定', 9), ('diagnosis', 'his', null, null, null, 3)) "
        "as rows(domain, source_system, code_system, code, term, row_count)"
    )


def fill(path: Path, targets: list[str]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, target in zip(rows, targets, strict=True):
        row["target_code"] = target
    with path.open("w", encoding="gb18030", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def test_a_terminologist_fills_the_list_and_the_lake_keeps_every_decision(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "unmapped.csv"
    with open_lake(settings) as connection:
        with pytest.raises(ContractError, match="radlake build"):
            unmapped_rows(connection)
        make_unmapped(connection)
        rows = unmapped_rows(connection)
        write_unmapped(rows, path)
        text = path.read_text(encoding="utf-8-sig")
        fill(path, ["J18.900x002", "none", "creat"])
        first = apply_reviews(connection, path, reviewer="王审核", timezone=ZONE)
        again = apply_reviews(connection, path, reviewer="王审核", timezone=ZONE)
        write_unmapped(rows, path)
        fill(path, ["J15.9", "", ""])
        changed = apply_reviews(connection, path, reviewer="李审核", timezone=ZONE)
        decisions = connection.execute(
            "select domain, source_code, source_term, decision, target_code, reviewer from raw.raw_terminology.review "
            "order by valid_from, domain, source_code"
        ).fetchall()
    assert [row["code"] for row in rows] == ["BJ0123", "", "X77"]
    assert rows[1]["suggestion_1"].startswith("J18.9 社区获得性肺炎 (1.00)")
    assert rows[2]["suggestion_1"].startswith("creat ")
    assert "'=血清肌酐测定" in text
    assert (first.received, first.stored, first.unchanged) == (3, 3, 0)
    assert (again.stored, again.unchanged) == (0, 3)
    assert (changed.stored, changed.empty) == (1, 2)
    assert decisions == [
        ("diagnosis", "BJ0123", None, "map", "J18.9", "王审核"),
        ("diagnosis", None, "社区获得性肺炎", "none", None, "王审核"),
        ("lab_item", "X77", None, "map", "creat", "王审核"),
        ("diagnosis", "BJ0123", None, "map", "J15.9", "李审核"),
    ]


def test_one_wrong_line_stores_nothing(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "unmapped.csv"
    with open_lake(settings) as connection:
        make_unmapped(connection)
        write_unmapped(unmapped_rows(connection), path)
        fill(path, ["J18.9", "A12.9", "no_item"])
        with pytest.raises(CheckFailedError, match=r"line 3: .*icd10_who; line 4: .*lab_item"):
            apply_reviews(connection, path, reviewer="王审核", timezone=ZONE)
        assert count(connection, "select count(*) from raw.raw_terminology.review") == 0
        with pytest.raises(UsageError, match="--reviewer"):
            apply_reviews(connection, path, reviewer=" ", timezone=ZONE)


def test_figures_are_kept_under_a_name_once(settings: Settings) -> None:
    with open_lake(settings) as connection:
        connection.execute("create schema if not exists lake.std")
        connection.execute(
            "create table lake.std.std_code_coverage as select 'his' as source_system, 'diagnosis' as domain, "
            "'icd10_nc2' as code_system, '2.0' as code_version, 10 as row_count, 9 as mapped_row_count, "
            "0 as reviewed_row_count, 5 as code_count, 4 as mapped_code_count, 0.9 as row_coverage_rate, "
            "0.8 as code_coverage_rate"
        )
        assert record_coverage(connection, "2026-11", ZONE) == 1
        with pytest.raises(UsageError, match="another name"):
            record_coverage(connection, "2026-11", ZONE)
        kept = read_recorded(connection, "2026-11")
    assert [(row["domain"], row["mapped_row_count"], row["row_count"]) for row in kept] == [("diagnosis", 9, 10)]
