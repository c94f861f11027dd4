"""Benchmarks of report structuring and of scrubbing free text."""
