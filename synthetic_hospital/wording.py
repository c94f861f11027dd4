"""Words of invented reports: several ways to say the same, so that nothing is learnt by heart.

Every function returns (findings, impression) of one examination. What a text asserts is stated in its name.
"""

import random

Report = tuple[str, str]

_LOBES = ("右肺上叶", "右肺中叶", "右肺下叶", "左肺上叶", "左肺下叶")
_OPACITIES = (
    "斑片状磨玻璃密度影", "片状实变影", "斑片状模糊影", "多发斑片影", "片絮状密度增高影", "毛玻璃样密度影", "大片状实变影",
)  # fmt: skip
_NORMAL_LUNG = (
    "双肺纹理清晰，走行自然，肺内未见明确实质性病变。",
    "两肺野清晰，未见明显渗出及实变影。",
    "双肺未见明显异常密度影，未见斑片影及结节影。",
    "胸廓对称，双肺透亮度正常，未见炎性渗出。",
)
_NORMAL_REST = (
    "气管及主要支气管通畅。纵隔未见肿大淋巴结。双侧胸腔未见积液。",
    "气管居中，支气管开口通畅，无胸腔积液，心影不大。",
    "肺门不大，纵隔居中，未见肿大淋巴结，胸膜未见增厚。",
)


def chest_pneumonia(rng: random.Random) -> Report:
    """Return a chest CT that shows pneumonia."""
    lobe, other = rng.sample(_LOBES, 2)
    opacity, more = rng.choice(_OPACITIES), rng.choice(_OPACITIES)
    findings = rng.choice(
        (
            f"{lobe}见{opacity}，边界不清，其内可见支气管充气征。{other}可见{more}。{rng.choice(_NORMAL_REST)}",
            f"胸廓对称。{lobe}及{other}可见{opacity}，密度不均。双侧胸腔少量积液。纵隔未见肿大淋巴结。",
            f"{lobe}可见{opacity}，范围约{rng.randrange(15, 60)}mm×{rng.randrange(10, 50)}mm。余肺野清晰。"
            f"{rng.choice(_NORMAL_REST)}",
        )
    )
    impression = rng.choice(
        (
            f"{lobe}炎症，建议治疗后复查。",
            f"1.{lobe}、{other}肺炎。2.建议结合临床及实验室检查。",
            f"{lobe}感染性病变，考虑肺炎。",
        )
    )
    return findings, impression


def chest_viral_pneumonia(rng: random.Random) -> Report:
    """Return a chest CT that shows viral pneumonia on both sides."""
    return (
        "双肺多发斑片状磨玻璃密度影，以胸膜下分布为主，部分呈铺路石征，可见小叶间隔增厚。双侧胸腔未见积液。",
        rng.choice(("双肺多发磨玻璃影，病毒性肺炎可能性大，CO-RADS 5。", "考虑病毒性肺炎，请结合核酸检测。")),
    )


def chest_normal(rng: random.Random) -> Report:
    """Return a chest CT without any opacity."""
    return (
        rng.choice(_NORMAL_LUNG) + rng.choice(_NORMAL_REST),
        rng.choice(("胸部CT平扫未见明显异常。", "双肺未见明确病变。", "心肺膈未见异常。")),
    )


def chest_nodule_only(rng: random.Random) -> Report:
    """Return a chest CT with a nodule and no infection."""
    lobe = rng.choice(_LOBES)
    size = rng.randrange(3, 9)
    return (
        f"{lobe}见一实性小结节，直径约{size}mm，边界清。余双肺未见渗出及实变。{rng.choice(_NORMAL_REST)}",
        f"{lobe}小结节，建议年度复查。",
    )


def chest_interstitial(rng: random.Random) -> Report:
    """Return a chest CT of interstitial lung disease without an opacity of infection."""
    return (
        "双肺下叶胸膜下见网格影及蜂窝影，伴牵拉性支气管扩张。未见斑片影，未见胸腔积液。",
        rng.choice(("双肺间质性改变。", "双肺间质纤维化。")),
    )


def chest_heart_failure(rng: random.Random) -> Report:
    """Return a chest CT of an enlarged heart without infection."""
    del rng
    return "心影增大，双侧胸腔少量积液。双肺未见实变及斑片影。", "心影增大，双侧胸腔积液。"


def chest_tuberculosis(rng: random.Random) -> Report:
    """Return a chest CT of active tuberculosis."""
    return (
        f"{rng.choice(('右肺上叶尖段', '左肺上叶尖后段'))}见斑片影及树芽征，可见厚壁空洞。纵隔淋巴结钙化。",
        "考虑继发性肺结核，建议痰检。",
    )


def head_infarct(rng: random.Random) -> Report:
    """Return a head CT of an infarct."""
    side = rng.choice(("左侧", "右侧"))
    return (
        f"{side}基底节区见片状低密度影，边界不清，范围约{rng.randrange(12, 45)}mm×{rng.randrange(8, 30)}mm。"
        "脑室系统未见扩张，中线结构居中。未见出血。",
        f"{side}基底节区脑梗死。",
    )


def head_hemorrhage(rng: random.Random) -> Report:
    """Return a head CT of a haemorrhage."""
    side = rng.choice(("左侧", "右侧"))
    volume = rng.randrange(8, 60)
    return (
        f"{side}丘脑见团块状高密度影，CT值约{rng.randrange(58, 78)}HU，出血量约{volume}ml，周围见低密度水肿带。",
        f"{side}丘脑出血。",
    )


def abdomen_appendicitis(rng: random.Random) -> Report:
    """Return an abdominal CT of appendicitis."""
    return (
        f"阑尾增粗，最大径约{rng.randrange(9, 16)}mm，壁增厚，周围脂肪间隙模糊。腹腔未见游离气体。",
        rng.choice(("急性阑尾炎。", "考虑急性阑尾炎，周围少许渗出。")),
    )


def abdomen_cholecystitis_ultrasound(rng: random.Random) -> Report:
    """Return an ultrasound of cholecystitis."""
    return (
        f"胆囊增大，壁增厚约{rng.choice(('0.5', '0.6', '0.7'))}cm，腔内见强回声团伴声影，最大约{rng.choice(('1.2', '1.8'))}cm。"
        "胆总管未见扩张。",
        "胆囊结石，急性胆囊炎。",
    )


def placenta_accreta_ultrasound(rng: random.Random) -> Report:
    """Return an obstetric ultrasound of placenta previa with signs of accreta."""
    return (
        f"胎盘位于子宫前壁下段，完全覆盖宫颈内口。胎盘内见多个腔隙样液性暗区，胎盘后低回声带消失，"
        f"子宫肌层最薄处约{rng.choice(('0.8', '1.0'))}mm。",
        "前置胎盘（完全性），胎盘植入可能。",
    )


def pregnancy_normal_ultrasound(rng: random.Random) -> Report:
    """Return an obstetric ultrasound without finding."""
    return (
        f"宫内单活胎，胎盘位于后壁，厚约{rng.choice(('2.8', '3.1'))}cm，下缘距宫颈内口大于3cm，胎盘后低回声带清晰。",
        "宫内晚孕，单活胎。",
    )


def with_personal_data(rng: random.Random, text: str, *, name: str, phone: str, inpatient_no: str, doctor: str) -> str:
    """Return a text into which a careless writer put who the patient is."""
    return text + rng.choice(
        (
            f"已电话通知患者家属（{phone}），危急值已报告{doctor}医师。",
            f"患者{name}，住院号：{inpatient_no}，与旧片对比。",
            f"请与{name}本人核对病史，联系电话{phone}。",
        )
    )
