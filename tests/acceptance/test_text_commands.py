"""Findings of a whole hospital are searched, waiting reports listed, and neither shows a word of a report."""

import json
import re
from pathlib import Path

from lakehouse.lake import open_lake
from tests.acceptance.conftest import Hospital, radlake

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_search_finds_what_the_reports_say(hospital: Hospital) -> None:
    home = hospital.settings.home
    arguments = ("text", "search", "--finding", "实变", "--assertion", "present", "--json", "--limit", "1000")
    answer = json.loads(radlake(*arguments, home=home).stdout)
    with open_lake(hospital.settings, ("lake",), read_only=True) as connection:
        expected = connection.execute(
            "select count(*) from lake.std.std_report_finding as f inner join lake.std.std_report as r "
            "on f.report_key = r.report_key and f.report_version_no = r.version_no "
            "where f.finding_code = 'lung.consolidation' and f.assertion = 'present' and not r.is_deleted "
            "and r.report_status in ('final', 'amended', 'supplementary') "
            "and f.section not in ('clinical_diagnosis', 'history', 'recommendation', 'technique')"
        ).fetchone()
    assert answer["codes"] == ["lung.consolidation"]
    assert answer["findings"] == len(answer["found"]) == (expected or (0,))[0] > 0
    assert not CHINESE.search(json.dumps(answer["found"], ensure_ascii=False))


def test_reports_of_every_system_are_read_and_copies_do_not_wait(hospital: Hospital) -> None:
    answer = json.loads(
        radlake("text", "review", "list", "--json", "--limit", "10000", home=hospital.settings.home).stdout
    )
    assert not CHINESE.search(json.dumps(answer, ensure_ascii=False))
    with open_lake(hospital.settings, read_only=True) as connection:
        read = {
            source for (source,) in connection.execute("select distinct source from raw.raw_text.report").fetchall()
        }
        told = {
            source
            for (source,) in connection.execute("select distinct text_source from lake.std.std_report").fetchall()
        }
        cut = connection.execute("select count(*) from raw.raw_text.nlp_run where finished_at is null").fetchone()
    assert read >= {"ris", "us", "path", "cdr", "hl7v2", "fhir"}
    assert {report["source"] for report in answer["reports"]} <= told
    assert cut == (0,)


def test_the_mining_tables_show_no_figure_of_few_persons(hospital: Hospital) -> None:
    with open_lake(hospital.settings, ("lake",), read_only=True) as connection:
        pairs = connection.execute(
            "select count(*), count(*) filter (is_suppressed), min(person_count), "
            "count(*) filter (is_suppressed and both_count is not null), max(abs(lift - support_rate / expected_rate)) "
            "from lake.std.std_finding_pair"
        ).fetchone()
        months = connection.execute(
            "select count(*), min(nullif(present_count, 0)), min(report_count) from lake.std.std_finding_month"
        ).fetchone()
    assert pairs is not None and months is not None
    assert pairs[0] > pairs[1] > 0 and pairs[2] >= 5 and pairs[3] == 0 and pairs[4] < 1e-9
    assert months[0] > 0 and (months[1] or 5) >= 5 and (months[2] or 5) >= 5


def test_a_sheet_without_text_goes_out_and_gold_stays_inside(hospital: Hospital, tmp_path: Path) -> None:
    home = hospital.settings.home
    radlake("text", "review", "export", "--out", str(tmp_path / "s.csv"), "--limit", "3", home=home)
    lines = (tmp_path / "s.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) > 3 and not any(CHINESE.search(line) for line in lines[1:])
    refused = radlake("text", "review", "gold", "--out", str(tmp_path / "g.jsonl"), home=home, check=False)
    assert refused.returncode == 15 and not (tmp_path / "g.jsonl").exists()
