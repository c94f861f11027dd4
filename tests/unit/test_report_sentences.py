"""Short sentences with what each says, by kind of scope.

One line per sentence: text | code assertion side, separated by semicolons. `-` stands for no side.
Every mention that the sentence makes is listed, so a line also fails on an invented finding.
"""

import pytest

from report_structuring.structure import structure_report

SENTENCES = """
# forward negation through lists
双肺未见结节、实变及胸腔积液。 | lung.nodule absent bilateral; \
lung.consolidation absent bilateral; lung.pleural_effusion absent -
两肺野内未发现渗出、空洞或肿块影。 | lung.infiltrate absent bilateral; \
lung.cavity absent bilateral; lung.mass absent bilateral
颅内未见明确出血灶、占位性病变以及脑疝征象。 | brain.ich absent -; brain.tumor absent -; brain.herniation absent -
无气胸，无骨折。 | lung.pneumothorax absent -; gen.fracture absent -
腹腔内未探及游离液体及肿大淋巴结。 | abd.ascites absent -; gen.lymphadenopathy absent -
胆总管及输尿管未见扩张。 | abd.bile_duct_dilatation absent -; abd.ureter_dilatation absent -
胰管不扩张。 | abd.pancreatic_duct_dilatation absent -
否认肺结核、肺癌病史。 | lung.tb absent -; lung.lung_cancer absent -
双侧脑室未扩大，中线无移位。 | brain.ventricular_dilatation absent bilateral; brain.midline_shift absent -
未见血窦、肌层中断、膀胱线不连续等征象。 | pas.lacunae absent -; \
pas.myometrial_interruption absent -; pas.bladder_line_interruption absent -
脑沟、脑裂未见增宽。 | brain.sulcal_widening absent -
未见明显渗出，结节，肿块。 | lung.infiltrate absent -; lung.nodule absent -; lung.mass absent -
# what ends a negation
右肺未见空洞，但可见树芽征。 | lung.cavity absent right; lung.tree_in_bud present right
未见脑出血，左侧基底节区见片状低密度影。 | brain.ich absent -; brain.hypodensity present left
肝内外胆管未见扩张，胆囊壁增厚。 | abd.bile_duct_dilatation absent -; abd.gb_wall_thickening present -
左侧胸腔未见积液，右侧胸腔见少量积液。 | lung.pleural_effusion absent left; lung.pleural_effusion present right
阑尾未见增粗，盆腔少量积液。 | abd.appendix_dilated absent -; abd.ascites present -
# backward negation
反晕征（-），晕征（＋）。 | lung.reversed_halo absent -; lung.halo_sign present -
双侧胸腔积液无。 | lung.pleural_effusion absent bilateral
肺栓塞依据不足。 | lung.pulmonary_embolism absent -
肠梗阻征象不明显。 | abd.obstruction absent -
蛛网膜下腔出血可除外。 | brain.sah absent -
Murphy征阴性。 | abd.murphy absent -
# cannot be excluded, waiting to be excluded
左肺上叶炎症不除外。 | lung.pneumonia uncertain left
不能除外肺结核。 | lung.tb uncertain -
右肺下叶结节，不完全除外转移瘤。 | lung.nodule present right; lung.metastasis uncertain right
绞窄性肠梗阻待排。 | abd.strangulation uncertain -
右侧额叶占位性病变待查，建议增强扫描。 | brain.tumor uncertain right; rec.contrast_enhanced recommendation -
难以排除急性胰腺炎。 | abd.pancreatitis uncertain -
胎盘植入待除外。 | pas.accreta_spectrum uncertain -
消化道穿孔可疑。 | abd.perforation uncertain -
肺癌？结核？ | lung.lung_cancer uncertain -; lung.tb uncertain -
右肾结石嵌顿？ | abd.renal_stone uncertain right
# considered, likely, possible
考虑细菌性肺炎。 | lung.bacterial_pneumonia uncertain -
双肺下叶间质性改变，首先考虑间质性肺炎。 | lung.interstitial_change present bilateral; \
lung.interstitial_change uncertain bilateral
右侧丘脑出血可能性大。 | brain.ich uncertain right
左肺上叶肺癌或结核球可能。 | lung.lung_cancer uncertain left; lung.tb uncertain left
似见少许积气。 | abd.bowel_gas uncertain -
疑似胎盘早剥。 | pas.abruption uncertain -
肺不张伴感染不除外。 | lung.atelectasis present -; lung.pneumonia uncertain -
需与肺转移瘤相鉴别。 | lung.metastasis uncertain -
高度怀疑肺动脉栓塞。 | lung.pulmonary_embolism uncertain -
考虑阑尾炎可能。 | abd.appendicitis uncertain -
# pseudo-negation
右肺中叶结节较前无著变。 | lung.nodule present right
左侧额叶水肿未见减轻。 | brain.edema present left
双肺磨玻璃影较前未见明显吸收。 | lung.ggo present bilateral
右侧胸腔积液同前。 | lung.pleural_effusion present right
胎盘实质回声不均匀。 | pas.heterogeneity present -
左肺下叶膨胀不全。 | lung.atelectasis present left
胆囊内阴性结石可能。 | abd.gallstone uncertain -
非小细胞肺癌。 | lung.lung_cancer present -
胎盘后低回声带消失。 | pas.clear_zone_loss present -
胎盘内见无回声区。 | pas.lacunae present -
# double negation
并非没有实变。 | lung.consolidation present -
不能认为没有脑梗死。 | brain.infarct present -
不是没有肺栓塞可能。 | lung.pulmonary_embolism uncertain -
# except
除上述软化灶外，未见梗死。 | brain.encephalomalacia present -; brain.infarct absent -
除右肺上叶结节外，余肺未见实变。 | lung.nodule present right; lung.consolidation absent -
# comparison, resolution
原右肺上叶实变影已完全吸收。 | lung.consolidation historical right
原左侧胸腔积液本次未见显示。 | lung.pleural_effusion historical left
双肺炎症较前部分吸收。 | lung.pneumonia present bilateral
引流管已拔除。 | gen.drainage_tube historical -
# history and operations
既往脑梗死病史。 | brain.infarct historical -
胆囊切除术后改变。 | gen.cholecystectomy historical -
右肺中叶切除术后改变。 | gen.lung_resection historical right
脑出血术后第5天。 | brain.ich historical -; gen.postop_change historical -
阑尾炎病史3年。 | abd.appendicitis historical -
剖宫产史2次，瘢痕子宫。 | pas.prior_cesarean historical -; pas.scarred_uterus present -
# recommendation
建议MRI除外急性脑梗死。 | rec.mri recommendation -; brain.acute_infarct recommendation -
建议CT增强扫描，以明确有无动脉瘤。 | rec.contrast_enhanced recommendation -; brain.aneurysm recommendation -
请结合临床，2周后复查。 | rec.clinical_correlation recommendation -; rec.followup recommendation -
必要时穿刺活检。 | rec.biopsy recommendation -
左肺上叶结节，定期复查。 | lung.nodule present left; rec.followup recommendation -
MRA示右侧大脑中动脉狭窄。 | brain.stenosis present right
# side, from clause to clause
右肺上叶见实变影，内见支气管充气征，边缘模糊。 | lung.consolidation present right; lung.air_bronchogram present right
左肾见囊性低密度影，右肾未见结石。 | abd.cystic_lesion present left; abd.renal_stone absent right
左侧基底节区脑出血，中线右移。 | brain.ich present left; brain.midline_shift present right
右侧输尿管下段结石，其上输尿管扩张，右肾积水。 | abd.ureteral_stone present right; \
abd.ureter_dilatation present right; abd.hydronephrosis present right
双肺炎症，心包积液。 | lung.pneumonia present bilateral; lung.pericardial_effusion present -
结节大小约5mm左右。 | lung.nodule present -
粪石位于右下腹。 | abd.appendicolith present right
双侧额顶叶缺血灶。 | brain.ischemic_foci present bilateral
左侧颈内动脉起始段斑块形成，管腔重度狭窄。 | brain.plaque present left; brain.stenosis present left
# what is not a finding
心影不大，双膈光整。 |
脑室不宽，中线居中。 |
肝脾大小形态正常。 |
颈内动脉支架植入术后。 | brain.stent present -
甲状腺右叶结节。 |
胎盘植入超声评分6分。 |
膀胱壁增厚。 |
# several findings in one sentence
双肺透光度增强，局部肺组织呈蜂窝样改变，两肺底网格影较前增多。 | lung.honeycombing present bilateral; \
lung.reticulation present bilateral
胸部平片未见活动性病变。 |
心包腔内未见积液，纵隔未见占位。 | lung.pericardial_effusion absent -; lung.mass absent -
左侧液气胸，左肺压缩约40%，闭式引流管在位。 | lung.pneumothorax present left; gen.drainage_tube present left
右肺中叶支气管截断，远端肺组织不张，中央型肺癌并阻塞性肺炎考虑。 | lung.atelectasis present right; \
lung.lung_cancer uncertain right; lung.pneumonia uncertain right
两肺多发结节，部分内见空洞，血源性肺脓肿？转移瘤待除外。 | lung.nodule present bilateral; \
lung.cavity present bilateral; lung.abscess uncertain bilateral; lung.metastasis uncertain bilateral
气管插管末端位于T3水平，双肺渗出较昨日片略吸收。 | gen.drainage_tube present -; lung.infiltrate present bilateral
左肺下叶基底段炎症大部吸收，残留少许索条。 | lung.pneumonia present left; lung.fibrosis present left
符合病毒性肺炎改变，请结合流行病学史。 | lung.viral_pneumonia present -; rec.clinical_correlation recommendation -
右侧顶叶脑实质内见团片状高密度影，周边环绕低密度水肿带，邻近脑沟变窄。 | brain.ich present right; \
brain.edema present right; brain.sulcal_effacement present right
颅内未见出血、梗死及占位性病变。 | brain.ich absent -; brain.infarct absent -; brain.tumor absent -
DWI未见弥散受限，不支持急性脑梗死。 | brain.dwi_hyperintensity absent -; brain.acute_infarct absent -
左侧额颞部颅板下新月形高密度影，中线结构无移位，左侧硬膜下血肿。 | brain.sdh present left; \
brain.midline_shift absent -; brain.sdh present left
双侧椎动脉颅内段粗细不均，管壁钙化，未见明显狭窄。 | gen.calcification present bilateral; \
brain.stenosis absent bilateral
脑桥陈旧腔梗，脑白质疏松，脑萎缩。 | brain.old_infarct present -; \
brain.white_matter_lesion present -; brain.atrophy present -
左侧大脑中动脉取栓术后，左侧基底节区高密度影，对比剂外渗与出血转化鉴别。 | gen.postop_change historical left; \
brain.contrast_staining uncertain left; brain.hemorrhagic_transformation uncertain left
胎盘后壁，下缘距内口大于7cm，胎盘实质内未见明显血窦，胎盘后间隙清晰。 | pas.lacunae absent -
胎盘前壁伸展至宫颈内口并覆盖，考虑前置胎盘（完全型）。 | pas.previa uncertain -
子宫下段浆膜面血管怒张，血流信号极丰富，提示植入可能。 | pas.hypervascularity present -; \
pas.accreta_spectrum uncertain -
前次剖宫产史，胎盘附着于瘢痕处，不除外凶险性前置胎盘。 | pas.prior_cesarean historical -; \
pas.previa_pernicious uncertain -
膀胱充盈欠佳，膀胱线显示连续，未见胎盘侵犯膀胱征象。 | pas.bladder_invasion absent -
羊水偏少，胎儿臀位，未见胎盘早剥及副胎盘。 | pas.oligohydramnios present -; \
pas.malpresentation present -; pas.abruption absent -; pas.accessory_lobe absent -
阑尾显示不清，右下腹少量积液，急性阑尾炎不能除外，请结合临床。 | abd.ascites present right; \
abd.appendicitis uncertain -; rec.clinical_correlation recommendation -
肝胆胰脾未见明显异常，双肾无积水，输尿管无扩张。 | abd.hydronephrosis absent bilateral; abd.ureter_dilatation absent -
小肠及结肠未见明显扩张及气液平面。 | abd.bowel_dilatation absent -; abd.air_fluid_level absent -
腹腔干及肠系膜上动脉未见栓塞及夹层征象。 | abd.mesenteric_thrombosis absent -
右侧腹股沟斜疝，疝内容物为小肠，未见绞窄征象。 | abd.hernia present right; abd.strangulation absent -
脾脏包膜下新月形高密度影，腹腔积血，考虑脾破裂。 | abd.solid_organ_injury present -; \
abd.hemoperitoneum present -; abd.solid_organ_injury uncertain -
胆囊颈部结石嵌顿，胆囊壁水肿呈双边征，胆囊窝少许积液。 | abd.gallstone present -; abd.ascites present -; \
abd.gb_wall_thickening present -; abd.gb_wall_thickening present -
胰腺炎治疗后，胰周渗出较前减少，胰尾假性囊肿形成。 | abd.pancreatitis present -; \
abd.peripancreatic_fluid present -; abd.pseudocyst present -
左侧卵巢囊肿，蒂扭转不除外；右侧附件区未见包块。 | abd.ovarian_cyst present left; \
abd.ovarian_torsion uncertain left; abd.ovarian_cyst absent right
乙状结肠壁增厚，结肠癌可能，建议肠镜检查。 | abd.wall_thickening present -; \
abd.tumor uncertain -; rec.endoscopy recommendation -
双肾多发小结石，左肾囊肿，右肾未见异常。 | abd.renal_stone present bilateral; abd.renal_cyst present left
""".strip().splitlines()

ROWS = [tuple(part.strip() for part in line.split("|")) for line in SENTENCES if line and not line.startswith("#")]


@pytest.mark.parametrize(("text", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_a_sentence_says_these_findings_with_this_assertion_and_side(text: str, expected: str) -> None:
    structured = structure_report(text, report_id="r")
    found = [f"{e.code} {e.assertion} {e.laterality or '-'}" for e in structured.entities]
    assert sorted(found) == sorted(part.strip() for part in expected.split(";") if part.strip())
