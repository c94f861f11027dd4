"""The report of an assessment, 迁移评估报告: what a hospital's information centre reads before it plans a migration.

Made from assessment.json alone, as blocks for HTML and DOCX.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ingestion.migration.assessment.probes import PROBES
from serving.reports.assessment_code import disposition_blocks, effort_blocks
from serving.reports.assessment_words import (
    CONFIDENCE_ZH,
    COUNTS_ZH,
    EVIDENCE_ZH,
    KINDS_ZH,
    LETTERS_ZH,
    LEVELS_ZH,
)
from serving.reports.document import Block, Cell, Details, Figure, Heading, Paragraph, TableBlock

_LARGEST = 30
_PROFILE_HEADER = (
    "列 column",
    "类型 type → 湖 lake",
    "说明 comment",
    "空 null",
    "不同值 distinct",
    "长度或范围 length, range",
    "常见值 frequent values",
)


def assessment_title(content: dict[str, Any]) -> str:
    """Return the title of the report."""
    return f"迁移评估报告 Migration assessment：{content['source']['database']}"


def assessment_blocks(content: dict[str, Any], diagram: str) -> list[Block]:
    """Return the report as blocks."""
    return [
        *_summary(content),
        *_objects(content),
        *_relations(content, diagram),
        *_probes(content),
        *_profiles(content),
        *effort_blocks(content),
        *disposition_blocks(content),
        *_method(content),
    ]


def _summary(content: dict[str, Any]) -> Iterator[Block]:
    source, effort, counts = content["source"], content["effort"], content["counts"]
    relations = content["relations"]
    orphans = [relation for kind in ("declared", "implied") for relation in relations[kind] if relation["orphans"]]
    defects = [probe for probe in PROBES if probe.is_defect and content["probe_totals"][probe.name]]
    code = [one for one in content["dispositions"]["objects"] if one["kind"] != "view"]
    yield Heading(text="1 概要 Summary")
    sets = [part for part in (source["character_set"], source["collation"]) if part]
    found = sum(content["probe_totals"][probe.name] for probe in defects)
    lost = sum(relation["orphans"] for relation in orphans)
    rewritten = sum(line["is_manual"] and line["kind"] != "view" for line in effort["lines"])
    rows: list[tuple[str, str]] = [
        ("数据库 database", f"{source['engine']} {source['version']}，{source['database']}"),
        ("字符集 character set", " / ".join(sets)),
        ("规模 volume", f"{counts['tables']:,} 表，{counts['columns']:,} 列，{counts['rows']:,} 行"),
        ("数据量 size of the data", _bytes(counts["size_bytes"])),
        (
            "等级 grade",
            f"{effort['grade']}：{LETTERS_ZH[effort['automation']]}；{LEVELS_ZH[effort['difficulty']]}",
        ),
        (
            "工作量 effort",
            f"{effort['units']:,} 单位 units（每单位 {effort['unit_minutes']} 分钟），"
            f"约 {effort['person_days']} 人日 person-days",
        ),
        ("数据缺陷 defects", f"{len(defects)} 类 kinds，{found:,} 处 rows"),
        ("孤儿行 orphans", f"{len(orphans)} 个关系 relations，{lost:,} 行 rows"),
        ("程序对象 code objects", f"{len(code)} 个，须人工改写 to rewrite {rewritten} 个"),
    ]
    yield TableBlock(header=["项目 item", "结果 result"], rows=rows, widths=[1, 3])
    yield from _attention(content, orphans)


def _attention(content: dict[str, Any], orphans: Sequence[dict[str, Any]]) -> Iterator[Block]:
    keyless = [
        table for table in content["objects"]["tables"] if not table["primary_key"] and not table["is_partitioned"]
    ]
    empty = [table for table in content["objects"]["tables"] if not table["rows"] and not table["is_partitioned"]]
    rows: list[Sequence[Cell]] = []
    if keyless:
        rows.append(["无主键的表 tables without a primary key", len(keyless), _names(keyless)])
    if empty:
        rows.append(["空表 empty tables", len(empty), _names(empty)])
    if orphans:
        worst = sorted(orphans, key=lambda relation: -relation["orphans"])[:5]
        rows.append(["有孤儿行的关系 relations with orphans", len(orphans), "；".join(map(_ends, worst))])
    undrafted = [draft for draft in content["drafts"] if not draft["file"]]
    if undrafted:
        rows.append(
            [
                "未能起草的视图 views without a draft",
                len(undrafted),
                "、".join(draft["view"] for draft in undrafted[:8]),
            ]
        )
    if not content["dispositions"]["is_decided"] and content["dispositions"]["objects"]:
        rows.append(
            ["待决定的处置 dispositions to decide", len(content["dispositions"]["objects"]), "dispositions.draft.yml"]
        )
    if rows:
        yield Heading(text="1.1 须留意 To be looked at", level=2)
        yield TableBlock(header=["事项 matter", "数量 n", "对象 objects"], rows=rows, widths=[2, 0.6, 4])


def _names(tables: Sequence[dict[str, Any]]) -> str:
    shown = "、".join(table["name"] for table in tables[:12])
    return shown + (f" 等 {len(tables)} 个" if len(tables) > 12 else "")


def _ends(relation: dict[str, Any]) -> str:
    child, parent = ", ".join(relation["columns"]), ", ".join(relation["referenced_columns"])
    return f"{relation['table']}.{child} → {relation['referenced_table']}.{parent}（{relation['orphans']:,}）"


def _bytes(size: int) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:,} B" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024  # type: ignore[assignment]
    return ""


def _objects(content: dict[str, Any]) -> Iterator[Block]:
    yield Heading(text="2 对象清单 Objects")
    counts = content["counts"]
    yield TableBlock(
        header=["对象 object", "数量 n"],
        rows=[[f"{label} {name}", counts[name]] for name, label in COUNTS_ZH.items()],
        widths=[2, 1],
    )
    yield Heading(text="2.1 表与数据量 Tables and volumes", level=2)
    tables = sorted(content["objects"]["tables"], key=lambda table: (-table["rows"], table["schema"], table["name"]))
    yield TableBlock(
        header=[
            "模式 schema",
            "表 table",
            "说明 comment",
            "行 rows",
            "字节 bytes",
            "列",
            "主键 primary key",
            "索引",
            "外键",
        ],
        rows=[
            [
                table["schema"],
                table["name"],
                table["comment"],
                table["rows"],
                table["size_bytes"],
                len(table["columns"]),
                ", ".join(table["primary_key"]) or "无 none",
                len(table["indexes"]),
                len(table["foreign_keys"]),
            ]
            for table in tables
        ],
        widths=[1.3, 2.6, 2.6, 1.1, 1.2, 0.6, 1.8, 0.6, 0.6],
    )
    growing = [table for table in tables if table["growth"] and table["growth"]["years"]]
    if growing:
        yield Heading(text="2.2 增长 Growth", level=2)
        yield Paragraph(
            text=f"按疑似建立时间的列分年计数；少于 {content['min_frequency']} 行的年份并入其他。"
            "Rows by the year of the column that looks like the time a row was made.",
            style="note",
        )
        yield TableBlock(
            header=["表 table", "列 column", "各年行数 rows by year", "其他 other", "空 missing"],
            rows=[
                [
                    table["name"],
                    table["growth"]["column"],
                    "；".join(f"{year} {rows:,}" for year, rows in table["growth"]["years"].items()),
                    table["growth"]["other"],
                    table["growth"]["missing"],
                ]
                for table in growing[:_LARGEST]
            ],
            widths=[2, 1.6, 5, 0.8, 0.8],
        )
    code = [
        one for kind in ("views", "triggers", "functions", "procedures", "events") for one in content["objects"][kind]
    ]
    if code:
        yield Heading(text="2.3 程序对象 Code", level=2)
        yield Paragraph(text="完整定义见 definitions.sql。The definitions stand in definitions.sql.", style="note")
        yield TableBlock(
            header=["类别 kind", "名称 name", "行 lines", "定义指纹 sha256"],
            rows=[
                [f"{KINDS_ZH[one['kind']]} {one['kind']}", one["name"], one["lines"], one["definition_sha256"][:16]]
                for one in code
            ],
            widths=[1.6, 4.5, 0.7, 1.8],
        )


def _relations(content: dict[str, Any], diagram: str) -> Iterator[Block]:
    yield Heading(text="3 关系 Relations")
    yield Figure(svg=diagram, caption="关系图 ER diagram（er_diagram.svg）：悬停线条可见两端与孤儿行数")
    declared, implied = content["relations"]["declared"], content["relations"]["implied"]
    yield Heading(text="3.1 声明的关系 Declared", level=2)
    if not declared:
        yield Paragraph(text="源库没有声明任何外键。The source declares no foreign key.")
    else:
        yield TableBlock(
            header=["表 table", "列 columns", "指向 references", "有值行 rows", "孤儿行 orphans", "孤儿值 values"],
            rows=[
                [
                    one["table"],
                    ", ".join(one["columns"]),
                    f"{one['referenced_table']}.{', '.join(one['referenced_columns'])}",
                    one["rows"],
                    one["orphans"],
                    one["orphan_values"],
                ]
                for one in declared
            ],
            widths=[2, 2, 2.6, 1, 1, 1],
        )
    yield Heading(text="3.2 隐含的关系 Implied", level=2)
    yield Paragraph(
        text="由列名或注释提示、类型相容、被指列唯一，且至少九成取值可对应；空值、零与空串不计。"
        "Hinted at by name or comment, with values that are found in a unique column.",
        style="note",
    )
    if implied:
        yield TableBlock(
            header=[
                "表 table",
                "列 column",
                "指向 references",
                "依据 evidence",
                "可信 confidence",
                "有值行",
                "包含 inclusion",
                "孤儿行",
            ],
            rows=[
                [
                    one["table"],
                    ", ".join(one["columns"]),
                    f"{one['referenced_table']}.{', '.join(one['referenced_columns'])}",
                    EVIDENCE_ZH[one["evidence"]],
                    f"{CONFIDENCE_ZH[one['confidence']]} {one['confidence']}",
                    one["rows"],
                    "无数据 no rows" if one["inclusion"] is None else f"{one['inclusion']:.1%}",
                    one["orphans"],
                ]
                for one in implied
            ],
            widths=[2, 1.8, 2.5, 1.6, 1, 0.8, 1, 0.8],
        )
    else:
        yield Paragraph(text="未发现。None found.")


def _probes(content: dict[str, Any]) -> Iterator[Block]:
    yield Heading(text="4 数据质量探查 Data probes")
    totals = content["probe_totals"]
    yield TableBlock(
        header=["探查 probe", "含义 meaning", "行 rows", "列 columns", "建议 advice"],
        rows=[
            [
                probe.label_zh if probe.is_defect else f"{probe.label_zh}（提示 remark）",
                probe.label,
                totals[probe.name],
                sum(finding["probe"] == probe.name for finding in content["probes"]),
                probe.advice_zh if totals[probe.name] else "",
            ]
            for probe in PROBES
        ],
        widths=[2.2, 2.2, 0.8, 0.7, 3],
    )
    if not content["probes"]:
        return
    yield Heading(text="4.1 逐列结果 By column", level=2)
    labels = {probe.name: probe.label_zh for probe in PROBES}
    yield TableBlock(
        header=["表 table", "列 column", "探查 probe", "行 rows", "有值行 filled", "占比 share", "细目 detail"],
        rows=[
            [
                finding["table"],
                finding["column"],
                labels[finding["probe"]],
                finding["rows"],
                finding["filled"],
                f"{finding['rows'] / finding['filled']:.1%}" if finding["filled"] else "",
                "；".join(f"{name} {rows:,}" for name, rows in finding["detail"].items()),
            ]
            for finding in content["probes"]
        ],
        widths=[1.9, 1.7, 2.4, 0.8, 0.9, 0.7, 2.2],
    )


def _profiles(content: dict[str, Any]) -> Iterator[Block]:
    yield Heading(text="5 列概况 Column profiles")
    yield Paragraph(
        text=f"常见值只列出至少 {content['min_frequency']} 行的取值；"
        "键、姓名、联系方式、证件号、自由文本等可识别身份的列一律不列。"
        "Values are shown from a minimum frequency on, and never for columns that identify somebody.",
        style="note",
    )
    for table in content["objects"]["tables"]:
        if not table["columns"]:
            continue
        comment = f" {table['comment']}" if table["comment"] else ""
        yield Details(
            title=f"{table['schema']}.{table['name']}{comment}（{table['rows']:,} 行）",
            blocks=[
                TableBlock(
                    header=_PROFILE_HEADER,
                    rows=[_profile_row(column) for column in table["columns"]],
                    widths=[1.8, 2, 1.8, 0.8, 1, 2, 3],
                )
            ],
        )  # fmt: skip


def _profile_row(column: dict[str, Any]) -> list[Cell]:
    profile = column["profile"]
    about = f"约 {profile['distinct']:,}" if profile["is_distinct_estimated"] else profile["distinct"]
    values = "、".join(f"{one['value'] or '（空串）'} {one['rows']:,}" for one in profile.get("top_values", [])[:6])
    marks = [
        mark
        for mark, is_set in (
            ("非空", not column["nullable"]),
            ("自增", column["is_identity"]),
            ("生成列", column["is_generated"]),
        )
        if is_set
    ]
    return [
        column["name"] + (f"（{'、'.join(marks)}）" if marks else ""),
        f"{column['source_type']} → {column['target_type']}" if column["target_type"] else column["source_type"],
        column["comment"],
        f"{profile['null_share']:.1%}",
        about,
        _extent(profile),
        values,
    ]  # fmt: skip


def _extent(profile: dict[str, Any]) -> str:
    if profile.get("range_withheld"):
        return "不列出 withheld"
    if profile.get("min") is not None:
        return f"{profile['min']} … {profile['max']}"
    length = profile.get("length")
    return f"长度 {length['min']:,}–{length['max']:,}" if length else ""


def _method(content: dict[str, Any]) -> Iterator[Block]:
    yield Heading(text="8 方法与说明 Method and notes")
    yield Paragraph(
        text="源库以只读方式打开，全部查询在同一个一致快照内进行；报告由 assessment.json 生成，数据不变则逐字节不变。"
        "The source was opened read-only and read in one snapshot; the same data give the same report."
    )
    for note in content["notes"]:
        yield Paragraph(text=note, style="note")
