"""Findings by organ, sequence, morphology and joining, and the words that are no findings."""

import pytest

from report_structuring.structure import structure_report

DISEASES = {"lung": "pulmonary_infection", "pas": "pas", "brain": "stroke", "abd": "acute_abdomen"}

# organ system [pathology] | text | code:mention in the order of the text
CASES = """
lung | 右肺见散在斑点状影 | lung.patchy_opacity:斑点状影
lung | 双肺多发斑片状、团块状高密度影 | lung.patchy_opacity:斑片状 lung.mass:团块状高密度影
lung | 左肺上叶病灶内见透亮区 | lung.cavity:透亮区
lung | 双肺透光度增高 | lung.emphysema:透光度增高
lung | 右侧胸腔少许气体影 | lung.pneumothorax:胸腔少许气体影
lung | 左肺清晰。右侧积液较前增多 | lung.pleural_effusion:积液
lung | 右肺门淋巴结增大 | gen.lymphadenopathy:淋巴结增大
lung | 纵隔淋巴结不大 |
lung | 两侧胸膜增厚、粘连 | lung.pleural_thickening:胸膜增厚、粘连
lung | 右肺上叶部分缺如 | gen.lung_resection:右肺上叶部分缺如
lung | 右颈内静脉置管在位 | gen.drainage_tube:静脉置管
lung | 艾滋病感染者，双肺未见结节 | lung.nodule:结节
lung | 雙側胸腔少量積液，右肺下葉實變 | lung.pleural_effusion:積液 lung.consolidation:實變
lung | 镜下见急性炎症细胞 |
lung | 谷丙转氨酶正常，转移酶升高 |
pas | 胎盘后间隙于前壁局部消失 | pas.clear_zone_loss:后间隙于前壁局部消失
pas | 胎盘与子宫后壁界限不清 | pas.clear_zone_loss:胎盘与子宫后壁界限不清
pas | 胎盘侵及膀胱及宫颈 | pas.bladder_invasion:侵及膀胱 pas.cervical_invasion:宫颈
pas | 宫颈管内见血池，胎盘内见血池 | pas.cervical_lakes:血池 pas.lacunae:血池
pas | 胎盘肌层界面低信号线完整 |
pas | 前壁下段切口处见憩室 | pas.scar_defect:憩室
pas | 凶险型，胎盘植入 | pas.previa_pernicious:凶险型 pas.accreta_spectrum:胎盘植入
pas path | 肌壁间见散在绒毛 | pas.villi_in_myometrium:肌壁间见散在绒毛
pas path | 绒毛与肌纤维直接接触 | pas.basal_plate_myofibers:绒毛与肌纤维直接接触
pas path | 镜下见退变绒毛 |
brain | 左侧颞叶脑沟内见高密度影 | brain.sah:高密度影
brain | 右侧额部头皮血肿 |
brain | 左颞部皮下血肿 |
brain | 右侧丘脑见肾形高密度影 | brain.ich:高密度影
brain | DWI示左侧丘脑点状高信号，ADC呈低信号 | brain.dwi_hyperintensity:高信号 brain.adc_low:低信号
brain | SWI示双侧丘脑多发点状低信号 | brain.microbleed:低信号
brain | 颅内大动脉未见狭窄及动脉瘤 | brain.stenosis:狭窄 brain.aneurysm:动脉瘤
brain | 枕骨见骨折线 | brain.skull_fracture:骨折线
brain | 左侧上颌窦积液 | brain.sinusitis:上颌窦积液
brain | 右侧颈内动脉未探及血流信号 | brain.occlusion:未探及血流信号
brain | 左侧颞叶梗死伴少许出血 | brain.infarct:梗死 brain.hemorrhagic_transformation:出血
brain | DWI及FLAIR均呈高信号 | brain.dwi_hyperintensity:高信号 brain.t2_hyperintensity:高信号
brain | 右侧颞叶梗死灶内出血 | brain.infarct:梗死灶 brain.hemorrhagic_transformation:出血
brain | 左侧硬膜下及硬膜外血肿 | brain.sdh:硬膜下 brain.edh:硬膜外血肿
brain | 骨窗未见骨折 | brain.skull_fracture:骨折
brain | 分水岭区急性脑梗死 | brain.acute_infarct:梗死 brain.watershed_infarct:梗死
brain | 脑室稍大，脑沟略浅 | brain.ventricular_dilatation:脑室稍大 brain.sulcal_effacement:脑沟略浅
brain | 脑室不大，脑沟不宽 |
brain | 低密度脂蛋白正常 |
abd | 阑尾位于盲肠后方，明显增粗 | abd.appendix_dilated:增粗
abd | 肠壁及门静脉积气 | abd.pneumatosis:积气 abd.portal_gas:积气
abd | 双肾盂未见扩张 | abd.hydronephrosis:扩张
abd | 肝内病灶较前增大 |
abd | 肝脾未见肿大 | abd.hepatomegaly:肿大 abd.splenomegaly:肿大
abd | 急性阑尾炎伴穿孔 | abd.appendicitis:急性阑尾炎 abd.appendiceal_perforation:穿孔
abd | 肠管扩张积气积液 | abd.bowel_dilatation:肠管扩张积气积液
abd | 同心圆样包块 | abd.intussusception:同心圆样包块
abd | 双肾区未见阳性结石 | abd.renal_stone:阳性结石
abd | 胰腺肿胀，周围脂肪间隙模糊 | abd.pancreas_swelling:胰腺肿胀 abd.peripancreatic_fluid:脂肪间隙模糊
abd | 胆囊大，壁厚 | abd.gb_distension:胆囊大 abd.gb_wall_thickening:壁厚
abd | 肠系膜上动、静脉未见充盈缺损 | abd.mesenteric_thrombosis:充盈缺损
abd | 胰周及左肾前间隙渗出 | abd.peripancreatic_fluid:渗出
abd | 胆总管下段受气体干扰 |
abd | 吻合口扩张术 |
abd | 左肾大小正常，皮下见血肿 |
abd path | 胆囊切除标本 |
""".strip().splitlines()


def find(row: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return what is found in a row's text and what the row expects; a mention need only hold the expected words."""
    system, text, expected = (part.strip() for part in row.split("|"))
    domain, *kind = system.split()
    structured = structure_report(
        text, report_id="r", disease=DISEASES[domain], report_kind="pathology" if kind else "radiology"
    )
    wanted = [tuple(pair.split(":")) for pair in expected.split()]
    assert all(text[e.start : e.end] == e.mention for e in structured.entities)
    return [(e.code, e.mention) for e in structured.entities], wanted  # type: ignore[return-value]


@pytest.mark.parametrize("row", CASES, ids=[row.split("|")[1].strip() for row in CASES])
def test_a_word_takes_the_concept_of_what_it_is_said_of(row: str) -> None:
    found, wanted = find(row)
    assert sorted(code for code, _ in found) == sorted(code for code, _ in wanted), found
    for code, words in wanted:
        assert any(words in mention for name, mention in found if name == code), found


# What every hospital writes of a healthy organ.
NORMAL = """
lung | 双肺纹理走行自然，肺门不大，心影形态正常，肋膈角锐利，胸膜光滑
pas | 胎盘后间隙清晰，肌层连续，膀胱线完整，胎盘回声均匀，宫颈内口闭合
brain | 脑实质密度均匀，脑沟脑裂不宽，灰白质分界清晰，颅骨完整，管壁光滑，内膜不厚
abd | 肝脏大小正常，胆囊壁光滑，胰管不宽，阑尾壁不厚，脂肪间隙清晰，肠管走行自然
""".strip().splitlines()


@pytest.mark.parametrize("row", NORMAL, ids=[row.split("|")[0].strip() for row in NORMAL])
def test_a_normal_organ_gives_no_finding(row: str) -> None:
    domain, text = (part.strip() for part in row.split("|"))
    assert structure_report(text, report_id="r", disease=DISEASES[domain]).entities == ()


# text | side of each finding in the order of the text
SIDES = """
右侧基底动脉旁未见异常。左侧椎动脉狭窄，基底动脉管腔变窄 | left -
左侧额叶少许蛛网膜下腔出血 | left
右肺下叶实变，左侧为著 | right
右下腹探及阑尾，腔内见粪石 | right
移行带位于右下腹，肠壁增厚 | right -
胎盘位于子宫右侧壁，厚3cm，胎盘内见陷窝 | -
双侧胸腔及心包积液 | - bilateral
腹腔及双侧胸腔积液 | bilateral -
左侧颈内动脉虹吸段、右侧椎动脉V4段狭窄 | bilateral
1右侧丘脑梗死 2左侧枕叶软化灶 | right left
（4L组）淋巴结肿大 | -
""".strip().splitlines()


@pytest.mark.parametrize("row", SIDES, ids=[row.split("|")[0].strip() for row in SIDES])
def test_a_finding_has_the_side_its_own_words_give(row: str) -> None:
    text, sides = (part.strip() for part in row.split("|"))
    found = [e.laterality or "-" for e in structure_report(text, report_id="r").entities]
    assert found == sides.split()


# In a telegraphic report a blank is the punctuation.
BLANKS = [
    ("前置胎盘状态 胎盘植入待排 膀胱未见异常", ["present", "uncertain"]),
    ("双肺未见 结节及实变", ["absent", "absent"]),
    ("急性阑尾炎 粪石嵌顿? 周围少量渗出", ["present", "uncertain", "present"]),
]


@pytest.mark.parametrize(("text", "assertions"), BLANKS, ids=[text for text, _ in BLANKS])
def test_a_blank_between_statements_is_punctuation(text: str, assertions: list[str]) -> None:
    assert [e.assertion for e in structure_report(text, report_id="r").entities] == assertions


@pytest.mark.parametrize("header", ["Imp", "超声考虑", "CT意见", "诊断结果"])
def test_other_hospitals_headers_open_the_impression(header: str) -> None:
    sections = structure_report(f"检查所见：双肺清晰。\n{header}：双肺炎症。", report_id="r").sections
    assert [s.label for s in sections] == ["findings", "impression"]


def test_a_verb_is_no_header() -> None:
    assert len(structure_report("双肺见结节。CT提示肺炎可能。", report_id="r").sections) == 1


def test_placental_words_need_a_pregnancy() -> None:
    codes = [e.code for e in structure_report("膀胱壁毛糙，子宫切除术后。", report_id="r").entities]
    assert codes == ["pas.hysterectomy"]


@pytest.mark.parametrize(
    "text", ["左右肺上叶", "斑片状、" * 2000, "低密度" * 3000, "绒毛侵" * 3000, "胎盘后间隙" * 3000]
)
def test_repeated_words_are_read_in_time_and_the_same_way_twice(text: str) -> None:
    first = structure_report(text, report_id="r", report_kind="pathology")
    assert first == structure_report(text, report_id="r", report_kind="pathology")
