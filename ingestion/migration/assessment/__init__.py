"""Assesses a legacy database: what is in it, how clean it is, and how much work its migration will be.

Reads the source only; what it returns holds names, definitions, counts and frequent values, never a rare one.
"""
