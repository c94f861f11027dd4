"""Says which field and component of an HL7 v2 segment fills which column of raw_hl7v2 (numbers of HL7 2.5.1)."""

import functools

from ingestion.sources import Row
from lakehouse.formats.hl7v2 import Segment

Spec = tuple[int, int]
"""Field and component; component 0 is the whole field with all its repetitions."""

HEADER: dict[str, Spec] = {
    "receiving_application": (5, 1),
    "receiving_facility": (6, 1),
    "processing_id": (11, 1),
    "version_id": (12, 1),
    "declared_character_set": (18, 0),
}
PATIENT: dict[str, Spec] = {
    "set_id": (1, 1),
    "patient_name": (5, 0),
    "mother_name": (6, 0),
    "birth_date": (7, 1),
    "sex": (8, 1),
    "race": (10, 1),
    "address": (11, 0),
    "phone_home": (13, 0),
    "phone_business": (14, 0),
    "marital_status": (16, 1),
    "account_number": (18, 1),
    "mother_identifier": (21, 1),
    "ethnic_group": (22, 1),
    "multiple_birth_indicator": (24, 1),
    "birth_order": (25, 1),
    "nationality": (28, 1),
    "died_at": (29, 1),
    "death_indicator": (30, 1),
    "identity_unknown_indicator": (31, 1),
    "last_updated_at": (33, 1),
}
MERGE: dict[str, Spec] = {
    "prior_account_number": (3, 1),
    "prior_visit_id": (5, 1),
    "prior_patient_name": (7, 0),
}
ENCOUNTER: dict[str, Spec] = {
    "set_id": (1, 1),
    "patient_class": (2, 1),
    "ward": (3, 1),
    "room": (3, 2),
    "bed": (3, 3),
    "facility": (3, 4),
    "admission_type": (4, 1),
    "preadmit_number": (5, 1),
    "prior_ward": (6, 1),
    "attending_doctor": (7, 0),
    "referring_doctor": (8, 0),
    "consulting_doctor": (9, 0),
    "hospital_service": (10, 1),
    "readmission_indicator": (13, 1),
    "admit_source": (14, 1),
    "admitting_doctor": (17, 0),
    "patient_type": (18, 1),
    "visit_id": (19, 1),
    "visit_id_authority": (19, 4),
    "discharge_disposition": (36, 1),
    "discharged_to": (37, 1),
    "account_status": (41, 1),
    "admitted_at": (44, 1),
    "discharged_at": (45, 1),
    "alternate_visit_id": (50, 1),
    "visit_indicator": (51, 1),
}
DIAGNOSIS: dict[str, Spec] = {
    "set_id": (1, 1),
    "coding_method": (2, 1),
    "diagnosis_code": (3, 1),
    "diagnosis_name": (3, 2),
    "diagnosis_code_system": (3, 3),
    "alternate_code": (3, 4),
    "alternate_name": (3, 5),
    "alternate_code_system": (3, 6),
    "description": (4, 0),
    "diagnosed_at": (5, 1),
    "diagnosis_type": (6, 1),
    "priority": (15, 1),
    "diagnosing_clinician": (16, 0),
    "attested_at": (19, 1),
    "diagnosis_identifier": (20, 1),
    "action_code": (21, 1),
}
ORDER: dict[str, Spec] = {
    "order_control": (1, 1),
    "placer_group_id": (4, 1),
    "order_status": (5, 1),
    "transacted_at": (9, 1),
    "entering_organization": (17, 2),
}
REQUEST: dict[str, Spec] = {
    "set_id": (1, 1),
    "placer_order_id": (2, 1),
    "filler_order_id": (3, 1),
    "service_code": (4, 1),
    "service_name": (4, 2),
    "service_code_system": (4, 3),
    "alternate_service_code": (4, 4),
    "alternate_service_name": (4, 5),
    "priority": (5, 1),
    "requested_at": (6, 1),
    "observed_at": (7, 1),
    "relevant_clinical_information": (13, 0),
    "specimen_received_at": (14, 1),
    "specimen_source": (15, 0),
    "ordering_provider": (16, 0),
    "placer_field_1": (18, 1),
    "placer_field_2": (19, 1),
    "filler_field_1": (20, 1),
    "filler_field_2": (21, 1),
    "reported_at": (22, 1),
    "diagnostic_service_section": (24, 1),
    "result_status": (25, 1),
    "reason_for_study": (31, 0),
    "principal_interpreter": (32, 0),
    "assistant_interpreter": (33, 0),
    "scheduled_at": (36, 1),
}
OBSERVATION: dict[str, Spec] = {
    "set_id": (1, 1),
    "value_type": (2, 1),
    "observation_code": (3, 1),
    "observation_name": (3, 2),
    "observation_code_system": (3, 3),
    "alternate_code": (3, 4),
    "alternate_name": (3, 5),
    "alternate_code_system": (3, 6),
    "sub_id": (4, 1),
    "units": (6, 1),
    "reference_range": (7, 0),
    "abnormal_flags": (8, 0),
    "status": (11, 1),
    "observed_at": (14, 1),
    "producer_id": (15, 1),
    "responsible_observer": (16, 0),
    "observation_method": (17, 1),
    "equipment": (18, 1),
    "analysed_at": (19, 1),
}
REPORT_ONLY = {"reported_at", "result_status", "principal_interpreter", "assistant_interpreter", "observed_at"}
ORDER_ONLY = {"scheduled_at", "priority"}
ORDER_MESSAGES = ("ORM", "OMG", "OMI", "OML", "ORR", "ORG", "ORI")
REPORT_MESSAGES = ("ORU", "MDM")
OTHER_ORDERS = ("RXO", "RXE", "RXD", "RXG", "RXA", "ODS", "ODT", "RQD", "BPO")
ADDING_SEGMENTS = ("PRT", "TQ1", "TQ2", "CTD", "TCD", "ROL", "VAR")
"""Segments that may stand between a segment and the notes on it."""


@functools.cache
def _by_field(items: tuple[tuple[str, Spec], ...]) -> tuple[Row, tuple[tuple[int, tuple[tuple[str, int], ...]], ...]]:
    """Return an empty row, and what each field gives, by the number of the field."""
    fields: dict[int, list[tuple[str, int]]] = {}
    for name, (number, component) in items:
        fields.setdefault(number, []).append((name, component))
    empty: Row = dict.fromkeys(name for name, _ in items)
    return empty, tuple((number, tuple(fields[number])) for number in sorted(fields))


class Picker:
    """Takes the columns of one kind of segment out of its fields."""

    def __init__(self, specs: dict[str, Spec]) -> None:
        self._empty, self._fields = _by_field(tuple(specs.items()))

    def pick(self, segment: Segment) -> Row:
        """Return the columns of a segment; most fields are empty or plain, and are not taken apart."""
        row = self._empty.copy()
        sent_fields = segment.fields
        count = len(sent_fields)
        is_plain = segment.delimiters.is_plain
        for number, columns in self._fields:
            if number >= count:
                break
            sent = sent_fields[number]
            if not sent:
                continue
            if is_plain(sent):
                for name, component in columns:
                    if component < 2:
                        row[name] = sent
                continue
            for name, component in columns:
                row[name] = segment.value(number, component) if component else segment.text(number)
        return row
