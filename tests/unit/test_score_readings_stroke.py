"""The scores of stroke agree with an independent reading of the specification, on thousands of cases."""

from pathlib import Path

import pytest

from tests.builders.score_cases_stroke import READINGS
from tests.builders.three_valued import differences


@pytest.mark.parametrize("code", sorted(READINGS))
def test_the_sql_agrees_with_the_reading(code: str, tmp_path: Path) -> None:
    assert differences(code, READINGS[code], tmp_path) == []
