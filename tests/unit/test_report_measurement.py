"""Measurements: the numbers, what kind they are and what they are said of (specification 7).

A row of `LINKS` gives the sentence and, in the order of the text, the finding each value is said of (`-` none),
its kind, and `prior` or the operator where they are not current and equal.
"""

import pytest

from report_structuring.quantity import find_quantities
from report_structuring.structure import structure_report

LINKS = """
双肺多发结节，边缘毛刺，内见空洞，较大者位于右肺上叶，约2.3×1.8cm | nodule size
右肺下叶团块影，最大截面约45mm×38mm，CT值约32HU | mass area; mass ct_value
左侧胸腔积液，深约3.2cm | pleural_effusion depth
右侧少量胸腔积液，最深处约12mm | pleural_effusion depth
纵隔淋巴结肿大，短径约13mm，大者约2.0×1.5cm | lymphadenopathy short_axis; lymphadenopathy size
直径约8mm的结节位于左肺上叶 | nodule diameter
右肺见一大小约12mm×9mm结节 | nodule size
右肺上叶结节约5~8mm | nodule diameter
肺动脉主干直径约31mm，未见充盈缺损 | - diameter
心影增大，心胸比0.62 | cardiomegaly ratio
左侧气胸，肺组织压缩约30% | pneumothorax percent
左侧基底节区血肿，大小约4.0×3.0×3.5cm，出血量约22ml，周围水肿 | ich size; ich volume
中线结构向右移位约8mm | midline_shift distance
右侧颈内动脉起始部重度狭窄，狭窄率约80%，PSV 320cm/s | stenosis percent; stenosis velocity
左侧大脑中动脉M1段动脉瘤，大小约5.2mm×4.1mm，瘤颈约2.5mm | aneurysm size; aneurysm width
右侧颈总动脉分叉处软斑块，大小约15.2×3.1mm，左侧斑块厚约2.2mm | plaque size; plaque thickness
双侧颈总动脉内中膜增厚，右侧约1.2mm，左侧约1.3mm | imt_thickening thickness; imt_thickening thickness
左侧颈总动脉内中膜厚约0.8mm，未见斑块 | - thickness
椎动脉内径：右侧3.2mm，左侧3.5mm | - diameter; - diameter
NIHSS评分12分，ASPECTS 8分 | nihss score; aspects score
胎盘厚约3.5cm，下缘距宫颈内口约2.2cm | - thickness; - distance
胎盘陷窝多个，最大约3.2×2.1cm，宫颈管长2.8cm | lacunae size; - length
子宫下段肌层变薄，最薄处约1.1mm | myometrial_thinning thickness
子宫下段肌层厚约2.1mm，羊水指数9.8cm | - thickness; - afi
羊水过少，羊水指数4.2cm | oligohydramnios afi
BPD 85mm，HC 310mm，AC 300mm，FL 65mm | - diameter; - length; - length; - length
脐动脉S/D 2.5，RI 0.60，PI 0.92 | - ratio; - ri; - ri
膀胱线中断，范围约2.4cm | bladder_line_interruption length
阑尾增粗，直径约12mm，壁厚约4mm，腔内见粪石，大小约8×6mm | appendix_dilated diameter; appendix_dilated thickness; appendicolith size
阑尾直径约5mm，未见粪石 | - diameter
胆囊大小约8.5×3.2cm，壁厚约0.3cm，腔内见强回声团，大小约1.2×0.9cm，伴声影 | - size; - thickness; gallstone size
胆囊壁增厚，约6mm，胆总管扩张，内径约1.2cm | gb_wall_thickening thickness; bile_duct_dilatation diameter
胆囊多发结石，较大者直径约1.5cm | gallstone diameter
小肠肠管扩张，最宽处约4.1cm，见多个气液平面 | bowel_dilatation width
右肾盂分离约15mm，输尿管上段扩张，内径约8mm，下段见结石，大小约6×5mm | hydronephrosis depth; ureter_dilatation diameter; ureteral_stone size
盆腔积液，深约3.0cm，肝肾隐窝深约1.2cm | ascites depth; ascites depth
右附件区囊性包块，大小约5.6×4.8cm，壁厚约3mm | ovarian_cyst size; ovarian_cyst thickness
肝右叶囊肿，大小约2.3×2.1cm，另见数个小囊肿，大者约0.8cm | liver_cyst size; liver_cyst diameter
胰周积液，范围约6.2×3.1cm，前片约8.0×5.1cm | peripancreatic_fluid area; peripancreatic_fluid area prior
血肿由4.5×3.2cm缩小至2.8×1.9cm | ich size prior; ich size
结节大小约12mm（原8mm） | nodule diameter; nodule diameter prior
右肺结节约15mm，较前片（11mm）增大 | nodule diameter; nodule diameter prior
右肺结节，原径约9mm，现径约12mm | nodule diameter prior; nodule diameter
右肺结节前片大小约1.5×1.2cm，现约0.9×0.8cm | nodule size prior; nodule size
双肺结节，直径均小于5mm | nodule diameter lt
双肺结节，最大不超过6mm | nodule diameter le
送检阑尾一条，长6cm，直径1.0cm，尖端见穿孔，直径0.4cm | - length; - diameter; appendiceal_perforation diameter
胆囊标本9×4×3cm，壁厚0.4cm，内见结石一枚，直径1.2cm | - size; - thickness; gallstone diameter
肺组织一块，大小4×3×2cm，切面见灰白结节，直径1.1cm | - size; nodule diameter
肝右叶低密度灶，直径约2.2cm，考虑囊肿 | liver_cyst diameter
胎盘前壁，成熟度Ⅱ级，厚约32mm，下缘距宫颈内口35mm，未见陷窝 | - thickness; - distance
宫颈管长约22mm，内口未扩张，宫颈内见血窦，较大约8×6mm | - length; cervical_lakes size
胎盘与膀胱之间血流丰富，RI 0.35，可见桥接血管，直径约4mm | hypervascularity ri; bridging_vessels diameter
胎盘后方见低回声区，范围约4.5×1.8cm，考虑胎盘后血肿 | retroplacental_hematoma area
单胎，双顶径8.9cm，头围32cm，腹围31cm，股骨长6.8cm，羊水最大深度5.5cm | - diameter; - length; - length; - length; - depth
子宫大小约9.2×8.1×7.5cm，宫腔内见不均质回声，范围约4.2×3.3cm，考虑胎盘残留 | - size; retained_placenta area
切口处肌层厚约1.8mm，憩室大小约8×5mm | - thickness; scar_defect size
右侧附件区混合回声包块，大小约4.5×3.8cm，盆腔积液，最深约3.5cm | ovarian_cyst size; ascites depth
阑尾增粗，外径约1.1cm，壁厚约0.4cm，周围见少量积液，深约0.8cm | appendix_dilated diameter; appendix_dilated thickness; ascites depth
胆囊增大，大小约10.1×4.5cm，壁增厚约0.6cm，颈部结石大小约1.8×1.2cm，肝外胆管内径约0.6cm | gb_distension size; gb_wall_thickening thickness; gallstone size; - diameter
左肾积水，肾盂前后径约2.1cm，输尿管上段扩张，内径约0.9cm，下段见结石，约0.7×0.5cm | hydronephrosis depth; ureter_dilatation diameter; ureteral_stone size
双侧颈总动脉内中膜厚度约0.9mm，左侧颈内动脉起始段见斑块，长约12mm，厚约2.5mm，致管腔狭窄约60%，PSV 210cm/s | - thickness; plaque length; plaque thickness; stenosis percent; stenosis velocity
右侧椎动脉内径约2.1mm，PSV 35cm/s，RI 0.78 | - diameter; - velocity; - ri
肝右叶囊肿，大小约3.1×2.8cm；脾厚约3.5cm；门静脉内径约1.1cm | liver_cyst size; - thickness; - diameter
左侧基底节区出血，范围约3.5cm×2.8cm×4cm，中线右移约5mm，周围水肿带宽约8mm | ich size; midline_shift distance; edema width
左侧额颞顶部硬膜下血肿，最厚处约1.5cm，中线结构右移约0.9cm | sdh thickness; midline_shift distance
右肺上叶肿块，大小约5.1×4.3cm，纵隔淋巴结肿大，最大短径约1.6cm，右侧胸腔积液最深约2.3cm | mass size; lymphadenopathy short_axis; pleural_effusion depth
右肺下叶结节，长径约12mm，短径约8mm，CT值约35HU，较前(9mm)增大 | nodule diameter; nodule short_axis; nodule ct_value; nodule diameter prior
左肺上叶磨玻璃结节，大小约8mm×7mm，实性成分约3mm | ggn size; ggn diameter
气管插管末端距隆突约3.2cm，右侧胸腔引流管在位 | drainage_tube distance
送检胆囊一个，大小8×3×2cm，壁厚0.3~0.5cm，腔内见结石数枚，直径0.3~1.2cm | - size; - thickness; gallstone diameter
胎盘一个，大小20×18×3cm，重550g，母面见血肿，大小5×4×2cm，脐带长50cm | - size; retroplacental_hematoma size; - length
肠管一段，长25cm，肠壁见溃疡，大小3×2cm，距近端切缘8cm，系膜淋巴结10枚，直径0.3-1cm | - length; ulcer size; ulcer distance; lymph_node diameter
""".strip().splitlines()
PATHOLOGY = ("送检", "标本", "组织一", "脐带", "肠管一段")
DISEASES = {"pas": ("胎", "羊水", "肌层", "BPD", "脐", "膀胱"), "stroke": ("血肿",)}


@pytest.mark.parametrize("row", LINKS, ids=[row.split(" | ")[0] for row in LINKS])
def test_a_value_belongs_to_what_it_is_said_of(row: str) -> None:
    text, expected = row.split(" | ")
    kind = "pathology" if any(word in text for word in PATHOLOGY) else "radiology"
    disease = next((name for name, words in DISEASES.items() if any(word in text for word in words)), None)
    report = structure_report(text, report_id="r", report_kind=kind, disease=disease)
    codes = {e.id: e.code.split(".")[1] for e in report.entities}
    found = []
    for m in report.measurements:
        marks = [mark for mark, plain in ((m.op, "eq"), (m.time, "current")) if mark != plain]
        found.append(" ".join([codes.get(m.entity or "", "-"), m.kind, *marks]))
    assert found == [item.strip() for item in expected.split(";")]


# text | value of the first quantity, unit, operator; number of quantities
QUANTITIES = [
    ("大小约2.3×1.8，", ((2.3, 2.3), (1.8, 1.8)), None, "eq", 1),
    ("厚度分别约3.0、2.7cm", ((30.0, 30.0),), "mm", "eq", 2),
    ("3.0×2.0、1.2×0.8cm", ((30.0, 30.0), (20.0, 20.0)), "mm", "eq", 2),
    ("PSV168cm/s", ((168.0, 168.0),), "cm/s", "eq", 1),
    ("流速约3.1m/s", ((310.0, 310.0),), "cm/s", "eq", 1),
    ("PSV>230cm/s", ((230.0, 230.0),), "cm/s", "gt", 1),
    ("RI 0.55-0.62", ((0.55, 0.62),), "ratio", "eq", 1),
    ("ASPECTS≥6", ((6.0, 6.0),), "score", "ge", 1),
    ("AFI 12.3", ((123.0, 123.0),), "mm", "eq", 1),
    ("羊水指数110mm", ((110.0, 110.0),), "mm", "eq", 1),
    ("BPD 89", ((89.0, 89.0),), None, "eq", 1),
    ("CT值约-80HU", ((-80.0, -80.0),), "HU", "eq", 1),
    ("CT值-100至-60HU", ((-100.0, -60.0),), "HU", "eq", 1),
    ("CT值约68", ((68.0, 68.0),), "HU", "eq", 1),
    ("体积约23cm3", ((23.0, 23.0),), "mL", "eq", 1),
    ("2-3mm×4mm", ((2.0, 3.0), (4.0, 4.0)), "mm", "eq", 1),
    ("<=5mm", ((5.0, 5.0),), "mm", "le", 1),
    ("未超过6mm", ((6.0, 6.0),), "mm", "le", 1),
    ("3cm及以上", ((30.0, 30.0),), "mm", "ge", 1),
]
NOT_QUANTITIES = ["rCBF<30%核心", "5ml/s", "矩阵512×512", "L4-5", "第9、10肋", "血压120/80mmHg", "2023-11-02", "3分叶"]


@pytest.mark.parametrize(("text", "dims", "unit", "op", "count"), QUANTITIES, ids=[row[0] for row in QUANTITIES])
def test_a_quantity_is_read_with_its_unit_and_operator(
    text: str, dims: tuple[tuple[float, float], ...], unit: str | None, op: str, count: int
) -> None:
    found = find_quantities(text, 0, len(text))
    assert (found[0].dims, found[0].unit, found[0].op, len(found)) == (dims, unit, op, count)


@pytest.mark.parametrize("text", NOT_QUANTITIES)
def test_other_numbers_are_no_quantities(text: str) -> None:
    assert find_quantities(text, 0, len(text)) == []
