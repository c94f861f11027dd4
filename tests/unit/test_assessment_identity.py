"""Whose values a report may show: judged by name, comment and values, and when in doubt not."""

import pytest

from ingestion.migration.assessment.identity import Looks, is_birth, withhold_range, withhold_values


def withheld(name: str, comment: str = "", table: str = "exam", *, distinct: int = 3, **more: object) -> str | None:
    options: dict[str, object] = {"table_comment": "", "filled": 1000, "is_key": False, "looks": Looks()} | more
    return withhold_values(table=table, name=name, comment=comment, distinct=distinct, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "comment"),
    [
        ("xm", ""), ("patientName", ""), ("f1", "患者姓名"), ("phone", ""), ("lxdh", ""), ("c", "联系电话"), ("sfzh", ""),
        ("ID_CARD", ""), ("address", ""), ("HomeAddr", ""), ("birthday", ""), ("csrq", ""), ("z", "出生日期"), ("accession_no", ""),
        ("zyh", ""), ("image_path", ""), ("password", ""), ("email", ""),
    ],
)  # fmt: skip
def test_column_that_is_called_like_an_identity_is_withheld(name: str, comment: str) -> None:
    assert withheld(name, comment) is not None


@pytest.mark.parametrize(
    "name", ["modality", "status", "lobe", "department", "dept_name", "kind", "性别", "unit", "noon"]
)
def test_column_of_codes_is_shown(name: str) -> None:
    assert withheld(name) is None


@pytest.mark.parametrize("looks", [Looks(names=0.5), Looks(contacts=0.2)], ids=["names", "contacts"])
def test_column_whose_values_look_like_an_identity_is_withheld(looks: Looks) -> None:
    assert withheld("c7", looks=looks) is not None


def test_names_in_a_table_of_persons_are_withheld() -> None:
    assert withheld("name", table="sms_staff") == "name of a person"
    assert withheld("name", table="t1", table_comment="病人信息") == "name of a person"
    assert withheld("name", table="drug") is None


def test_keys_and_columns_of_many_values_are_withheld() -> None:
    assert withheld("kind", is_key=True) == "key or relation"
    assert withheld("kind", distinct=600) == "values differ"
    assert withheld("remark", looks=Looks(longest=300), distinct=90) == "free text"


@pytest.mark.parametrize(
    ("name", "greatest", "is_withheld"),
    [("amount", 99_999.0, False), ("amount", 10_000_000.0, True), ("card_no", 12_345.0, True), ("card_no", 9.0, False), ("size", None, False)],
)  # fmt: skip
def test_range_of_long_numbers_is_withheld(name: str, greatest: float | None, is_withheld: bool) -> None:
    assert (withhold_range(name=name, comment="", greatest=greatest) is not None) == is_withheld


def test_births_are_told_by_name_and_comment() -> None:
    assert is_birth("BirthDate", "") and is_birth("x", "患者出生日期") and is_birth("csrq", "")
    assert not is_birth("visited_at", "就诊时间")
