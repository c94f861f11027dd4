"""A file that was cut off: none of it is loaded, all of it is in quarantine, and the other files are loaded."""

from ingestion.mapping import read_mapping
from ingestion.pipeline import ingest_source
from lakehouse import PROJECT_ROOT
from lakehouse.lake import open_lake
from lakehouse.settings import Settings
from tests.builders.extract import patient_line, write_patients


def test_file_that_was_cut_off_is_held_and_the_others_are_loaded(settings: Settings) -> None:
    folder = settings.deliveries_folder
    write_patients(folder, [patient_line(f"{number:010d}") for number in range(30)])
    cut = write_patients(folder, [patient_line(f"{number:010d}") for number in range(50, 90)], name="V_BRXX_2.txt")
    whole = cut.read_bytes()
    cut.write_bytes(whole[: -len(patient_line("x")) + 20])
    mapping = read_mapping(PROJECT_ROOT / "config" / "sources" / "his.yml")
    mapping = mapping.model_copy(update={"files": mapping.files[:1]})
    result = ingest_source(settings, mapping, folder)
    assert [(file.received, file.loaded, file.quarantined) for file in result.files] == [
        (30, 30, {}),
        (40, 0, {"truncated_file": 39, "short_row": 1}),
    ]
    assert result.breaches == []
    with open_lake(settings, read_only=True) as connection:
        kinds = connection.execute(
            "select kind, row_no is null from raw.raw_ledger.dq_issue where kind = 'truncated_file' and row_no is null"
        ).fetchall()
    assert kinds == [("truncated_file", True)]
    # the file comes again, whole
    cut.write_bytes(whole)
    assert ingest_source(settings, mapping, folder).total("loaded") == 40
