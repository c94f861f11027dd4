"""One report's text to sections, entities and measurements (specification 8).

Pure: the same text and version give the same result; any string is accepted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from report_structuring import anatomy
from report_structuring import sections as section_rules
from report_structuring.assertion import Judgement, judge
from report_structuring.cues import COMPARED, find_cues
from report_structuring.first_characters import compile_wording
from report_structuring.lexicon import Mention, Scene, find_mentions
from report_structuring.measurement import Measurement, find_measurements
from report_structuring.normalise import Normalised, normalise
from report_structuring.sections import Section
from report_structuring.sentences import split_sentences
from report_structuring.siting import place
from report_structuring.slips import mend_slips

ALGORITHM = "radlake-rules"
ALGORITHM_VERSION = "1.1.0"
_DOMAINS = {
    "pulmonary_infection": "lung",
    "pas": "pas",
    "placenta_accreta": "pas",
    "stroke": "brain",
    "acute_abdomen": "abd",
}
_OBSTETRIC = compile_wording(
    r"胎盘|孕(?!激素|酮)|妊娠|胎儿|剖宫产|产后|绒毛|蜕膜|羊水|陷窝|血[窦池]|膀胱线|子宫下段|瘢痕子宫"
    r"|(?<!支架)(?<!粒子)(?<!起搏器)(?<!节育器)植入(?!术|支架|物)"
)
# Words that tell the organ system of a text in which no site is named.
_HINTS = {
    "lung": re.compile(r"结节|实变|空洞|磨玻璃|渗出|炎症|感染|斑片|树芽|晕征|条索|胸水|气胸"),
    "brain": re.compile(r"梗死|梗塞|软化灶|DWI|ADC|FLAIR|动脉瘤|腔梗|占位效应|低密度影|低灌注"),
    "abd": re.compile(r"积气|液平|穿孔|梗阻|粪石|结石|腹水|气腹|套叠|绞窄|疝"),
    "pas": re.compile(r"植入|前置|羊水|剖宫产|陷窝|血窦|绒毛|膀胱线"),
}
_REGION_DOMAINS = {"chest": "lung", "head": "brain", "abd": "abd", "uterus": "pas"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """A finding, diagnosis or advised action; offsets are code points of the raw text."""

    id: str
    code: str
    start: int
    end: int
    mention: str
    assertion: str
    certainty: str | None
    laterality: str | None
    locations: tuple[str, ...]
    change: str | None
    section: str
    rule: str
    cue_text: str | None
    cue_start: int | None
    compared_to: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Structured:
    """The structured form of one report."""

    report_id: str
    disease: str | None
    modality: str | None
    report_kind: str
    sections: tuple[Section, ...]
    entities: tuple[Entity, ...]
    measurements: tuple[Measurement, ...]
    flags: tuple[str, ...] = field(default=())


def structure_report(
    text: str,
    *,
    report_id: str,
    modality: str | None = None,
    report_kind: str = "radiology",
    disease: str | None = None,
    sections: Sequence[Section | Mapping[str, object]] | None = None,
) -> Structured:
    """Structure one report.

    `sections` are spans of the raw text that the source gives in columns of their own; a header found inside
    one still splits it. `disease` only helps to read words that mean different things in different organs.
    """
    copy = normalise(text)
    copy = replace(copy, text=mend_slips(copy.text))
    parts = _cut_sections(copy, text, report_kind, sections)
    compared = bool(COMPARED.search(copy.text))
    is_obstetric = _DOMAINS.get(disease or "") == "pas" or bool(_OBSTETRIC.search(copy.text))
    sentences = [(part, one) for part in parts for one in split_sentences(copy.text, part.start, part.end)]
    sited = [anatomy.find_sites(copy.text, one.start, one.end, obstetric=is_obstetric) for _, one in sentences]
    domain = _guess_domain(copy.text, sited, disease)
    if domain == "pas" and not is_obstetric:
        # The bladder and the uterus of a woman who is not pregnant are read with the abdomen.
        domain = "abd"
    is_pancreatic = "胰腺炎" in copy.text or "胰周" in copy.text
    entities: list[Entity] = []
    measurements: list[Measurement] = []
    earlier: tuple[anatomy.Site, ...] = ()
    last_place: tuple[str | None, tuple[str, ...]] = (None, ())
    current: Section | None = None
    for (part, sentence), sites in zip(sentences, sited, strict=True):
        if part is not current:
            current, earlier, last_place = part, (), (None, ())
        scene = Scene(
            start=sentence.start,
            end=sentence.end,
            sites=tuple(sites),
            phrases=tuple(anatomy.find_phrases(copy.text, sentence.start, sentence.end, sites)),
            clauses=sentence.clauses,
            earlier=earlier,
            domain=domain,
            report_kind=report_kind,
            is_obstetric=is_obstetric,
            is_pancreatic=is_pancreatic,
            section=part.label,
        )
        mentions = find_mentions(copy.text, scene)
        taken = [(m.start, m.end) for m in mentions]
        cues = find_cues(copy.text, scene.start, scene.end, taken) if mentions else []
        judged = judge(copy.text, scene, mentions, cues, section=part.label, compared=compared)
        kept: list[tuple[Mention, str]] = []
        past: set[str] = set()
        for mention, judgement in zip(mentions, judged, strict=True):
            if judgement is None:
                continue
            side, codes = place(copy.text, scene, mention, last_place)
            entity = _make_entity(copy, text, mention, judgement, side, codes, part.label, len(entities) + 1)
            entities.append(entity)
            if judgement.assertion != "absent":
                kept.append((mention, entity.id))
            if judgement.assertion == "historical":
                past.add(entity.id)
            if judgement.assertion != "absent" and (side or codes):
                last_place = (side, codes)
        measurements.extend(
            find_measurements(copy, text, scene, kept, past, first=len(measurements) + 1, section=part.label)
        )
        if sites:
            earlier = tuple(sites)
    raw_sections = tuple(
        Section(label=part.label, start=_raw_start(copy, part.start), end=_raw_end(copy, text, part.end))
        for part in parts
    )
    return Structured(
        report_id=report_id,
        disease=disease,
        modality=modality,
        report_kind=report_kind,
        sections=raw_sections,
        entities=tuple(entities),
        measurements=tuple(measurements),
        flags=("mojibake",) if copy.is_mojibake else (),
    )


def as_prediction(structured: Structured) -> dict[str, Any]:
    """Return the JSON object of specification 8, without the text."""
    plain = asdict(structured)
    for found in plain["entities"]:
        found["locations"] = list(found["locations"])
    for found in plain["measurements"]:
        found["dims"] = [list(pair) for pair in found["dims"]]
    plain |= {name: list(plain[name]) for name in ("sections", "entities", "measurements", "flags")}
    return {"schema_version": "1.0", **plain}


def _cut_sections(
    copy: Normalised, text: str, report_kind: str, given: Sequence[Section | Mapping[str, object]] | None
) -> tuple[Section, ...]:
    if not given:
        return section_rules.detect_sections(copy.text, report_kind=report_kind)
    parts: list[Section] = []
    for item in given:
        label, start, end = (
            (item.label, item.start, item.end)
            if isinstance(item, Section)
            else (str(item["label"]), int(str(item["start"])), int(str(item["end"])))
        )
        inside = [i for i in range(len(copy.text)) if start <= copy.starts[i] < end]
        if not inside:
            continue
        first, last = inside[0], inside[-1] + 1
        for found in section_rules.detect_sections(copy.text[first:last], report_kind=report_kind, opening=label):
            parts.append(Section(label=found.label, start=first + found.start, end=first + found.end))
    return tuple(sorted(parts, key=lambda part: part.start))


def _guess_domain(text: str, sited: Sequence[Sequence[anatomy.Site]], disease: str | None) -> str:
    """Name the organ system the report is about: most named sites, with a lead for the disease's own."""
    counts = dict.fromkeys(("lung", "brain", "abd", "pas"), 0)
    for sites in sited:
        for site in sites:
            domain = _REGION_DOMAINS.get(site.region)
            if domain:
                counts[domain] += 1
    known = _DOMAINS.get(disease or "")
    if known:
        counts[known] += 4
    if not any(counts.values()):
        counts = {domain: len(hints.findall(text)) for domain, hints in _HINTS.items()}
    best = max(counts, key=lambda domain: counts[domain])
    return best if counts[best] else "gen"


def _make_entity(
    copy: Normalised,
    text: str,
    mention: Mention,
    judgement: Judgement,
    side: str | None,
    codes: tuple[str, ...],
    section: str,
    number: int,
) -> Entity:
    start, end = copy.raw_span(mention.start, mention.end)
    cue = judgement.cue
    is_action = mention.code.startswith("rec.")
    return Entity(
        id=f"E{number}",
        code=mention.code,
        start=start,
        end=end,
        mention=text[start:end],
        assertion=judgement.assertion,
        certainty=judgement.certainty,
        laterality=None if is_action else side,
        locations=() if is_action else codes,
        change=judgement.change,
        section=section,
        rule=f"{mention.rule}.{judgement.rule}",
        cue_text=cue.text if cue else None,
        cue_start=copy.starts[cue.start] if cue else None,
        compared_to="prior_unspecified" if judgement.change else None,
    )


def _raw_start(copy: Normalised, at: int) -> int:
    return 0 if at == 0 else copy.starts[at]


def _raw_end(copy: Normalised, text: str, at: int) -> int:
    return len(text) if at >= len(copy.text) else copy.starts[at]
