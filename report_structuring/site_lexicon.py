"""A hospital's own terms and templates: reads, checks and installs them.

`terms.tsv` holds one term a line: the code it stands for, the term, and for a code of the hospital's own its type and
Chinese name. `templates.tsv` holds wordings with gaps as regular expressions. Nothing of a file is used when one line of
it is wrong, and every wrong line is told with what to do.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from lakehouse.errors import SettingsError
from lakehouse.formats.encoding import decode
from report_structuring.additional_rows import install_rows
from report_structuring.words import expand

TERMS_FILE = "terms.tsv"
TEMPLATES_FILE = "templates.tsv"
TERM_COLUMNS = ("code", "term")
TEMPLATE_COLUMNS = ("code", "trigger", "pattern")
TYPES = ("sign", "diagnosis", "status", "score", "histology", "action")
_LEXICON = "finding_lexicon.tsv"
_PATTERNS = "patterns.tsv"
_DOMAINS = {
    "lung": "pulmonary_infection",
    "pas": "pas",
    "brain": "stroke",
    "abd": "acute_abdomen",
    "gen": "any",
    "rec": "any",
}
_CODE = re.compile(r"[a-z]+\.[a-z][a-z0-9_]{1,60}")
_REGIONS = frozenset({"*", "lung", "brain", "abd", "pas", "path"})
_SHORTEST_TERM = 2
_LONGEST_TERM = 40
_SECONDS = 60
# Every character of a pattern, and its trigger, repeated into long texts: a pattern that steps back without end stalls.
_PROBE = """
import re, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
pattern = re.compile(sys.argv[1])
for seed in {*sys.argv[2:], "阿", "1", "a", " "}:
    for text in (seed * 1500, (seed + "，") * 750, seed * 1500 + "。", "阿1" * 750 + seed):
        for _ in pattern.finditer(text):
            pass
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A line that cannot be used; the text of the line is not told."""

    file: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        """Return the problem as one line."""
        return f"{self.file}:{self.line}: {self.what}: {self.remedy}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteLexicon:
    """The rows of a hospital, in the form of the package's tables, and what is wrong with its files."""

    terms: tuple[tuple[str, ...], ...] = ()
    templates: tuple[tuple[str, ...], ...] = ()
    term_lines: tuple[int, ...] = ()
    """Line of each term in its file."""
    problems: tuple[Problem, ...] = ()

    @property
    def rows(self) -> dict[str, list[list[str]]]:
        """Return the rows by the package's table they belong to."""
        return {_LEXICON: [list(row) for row in self.terms], _PATTERNS: [list(row) for row in self.templates]}


def use_site_lexicon(folder: Path | None) -> None:
    """Read with the terms and templates of a folder from now on; without one, with the package's alone.

    Raises SettingsError that names every wrong line.
    """
    install_rows(checked(read_site_lexicon(folder)).rows)


def checked(lexicon: SiteLexicon) -> SiteLexicon:
    """Return a lexicon without problems; raises SettingsError that names every wrong line."""
    if lexicon.problems:
        raise SettingsError("the lexicon was not used; " + "; ".join(str(problem) for problem in lexicon.problems[:20]))
    return lexicon


def read_site_lexicon(folder: Path | None, *, terms: Path | None = None, templates: Path | None = None) -> SiteLexicon:
    """Read the files of a folder, or those named instead, and check every line; a missing file adds nothing."""
    terms_path = terms or (folder / TERMS_FILE if folder else None)
    templates_path = templates or (folder / TEMPLATES_FILE if folder else None)
    problems: list[Problem] = []
    types = _package_types()
    own: dict[str, tuple[str, str]] = {}
    term_rows, term_lines = [], []
    known_terms = _package_terms()
    for line, row in _read_file(terms_path, TERM_COLUMNS, problems, must_exist=terms is not None):
        what = _check_term(row, types, own, known_terms)
        if what:
            problems.append(
                Problem(file=terms_path.name if terms_path else "", line=line, what=what[0], remedy=what[1])
            )
            continue
        code, term = row["code"], row["term"]
        known_terms.setdefault(_folded(term), code)
        kind, label = own.get(code) or types[code]
        term_rows.append((code, _DOMAINS[code.split(".")[0]], kind, label, term, ""))
        term_lines.append(line)
    template_rows = []
    for line, row in _read_file(templates_path, TEMPLATE_COLUMNS, problems, must_exist=templates is not None):
        what = _check_template(row, types | own)
        if what:
            name = templates_path.name if templates_path else ""
            problems.append(Problem(file=name, line=line, what=what[0], remedy=what[1]))
            continue
        template_rows.append((row["code"], row.get("regions") or "*", row["trigger"], row["pattern"]))
    return SiteLexicon(
        terms=tuple(term_rows), templates=tuple(template_rows), term_lines=tuple(term_lines), problems=tuple(problems)
    )


def _read_file(
    path: Path | None, required: tuple[str, ...], problems: list[Problem], *, must_exist: bool
) -> list[tuple[int, dict[str, str]]]:
    if path is None or not (path.exists() or must_exist):
        return []
    try:
        text, _ = decode(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({type(error).__name__}): check the path") from error
    lines = text.removeprefix("\ufeff").splitlines()
    names = [name.strip() for name in lines[0].split("\t")] if lines else []
    missing = [name for name in required if name not in names]
    if missing:
        remedy = f"the first line must be {' <tab> '.join(required)}; save as text with tabs between the columns"
        problems.append(Problem(file=path.name, line=1, what=f"column {missing[0]} is missing", remedy=remedy))
        return []
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = [_unquoted(cell.strip()) for cell in line.split("\t")]
        if len(cells) > len(names) and any(cells[len(names) :]):
            remedy = "remove the tabs that are too many"
            problems.append(Problem(file=path.name, line=number, what="more cells than the first line", remedy=remedy))
            continue
        rows.append((number, dict(zip(names, [*cells, *[""] * (len(names) - len(cells))], strict=False))))
    return rows


def _unquoted(cell: str) -> str:
    """Take off the quotes a spreadsheet puts around a cell."""
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _check_code(
    row: dict[str, str], types: dict[str, tuple[str, str]], own: dict[str, tuple[str, str]]
) -> tuple[str, str] | None:
    code = row["code"]
    if code in types or code in own:
        return None
    if not _CODE.fullmatch(code) or code.split(".")[0] not in _DOMAINS:
        return (
            "the code is not known and not well formed",
            f"use a code of the lexicon, or a new one such as lung.my_sign with one of {', '.join(_DOMAINS)} before the dot",
        )
    if row.get("type") not in TYPES or not row.get("label_zh"):
        return (
            "the code is new and lacks its type or its Chinese name",
            f"add the columns type (one of {', '.join(TYPES)}) and label_zh, or correct the code",
        )
    own[code] = (row["type"], row["label_zh"])
    return None


def _check_term(
    row: dict[str, str],
    types: dict[str, tuple[str, str]],
    own: dict[str, tuple[str, str]],
    known: dict[str, str],
) -> tuple[str, str] | None:
    term = row["term"]
    if not _SHORTEST_TERM <= len(term) <= _LONGEST_TERM or re.search(r"[\s，。；;|]", term):
        return (
            f"a term has {_SHORTEST_TERM} to {_LONGEST_TERM} characters and no space, comma or full stop",
            "write the words of the finding alone; wordings with gaps go into templates.tsv",
        )
    problem = _check_code(row, types, own)
    if problem:
        return problem
    other = known.get(_folded(term))
    if other and other != row["code"]:
        return (
            f"the term stands for {other} already",
            "choose longer words that mean this finding alone, or use that code",
        )
    if _negates(term):
        return ("the term is a word of negation or doubt by itself", "write the words of the finding alone")
    return None


def _check_template(row: dict[str, str], types: dict[str, tuple[str, str]]) -> tuple[str, str] | None:
    if row["code"] not in types:
        return ("the code is not known", "use a code of the lexicon, or define it in terms.tsv first")
    regions = set((row.get("regions") or "*").split("+"))
    if not regions <= _REGIONS:
        return ("regions are not known", f"join {', '.join(sorted(_REGIONS - {'*'}))} by +, or leave it empty for any")
    if not all(trigger and trigger in row["pattern"] for trigger in row["trigger"].split("|")):
        return (
            "the trigger does not stand in the pattern",
            "give a character that every match holds, as it is written",
        )
    try:
        pattern = re.compile(expand(row["pattern"]))
    except re.error as error:
        return (f"the pattern is no regular expression ({error.msg} at {error.pos})", "correct it at that character")
    if pattern.match("") or pattern.search("，。"):
        return ("the pattern matches nothing at all, or punctuation", "make a part of it necessary")
    if not _is_quick(pattern.pattern, row["trigger"]):
        return (
            "the pattern takes too long on a long text",
            "use no repetition inside a repetition, and gaps with an upper limit such as [^，。；]{0,8}",
        )
    return None


@lru_cache(maxsize=1000)
def _is_quick(pattern: str, trigger: str) -> bool:
    """Say whether a pattern passes long texts made of its own characters within a second of a process of its own."""
    seeds = sorted({*trigger.split("|"), *re.sub(r"[\\\[\](){}|?*+^$.]", "", pattern)})[:20]
    try:
        subprocess.run(
            [sys.executable, "-c", _PROBE, pattern, *seeds], check=True, timeout=_SECONDS, capture_output=True
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return False
    return True


def _negates(term: str) -> bool:
    """Say whether the rules for cues take the whole term for one, in front of a mention or behind it."""
    from report_structuring.cues import find_cues

    length = len(term)
    return any(
        (cue.start - at, cue.end - at) == (0, length)
        for text, at, mention in ((f"{term}影", 0, (length, length + 1)), (f"影{term}", 1, (0, 1)))
        for cue in find_cues(text, 0, len(text), [mention])
    )


def _folded(term: str) -> str:
    return term.lower()


def _package_rows() -> list[list[str]]:
    text = (resources.files(__package__) / _LEXICON).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()[1:] if line]


def _package_types() -> dict[str, tuple[str, str]]:
    return {row[0]: (row[2], row[3]) for row in _package_rows()}


def _package_terms() -> dict[str, str]:
    return {_folded(variant): row[0] for row in reversed(_package_rows()) for variant in row[4].split("|") if variant}
