"""Opens whatever the legacy database is, live or a dump, as the same pair: a readable source and its catalog."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingestion.migration.catalog import Catalog
from ingestion.migration.dump import open_dump
from ingestion.migration.engines import read_catalog
from ingestion.migration.source import Address, Source, open_source


@contextmanager
def open_origin(address: Address, work_folder: Path) -> Iterator[tuple[Source, Catalog]]:
    """Open a source read-only with its catalog; a dump is restored into `work_folder` and removed in the end."""
    if address.engine == "dump":
        with open_dump(address, work_folder) as (source, catalog):
            yield source, catalog
        return
    with open_source(address) as source:
        yield source, read_catalog(source)
