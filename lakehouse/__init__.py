"""The floor every pipeline stands on: settings, errors, log, contract, lake, ledger, formats, governance."""

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""The checkout, which holds dbt_project/ and config/ beside the packages."""
