"""Turns what the hospital's messages and resources say into rows of raw tables, one module per standard.

A module knows the standard, not the hospital: `rows_of_message` and `rows_of_resource` yield (table name, row of text),
and the columns are those of the contract of the same name.
"""

Row = dict[str, str | None]
"""Values as they were received, by column; None is absent."""
