"""Segment's Actions for Python."""
