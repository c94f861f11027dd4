"""Names of files as they may be shown: whatever may name a person is masked."""

import pytest

from ingestion.naming import shown_name


@pytest.mark.parametrize(
    ("name", "pattern", "shown"),
    [
        ("超声登记.xlsx", "*.xlsx", "超声登记.xlsx"),
        ("检验结果明细_20240601083000.csv", "*", "检验结果明细_20240601083000.csv"),
        ("患者信息表2024年6月.csv", "*.csv", "患者信息表2024年6月.csv"),
        ("张伟_检验.csv", "*.csv", "***.csv"),
        ("检验张伟.csv", "检验*.csv", "检验***.csv"),
        ("LIS_110199196403120012.csv", "LIS_*.csv", "LIS_***.csv"),
        ("13900000001.txt", "*.txt", "***.txt"),
        ("LIS_202413010830.txt", "*.txt", "***.txt"),
    ],
)
def test_what_may_name_somebody_is_masked(name: str, pattern: str, shown: str) -> None:
    assert shown_name(name, pattern) == shown
