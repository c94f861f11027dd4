"""contracts write."""

from typing import Annotated

import typer

from lakehouse.errors import CheckFailedError

app = typer.Typer(help="质控契约 Soda contracts.", no_args_is_help=True)


@app.command("write")
def contracts_write(
    check: Annotated[bool, typer.Option("--check", help="Only tell whether the files are current.")] = False,
) -> None:
    """Make the Soda contract files from the marts' YAML. 生成质控契约。"""
    from serving.contracts import CONTRACTS_FOLDER, contract_text, read_marts, write_contracts

    if check:
        stale = [
            model.name
            for model in read_marts()
            if not (path := CONTRACTS_FOLDER / f"{model.name}.yml").is_file()
            or path.read_text(encoding="utf-8") != contract_text(model)
        ]
        if stale:
            raise CheckFailedError(f"contracts not current: {', '.join(stale)}; run `radlake contracts write`")
    else:
        typer.echo(f"{len(write_contracts())} contracts written")
