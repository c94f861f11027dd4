"""Opens the two encrypted zones for dbt: keys reach the connection from files, never a profile or compiled SQL."""

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from lakehouse.errors import RadlakeError
from lakehouse.lake import configure_connection, prepare_session
from lakehouse.settings import find_home, read_settings
from serving.updates.plan import project_fingerprint


class Plugin(BasePlugin):
    """Attaches `raw` and `lake` once, gives each cursor the pseudonym macros and the project's fingerprint."""

    def configure_connection(self, conn: Any) -> None:
        """Attach both zones before the profile names them."""
        try:
            self._settings = read_settings(find_home(None))
            (self._settings.work_folder / "spill").mkdir(mode=0o700, parents=True, exist_ok=True)
            configure_connection(conn, self._settings)
            self._fingerprint = project_fingerprint(self._settings)
        except RadlakeError as error:
            raise DbtRuntimeError(f"{error} (exit code {error.exit_code})") from error

    def configure_cursor(self, cursor: Any) -> None:
        """Define the pseudonym macros and set their key in one session."""
        prepare_session(cursor, self._settings)
        cursor.execute("set variable radlake_fingerprint = $1", [self._fingerprint])
