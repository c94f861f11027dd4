"""Makes small sound inputs of every parser for the fuzzing; all people in them are made up."""

import base64
import gzip
import io
import json
import struct
import zipfile
from dataclasses import dataclass
from typing import Any

from ingestion.mapping import FileMapping
from tests.builders import fhir as fhir_builder
from tests.builders import hl7v2 as hl7v2_builder

COLUMNS = {
    "patient_id": ["BRID", "病人ID"],
    "patient_name": ["XM"],
    "sex": ["XB"],
    "birth_date": ["CSRQ"],
    "phone": ["LXDH"],
}
HEADER = ("BRID", "XM", "XB", "CSRQ", "LXDH")
ROWS = (
    ("007812", "王试甲", "1", "1960-01-02", "0100000001"),
    ("7813", "李 试乙", "女", "19600102", ""),
    ("ZY0014", "赵·试丙", "9", "1960年1月2日", "约 800-1000ml"),
    ("0015", '"钱"试丁', "M", "0000-00-00", "a,b|c\td"),
)
_RTF = (
    r"{\rtf1\ansi\ansicpg936\deff0{\fonttbl{\f0\fnil\fcharset134 \'cb\'ce\'cc\'e5;}}\uc1\pard\f0 "
    r"BRID\'a3\'ba007812\par XM\'a3\'ba\'cd\'f5\u35797?\'bc\'d7\par{\*\generator x;}\trowd a\cell b\cell\row}"
)
_CDA = (
    '<?xml version="1.0" encoding="GB2312"?><ClinicalDocument xmlns="urn:hl7-org:v3"><id root="1.2" extension="D1"/>'
    '<recordTarget><patientRole><id root="1.3" extension="007812"/><patient><name>王试甲</name></patient></patientRole>'
    '</recordTarget><component><structuredBody><component><section><code code="29545-1"/><title>检查所见</title><text>'
    '<paragraph>右肺<content>结节</content></paragraph></text><entry><observation><code displayName="大小"/>'
    '<value value="12" unit="mm"/></observation></entry></section></component></structuredBody></component>'
    "</ClinicalDocument>"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """Sound files of one form, and the mapping they are read with; without one they are documents' contents."""

    name: str
    file_name: str
    samples: tuple[bytes, ...]
    mapping: FileMapping | None
    source: str = "his"


def _mapping(reader: dict[str, Any], columns: dict[str, Any] | None = None) -> FileMapping:
    content = {"entity": "patient", "match": "*", "reader": reader, "columns": columns or COLUMNS}
    return FileMapping.model_validate(content)


def _pairs() -> list[list[tuple[str, str]]]:
    return [list(zip(HEADER, row, strict=True)) for row in ROWS]


def make_inputs() -> list[Input]:
    """Return the inputs of all parsers."""
    return [*_text_inputs(), *_markup_inputs(), *_binary_inputs(), *_standard_inputs()]


def _text_inputs() -> list[Input]:
    plain = [",".join(HEADER), *(",".join(cell.replace(",", "，").replace('"', "") for cell in row) for row in ROWS)]
    quoted = [",".join(HEADER), *(",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in ROWS)]
    widths = [6, 12, 4, 12, 14]
    fixed = b"".join(
        b"".join(cell.encode("gb18030")[:width].ljust(width) for cell, width in zip(row, widths, strict=True)) + b"\r\n"
        for row in ROWS
    )
    blocks = "\n====\n".join(
        "\n".join(f"{name}：{cell}" for name, cell in zip(HEADER, row, strict=True)) for row in ROWS
    )
    fields = [{"name": name, "width": width} for name, width in zip(HEADER, widths, strict=True)]
    return [
        Input(
            name="delimited",
            file_name="a.csv",
            samples=("\r\n".join([*quoted, "合计,4,,,"]).encode("gb18030"), ("\n".join(plain) + "\n").encode()),
            mapping=_mapping({"format": "delimited"}),
        ),
        Input(
            name="fixed_width",
            file_name="a.txt",
            samples=(fixed,),
            mapping=_mapping({"format": "fixed_width", "widths": fields}),
        ),
        Input(name="dbf", file_name="a.dbf", samples=(_dbf(),), mapping=_mapping({"format": "dbf"})),
        Input(
            name="text_blocks",
            file_name="a.txt",
            samples=(blocks.encode("gb18030"), blocks.encode()),
            mapping=_mapping({"format": "text_blocks"}),
        ),
    ]


def _dbf() -> bytes:
    """Return a dBASE III table of the rows."""
    widths = [10, 20, 4, 14, 20]
    size = 1 + sum(widths)
    head = struct.pack("<BBBBIHH20x", 3, 124, 3, 5, len(ROWS), 32 + 32 * len(widths) + 1, size)
    for name, width in zip(HEADER, widths, strict=True):
        head += name.encode().ljust(11, b"\x00") + b"C" + bytes(4) + bytes((width, 0)) + bytes(14)
    body = b"".join(
        b" " + b"".join(cell.encode("gb18030")[:width].ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in ROWS
    )
    return head + b"\r" + body + b"\x1a"


def _markup_inputs() -> list[Input]:
    elements = "".join(
        "<ROW>" + "".join(f"<{name}>{cell}</{name}>" for name, cell in zip(HEADER, row, strict=True)) + "</ROW>"
        for row in ROWS
    )
    named = "<doc>" + "".join(
        f'<element name="{name}" value="{cell}"/>' for name, cell in zip(HEADER, ROWS[0], strict=True)
    )
    xml = f'<?xml version="1.0" encoding="GBK"?>\n<ROOT v="1">{elements}</ROOT>'
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in ROWS)
    table = (
        "<html><body><table><tr>"
        + "".join(f"<th>{name}</th>" for name in HEADER)
        + f"</tr>{cells}</table></body></html>"
    )
    form = "<div class=r>" + "".join(f"<span name={name} value='x'>请选择</span>" for name in HEADER) + "</div>"
    records = [dict(zip(HEADER, row, strict=True)) | {"n": 1.50, "more": {"a": [1, {"b": None}]}} for row in ROWS]
    text = json.dumps(records, ensure_ascii=False)
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    packed = base64.b64encode(gzip.compress(_RTF.encode()))
    return [
        Input(
            name="xml",
            file_name="a.xml",
            samples=(xml.encode("gb18030"), xml.encode(), (named + "</doc>").encode()),
            mapping=_mapping({"format": "xml"}),
        ),
        Input(
            name="cda",
            file_name="a.xml",
            samples=(_CDA.encode("gb18030"), _CDA.encode()),
            mapping=_mapping({"format": "xml"}, {"patient_id": "patient_id", "patient_name": "section_text"}),
        ),
        Input(
            name="html",
            file_name="a.html",
            samples=(table.encode("gb18030"), form.encode()),
            mapping=_mapping({"format": "html"}),
        ),
        Input(
            name="json",
            file_name="a.json",
            samples=(text.encode(), lines.encode(), f'{{"code":0,"data":{{"list":{text}}}}}'.encode()),
            mapping=_mapping({"format": "json", "record": "data.list"}),
        ),
        Input(
            name="documents",
            file_name="a.rtf",
            samples=(_RTF.encode(), _CDA.encode(), form.encode(), packed),
            mapping=_mapping({"format": "documents"}, COLUMNS | {"patient_name": ["XM", "text"]}),
        ),
        Input(
            name="document_text",
            file_name="a",
            samples=(_RTF.encode(), _CDA.encode(), table.encode(), packed),
            mapping=None,
        ),
    ]


def workbook_bytes() -> bytes:
    """Return an XLSX workbook of the rows, made by hand so that its XML is plain."""
    letters = "ABCDE"
    lines = "".join(
        f'<row r="{number}">'
        + "".join(
            f'<c r="{letter}{number}" t="inlineStr"><is><t>{cell.replace("<", "&lt;")}</t></is></c>'
            for letter, cell in zip(letters, row, strict=True)
        )
        + "</row>"
        for number, row in enumerate((HEADER, *ROWS), start=1)
    )
    start = '<?xml version="1.0" encoding="UTF-8"?>'
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "xl/workbook.xml": f'{start}<workbook {main} xmlns:r="{relations}"><sheets>'
        '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{start}<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f"{start}<worksheet {main}><sheetData>{lines}</sheetData></worksheet>",
    }
    out = io.BytesIO()
    # stored, so that a mutation reaches the XML and not only the compression
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def _binary_inputs() -> list[Input]:
    disguised = "\t".join(HEADER) + "\n" + "\n".join("\t".join(row).replace("\td", "d") for row in ROWS) + "\n"
    name = {"vr": "PN", "Value": [{"Alphabetic": "W"}]}
    worklist = {"00100020": {"vr": "LO", "Value": ["007812"]}, "00100010": name}
    keywords = {"patient_id": "PatientID", "patient_name": "PatientName"}
    dataset = (
        b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192"
        + b"\x10\x00\x10\x00PN\x04\x00W^S "
        + b"\x10\x00\x20\x00LO\x06\x00007812"
    )
    return [
        Input(
            name="workbook",
            file_name="a.xlsx",
            samples=(workbook_bytes(), disguised.encode("gb18030")),
            mapping=_mapping({"format": "workbook"}),
        ),
        Input(
            name="worklist",
            file_name="a.wl",
            samples=(dataset, json.dumps([worklist, worklist]).encode()),
            mapping=_mapping({"format": "worklist"}, keywords),
        ),
    ]


def _standard_inputs() -> list[Input]:
    make = hl7v2_builder
    report = [
        make.header("ORU^R01"),
        make.patient(),
        make.visit(),
        make.request(),
        make.observation("右肺^结节|约5mm\\.br\\x"),
    ]
    merge = [make.header("ADT^A40", control_id="M2"), make.patient(), make.segment("MRG", {1: "9^^^HIS"})]
    batch = (
        b"FHS|^~\\&|a\rBHS|^~\\&|b\r"
        + make.message(report, encoding="gb18030")
        + make.message(merge)
        + b"BTS|2\rFTS|1\r"
    )
    framed = make.mllp(make.message(report)) + make.mllp(make.message(merge, encoding="gb18030"))
    observed = fhir_builder.resource(
        "Observation", "o1", status="final", code=fhir_builder.codeable("1"), valueString="x"
    )
    bundle = fhir_builder.bundle(fhir_builder.patient(), observed, urls={0: "urn:uuid:1"})
    lines = fhir_builder.as_ndjson(fhir_builder.patient(), observed)
    return [
        Input(
            name="hl7v2",
            file_name="a.hl7",
            samples=(batch, framed),
            mapping=_mapping({"format": "hl7v2"}),
            source="hl7v2",
        ),
        Input(
            name="fhir",
            file_name="a.json",
            samples=(fhir_builder.as_json(bundle), lines),
            mapping=_mapping({"format": "fhir"}),
            source="fhir",
        ),
    ]
