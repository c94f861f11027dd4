"""Report texts of every system are read once, failures keep their reason, and a new reader or reviewer adds rows."""

import csv
import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from lakehouse.errors import CheckFailedError, NotPermittedError, UsageError
from lakehouse.lake import Connection, fetch_dicts, open_lake
from lakehouse.settings import Settings, read_settings
from report_structuring.evaluation import evaluate, read_reports
from report_structuring.gold import gold_path, write_gold
from report_structuring.lexicon_change import compare_lexicon
from report_structuring.review_document import Correction, correct, load_document, load_documents
from report_structuring.review_queue import list_queue
from report_structuring.review_sheet import HEADERS, read_sheet, write_sheet
from report_structuring.review_store import Stored, store_reviews
from report_structuring.site_lexicon import read_site_lexicon, use_site_lexicon
from report_structuring.structure import as_prediction, structure_report
from report_structuring.tables import StructureResult, structure_reports

AT = datetime(2024, 5, 1, 8)
TEXTS = {
    "X1": ("右肺上叶见实性结节，大小约12×8mm。双侧胸腔未见积液。", "右肺上叶结节。不能除外肺炎。"),
    "X2": ("左侧胸腔少量积液。左侧胸腔未见积液。", "胸腔积液。"),
    "X3": ("", ""),
    "X4": ("\x00\x01\x02\x03\x04\x05\x06\x07肺", ""),
    "X5": ("两肺纹理清晰。", "正常。"),
    "X6": ("雙肺未見結節。No pleural effusion. ï¿½ï¿½", "\ufffd\ufffd\ufffd锟斤拷"),
    "X7": ("右肺结节，边界清。" * 3_700, "结节。"),
}


@pytest.fixture(scope="module")
def template(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return a home with reports of every system, not yet read."""
    home = tmp_path_factory.mktemp("text") / "home"
    shutil.copytree(empty_home, home)
    settings = read_settings(home)
    marks = "'b1' as _batch_id, timestamp '2024-05-01' as _loaded_at, 1 as _src_row_no"
    with open_lake(settings, ("raw",)) as connection:
        for number, (findings, impression) in TEXTS.items():
            connection.execute(
                "insert into raw.raw_ris.exam by name select $1 as exam_id, '' as modality, $2 as findings, "
                f"$3 as impression, '王大山' as reporter, 'P1' as patient_id, {marks}",
                [number, findings, impression],
            )
        connection.execute(
            "insert into raw.raw_cdr.report by name select 'D1' as report_id, '超声' as report_kind, "
            f"'胆囊结石，大小约1.2cm。' as findings, 'P1' as patient_id, {marks}"
        )
        connection.execute(
            "insert into raw.raw_hl7v2.patient by name select 'M1' as message_control_id, 'P7' as patient_id, "
            f"'欧阳^静' as patient_name, {marks}"
        )
        connection.execute(
            "insert into raw.raw_hl7v2.report by name select 'M1' as message_control_id, ' ' as filler_order_id, "
            "'A7' as accession_number, 'P7' as patient_id, '欧阳静。左肺下叶实变。' as full_text, "
            f"'0012^李^建国' as principal_interpreter, {marks}"
        )
        connection.execute(
            "insert into raw.raw_fhir.diagnostic_report by name select 'F1' as resource_id, 'RAD' as category_code, "
            f"'<div>影像所见：右侧基底节区脑出血。</div>' as presented_text, '脑出血' as conclusion, {marks} "
            f"union all by name select 'F2' as resource_id, 'LAB' as category_code, '贫血' as conclusion, {marks}"
        )
    return settings


@pytest.fixture(scope="module")
def connection(template: Settings) -> Iterator[Connection]:
    """Return the home's raw zone after one run; tests add to it."""
    with open_lake(template, ("raw",)) as opened:
        read(opened, "r1", AT)
        yield opened
    use_site_lexicon(None)


def read(connection: Connection, run: str, at: datetime, folder: Path | None = None) -> StructureResult:
    return structure_reports(connection, batch_id=run, loaded_at=at, lexicon_folder=folder)


def rows(connection: Connection, query: str) -> list[tuple]:
    return connection.execute(query).fetchall()


def test_every_system_is_read_and_every_failure_has_a_reason(connection: Connection) -> None:
    assert rows(connection, "select source, report_id_kind, report_id, report_kind from raw.raw_text.report where source <> 'ris' order by 1") == [
        ("cdr", "report", "D1", "ultrasound"),
        ("fhir", "fhir_diagnostic_report", "F1", "radiology"),
        ("hl7v2", "accession", "A7", "radiology"),
    ]  # fmt: skip
    assert rows(connection, "select report_id, reason from raw.raw_text.nlp_error order by 1") == [
        ("X3", "empty_text"),
        ("X4", "not_text"),
    ]
    run = fetch_dicts(connection, "select * from raw.raw_text.nlp_run")[0]
    counts = ("report_in_count", "report_out_count", "error_count")
    assert [run[name] for name in counts] == [10, 8, 2]
    assert run["entity_count"] == rows(connection, "select count(*) from raw.raw_text.report_entity")[0][0] > 3_700
    assert run["finished_at"] is not None
    assert len(run["lexicon_sha256"]) == len(run["rules_sha256"]) == 64


def test_names_of_other_tables_are_scrubbed_and_offsets_fit_the_text(connection: Connection) -> None:
    text = rows(connection, "select full_text from raw.raw_text.report where source = 'hl7v2'")[0][0]
    assert "静" not in text and "左肺下叶实变" in text
    assert rows(
        connection,
        "select count(*) from raw.raw_text.report_entity join raw.raw_text.report "
        "using (source, report_id, text_sha256, algorithm_version) "
        "where mention <> substring(full_text, start_offset + 1, end_offset - start_offset)",
    ) == [(0,)]
    assert rows(
        connection,
        "select kind, dims, unit, entity_no is not null from raw.raw_text.report_measurement where report_id = 'X1'",
    ) == [("size", [{"lo": 12.0, "hi": 12.0}, {"lo": 8.0, "hi": 8.0}], "mm", True)]


def test_a_second_run_reads_nothing_and_a_new_term_reads_all_again(connection: Connection, tmp_path: Path) -> None:
    before = rows(connection, "select count(*) from raw.raw_text.report")[0][0]
    result = read(connection, "r2", AT)
    assert (result.received, result.loaded, result.unchanged) == (10, 0, 10)
    assert rows(connection, "select count(*) from raw.raw_text.nlp_run") == [(1,)]
    (tmp_path / "terms.tsv").write_text("code\tterm\nlung.nodule\t纹理清晰\n", encoding="utf-8")
    assert read(connection, "r3", AT.replace(hour=9), tmp_path).loaded == 8
    assert rows(connection, "select count(*) from raw.raw_text.report") == [(2 * before,)]
    assert rows(
        connection, "select run_id, finding_code from raw.raw_text.report_entity where report_id = 'X5' order by 1"
    ) == [("r3", "lung.nodule")]
    # the old reader again: what it read stands already
    assert read(connection, "r4", AT.replace(hour=10)).loaded == 0


def test_the_queue_tells_why_without_a_text(connection: Connection) -> None:
    reasons = {item.detail or item.source: (item.priority, item.reasons) for item in list_queue(connection).items}
    assert reasons["not_text"] == (1, ("failed",))
    assert reasons["empty_text"] == (5, ("failed",))
    assert any(item.reasons[0] == "conflict" for item in list_queue(connection, reason="conflict").items)
    assert {item.reasons[0] for item in list_queue(connection, reason="uncertain_conclusion").items} == {
        "uncertain_conclusion"
    }
    assert not any(text[:4] in str(list_queue(connection)) for pair in TEXTS.values() for text in pair if len(text) > 4)


def test_a_lexicon_is_tried_on_the_stored_texts(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "more.tsv").write_text(
        "code\tregions\ttrigger\tpattern\nlung.ggo\t*\t清晰\t边界[^，。]{0,2}清晰\n", encoding="utf-8"
    )
    lexicon = read_site_lexicon(None, templates=tmp_path / "more.tsv")
    texts = rows(connection, "select count(*) from raw.raw_text.report")
    change = compare_lexicon(connection, lexicon)
    # the term of the newest run is missed, the template is new
    assert (change.terms_added, change.terms_removed, change.reports_read, change.reports_changed) == (1, 1, 1, 1)
    assert [one["new_assertion"] for one in change.counts()] == [None]
    use_site_lexicon(None)
    assert rows(connection, "select count(*) from raw.raw_text.report") == texts


def review_of(connection: Connection, report_id: str) -> str:
    return rows(
        connection,
        "select pseudonym('text_review', concat_ws('|', source, report_id, text_sha256)) from raw.raw_text.report "
        f"where report_id = '{report_id}'",
    )[0][0]


def store(connection: Connection, reviews: list, run: str, hour: int) -> Stored:
    return store_reviews(
        connection, reviews, reviewer="张医师", run_id=run, reviewed_at=AT.replace(hour=hour)
    )  # fmt: skip


def test_a_correction_is_a_new_row_wins_and_becomes_gold(connection: Connection, tmp_path: Path) -> None:
    name = review_of(connection, "X1")
    document = load_document(connection, name)
    doubtful = next(row for row in document.entities if row["assertion"] == "uncertain")
    item = f"E{doubtful['entity_no']}"
    before = fetch_dicts(connection, "select * from raw.raw_text.report_entity where report_id = 'X1' order by all")
    after = correct(document, [Correction(item=item, action="change", values={"assertion": "present"})])
    assert store(connection, [(document, after)], "v1", 11).corrected == 1
    assert store(connection, [(load_document(connection, name), after)], "v2", 12).unchanged == 1
    new = fetch_dicts(
        connection,
        "select * from raw.raw_text.report_entity where report_id = 'X1' and run_id = 'v1' order by entity_no",
    )
    assert [row["review_status"] for row in new].count("corrected") == 1
    assert {(row["reviewer"], row["reviewed_at"]) for row in new} == {("张医师", AT.replace(hour=11))}
    old = fetch_dicts(
        connection, "select * from raw.raw_text.report_entity where report_id = 'X1' and run_id <> 'v1' order by all"
    )
    assert old == before
    assert name not in {item.review_id for item in list_queue(connection).items}
    # the reader is measured by what the person said
    path = tmp_path / "gold.jsonl"
    assert write_gold(connection, path) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    gold = read_reports(path, with_text=True)
    report = gold[name]
    told = {name: as_prediction(structure_report(report["text"], report_id=name))}
    scores = evaluate(gold, told)["overall"]
    assert scores["entity"]["f1"] == scores["measurement_linked"]["f1"] == 1.0
    assert scores["entity_assertion"]["fn"] == 1


def test_a_text_that_is_scrubbed_anew_waits_again(connection: Connection) -> None:
    name = review_of(connection, "X1")
    connection.execute(
        "insert into raw.raw_text.report by name select * replace (full_text || '。' as full_text, 'later' as "
        "algorithm_version, timestamp '2025-01-01' as _loaded_at) from raw.raw_text.report "
        "where report_id = 'X1' and run_id = 'r1'"
    )
    item = next(item for item in list_queue(connection).items if item.review_id == name)
    assert "text_changed_since_review" in item.reasons
    connection.execute("delete from raw.raw_text.report where algorithm_version = 'later'")
    assert name in load_documents(connection)


def fill(path: Path, edit: dict[tuple[str, str], str], extra: list[dict[str, str]]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        names = [cell.split()[0] for cell in next(reader)]
        lines = [dict(zip(names, cells, strict=True)) for cells in reader]
    for (item, column), value in edit.items():
        next(line for line in lines if line["item"] == item)[column] = value
    with path.open("w", encoding="gb18030", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="raise", restval="")
        writer.writeheader()
        writer.writerows([*lines, *extra])


def test_a_sheet_goes_round_and_one_wrong_line_keeps_it_out(connection: Connection, tmp_path: Path) -> None:
    name, path = review_of(connection, "X2"), tmp_path / "sheet.csv"
    document = load_document(connection, name)
    write_sheet([document], path, with_text=True, reasons={name: ["conflict"]})
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_sheet(connection, path).reviews == ()
    added = {"review_id": name, "code": "lung.consolidation", "mention": "少量", "assertion": "uncertain"}
    fill(path, {("E1", "locations"): "", ("E1", "laterality"): "right", ("E2", "action"): "删除"}, [added])
    old, new = read_sheet(connection, path).reviews[0]
    assert [row["review_status"] for row in new.entities] == ["corrected", "added", "confirmed"]
    assert [(row["finding_code"], row["laterality"]) for row in new.entities][:2] == [
        ("lung.pleural_effusion", "right"),
        ("lung.consolidation", None),
    ]
    assert store(connection, [(old, new)], "v3", 13) == Stored(
        reviewed=1, stored=1, unchanged=0, corrected=1, added=1, removed=1
    )
    write_sheet([load_document(connection, name)], path, with_text=True, reasons={})
    fill(path, {("E1", "assertion"): "maybe", ("E2", "code"): "lung.unheard"}, [added | {"mention": "积液"}])
    with pytest.raises(
        CheckFailedError, match=r"nothing was stored; .*sheet.csv:\d+: E1: assertion is none of"
    ) as error:
        read_sheet(connection, path)
    assert "maybe" not in str(error.value)


def test_a_sheet_without_text_has_none(connection: Connection, tmp_path: Path) -> None:
    document = load_document(connection, review_of(connection, "X1"))
    write_sheet([document], tmp_path / "bare.csv", with_text=False, reasons={})
    content = (tmp_path / "bare.csv").read_text(encoding="utf-8-sig")
    assert "结节" not in content
    assert "lung.nodule" in content
    assert content.startswith(" ".join(next(iter(HEADERS.items()))))


@pytest.mark.parametrize(
    ("correction", "problem"),
    [
        (Correction(item="E99", action="remove"), "no such item"),
        (Correction(item="E1", action="change", values={"finding_code": "lung.unheard"}), "not in the lexicon"),
        (Correction(item="E1", action="change", values={"assertion": None}), "is empty"),
        (Correction(item=None, action="add", values={"finding_code": "lung.ggo", "start": 5, "end": 5000}), "within"),
        (Correction(item=None, action="add", values={"finding_code": "lung.ggo", "mention": "结节"}), "2 times"),
        (Correction(item=None, action="add", values={"unit": "mm", "start": 5, "end": 9}), "needs kind and dims"),
        (Correction(item="M1", action="change", values={"entity_no": 77}), "does not have"),
        (Correction(item="M1", action="change", values={"unit": "cm"}), "unit is none of mm"),
        (Correction(item="E1", action="change", values={"locations": "右上"}), "codes joined by semicolons"),
    ],
    ids=["unknown_item", "unknown_code", "no_assertion", "outside", "ambiguous", "no_values", "unknown_link", "unit", "place"],
)  # fmt: skip
def test_a_wrong_correction_is_told(connection: Connection, correction: Correction, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        correct(load_document(connection, review_of(connection, "X1")), [correction])


def test_gold_stays_in_the_restricted_zone(template: Settings, tmp_path: Path) -> None:
    assert gold_path(template.home, Path("g.jsonl")) == (template.home / "raw" / "gold" / "g.jsonl").resolve()
    for wrong in (tmp_path / "g.jsonl", template.home / "raw" / ".." / "g.jsonl", template.home / "raw/data/g.jsonl"):
        with pytest.raises(NotPermittedError, match="below"):
            gold_path(template.home, wrong)


def test_gold_lines_are_the_format_of_the_specification(connection: Connection, tmp_path: Path) -> None:
    write_gold(connection, tmp_path / "gold.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["schema_version"] for line in lines} == {"1.0"}
    for line in lines:
        assert all(line["text"][e["start"] : e["end"]] == e["mention"] for e in line["entities"])
        known = {entity["id"] for entity in line["entities"]} | {None}
        assert all(found["entity"] in known for found in line["measurements"])
