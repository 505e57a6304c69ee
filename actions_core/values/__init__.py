"""JSON values: their JavaScript spelling, paths, times, hashes, events and strict files."""
