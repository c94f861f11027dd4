"""Brings names to the form in which they are compared, and tells what else a name says: newborn, test, nobody."""

import functools
import re
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from lakehouse.pseudonym import canonical_identifier


@functools.cache
def name_patterns() -> dict[str, Any]:
    """Return the patterns of names.yml."""
    content: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "names.yml").read_text(encoding="utf-8"))
    return content


def name_norm(value: str) -> str:
    """Return a name as it is compared: half-width, upper case, without spaces, marks and remarks behind it."""
    patterns = name_patterns()
    name = canonical_identifier(unicodedata.normalize("NFKC", value))
    name = re.sub(patterns["ignored"], "", re.sub(patterns["remark"], "", name))
    return "" if name in patterns["missing"] else name


def name_kind(name: str) -> str:
    """Return test, newborn, anonymous, missing or ordinary for a name in its compared form."""
    patterns = name_patterns()
    if not name:
        return "missing"
    for kind, keys in (("test", ("test",)), ("newborn", ("newborn", "newborn_word")), ("anonymous", ("anonymous",))):
        if any(re.search(patterns[key], name) for key in keys):
            return kind
    return "ordinary"


def _quoted(pattern: str) -> str:
    return "'" + pattern.replace("'", "''") + "'"


def name_norm_sql(canonical: str) -> str:
    """Return SQL that does what `name_norm` does to a canonical value; empty for a missing name."""
    patterns = name_patterns()
    plain = (
        f"regexp_replace(regexp_replace({canonical}, {_quoted(patterns['remark'])}, ''), "
        f"{_quoted(patterns['ignored'])}, '', 'g')"
    )
    missing = ", ".join(_quoted(word) for word in patterns["missing"])
    return f"case when {canonical} is null or {plain} in ({missing}) then '' else {plain} end"


def name_kind_sql(name: str) -> str:
    """Return SQL that does what `name_kind` does."""
    patterns = name_patterns()
    newborn = f"{patterns['newborn']}|{patterns['newborn_word']}"
    return (
        f"case when {name} = '' then 'missing' "
        f"when regexp_matches({name}, {_quoted(patterns['test'])}) then 'test' "
        f"when regexp_matches({name}, {_quoted(newborn)}) then 'newborn' "
        f"when regexp_matches({name}, {_quoted(patterns['anonymous'])}) then 'anonymous' else 'ordinary' end"
    )


def names_agree(left: str, right: str) -> str:
    """Return SQL that is true when two compared names are equal but for characters that were lost in one of them."""
    lost = _quoted(name_patterns()["lost"])
    return (
        f"({left} = {right} "
        f"or (regexp_matches({left}, {lost}) and {right} like regexp_replace({left}, {lost}, '_', 'g')) "
        f"or (regexp_matches({right}, {lost}) and {left} like regexp_replace({right}, {lost}, '_', 'g')))"
    )


def differ_in_one(left: str, right: str) -> str:
    """Return SQL that is true when one character was exchanged, added or left out; characters, not bytes."""
    longer = f"case when length({left}) > length({right}) then {left} else {right} end"
    shorter = f"case when length({left}) > length({right}) then {right} else {left} end"
    return (
        f"case when length({left}) = length({right}) then len(list_filter(range(1, length({left}) + 1), "
        f"lambda i: substr({left}, i, 1) <> substr({right}, i, 1))) = 1 "
        f"when abs(length({left}) - length({right})) = 1 then list_contains(list_transform("
        f"range(1, greatest(length({left}), length({right})) + 1), "
        f"lambda i: left({longer}, i - 1) || substr({longer}, i + 1)), {shorter}) else false end"
    )


def names_similar(left: str, right: str) -> str:
    """Return SQL that is true when two names agree but for one character, and not for the whole of a short name."""
    return (
        f"({names_agree(left, right)} or (length({left}) >= 2 and length({right}) >= 2 "
        f"and (left({left}, 1) = left({right}, 1) or right({left}, 1) = right({right}, 1)) "
        f"and {differ_in_one(left, right)}))"
    )


@functools.cache
def lost_characters() -> re.Pattern[str]:
    """Return the pattern of characters that stand for one that was lost."""
    return re.compile(name_patterns()["lost"])
