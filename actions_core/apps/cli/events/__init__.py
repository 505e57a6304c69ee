"""Reads the events of a run: which files are meant, and what is in them as it arrives."""
