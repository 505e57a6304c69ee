"""Google Analytics 4 (cloud mode): events from servers, by the Measurement Protocol."""

from __future__ import annotations

from actions_google_analytics_4.handlers import destination

__all__ = ["destination"]
