"""Slack: messages posted to a channel by incoming webhooks, all of it in JSON."""

from __future__ import annotations

from actions_core import Destination

__all__ = ["destination"]

destination = Destination.from_package(__package__)
