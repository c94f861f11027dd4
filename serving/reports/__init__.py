"""Pages for people: Chinese first, English beside, one file that needs nothing else."""
