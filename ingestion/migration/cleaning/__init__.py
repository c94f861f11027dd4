"""Cleaning rules as versioned code: what they would change in `raw_legacy`, and drafts of staging models with them.

Nothing here writes a table: raw tables stay as they came, and a rule takes effect only in a staging model.
"""
