"""Mixpanel (cloud mode): events, orders, people and groups from servers and cloud apps."""

from __future__ import annotations

from actions_mixpanel.handlers import destination

__all__ = ["destination"]
