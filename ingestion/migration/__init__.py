"""Migrates the legacy research database: assess, plan, run, validate, tune; the source is only ever read."""
