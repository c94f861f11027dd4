"""The kinds of damage that the self-test does to a copy of a migrated table.

A kind that alters one value is SQL: which values it applies to, and what becomes of them. Kinds that alter whole rows,
or several values at once, are functions of `injury`.
"""
