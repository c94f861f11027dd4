"""The schema of the old research module: tables, indexes, views, triggers and routines in three dialects."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LegacyTable:
    """One table; a column is (name, type, Chinese comment)."""

    name: str
    comment: str
    columns: tuple[tuple[str, str, str], ...]
    key: str = ""
    references: tuple[tuple[str, str, str], ...] = ()
    """(column, table, column) of declared foreign keys."""
    indexes: tuple[str, ...] = ()

    def create(self, engine: str) -> str:
        """Return the CREATE TABLE statement of an engine."""
        parts = []
        for name, kind, comment in self.columns:
            column = f"{name} {_TYPES[engine][kind]}"
            parts.append(f"{column} comment '{comment}'" if engine == "mysql" else column)
        if self.key:
            parts.append(f"primary key ({self.key})")
        parts += [f"foreign key ({column}) references {table} ({other})" for column, table, other in self.references]
        tail = f" comment = '{self.comment}' default charset = utf8mb4" if engine == "mysql" else ""
        return f"create table {self.name} (\n  " + ",\n  ".join(parts) + f"\n){tail}"

    def index_statements(self) -> list[str]:
        """Return the CREATE INDEX statements."""
        return [f"create index ix_{self.name}_{column} on {self.name} ({column})" for column in self.indexes]

    def comments(self, engine: str) -> list[str]:
        """Return the comments that PostgreSQL keeps apart."""
        if engine != "postgresql":
            return []
        lines = [f"comment on table {self.name} is '{self.comment}';"]
        return lines + [f"comment on column {self.name}.{name} is '{text}';" for name, _, text in self.columns]


_TYPES = {
    "sqlite": {"int": "integer", "code": "varchar(64)", "text": "text", "date": "varchar(10)", "instant": "datetime", "number": "decimal(8,2)", "blob": "blob", "flag": "tinyint"},
    "mysql": {"int": "int", "code": "varchar(64)", "text": "text", "date": "varchar(10)", "instant": "datetime", "number": "decimal(8,2)", "blob": "blob", "flag": "tinyint"},
    "postgresql": {"int": "integer", "code": "varchar(64)", "text": "text", "date": "varchar(10)", "instant": "timestamp", "number": "numeric(8,2)", "blob": "bytea", "flag": "smallint"},
}  # fmt: skip

TABLES = (
    LegacyTable(
        name="code_list", comment="代码表", key="list_name, code",
        columns=(("list_name", "code", "代码表名"), ("code", "code", "代码"), ("label", "code", "名称")),
    ),
    LegacyTable(
        name="patient", comment="患者", key="id", indexes=("his_number",),
        columns=(
            ("id", "int", "序号"), ("his_number", "code", "病人ID"), ("name", "code", "姓名"), ("sex", "flag", "性别 1男 2女"),
            ("birth_date", "date", "出生日期"), ("citizen_number", "code", "身份证号"), ("phone", "code", "电话"),
        ),
    ),
    LegacyTable(
        name="visit", comment="就诊", key="id", indexes=("patient_id",),
        columns=(
            ("id", "int", "序号"), ("patient_id", "int", "患者序号(未建外键)"), ("visit_number", "code", "就诊流水号"),
            ("visited_at", "instant", "就诊时间"), ("department", "code", "科室"),
        ),
    ),
    LegacyTable(
        name="exam", comment="检查", key="id", references=(("patient_id", "patient", "id"),), indexes=("examined_at",),
        columns=(
            ("id", "int", "序号"), ("patient_id", "int", "患者序号"), ("exam_number", "code", "检查号"), ("examined_at", "instant", "检查时间"),
            ("findings", "text", "检查所见"), ("impression", "text", "诊断意见"), ("nodule_mm", "number", "结节径(mm)"),
        ),
    ),
    LegacyTable(
        name="image_file", comment="图像文件", key="id", references=(("exam_id", "exam", "id"),),
        columns=(("id", "int", "序号"), ("exam_id", "int", "检查序号"), ("path", "text", "文件路径"), ("thumbnail", "blob", "缩略图")),
    ),
    LegacyTable(name="form", comment="表单", key="id", columns=(("id", "int", "序号"), ("title", "code", "标题"), ("version", "int", "版本"))),
    LegacyTable(
        name="form_field", comment="表单字段", key="id", references=(("form_id", "form", "id"),),
        columns=(("id", "int", "序号"), ("form_id", "int", "表单序号"), ("label", "code", "字段名"), ("kind", "code", "类型")),
    ),
    LegacyTable(
        name="form_value", comment="表单值(EAV)", key="id", references=(("field_id", "form_field", "id"),), indexes=("visit_id",),
        columns=(("id", "int", "序号"), ("visit_id", "int", "就诊序号(未建外键)"), ("field_id", "int", "字段序号"), ("value", "text", "值")),
    ),
    LegacyTable(
        name="follow_up", comment="随访", key="id", references=(("patient_id", "patient", "id"),),
        columns=(("id", "int", "序号"), ("patient_id", "int", "患者序号"), ("due_date", "date", "随访日期"), ("outcome", "code", "结局")),
    ),
    LegacyTable(name="operator", comment="操作员", key="id", columns=(("id", "int", "序号"), ("role_name", "code", "角色"), ("is_admin", "flag", "管理员"))),
    LegacyTable(
        name="operation_log", comment="操作日志(无主键)",
        columns=(("who", "code", "操作人"), ("what", "code", "操作"), ("target", "code", "对象")),
    ),
)  # fmt: skip

VIEWS = (
    "create view v_exam as select exam.id, patient.his_number, exam.exam_number, exam.examined_at, exam.impression "
    "from exam join patient on exam.patient_id = patient.id",
    "create view v_smoking as select form_value.visit_id, code_list.label from form_value "
    "join code_list on code_list.list_name = 'smoking' and code_list.code = form_value.value where form_value.field_id = 1",
)

SQLITE_TRIGGERS = (
    "create trigger tr_exam_log after update on exam begin insert into operation_log values ('系统', 'update', 'exam'); end",
    "create trigger tr_visit_log after delete on visit begin insert into operation_log values ('系统', 'delete', 'visit'); end",
)

MYSQL_ROUTINES = [
    "create trigger tr_exam_log after update on exam for each row insert into operation_log values ('系统', 'update', 'exam');",
    "create trigger tr_visit_log after delete on visit for each row insert into operation_log values ('系统', 'delete', 'visit');",
    "create function f_size_class(mm decimal(8,2)) returns varchar(16) deterministic return case when mm < 6 then '微小' when mm < 8 then '小' else '大' end;",
    "create procedure p_visit_count(in wanted int) select count(*) as visits from visit where patient_id = wanted;",
]

POSTGRESQL_ROUTINES = [
    "create function f_log_change() returns trigger language plpgsql as $$ begin insert into operation_log values ('系统', lower(tg_op), tg_table_name); return null; end $$;",
    "create trigger tr_exam_log after update on exam for each row execute function f_log_change();",
    "create trigger tr_visit_log after delete on visit for each row execute function f_log_change();",
    "create function f_size_class(mm numeric) returns varchar language sql immutable as $$ select case when mm < 6 then '微小' when mm < 8 then '小' else '大' end $$;",
    "create procedure p_close_follow_up(wanted integer) language sql as $$ update follow_up set outcome = '完成' where patient_id = wanted $$;",
]
