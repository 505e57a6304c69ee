"""The outcome of an event: one `Result` for each instance and subscription, gathered in a `Report`.

A result never shows a secret: request and response are masked when they are read, not when the result is
made, so masking costs nothing where nobody looks. Likewise the results of skipped events, which all such
events share, get the event's messageId when they are read.

`to_dict` gives each outcome as JSON. Its keys are stable: `docs/guides/observability.md` lists them.
"""

from __future__ import annotations

import enum
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from actions_core.destination.context import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from actions_core.destination.context import Note
    from actions_core.destination.multistatus import Node
    from actions_core.errors import ActionsError, EventError, Problem
    from actions_core.http.masking import Mask
    from actions_core.http.requests import Request, Response
    from actions_core.values.types import Json, JsonObject


class Status(enum.StrEnum):
    """The outcome of one event in one subscription, in a word."""

    SENT = "sent"  #: the destination accepted it
    FAILED = "failed"  #: it was tried, or could not be tried; `Result.error` says why
    SKIPPED = (
        "skipped"  #: not meant for this subscription, or there was nothing to send; `Result.reason` says why
    )
    NOT_TRIED = "not_tried"  #: the engine was closed before its turn came


# Without slots, here and below: a frozen class sets its attributes at half the price then.
@attrs.frozen(repr=False, eq=False, slots=False)
class Result:
    """The outcome of one event in one subscription of one instance.

    `tries` counts the requests made, `duration` is in seconds, from the match to the outcome.
    `request` is the last request made and `response` its response, both without secrets. `message_id` is
    the event's messageId, as a str.
    """

    instance: str
    subscription: str
    action: str
    status: Status
    error: ActionsError | None = None
    reason: str = ""
    tries: int = 0
    duration: float = 0.0
    _warnings: tuple[Note, ...] = ()
    _request: Request | None = None
    _response: Response | None = None
    _mask: Mask | None = None
    message_id: str | None = None

    def __repr__(self) -> str:
        shown = f"<Result {self.instance} {self.subscription!r} {self.status}"
        return f"{shown}: {self.reason}>" if self.reason else f"{shown}>"

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong: the event was sent, or skipped."""
        return self.status is Status.SENT or self.status is Status.SKIPPED

    @property
    def matched(self) -> bool:
        """Whether the event was meant for the subscription; skipped, there was nothing to send for it."""
        # Only what came as far as the destination's function has a mask.
        return self.status is not Status.SKIPPED or self._mask is not None

    @cached_property
    def warnings(self) -> tuple[Problem, ...]:
        """What did not stop the event but should be known, secrets masked; worded when it is first read."""
        return masked_warnings(self._warnings, self._mask)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The warnings as they were left behind, in part not worded yet."""
        return self._warnings

    @property
    def request(self) -> Request | None:
        """The last request made, secrets masked."""
        if self._request is None or self._mask is None:
            return self._request
        return self._mask.request(self._request)

    @property
    def response(self) -> Response | None:
        """The last response, secrets masked."""
        if self._response is None or self._mask is None:
            return self._response
        return self._mask.response(self._response)

    def of_event(self, message_id: str | None) -> Result:
        """Return the same result with the messageId of one event."""
        twin = object.__new__(Result)
        twin.__dict__.update(self.__dict__, message_id=message_id)
        return twin

    def after_tries(self, tries: int) -> Result:
        """Return the same result with so many tries: those of all processes that had the event."""
        if tries == self.tries:
            return self
        twin = object.__new__(Result)
        twin.__dict__.update(self.__dict__, tries=tries)
        return twin

    def to_dict(self) -> JsonObject:
        """Return the result as JSON, secrets masked."""
        from actions_core.http.curl import request_json  # people read it, deliveries do not need it

        request, response = self.request, self.response
        return {
            "messageId": self.message_id,
            "instance": self.instance,
            "subscription": self.subscription,
            "action": self.action,
            "status": self.status.value,
            "reason": self._masked(self.reason),
            "error": None if self.error is None else _error_json(self.error, self._masked),
            "tries": self.tries,
            "duration": self.duration,
            "warnings": _problems_json(self.warnings, self._masked),
            "request": None if request is None else request_json(request),
            "response": None if response is None else _response_json(response),
        }

    def _masked(self, text: str) -> str:
        return text if self._mask is None else self._mask.text(text)


@attrs.frozen(repr=False, eq=False, slots=False)
class BatchResult:
    """The outcome of a batch in one subscription: one node for each event, in the caller's order.

    `skipped` are the places of the events that were not meant for this subscription, or for which there was
    nothing to send, `message_ids` the events' messageIds, None where there is none.
    """

    instance: str
    subscription: str
    action: str
    _nodes: tuple[Node, ...]
    duration: float = 0.0
    skipped: frozenset[int] = frozenset()
    _warnings: Mapping[int, tuple[Note, ...]] = attrs.field(factory=dict)
    message_ids: tuple[str | None, ...] = ()
    _mask: Mask | None = None

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """What became of each event, secrets masked."""
        mask = self._mask
        return self._nodes if mask is None else tuple([node.masked(mask) for node in self._nodes])

    @cached_property
    def warnings(self) -> Mapping[int, tuple[Problem, ...]]:
        """The warnings by the place of their event, secrets masked; worded when they are first read."""
        worded = {place: masked_warnings(notes, self._mask) for place, notes in self._warnings.items()}
        return {place: found for place, found in worded.items() if found}

    def __repr__(self) -> str:
        good = sum(node.ok for node in self._nodes)
        return f"<BatchResult {self.instance} {self.subscription!r} {good} of {len(self._nodes)} sent>"

    @cached_property
    def ok(self) -> bool:
        """Whether the destination accepted every event that was meant for it."""
        return all([node.ok or node.skipped for node in self._nodes])  # noqa: C419 - a list is quicker

    def status_of(self, place: int) -> Status:
        """Return the outcome of the event at a place of the batch."""
        node = self._nodes[place]
        if node.skipped:
            return Status.SKIPPED
        if node.ok:
            return Status.SENT
        return Status.NOT_TRIED if node.errortype == Status.NOT_TRIED.name else Status.FAILED

    def to_dict(self) -> JsonObject:
        """Return the result as JSON, secrets masked: each node with its event's messageId and outcome."""
        return {
            "instance": self.instance,
            "subscription": self.subscription,
            "action": self.action,
            "ok": self.ok,
            "duration": self.duration,
            "nodes": [self._node_json(place) for place in range(len(self.nodes))],
        }

    def _node_json(self, place: int) -> JsonObject:
        return {
            "messageId": self.message_ids[place] if place < len(self.message_ids) else None,
            "outcome": self.status_of(place).value,
            **self.nodes[place].to_dict(),
            "warnings": _problems_json(self.warnings.get(place, ())),
        }


@attrs.frozen(repr=False, eq=False)
class BatchReport:
    """The outcome of a batch everywhere: a result for each subscription of each instance.

    `message_ids` are the events' messageIds in the caller's order, None where there is none.
    """

    results: tuple[BatchResult, ...] = ()
    message_ids: tuple[str | None, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every destination accepted every event that was meant for it."""
        return all(result.ok for result in self.results)

    def to_dict(self) -> JsonObject:
        """Return all of it as JSON, secrets masked."""
        return {
            "ok": self.ok,
            "messageIds": list(self.message_ids),
            "results": [result.to_dict() for result in self.results],
        }


@attrs.frozen(repr=False, eq=False, slots=False)
class Report:
    """The outcome of one event everywhere.

    `index` counts the events of a `send_many` from 0. `error` is set when the input was not an event;
    there are no results then.
    """

    message_id: str | None
    _results: tuple[Result, ...] = ()
    error: EventError | None = None
    index: int = 0

    def __repr__(self) -> str:
        return f"<Report {self.message_id} {[str(result.status) for result in self._results]}>"

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """The result of each subscription of each instance, in the order of the workspace."""
        own = self.message_id
        return tuple(
            [result if result.message_id is not None else result.of_event(own) for result in self._results]
        )

    @property
    def ok(self) -> bool:
        """Whether the input was an event, and no result failed or was not tried."""
        return self.error is None and all([result.ok for result in self._results])  # noqa: C419 - a list is quicker

    def to_dict(self) -> JsonObject:
        """Return all of it as JSON, secrets masked."""
        return {
            "messageId": self.message_id,
            "index": self.index,
            "ok": self.ok,
            "error": None if self.error is None else _error_json(self.error),
            "results": [result.to_dict() for result in self.results],
        }


def masked_warnings(notes: tuple[Note, ...], mask: Mask | None) -> tuple[Problem, ...]:
    """Return the warnings of notes, worded, secrets masked."""
    found = told(notes)
    return found if mask is None or not found else mask.problems(found)


def _unmasked(text: str) -> str:
    return text


def _error_json(error: ActionsError, masked: Callable[[str], str] = _unmasked) -> JsonObject:
    return {
        "code": masked(error.code),
        "message": masked(str(error)),
        "status": error.status,
        "retryable": error.retryable,
        "problems": _problems_json(error.problems, masked),
    }


def _problems_json(problems: Iterable[Problem], masked: Callable[[str], str] = _unmasked) -> list[Json]:
    return [
        {"path": masked(problem.path), "message": masked(problem.message), "severity": problem.severity}
        for problem in problems
    ]


def _response_json(response: Response) -> JsonObject:
    """Return the response as JSON: `status`, `headers`, and `json`, or `body` where it is something else.

    `unreadable` says why there is no body, where it could not be decoded.
    """
    shown: JsonObject = {"status": response.status, "headers": dict(response.headers)}
    if response.unreadable:
        shown["unreadable"] = response.unreadable
    body = response.json
    return {**shown, "body": response.text} if body is None else {**shown, "json": body}
