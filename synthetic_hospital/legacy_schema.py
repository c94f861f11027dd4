"""The schema of the old research module in three dialects: tables, indexes, views, triggers and routines.

Half of the relations are declared, the others are only known to who reads the column comments; the log has no key.
"""

from dataclasses import dataclass

ENGINES = ("sqlite", "mysql", "postgresql")


@dataclass(frozen=True, kw_only=True, slots=True)
class LegacyTable:
    """One table; a column is (name, type of TYPES, Chinese comment)."""

    name: str
    comment: str
    columns: tuple[tuple[str, str, str], ...]
    key: tuple[str, ...] = ()
    references: tuple[tuple[str, str, str], ...] = ()
    """(column, table, column) of declared foreign keys."""
    indexes: tuple[str, ...] = ()


TYPES = {
    "sqlite": {
        "int": "integer", "code": "varchar(64)", "text": "text", "day": "varchar(10)", "instant": "datetime",
        "number": "decimal(8,2)", "blob": "blob", "flag": "tinyint",
    },
    "mysql": {
        "int": "int(11)", "code": "varchar(64)", "text": "text", "day": "varchar(10)", "instant": "datetime",
        "number": "decimal(8,2)", "blob": "mediumblob", "flag": "tinyint(4)",
    },
    "postgresql": {
        "int": "integer", "code": "varchar(64)", "text": "text", "day": "varchar(10)", "instant": "timestamp",
        "number": "numeric(8,2)", "blob": "bytea", "flag": "smallint",
    },
}  # fmt: skip
"""Engine, then our name of a type, to the engine's; a day is text, as old systems keep it, so sentinels fit."""

TABLES = (
    LegacyTable(
        name="code_list", comment="代码表", key=("list_name", "code"),
        columns=(("list_name", "code", "代码表名"), ("code", "code", "代码"), ("label", "code", "名称")),
    ),
    LegacyTable(
        name="operator", comment="操作员", key=("id",),
        columns=(
            ("id", "int", "序号"), ("login_name", "code", "登录名"), ("display_name", "code", "姓名"), ("is_admin", "flag", "是否管理员 1是 0否"),
        ),
    ),
    LegacyTable(
        name="patient", comment="患者", key=("id",), indexes=("his_number", "citizen_number"),
        columns=(
            ("id", "int", "序号"), ("his_number", "code", "HIS病人ID"), ("name", "code", "姓名"), ("sex", "flag", "性别 1男 2女"),
            ("birth_date", "day", "出生日期"), ("citizen_number", "code", "身份证号"), ("phone", "code", "联系电话"),
            ("address", "text", "住址"), ("contact_name", "code", "联系人"),
        ),
    ),
    LegacyTable(
        name="visit", comment="就诊", key=("id",), indexes=("patient_id",),
        columns=(
            ("id", "int", "序号"), ("patient_id", "int", "患者序号，对应patient.id，未建外键"), ("visit_number", "code", "就诊流水号"),
            ("visited_at", "instant", "就诊时间"), ("left_at", "instant", "离院时间，9999-12-31为在院"), ("stay_days", "int", "住院天数，触发器计算"),
            ("department", "code", "科室"),
        ),
    ),
    LegacyTable(
        name="exam", comment="影像检查", key=("id",), references=(("patient_id", "patient", "id"),), indexes=("examined_at",),
        columns=(
            ("id", "int", "序号"), ("patient_id", "int", "患者序号"), ("exam_number", "code", "检查号"), ("examined_at", "instant", "检查时间"),
            ("findings", "text", "检查所见"), ("impression", "text", "诊断意见"), ("nodule_mm", "number", "最大结节径(mm)"), ("lobe", "code", "肺叶，代码表lobe"),
        ),
    ),
    LegacyTable(
        name="image_file", comment="图像文件", key=("id",), references=(("exam_id", "exam", "id"),),
        columns=(("id", "int", "序号"), ("exam_id", "int", "检查序号"), ("path", "text", "文件路径"), ("thumbnail", "blob", "缩略图")),
    ),
    LegacyTable(
        name="case_note", comment="病历文书", key=("id",), indexes=("his_number",),
        columns=(
            ("id", "int", "序号"), ("his_number", "code", "HIS病人ID，对应patient.his_number，未建外键"), ("title", "code", "文书名称"), ("body", "text", "正文"),
        ),
    ),
    LegacyTable(
        name="form", comment="表单(按版本)", key=("id",),
        columns=(("id", "int", "序号"), ("title", "code", "表单名称"), ("version", "int", "版本号"), ("is_void", "flag", "作废标志 1作废")),
    ),
    LegacyTable(
        name="form_field", comment="表单字段", key=("id",), references=(("form_id", "form", "id"),),
        columns=(
            ("id", "int", "序号"), ("form_id", "int", "表单序号"), ("label", "code", "字段名称"), ("kind", "code", "字段类型"), ("list_name", "code", "代码表名"),
        ),
    ),
    LegacyTable(
        name="form_record", comment="表单填写记录", key=("id",), references=(("form_id", "form", "id"),), indexes=("visit_id",),
        columns=(
            ("id", "int", "序号"), ("form_id", "int", "表单序号"), ("visit_id", "int", "就诊序号，未建外键"), ("operator_id", "int", "录入人，未建外键"),
            ("filled_at", "instant", "录入时间"),
        ),
    ),
    LegacyTable(
        name="form_value", comment="表单值(EAV)", key=("id",), references=(("field_id", "form_field", "id"),), indexes=("record_id",),
        columns=(("id", "int", "序号"), ("record_id", "int", "填写记录序号，未建外键"), ("field_id", "int", "字段序号"), ("value", "text", "值")),
    ),
    LegacyTable(
        name="operation_log", comment="操作日志，无主键",
        columns=(("logged_at", "instant", "时间"), ("who", "code", "操作人"), ("what", "code", "操作"), ("target", "code", "对象")),
    ),
)  # fmt: skip

VIEWS = (
    "create view v_exam as select exam.id, patient.his_number, patient.name, exam.exam_number, exam.examined_at, exam.impression "
    "from exam join patient on exam.patient_id = patient.id",
    "create view v_smoking as select form_value.record_id, code_list.label from form_value join form_field on form_field.id = form_value.field_id "
    "left join code_list on code_list.list_name = form_field.list_name and code_list.code = form_value.value where form_field.label = '吸烟史'",
    "create view v_follow_up_wide as select record_id, max(case when field_id = 1 then value end) as smoking, "
    "max(case when field_id = 2 then value end) as fever_days, max(case when field_id = 3 then value end) as history "
    "from form_value group by record_id",
)

_SQLITE_ROUTINES = (
    "create trigger tr_exam_log after update on exam begin insert into operation_log values (datetime('now'), '系统', 'update', 'exam'); end",
    "create trigger tr_visit_log after delete on visit begin insert into operation_log values (datetime('now'), '系统', 'delete', 'visit'); end",
    "create trigger tr_visit_stay after update of left_at on visit begin update visit "
    "set stay_days = cast(julianday(date(new.left_at)) - julianday(date(new.visited_at)) as integer) where id = new.id; end",
)

_MYSQL_ROUTINES = (
    "create trigger tr_exam_log after update on exam for each row insert into operation_log values (now(), '系统', 'update', 'exam');",
    "create trigger tr_visit_log after delete on visit for each row insert into operation_log values (now(), '系统', 'delete', 'visit');",
    "create trigger tr_visit_stay before update on visit for each row set new.stay_days = datediff(new.left_at, new.visited_at);",
    "delimiter //",
    "create function f_nodule_class(mm decimal(8,2)) returns varchar(16) charset utf8mb4 deterministic\n"
    "begin\n  if mm is null then return null; end if;\n"
    "  return case when mm < 6 then '微小' when mm < 8 then '小' else '大' end;\nend //",
    "create procedure p_delete_patient(in wanted int)\ncomment '物理删除患者及其就诊'\n"
    "begin\n  delete from visit where patient_id = wanted;\n"
    "  delete image_file from image_file join exam on image_file.exam_id = exam.id where exam.patient_id = wanted;\n"
    "  delete from exam where patient_id = wanted;\n  delete from patient where id = wanted;\nend //",
    "delimiter ;",
)

_POSTGRESQL_ROUTINES = (
    "create function f_log_change() returns trigger language plpgsql as $$\n"
    "begin\n  insert into operation_log values (now(), '系统', lower(tg_op), tg_table_name);\n  return null;\nend $$;",
    "create function f_count_stay() returns trigger language plpgsql as $$\n"
    "begin\n  new.stay_days := new.left_at::date - new.visited_at::date;\n  return new;\nend $$;",
    "create trigger tr_exam_log after update on exam for each row execute function f_log_change();",
    "create trigger tr_visit_log after delete on visit for each row execute function f_log_change();",
    "create trigger tr_visit_stay before update on visit for each row execute function f_count_stay();",
    "create function f_nodule_class(mm numeric) returns varchar language sql immutable strict as $$\n"
    "  select case when mm < 6 then '微小' when mm < 8 then '小' else '大' end\n$$;",
    "create procedure p_delete_patient(wanted integer) language plpgsql as $$\n"
    "begin\n  delete from visit where patient_id = wanted;\n"
    "  delete from image_file using exam where image_file.exam_id = exam.id and exam.patient_id = wanted;\n"
    "  delete from exam where patient_id = wanted;\n  delete from patient where id = wanted;\nend $$;",
    "comment on procedure p_delete_patient(integer) is '物理删除患者及其就诊';",
)

ROUTINES = {"sqlite": _SQLITE_ROUTINES, "mysql": _MYSQL_ROUTINES, "postgresql": _POSTGRESQL_ROUTINES}
"""Engine to its triggers, functions and procedures; SQLite has triggers only."""


def create_statement(table: LegacyTable, engine: str) -> str:
    """Return the CREATE TABLE statement of an engine, without a semicolon; SQLite keeps comments as comments."""
    parts = []
    for name, kind, comment in table.columns:
        note = {"mysql": f" comment '{comment}'", "sqlite": f" /* {comment} */"}.get(engine, "")
        not_null = " not null" if name in table.key else ""
        parts.append(f"{_quote(name, engine)} {TYPES[engine][kind]}{not_null}{note}")
    if table.key:
        parts.append(f"primary key ({', '.join(_quote(name, engine) for name in table.key)})")
    for column, other, referenced in table.references:
        names = [_quote(name, engine) for name in (f"fk_{table.name}_{column}", column, other, referenced)]
        parts.append(f"constraint {names[0]} foreign key ({names[1]}) references {names[2]} ({names[3]})")
    head = f" /* {table.comment} */" if engine == "sqlite" else ""
    tail = f" engine=InnoDB default charset=utf8mb4 comment='{table.comment}'" if engine == "mysql" else ""
    return f"create table {_quote(table.name, engine)}{head} (\n  " + ",\n  ".join(parts) + f"\n){tail}"


def index_statements(table: LegacyTable, engine: str) -> list[str]:
    """Return the CREATE INDEX statements of a table, without semicolons."""
    return [
        f"create index ix_{table.name}_{column} on {_quote(table.name, engine)} ({_quote(column, engine)})"
        for column in table.indexes
    ]


def comment_statements(table: LegacyTable, engine: str) -> list[str]:
    """Return the comments that PostgreSQL keeps apart from the table, without semicolons."""
    if engine != "postgresql":
        return []
    lines = [f"comment on table {table.name} is '{table.comment}'"]
    return lines + [f"comment on column {table.name}.{name} is '{text}'" for name, _, text in table.columns]


def _quote(name: str, engine: str) -> str:
    return f"`{name}`" if engine == "mysql" else name
