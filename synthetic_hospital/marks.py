"""The marks by which everything personal in the synthetic hospital can be told from anything real.

Given names are two of 48 rare characters that no report uses; identity cards use the area code 110199, which belongs to
no district; mobiles begin with 19900; addresses contain 标记路; numbers begin with a fixed odd prefix.
"""

GIVEN_NAME_CHARACTERS = (
    "犇骉鑫淼焱垚赟翀頔玥瑾璟琛珺骞骥昱晟旻昊晗晔睿懿翊翎翀芃芊芮茜荟菡蕤蕾薇钰铄锴镕闳阔隽雯霁霄韫颢"
)
SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田"
    "任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
COMPOUND_SURNAMES = ("欧阳", "司马", "诸葛", "上官")
AREA_CODE = "110199"
MOBILE_PREFIX = "19900"
STREET = "标记路"
PATIENT_ID_PREFIX = "0077"
INPATIENT_NO_PREFIX = "ZY66"
MEDICAL_RECORD_PREFIX = "BA33"
OUTPATIENT_NO_PREFIX = "MZ88"
VISIT_ID_PREFIX = "JL44"
ACCESSION_PREFIX = "YX55"
EXAM_ID_PREFIX = "JC22"
ULTRASOUND_PREFIX = "CS11"
PATHOLOGY_PREFIX = "BL99"
LAB_REPORT_PREFIX = "LB77"
BARCODE_PREFIX = "TM31"
ORDER_PREFIX = "YZ52"
PROCEDURE_PREFIX = "SS63"
REQUEST_PREFIX = "SQ41"
DOCUMENT_PREFIX = "BX21"
VITAL_PREFIX = "HL17"
EMPI_PREFIX = "EM91"
CARD_PREFIX = "KH73"
INSURANCE_PREFIX = "YB26"
CHARGE_PREFIX = "FY84"
DELIVERY_PREFIX = "FM37"
NEWBORN_PREFIX = "XS58"
CDR_REPORT_PREFIX = "PT67"
UID_ROOT = "1.2.826.0.1.3680043.10.1199"
