"""`python -m synthetic_hospital --out DIR`: writes one whole hospital and the truth about it."""

import argparse
import csv
import dataclasses
from collections.abc import Iterable
from pathlib import Path

from synthetic_hospital.corrections import correct_patients
from synthetic_hospital.extracts import ExtractWriter
from synthetic_hospital.messages import write_fhir, write_hl7v2
from synthetic_hospital.model import Patient
from synthetic_hospital.people import invent_staff
from synthetic_hospital.population import tell_patients
from synthetic_hospital.truth import TruthWriter

_MESSAGE_PATIENTS = 30


def write_hospital(out: Path, *, patients: int, seed: int, image_patients: int, day: int) -> None:
    """Write the extracts of a day; on the first day also messages, images, AI results, the old database and the truth."""
    extracts = ExtractWriter(out / ("extracts" if day == 1 else f"extracts_day{day}"), seed)
    truth = TruthWriter(out / ("truth" if day == 1 else f"truth_day{day}"))
    kept: list[Patient] = []
    stream = tell_patients(patients, seed)
    for patient in stream if day == 1 else correct_patients(stream, patients, seed):
        extracts.write(patient)
        truth.write(patient)
        if len(kept) < max(_MESSAGE_PATIENTS, image_patients):
            kept.append(patient)
    extracts.close()
    for name in invent_staff(seed):
        truth.identifier("staff", name, "", "staff_name", name, "ris")
    folder = out / ("truth" if day == 1 else f"truth_day{day}")
    _write_rows(
        folder / "bad_row.csv",
        ("file", "line_no", "kind"),
        (fault for file in extracts.files.values() for fault in file.faults),
    )
    _write_rows(folder / "counts.csv", ("file", "rows"), ((file.name, file.rows) for file in extracts.files.values()))
    if day == 1:
        write_hl7v2(out / "extracts" / "hl7v2" / "adt_oru.hl7", kept[:_MESSAGE_PATIENTS])
        write_fhir(out / "extracts" / "fhir" / "bundle_0001.json", kept[:_MESSAGE_PATIENTS])
        _write_images(out, kept[:image_patients], kept, seed, truth)
    truth.close()


def _write_images(out: Path, imaged: list[Patient], kept: list[Patient], seed: int, truth: TruthWriter) -> None:
    # heavy imports: a hospital without images does not need them
    from synthetic_hospital.ai_results import write_ai_results
    from synthetic_hospital.images import image_identifiers, write_images
    from synthetic_hospital.legacy import write_legacy_database

    facts = write_images(out / "dicom", imaged, seed)
    _write_facts(out / "truth" / "dicom.csv", facts)
    for kind, value in image_identifiers(facts, imaged):
        truth.identifier("study", value, "", kind, value, "pacs")
    _write_facts(out / "truth" / "ai_finding.csv", write_ai_results(out / "ai", imaged, seed))
    write_legacy_database(out / "legacy", kept)


def _write_facts(path: Path, facts: Iterable[object]) -> None:
    rows = [dataclasses.asdict(fact) for fact in facts]  # type: ignore[call-overload]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["path"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_rows(path: Path, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main() -> None:
    """Parse the command line and write the hospital."""
    parser = argparse.ArgumentParser(prog="python -m synthetic_hospital", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument(
        "--patients", type=int, default=10, help="how many patients (the first ten are always the same)"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--image-patients", type=int, default=12, help="how many of them have image files")
    parser.add_argument(
        "--day", type=int, default=1, choices=(1, 2), help="2 writes the corrected extracts of the next day"
    )
    options = parser.parse_args()
    write_hospital(
        options.out,
        patients=options.patients,
        seed=options.seed,
        image_patients=min(options.image_patients, options.patients),
        day=options.day,
    )


if __name__ == "__main__":
    main()
