"""Writes the old research module's database: SQLite, and the same content as MySQL and PostgreSQL scripts.

What such modules are like (sources.md 4.13): user-made forms in an EAV table, images by path, relations that nobody
declared, sentinel dates, full-width digits, trailing blanks, orphans, and a log without any key.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from synthetic_hospital.legacy_schema import (
    MYSQL_ROUTINES,
    POSTGRESQL_ROUTINES,
    SQLITE_TRIGGERS,
    TABLES,
    VIEWS,
)
from synthetic_hospital.model import Patient

Row = tuple[object, ...]


def write_legacy_database(folder: Path, patients: Iterable[Patient], limit: int = 500) -> dict[str, int]:
    """Write the three forms of the database and return the rows of each table."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = _rows(list(patients)[:limit])
    _write_sqlite(folder / "research.sqlite", rows)
    _write_script(folder / "research.mysql.sql", rows, "mysql")
    _write_script(folder / "research.postgresql.sql", rows, "postgresql")
    return {name: len(content) for name, content in rows.items()}


def _rows(patients: Sequence[Patient]) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {table.name: [] for table in TABLES}
    rows["code_list"] = [
        ("smoking", "0", "从不吸烟"), ("smoking", "1", "已戒烟"), ("smoking", "2", "现吸烟"),
        ("lobe", "1", "右肺上叶"), ("lobe", "2", "右肺中叶"), ("lobe", "3", "右肺下叶"), ("lobe", "4", "左肺上叶"), ("lobe", "5", "左肺下叶"),
    ]  # fmt: skip
    rows["form"] = [(1, "肺部感染随访表", 1), (2, "肺部感染随访表", 2), (3, "肺结节登记表", 1)]
    fields = (
        (1, 1, "吸烟史", "code"),
        (2, 1, "发热天数", "number"),
        (3, 1, "既往史", "text"),
        (4, 3, "结节大小", "text"),
    )
    rows["form_field"] = [*fields]
    value_id = 0
    for number, patient in enumerate(patients, start=1):
        person = patient.person
        birth = "1900-01-01" if number % 11 == 0 else f"{person.birth_date:%Y-%m-%d}"
        rows["patient"].append(
            (
                number,
                person.patient_id,
                person.name + ("  " if number % 7 == 0 else ""),
                {"M": 1, "F": 2}[person.sex],
                birth,
                person.citizen_id,
                person.phone.translate(_WIDE) if number % 9 == 0 else person.phone,
            )  # fmt: skip
        )
        for encounter in patient.encounters:
            at = f"{encounter.admitted_at:%Y-%m-%d %H:%M:%S}"
            visit = len(rows["visit"]) + 1
            rows["visit"].append(
                (visit, number if number % 23 else 900_000 + number, encounter.visit_id, at, encounter.department)
            )
            for field, value in ((1, str(number % 3)), (2, f"{number % 9}"), (3, "否认高血压、糖尿病病史。")):
                value_id += 1
                rows["form_value"].append(
                    (value_id, visit, field, value.translate(_WIDE) if number % 13 == 0 else value)
                )
        for exam in patient.exams:
            rows["exam"].append(
                (
                    len(rows["exam"]) + 1,
                    number,
                    exam.exam_id,
                    f"{exam.examined_at:%Y-%m-%d %H:%M:%S}",
                    exam.findings,
                    exam.impression,
                    None if number % 4 else 5.0 + number / 10,
                )  # fmt: skip
            )
            rows["image_file"].append(
                (
                    len(rows["image_file"]) + 1,
                    len(rows["exam"]),
                    f"images/{exam.exam_id}.jpg",
                    bytes((number + step) % 256 for step in range(24)),
                )
            )
        followed = patient.encounters[0].admitted_at + timedelta(days=30)
        rows["follow_up"].append(
            (number, number, f"{followed:%Y-%m-%d}" if number % 5 else "9999-12-31", "存活" if number % 17 else "失访")
        )
        rows["operation_log"] += [("李", "update", f"form {number % 3 + 1}")] * (2 if number % 6 == 0 else 1)
    rows["operator"] = [(1, "管理员", 1), (2, "录入员", 0)]
    return rows


_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


def _write_sqlite(path: Path, rows: dict[str, list[Row]]) -> None:
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        for table in TABLES:
            database.execute(table.create("sqlite"))
            for statement in table.index_statements():
                database.execute(statement)
            marks = ", ".join("?" * len(table.columns))
            database.executemany(f"insert into {table.name} values ({marks})", rows[table.name])
        for statement in (*VIEWS, *SQLITE_TRIGGERS):
            database.execute(statement)
    database.close()


def _write_script(path: Path, rows: dict[str, list[Row]], engine: str) -> None:
    lines = ["set names utf8mb4;" if engine == "mysql" else "set client_encoding = 'UTF8';"]
    for table in TABLES:
        lines.append(table.create(engine) + ";")
        lines += [f"{statement};" for statement in table.index_statements()]
        lines += table.comments(engine)
        for start in range(0, len(rows[table.name]), 200):
            chunk = rows[table.name][start : start + 200]
            values = ",\n".join("(" + ", ".join(_literal(value, engine) for value in row) + ")" for row in chunk)
            lines.append(f"insert into {table.name} values\n{values};")
    lines += [f"{statement};" for statement in VIEWS]
    lines += MYSQL_ROUTINES if engine == "mysql" else POSTGRESQL_ROUTINES
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _literal(value: object, engine: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'" if engine == "mysql" else f"'\\x{value.hex()}'"
    if isinstance(value, int | float):
        return str(value)
    text = str(value).replace("'", "''")
    return "'" + (text.replace("\\", "\\\\") if engine == "mysql" else text) + "'"
