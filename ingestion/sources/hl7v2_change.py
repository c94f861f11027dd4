"""Says which rows of an HL7 v2 message take back what an earlier message told."""

from ingestion.sources import Row

# HL7 tables 0085 (OBX-11) and 0123 (OBR-25): deleted, wrong, cancelled
_WITHDRAWN = frozenset({"D", "W", "X"})
_CANCELLED_ORDERS = frozenset({"CA", "OC", "CR", "DE"})
"""HL7 table 0119: cancel request, order cancelled, cancelled as requested, deleted."""
_CANCELLED_VISITS = frozenset({"A11", "A23", "A27", "A38"})
"""Cancel admit, delete a patient's visit, cancel pending admit, cancel pre-admit."""
_DELETED_PERSONS = frozenset({"A23", "A29"})


def is_withdrawn(entity: str, row: Row) -> bool:
    """Return whether a row of one raw table says that its record no longer stands."""
    match entity:
        case "observation":
            return row["status"] in _WITHDRAWN
        case "report":
            # the text's status is a withdrawn one only when all its lines are withdrawn
            return row["result_status"] == "X" or row["text_status"] in _WITHDRAWN
        case "imaging_order":
            return row["order_control"] in _CANCELLED_ORDERS or row["order_status"] == "CA"
        case "encounter":
            return row["trigger_event"] in _CANCELLED_VISITS
        case "patient":
            return row["trigger_event"] in _DELETED_PERSONS
        case "diagnosis":
            return row["action_code"] == "D"
    return False
