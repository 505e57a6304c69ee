"""The budget of an instance's requests: a rate, a bound on requests in progress, and pauses.

The configured rate is a token bucket. The bound on requests in progress is halved by a 429, at most once for
a round trip, and grows with each success. A 429 also teaches a rate: what the destination took since the last
one, in the time until it may be asked again. Requests are then paced at that rate, which creeps up with each
success, so that a limit per second is found with few refusals instead of one burst in each second.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: Each success adds this to the learned rate: one per cent a second.
_CREEP: Final = 0.01
#: The bucket of a learned rate: what it gives in this many seconds, so that late timers lose nothing.
_LEARNED_BURST: Final = 0.05
#: Seconds to pause where a 429 does not say: doubled for each in a row, up to the longest.
_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 60.0
#: Seconds: a `Retry-After` of more than this is cut down to it, so that none stops an instance for good.
LONGEST_RETRY_AFTER: Final = 900.0
#: Seconds: what was taken in the last two spans of this length tells a rate, before a 429 has taught one.
_SPAN: Final = 1.0
#: Sums of broken numbers: a token that lacks this little is one.
_NEARLY_ONE: Final = 1 - 1e-9


class _Bucket:
    """A token bucket: `burst` tokens at most, `rate` new ones a second."""

    def __init__(self, rate: float, burst: float, now: float, tokens: float) -> None:
        self.rate, self.burst, self.tokens, self._at = rate, burst, tokens, now

    def fill(self, now: float) -> float:
        """Return the seconds until there is a token."""
        self.tokens = min(self.burst, self.tokens + max(now - self._at, 0.0) * self.rate)
        self._at = max(now, self._at)
        return 0.0 if self.tokens >= _NEARLY_ONE else (1 - self.tokens) / self.rate


class RateBudget:
    """The budget of one instance: ask with `take`, give back with `leave`."""

    def __init__(
        self,
        concurrency: int,
        rate: float | None = None,
        burst: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.concurrency = concurrency
        self.cap = float(concurrency)
        self.in_progress = 0
        self.paused_until = -math.inf
        self._clock = clock
        now = clock()
        size = max(rate if burst is None else burst, 1.0) if rate is not None else 0.0
        self._bucket = None if rate is None else _Bucket(rate, size, now, size)
        self._learned: _Bucket | None = None
        self._taken = self._taken_before = 0
        self._since = self._since_before = now
        self._limited_at = -math.inf
        self._in_a_row = 0

    @property
    def learned_rate(self) -> float | None:
        """The requests a second that a 429 has taught, None as long as there was none."""
        return None if self._learned is None else self._learned.rate

    def take(self, now: float | None = None) -> float:
        """Take the right to one request and return 0, or return the seconds until it may be tried again.

        They are infinite while as many requests are in progress as may be: wait for one of them to end. `now`
        is the clock's time, for those who know it.
        """
        if now is None:
            now = self._clock()
        if now < self.paused_until:
            return self.paused_until - now
        if self.in_progress + 1 > self.cap:
            return math.inf
        if self._bucket is None and self._learned is None:
            self.in_progress += 1
            return 0.0
        buckets = [bucket for bucket in (self._bucket, self._learned) if bucket is not None]
        wait = max([bucket.fill(now) for bucket in buckets], default=0.0)
        if wait > 0:
            return wait
        for bucket in buckets:
            bucket.tokens -= 1
        self.in_progress += 1
        return 0.0

    @property
    def is_unlimited(self) -> bool:
        """True while nothing is to be asked: no rate, no lesson, no pause, no bound but the concurrency."""
        return (
            self._bucket is None
            and self._learned is None
            and self.cap >= self.concurrency
            and self._clock() >= self.paused_until
        )

    def count(self, at: float) -> None:
        """Count a success, at a time of the clock; nothing more is done as long as nothing was learned."""
        if self._learned is None and at - self._since > _SPAN:
            # Only what was lately taken says how much the destination takes, not how seldom it was asked.
            idle = at - self._since > 2 * _SPAN
            self._taken_before, self._since_before = (0, at) if idle else (self._taken, self._since)
            self._taken, self._since = 0, at
        self._taken += 1

    def leave(self, *, success: bool) -> None:
        """Note the end of a request that was not limited."""
        self.in_progress -= 1
        if success:
            self.count(self._clock())
            self._in_a_row = 0
            if self.cap < self.concurrency:
                self.cap = min(float(self.concurrency), self.cap + 1 / self.cap)
            if self._learned is not None:
                self._set_rate(self._learned.rate + _CREEP)

    def limit(self, started: float, retry_after: float | None = None) -> None:
        """Note the end of a request that got a 429; `started` is the clock's time when it was taken."""
        self.in_progress -= 1
        now = self._clock()
        if retry_after is not None:
            self.pause(now + min(retry_after, LONGEST_RETRY_AFTER))
        if started <= self._limited_at:
            return
        self.cap = max(1.0, self.cap / 2)
        self._limited_at = now
        if retry_after is None:
            self.pause(now + min(_PAUSE * 2.0 ** min(self._in_a_row, 10), _LONGEST_PAUSE))
        self._in_a_row += 1
        resumed = max(now, self.paused_until)
        elapsed = resumed - self._since_before
        taken = self._taken_before + self._taken
        if elapsed > 0 and taken:
            measured = taken / elapsed
            known = self.learned_rate
            self._set_rate(measured if known is None else min(known, max(measured, known * 0.9)))
        self._taken = self._taken_before = 0
        self._since = self._since_before = resumed

    @property
    def pause_left(self) -> float:
        """The seconds until the present pause ends, 0 without one."""
        return max(self.paused_until - self._clock(), 0.0)

    def pause(self, until: float) -> None:
        """Make no request before `until`, a time of the clock."""
        self.paused_until = max(self.paused_until, until)

    def resume(self) -> None:
        """End the present pause."""
        self.paused_until = -math.inf

    def _set_rate(self, rate: float) -> None:
        burst = max(1.0, rate * _LEARNED_BURST)
        if self._learned is None:
            self._learned = _Bucket(rate, burst, self._clock(), 0.0)
        self._learned.rate, self._learned.burst = rate, burst
