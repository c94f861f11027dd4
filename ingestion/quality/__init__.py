"""Finds what is wrong with delivered values, records and relations, acts by rule, and writes it down."""
