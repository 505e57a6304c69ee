"""`actions worker`: deliver what is in an outbox until it is told to stop."""
