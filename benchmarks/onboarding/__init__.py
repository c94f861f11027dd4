"""Measures how a hospital is taken aboard: drafts of mappings, and defects found."""
