"""Identifiers and names in the form in which they are compared, the same in Python and SQL; clusters that contradict."""

from datetime import date

import duckdb
import pytest

from ingestion.identity.clusters import Facts, Link, contradicts, part
from ingestion.identity.identifiers import citizen_number, identifier_columns, norm_id, phone_number
from ingestion.identity.names import name_kind, name_kind_sql, name_norm, name_norm_sql, names_similar
from lakehouse.pseudonym import macro_statements

IDENTIFIERS = [
    # written, prefix, core, suffix, flags
    ("007812", "", "007812", "", ()),
    (" 0078\u00a012 ", "", "007812", "", ("id_whitespace",)),
    ("ZY007812", "ZY", "007812", "", ("id_prefix",)),
    ("zy-007812", "ZY", "007812", "", ("id_prefix",)),
    ("ＺＹ００１２", "ZY", "0012", "", ("id_prefix",)),
    ("O07812", "", "007812", "", ("id_o_zero",)),
    ("77l0", "", "7710", "", ("id_o_zero",)),
    ("MZ0O7812", "MZ", "007812", "", ("id_o_zero", "id_prefix")),
    ("007812-02", "", "007812", "02", ()),
    ("007812_1", "", "007812", "1", ()),
    ("007812A", "", "007812", "A", ()),
    ("56614||387", "", "56614||387", "", ()),
    ("1.10199E+17", "", "", "", ("id_scientific",)),
]
NAMES = [
    ("王 试 甲", "王试甲", "ordinary"),
    ("王试甲(女)", "王试甲", "ordinary"),
    ("买买提·吐尔逊", "买买提吐尔逊", "ordinary"),
    ("买买提•吐尔逊", "买买提吐尔逊", "ordinary"),
    ("王试甲之子", "王试甲之子", "newborn"),
    ("李四之次女B", "李四之次女B", "newborn"),
    ("王羲之", "王羲之", "ordinary"),
    ("无名氏", "无名氏", "anonymous"),
    ("测试03", "测试03", "test"),
    ("ＴＥＳＴ", "TEST", "test"),
    (" - ", "", "missing"),
]


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    for statement in macro_statements():
        connection.execute(statement)
    return connection


@pytest.mark.parametrize(("written", "prefix", "core", "suffix", "flags"), IDENTIFIERS, ids=[i[0] for i in IDENTIFIERS])
def test_identifier_falls_into_its_parts(
    connection: duckdb.DuckDBPyConnection, written: str, prefix: str, core: str, suffix: str, flags: tuple[str, ...]
) -> None:
    found = norm_id(written, "patient_id")
    assert (found.prefix, found.core, found.suffix, found.flags) == (prefix, core, suffix, flags)
    in_sql = connection.execute(
        f"select prefix, core, suffix, core_key from (select {identifier_columns('c')} "
        "from (select canonical_identifier($1) as c))",
        [written],
    ).fetchone()
    assert in_sql == (prefix, core, suffix, found.key)


def test_letters_stay_in_kinds_that_have_letters() -> None:
    found = norm_id("O07812", "empi_id")
    assert (found.prefix, found.core, found.flags) == ("O", "07812", ("id_prefix",))


@pytest.mark.parametrize(("written", "compared", "kind"), NAMES, ids=[name[0] for name in NAMES])
def test_name_is_compared_without_decoration(
    connection: duckdb.DuckDBPyConnection, written: str, compared: str, kind: str
) -> None:
    assert name_norm(written) == compared
    assert name_kind(compared) == kind
    in_sql = connection.execute(
        f"select n, {name_kind_sql('n')} from (select {name_norm_sql('canonical_identifier($1)')} as n)", [written]
    ).fetchone()
    assert in_sql == (compared, kind)


@pytest.mark.parametrize(
    ("left", "right", "similar"),
    [
        ("王静", "王婧", True),
        ("王小明", "王明", True),
        ("王?明", "王小明", True),
        ("王静", "李静", True),
        ("王静", "李婧", False),
        ("王梓涵", "王欣怡", False),
    ],
)
def test_names_are_similar_by_characters_not_bytes(
    connection: duckdb.DuckDBPyConnection, left: str, right: str, similar: bool
) -> None:
    from ingestion.identity.clusters import are_similar

    assert connection.execute(
        f"select {names_similar('l', 'r')} from (select $1 as l, $2 as r)", [left, right]
    ).fetchone() == (similar,)
    assert are_similar(left, right) is similar


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("11019919700101001X", "11019919700101001X"),
        ("110199700101001", "11019919700101001X"),
        ("1.10199E+17", None),
        ("无", None),
    ],
)
def test_citizen_number_of_15_digits_gets_its_century(
    connection: duckdb.DuckDBPyConnection, written: str, number: str | None
) -> None:
    from ingestion.migration.assessment.citizen_numbers import check_character

    expected = number and number[:17] + check_character(number)
    written = expected if expected and len(written) == 18 else written
    assert connection.execute(f"select {citizen_number('$1::varchar')}", [written]).fetchone() == (expected,)


@pytest.mark.parametrize(
    ("written", "number"),
    [("+86 199-0000-1234", "19900001234"), ("13800000000", None), ("010-66001234", "01066001234"), ("-", None)],
)
def test_filler_is_no_telephone(connection: duckdb.DuckDBPyConnection, written: str, number: str | None) -> None:
    assert connection.execute(f"select {phone_number('canonical_identifier($1)')}", [written]).fetchone() == (number,)


def person(name: str = "王小明", card: str | None = None, *, sex: str = "M", year: int = 1980) -> Facts:
    born = date(year, 1, 2)
    return Facts(card, sex, born, born, born, name, name_kind(name), name_kind(name) == "newborn")


def clusters(
    facts: list[Facts], links: list[tuple[int, int, str, float]], apart: set[tuple[int, int]] | None = None
) -> set:
    roots, _ = part(
        [Link(left=a, right=b, rule=rule, score=score) for a, b, rule, score in links],
        dict(enumerate(facts)), contradicts, apart or set(),
    )  # fmt: skip
    groups: dict[int, list[int]] = {}
    for place, root in roots.items():
        groups.setdefault(root, []).append(place)
    return {tuple(sorted(group)) for group in groups.values()}


CHAIN = [(0, 1, "citizen_id", 0.999), (1, 2, "name_birth_sex_phone", 0.98), (2, 3, "citizen_id", 0.999)]


def test_chain_with_two_cards_parts_at_its_weakest_link() -> None:
    chain = [person(card="A"), person(card="A"), person(card="B"), person(card="B")]
    assert clusters(chain, CHAIN) == {(0, 1), (2, 3)}
    assert clusters(chain, CHAIN[::-1]) == {(0, 1), (2, 3)}


def test_newborn_and_mother_stay_two_whatever_links_them() -> None:
    mother, child = person("李芳", sex="F", year=1990), person("李芳之子", year=2024)
    assert clusters([mother, child], [(0, 1, "empi", 1.0)]) == {(0,), (1,)}


def test_merge_of_the_source_is_followed_but_not_across_sex_and_birth() -> None:
    one, other = person(card="A"), person("赵新", card="B", year=1981)
    assert clusters([one, other], [(0, 1, "source_merge", 1.0)]) == {(0, 1)}
    woman = person("赵新", sex="F", year=1981)
    assert clusters([one, woman], [(0, 1, "source_merge", 1.0)]) == {(0,), (1,)}


def test_decision_stands_above_every_rule() -> None:
    two = [person(card="A"), person(card="A")]
    assert clusters(two, [(0, 1, "citizen_id", 0.999)], {(0, 1)}) == {(0,), (1,)}
    assert clusters([person(card="A"), person(card="B")], [(0, 1, "decision", 1.0)]) == {(0, 1)}
