"""Replays legacy queries on the old database and the lake, tunes the lake by measured steps, and keeps a baseline."""
