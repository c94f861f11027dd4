"""Scores how far the header of a file names a raw column: Chinese, pinyin abbreviation or English.

The names are data (names.tsv). Beside a name in the list count, each with less weight: the initials of a Chinese name,
the same name with words of one meaning exchanged (患者 and 病人, 日期 and 时间), English words in another order or
abbreviated, and a name that contains or resembles a known one.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz import fuzz

from ingestion.naming import normalise_header
from ingestion.onboarding.pinyin import initials
from lakehouse.contract import Table

_LOWEST = 0.3

# words of one meaning in names of columns; longer ones first, the last of a row stands for all
_SAME_MEANING = (
    ("患者", "病人"), ("病员", "病人"), ("受检者", "病人"), ("受检人", "病人"), ("就诊人", "病人"),
    ("流水号", "号"), ("流水", "号"), ("登记号", "号"), ("唯一号", "号"), ("标识号", "号"), ("编号", "号"),
    ("号码", "号"), ("序号", "号"),
    ("标识", "标志"), ("代码", "编码"), ("编码", "码"), ("医生", "医师"), ("大夫", "医师"), ("人员", "医师"),
    ("日期时间", "时间"), ("日期", "时间"), ("时刻", "时间"), ("名称", "名"), ("描述", "所见"), ("表现", "所见"),
    ("类型", "类别"),
    ("种类", "类别"), ("分类", "类别"), ("结论", "诊断"), ("印象", "诊断"), ("意见", "诊断"), ("采集", "采样"),
    ("抽血", "采样"),
    ("检测", "检验"), ("化验", "检验"), ("范围", "值"), ("区间", "值"), ("是否", ""), ("信息", ""), ("记录", ""),
    ("的", ""),
)  # fmt: skip

_ENGLISH = {
    "person": "patient", "pat": "patient", "pt": "patient", "p": "patient", "papmi": "patient", "brda": "patient",
    "no": "id", "num": "id", "nbr": "id", "number": "id", "code": "code", "cd": "code", "key": "id", "nr": "id",
    "identifier": "id",
    "rowid": "id", "uid": "uid", "dt": "time", "date": "time", "datetime": "time", "at": "time", "dttm": "time",
    "tm": "time", "timestamp": "time", "on": "time", "desc": "description", "descr": "description",
    "doc": "physician", "doctor": "physician", "dr": "physician", "md": "physician", "concl": "conclusion",
    "clin": "clinical", "rpt": "report", "rep": "report",
    "diag": "diagnosis", "dx": "diagnosis", "adm": "admission", "admit": "admission", "admitted": "admission",
    "dis": "discharge", "disch": "discharge", "discharged": "discharge", "dept": "department", "ward": "ward",
    "exam": "examination", "examine": "examination", "examined": "examination", "check": "examination",
    "study": "examination", "lab": "laboratory", "spec": "specimen", "sample": "specimen", "sampling": "collected",
    "collect": "collected", "collection": "collected", "recv": "received", "receive": "received", "reg": "registered",
    "register": "registered", "registration": "registered", "verify": "verified", "audit": "verified",
    "audited": "verified", "approve": "verified", "approved": "verified", "review": "verified", "reported": "report",
    "reporting": "report", "gender": "sex", "dob": "birth", "born": "birth", "birthday": "birth", "tel": "phone",
    "telephone": "phone", "mobile": "phone", "addr": "address", "nm": "name", "val": "value", "res": "result",
    "ref": "reference", "norm": "reference", "normal": "reference", "rng": "range", "uom": "unit", "units": "unit",
    "flg": "flag", "is": "flag", "ind": "flag", "indicator": "flag", "enc": "visit", "encounter": "visit",
    "episode": "visit", "inp": "inpatient", "ip": "inpatient", "outp": "outpatient", "op": "outpatient",
    "oper": "operation", "surg": "operation", "surgery": "operation", "surgical": "operation", "proc": "procedure",
    "acc": "accession", "req": "request", "apply": "request", "requisition": "request", "app": "request",
    "stat": "status", "state": "status", "ver": "version", "rev": "version", "revision": "version", "seq": "sequence",
    "path": "pathology", "micro": "microscopic", "macro": "gross", "immuno": "immunohistochemistry", "qty": "quantity",
    "amt": "amount", "weeks": "gestational", "wt": "weight", "ht": "length", "baby": "newborn", "infant": "newborn",
    "neonate": "newborn", "mom": "mother", "maternal": "mother", "deliv": "delivery", "labour": "delivery",
    "labor": "delivery", "upd": "update", "updated": "update", "modified": "update", "modify": "update",
    "img": "image", "pic": "image", "picture": "image", "freq": "frequency", "abn": "abnormal", "cat": "category",
    "type": "class", "kind": "class", "category": "class", "begin": "start", "beg": "start", "started": "start",
    "finish": "end", "ended": "end", "stop": "end", "exec": "execute", "executed": "execute", "sign": "signed",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class NameScore:
    """How far a header names a column (0 to 1) and by which of its names."""

    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of one raw column, prepared for comparison."""

    exact: dict[str, str]
    abbreviations: tuple[str, ...]
    initials: dict[str, str]
    chinese: tuple[tuple[str, str], ...]
    english: tuple[tuple[frozenset[str], str], ...]


@functools.cache
def _listed() -> dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    rows: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {}
    for line in (Path(__file__).parent / "names.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith(("#", "column\t")):
            continue
        column, where, chinese, abbreviations, english = line.split("\t")
        rows[column, where] = tuple(
            tuple(name for name in names.split("|") if name) for names in (chinese, abbreviations, english)
        )  # type: ignore[assignment]
    return rows


@functools.cache
def _names_of(source: str, entity: str, column: str, label_zh: str) -> _Names:
    chinese: list[str] = [label_zh]
    abbreviations: list[str] = []
    english: list[str] = [column]
    for where in (f"{source}.{entity}", "*"):
        listed = _listed().get((column, where))
        if listed:
            chinese += listed[0]
            abbreviations += listed[1]
            english += listed[2]
    exact = {normalise_header(name): name for name in (*english, *abbreviations, *chinese)}
    exact |= {normalise_header(name).replace("_", ""): name for name in english}
    derived = {
        letters.casefold(): name for name in reversed(chinese) if (letters := initials(name)) and len(letters) > 1
    }
    return _Names(
        exact=exact,
        abbreviations=tuple(name.casefold() for name in abbreviations),
        initials=derived,
        chinese=tuple((same_meaning(normalise_header(name)), name) for name in chinese),
        english=tuple((_english_words(name), name) for name in english),
    )


def same_meaning(name: str) -> str:
    """Return a Chinese name with words of one meaning written one way."""
    for word, standard in _SAME_MEANING:
        name = name.replace(word, standard)
    return name


def _english_words(name: str) -> frozenset[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", " ", name)
    words = [part for word in spaced.split() for part in _segments(word.lower())]
    return frozenset(_ENGLISH.get(word, word) for word in words if word not in _EMPTY_WORDS)


_EMPTY_WORDS = frozenset(
    {"of", "the", "for", "txt", "text", "str", "info", "local", "c", "f", "v", "s", "n", "vc", "dtm"}
)


@functools.cache
def _known_words() -> frozenset[str]:
    words = {*_ENGLISH, *_ENGLISH.values()}
    for (column, _), (_, _, english) in _listed().items():
        for name in (column, *english):
            words |= {word for word in re.split(r"[^a-z]+", name) if len(word) > 2}
    return frozenset(words | {"no", "id", "at", "dt", "txt", "text", "nm", "pt", "p"})


def _whole_word(part: str) -> str | None:
    """Return the only known word that begins with a part."""
    words = {_ENGLISH.get(word, word) for word in _known_words() if word.startswith(part)}
    return words.pop() if len(words) == 1 else None


@functools.cache
def _segments(word: str) -> tuple[str, ...]:
    """Cut a name written without spaces into known words (examinedat: examined, at); whole when that cannot be done."""
    known = _known_words()
    if word in known or len(word) < 4 or not word.isalpha():
        return (word,)
    best: list[tuple[int, tuple[str, ...]] | None] = [(0, ()), *[None] * len(word)]
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - 18), end):
            before, part = best[start], word[start:end]
            if before is None or (part == "p" and start):
                continue
            if part not in known:
                # names are cut off at ten or twelve letters
                whole = _whole_word(part) if end == len(word) and start and len(part) >= 4 else None
                if whole is None:
                    continue
                part = whole
            candidate = (before[0] + 1, (*before[1], part))
            if best[end] is None or candidate < best[end]:  # type: ignore[operator]
                best[end] = candidate
    found = best[len(word)]
    return found[1] if found and found[0] <= 4 else (word,)


def score_name(header: str, table: Table, column: str) -> NameScore | None:
    """Return how far a header names a raw column of a table, None when it does not."""
    label = next(known.label_zh for known in table.columns if known.name == column)
    names = _names_of(table.source, table.name, column, label)
    best: NameScore | None = None
    for part in _parts(header):
        found = _score_part(part, names)
        if found and (best is None or found.score > best.score):
            best = found
    return best if best and best.score >= _LOWEST else None


def _parts(header: str) -> list[str]:
    """Return a header whole, and its Chinese and Latin parts where it is written in both (ZYH_住院号)."""
    header = unicodedata.normalize("NFKC", header).strip()
    parts = [header]
    latin = re.sub(r"[^\x00-\x7f]+", " ", header).strip(" _-/:()[]")
    other = re.sub(r"[\x00-\x7f]+", "", header)
    if len(latin) > 1 and len(other) > 1:
        parts += [latin, other]
    stripped = re.sub(r"^(?:[a-z]{1,3}_|[A-Z]{1,3}_|fld|col|[a-z]{1,3}(?=[A-Z]{2}))", "", header)
    if stripped != header and len(stripped) > 1:
        parts.append(stripped)
    return parts


def _score_part(part: str, names: _Names) -> NameScore | None:
    name = normalise_header(part)
    if not name:
        return None
    exact = names.exact.get(name) or names.exact.get(name.replace("_", "").replace("-", ""))
    if exact:
        # two letters name many things
        return NameScore(score=0.9 if len(name) <= 2 and name.isascii() else 1.0, reason=f"name {exact}")
    if name.isascii():
        return _score_latin(part, name, names)
    return _score_chinese(name, names)


def _score_latin(part: str, name: str, names: _Names) -> NameScore | None:
    squeezed = re.sub(r"[^a-z0-9]", "", name)
    if squeezed in names.initials:
        return NameScore(score=0.82 if len(squeezed) > 2 else 0.75, reason=f"initials of {names.initials[squeezed]}")
    best: NameScore | None = None
    words = _english_words(part)
    plain_words = words - _VAGUE_WORDS or words
    for known, shown in names.english:
        if words == known:
            return NameScore(score=0.93, reason=f"words of {shown}")
        common = len(words & known)
        if common:
            score = 0.8 if plain_words == known else 0.85 * common / len(words | known)
            if best is None or score > best.score:
                best = NameScore(score=score, reason=f"words like {shown}")
    stem = _abbreviation_stem(squeezed)
    if stem:
        for letters in (*names.abbreviations, *names.initials):
            if _abbreviation_stem(letters) == stem:
                return NameScore(
                    score=max(0.7, best.score if best else 0.0), reason=f"abbreviation like {letters.upper()}"
                )
    for letters in (*names.abbreviations, *names.initials):
        if len(letters) < 3 or len(squeezed) <= len(letters):
            continue
        if squeezed.endswith(letters) or squeezed.startswith(letters):
            score = 0.35 + 0.4 * len(letters) / len(squeezed)
            if best is None or score > best.score:
                best = NameScore(score=score, reason=f"contains {letters.upper()}")
    return best


_VAGUE_WORDS = frozenset({"description", "name", "class", "value"})
_ABBREVIATION_ENDS = (
    (("lsh", "xh", "bh", "hm", "dh", "id", "h"), "#"), (("rqsj", "rq", "sj"), "@"), (("dm", "bm"), "%"),
    (("mc", "mcms"), "="),
)  # fmt: skip


def _abbreviation_stem(name: str) -> str | None:
    """Return a pinyin abbreviation with endings of one meaning written one way (SSCZDM, SSCZBM)."""
    if not name.isalpha():
        return None
    ends = sorted(((end, sign) for ends, sign in _ABBREVIATION_ENDS for end in ends), key=lambda item: -len(item[0]))
    for end, sign in ends:
        if name.endswith(end) and len(name) - len(end) >= 2:
            return name[: -len(end)] + sign
    return None


def _score_chinese(name: str, names: _Names) -> NameScore | None:
    plain = same_meaning(name)
    best: NameScore | None = None
    for known, shown in names.chinese:
        if len(known) < 2 and plain != known:
            continue
        if plain == known:
            return NameScore(score=0.95, reason=f"same meaning as {shown}")
        if len(known) > 1 and known in plain:
            # what a Chinese name is about stands at its end
            score = (0.5 if plain.endswith(known) else 0.3) + 0.4 * len(known) / len(plain)
        elif len(plain) > 1 and plain in known:
            score = 0.4 + 0.4 * len(plain) / len(known)
        else:
            score = 0.8 * fuzz.ratio(plain, known) / 100 - (0.0 if plain[-1] == known[-1] else 0.15)
        if best is None or score > best.score:
            best = NameScore(score=round(score, 3), reason=f"like {shown}")
    return best


@functools.cache
def _all_names() -> frozenset[str]:
    names = set()
    for (column, _), (chinese, abbreviations, english) in _listed().items():
        names |= {normalise_header(name) for name in (column, *chinese, *abbreviations, *english)}
        names |= {letters.casefold() for name in chinese if (letters := initials(name))}
    return frozenset(names)


def is_known_name(header: str) -> bool:
    """Return whether a cell is a name of some column of some source."""
    return any(
        normalise_header(part) in _all_names() or same_meaning(normalise_header(part)) in _all_names()
        for part in _parts(header)
    )
