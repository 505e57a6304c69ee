"""Reads events: which files are meant, what is in them, and where in them each event stands."""
