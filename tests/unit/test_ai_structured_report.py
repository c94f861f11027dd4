"""Regular and irregular structured reports give the same findings."""

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from ai_backfill.readers import parse_result
from ai_backfill.result import AiFinding, AiResult
from tests.builders import structured_report as sr

RUL = ("42400003", "SCT", "Upper lobe of right lung")
LLL = ("41224006", "SCT", "Lower lobe of left lung")
PRIVATE = "99VENDOR"


def read(dataset: Dataset) -> AiResult:
    return parse_result(sr.to_bytes(dataset))


def row(finding: AiFinding) -> tuple:
    """Return what every variant of the two nodules must give."""
    return (finding.tracking_id, finding.finding_type, finding.finding_site, finding.long_axis_mm, finding.volume_mm3)


def nodule(name: str, place: sr.Coded, long_axis: float, volume: float) -> tuple[Dataset, ...]:
    return (
        sr.tracking(name),
        sr.finding(),
        sr.site(place),
        sr.num(sr.LONG_AXIS, long_axis, "mm"),
        sr.num(sr.VOLUME, volume, "mm3"),
    )


FIRST, SECOND = ("Nodule 1", RUL, 12.0, 800.0), ("Nodule 2", LLL, 6.5, 140.0)
EXPECTED = [("Nodule 1", "nodule", "RUL", 12.0, 800.0), ("Nodule 2", "nodule", "LLL", 6.5, 140.0)]


def vendor_names(name: str, place: str, long_axis: float, volume: float) -> tuple[Dataset, ...]:
    return (
        sr.text(("T1", PRIVATE, "病灶编号"), name),
        sr.code(("T2", PRIVATE, "病灶类型"), ("1", PRIVATE, "肺结节")),
        sr.text(("T3", PRIVATE, "病灶位置"), place),
        sr.num(("T4", PRIVATE, "长径"), long_axis, ("mm", "99U", "毫米")),
        sr.num(("T5", PRIVATE, "结节体积"), volume, "mm3"),
    )


def old_codes(name: str, place: sr.Coded, long_axis: float, volume: float) -> Dataset:
    return sr.group(
        sr.tracking(name),
        sr.finding(("M-03010", "SRT", "Nodule")),
        sr.code(("G-C0E3", "SRT", "Finding Site"), place),
        sr.num(("G-A185", "SRT", "Long Axis"), long_axis, "mm"),
        sr.num(("G-D705", "SRT", "Volume"), volume, "mm3"),
    )


VARIANTS = {
    "regular": lambda: sr.report(
        sr.container(sr.MEASUREMENTS, sr.group(*nodule(*FIRST)), sr.group(*nodule(*SECOND))), template="1500"
    ),
    "groups_below_the_root": lambda: sr.report(sr.group(*nodule(*FIRST)), sr.group(*nodule(*SECOND))),
    "vendor_title": lambda: sr.report(
        sr.group(*nodule(*FIRST)), sr.group(*nodule(*SECOND)), title=("X", PRIVATE, "Result")
    ),
    "no_title": lambda: sr.report(sr.group(*nodule(*FIRST)), sr.group(*nodule(*SECOND)), title=None),
    "private_containers": lambda: sr.report(
        sr.container(
            ("A", PRIVATE, "Lesion list"),
            sr.container(("B", PRIVATE, "Lesion"), *nodule(*FIRST)),
            sr.container(("B", PRIVATE, "Lesion"), *nodule(*SECOND)),
        )
    ),
    "containers_without_name": lambda: sr.report(
        sr.container(None, sr.container(None, *nodule(*FIRST)), sr.container(None, *nodule(*SECOND)))
    ),
    "values_in_containers_of_their_own": lambda: sr.report(
        *(
            sr.container(
                ("B", PRIVATE, "Lesion"), *parts[:3], sr.container(("C", PRIVATE, "Measured values"), *parts[3:])
            )
            for parts in (nodule(*FIRST), nodule(*SECOND))
        )
    ),
    "a_flat_list": lambda: sr.report(*nodule(*FIRST), *nodule(*SECOND), sop_class=sr.ENHANCED),
    "a_flat_list_with_the_finding_first": lambda: sr.report(
        *(parts[number] for parts in (nodule(*FIRST), nodule(*SECOND)) for number in (1, 0, 2, 3, 4))
    ),
    "findings_that_hold_their_values": lambda: sr.report(
        *(
            sr.code(sr.FINDING, sr.NODULE, *(part for number, part in enumerate(parts) if number != 1))
            for parts in (nodule(*FIRST), nodule(*SECOND))
        )
    ),
    "enhanced_class": lambda: sr.report(sr.group(*nodule(*FIRST)), sr.group(*nodule(*SECOND)), sop_class=sr.ENHANCED),
    "no_class": lambda: sr.report(sr.group(*nodule(*FIRST)), sr.group(*nodule(*SECOND)), SOPClassUID=None),
    "basic_text_with_numbers_in_text": lambda: sr.report(
        *(
            sr.container(
                None,
                sr.tracking(name),
                sr.finding(),
                sr.site(place),
                sr.text(sr.LONG_AXIS, f"{long_axis} mm"),
                sr.text(sr.VOLUME, f"{volume}mm3"),
            )
            for name, place, long_axis, volume in (FIRST, SECOND)
        ),
        sop_class=sr.BASIC_TEXT,
    ),
    "centimetres": lambda: sr.report(
        *(
            sr.group(
                *nodule(name, place, 0, 0)[:3], sr.num(sr.LONG_AXIS, size / 10, "cm"), sr.num(sr.VOLUME, v / 1000, "ml")
            )
            for name, place, size, v in (FIRST, SECOND)
        )
    ),
    "srt_codes": lambda: sr.report(
        old_codes("Nodule 1", ("T-28200", "SRT", "RUL"), 12.0, 800.0),
        old_codes("Nodule 2", ("T-28700", "SRT", "LLL"), 6.5, 140.0),
    ),
    "chinese_private_codes": lambda: sr.report(
        sr.container(None, *vendor_names("Nodule 1", "右肺上叶", 12.0, 800.0)),
        sr.container(None, *vendor_names("Nodule 2", "左肺下叶", 6.5, 140.0)),
    ),
    "laterality_apart": lambda: sr.report(
        *(
            sr.group(
                sr.tracking(name),
                sr.finding(),
                sr.site((code, "SCT", "Lobe"), sr.code(sr.LATERALITY, (side, "SCT", "Side"))),
                sr.num(sr.LONG_AXIS, size, "mm"),
                sr.num(sr.VOLUME, v, "mm3"),
            )
            for (name, _, size, v), code, side in ((FIRST, "45653009", "24028007"), (SECOND, "90572001", "7771000"))
        )
    ),
    "facts_in_blocks_below_a_heading": lambda: sr.report(
        sr.container(
            ("H", PRIVATE, "Pulmonary nodules"),
            *(
                sr.container(
                    ("I", PRIVATE, "Item"),
                    sr.container(("S", PRIVATE, "Size"), sr.num(sr.LONG_AXIS, s, "mm"), sr.num(sr.VOLUME, v, "mm3")),
                    sr.container(("P", PRIVATE, "Position"), sr.text(sr.SITE, p[2]), sr.tracking(n)),
                )
                for n, p, s, v in (FIRST, SECOND)
            ),
        )
    ),
    "decimal_comma": lambda: sr.report(
        *(
            sr.group(
                *nodule(n, p, 0, 0)[:3],
                sr.text(sr.LONG_AXIS, f"{s}".replace(".", ",") + " mm"),
                sr.num(sr.VOLUME, v, "mm3"),
            )
            for n, p, s, v in (FIRST, SECOND)
        )
    ),
}


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_variant_of_two_nodules_gives_the_same_two_findings(variant: str) -> None:
    assert [row(finding) for finding in read(VARIANTS[variant]()).findings] == EXPECTED


@pytest.mark.parametrize("name", ["RelationshipType", "ValueType", "ContinuityOfContent"])
def test_an_attribute_that_is_missing_everywhere_changes_nothing(name: str) -> None:
    dataset = VARIANTS["regular"]()
    for item in _all_items(dataset):
        if name in item:
            del item[name]
    assert [row(finding) for finding in read(dataset).findings] == EXPECTED


def _all_items(dataset: Dataset) -> list[Dataset]:
    return [dataset, *(below for item in dataset.get("ContentSequence", []) for below in _all_items(item))]


def test_a_report_of_highdicom_gives_all_it_holds() -> None:
    result = read(sr.regular_report(("Nodule 1", RUL, 12.0, 9.0, 800.0), ("Nodule 2", LLL, 6.5, 5.0, 140.0)))
    assert [row(finding) for finding in result.findings] == EXPECTED
    assert [finding.short_axis_mm for finding in result.findings] == [9.0, 5.0]
    assert (result.algorithm, result.algorithm_version, result.algorithm_origin) == ("LungCAD", "2.1.0", "content")
    assert (result.result_format, result.observer_type) == ("dicom_sr_tid1500", "device")
    assert result.findings[0].reference is not None
    assert result.findings[0].reference.sop_instance_uid == sr.make_ct().SOPInstanceUID
    assert result.findings[0].tracking_uid == "2.25.8001"


def test_a_chest_cad_report_is_read_with_its_references_resolved() -> None:
    dataset = sr.report(
        sr.container(("111028", "DCM", "Image Library"), sr.image("2.25.9001"), sr.num(("1", "DCM", "Rows"), 512, "1")),
        sr.code(
            ("111017", "DCM", "CAD Processing and Findings Summary"),
            ("111242", "DCM", "All algorithms succeeded; with findings"),
            sr.container(
                ("111034", "DCM", "Individual Impression/Recommendation"),
                sr.code(
                    ("111059", "DCM", "Single Image Finding"),
                    sr.NODULE,
                    sr.tracking("1"),
                    sr.text(("111001", "DCM", "Algorithm Name"), "LungCAD"),
                    sr.text(("111003", "DCM", "Algorithm Version"), "3.0"),
                    sr.num(("111012", "DCM", "Certainty of Finding"), 85, "%"),
                    sr.num(sr.DIAMETER, 8.0, "mm"),
                    sr.item("SCOORD", ("111010", "DCM", "Center"), sr.by_reference(1, 1, 1)),
                ),
            ),
        ),
        title=("112000", "DCM", "Chest CAD Report"),
        sop_class=sr.CHEST_CAD,
        template="4100",
    )
    result = read(dataset)
    (finding,) = result.findings
    assert (finding.finding_type, finding.diameter_mm, finding.probability) == ("nodule", 8.0, 0.85)
    assert result.result_format == "dicom_sr_tid4100"
    assert (result.algorithm, result.algorithm_version) == ("LungCAD", "3.0")
    assert [m.references[0].sop_instance_uid for m in finding.measurements if m.references] == ["2.25.9001"]


def test_values_of_the_whole_study_are_kept_apart_from_lesions() -> None:
    dataset = sr.report(
        sr.container(
            sr.MEASUREMENTS,
            sr.num(("P1", PRIVATE, "肺炎体积占比"), 12.5, "%"),
            sr.num(("P2", PRIVATE, "Number of nodules"), 1, "1"),
            sr.group(*nodule(*FIRST)),
        )
    )
    study, lesion = read(dataset).findings
    assert (study.scope, lesion.scope) == ("study", "lesion")
    assert {m.concept: m.canonical_value for m in study.measurements} == {"opacity_percent": 12.5, "nodule_count": 1.0}


def test_shares_per_lobe_are_findings_with_their_lobe() -> None:
    share = ("P1", PRIVATE, "Percentage of opacity")
    dataset = sr.report(
        sr.container(("L", PRIVATE, "Right upper lobe"), sr.num(share, 10.0, "%")),
        sr.container(("L", PRIVATE, "Left lower lobe"), sr.num(share, 20.0, "%")),
    )
    findings = read(dataset).findings
    assert [finding.measurements[0].canonical_value for finding in findings] == [10.0, 20.0]
    assert [finding.finding_site for finding in findings] == ["RUL", "LLL"]


@pytest.mark.parametrize(
    ("value", "unit", "field", "status"),
    [
        (None, "mm", None, "missing"),
        ("", "mm", None, "coded"),
        ("6.3", None, None, "missing"),
        ("6.3", "mm3", None, "mismatch"),
        ("6.3", "parsec", None, "unknown"),
        ("0.63", "cm", 6.3, "coded"),
    ],
)
def test_a_length_without_value_or_unit_is_kept_but_never_guessed(
    value: str | None, unit: str | None, field: float | None, status: str
) -> None:
    (finding,) = read(sr.report(sr.group(sr.finding(), sr.num(sr.LONG_AXIS, value, unit)))).findings
    assert finding.long_axis_mm == field
    assert (finding.measurements[0].concept, finding.measurements[0].unit_status) == ("long_axis", status)


def test_a_size_written_as_one_text_is_both_its_axes() -> None:
    (finding,) = read(sr.report(sr.group(sr.finding(), sr.text(sr.DIAMETER, "8×12mm")))).findings
    assert (finding.long_axis_mm, finding.short_axis_mm, finding.diameter_mm) == (12.0, 8.0, None)


def test_a_list_of_nothing_but_numbers_is_cut_where_it_begins_again() -> None:
    numbers = [(sr.DIAMETER, 5.0, "mm"), (sr.VOLUME, 60.0, "mm3"), (sr.DIAMETER, 7.0, "mm"), (sr.VOLUME, 90.0, "mm3")]
    findings = read(sr.report(*(sr.num(*number) for number in numbers))).findings
    assert [(f.diameter_mm, f.volume_mm3, f.scope) for f in findings] == [(5.0, 60.0, "lesion"), (7.0, 90.0, "lesion")]


def test_a_measured_organ_is_no_lesion() -> None:
    category = sr.code(("276214006", "SCT", "Finding category"), ("91723000", "SCT", "Anatomical structure"))
    aorta = sr.group(category, sr.finding(("15825003", "SCT", "Aorta")), sr.num(sr.DIAMETER, 31.0, "mm"))
    assert [finding.scope for finding in read(sr.report(aorta)).findings] == ["anatomy"]


@pytest.mark.parametrize(
    ("decimal", "floating", "expected"),
    [
        ("-119.07385253906", -119.0738525390625, -119.0738525390625),
        ("6.3", 9.9, 6.3),
        ("", 6.25, 6.25),
        ("6.3", None, 6.3),
    ],
)
def test_the_more_precise_of_two_equal_numbers_is_taken(decimal: str, floating: float | None, expected: float) -> None:
    number = sr.num(sr.LONG_AXIS, decimal, "mm")
    if floating is not None:
        number.MeasuredValueSequence[0].FloatingPointValue = floating
    (finding,) = read(sr.report(sr.group(sr.finding(), number))).findings
    assert finding.long_axis_mm == expected


def test_a_unit_in_the_name_serves_where_none_is_coded() -> None:
    name = ("D", PRIVATE, "Longest diameter (cm)")
    (finding,) = read(sr.report(sr.group(sr.finding(), sr.num(name, 1.2, None)))).findings
    assert (finding.long_axis_mm, finding.measurements[0].unit_status) == (12.0, "from_name")


def test_the_deviation_of_a_diameter_is_no_diameter() -> None:
    deviation = sr.code(sr.DERIVATION, ("386136009", "SCT", "Standard Deviation"))
    mean = sr.code(sr.DERIVATION, ("R-00317", "SRT", "Mean"))
    group = sr.group(sr.finding(), sr.num(sr.DIAMETER, 0.4, "mm", deviation), sr.num(sr.DIAMETER, 6.0, "mm", mean))
    (finding,) = read(sr.report(group)).findings
    assert (finding.diameter_mm, finding.mean_diameter_mm) == (None, 6.0)
    assert [m.value for m in finding.measurements] == [0.4, 6.0]


def test_what_is_not_known_keeps_its_own_codes() -> None:
    unknown = ("Q9", PRIVATE, "Fractal index")
    group = sr.group(sr.finding(("F9", PRIVATE, "Zebra sign")), sr.num(unknown, 1.5, ("x", "99U", "zebras")))
    (finding,) = read(sr.report(group)).findings
    (measurement,) = finding.measurements
    assert (finding.finding_type, finding.finding_type_source.meaning) == (None, "Zebra sign")
    assert (measurement.concept, measurement.concept_mapping_status) == (None, "unmapped")
    assert (measurement.source.value, measurement.value, measurement.canonical_value) == ("Q9", 1.5, None)
    assert measurement.unit_source is not None and measurement.unit_source.meaning == "zebras"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Solid", "solid"),
        ("Part-solid", "part_solid"),
        ("纯磨玻璃", "pure_ggn"),
        ("Non-Solid/GGO", "pure_ggn"),
        ("Odd", None),
    ],
)
def test_a_nodule_type_is_one_of_the_value_set_or_unknown(answer: str, expected: str | None) -> None:
    group = sr.group(
        sr.finding(), sr.code(("N", PRIVATE, "Nodule type"), ("1", PRIVATE, answer)), sr.num(sr.VOLUME, 1, "mm3")
    )
    (finding,) = read(sr.report(group)).findings
    assert finding.nodule_type == expected


@pytest.mark.parametrize(
    ("written", "expected"), [("4A", "4A"), ("Lung-RADS 4B", "4B"), ("3类", "3"), ("4X S", "4X"), ("high", None)]
)
def test_a_lung_rads_category_is_one_of_its_scale_or_unknown(written: str, expected: str | None) -> None:
    group = sr.group(sr.finding(), sr.text(("R", PRIVATE, "Lung-RADS"), written), sr.num(sr.VOLUME, 1, "mm3"))
    (finding,) = read(sr.report(group)).findings
    assert finding.lung_rads == expected


def test_malignancy_is_read_as_number_and_as_category() -> None:
    number = sr.group(sr.finding(), sr.num(("M", PRIVATE, "Malignancy probability"), 73, "%"))
    rating = sr.group(sr.finding(), sr.code(("900", "99LIDCQIICR", "Malignancy"), ("904", "99LIDCQIICR", "4 out of 5")))
    first, second = read(sr.report(number, rating)).findings
    assert (first.malignancy, first.malignancy_source.meaning) == (0.73, "Malignancy probability")
    assert (second.malignancy, second.malignancy_text) == (None, "4 out of 5")


def test_text_in_gbk_that_is_declared_as_latin_is_read() -> None:
    dataset = sr.report(
        sr.container(None, *vendor_names("Nodule 1", "右肺上叶", 12.0, 800.0)), SpecificCharacterSet="GB18030"
    )
    data = sr.to_bytes(dataset).replace(b"GB18030 ", b"ISO_IR 6")
    assert b"ISO_IR 6" in data
    assert [row(finding) for finding in parse_result(data).findings] == EXPECTED[:1]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_content_hash_does_not_depend_on_the_transfer_syntax(syntax: str) -> None:
    dataset = VARIANTS["regular"]()
    if syntax == ExplicitVRBigEndian:
        dataset.set_original_encoding(False, True)
    first, second = read(dataset), parse_result(sr.to_bytes(VARIANTS["regular"](), syntax))
    assert first == second


def test_the_content_hash_changes_with_any_value() -> None:
    first = read(sr.report(sr.group(*nodule(*FIRST))))
    second = read(sr.report(sr.group(*nodule(*FIRST[:3], 801.0))))
    assert first.content_sha256 != second.content_sha256


def test_a_person_is_no_algorithm() -> None:
    person = sr.item("PNAME", ("121008", "DCM", "Person Observer Name"))
    person.PersonName = f"{sr.CANARY}^READER"
    result = read(sr.report(person, sr.group(*nodule(*FIRST))))
    assert (result.observer_type, result.algorithm) == ("person", None)
    assert sr.CANARY not in repr(result.findings)


def test_a_report_without_findings_is_a_result_when_an_algorithm_wrote_it() -> None:
    procedure = sr.code(("121058", "DCM", "Procedure reported"), ("24627-2", "LN", "CT Chest"))
    assert read(sr.report(procedure, template="1500")).findings == ()
