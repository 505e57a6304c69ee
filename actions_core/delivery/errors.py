"""Errors of outboxes and brokers: what was to be accepted was not, and the caller still has it."""

from __future__ import annotations

from actions_core.errors import ActionsError


class OutboxError(ActionsError):
    """An outbox that cannot be opened, or could not do what it was asked to.

    `retryable` is false where trying again gives the same: a foreign file, a damaged one.
    """

    default_code = "OUTBOX_FAILED"
    default_retryable = True


class OutboxFullError(OutboxError):
    """A full disk, or `mostBytes` reached: delivery goes on, and frees space."""

    default_code = "OUTBOX_FULL"
    default_status = 507


class BrokerError(OutboxError):
    """A broker that cannot be reached, or refused what it was asked to do."""

    default_code = "BROKER_FAILED"
    default_retryable = True
