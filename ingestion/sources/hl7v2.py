"""Turns an HL7 v2 message into rows of raw_hl7v2: what its PID, MRG, PV1, DG1, ORC, OBR and OBX segments say.

Every row names its message and counts its place in it, so a message sent twice gives the same keys. Values stay as sent
(dates too, and `""` for delete); only separators and escapes are undone. Field numbers are those of HL7 2.5.1; where a
later version moved nothing they hold for 2.1 to 2.8.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ingestion.sources import Row
from ingestion.sources.citizen_number import is_citizen_number
from ingestion.sources.hl7v2_change import is_withdrawn
from ingestion.sources.hl7v2_fields import (
    ADDING_SEGMENTS,
    DIAGNOSIS,
    ENCOUNTER,
    HEADER,
    MERGE,
    OBSERVATION,
    ORDER,
    ORDER_MESSAGES,
    ORDER_ONLY,
    OTHER_ORDERS,
    PATIENT,
    REPORT_MESSAGES,
    REPORT_ONLY,
    REQUEST,
    Picker,
)
from ingestion.sources.hl7v2_text import REPORT_TEXT, join_report, lines_of, observation_value, rejoin_value
from lakehouse.formats.hl7v2 import DELETE, Message, Segment

_HEADER, _PATIENT, _MERGE, _ENCOUNTER, _DIAGNOSIS, _ORDER, _REQUEST, _OBSERVATION = map(
    Picker, (HEADER, PATIENT, MERGE, ENCOUNTER, DIAGNOSIS, ORDER, REQUEST, OBSERVATION)
)


@dataclass(slots=True)
class _Place:
    """Where in the message the walk is: the segments that stand above the current one, and the counts."""

    head: Row
    patient: Row = field(default_factory=lambda: dict.fromkeys(("patient_id", "patient_id_authority")))
    visit_id: str | None = None
    order: Segment | None = None
    order_has_request: bool = False
    request: Row | None = None
    request_segment: Segment | None = None
    texts: list[tuple[Segment, str | None]] = field(default_factory=list)
    note_target: Row | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str) -> str:
        """Return the next number of one kind of row in this message, from 1."""
        self.counts[name] = self.counts.get(name, 0) + 1
        return str(self.counts[name])

    def who(self) -> Row:
        """Return the columns that name message, patient and visit in every row below them."""
        return self.head | self.patient | {"visit_id": self.visit_id}


def rows_of_message(message: Message) -> Iterator[tuple[str, Row]]:
    """Yield (table name, row) for everything in a message that raw_hl7v2 has a table for, the message itself first."""
    header, event = message.header, message.first("EVN")
    place = _Place(head=_head(header, event))
    yield "message", _message_row(message, place.head, event)
    rows: list[tuple[str, Row]] = []
    for segment in message.segments[1:]:
        _READERS.get(segment.name, _skip)(segment, place, rows, message)
    _close_order(place, rows, message)
    for entity, row in rows:
        if is_withdrawn(entity, row):
            row["_change"] = "voided"
        yield entity, row


def _head(header: Segment, event: Segment | None) -> Row:
    message_type, trigger = header.value(9), header.value(9, 2)
    if message_type and not trigger and "_" in message_type:
        message_type, trigger = message_type.split("_", 1)
    return {
        "message_control_id": header.value(10),
        "sending_application": header.value(3),
        "sending_facility": header.value(4),
        "message_type": message_type,
        "trigger_event": trigger or (event.value(1) if event else None),
        "sent_at": header.value(7),
    }


def _message_row(message: Message, head: Row, event: Segment | None) -> Row:
    return (
        head
        | _HEADER.pick(message.header)
        | {
            "event_recorded_at": event.value(2) if event else None,
            "event_occurred_at": event.value(6) if event else None,
            "event_reason": event.value(4) if event else None,
            "character_set": message.detected.encoding,
            "character_set_confidence": str(message.detected.confidence),
            "segment_count": str(len(message.segments)),
            "continued_line_count": str(message.continued_lines),
        }
    )


def _skip(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    """Leave a segment that no table takes; a note after it belongs to none of ours, but for those that only add."""
    if segment.name not in ADDING_SEGMENTS:
        place.note_target = None


def _identifiers(segment: Segment, number: int) -> Iterator[tuple[Row, bool]]:
    """Yield the identifiers of a field of data type CX, and whether each is a citizen's number."""
    for repetition in segment.repetitions(number):
        value = segment.component(repetition, 1)
        if value:
            authority, type_code = segment.component(repetition, 4), segment.component(repetition, 5)
            row: Row = {
                "identifier": value,
                "authority": authority,
                "type_code": type_code,
                "facility": segment.component(repetition, 6),
                "field": f"{segment.name}-{number}",
            }
            yield row, is_citizen_number(value, authority, type_code)


def _read_patient(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    _close_order(place, rows, message)
    found = [entry for number in (3, 2, 4, 18) for entry in _identifiers(segment, number)]
    plain = [row for row, is_citizen in found if not is_citizen]
    citizen = [row["identifier"] for row, is_citizen in found if is_citizen and row["identifier"] != DELETE]
    own = next((row for row in plain if row["field"] != "PID-18"), None)
    place.patient = {
        "patient_id": own["identifier"] if own else None,
        "patient_id_authority": own["authority"] if own else None,
    }
    place.visit_id, place.note_target = None, None
    number = place.count("patient")
    name = _best_name(segment)
    rows.append(
        (
            "patient",
            place.head
            | place.patient
            | _PATIENT.pick(segment)
            | {
                "patient_number": number,
                "patient_id_type": own["type_code"] if own else None,
                "citizen_id": citizen[0] if citizen else segment.value(19),
                "family_name": segment.component(name, 1, 1),
                "given_name": segment.component(name, 2),
            },
        )
    )
    for position, row in enumerate(plain, start=1):
        rows.append(
            (
                "patient_identifier",
                place.head
                | {"patient_number": number, "identifier_number": str(position)}
                | {"patient_id": place.patient["patient_id"]}
                | row,
            )
        )


def _best_name(segment: Segment) -> str:
    """Return the repetition of PID-5 to take: the ideographic one, else the first that is no alias or pseudonym."""
    names = segment.repetitions(5) or [""]
    ideographic = [name for name in names if segment.component(name, 8) == "I"]
    proper = [name for name in names if segment.component(name, 7) not in ("A", "M", "N", "S")]
    return (ideographic or proper or names)[0]


def _read_merge(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    prior = [row for row, is_citizen in _identifiers(segment, 1) if not is_citizen]
    prior = prior or [row for row, is_citizen in _identifiers(segment, 4) if not is_citizen]
    for row in prior or [{"identifier": None, "authority": None, "type_code": None}]:
        rows.append(
            (
                "patient_merge",
                place.who()
                | {
                    "merge_number": place.count("merge"),
                    "prior_patient_id": row["identifier"],
                    "prior_patient_id_authority": row["authority"],
                    "prior_patient_id_type": row["type_code"],
                }
                | _MERGE.pick(segment),
            )
        )


def _read_encounter(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    place.visit_id, place.note_target = segment.value(19), None
    event, event_row = message.first("EVN"), place.count("encounter")
    rows.append(
        (
            "encounter",
            place.who()
            | _ENCOUNTER.pick(segment)
            | {
                "encounter_number": event_row,
                "event_at": (event.value(6) or event.value(2)) if event else None,
                "admit_reason_code": None,
                "admit_reason": None,
            },
        )
    )


def _read_encounter_addition(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    if rows and rows[-1][0] == "encounter":
        rows[-1][1].update(admit_reason_code=segment.value(3), admit_reason=segment.value(3, 2))


def _read_diagnosis(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    place.note_target = None
    row = place.who() | {"diagnosis_number": place.count("diagnosis")} | _DIAGNOSIS.pick(segment)
    rows.append(("diagnosis", row))


def _read_order(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    _close_order(place, rows, message)
    place.order, place.order_has_request = segment, False


def _read_other_order(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    place.order, place.note_target = None, None


def _read_request(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    _close_request(place, rows, message)
    order = place.order
    row = place.who() | _REQUEST.pick(segment)
    # before 2.5 priority and time stood in the quantity and timing of OBR-27
    row["priority"] = row["priority"] or segment.value(27, 6)
    row["scheduled_at"] = row["scheduled_at"] or segment.value(27, 4)
    if order is not None:
        place.order_has_request = True
        row["placer_order_id"] = row["placer_order_id"] or order.value(2)
        row["filler_order_id"] = row["filler_order_id"] or order.value(3)
        row["ordering_provider"] = row["ordering_provider"] or order.text(12)
    row["request_number"] = place.count("request")
    row["accession_number"] = row["placer_field_1"]
    row["study_instance_uid"], row["modality"], row["note"] = None, None, None
    place.request, place.request_segment, place.note_target = row, segment, row


def _read_imaging_addition(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    """Take accession number, Study Instance UID and modality from IPC (2.5 on) or ZDS (IHE radiology, 2.3.1)."""
    if place.request is None:
        return
    if segment.name == "ZDS":
        place.request["study_instance_uid"] = segment.value(1)
        return
    place.request["accession_number"] = segment.value(1) or place.request["accession_number"]
    place.request["study_instance_uid"] = segment.value(3)
    place.request["modality"] = segment.value(5)


def _read_observation(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    segment, rejoined = rejoin_value(segment)
    value = observation_value(segment)
    request = place.request or {}
    row = (
        place.who()
        | {
            "observation_number": place.count("observation"),
            "request_number": request.get("request_number"),
            "filler_order_id": request.get("filler_order_id"),
            "placer_order_id": request.get("placer_order_id"),
        }
        | _OBSERVATION.pick(segment)
        | value
        | {"value_rejoined_count": str(rejoined), "note": None}
    )
    rows.append(("observation", row))
    place.note_target = row
    if place.request is not None:
        place.texts.append((segment, value["value"]))


def _read_note(segment: Segment, place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    text = lines_of(segment, 3)
    if place.note_target is not None and text:
        before = place.note_target["note"]
        place.note_target["note"] = text if before is None else f"{before}\n{text}"


def _close_request(place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    """Give the order or report of the request that ends here."""
    request, texts = place.request, place.texts
    place.request, place.request_segment, place.texts, place.note_target = None, None, [], None
    if request is None:
        return
    message_type = place.head["message_type"]
    if message_type in ORDER_MESSAGES:
        order = _ORDER.pick(place.order) if place.order else dict.fromkeys(ORDER)
        rows.append(("imaging_order", _without(request, REPORT_ONLY) | order))
    elif message_type in REPORT_MESSAGES:
        report = join_report(texts)
        if report is None and not texts and request["result_status"] == "X":
            # a recall may come without the text it recalls
            report = dict.fromkeys(REPORT_TEXT)
        if report is not None:
            rows.append(("report", _without(request, ORDER_ONLY) | report))


def _close_order(place: _Place, rows: list[tuple[str, Row]], message: Message) -> None:
    """Give what is open, and the order that came without any detail, as a cancellation may."""
    _close_request(place, rows, message)
    order = place.order
    if order is not None and not place.order_has_request and place.head["message_type"] in ORDER_MESSAGES:
        row = place.who() | dict.fromkeys(REQUEST) | {"request_number": place.count("request")}
        row |= {"placer_order_id": order.value(2), "filler_order_id": order.value(3)}
        row |= {"ordering_provider": order.text(12), "accession_number": None, "note": None}
        row |= {"study_instance_uid": None, "modality": None}
        rows.append(("imaging_order", _without(row, REPORT_ONLY) | _ORDER.pick(order)))
    place.order = None


def _without(row: Row, names: set[str]) -> Row:
    return {name: value for name, value in row.items() if name not in names}


_READERS = {
    "PID": _read_patient,
    "MRG": _read_merge,
    "PV1": _read_encounter,
    "PV2": _read_encounter_addition,
    "DG1": _read_diagnosis,
    "ORC": _read_order,
    "OBR": _read_request,
    "IPC": _read_imaging_addition,
    "ZDS": _read_imaging_addition,
    "OBX": _read_observation,
    "NTE": _read_note,
    **dict.fromkeys(OTHER_ORDERS, _read_other_order),
}
