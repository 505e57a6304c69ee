"""Meta Conversions API: purchases, carts, views, searches and custom events, sent from servers."""

from __future__ import annotations

from actions_meta_conversions.handlers import destination

__all__ = ["destination"]
