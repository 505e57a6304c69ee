"""What was delivered, what waits and what was given up, wherever that is known from.

an outbox file, of this process or another's ─┐
files of failures of `actions run` ───────────┼─► Feed ─► pages
results of this process ──────────────────────┘
"""

from __future__ import annotations

from actions_core.apps.console.feed.failures import FailuresFeed
from actions_core.apps.console.feed.feeds import Feeds
from actions_core.apps.console.feed.model import (
    RETRYING,
    ROWS,
    Feed,
    Funnel,
    History,
    LetterFeed,
    Minute,
    Outcome,
    Page,
)
from actions_core.apps.console.feed.outbox import OutboxFeed, open_outbox_feed
from actions_core.apps.console.feed.ring import Ring

__all__ = [
    "RETRYING",
    "ROWS",
    "FailuresFeed",
    "Feed",
    "Feeds",
    "Funnel",
    "History",
    "LetterFeed",
    "Minute",
    "OutboxFeed",
    "Outcome",
    "Page",
    "Ring",
    "open_outbox_feed",
]
