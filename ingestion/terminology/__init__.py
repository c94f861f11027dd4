"""Brings code lists, maps and SNOMED CT releases of a hospital into the lake, and what its terminologists decided."""
