"""Benchmarks of reading deliveries, as ratios within one run."""
