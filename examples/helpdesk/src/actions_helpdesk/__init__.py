"""Helpdesk: a destination of actions-core."""

from actions_helpdesk.handlers import destination

__all__ = ["destination"]
