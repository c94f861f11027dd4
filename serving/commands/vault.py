"""vault crosswalk."""

from pathlib import Path
from typing import Annotated

import typer

from serving.terminal import HomeOption, JsonOption, open_home, print_json, print_table

app = typer.Typer(help="身份库 The vault of identities.", no_args_is_help=True)


@app.callback()
def vault() -> None:
    """Keep the name of the verb although there is only one."""


@app.command("crosswalk")
def vault_crosswalk(
    out: Annotated[Path, typer.Option("--out", help="CSV to write, identifiers in clear.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all identifiers in clear beside their pseudonyms; synthetic homes only, audited. 标识对照表。"""
    from ingestion.identity.crosswalk import write_crosswalk
    from lakehouse.lake import lock_home

    settings = open_home(home)
    with lock_home(settings):
        counts = write_crosswalk(settings, out)
    if as_json:
        print_json({"rows": sum(counts.values()), "by_entity": counts})
    else:
        print_table("radlake vault crosswalk", ["entity", "rows"], [[name, count] for name, count in counts.items()])
