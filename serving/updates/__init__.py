"""Brings the lake up to date after a delivery by the persons it touches, instead of building every table anew.

Why and how: docs/decisions/0007-updates-by-component.md.
"""


class WholeBuildError(Exception):
    """A delta cannot be brought in by parts, so everything is built as a whole; the message says why."""
