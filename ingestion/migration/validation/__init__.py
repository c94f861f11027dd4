"""Compares a migrated database with its source: structure, counts, aggregates, row hashes, large objects and files."""
