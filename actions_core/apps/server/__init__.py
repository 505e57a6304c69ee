"""Servers over HTTP: Segment's tracking API in front of an outbox, and the protocol of its tester."""
