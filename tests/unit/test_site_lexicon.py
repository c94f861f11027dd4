"""A hospital's terms and templates are read with the package's own, and a wrong line is told with what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.errors import SettingsError
from report_structuring.reader_version import lexicon_sha256, reader_version, rules_sha256
from report_structuring.site_lexicon import read_site_lexicon, use_site_lexicon
from report_structuring.structure import structure_report


@pytest.fixture(autouse=True)
def package_lexicon() -> Iterator[None]:
    """Leave the package's own lexicon behind."""
    yield
    use_site_lexicon(None)


def codes(text: str) -> list[str]:
    return [entity.code for entity in structure_report(text, report_id="r").entities]


def write(folder: Path, terms: str = "", templates: str = "") -> Path:
    for name, text in (("terms.tsv", terms), ("templates.tsv", templates)):
        if text:
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_term_is_found_and_gone_again(tmp_path: Path) -> None:
    write(tmp_path, "code\tterm\nlung.ggo\t薄雾样改变\n")
    before = reader_version(), rules_sha256()
    assert codes("右肺见薄雾样改变。") == []
    use_site_lexicon(tmp_path)
    assert codes("右肺见薄雾样改变。") == ["lung.ggo"]
    assert reader_version() != before[0] and rules_sha256() == before[1]
    use_site_lexicon(None)
    assert codes("右肺见薄雾样改变。") == []
    assert (reader_version(), rules_sha256()) == before


def test_a_code_of_the_hospital_and_a_template_of_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        "code\tterm\ttype\tlabel_zh\nlung.fog_sign\t薄雾征\tsign\t薄雾征\nlung.fog_sign\t雾气征\n",
        "code\tregions\ttrigger\tpattern\nlung.fog_sign\tlung\t雾\t雾[^，。；]{0,6}弥散\n",
    )
    use_site_lexicon(tmp_path)
    assert codes("右肺见薄雾征。") == codes("右肺见雾气征。") == codes("右肺见雾样密度弥散。") == ["lung.fog_sign"]


def test_a_file_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    text = 'code\tterm\r\n# 说明\r\n"lung.ggo"\t薄雾样改变\t\r\n\r\n'
    (tmp_path / "terms.tsv").write_bytes(text.encode("utf-16"))
    assert [row[4] for row in read_site_lexicon(tmp_path).terms] == ["薄雾样改变"]


def test_the_digest_does_not_depend_on_the_order_of_lines(tmp_path: Path) -> None:
    digests = set()
    for lines in ("lung.ggo\t薄雾样改变\nlung.nodule\t米粒灶\n", "lung.nodule\t米粒灶\nlung.ggo\t薄雾样改变\n"):
        use_site_lexicon(write(tmp_path, "code\tterm\n" + lines))
        digests.add(lexicon_sha256())
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("lung.unheard\t薄雾征", "lacks its type or its Chinese name"),
        ("Lung ggo\t薄雾征", "not well formed"),
        ("moon.ggo\t薄雾征", "not well formed"),
        ("lung.ggo\t影", "2 to 40 characters"),
        ("lung.ggo\t薄雾，征", "no space, comma"),
        ("lung.ggo\t胸腔积液", "stands for lung.pleural_effusion already"),
        ("lung.ggo\t不能除外", "negation or doubt"),
        ("lung.ggo\t薄雾征\tx\ty\tz\tmore", "more cells"),
    ],
    ids=["new_code", "no_code", "no_domain", "short", "comma", "taken", "cue", "cells"],
)
def test_a_wrong_term_is_told_with_its_line(tmp_path: Path, line: str, problem: str) -> None:
    write(tmp_path, f"code\tterm\ttype\tlabel_zh\nlung.ggo\t薄雾样改变\n{line}\n")
    with pytest.raises(SettingsError, match=rf"terms.tsv:3: .*{problem}.*: ") as error:
        use_site_lexicon(tmp_path)
    assert "薄雾" not in str(error.value)
    assert codes("右肺见薄雾样改变。") == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("lung.unheard\t*\t雾\t雾+", "code is not known"),
        ("lung.ggo\tmoon\t雾\t雾+", "regions are not known"),
        ("lung.ggo\t*\t雨\t雾+", "trigger does not stand"),
        ("lung.ggo\t*\t雾\t雾(", "no regular expression"),
        ("lung.ggo\t*\t雾\t雾*", "matches nothing"),
        ("lung.ggo\t*\t雾\t(?:雾+)+灶", "takes too long"),
    ],
    ids=["code", "regions", "trigger", "syntax", "empty", "slow"],
)
def test_a_wrong_template_is_told_with_its_line(tmp_path: Path, line: str, problem: str) -> None:
    write(tmp_path, templates=f"code\tregions\ttrigger\tpattern\n{line}\n")
    with pytest.raises(SettingsError, match=rf"templates.tsv:2: .*{problem}"):
        use_site_lexicon(tmp_path)


def test_a_file_without_its_first_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"terms\.tsv:1: column code is missing"):
        use_site_lexicon(write(tmp_path, "lung.ggo,薄雾样改变\n"))


def test_every_module_that_decides_is_among_the_rules() -> None:
    import subprocess
    import sys

    from report_structuring.reader_version import _NOT_RULES

    code = (
        "import sys, report_structuring.structure, report_structuring.report_reading; "
        "print([n.split('.')[1] + '.py' for n in sys.modules if n.startswith('report_structuring.')])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    # where the texts lie is asked by the reader, but tells nothing of what is read
    assert [name for name in _NOT_RULES if f"'{name}'" in loaded] == ["report_sources.py"]


def test_the_examples_of_the_project_are_right() -> None:
    from lakehouse import PROJECT_ROOT

    folder = PROJECT_ROOT / "config" / "lexicon"
    lexicon = read_site_lexicon(None, terms=folder / "terms.example.tsv", templates=folder / "templates.example.tsv")
    assert lexicon.problems == () and lexicon.terms and lexicon.templates
