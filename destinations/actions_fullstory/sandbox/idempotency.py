"""Responses that are repeated when the same request comes again under the same key."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from actions_core import MISSING
from actions_fullstory.sandbox.answers import invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core import Request, Response

KEPT_SECONDS: Final = 24 * 60 * 60
_MOST: Final = 100_000


class Replays:
    """Responses by idempotency key, kept for a day."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers: OrderedDict[str, tuple[float, bytes, Response]] = OrderedDict()

    def find(self, key: str, request: Request) -> Response | None:
        """Return the response given under `key`; refuse if it was given to another request."""
        entry = self._answers.get(key)
        if entry is None or entry[0] <= self._clock():
            return None
        _, digest, response = entry
        if digest != _digest(request):
            raise invalid("the idempotency key was used for another request")
        return response

    def keep(self, key: str, request: Request, response: Response) -> None:
        """Remember a response for the next request with the same key."""
        if len(self._answers) >= _MOST:
            self._answers.popitem(last=False)
        self._answers[key] = (self._clock() + KEPT_SECONDS, _digest(request), response)


def _digest(request: Request) -> bytes:
    # Enough to tell requests apart, and small however large they are.
    body = repr(request.body) if request.json is MISSING else json.dumps(request.json, sort_keys=True)
    return hashlib.sha256(f"{request.url}\n{body}".encode("utf-8", "surrogatepass")).digest()
