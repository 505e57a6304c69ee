"""Webhook: events sent as JSON to any URL, signed with a shared secret."""

from __future__ import annotations

from actions_webhook.signing import destination

__all__ = ["destination"]
