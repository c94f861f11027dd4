"""Builders of delivered files: readable rows in, bytes as a hospital writes them out."""

from collections.abc import Sequence
from pathlib import Path

PATIENT_HEADER = "BRID|XM|XB|CSRQ|SFZH|LXDH|JTDZ|MZDM|LXRM|JDSJ|HBBRID|ZFBZ"


def patient_line(patient_id: str, name: str = "王犇骉", *, phone: str = "19900000001", sex: str = "1") -> str:
    """Return one line of the HIS patient view."""
    return f"{patient_id}|{name}|{sex}|19700101|110199197001010019|{phone}|标记路1号|01|李鑫淼|2024-01-02 08:00:00||0"


def write_patients(folder: Path, lines: Sequence[str], *, name: str = "V_BRXX.txt", encoding: str = "gb18030") -> Path:
    """Write the HIS patient view."""
    path = folder / "his" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join([PATIENT_HEADER, *lines]) + "\n").encode(encoding))
    return path
