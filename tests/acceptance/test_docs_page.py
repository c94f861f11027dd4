"""The page of lineage and dictionary: one file, Chinese labels, from source to mart, nothing fetched."""

import re

from serving.docs import write_docs
from tests.acceptance.conftest import Hospital
from tests.canary import find_in_files, read_planted_identities


def test_page_shows_labels_and_lineage_and_fetches_nothing(hospital: Hospital) -> None:
    page = write_docs(hospital.settings)
    text = page.read_text(encoding="utf-8")
    assert "最高尿素 · " in text
    assert "source.radlake.lis.result" in text
    assert "model.radlake.mart_pulmonary_infection__episode" in text
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?://', text)
    assert find_in_files([page.parent], read_planted_identities(hospital.truth)) == {}
