"""Measures how well records of one person are brought together, on a population whose truth is known."""
