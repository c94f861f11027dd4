"""Identity: finds the person behind the records of all sources, by rules first and by probability for the rest.

Everything it knows stays in the restricted zone (schema raw_vault); pseudonyms of records and persons leave it.
"""
