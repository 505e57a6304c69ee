"""Delivery by many machines: an outbox hands deliveries to NATS JetStream, and workers take them from it."""
