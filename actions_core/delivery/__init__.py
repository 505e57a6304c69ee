"""Delivery above the engine: from threads and processes without an event loop, and through an outbox."""
