"""Brings what the hospital's systems deliver into the raw tables of the restricted zone."""
