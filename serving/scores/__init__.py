"""Computes clinical scores over a file of cases with the same SQL that the marts use."""
