"""The command `radlake`: puts the verbs together and turns errors into exit codes."""

import sys
from pathlib import Path

from serving.source_argument import hide_password

# before the imports that take a second: so long a password would stand in the list of processes
hide_password(sys.argv)

import typer  # noqa: E402

from lakehouse.errors import RadlakeError  # noqa: E402
from lakehouse.log import get_logger  # noqa: E402
from serving.commands import (  # noqa: E402
    ai,
    contracts,
    dicom,
    flow,
    identity,
    issues,
    migrate,
    release,
    report,
    score,
    source,
    terminology,
    text,
    vault,
)
from serving.terminal import stderr  # noqa: E402

app = typer.Typer(help="放射科研数据湖仓 A radiology research lakehouse.", no_args_is_help=True, add_completion=False)
app.add_typer(flow.app)
app.add_typer(score.app)
for name, module in (
    ("dicom", dicom),
    ("ai", ai),
    ("text", text),
    ("source", source),
    ("issues", issues),
    ("identity", identity),
    ("vault", vault),
    ("terminology", terminology),
    ("migrate", migrate),
    ("report", report),
    ("release", release),
    ("contracts", contracts),
):
    app.add_typer(module.app, name=name)


def main() -> None:
    """Run the command line and end with the exit code of the error, if there is one."""
    try:
        app(standalone_mode=False)
    except typer.Abort:
        sys.exit(1)
    except RadlakeError as error:
        stderr.print(f"[bold red]radlake:[/] {error}", markup=True, highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "show"):
            error.show()
            sys.exit(error.exit_code)
        # the text of a foreign error may hold a row value; its type and place are in the log
        get_logger(__name__).error("unexpected", exc_info=error, extra={"place": _place_of(error)})
        stderr.print(f"radlake: unexpected {type(error).__name__} at {_place_of(error)}", markup=False)
        sys.exit(1)


def _place_of(error: BaseException) -> str:
    trace = error.__traceback__
    place = "unknown"
    while trace is not None:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


if __name__ == "__main__":
    main()
