"""Makes HL7 v2 messages from readable segments; names, ids and texts that identify are marked CANARY."""

from collections.abc import Sequence

SEPARATOR = "\r"


def segment(name: str, fields: dict[int, str]) -> str:
    """Return a segment with the fields at their HL7 numbers; MSH-1 and MSH-2 are written by `header`."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields, default=0) + 1))])


def header(
    message_type: str, *, control_id: str = "M1", character_set: str = "", more: dict[int, str] | None = None
) -> str:
    """Return an MSH segment with the usual delimiters."""
    fields = {3: "RIS", 4: "H1", 5: "LAKE", 7: "20240305080300", 9: message_type, 10: control_id, 11: "P", 12: "2.4"}
    fields |= {18: character_set} if character_set else {}
    fields |= more or {}
    return "MSH|^~\\&|" + "|".join(fields.get(number, "") for number in range(3, max(fields) + 1))


def patient(
    identifiers: str = "CANARY-P1^^^HIS&ZYH", *, name: str = "王试甲CANARY", more: dict[int, str] | None = None
) -> str:
    """Return a PID segment."""
    return segment("PID", {1: "1", 3: identifiers, 5: name, 7: "19600102", 8: "M"} | (more or {}))


def visit(visit_id: str = "CANARY-V1", *, more: dict[int, str] | None = None) -> str:
    """Return a PV1 segment of an inpatient."""
    return segment("PV1", {1: "1", 2: "I", 3: "呼吸科^12^03", 19: visit_id} | (more or {}))


def request(filler_order_id: str = "CANARY-E1", *, status: str = "F", more: dict[int, str] | None = None) -> str:
    """Return an OBR segment of a chest CT."""
    return segment("OBR", {1: "1", 3: filler_order_id, 4: "CT01^胸部CT平扫^L", 25: status} | (more or {}))


def observation(
    value: str,
    *,
    code: str = "TXT^检查报告",
    value_type: str = "TX",
    status: str = "F",
    more: dict[int, str] | None = None,
) -> str:
    """Return an OBX segment; the value is written as it is, without escaping."""
    return segment("OBX", {2: value_type, 3: code, 5: value, 11: status} | (more or {}))


def message(segments: Sequence[str], *, encoding: str = "utf-8", separator: str = SEPARATOR) -> bytes:
    """Return a message of segments."""
    return (separator.join(segments) + separator).encode(encoding)


def mllp(content: bytes) -> bytes:
    """Return content in an MLLP frame."""
    return b"\x0b" + content + b"\x1c\r"
