"""Makes the dbt docs of a home as one page that needs no server and no network."""

import shutil
from pathlib import Path

from lakehouse.settings import Settings
from serving.build import run_dbt, target_folder


def write_docs(settings: Settings) -> Path:
    """Generate lineage and dictionary from dbt's manifest and return the page."""
    run_dbt(settings, ["docs", "generate", "--static"])
    page = settings.home / "reports" / "dbt_docs.html"
    page.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(target_folder(settings) / "static_index.html", page)
    return page
