"""Chinese words for what an assessment counts and judges."""

COUNTS_ZH = {
    "tables": "表",
    "columns": "列",
    "primary_keys": "主键",
    "foreign_keys": "外键",
    "indexes": "索引",
    "views": "视图",
    "triggers": "触发器",
    "functions": "函数",
    "procedures": "存储过程",
    "sequences": "序列",
    "events": "事件",
    "types": "自定义类型",
    "rows": "行",
    "size_bytes": "数据字节（不含索引）",
}
KINDS_ZH = {
    "table": "表",
    "view": "视图",
    "trigger": "触发器",
    "function": "函数",
    "procedure": "存储过程",
    "aggregate": "聚合函数",
    "package": "程序包",
    "event": "事件",
    "sequence": "序列",
    "type": "自定义类型",
    "cleaning_rule": "清洗规则",
}
DISPOSITIONS_ZH = {"dbt_model": "dbt 模型", "dbt_test": "dbt 测试", "job": "作业", "retired": "停用"}
EVIDENCE_ZH = {
    "comment": "注释写明",
    "name": "列名与表名一致",
    "shared_key": "与他表主键或唯一键同名",
    "comment_name": "注释与表名一致",
    "parent": "上级列",
    "role": "列名含表名",
    "shared_name": "与他表唯一列同名",
}
CONFIDENCE_ZH = {"high": "高", "medium": "中", "low": "低"}
LETTERS_ZH = {
    "A": "可自动迁移，无须改写代码",
    "B": "须改写代码，工作量在小组常规范围内",
    "C": "须改写代码，工作量较大",
}
LEVELS_ZH = {
    1: "无程序代码",
    2: "仅有触发器，不须改写",
    3: "有函数或存储过程，不须改写",
    4: "触发器或视图须改写",
    5: "函数、存储过程或事件须改写",
}
