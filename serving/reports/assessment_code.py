"""The chapters of an assessment's report about code: what it costs, and what becomes of it."""

from collections.abc import Iterator
from typing import Any

from ingestion.migration.assessment.effort import weights
from serving.reports.assessment_words import DISPOSITIONS_ZH, KINDS_ZH
from serving.reports.document import Block, Heading, Paragraph, TableBlock


def effort_blocks(content: dict[str, Any]) -> Iterator[Block]:
    """Yield the chapter on effort."""
    effort = content["effort"]
    yield Heading(text="6 工作量 Effort")
    yield Paragraph(
        text=f"等级 {effort['grade']}：字母表示自动化程度（A 自动，B 有改写，C 改写较多），数字 1–5 表示难度。"
        f"合计 {effort['units']:,} 单位，约 {effort['person_days']} 人日；权重见 effort.yml，可按小组实际调整。"
        "The letter tells how much runs by itself, the number how hard it is.",
    )
    yield TableBlock(
        header=["类别 kind", "对象 objects", "须改写 manual", "单位 units"],
        rows=[
            [f"{KINDS_ZH[one['kind']]} {one['kind']}", one["objects"], one["manual"], float(one["units"])]
            for one in effort["by_kind"]
        ],
        widths=[2, 1, 1, 1],
    )
    labels = {name: construct["label_zh"] for name, construct in weights()["constructs"].items()}
    coded = [line for line in effort["lines"] if line["lines"]]
    if coded:
        yield TableBlock(
            caption="程序对象逐项 code, one by one",
            header=["类别 kind", "名称 name", "行 lines", "单位 units", "改写", "构造 constructs"],
            rows=[
                [
                    KINDS_ZH[line["kind"]],
                    line["name"],
                    line["lines"],
                    float(line["units"]),
                    "人工 manual" if line["is_manual"] else "",
                    "；".join(f"{labels[name]} ×{number}" for name, number in line["constructs"].items()),
                ]
                for line in coded
            ],
            widths=[1, 3.4, 0.7, 0.8, 1, 3],
        )


def disposition_blocks(content: dict[str, Any]) -> Iterator[Block]:
    """Yield the chapter on what becomes of views, triggers, routines and events."""
    objects = content["dispositions"]["objects"]
    yield Heading(text="7 程序对象的处置 Dispositions")
    if not objects:
        yield Paragraph(text="源库没有视图、触发器、函数、存储过程或事件。There is no code in the source.")
        return
    if content["dispositions"]["is_decided"]:
        yield Paragraph(text="以下处置已由人决定。Decided.", style="good")
    else:
        yield Paragraph(
            text="以下处置是读代码得出的建议，须逐项由人决定（dispositions.draft.yml）。"
            "Proposed by reading the code; a person decides.",
            style="bad",
        )
    yield TableBlock(
        header=["类别 kind", "对象 object", "处置 disposition", "去向 target", "理由 reason"],
        rows=[
            [
                KINDS_ZH.get(one["kind"], one["kind"]),
                one["object"],
                f"{DISPOSITIONS_ZH.get(one['disposition'], '')} {one['disposition']}",
                one["target"],
                one["reason"],
            ]
            for one in objects
        ],
        widths=[0.9, 2.6, 1.6, 1.8, 3.4],
    )
    undrafted = [draft for draft in content["drafts"] if not draft["file"]]
    if undrafted:
        yield TableBlock(
            caption="未能起草的视图 views without a draft",
            header=["视图 view", "原因 reason"],
            rows=[[draft["view"], draft["reason"]] for draft in undrafted],
            widths=[1, 2],
        )
