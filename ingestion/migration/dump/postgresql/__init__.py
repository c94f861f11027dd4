"""What is PostgreSQL's own in a script: definitions and the forms of values."""
