"""One log for all steps: JSON lines in `<home>/logs/radlake.jsonl` and, above INFO, on standard error.

Callers log counts, names of tables and tokens of files; never a value of a row.
"""

import json
import logging
import logging.handlers
import sys
import time
from pathlib import Path

_FIELDS_OF_A_RECORD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(record.created)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update({key: value for key, value in record.__dict__.items() if key not in _FIELDS_OF_A_RECORD})
        if record.exc_info and record.exc_info[0] is not None:
            # the type alone: the text of a foreign exception may hold a row value
            entry["error"] = record.exc_info[0].__name__
        return json.dumps(entry, ensure_ascii=False, default=str)


def configure_log(home: Path) -> None:
    """Send the logs of this process to the home's log file and warnings to standard error."""
    folder = home / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    to_file = logging.handlers.RotatingFileHandler(
        folder / "radlake.jsonl", maxBytes=20_000_000, backupCount=10, encoding="utf-8", delay=True
    )
    to_file.setFormatter(_JsonLines())
    to_file.setLevel(logging.INFO)
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    to_terminal.setLevel(logging.WARNING)
    logger = logging.getLogger("radlake")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.addHandler(to_file)
    logger.addHandler(to_terminal)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def get_logger(name: str) -> logging.Logger:
    """Return the logger of one module."""
    return logging.getLogger(f"radlake.{name}")
