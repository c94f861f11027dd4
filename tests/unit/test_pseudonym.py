"""Pseudonyms: Python and SQL agree, spellings of one number agree, keys and kinds do not."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.pseudonym import macro_statements, pseudonym, session_variables

KEY = bytes(range(32))
SQL = duckdb.connect()
for statement in macro_statements():
    SQL.execute(statement)
for name, pad in session_variables(KEY).items():
    SQL.execute(f"set variable {name} = $1", [pad])


def in_sql(kind: str, value: str) -> str:
    return SQL.execute("select pseudonym($1, $2)", [kind, value]).fetchone()[0]  # type: ignore[index]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40))
def test_python_and_sql_give_the_same_pseudonym(value: str) -> None:
    answer = in_sql("patient", value)
    assert answer is None or answer == pseudonym(KEY, "patient", value)


@pytest.mark.parametrize("value", ["ZY0012", "ＺＹ００１２", " zy 0012　", "'zy0012'", "ZY\u00a00012"])
def test_spellings_of_one_number_are_one(value: str) -> None:
    assert pseudonym(KEY, "patient", value) == pseudonym(KEY, "patient", "ZY0012")


def test_it_is_twenty_base32_characters_of_hmac_sha256() -> None:
    # worked out once with hmac, hashlib and base64 alone
    assert pseudonym(KEY, "patient", "ZY0012") == "2NXLAHQCQMT5U5UYDZGU"


def test_one_key_bit_and_the_kind_change_it() -> None:
    other = bytes([KEY[0] ^ 1]) + KEY[1:]
    assert (
        len({pseudonym(KEY, "patient", "1"), pseudonym(other, "patient", "1"), pseudonym(KEY, "encounter", "1")}) == 3
    )


@pytest.mark.parametrize("value", ["", "  ", "　"])
def test_nothing_has_no_pseudonym(value: str) -> None:
    assert in_sql("patient", value) is None
