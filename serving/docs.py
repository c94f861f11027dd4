"""Makes the dbt docs of a home as one page that needs no server and no network, with Chinese labels first."""

import json
from pathlib import Path
from typing import Any

from lakehouse.errors import RadlakeError
from lakehouse.settings import Settings
from serving.build import run_dbt, target_folder

_PLACES = {"manifest.json": '"MANIFEST.JSON INLINE DATA"', "catalog.json": '"CATALOG.JSON INLINE DATA"'}
"""Where dbt's own page waits for its two documents, as `dbt docs generate --static` fills them."""


def write_docs(settings: Settings) -> Path:
    """Generate lineage and dictionary from dbt's manifest and return the page.

    Raises RadlakeError when dbt's page has no place for the documents.
    """
    run_dbt(settings, ["docs", "generate"])
    folder = target_folder(settings)
    page = (folder / "index.html").read_text(encoding="utf-8")
    for name, place in _PLACES.items():
        if place not in page:
            raise RadlakeError(f"dbt's documentation page has no place for {name}; its version is not known")
        document = json.loads((folder / name).read_text(encoding="utf-8"))
        if name == "manifest.json":
            _put_labels_first(document)
        # "</" would end the script of the page
        page = page.replace(place, json.dumps(document, ensure_ascii=False).replace("</", "<\\/"))
    path = settings.home / "reports" / "dbt_docs.html"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def _put_labels_first(manifest: dict[str, Any]) -> None:
    for node in (*manifest["nodes"].values(), *manifest["sources"].values()):
        for column in node.get("columns", {}).values():
            meta = (column.get("config") or {}).get("meta") or column.get("meta") or {}
            if meta.get("label_zh"):
                column["description"] = f"{meta['label_zh']} · {column.get('description', '')}"
