"""Gives the facts of a CDA document (HL7 CDA R2, WS/T 500): those of its header, and its sections."""

from collections.abc import Iterator
from typing import Any

from lakehouse.formats.document_text_xml import local_name, section_text

ROOT = "ClinicalDocument"
_IDENTITY_CARD = "2.16.156.10011.1.3"
"""Object identifier of the number of the identity card (WS/T 500.1)."""


def add_header_fact(facts: dict[str, str], element: Any) -> None:
    """Take what one element below the root says into the facts of the document."""
    match local_name(element):
        case "id":
            facts["document_id"] = element.get("extension") or element.get("root") or ""
        case "code":
            facts["document_code"] = element.get("code", "")
        case "title":
            facts["document_title"] = "".join(element.itertext()).strip()
        case "templateId":
            facts.setdefault("document_template_id", element.get("root", ""))
        case "effectiveTime":
            facts["effective_time"] = element.get("value", "")
        case "setId":
            facts["set_id"] = element.get("extension") or element.get("root") or ""
        case "versionNumber":
            facts["version_number"] = element.get("value", "")
        case "recordTarget":
            facts |= _patient(element)
        case "author" | "authenticator" | "legalAuthenticator" | "custodian":
            name = next((one for one in element.iter() if local_name(one) == "name"), None)
            if name is not None:
                role = "authenticator" if local_name(element) == "legalAuthenticator" else local_name(element)
                facts.setdefault(role, "".join(name.itertext()).strip())
        case "componentOf":
            found = next((one for one in element.iter() if local_name(one) == "id" and one.get("extension")), None)
            if found is not None:
                facts["encounter_id"] = found.get("extension")


def _patient(target: Any) -> dict[str, str]:
    facts: dict[str, str] = {}
    for element in target.iter():
        match local_name(element):
            case "id" if element.get("extension"):
                is_card = element.get("root") == _IDENTITY_CARD
                facts.setdefault("citizen_id" if is_card else "patient_id", element.get("extension"))
            case "name" if "patient_name" not in facts:
                facts["patient_name"] = "".join(element.itertext()).strip()
            case "administrativeGenderCode":
                facts["sex"] = element.get("code", "")
            case "birthTime":
                facts["birth_date"] = element.get("value", "")
    return facts


def sections(element: Any) -> Iterator[tuple[Any, dict[str, str]]]:
    """Yield an element's sections, itself the first when it is one, and what each says: code, title, template, text."""
    for section in element.iter():
        if local_name(section) != "section":
            continue
        title, text = section_text(section)
        facts = {"section_title": title, "section_text": text}
        for child in section:
            if local_name(child) == "code":
                facts["section_code"] = child.get("code", "")
                facts["section_code_system"] = child.get("codeSystem", "")
            elif local_name(child) == "templateId":
                facts.setdefault("section_template_id", child.get("root", ""))
        yield section, {name: value for name, value in facts.items() if value}
