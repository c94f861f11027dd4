"""Says which defects stand where in the files of the second hospital."""

from datetime import datetime

from synthetic_hospital.second.defects import WRITERS
from synthetic_hospital.second.extracts import Extract, Line
from synthetic_hospital.second.hospital import SEX_OF_HIS, chinese, compact, european, slashed

Extracts = dict[str, Extract]


def plant_all(extracts: Extracts) -> None:
    """Plant every defect of the first delivery."""
    _plant_patients(extracts["patient1"], extracts["patient2"])
    _plant_encounters(extracts["encounter"])
    _plant_diagnoses(extracts["diagnosis"], extracts["procedure"])
    _plant_results(extracts["lab1"], extracts["lab2"], extracts["lab3"])
    _plant_reports(extracts["exam1"], extracts["exam2"], extracts["patient1"])
    _plant_departments(extracts["pathology"], extracts["ultrasound"])
    _plant_repository(extracts["cdr"])
    _plant_births(extracts["delivery"], extracts["newborn"])
    _plant_worklist(extracts["worklist"])
    _plant_documents(extracts["document2"], extracts["document5"], extracts["patient1"])


def plant_second_delivery(extracts: Extracts) -> None:
    """Take two records out of what is delivered complete."""
    for name, place in (("patient1", 17), ("patient2", 9)):
        extract = extracts[name]
        records = [line for line in extract.lines if line.truth]
        WRITERS["row_deleted"](extract, records[place])


def _plant_patients(first: Extract, second: Extract) -> None:
    p, q = list(first.lines), list(second.lines)
    name = p[0].cells["patient_name"]
    WRITERS["name_variant"](first, p[0], "patient_name", " ".join(name))
    WRITERS["idcard_15digit"](first, p[1])
    WRITERS["idcard_checksum"](first, p[2])
    WRITERS["idcard_birth_mismatch"](first, p[3])
    WRITERS["idcard_sex_mismatch"](first, p[4])
    WRITERS["id_scientific"](first, p[5], "citizen_id", "1.10199E+17")
    WRITERS["date_sentinel"](first, p[6], "birth_date", "19000101")
    WRITERS["date_impossible"](first, p[7], "birth_date", "19850230")
    born = datetime.fromisoformat(p[8].clean("birth_date"))
    WRITERS["date_format"](first, p[8], "birth_date", f"{born.year}/{born.month}/{born.day}")
    WRITERS["date_future"](first, p[9], "registered_at", compact)
    WRITERS["rare_char_lost"](
        first, p[11], "patient_name", p[11].cells["patient_name"][0] + "?" + p[11].cells["patient_name"][2]
    )
    WRITERS["merged_patient"](
        first, p[12], {"patient_id": ("0007199001",) * 2, "merged_into_patient_id": (p[12].cells["patient_id"],) * 2}
    )
    WRITERS["duplicate_patient"](
        first, p[13], {"patient_id": ("0007199002",) * 2, "address": ("江宁市东湖区长堤路9号",) * 2}
    )
    WRITERS["test_patient"](
        first, p[14], {"patient_id": ("0007199003",) * 2, "patient_name": ("测试病人", None), "citizen_id": ("", None),
                       "phone": ("", None)},
    )  # fmt: skip
    WRITERS["blank_row"](first, p[16])
    WRITERS["idcard_checksum"](second, q[0])
    WRITERS["name_variant"](
        second, q[1], "patient_name", q[1].cells["patient_name"] + f"({'男' if q[1].cells['sex'] == 'A' else '女'})"
    )
    WRITERS["date_sentinel"](second, q[3], "birth_date", "00000000")
    WRITERS["shared_id"](
        second, q[5],
        {"patient_id": ("0007199005",) * 2, "patient_name": ("欧阳明月",) * 2, "sex": (SEX_OF_HIS["F"], "F"), "phone": ("13910009977",) * 2,
         "birth_date": ("20150607", "2015-06-07"), "address": ("江宁市西山区桂花街3号",) * 2},
    )  # fmt: skip
    mother = next(
        line
        for line in q
        if line.cells["sex"] == "B" and line.clean("birth_date") > "1988" and line not in (q[0], q[1], q[3], q[5])
    )
    WRITERS["mother_newborn"](
        second, mother,
        {"patient_id": ("0007199006",) * 2, "patient_name": (mother.cells["patient_name"] + "之子", None), "sex": (SEX_OF_HIS["M"], "M"),
         "birth_date": ("20240320", "2024-03-20"), "registered_at": ("20240320093000", "2024-03-20 09:30:00")},
    )  # fmt: skip
    WRITERS["footer_row"](second, f"合计：{sum(line.truth is not None for line in second.lines)} 人")


def _plant_encounters(extract: Extract) -> None:
    e = list(extract.lines)
    WRITERS["date_order"](extract, e[0], "discharged_at", "admitted_at", compact)
    WRITERS["date_sentinel"](extract, e[1], "discharged_at", "99991231000000")
    WRITERS["date_sentinel"](extract, e[2], "discharged_at", "00000000000000")
    WRITERS["value_unparseable"](extract, e[3], "admission_count", "#VALUE!")
    WRITERS["id_leading_zero"](extract, e[4], "patient_id", e[4].cells["patient_id"].lstrip("0"))
    WRITERS["id_whitespace"](extract, e[5], "patient_id")
    admitted = datetime.fromisoformat(e[6].clean("admitted_at")).replace(second=0)
    WRITERS["date_format"](
        extract, e[6], "admitted_at", f"{admitted.year}-{admitted.month}-{admitted.day} {admitted:%H:%M}"
    )
    e[6].set_clean("admitted_at", f"{admitted:%Y-%m-%d %H:%M:%S}")
    WRITERS["date_impossible"](extract, e[7], "admitted_at", "20240231081000")
    WRITERS["duplicate_row"](extract, e[8])
    WRITERS["id_prefix"](extract, e[10], "inpatient_no", "ZY" + e[10].cells["inpatient_no"])
    WRITERS["id_o_zero"](extract, e[12], "medical_record_no")
    WRITERS["orphan_record"](extract, e[14], {"patient_id": ("0009912345",) * 2, "visit_id": ("JZ24999001",) * 2})
    WRITERS["blank_row"](extract, e[20])
    WRITERS["date_future"](extract, e[22], "discharged_at", compact)


def _raw_of(extract: Extract, line: Line, delimiter: str, take: int | None, more: tuple[str, ...] = ()) -> str:
    cells = [line.cells[name] for name in extract.columns]
    return delimiter.join([*cells[:take], *more])


def _plant_diagnoses(extract: Extract, procedures: Extract) -> None:
    d = list(extract.lines)
    WRITERS["bom"](extract)
    pneumonia = [line for line in d if line.cells["diagnosis_code"] == "J18.900"]
    stroke = [line for line in d if line.cells["diagnosis_code"] == "I63.900"]
    hypertension = [line for line in d if line.cells["diagnosis_code"] == "I10.x00"]
    WRITERS["code_format"](extract, pneumonia[0], "diagnosis_code", "j18。900")
    WRITERS["code_format"](extract, hypertension[0], "diagnosis_code", "I10.X00")
    WRITERS["code_unknown"](extract, pneumonia[1], "diagnosis_code", "BJ0123")
    WRITERS["code_name_mismatch"](extract, stroke[0], "急性阑尾炎")
    WRITERS["code_name_mismatch"](extract, pneumonia[2], "前置胎盘伴出血")
    WRITERS["code_system_mixed"](extract, stroke[1], "diagnosis_code", "I63.9")
    WRITERS["control_char"](extract, stroke[2], "diagnosis_name")
    WRITERS["embedded_newline"](extract, stroke[3], "diagnosis_name")
    WRITERS["date_sentinel"](extract, stroke[4], "diagnosed_at", "1753-01-01 00:00:00")
    WRITERS["encoding_lost"](extract, stroke[5], "diagnosis_name")
    WRITERS["fullwidth_value"](extract, pneumonia[3], "diagnosis_code")
    WRITERS["date_format"](extract, pneumonia[4], "diagnosed_at", slashed(pneumonia[4].cells["diagnosed_at"]))
    WRITERS["duplicate_row"](extract, d[40])
    WRITERS["orphan_record"](extract, d[44], {"visit_id": ("JZ24999777",) * 2})
    WRITERS["short_row"](extract, d[20], _raw_of(extract, d[20], "\t", 3))
    WRITERS["extra_column"](extract, d[30], _raw_of(extract, d[30], "\t", None, ("备", "用")))
    WRITERS["repeated_header"](extract, d[50], "\t".join(extract.columns.values()))
    WRITERS["blank_row"](extract, d[60])
    p = list(procedures.lines)
    WRITERS["value_unparseable"](procedures, p[0], "blood_loss", "#VALUE!")
    WRITERS["date_order"](procedures, p[1], "ended_at", "started_at", slashed)
    WRITERS["date_format"](procedures, p[2], "performed_date", p[2].cells["performed_date"].replace("-", "."))
    WRITERS["fullwidth_value"](procedures, p[3], "procedure_id")
    WRITERS["date_excel_serial"](procedures, p[4], "performed_date", str(_serial(p[4], "performed_date")))


def _serial(line: Line, column: str) -> int | float:
    since = datetime.fromisoformat(line.clean(column)) - datetime(1899, 12, 30)
    return since.days if not since.seconds else round(since.days + since.seconds / 86400, 8)


def _plant_results(first: Extract, second: Extract, third: Extract) -> None:
    of_item = {
        code: [line for line in first.lines if line.cells["item_code"] == code]
        for code in ("L0101", "L0205", "L0207", "L0311")
    }
    wbc, crp, pct, creatinine = of_item.values()
    WRITERS["value_qualitative"](first, crp[0], "result", "阳性(+)")
    WRITERS["value_comparator"](first, pct[0], "result", "<0.1")
    WRITERS["value_comparator"](first, crp[1], "result", "≥200")
    WRITERS["value_range"](first, wbc[1], "result", "3-5")
    WRITERS["value_see_report"](first, creatinine[2], "result", "见报告")
    WRITERS["value_not_done"](first, creatinine[3], "result", "标本溶血")
    WRITERS["fullwidth_value"](first, crp[4], "result")
    WRITERS["unit_variant"](first, crp[5], "unit", "MG/L")
    WRITERS["unit_variant"](first, creatinine[5], "unit", "μmol/L")
    WRITERS["unit_mismatch"](first, creatinine[6], "unit", "g/L")
    WRITERS["value_out_of_range"](first, wbc[7], "result", "4100.0")
    WRITERS["embedded_delimiter"](first, wbc[8], "unit", "10^9/L")
    WRITERS["embedded_newline"](first, crp[9], "item_name")
    WRITERS["id_o_zero"](first, wbc[10], "patient_id")
    WRITERS["id_leading_zero"](first, wbc[11], "patient_id", wbc[11].cells["patient_id"].lstrip("0"))
    WRITERS["id_prefix"](first, wbc[12], "patient_id", "ZY" + wbc[12].cells["patient_id"])
    WRITERS["id_whitespace"](first, wbc[13], "patient_id")
    WRITERS["sex_code"](first, wbc[14], "sex", "男性" if wbc[14].cells["sex"] == "1" else "女性")
    WRITERS["age_text"](first, wbc[15], "age", f"0{wbc[15].cells['age'][:2]}Y")
    WRITERS["age_text"](first, wbc[16], "age", "成人")
    WRITERS["name_variant"](first, wbc[17], "patient_name", " ".join(wbc[17].cells["patient_name"]))
    WRITERS["short_row"](first, wbc[2], _raw_of(first, wbc[2], "^", 5))
    WRITERS["extra_column"](first, wbc[3], _raw_of(first, wbc[3], "^", None, ("复核", "备注")))
    WRITERS["repeated_header"](first, pct[9], "^".join(first.columns.values()))
    WRITERS["blank_row"](first, pct[12], "^" * (len(first.columns) - 1))
    WRITERS["duplicate_row"](first, pct[14])
    WRITERS["orphan_record"](
        first, pct[16], {"patient_id": ("0009954321",) * 2, "visit_id": ("JZ24988001",) * 2, "report_id": ("LR240999001",) * 2,
                         "barcode": ("880000999001",) * 2, "patient_name": ("夏侯宁",) * 2},
    )  # fmt: skip
    records = sum(line.truth is not None for line in first.lines)
    WRITERS["footer_row"](first, f"共 {records} 条")
    s = list(second.lines)
    WRITERS["date_impossible"](second, s[0], "collected_at", "31/02/2024 08:00:00")
    WRITERS["date_order"](second, s[4], "verified_at", "collected_at", european)
    WRITERS["date_format"](second, s[8], "collected_at", s[8].clean("collected_at").replace(" ", "T"))
    WRITERS["value_qualitative"](second, s[13], "result", "阴性(-)")
    WRITERS["sex_code"](second, s[16], "sex", " 男" if s[16].cells["sex"] == "1" else " 女")
    shared = WRITERS["shared_id"]
    shared(second, s[20], {"patient_id": ("9999999",) * 2, "report_id": ("LR240999011",) * 2, "barcode": ("880000999011",) * 2,
                           "patient_name": ("万里晴",) * 2, "visit_id": ("", None)})  # fmt: skip
    shared(second, s[24], {"patient_id": ("9999999",) * 2, "report_id": ("LR240999012",) * 2, "barcode": ("880000999012",) * 2,
                           "patient_name": ("严冬生",) * 2, "visit_id": ("", None)})  # fmt: skip
    WRITERS["truncated_file"](third, _raw_of(third, third.lines[0], "^", 11)[:-6])


def _plant_reports(first: Extract, second: Extract, patients: Extract) -> None:
    x = list(first.lines)
    phones = {line.cells["patient_id"]: line.cells["phone"] for line in patients.lines if line.cells}
    other = x[18]
    WRITERS["accession_collision"](
        first, x[0], {"exam_id": ("E2499001",) * 2, "request_id": ("RQ799001",) * 2}
        | {name: (other.cells[name], other.clean(name)) for name in ("patient_id", "visit_id", "patient_name", "sex", "age")},
    )  # fmt: skip
    later = "2024-04-20 10:00:00"
    WRITERS["report_amendment"](
        first, x[1], {"report_version": ("2", "2"), "report_status": ("60", "amended"), "verified_at": (slashed(later), later),
                      "impression": (x[1].cells["impression"] + "修订：请结合临床。",) * 2},
    )  # fmt: skip
    WRITERS["report_duplicate"](first, x[2], {"device": ("影像-9",) * 2})
    WRITERS["preliminary_report"](
        first, x[3], {"exam_id": ("E2499002",) * 2, "accession_number": ("A2024990002",) * 2, "report_status": ("30", "preliminary"),
                      "verified_at": ("", None)},
    )  # fmt: skip
    WRITERS["report_cancelled"](
        first,
        x[4],
        {"exam_id": ("E2499003",) * 2, "accession_number": ("A2024990003",) * 2, "report_status": ("99", "cancelled")},
    )
    WRITERS["html_residue"](first, x[5], "findings")
    WRITERS["mojibake"](first, x[6], "impression")
    WRITERS["truncated_text"](first, x[7], "findings")
    WRITERS["phi_in_text"](
        first, x[8], "findings",
        f"患者{x[8].cells['patient_name']}，电话{phones[x[8].cells['patient_id']]}。{x[8].cells['findings']}",
    )  # fmt: skip
    WRITERS["template_residue"](first, x[9], "findings", "右肺__叶见__mm结节，边界___。" + x[9].cells["findings"])
    WRITERS["date_future"](first, x[10], "examined_at", slashed)
    WRITERS["date_order"](first, x[11], "reported_at", "examined_at", slashed)
    opposite = {"男性": ("女性", "F"), "女性": ("男性", "M")}
    WRITERS["cross_system_conflict"](first, x[12], "sex", *opposite[x[12].cells["sex"]])
    WRITERS["age_text"](first, x[13], "age", "不详")
    WRITERS["orphan_record"](
        first, x[14], {"exam_id": ("E2499004",) * 2, "accession_number": ("A2024990004",) * 2, "patient_id": ("0009900077",) * 2,
                       "visit_id": ("JZ24977001",) * 2, "patient_name": ("诸葛平",) * 2},
    )  # fmt: skip
    WRITERS["id_o_zero"](first, x[15], "patient_id")
    WRITERS["date_format"](first, x[16], "examined_at", compact(x[16].clean("examined_at")))
    WRITERS["encoding_mismatch"](second)
    y = list(second.lines)
    WRITERS["html_residue"](second, y[0], "impression")
    WRITERS["name_variant"](second, y[1], "patient_name", y[1].cells["patient_name"] + f"({y[1].cells['sex'][0]})")
    WRITERS["mojibake"](second, y[3], "findings")
    WRITERS["phi_in_text"](
        second, y[4], "impression", y[4].cells["impression"] + f"（{y[4].cells['patient_name']}，住院号B240330）"
    )


def _plant_departments(pathology: Extract, ultrasound: Extract) -> None:
    b = list(pathology.lines)
    WRITERS["template_residue"](
        pathology, b[0], "microscopic", "镜下见___组织，伴【请填写】。" + b[0].cells["microscopic"]
    )
    WRITERS["encoding_lost"](pathology, b[1], "gross")
    WRITERS["date_sentinel"](pathology, b[2], "reported_at", "0000-00-00")
    WRITERS["duplicate_row"](pathology, b[3])
    WRITERS["id_whitespace"](pathology, b[5], "pathology_id")
    WRITERS["date_order"](pathology, b[6], "reported_at", "submitted_at", chinese)
    WRITERS["mojibake"](pathology, b[7], "diagnosis")
    u = list(ultrasound.lines)
    WRITERS["date_excel_serial"](ultrasound, u[2], "examined_at", f"={_serial(u[2], 'examined_at')}")
    WRITERS["age_text"](ultrasound, u[4], "age", f"0{u[4].cells['age'][:2]}Y")
    WRITERS["html_residue"](ultrasound, u[5], "findings")
    WRITERS["repeated_header"](ultrasound, u[7], "\t".join(ultrasound.columns.values()))
    WRITERS["footer_row"](ultrasound, f"合计\t{sum(line.truth is not None for line in ultrasound.lines)}")


def _plant_repository(extract: Extract) -> None:
    c = list(extract.lines)
    WRITERS["bom"](extract)
    WRITERS["cross_system_conflict"](extract, c[15], "birth_date", "1961-11-23", "1961-11-23")
    WRITERS["id_scientific"](extract, c[16], "citizen_id", "1.10199198E+17")
    WRITERS["fullwidth_value"](extract, c[17], "phone")
    WRITERS["date_sentinel"](extract, c[18], "birth_date", "1900-01-01")
    WRITERS["rare_char_lost"](extract, c[19], "patient_name", c[19].cells["patient_name"][:2] + "□")
    WRITERS["duplicate_row"](extract, c[22])
    WRITERS["mojibake"](extract, c[23], "patient_name")
    WRITERS["idcard_checksum"](extract, c[24])


def _plant_births(deliveries: Extract, newborns: Extract) -> None:
    f = list(deliveries.lines)
    WRITERS["value_ambiguous"](deliveries, f[0], "gestational_age", "38.2")
    WRITERS["value_range"](deliveries, f[1], "blood_loss_24h", "800-1000")
    WRITERS["value_comparator"](deliveries, f[2], "blood_loss_24h", "1200+")
    WRITERS["value_unparseable"](deliveries, f[3], "parity", "#NUM!")
    WRITERS["date_format"](deliveries, f[4], "delivered_at", slashed(f[4].cells["delivered_at"]))
    WRITERS["id_leading_zero"](deliveries, f[5], "patient_id", f[5].cells["patient_id"].lstrip("0"))
    n = list(newborns.lines)
    WRITERS["value_out_of_range"](newborns, n[0], "birth_weight", "29000")
    WRITERS["value_out_of_range"](newborns, n[1], "apgar_1", "19")
    WRITERS["date_future"](newborns, n[2], "born_at", str)
    WRITERS["value_unparseable"](newborns, n[3], "birth_weight", "#REF!")


def _plant_worklist(extract: Extract) -> None:
    w = list(extract.lines)
    WRITERS["accession_mismatch"](extract, w[2], "A2024777001")
    WRITERS["accession_mismatch"](extract, w[5], "A2024777002")
    opposite = {"M": "F", "F": "M"}[w[7].cells["sex"]]
    WRITERS["cross_system_conflict"](extract, w[7], "sex", opposite, opposite)
    WRITERS["id_leading_zero"](extract, w[9], "patient_id", w[9].cells["patient_id"].lstrip("0"))


def _plant_documents(template: Extract, identity: Extract, patients: Extract) -> None:
    (line,) = template.lines
    WRITERS["template_residue"](template, line, "content", "患者于__年__月__日因______入院。\n" + line.cells["content"])
    (line,) = identity.lines
    person = patients.lines[5].cells
    WRITERS["phi_in_text"](
        identity, line, "content",
        line.cells["content"] + f"\n联系人：{person['patient_name']}，电话{person['phone']}，住址{person['address']}。",
    )  # fmt: skip
