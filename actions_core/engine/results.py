"""The outcome of an event: one `Result` for each instance and subscription, gathered in a `Report`.

A result never shows a secret: request and response are masked when they are read, not when the result is
made, so masking costs nothing where nobody looks.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination.multistatus import Node
    from actions_core.errors import ActionsError, EventError, Problem
    from actions_core.http.masking import Mask
    from actions_core.http.requests import Request, Response


class Status(enum.StrEnum):
    """The outcome of one event in one subscription, in a word."""

    SENT = "sent"  #: the destination accepted it
    FAILED = "failed"  #: it was tried, or could not be tried; `Result.error` says why
    SKIPPED = "skipped"  #: it was not meant for this subscription; `Result.reason` says why
    NOT_TRIED = "not_tried"  #: the engine was closed before its turn came


# Without slots, here and below: a frozen class sets its attributes at half the price then.
@attrs.frozen(repr=False, eq=False, slots=False)
class Result:
    """The outcome of one event in one subscription of one instance.

    `tries` counts the requests made, `duration` is in seconds, from the match to the outcome.
    `request` is the last request made and `response` its response, both without secrets.
    """

    instance: str
    subscription: str
    action: str
    status: Status
    error: ActionsError | None = None
    reason: str = ""
    tries: int = 0
    duration: float = 0.0
    warnings: tuple[Problem, ...] = ()
    _request: Request | None = None
    _response: Response | None = None
    _mask: Mask | None = None

    def __repr__(self) -> str:
        shown = f"<Result {self.instance} {self.subscription!r} {self.status}"
        return f"{shown}: {self.reason}>" if self.reason else f"{shown}>"

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong: the event was sent, or skipped."""
        return self.status is Status.SENT or self.status is Status.SKIPPED

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


@attrs.frozen(repr=False, eq=False)
class BatchResult:
    """The outcome of a batch in one subscription: one node for each event, in the caller's order.

    `skipped` are the places of the events that were not meant for this subscription; `warnings` has the
    warnings by the place of their event.
    """

    instance: str
    subscription: str
    action: str
    nodes: tuple[Node, ...]
    duration: float = 0.0
    skipped: frozenset[int] = frozenset()
    warnings: Mapping[int, tuple[Problem, ...]] = attrs.field(factory=dict)

    def __repr__(self) -> str:
        good = sum(node.ok for node in self.nodes)
        return f"<BatchResult {self.instance} {self.subscription!r} {good} of {len(self.nodes)} sent>"

    @property
    def ok(self) -> bool:
        """Whether the destination accepted every event."""
        return all(node.ok for node in self.nodes)

    def status_of(self, place: int) -> Status:
        """Return the outcome of the event at a place of the batch."""
        if place in self.skipped:
            return Status.SKIPPED
        node = self.nodes[place]
        if node.ok:
            return Status.SENT
        return Status.NOT_TRIED if node.errortype == Status.NOT_TRIED.name else Status.FAILED


@attrs.frozen(repr=False, eq=False)
class BatchReport:
    """The outcome of a batch everywhere: a result for each subscription of each instance."""

    results: tuple[BatchResult, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the destination of every subscription accepted every event."""
        return all(result.ok for result in self.results)


@attrs.frozen(repr=False, eq=False, slots=False)
class Report:
    """The outcome of one event everywhere.

    `index` counts the events of a `send_many` from 0. `error` is set when the input was not an event;
    there are no results then.
    """

    message_id: str | None
    results: tuple[Result, ...] = ()
    error: EventError | None = None
    index: int = 0

    def __repr__(self) -> str:
        return f"<Report {self.message_id} {[str(result.status) for result in self.results]}>"

    @property
    def ok(self) -> bool:
        """Whether the input was an event, and no result failed or was not tried."""
        return self.error is None and all([result.ok for result in self.results])  # noqa: C419 - a list is quicker
