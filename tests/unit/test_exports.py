"""Every export of a made-up released table is read back and compared with its Parquet, value by value."""

import csv
import json
import math
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pyreadstat
import pytest

from lakehouse.errors import ContractError, UsageError
from serving.contracts import MartModel, disease_names, read_marts
from serving.exports import spss, stata, workbook
from serving.exports.fields import ExportTable, fields_of, value_label
from serving.exports.formats import FORMATS, chosen_formats, export_problems, write_exports
from serving.exports.names import RESERVED, cut_bytes, short_name, short_names
from serving.exports.redcap import HEADERS
from serving.publish import _sha256

LONG_NAME = "a_name_of_a_column_that_is_too_long_for_stata"
ROWS = pl.DataFrame(
    {
        "case_id": ["a1", "b2", "c3", "d4"],
        "kind": ["CAP", "VAP", None, "outside"],
        "by_own_label": ["y", "x", "x", None],
        "flag": [True, False, None, True],
        "count": pl.Series([1, -2, None, 40], dtype=pl.Int32),
        "large": pl.Series([2**53 + 1, 5, None, -7], dtype=pl.Int64),
        "measure": [0.1, None, math.nan, -3.25],
        "seen_at": [datetime(2024, 2, 29, 23, 59, 59), None, datetime(1969, 12, 31, 1, 2, 3), datetime(2031, 1, 1)],
        "born_on": [date(1931, 5, 6), None, date(2000, 1, 1), date(2024, 12, 31)],
        "note": ["=1+1", "http://x.example/咳嗽", "", "12"],
        "with": ["-1", "@a", None, "双肺\n炎症"],
        LONG_NAME: ["长" * 2000, None, "b", "c"],
        "empty": pl.Series([None] * 4, dtype=pl.String),
    }
)
TYPES = {
    "flag": "boolean", "count": "integer", "large": "bigint", "measure": "double", "seen_at": "timestamp",
    "born_on": "date",
}  # fmt: skip
METAS: dict[str, dict[str, Any]] = {
    "case_id": {"pii": "id"},
    "kind": {"value_set": ["CAP", "HAP", "VAP"]},
    "by_own_label": {"value_set": ["x", "y"], "value_label_zh": {"x": "甲|乙", "y": "丙"}},
    "count": {"unit": "/min", "range": "-60..250"},
    "with": {"pii": "text"},
    LONG_NAME: {"label_zh": "很长的中文名称" * 40},
}


def column(name: str) -> dict[str, Any]:
    meta = {"pii": "none", "label_zh": f"中文{name}", **METAS.get(name, {})}
    described = {"name": name, "description": f"About {name}.", "data_type": TYPES.get(name, "varchar")}
    return {**described, "config": {"meta": meta}, "data_tests": ["not_null"] if name == "case_id" else []}


MODEL = MartModel(
    disease="made_up",
    name="mart_made_up__case",
    description="One row per case.",
    grain=("case_id",),
    checks=(),
    columns=(*(column(name) for name in ROWS.columns), column("left_behind")),
)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ExportTable]:
    folder = tmp_path_factory.mktemp("release")
    (folder / "data").mkdir()
    table = write_table(folder, ROWS)
    assert write_exports([table], folder, FORMATS, release="r1", synthetic=True) == []
    return folder, table


def write_table(folder: Path, rows: pl.DataFrame) -> ExportTable:
    parquet = folder / "data" / f"{MODEL.name}.parquet"
    rows.write_parquet(parquet)
    fields = fields_of(MODEL, rows.columns)
    return ExportTable(
        name=MODEL.name, disease=MODEL.disease, description=MODEL.description, grain=MODEL.grain,
        fields=fields, parquet=parquet, rows=rows.height,
    )  # fmt: skip


def as_exported(value: object, name: str) -> object:
    """Return a value of the Parquet as an export without loss holds it."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return str(value) if name == "large" and value is not None else value


def expected(name: str) -> list[object]:
    return [as_exported(value, name) for value in ROWS[name]]


@pytest.mark.parametrize(("suffix", "limit"), [("sav", spss.NAME_LIMIT), ("dta", stata.NAME_LIMIT)])
def test_statistics_package_sees_labels_and_every_value(
    release: tuple[Path, ExportTable], suffix: str, limit: int
) -> None:
    _, table = release
    read = pyreadstat.read_sav if suffix == "sav" else pyreadstat.read_dta
    path = str(table.parquet.with_suffix(f".{suffix}"))
    rows, meta = read(path, output_format="polars")
    labelled, _ = read(path, output_format="polars", apply_value_formats=True)
    assert meta.variable_value_labels["kind"] == {
        1: "社区获得性肺炎", 2: "医院获得性肺炎", 3: "呼吸机相关性肺炎", 4: "outside",
    }  # fmt: skip
    assert rows["kind"].to_list() == [1, 3, None, 4]
    assert labelled["kind"].cast(pl.String).to_list() == ["社区获得性肺炎", "呼吸机相关性肺炎", None, "outside"]
    assert labelled["by_own_label"].cast(pl.String).to_list() == ["丙", "甲|乙", "甲|乙", None]
    assert labelled["flag"].cast(pl.String).to_list() == ["是", "否", None, "是"]
    for name in set(ROWS.columns) - {"kind", "by_own_label", "flag"}:
        values = rows[short_name(name, limit)].to_list()
        # neither format tells an empty text from a missing one
        text = ROWS[name].dtype == pl.String or name == "large"
        assert values == [value or "" if text else value for value in expected(name)], name
    assert rows["seen_at"].dtype.is_temporal()
    assert rows["born_on"].dtype == pl.Date
    assert meta.column_names_to_labels["count"] == "中文count (/min)"
    assert meta.column_names_to_labels[short_name(LONG_NAME, limit)].startswith("很长的中文名称")
    assert "left_behind" not in rows.columns


def test_stata_file_is_version_118(release: tuple[Path, ExportTable]) -> None:
    assert b"<release>118</release>" in release[1].parquet.with_suffix(".dta").read_bytes()[:80]


def test_workbook_holds_every_value_and_no_formula(release: tuple[Path, ExportTable]) -> None:
    book = openpyxl.load_workbook(release[1].parquet.with_suffix(".xlsx"))
    sheet, dictionary = book[workbook.DATA_SHEET], book[workbook.DICTIONARY_SHEET]
    header, *rows = sheet.iter_rows()
    assert [cell.value for cell in header][:2] == ["中文case_id", "中文kind"]
    for number, name in enumerate(ROWS.columns):
        values = [row[number].value for row in rows]
        wanted = [datetime(day.year, day.month, day.day) if type(day) is date else day for day in expected(name)]
        assert [value or None if value == "" else value for value in values] == [
            None if value == "" else value for value in wanted
        ], name
    assert {cell.data_type for row in rows for cell in row} <= {"s", "n", "b", "d"}
    described = {row[1]: row for row in dictionary.iter_rows(min_row=2, values_only=True)}
    assert described["kind"][7] == "CAP=社区获得性肺炎; HAP=医院获得性肺炎; VAP=呼吸机相关性肺炎"
    assert described["count"][4:7] == ("/min", "-60", "250")
    assert list(described) == ROWS.columns


def test_dates_before_excels_calendar_stay_readable_text(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table = write_table(tmp_path, pl.DataFrame({"case_id": ["a"], "born_on": [date(1899, 12, 31)]}))
    workbook.write_workbook(table, tmp_path / "old.xlsx")
    assert openpyxl.load_workbook(tmp_path / "old.xlsx").active["B2"].value == "1899-12-31"


def test_csv_has_the_mark_and_every_value(release: tuple[Path, ExportTable]) -> None:
    path = release[1].parquet.with_suffix(".csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["note"] for row in rows] == ROWS["note"].to_list()
    assert [row["seen_at"] for row in rows] == ["2024-02-29 23:59:59", "", "1969-12-31 01:02:03", "2031-01-01 00:00:00"]
    assert [row["large"] for row in rows] == ["9007199254740993", "5", "", "-7"]


def test_codebook_leads_from_number_to_code(release: tuple[Path, ExportTable]) -> None:
    with (release[0] / "codebook.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    codes = {(row["column"], row["number"]): row["code"] for row in rows}
    assert [codes["kind", number] for number in "1234"] == ["CAP", "HAP", "VAP", "outside"]
    assert (codes["flag", "0"], codes["flag", "1"]) == ("false", "true")
    assert {row["column"]: row["stata_name"] for row in rows}[LONG_NAME] == short_name(LONG_NAME, 32)


def test_redcap_dictionary_has_one_valid_line_a_field(release: tuple[Path, ExportTable]) -> None:
    with (release[0] / "redcap_made_up.csv").open(encoding="utf-8", newline="") as file:
        rows = {row[HEADERS[0]]: row for row in csv.DictReader(file)}
    assert next(iter(rows)) == "record_id"
    assert len(rows) == len(ROWS.columns) + 1
    assert rows["case_kind"][HEADERS[5]].startswith("CAP, 社区获得性肺炎 | HAP, ")
    assert rows["case_by_own_label"][HEADERS[5]] == "x, 甲/乙 | y, 丙"
    assert [rows["case_count"][HEADERS[number]] for number in (7, 8, 9)] == ["integer", "-60", "250"]
    assert rows["case_flag"][HEADERS[3]] == "yesno"
    assert rows["case_case_id"][HEADERS[10]] == rows["case_case_id"][HEADERS[12]] == "y"
    assert rows["case_seen_at"][HEADERS[7]] == "datetime_seconds_ymd"


def test_data_card_names_files_and_fields(release: tuple[Path, ExportTable]) -> None:
    folder, table = release
    card = json.loads((folder / "croissant_made_up.json").read_text(encoding="utf-8"))
    files = {entry["contentUrl"]: entry["sha256"] for entry in card["distribution"]}
    assert set(files) == {f"data/{table.name}.{suffix}" for suffix in ("csv", "dta", "parquet", "sav", "xlsx")}
    assert all(_sha256(folder / name) == digest for name, digest in files.items())
    fields = {field["name"]: field for field in card["recordSet"][0]["field"]}
    assert list(fields) == ROWS.columns
    assert (fields["flag"]["dataType"], fields["seen_at"]["dataType"]) == ("sc:Boolean", "sc:DateTime")
    assert "CAP=社区获得性肺炎" in fields["kind"]["description"]


def test_missing_format_and_false_card_are_found(release: tuple[Path, ExportTable]) -> None:
    folder, table = release
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    manifest: dict[str, Any] = {
        "formats": list(FORMATS), "tables": [{"table": table.name, "disease": "made_up"}],
        "files": {name: {"sha256": _sha256(folder / name)} for name in names},
    }  # fmt: skip
    assert export_problems(folder, manifest) == []
    manifest["files"][f"data/{table.name}.csv"]["sha256"] = "0"
    assert export_problems(folder, manifest) == [
        f"croissant_made_up.json gives another checksum of data/{table.name}.csv"
    ]
    manifest["formats"] = ["parquet", "sav"]
    del manifest["files"][f"data/{table.name}.sav"]
    assert export_problems(folder, manifest) == [f"data/{table.name}.sav is not in the manifest"]
    manifest["differences"] = [{"table": table.name, "format": "sav", "omitted": "x"}]
    assert export_problems(folder, manifest) == []


def test_empty_table_exports_and_too_long_texts_are_counted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table = write_table(tmp_path, ROWS.clear())
    assert write_exports([table], tmp_path, FORMATS, release="r", synthetic=False) == []
    rows, meta = pyreadstat.read_dta(str(table.parquet.with_suffix(".dta")), output_format="polars")
    assert (rows.height, len(meta.column_names)) == (0, len(ROWS.columns))
    table = write_table(tmp_path, pl.DataFrame({"case_id": ["a", "b"], "note": ["长" * 40_000, None]}))
    differences = write_exports([table], tmp_path, ("xlsx", "sav", "dta"), release="r", synthetic=False)
    assert [(entry["format"], entry["cut"]) for entry in differences] == [("xlsx", 1), ("sav", 1)]
    sav, _ = pyreadstat.read_sav(str(table.parquet.with_suffix(".sav")), output_format="polars")
    assert sav["note"][0] == "长" * (32_767 // 3)
    dta, _ = pyreadstat.read_dta(str(table.parquet.with_suffix(".dta")), output_format="polars")
    assert dta["note"].to_list() == ["长" * 40_000, ""]


@pytest.mark.parametrize(
    "name", ["with", "str12", "_all", "9lives", "中文", "Mixed Case", LONG_NAME, "a" * 200, "x__y_"]
)
def test_short_names_are_valid_and_stable(name: str) -> None:
    for limit in (32, 64, 100):
        short = short_name(name, limit)
        assert len(short) <= limit
        assert short.isascii()
        assert short[0].isalpha()
        assert short.replace("_", "").isalnum()
        assert short not in RESERVED
        assert short == short_name(name, limit)
    assert short_name("sex", 32) == "sex"


def test_names_that_would_collide_are_refused_and_near_ones_are_not() -> None:
    assert len(set(short_names([f"{'a' * 40}{number}" for number in range(9)], 32).values())) == 9
    with pytest.raises(ContractError, match="rename"):
        short_names(["case_id", "CASE_ID"], 32)


def test_formats_are_chosen_in_order_and_unknown_ones_refused() -> None:
    assert chosen_formats(None) == FORMATS
    assert chosen_formats(["dta", "csv"]) == ("parquet", "csv", "dta")
    with pytest.raises(UsageError, match="sas"):
        chosen_formats(["sas"])


def test_labels_are_cut_at_a_character() -> None:
    assert cut_bytes("肺炎", 5) == "肺"
    assert value_label("sex", "M") == "男"
    assert value_label("any", "no such code") == "no such code"


@pytest.mark.parametrize("disease", disease_names())
def test_every_code_of_every_mart_has_a_chinese_label_and_every_name_fits(disease: str) -> None:
    unlabelled = []
    for model in read_marts(disease):
        fields = fields_of(model, [column["name"] for column in model.columns])
        short_names([field.name for field in fields], stata.NAME_LIMIT)
        # CT is called CT in Chinese too
        unlabelled += [
            (field.name, code) for field in fields for code, label in field.codes if label == code and code != "CT"
        ]
    assert unlabelled == []
