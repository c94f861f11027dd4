"""The error tree; each class carries the exit code of the command it ends.

    RadlakeError                1
      UsageError                2
      SettingsError            10
      SourceUnreachableError   11
      ContractError            12
      CheckFailedError         13
      GateClosedError          14
      NotPermittedError        15
      KeyMissingError          16

A message says what happened, where, and what to do next; it never holds a row value.
"""


class RadlakeError(Exception):
    """Anything radlake refuses to go on from."""

    exit_code = 1


class UsageError(RadlakeError):
    """The command was called in a way that cannot be carried out."""

    exit_code = 2


class SettingsError(RadlakeError):
    """site.yml or a mapping YAML is missing or wrong."""

    exit_code = 10


class SourceUnreachableError(RadlakeError):
    """A folder, file or server that should be read cannot be."""

    exit_code = 11


class ContractError(RadlakeError):
    """What arrived breaks the contract of its source as a whole."""

    exit_code = 12


class CheckFailedError(RadlakeError):
    """A verification ran and did not pass."""

    exit_code = 13


class GateClosedError(RadlakeError):
    """The release gate is closed."""

    exit_code = 14


class NotPermittedError(RadlakeError):
    """The act is not allowed in this home or for this person."""

    exit_code = 15


class KeyMissingError(RadlakeError):
    """A key is missing, or is not the key this home was made with."""

    exit_code = 16
