"""The verbs of `radlake`, one module a noun; each parses arguments, calls one function and prints what it returns."""
