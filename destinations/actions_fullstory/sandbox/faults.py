"""Faults on request: error statuses, responses that are late or slow, connections that are cut.

Asked for by a method, or by whoever sends: a header `Sandbox-Fault`, or an event with a name that
begins with `fault:`, so that a stand-in in another process can be made to fail as well. Both are
written `429`, `500`, `slow` or `cut`, and after another colon how often: `fault:429:2` refuses an
event twice and then takes it.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core import Request

HEADER: Final = "sandbox-fault"
PREFIX: Final = "fault:"
_SLOW_SECONDS: Final = 3.0
_MOST_COUNTED: Final = 100_000


@attrs.frozen
class Fault:
    """One fault.

    A `status` is answered in place of the work; where it is `stored`, it is the answer of its idempotency
    key from then on. Otherwise the work is done, and its answer comes after `delay` seconds, with
    `drip` seconds between its bytes, or not: `cut` breaks the connection `before` the work, `after`
    it or `within` the answer.
    """

    status: int | None = None
    retry_after: int | None = None
    stored: bool = False
    delay: float = 0.0
    drip: float = 0.0
    cut: Literal["before", "after", "within"] | None = None


class Faults:
    """The faults that were asked for and have not happened yet."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Fault, Callable[[Request], bool] | None]] = deque()
        self._done: Counter[tuple[str, str]] = Counter()

    def add(self, fault: Fault, times: int, when: Callable[[Request], bool] | None) -> None:
        """Make the next `times` requests for which `when` holds fail with `fault`."""
        self._waiting.extend([(fault, when)] * times)

    def clear(self) -> None:
        """Remove all faults."""
        self._waiting.clear()

    def take(self, request: Request) -> Fault | None:
        """Take the fault that is due for this request."""
        for place, (fault, when) in enumerate(self._waiting):
            if when is None or when(request):
                del self._waiting[place]
                return fault
        asked = request.headers.get(HEADER) or _asked_by_name(request)
        return None if asked is None else self._asked(asked, request)

    def _asked(self, asked: str, request: Request) -> Fault | None:
        what, _, times = asked.partition(":")
        if times.isascii() and times.isdigit():
            key = (asked, request.headers.get("idempotency-key", ""))
            if self._done[key] >= int(times):
                return None
            if len(self._done) > _MOST_COUNTED:
                self._done.clear()
            self._done[key] += 1
        if what == "slow":
            return Fault(delay=_SLOW_SECONDS)
        if what == "cut":
            return Fault(cut="before")
        if what.isascii() and what.isdigit() and 400 <= int(what) <= 599:  # noqa: PLR2004 - HTTP's refusals
            return Fault(status=int(what), retry_after=1 if what in {"429", "503"} else None)
        return None


def _asked_by_name(request: Request) -> str | None:
    body = request.json
    if not isinstance(body, dict):
        return None
    event = body.get("event")
    name = event.get("event_name") if isinstance(event, dict) else body.get("name")
    return name.removeprefix(PREFIX) if isinstance(name, str) and name.startswith(PREFIX) else None
