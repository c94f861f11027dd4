"""Comparisons of the migration with the engines' own exports and with other validators."""
