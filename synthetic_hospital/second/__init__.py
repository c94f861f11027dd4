"""Writes a second hospital, different from the first in every form, whose defects are known row by row.

Other systems, file forms, encodings, names of columns, code systems, schemes of numbers and ways of writing dates; only
the mapping YAMLs beside it know them. It proves that a hospital is taken aboard without code, and measures how many of
its planted defects (sources.md 7) are found.
"""
