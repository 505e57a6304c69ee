"""Take events as Segment's own service does, and say 200 once they are on disk.

Whatever keeps them from the disk is a 503, or 429 where there is no space: clients wait and send the same
again, and what was stored after all is known by its messageId. One item that is no event does not sink its
batch: it is counted, logged, kept to look at, and named in the response.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.server.grouping import Groups
from actions_core.apps.server.meter import NoMeter
from actions_core.apps.server.rejections import Rejections
from actions_core.apps.server.responses import SUCCESS, error_response, json_response
from actions_core.apps.server.sources import Source, key_of_header
from actions_core.apps.server.tracking import BATCH, ROUTES, Completion, Reception, read_call
from actions_core.delivery.callers import CheckedEvent
from actions_core.delivery.errors import OutboxError, OutboxFullError
from actions_core.errors import EventError
from actions_core.http.requests import Response
from actions_core.values.events import ADDED_BYTES, MAX_EVENT_BYTES, complete_event

if TYPE_CHECKING:
    from actions_core.apps.server.listener import Incoming
    from actions_core.apps.server.meter import Meter
    from actions_core.apps.server.sources import Sources
    from actions_core.apps.server.tracking import Call
    from actions_core.delivery.outbox import Outbox
    from actions_core.values.types import Json

_LOGGER: Final = logging.getLogger("actions_core")
#: Seconds after which clients send again: space takes longer to come than anything else.
_RETRY_SOON: Final = 1
_RETRY_FULL: Final = 10
#: Segment's limit, and what the server adds: times, an id, the address that it came from.
_MOST_BYTES: Final = MAX_EVENT_BYTES + 2 * ADDED_BYTES
#: Items that one response names.
_NAMED: Final = 100
_PREFLIGHT_AGE: Final = "7200"


@attrs.define
class _Taken:
    """What became of the items of one call: events to store, with their sources, and rejections."""

    events: list[CheckedEvent] = attrs.field(factory=list)
    names: list[str] = attrs.field(factory=list)
    rejected: dict[int, tuple[str, EventError]] = attrs.field(factory=dict)

    def reject(self, place: int, source: str, error: EventError) -> None:
        """Note that an item is no event."""
        self.rejected[place] = source, error


class Intake:
    """Accepts the events of client libraries into an outbox. `sources` may be replaced at any time."""

    def __init__(self, outbox: Outbox, sources: Sources, meter: Meter | None = None) -> None:
        self.rejections = Rejections()
        self._groups = Groups(outbox)
        self.sources = sources
        self._meter: Meter = NoMeter() if meter is None else meter
        self._trouble = ""
        self._trouble_until = 0.0

    @property
    def trouble(self) -> str:
        """The reason why events could not be stored a moment ago; empty where they can."""
        return self._trouble if time.monotonic() < self._trouble_until else ""

    def close(self) -> None:
        """Say in the log what was held back there."""
        self.rejections.close()

    async def respond(self, given: Incoming) -> Response | None:
        """Respond to a request of a client library; None where its path is none of ours."""
        kind = ROUTES.get(given.path) or ROUTES.get(given.path.rstrip("/"))
        if kind is None:
            return None
        started = time.perf_counter()
        origin = given.origin
        if given.method == "OPTIONS":
            response = self._preflight(given)
        elif given.method != "POST":
            response = error_response(
                405, "method_not_allowed", "events are sent by POST", headers={"Allow": "POST, OPTIONS"}
            )
        else:
            response = await self._take(kind, given, origin)
            if origin is not None and response.status != _FORBIDDEN:
                headers = {**response.headers, "Access-Control-Allow-Origin": origin, "Vary": "Origin"}
                response = attrs.evolve(response, headers=headers)
        self._meter.note_request(kind, response.status, time.perf_counter() - started)
        return response

    def _preflight(self, given: Incoming) -> Response:
        """Respond to a browser that asks before it sends: that has no write key yet."""
        origin = given.origin
        if origin is None or not self.sources.any_allows(origin):
            return _foreign(origin)
        return Response(
            204,
            {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Methods": "POST, OPTIONS",
                "Access-Control-Allow-Headers": "authorization, content-type, x-retry-count",
                "Access-Control-Max-Age": _PREFLIGHT_AGE,
                "Vary": "Origin",
            },
        )

    async def _take(self, kind: str, given: Incoming, origin: str | None) -> Response:
        if origin is not None and not self.sources.any_allows(origin):
            return _foreign(origin)
        try:
            call = read_call(kind, given.body)
        except EventError as error:
            self._meter.note_events("", error.code, 1)
            self.rejections.log(error)
            return error_response(400, error.code.lower(), str(error))
        key = key_of_header(given.headers.get("Authorization", "")) or call.write_key
        source = self.sources.find(key) if key or self.sources.is_open else None
        if source is None and (key or not _has_own_keys(call)):
            return self._unknown_key(key)
        if source is not None and origin is not None and not source.allows(origin):
            return _foreign(origin)
        taken = self._complete(call, source, Reception.now(given.peer), origin)
        if taken.events and (refusal := await self._store(taken)) is not None:
            return refusal
        return self._result(call, taken)

    def _complete(
        self, call: Call, source: Source | None, reception: Reception, origin: str | None
    ) -> _Taken:
        """Make events of the items; without a source for all, each item has a write key of its own."""
        taken = _Taken()
        completion = Completion(call, reception)
        for place, item in enumerate(call.items):
            owner = source
            try:
                if owner is None:
                    owner = self._owner(item, origin)
                event = completion.complete(item)
                made_id = event.get("messageId") in (None, "")
                event = complete_event(event, max_bytes=_MOST_BYTES)
            except EventError as error:
                name = "" if owner is None else owner.name
                taken.reject(place, name, error)
                self.rejections.add(reception.text, name, error, item)
            else:
                taken.events.append(CheckedEvent(event, made_id))
                taken.names.append(owner.name)
        return taken

    def _owner(self, item: Json, origin: str | None) -> Source:
        key = item.get("writeKey") if isinstance(item, dict) else None
        found = self.sources.find(key) if isinstance(key, str) else None
        if found is None:
            raise EventError("no source has this item's write key", code="INVALID_WRITE_KEY")
        if origin is not None and not found.allows(origin):
            raise EventError("this item's source does not allow this origin", code="ORIGIN_NOT_ALLOWED")
        return found

    async def _store(self, taken: _Taken) -> Response | None:
        """Have the events on disk, in one transaction; a response where that could not be done."""
        try:
            receipts = await self._groups.accept(taken.events)
        except OutboxFullError as error:
            return self._unavailable(error, 429, _RETRY_FULL)
        except OutboxError as error:
            return self._unavailable(error, 503, _RETRY_SOON if error.retryable else _RETRY_FULL)
        self._trouble_until = 0.0
        counts: dict[tuple[str, str], int] = {}
        for name, receipt in zip(taken.names, receipts, strict=True):
            key = name, "duplicate" if receipt.duplicate else "accepted"
            counts[key] = counts.get(key, 0) + 1
        for (name, outcome), count in counts.items():
            self._meter.note_events(name, outcome, count)
        return None

    def _unavailable(self, error: OutboxError, status: int, retry_after: int) -> Response:
        if not self.trouble:
            _LOGGER.error("events are not accepted: %s", error)
        self._trouble = str(error)
        self._trouble_until = time.monotonic() + retry_after
        # Without the path of the file, which is nobody's business.
        code = error.code.lower()
        return error_response(status, code, "events cannot be stored now", retry_after=retry_after)

    def _unknown_key(self, key: str) -> Response:
        message = "no source of this server has this write key" if key else "a write key is needed"
        error = EventError(message, code="INVALID_WRITE_KEY")
        self.rejections.log(error)
        self._meter.note_events("", error.code, 1)
        return error_response(401, error.code.lower(), message)

    def _result(self, call: Call, taken: _Taken) -> Response:
        rejected = taken.rejected
        if not rejected:
            return SUCCESS
        for name, error in rejected.values():
            self._meter.note_events(name, error.code, 1)
        if call.kind != BATCH:
            error = rejected[0][1]
            return error_response(400, error.code.lower(), str(error))
        if len(rejected) == len(call.items) and all(
            error.code == "INVALID_WRITE_KEY" for _, error in rejected.values()
        ):
            return self._unknown_key("its items'")
        named = [
            {"index": place, "code": error.code.lower(), "message": str(error)}
            for place, (_, error) in sorted(rejected.items())[:_NAMED]
        ]
        return json_response({"success": True, "rejectedCount": len(rejected), "rejected": named})


_FORBIDDEN: Final = 403


def _has_own_keys(call: Call) -> bool:
    """Return whether some item of a batch has a write key of its own."""
    return call.kind == BATCH and any(isinstance(item, dict) and item.get("writeKey") for item in call.items)


def _foreign(origin: str | None) -> Response:
    message = "pages of this origin may not send events" if origin else "this is for browsers only"
    return error_response(403, "origin_not_allowed", message)
