"""What the figures in closing notes and documents were made with."""
