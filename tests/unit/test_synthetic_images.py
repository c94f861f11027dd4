"""The synthetic hospital's image files and AI results: what the facts say is what the readers find."""

import itertools
from pathlib import Path

import pydicom
import pytest
from PIL import Image

from ai_backfill.readers import read_result
from ai_backfill.result import RefusedError
from dicom_index.headers import describe_file
from dicom_index.image_files import identify_file
from dicom_index.scan import NOT_DICOM_REASONS
from lakehouse.formats.dicom import read_header
from synthetic_hospital.ai_results import AiFact, write_ai_results
from synthetic_hospital.image_faults import FILE_FAULTS, NAME_FAULTS, STUDY_FAULTS
from synthetic_hospital.images import ImageFact, film_number, image_identifiers, studies_of, write_images
from synthetic_hospital.marks import ACCESSION_PREFIX, PATIENT_ID_PREFIX, UID_ROOT
from synthetic_hospital.model import Patient
from synthetic_hospital.population import tell_patients

SEED = 7
STRANGERS = {"text_file", "jpeg_file", "png_file", "zero_bytes"}


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def patients() -> list[Patient]:
    return list(tell_patients(14, SEED))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def facts(folder: Path, patients: list[Patient]) -> list[ImageFact]:
    return write_images(folder, patients, SEED)


@pytest.fixture(scope="module")
def ai_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ai")


@pytest.fixture(scope="module")
def ai_facts(ai_folder: Path, patients: list[Patient]) -> list[AiFact]:
    return write_ai_results(ai_folder, patients, SEED)


def verdict(path: Path) -> tuple[str, str]:
    """Return status and reason of a file as the index gives them."""
    reason = describe_file(path).get("reason", "")
    if reason == "not_dicom":
        reason = identify_file(path) or reason
    if not reason:
        return "indexed", ""
    return ("not_dicom" if reason in NOT_DICOM_REASONS else "quarantined"), reason


def test_every_file_has_one_fact(folder: Path, facts: list[ImageFact]) -> None:
    assert sorted(fact.path for fact in facts) == sorted(content(folder))


def test_index_makes_of_each_file_what_its_fact_says(folder: Path, facts: list[ImageFact]) -> None:
    wrong = [fact for fact in facts if verdict(folder / fact.path) != (fact.expected_status, fact.reason)]
    assert wrong == []


def test_header_has_the_uids_of_the_fact_and_the_name_of_the_patient(
    folder: Path, facts: list[ImageFact], patients: list[Patient]
) -> None:
    names = {patient.person.patient_id: patient.person.name for patient in patients}
    indexed = [fact for fact in facts if fact.expected_status == "indexed"]
    wrong = []
    for fact in indexed:
        attributes = read_header(folder / fact.path).attributes
        found = tuple(attributes[name] for name in ("SOPInstanceUID", "StudyInstanceUID", "PatientName"))
        if found != (fact.sop_instance_uid, fact.study_instance_uid, names[fact.patient_id]):
            wrong.append(fact)
    assert indexed
    assert wrong == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_patients_with_images_have_every_fault(tmp_path: Path, seed: int) -> None:
    imaged = [patient for patient in tell_patients(60, seed) if studies_of(patient)][:10]
    faults = {fact.fault for fact in write_images(tmp_path, imaged, seed)}
    assert faults - {""} == {*NAME_FAULTS, *FILE_FAULTS, *STUDY_FAULTS, *STRANGERS}


@pytest.mark.parametrize(
    ("fault", "declared", "codec"),
    [
        ("gbk_declared_latin1", "ISO_IR 100", "gbk"),
        ("gbk_undeclared", None, "gbk"),
        ("declared_gb18030", "GB18030", "gb18030"),
        ("declared_utf8", "ISO_IR 192", "utf-8"),
    ],
)
def test_name_is_written_in_the_bytes_of_its_fault(
    folder: Path, facts: list[ImageFact], patients: list[Patient], fault: str, declared: str | None, codec: str
) -> None:
    fact = next(fact for fact in facts if fact.fault == fault)
    name = next(patient.person.name for patient in patients if patient.person.patient_id == fact.patient_id)
    assert pydicom.dcmread(folder / fact.path).get("SpecificCharacterSet") == declared
    assert name.encode(codec) in (folder / fact.path).read_bytes()


def test_second_copy_is_the_same_object_in_another_folder(folder: Path, facts: list[ImageFact]) -> None:
    copy = next(fact for fact in facts if fact.fault == "second_copy")
    original = next(fact for fact in facts if fact.sop_instance_uid == copy.sop_instance_uid and fact != copy)
    assert Path(copy.path).parent != Path(original.path).parent
    assert (folder / copy.path).read_bytes() == (folder / original.path).read_bytes()


def test_file_without_preamble_begins_with_its_meta_information(folder: Path, facts: list[ImageFact]) -> None:
    with_prefix = {
        fact.path for fact in facts if (folder / fact.path).read_bytes()[128:132] == b"DICM" and fact.sop_instance_uid
    }
    (bare,) = {fact.path for fact in facts if fact.sop_instance_uid} - with_prefix
    assert bare == next(fact.path for fact in facts if fact.fault == "no_preamble")
    assert (folder / bare).read_bytes()[:4] == b"\x02\x00\x00\x00"


def test_only_the_copied_object_stands_twice(facts: list[ImageFact]) -> None:
    uids = [fact.sop_instance_uid for fact in facts if fact.sop_instance_uid and fact.fault != "second_copy"]
    assert len(uids) == len(set(uids))
    assert all(uid.startswith(f"{UID_ROOT}.") and len(uid) <= 64 for uid in uids)


def test_one_accession_number_lost_its_letters(folder: Path, facts: list[ImageFact]) -> None:
    headers = {fact.path: read_header(folder / fact.path) for fact in facts if fact.expected_status == "indexed"}
    bare = {path for path, header in headers.items() if not header.attributes["AccessionNumber"].startswith("YX")}
    assert bare == {fact.path for fact in facts if fact.fault == "accession_without_letters"}
    assert {headers[path].attributes["AccessionNumber"][:2] for path in bare} == {ACCESSION_PREFIX.lstrip("YX")}


def test_one_study_folder_is_named_after_the_patient(facts: list[ImageFact], patients: list[Patient]) -> None:
    names = {patient.person.name for patient in patients}
    named = {Path(fact.path).parts[2] for fact in facts if names & set(Path(fact.path).parts)}
    assert len(named) == 1
    assert {fact.fault for fact in facts if named & set(Path(fact.path).parts)} == {"name_in_path"}


def test_every_third_patient_has_a_film_number(folder: Path, facts: list[ImageFact]) -> None:
    numbers = {
        fact.patient_id: read_header(folder / fact.path).attributes["PatientID"]
        for fact in facts
        if fact.expected_status == "indexed"
    }
    for patient_id, number in numbers.items():
        is_film_number = number.startswith("P") and number[1:].isdigit() and len(number) == 9
        assert is_film_number == (int(patient_id.removeprefix(PATIENT_ID_PREFIX)) % 3 == 0)
        assert is_film_number or number == patient_id


def test_slice_has_the_attributes_of_a_real_one(folder: Path, facts: list[ImageFact]) -> None:
    images = [pydicom.dcmread(folder / fact.path) for fact in facts if fact.fault == "gbk_declared_latin1"]
    assert all(sum(not element.tag.is_private for element in image) >= 60 for image in images)
    for series in ("Lung 1.0", "Mediastinum 5.0"):
        slices = [image for image in images if image.SeriesDescription == series]
        heights = [float(image.ImagePositionPatient[2]) for image in slices]
        steps = {lower - upper for upper, lower in itertools.pairwise(heights)}
        assert len(slices) == 4
        assert steps == {-float(slices[0].SpacingBetweenSlices)}
        assert len({image.FrameOfReferenceUID for image in slices}) == 1


def test_amended_examination_is_one_study(facts: list[ImageFact], patients: list[Patient]) -> None:
    amended = next(patient for patient in patients if "amended" in patient.note)
    assert [exam.version for exam in amended.exams] == [1, 2]
    assert [exam.version for exam in studies_of(amended)] == [1]
    files = [fact for fact in facts if fact.patient_id == amended.person.patient_id and fact.fault != "second_copy"]
    assert len(files) == 8


def test_photograph_names_a_patient_in_its_exif(folder: Path, facts: list[ImageFact], patients: list[Patient]) -> None:
    fact = next(fact for fact in facts if fact.fault == "jpeg_file")
    with Image.open(folder / fact.path) as photograph:
        assert photograph.getexif()
    data = (folder / fact.path).read_bytes()
    assert [patient for patient in patients if patient.person.name.encode() in data]


def test_every_identifier_stands_in_some_file(folder: Path, facts: list[ImageFact], patients: list[Patient]) -> None:
    identifiers = image_identifiers(facts, patients)
    everything = b"\n".join(content(folder).values())
    missing = [
        pair
        for pair in identifiers
        if not any(pair[1].encode(codec) in everything for codec in ("utf-8", "gb18030", "ascii") if _fits(pair, codec))
    ]
    assert missing == []
    assert {kind for kind, _ in identifiers} == {
        "patient_name", "film_number", "accession_number", "study_instance_uid", "series_instance_uid", "sop_instance_uid",
    }  # fmt: skip
    assert {value for kind, value in identifiers if kind == "film_number"} == {
        film_number(patient) for patient in patients if studies_of(patient)
    }


def _fits(pair: tuple[str, str], codec: str) -> bool:
    return codec != "ascii" or pair[1].isascii()


def test_name_of_a_test_patient_is_no_identifier(facts: list[ImageFact], patients: list[Patient]) -> None:
    assert any(patient.person.is_test and studies_of(patient) for patient in patients)
    assert ("patient_name", "测试患者") not in image_identifiers(facts, patients)


def test_images_are_the_same_for_the_same_seed_only(tmp_path: Path, folder: Path, patients: list[Patient]) -> None:
    write_images(tmp_path / "same", patients, SEED)
    write_images(tmp_path / "other", patients, SEED + 1)
    assert content(tmp_path / "same") == content(folder)
    assert content(tmp_path / "other") != content(folder)


def test_without_patients_there_are_only_strangers(tmp_path: Path) -> None:
    assert {fact.fault for fact in write_images(tmp_path, [], SEED)} == STRANGERS


def test_ai_results_are_read_as_the_facts_say(ai_folder: Path, ai_facts: list[AiFact]) -> None:
    expected = [
        (
            fact.path, fact.sop_instance_uid, fact.study_instance_uid, fact.algorithm, fact.algorithm_version,
            fact.finding_number, fact.finding_site, fact.long_axis_mm, fact.short_axis_mm, fact.volume_mm3,
        )
        for fact in ai_facts
        if fact.expected != "quarantined"
    ]  # fmt: skip
    found = []
    for path in sorted({fact.path for fact in ai_facts if fact.expected != "quarantined"}):
        result = read_result(ai_folder / path)
        found += [
            (
                path, result.sop_instance_uid, result.study_instance_uid, result.algorithm, result.algorithm_version,
                nodule.finding_number, nodule.finding_site, nodule.long_axis_mm, nodule.short_axis_mm, nodule.volume_mm3,
            )
            for nodule in result.findings
        ]  # fmt: skip
        assert result.observer_type == "device"
        assert {nodule.finding_type for nodule in result.findings} == {"nodule"}
        assert all(0 < (nodule.malignancy or 0) < 1 for nodule in result.findings)
    assert sorted(found) == sorted(expected)


def test_text_file_among_ai_results_is_refused(ai_folder: Path, ai_facts: list[AiFact]) -> None:
    (path,) = {fact.path for fact in ai_facts if fact.expected == "quarantined"}
    with pytest.raises(RefusedError):
        read_result(ai_folder / path)


def test_ai_result_sent_again_comes_after_its_original(ai_folder: Path, ai_facts: list[AiFact]) -> None:
    (again,) = {fact.path for fact in ai_facts if fact.expected == "unchanged"}
    same = [path for path, data in content(ai_folder).items() if data == (ai_folder / again).read_bytes()]
    assert len(same) == 2
    assert max(same) == again


def test_one_study_has_results_of_two_versions_and_other_sizes(ai_facts: list[AiFact]) -> None:
    versions: dict[str, dict[str, list[float | None]]] = {}
    for fact in ai_facts:
        if fact.expected == "loaded":
            sizes = versions.setdefault(fact.study_instance_uid, {}).setdefault(fact.algorithm_version, [])
            sizes.append(fact.long_axis_mm)
    (two,) = [found for found in versions.values() if len(found) == 2]
    older, newer = two["2.9.0"], two["2.10.0"]
    assert len(older) == len(newer)
    assert all(left != right for left, right in zip(older, newer, strict=True))


def test_orphan_belongs_to_no_study_and_all_others_to_images_that_exist(
    ai_folder: Path, ai_facts: list[AiFact], facts: list[ImageFact]
) -> None:
    images = {fact.sop_instance_uid for fact in facts if fact.expected_status == "indexed"}
    orphans = {fact.path for fact in ai_facts if fact.is_orphan}
    strays = {
        fact.path
        for fact in ai_facts
        if fact.expected != "quarantined"
        and not images.issuperset(read_result(ai_folder / fact.path).referenced_sop_instance_uids)
    }
    assert len(orphans) == 1
    assert strays == orphans


def test_ai_results_are_the_same_for_the_same_seed_only(
    tmp_path: Path, ai_folder: Path, ai_facts: list[AiFact], patients: list[Patient]
) -> None:
    assert write_ai_results(tmp_path / "same", patients, SEED) == ai_facts
    assert content(tmp_path / "same") == content(ai_folder)
    assert write_ai_results(tmp_path / "other", patients, SEED + 1) != ai_facts
