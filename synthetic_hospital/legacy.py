"""Writes the old research module's database: SQLite, and the same content as MySQL and PostgreSQL scripts.

What such modules are like (sources.md 4.13): user-made forms in an EAV table, images by path, relations that nobody
declared, sentinel dates, full-width digits, trailing blanks, orphans, and a log without any key that repeats itself.
The dirt goes by the last digit of a patient's place, so ten patients have all of it.
"""

import io
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from PIL import Image

from synthetic_hospital.legacy_schema import (
    ROUTINES,
    TABLES,
    VIEWS,
    comment_statements,
    create_statement,
    index_statements,
)
from synthetic_hospital.model import Patient

Row = tuple[object, ...]
Rows = dict[str, list[Row]]

_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
_OLD_ENCODING_LIMIT = 4000
_STILL_IN_HOSPITAL = "9999-12-31 00:00:00"
_NO_SUCH_ID = 900_000
_CHUNK = 200
_CODE_LISTS = (
    ("smoking", "0", "从不吸烟"), ("smoking", "1", "已戒烟"), ("smoking", "2", "现吸烟"),
    ("lobe", "1", "右肺上叶"), ("lobe", "2", "右肺中叶"), ("lobe", "3", "右肺下叶"), ("lobe", "4", "左肺上叶"), ("lobe", "5", "左肺下叶"),
)  # fmt: skip
_FORMS = ((1, "肺部感染随访表", 1, 0), (2, "肺部感染随访表", 2, 0), (3, "肺结节登记表", 1, 1))
_FIELDS = (
    (1, 1, "吸烟史", "code", "smoking"), (2, 1, "发热天数", "number", ""), (3, 1, "既往史", "text", ""),
    (4, 2, "吸烟史", "code", "smoking"), (5, 2, "发热天数", "number", ""), (6, 2, "随访日期", "date", ""), (7, 3, "结节大小", "text", None),
)  # fmt: skip


def write_legacy_database(folder: Path, patients: Iterable[Patient], limit: int = 500) -> dict[str, int]:
    """Write the database of the first `limit` patients in its three forms and return the rows of each table."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = _make_rows(list(islice(patients, limit)))
    _write_sqlite(folder / "research.sqlite", rows)
    for engine in ("mysql", "postgresql"):
        _write_script(folder / f"research.{engine}.sql", rows, engine)
    return {name: len(content) for name, content in rows.items()}


def _make_rows(patients: Sequence[Patient]) -> Rows:
    rows: Rows = {table.name: [] for table in TABLES}
    rows["code_list"] = list(_CODE_LISTS)
    rows["form"] = list(_FORMS)
    rows["form_field"] = list(_FIELDS)
    staff = sorted({exam.reporter for patient in patients for exam in patient.exams})
    rows["operator"] = [(1, "admin", "系统管理员", 1)]
    rows["operator"] += [(number, f"user{number:03d}", name, 0) for number, name in enumerate(staff, start=2)]
    for number, patient in enumerate(patients, start=1):
        rows["patient"].append(_patient_row(number, patient))
        _add_visits(rows, number, patient)
        _add_exams(rows, number, patient)
        _add_note(rows, number, patient)
    return rows


def _patient_row(number: int, patient: Patient) -> Row:
    person, digit = patient.person, number % 10
    sentinel = {3: "1900-01-01", 4: "0000-00-00"}.get(digit)
    return (
        number,
        person.patient_id,
        person.name + ("  " if digit == 2 else ""),
        {"M": 1, "F": 2}.get(person.sex, 9),
        sentinel or f"{person.birth_date:%Y-%m-%d}",
        person.citizen_id or None,
        person.phone.translate(_WIDE) if digit == 1 else person.phone,
        person.address,
        "" if digit == 0 else person.contact_name,
    )


def _add_visits(rows: Rows, number: int, patient: Patient) -> None:
    digit = number % 10
    for encounter in patient.encounters:
        visit = len(rows["visit"]) + 1
        left, days = encounter.discharged_at, None
        left_text = _instant(left) if left else None
        if digit == 6 or (encounter.kind == "住院" and left is None):
            # nobody closed the visit
            left_text = _STILL_IN_HOSPITAL
        elif encounter.kind == "住院" and left is not None:
            days = (left.date() - encounter.admitted_at.date()).days
        owner = _NO_SUCH_ID + number if digit == 5 else number
        rows["visit"].append(
            (visit, owner, encounter.visit_id, _instant(encounter.admitted_at), left_text, days, encounter.department)
        )
        _add_record(rows, number, visit, encounter.admitted_at)
        # whoever pressed the button twice is logged twice, in the same second
        entry = (_instant(encounter.admitted_at), f"user{digit + 2:03d}", "insert", f"visit {visit}")
        rows["operation_log"] += [entry] * (2 if number % 2 else 1)


def _add_record(rows: Rows, number: int, visit: int, at: datetime) -> None:
    """Fill in a form for a visit: an even patient's in the second version, which asks for other things."""
    digit, form = number % 10, 1 + (number + 1) % 2
    record = len(rows["form_record"]) + 1
    clerk = _NO_SUCH_ID if digit == 7 else number % max(1, len(rows["operator"])) + 1
    rows["form_record"].append((record, form, visit, clerk, _instant(at + timedelta(days=30))))
    # code 9 stands in no list
    smoking = "9" if digit == 8 else str(number % 3)
    if form == 1:
        answers = [(1, smoking), (2, f"{digit}天"), (3, "否认高血压、糖尿病病史。\n否认药物过敏史。  ")]
    else:
        due = "2999-12-31" if digit == 6 else f"{at + timedelta(days=30):%Y.%m.%d}"
        answers = [(4, smoking), (5, f"{digit}"), (6, due)]
    if number % 5 == 3:
        answers.append((7, f"{4 + digit / 10}×{3 + digit / 10}mm"))
    for field, value in answers:
        wide = value.translate(_WIDE) if digit in (1, 8) and field in (2, 5) else value
        rows["form_value"].append((len(rows["form_value"]) + 1, record, field, wide))


def _add_exams(rows: Rows, number: int, patient: Patient) -> None:
    # one row an examination: an amendment overwrites, as old modules do
    latest = {exam.exam_id: exam for exam in sorted(patient.exams, key=lambda exam: exam.version)}
    for exam in latest.values():
        row = len(rows["exam"]) + 1
        size = round(3 + number % 20 + 0.1 * (row % 10), 1) if row % 2 else None
        lobe = None if size is None else ("9" if number % 10 == 9 else str(row % 5 + 1))
        rows["exam"].append(
            (row, number, exam.exam_id, _instant(exam.examined_at), exam.findings, exam.impression, size, lobe)
        )
        path = f"D:\\PACS\\{exam.examined_at:%Y%m}\\{patient.person.name}_{exam.exam_id}.jpg"
        rows["image_file"].append((len(rows["image_file"]) + 1, row, path, _thumbnail(row)))


def _add_note(rows: Rows, number: int, patient: Patient) -> None:
    """Add a long case note; that of one patient in ten belongs to a number that was deleted."""
    person = patient.person
    owner = f"{person.patient_id}X" if number % 10 == 0 else person.patient_id
    start = patient.encounters[0].admitted_at if patient.encounters else person.registered_at
    body = "\n".join(_note_lines(patient, start))
    rows["case_note"].append((len(rows["case_note"]) + 1, owner, "入院记录及病程", body))


def _note_lines(patient: Patient, start: datetime) -> Iterator[str]:
    person = patient.person
    yield f"姓名：{person.name}  住址：{person.address}  联系人：{person.contact_name}（{person.phone}）"
    yield "主诉：咳嗽、咳痰伴发热。\t现病史：患者自诉\"受凉\"后起病，体温'最高'不详，路径C:\\病历\\备份。"
    length = 0
    for day in range(1, 60):
        line = f"{start + timedelta(days=day):%Y年%m月%d日} 病程第{day}天：患者神志清楚，精神可，咳嗽较前减轻，双肺呼吸音粗，可闻及少许湿啰音，继续目前治疗，注意观察体温变化。"
        length += len(line.encode("gbk"))
        yield line
        if length > _OLD_ENCODING_LIMIT:
            return


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _thumbnail(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), number % 256).save(buffer, "PNG")
    return buffer.getvalue()


def _write_sqlite(path: Path, rows: Rows) -> None:
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    try:
        with database:
            for table in TABLES:
                database.execute(create_statement(table, "sqlite"))
                for statement in index_statements(table, "sqlite"):
                    database.execute(statement)
                marks = ", ".join("?" * len(table.columns))
                database.executemany(f"insert into {table.name} values ({marks})", rows[table.name])
            for statement in (*VIEWS, *ROUTINES["sqlite"]):
                database.execute(statement)
    finally:
        database.close()


def _write_script(path: Path, rows: Rows, engine: str) -> None:
    is_mysql = engine == "mysql"
    lines = ["set names utf8mb4;" if is_mysql else "set client_encoding = 'UTF8';"]
    for table in TABLES:
        statements = [create_statement(table, engine), *index_statements(table, engine)]
        lines += [f"{statement};" for statement in (*statements, *comment_statements(table, engine))]
        target = f"`{table.name}`" if is_mysql else table.name
        for start in range(0, len(rows[table.name]), _CHUNK):
            chunk = rows[table.name][start : start + _CHUNK]
            values = ",\n".join("(" + ", ".join(_literal(value, engine) for value in row) + ")" for row in chunk)
            lines.append(f"insert into {target} values\n{values};")
    lines += [f"{statement};" for statement in VIEWS]
    lines += ROUTINES[engine]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _literal(value: object, engine: str) -> str:
    """Return a value as a literal of an engine; only MySQL takes a backslash in a text for an escape."""
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'" if engine == "mysql" else f"'\\x{value.hex()}'"
    if isinstance(value, int | float):
        return str(value)
    text = str(value).replace("'", "''")
    return "'" + (text.replace("\\", "\\\\") if engine == "mysql" else text) + "'"
