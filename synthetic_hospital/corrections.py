"""The next day's delivery: a corrected result, an amended report, a recoded diagnosis, a new patient; all else equal."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from synthetic_hospital.model import Encounter, Exam, Patient
from synthetic_hospital.population import tell_patient

CORRECTED_UREA = "9.9"


def correct_patients(patients: Iterable[Patient], count: int, seed: int) -> Iterator[Patient]:
    """Yield the patients as the second delivery has them."""
    for patient in patients:
        if patient.person.ordinal == 1:
            patient.encounters[0] = _recode(_correct_urea(patient.encounters[0]))
        if patient.person.ordinal == 2:
            patient.exams.append(_amend(patient.exams[-1]))
        yield patient
    yield tell_patient(count + 1, seed)


def _correct_urea(encounter: Encounter) -> Encounter:
    labs = tuple(
        replace(result, result=CORRECTED_UREA) if result.item_code == "UREA" else result for result in encounter.labs
    )
    return replace(encounter, labs=labs)


def _recode(encounter: Encounter) -> Encounter:
    first, *others = encounter.diagnoses
    return replace(encounter, diagnoses=(replace(first, code="J15.900", name="细菌性肺炎"), *others))


def _amend(exam: Exam) -> Exam:
    return replace(exam, version=exam.version + 1, status="修订", impression=f"{exam.impression}补充：较前片吸收。")
