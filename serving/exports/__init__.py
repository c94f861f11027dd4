"""Writes the tables of a release in the formats doctors and statisticians open.

Every export is made from the released Parquet, never from the lake, so it holds the pseudonyms, shifted dates and
columns of the release and nothing else.
"""
