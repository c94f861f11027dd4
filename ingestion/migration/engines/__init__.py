"""One module an engine: `read_catalog(source) -> Catalog` from the views the engine documents."""

from collections.abc import Callable

from ingestion.migration.catalog import Catalog
from ingestion.migration.engines import mssql, mysql, oracle, postgresql, sqlite
from ingestion.migration.source import Source

_READERS: dict[str, Callable[[Source], Catalog]] = {
    "postgresql": postgresql.read_catalog,
    "mysql": mysql.read_catalog,
    "sqlite": sqlite.read_catalog,
    "mssql": mssql.read_catalog,
    "oracle": oracle.read_catalog,
}


def read_catalog(source: Source) -> Catalog:
    """Read all objects of an open live database; a dump brings its catalog itself."""
    return _READERS[source.engine](source)
