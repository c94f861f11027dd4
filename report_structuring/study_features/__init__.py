"""From the mentions of one report to the columns of the imaging marts (specifications of the diseases, chapter 3)."""
