"""When to try again, and after how long: one table and one clock for every request.

Statuses: 408, 423, 429 and 5xx except 501 may succeed later; all else is final. Delays are drawn
from the whole range below an exponential bound ("full jitter"), so that a thousand failures at one
moment do not come back at one moment.
"""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from typing import Final

import attrs

DEFAULT_TIMEOUT: Final = 10.0

_RETRYABLE_BELOW_500 = frozenset({408, 423, 429})
_NOT_IMPLEMENTED = 501


def is_retryable(status: int) -> bool:
    """Return whether the same request may succeed later, judged by the response's status."""
    return status in _RETRYABLE_BELOW_500 or (500 <= status <= 599 and status != _NOT_IMPLEMENTED)  # noqa: PLR2004 - the server errors of HTTP


def read_retry_after(text: str, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, None where it is not usable.

    Takes whole or broken seconds and HTTP dates (RFC 9110, 10.2.3); negative values, `nan` and
    anything else that is not a time to wait are ignored.
    """
    try:
        seconds = float(text)
    except ValueError:
        from email.utils import parsedate_to_datetime  # costly, and dates are rare

        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
        return max(seconds, 0.0)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


@attrs.frozen
class RetryPolicy:
    """Limits of retrying: at most `tries` tries within `within` seconds.

    The bound of the delay doubles from `base` seconds up to `cap` seconds.
    """

    tries: int = 5
    within: float = 60.0
    base: float = 1.0
    cap: float = 30.0

    def delay(self, tried: int, elapsed: float, retry_after: float | None = None) -> float | None:
        """Return the seconds to wait before the next try, None when there is to be none.

        `tried` counts the tries made, `elapsed` the seconds since the first began. A wait that the
        destination asked for is kept, up to `cap`; the jitter comes on top of it.
        """
        if tried >= self.tries:
            return None
        # The exponent is bounded because a policy may allow any number of tries, and 2.0**1024 overflows.
        jitter = random.uniform(0, min(self.cap, self.base * 2.0 ** min(tried - 1, 64)))  # noqa: S311 - spreads load, guards nothing
        wait = jitter if retry_after is None else min(self.cap, retry_after + jitter)
        return wait if elapsed + wait <= self.within else None


@attrs.frozen
class PollPolicy:
    """Limits of polling a job, in seconds; the pause doubles from `base` up to `cap`."""

    base: float = 1.0
    cap: float = 30.0
    within: float = 600.0
