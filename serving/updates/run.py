"""Updates the lake of a home, or says why everything has to be built as a whole."""

from pathlib import Path

from lakehouse.changes import gather_files, read_moment
from lakehouse.lake import DatabaseError, open_lake, prepare_session
from lakehouse.settings import Settings
from serving.updates import WholeBuildError
from serving.updates.apply import Applied, apply_delta
from serving.updates.delta import Delta, find_delta
from serving.updates.plan import read_plan
from serving.updates.state import read_state

GATHER_EVERY = 20
"""Updates after which the small files they left are put together."""


def has_whole_build(settings: Settings, fingerprint: str) -> None:
    """Raise WholeBuildError, saying why, when an update has nothing to start from."""
    with open_lake(settings, read_only=True) as connection:
        read_state(connection, fingerprint)


def update_lake(settings: Settings, folder: Path, fingerprint: str) -> tuple[Delta, Applied]:
    """Bring what changed in the raw zone since the last build into the lake, with the plan kept in a folder.

    Raises WholeBuildError when that cannot be done by parts; then the lake is as it was.
    """
    plan = read_plan(folder, fingerprint)
    if plan is None:
        raise WholeBuildError("the compiled models are missing")
    with open_lake(settings) as connection:
        state = read_state(connection, fingerprint)
        try:
            aside = connection.cursor()
            prepare_session(aside, settings)
            delta = find_delta(connection, aside, plan, state.built_from, read_moment(connection, "raw"))
            applied = apply_delta(delta, state)
            if (state.update_count + 1) % GATHER_EVERY == 0:
                gather_files(connection, "lake")
            return delta, applied
        except DatabaseError as error:
            # the text of the error could hold a value
            raise WholeBuildError(f"an update ended with {type(error).__name__}") from None
