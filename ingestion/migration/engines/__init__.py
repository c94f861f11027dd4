"""One module an engine: `read_catalog(source) -> Catalog` from the views the engine documents."""
