"""Tell refusals of an event from those of an instance's credentials (401, 403).

Both look the same at first, so a delivery that is refused waits for others: once the instance has taken one
that began later, another refusal is its own and final. If so many are refused in a row, the credentials are
wrong, and the instance is left alone for a while, for twice as long each time. Nothing is lost meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    #: A delivery: an event in a subscription.
    _Key: TypeAlias = Hashable

#: So many refusals of an instance's credentials in a row say that they are wrong.
MOST_REFUSALS: Final = 20
#: Seconds for which an instance is left alone then: doubled each time, up to the longest.
FIRST_PAUSE: Final = 60.0
LONGEST_PAUSE: Final = 900.0
#: Seconds until a delivery that was refused goes again, at least and at most.
AGAIN_AFTER_REFUSAL: Final = (1.0, 2.0)
#: The most refused deliveries that are known; one that was forgotten is tried once more.
_MOST_KNOWN: Final = 10_000


class Refusals:
    """What is known of the refusals of one instance. Times are in seconds of a clock that does not jump."""

    def __init__(self) -> None:
        self._refused: dict[_Key, float] = {}
        self._taken = float("-inf")
        self._in_a_row = 0
        self._pause = FIRST_PAUSE
        self._paused_until = float("-inf")

    @property
    def are_known(self) -> bool:
        """True while deliveries that are taken must be told of."""
        return bool(self._refused)

    @property
    def are_too_many(self) -> bool:
        """True once the credentials count as wrong."""
        return self._in_a_row >= MOST_REFUSALS

    def are_pausing(self, now: float) -> bool:
        """Return whether the instance is left alone because of them."""
        return now < self._paused_until

    def take(self, key: _Key, began: float) -> None:
        """Note a delivery that was taken, whose try began at a time."""
        self._refused.pop(key, None)
        self._taken = max(self._taken, began)
        self._in_a_row = 0
        self._pause = FIRST_PAUSE

    def refuse(self, keys: Sequence[_Key], now: float) -> list[bool]:
        """Note what one request was refused for; return for each delivery whether that is its own fault."""
        own = [self._refused.get(key, now) < self._taken for key in keys]
        for key, is_own in zip(keys, own, strict=True):
            self._refused.pop(key, None)
            if not is_own:
                self._refused[key] = now
        while len(self._refused) > _MOST_KNOWN:
            del self._refused[next(iter(self._refused))]
        if not all(own) and not self.are_pausing(now):  # not what was in progress before
            self._in_a_row += 1
        return own

    def start_pause(self, now: float) -> float:
        """Return the seconds for which the instance is left alone; one refusal after it begins the next."""
        self._paused_until = now + self._pause
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        self._in_a_row = MOST_REFUSALS - 1
        return pause

    def end_pause(self) -> None:
        """Note that the instance is tried again, even if the time of the pause is not over."""
        self._paused_until = float("-inf")
