"""Cut-over and fallback of a migration: steps with commands that can be pasted, roles, and the law they rest on."""

import re
from collections.abc import Iterator

from ingestion.migration.plan import Plan
from serving.reports.document import Block, Heading, Paragraph, TableBlock
from serving.reports.migration_facts import NOT_RUN, MigrationFacts, duration

_FREEZE = {
    "postgresql": (
        'psql -d {database} -c "alter database \\"{database}\\" set default_transaction_read_only = on" '
        '-c "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() '
        'and pid <> pg_backend_pid()"',
        'psql -d postgres -c "alter database \\"{database}\\" reset default_transaction_read_only"',
    ),
    "mysql": (
        'mysql -e "set global read_only = on"   # 有 SUPER 权限的帐号不受限 accounts with SUPER still write',
        'mysql -e "set global read_only = off"',
    ),
    "sqlite": ("chmod a-w {database}", "chmod u+w {database}"),
    "mssql": (
        'sqlcmd -Q "alter database [{database}] set read_only with rollback immediate"   # 本处未运行 not run here',
        'sqlcmd -Q "alter database [{database}] set read_write"   # 本处未运行 not run here',
    ),
    "oracle": (
        "alter user 应用帐号 account lock;   -- 本处未运行 not run here",
        "alter user 应用帐号 account unlock;   -- 本处未运行 not run here",
    ),
    "dump": (
        "# 在源系统停写后再导出 stop writing in the source system, then make the dump anew",
        "# 在源系统恢复写入 let the source system write again",
    ),
}
"""Engine to the commands that stop writing in the source and allow it again; the DBA runs them, radlake never does."""

_ROLES = (
    ("项目负责人 project lead", "决定割接与回退；签署验收", "decides on cut-over and fallback, signs"),
    ("数据库管理员 DBA of the source", "只读帐号；停写与恢复写入", "read-only account, freeze and unfreeze"),
    ("数据管理员 data administrator", "执行 radlake；保管密钥", "runs radlake, keeps the keys"),
    ("信息中心安全员 security officer", "核对数据未出院、帐号已收回", "data stayed inside, accounts were withdrawn"),
    ("影像科研代表 research radiology", "逐项决定问题日志；抽查病例", "decides the problems, looks at cases"),
)
_LAWS = (
    (
        "数据不出院 Data stay inside the hospital",
        "全部命令离线运行；数据只写入院内的加密湖。",
        "《网络安全法》《数据安全法》《医疗卫生机构网络安全管理办法》（国卫规划发〔2022〕29号）",
    ),
    (
        "源库只读 The source is opened read-only",
        "一个只读事务、一个一致快照；不建对象、不改一行。",
        "《数据安全法》第二十七条：全流程数据安全管理",
    ),
    (
        "最小必要、去标识 Minimal and de-identified",
        "原始值只在密钥保护的 raw 区；进入 staging 时标识符成为假名。",
        "《个人信息保护法》第二十八条（敏感个人信息）、第五十一条（加密、去标识化）",
    ),
    (
        "可追溯 Traceable",
        "每次实施、验证、决定都有编号、时间、人员；报告不含任何行值。",
        "GB/T 22239-2019 安全审计",
    ),
)


def cutover_blocks(facts: MigrationFacts, number: int) -> Iterator[Block]:
    """Yield the chapters on cut-over, fallback, roles and law, numbered from `number` on."""
    plan = facts.plan
    freeze, thaw = (command.format(database=_database(plan)) for command in _FREEZE[plan.engine])
    estimate = sum(table.estimated_seconds for table in plan.tables)
    run, validation = facts.last_run, facts.last_validation
    move = duration(run["seconds"]) if run else f"估计 estimate {duration(estimate)}"
    compare = duration(validation["seconds"]) if validation else NOT_RUN
    yield Heading(text=f"{number} 割接 Cut-over")
    yield Paragraph(
        text=f"停写窗口约为 freeze ≈ 实施 run {move} + 验证 validation {compare}（{_origins(facts)}）。"
        "演练至少一次；任何一步不达标即回退。Rehearse at least once; a step that fails means fallback."
    )
    yield Paragraph(text=_environment(facts), style="code")
    steps = (
        ("T-7 天 d", "演练 rehearsal", "数据管理员", "radlake migrate run \"$SOURCE\" && radlake migrate validate "
         '"$SOURCE"', "全部表一致 every table equal"),
        ("T-1 天 d", "增量 increment", "数据管理员", 'radlake migrate run "$SOURCE"', "用时可接受 time acceptable"),
        ("T-1 天 d", "备份湖 copy of the home", "数据管理员",
         'cp -a "$RADLAKE_HOME" "$RADLAKE_HOME.before-cutover"', "副本在加密卷上 copy on an encrypted volume"),
        ("T", "停写 freeze", "DBA", freeze, "应用不能写入 the application cannot write"),
        ("T", "最后增量 last increment", "数据管理员", 'radlake migrate run "$SOURCE"', "源 = 装载 + 拒绝 + 未变"),
        ("T", "全量验证 validation", "数据管理员", 'radlake migrate validate "$SOURCE" --depth full',
         "退出码 exit code 0"),
        ("T", "验收 acceptance", "项目负责人", 'radlake report migration "$SOURCE"',
         "退出码 exit code 0：无未决问题 no open problem"),
        ("T", "切换 switch", "数据管理员", "radlake build && radlake gate", "闸门开放 gate open"),
        ("T+30 天 d", "旧库保持只读，之后归档 keep the source read-only, then archive", "DBA", "",
         "期内无回退 no fallback needed"),
    )  # fmt: skip
    yield TableBlock(
        header=["时点 when", "步骤 step", "谁 who", "命令 command", "达标 passes when"],
        rows=steps,
        widths=[0.8, 1.6, 1, 4, 2],
    )
    yield Heading(text=f"{number + 1} 回退 Fallback")
    yield Paragraph(
        text="源库从未被改动，回退 = 恢复写入，用户继续用旧系统。The source was never changed: fallback is to let it "
        "write again. 用时与数据量无关 it takes the same time however large the data are."
    )
    yield TableBlock(
        header=["步骤 step", "谁 who", "命令 command"],
        rows=[
            ("1 恢复写入 unfreeze", "DBA", thaw),
            ("2 通知用户继续用旧系统 users go on with the old system", "项目负责人", ""),
            (
                "3 湖退回割接前 the home goes back",
                "数据管理员",
                'mv "$RADLAKE_HOME" "$RADLAKE_HOME.failed" && mv "$RADLAKE_HOME.before-cutover" "$RADLAKE_HOME"',
            ),
            (
                "4 记录原因 write down why",
                "数据管理员",
                'radlake migrate problems "$SOURCE"; radlake migrate decide "$SOURCE" 问题号 --decision "…" --by "…"',
            ),
            ("5 修正后从演练重新开始 mend, then rehearse again", "数据管理员", 'radlake migrate plan "$SOURCE"'),
        ],
        widths=[2, 1, 4],
    )
    yield Heading(text=f"{number + 2} 角色 Roles")
    yield TableBlock(
        header=["角色 role", "姓名 name", "职责 duty", ""],
        rows=[(role, "＿＿＿＿", duty, english) for role, duty, english in _ROLES],
        widths=[2, 1, 3, 3],
    )
    yield Heading(text=f"{number + 3} 法规与边界 Law and limits")
    yield TableBlock(header=["原则 principle", "做法 how", "依据 basis"], rows=_LAWS, widths=[2, 3, 4])


def _origins(facts: MigrationFacts) -> str:
    parts = [facts.plan_origin]
    if facts.last_run:
        parts = [f"run {facts.last_run['run_id']}，{facts.query('runs')}"]
    if facts.last_validation:
        parts.append(f"validation {facts.last_validation['validation_id']}，{facts.query('validations')}")
    return "来源 origin: " + "；".join(parts)


def _database(plan: Plan) -> str:
    """Return the name of the database, or of its file."""
    return re.split(r"[/:]", plan.source)[-1]


def _environment(facts: MigrationFacts) -> str:
    scheme, separator, rest = facts.plan.source.partition("://")
    address = f"{scheme}://USER@{rest}" if separator else f"/路径/{facts.plan.source.partition(':')[2]}"
    return (
        f"export RADLAKE_HOME={facts.home}\n"
        "read -rs RADLAKE_SOURCE_PASSWORD && export RADLAKE_SOURCE_PASSWORD   # 口令不进命令行\n"
        f"SOURCE='{address}'"
    )
