"""What differs between a run of the published destination and one of ours: outcomes, and requests."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.authoring.port.leaves import Difference
from actions_core.authoring.port.pairing import compare_batches, compare_requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions_core.authoring.port.requests import PlainRequest
    from actions_core.values.types import JsonObject

_RETRYABLE: Final = frozenset({408, 423, 429})
_SERVER_ERRORS: Final = range(500, 600)
_NOT_IMPLEMENTED: Final = 501
_LONGEST_MESSAGE: Final = 90


@attrs.frozen
class Failure:
    """Why a run, or an item of a batch, failed. `retryable` says whether it would be tried again."""

    message: str
    retryable: bool


@attrs.frozen(eq=False)
class Run:
    """What one side did: its requests, in their order, and how it ended.

    Without `failure` it went well; `failures` has a place for each item of a batch. `note` says why it cannot
    be compared.
    """

    requests: tuple[PlainRequest, ...] = ()
    failure: Failure | None = None
    failures: tuple[Failure | None, ...] | None = None
    note: str = ""


def reached(run: Run) -> tuple[bool, ...]:
    """Return for each event of a run whether it reached a request."""
    if run.failures is None:
        return (bool(run.requests),)
    return tuple(bool(run.requests) and failure is None for failure in run.failures)


def is_retryable_status(status: int | None) -> bool:
    """Return whether a published destination's error with this status would be tried again."""
    if status is None:
        return False
    return status in _RETRYABLE or (status in _SERVER_ERRORS and status != _NOT_IMPLEMENTED)


def compare_runs(published: Run, ours: Run, given: str) -> list[Difference]:
    """Return what differs; `given` is the text of what both were given, where ids may come from.

    That one side makes no request, or leaves an item out of one, follows from its refusal, and is no
    difference of its own.
    """
    if published.failures is None or ours.failures is None:
        found = list(_outcomes("", published.failure, ours.failure))
        one_refuses = (published.failure is None) != (ours.failure is None)
        return found + compare_requests(published.requests, ours.requests, given, alone=not one_refuses)
    found = []
    if len(published.failures) != len(ours.failures):
        found.append(Difference("items", len(published.failures), len(ours.failures)))
    outcomes = list(zip(published.failures, ours.failures, strict=False))
    for one, other in outcomes:
        found += _outcomes("items[]: ", one, other)
    by_ours = sum(one is None and other is not None for one, other in outcomes)
    by_published = sum(one is not None and other is None for one, other in outcomes)
    requests = compare_batches(published.requests, ours.requests, given)
    return found + requests.differences(
        refused_by_ours=len(outcomes) if by_ours and all(ours.failures) else by_ours,
        refused_by_published=len(outcomes) if by_published and all(published.failures) else by_published,
        items=len(outcomes),
    )


def _outcomes(prefix: str, published: Failure | None, ours: Failure | None) -> Iterator[Difference]:
    if published is None and ours is not None:
        yield Difference(
            f"{prefix}only ours refuses: {general_message(ours.message)}", "goes well", ours.message
        )
    elif published is not None and ours is None:
        message = published.message
        yield Difference(
            f"{prefix}only the published one refuses: {general_message(message)}", message, "goes well"
        )
    elif published is not None and ours is not None and published.retryable != ours.retryable:
        yield Difference(f"{prefix}retry", _fate(published), _fate(ours))


def _fate(failure: Failure) -> str:
    return f"{'tried again' if failure.retryable else 'final'} ({failure.message[:_LONGEST_MESSAGE]})"


def general_message(message: str) -> str:
    """Return a message without the values in it, so that the same refusal counts as one."""
    line = " ".join(message.split())
    line = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "…", line)
    line = re.sub(r"\d+", "…", line)
    return line[:_LONGEST_MESSAGE]


def given_text(events: Sequence[JsonObject], settings: JsonObject) -> str:
    """Return the text of what a trial gives."""
    return json.dumps([list(events), settings], ensure_ascii=False, default=str)
