"""What is MySQL's and MariaDB's own in a script: definitions and the forms of values."""
