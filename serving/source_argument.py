"""Takes the address of a legacy database from the command line without leaving its password in the list of processes.

A command started with a password in its arguments starts itself again, once, with the address in a variable of the
environment that is removed as soon as it has been read; `env:NAME` is also what a user may write. Nothing heavy is
imported here, so that the password stands there for a few hundredths of a second only.
"""

import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingestion.migration.source import Address

VARIABLE = "RADLAKE_SOURCE_URL"
_MARK = "env:"
_SECRET = re.compile(
    r"(?P<option>--[\w-]+=)?(?P<url>[A-Za-z][\w+.-]*://(?:[^/?#@:]*:.+@.*|.*[?&](?i:password|passwd|pwd)=.+))",
    re.DOTALL,
)


def hide_password(arguments: Sequence[str]) -> None:
    """Start this program again without the password, when one of its arguments is a URL with one; else do nothing."""
    found = next((match for argument in arguments[1:] if (match := _SECRET.fullmatch(argument))), None)
    if found is None:
        return
    url = found["url"]
    # the arguments of the interpreter too, such as `-m serving.cli`
    hidden = [argument.replace(url, _MARK + VARIABLE) for argument in sys.orig_argv]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *hidden[1:]], os.environ | {VARIABLE: url})  # noqa: S606


def resolve_source(text: str) -> "Address":
    """Return the address that an argument names: a URL, a path, or `env:NAME` for the variable that holds it.

    The variable is removed, so that no program started later inherits it.
    Raises UsageError when the variable is not set or the address cannot be read.
    """
    from ingestion.migration.source import parse_address
    from lakehouse.errors import UsageError

    if not text.startswith(_MARK):
        return parse_address(text)
    name = text.removeprefix(_MARK)
    value = os.environ.pop(name, None)
    if not value:
        raise UsageError(f"the variable {name} that should hold the address of the source is not set")
    return parse_address(value)
