"""Rows that a hospital adds to the package's tables; `words.read_rows` hands them out behind the package's own.

It knows nothing of what the rows say: `site_lexicon` reads, checks and installs them.
"""

import sys
from collections.abc import Mapping, Sequence

Rows = Mapping[str, Sequence[Sequence[str]]]

_PACKAGE = __package__ or "report_structuring"
_added: dict[str, list[list[str]]] = {}


def added_rows(table: str) -> list[list[str]]:
    """Return the rows added to one table of the package."""
    return [list(row) for row in _added.get(table, ())]


def install_rows(rows: Rows) -> None:
    """Replace all added rows and forget what the package's modules made of their tables so far."""
    installed = {table: [list(row) for row in added] for table, added in rows.items() if added}
    if installed == _added:
        return
    _added.clear()
    _added.update(installed)
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{_PACKAGE}."):
            for value in list(vars(module).values()):
                if callable(getattr(value, "cache_clear", None)):
                    value.cache_clear()
