"""Says which column another column seems to point to, by its name and its comment alone.

Every number between 1 and 10 is contained in every other, so values prove nothing without a hint of this kind:

- a comment that names table.column;
- a column named after a table, as patient_id, patientId, patients_no, 患者编号, with or without the prefix of a module;
- the same, behind a role: refer_doctor_id points to doctor;
- a column that bears the name of another table's own key, as his_number;
- a word cut short: cat_id of dise points to dise_catalog;
- parent_id and the like, which point into their own table.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingestion.migration.assessment.identity import snake
from ingestion.migration.assessment.profile import TableFacts

_ENDINGS = re.compile(
    r"(?:_?(?:ids?|no|nos|num|number|code|key|fk|uuid|guid|pk|bh|dm|xh))$|(?:编号|编码|代码|序号|标识|号码|主键|外键|id|号|码)$",
    re.IGNORECASE,
)
_PARENT = re.compile(
    r"^(?:parent|super|upper|father|root)(?:_?(?:id|no|code|key))?$|^(?:p|up|pre|sj)_?(?:id|no|code)$|^(?:上级|父级?|所属上级)"
)
_DOTTED = re.compile(r"([A-Za-z_][A-Za-z0-9_$]*)\.([A-Za-z_][A-Za-z0-9_$]*)")
_POINTS_TO = re.compile(r"(?:对应|关联|参照|引用|来自|指向|外键|references?|refers? to)[\s:：（(]*", re.IGNORECASE)
_TABLE_WORDS = re.compile(r"(?:信息|数据|基本|主|明细|记录|字典)*表?$")
# every table has columns of these names, so the same name in two tables says nothing
_USUAL_NAME = re.compile(
    "id|no|code|key|name|type|status|state|title|version|sort|seq|flag|remark|note|label|value|kind|uuid|guid|number|level"
    "|date|year|month|编号|编码|代码|序号|名称|类型|状态"
)
_FEW_ROWS = 10
_SHORTEST = 3
_PREFIX = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Hint:
    """A reason to believe that a column points to another."""

    schema: str
    table: str
    column: str
    evidence: str
    """comment, name, shared_key, comment_name, parent, role or shared_name: the best first."""


class TableNames:
    """All tables by the words that may stand for them in the names of columns."""

    def __init__(self, tables: list[TableFacts]) -> None:
        self.tables = tables
        firsts = [snake(facts.table.name).split("_")[0] for facts in tables if "_" in snake(facts.table.name)]
        # the module's prefix of bms_bill, sms_staff: a first word that several tables begin with; where most tables
        # have one, a module of a single table has one too
        repeated = {first for first in firsts if firsts.count(first) > 1}
        is_rule = sum(first in repeated and len(first) <= _PREFIX for first in firsts) >= 0.6 * len(tables)
        self._prefixes = repeated | {
            first for first in firsts if len(first) <= 2 or (is_rule and len(first) <= _PREFIX)
        }
        self._by_word: dict[str, list[TableFacts]] = {}
        for facts in tables:
            for word in sorted(self._words(facts)):
                self._by_word.setdefault(word, []).append(facts)

    def _words(self, facts: TableFacts) -> set[str]:
        name = snake(facts.table.name)
        first, _, rest = name.partition("_")
        words = {name, rest if first in self._prefixes else ""}
        comment = _TABLE_WORDS.sub("", re.split(r"[\s,，。；;（(]", facts.table.comment.strip())[0])
        words |= {comment, _TABLE_WORDS.sub("", name)} if comment else {_TABLE_WORDS.sub("", name)}
        singular = {form for word in words for form in _singulars(word)}
        return {word for word in words | singular if len(word) > 1}

    def find(self, word: str) -> list[TableFacts]:
        """Return the tables that a word stands for."""
        return self._by_word.get(word, [])

    def hints(self, facts: TableFacts, column: str) -> Iterator[Hint]:
        """Yield what a column may point to, the best reasons first."""
        comment = facts.columns[column].column.comment
        yield from self._from_comment(comment)
        name = snake(column)
        if _PARENT.match(name):
            yield from _keys(facts, "parent", column)
        stem = _ENDINGS.sub("", name)
        if stem and stem != name:
            for word in (stem, *_singulars(stem)):
                for target in self.find(word):
                    yield from _keys(target, "name", column)
            parts = stem.split("_")
            for start in range(1, len(parts)):
                for target in self.find("_".join(parts[start:])):
                    yield from _keys(target, "role", column)
            yield from self._abbreviated(facts, stem, column)
        if not _USUAL_NAME.fullmatch(name) and stem != name:
            for target in self.tables:
                if target is not facts and column in target.columns and target.is_unique(column):
                    is_declared = (column,) in (target.table.primary_key, *target.table.unique_keys)
                    # a few rows differ by chance
                    if is_declared or target.rows >= _FEW_ROWS:
                        yield _hint(target, column, "shared_key" if is_declared else "shared_name")
        label = re.split(r"[\s,，。；;（(:：]", comment.strip())[0]
        if _ENDINGS.search(label):
            for target in self.find(_ENDINGS.sub("", label)):
                yield from _keys(target, "comment_name", column)

    def _abbreviated(self, facts: TableFacts, stem: str, column: str) -> Iterator[Hint]:
        """Yield the tables that extend this one's name by a word that the column shortens."""
        own = snake(facts.table.name) + "_"
        for target in self.tables:
            rest = snake(target.table.name).removeprefix(own)
            if len(stem) >= _SHORTEST and rest != snake(target.table.name) and rest.startswith(stem):
                yield from _keys(target, "role", column)

    def _from_comment(self, comment: str) -> Iterator[Hint]:
        for table, column in _DOTTED.findall(comment):
            for target in self.find(snake(table)):
                yield from (_hint(target, name, "comment") for name in target.columns if name.lower() == column.lower())
        for match in _POINTS_TO.finditer(comment):
            rest = comment[match.end() :].lower()
            word = max((word for word in self._by_word if rest.startswith(word)), key=len, default=None)
            if word is None:
                continue
            named = re.match(r"表?[的.]?\s*(\w+)", rest[len(word) :])
            for target in self.find(word):
                columns = [name for name in target.columns if named and name.lower() == named[1]]
                yield from (_hint(target, name, "comment") for name in columns)
                yield from () if columns else _keys(target, "comment", "id")


def _keys(target: TableFacts, evidence: str, column: str) -> Iterator[Hint]:
    """Yield the columns of a table that another column named after the table may mean: its key, or its own number."""
    key = target.table.primary_key
    name = snake(column)
    ending = name[len(_ENDINGS.sub("", name)) :].strip("_")
    own = [other for other in target.columns if snake(other) == name and target.is_unique(other)]
    numbered = [other for other in target.columns if snake(other) == ending and target.is_unique(other)]
    plain = [other for other in target.columns if snake(other) == "id" and target.is_unique(other)]
    found = own + numbered + (list(key) if len(key) == 1 else []) + plain
    for other in dict.fromkeys(found):
        yield _hint(target, other, evidence)


def _hint(target: TableFacts, column: str, evidence: str) -> Hint:
    return Hint(schema=target.table.schema, table=target.table.name, column=column, evidence=evidence)


def _singulars(word: str) -> list[str]:
    """Return the singular forms an English plural may have."""
    if word.endswith("ies"):
        return [word[:-3] + "y"]
    if re.search(r"(?:s|x|z|ch|sh)es$", word):
        return [word[:-2]]
    return [word[:-1]] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else []
