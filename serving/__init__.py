"""The roof: the command line, dbt builds, the gate, releases and reports."""
