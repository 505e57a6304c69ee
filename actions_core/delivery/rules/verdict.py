"""Judge an attempt: the delivery is done, goes again, is given back, or becomes a dead letter.

Tries and the time of the first one are those of all processes that had the delivery. The time that a
delivery may take counts from its first try, not from its acceptance: a night without a process, or an
open breaker, uses up nothing. All times are in seconds.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from actions_core.engine.executor import HandlerError
from actions_core.engine.results import Status
from actions_core.http.errors import TransportError, is_refusal
from actions_core.http.retry import read_retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actions_core.engine.results import Result
    from actions_core.errors import ActionsError

_TOO_MANY_REQUESTS: Final = 429
_REFUSALS: Final = range(400, 500)
_NOT_ITS_CONTENT: Final = frozenset({401, 403, 404, 405})
#: The server, or what stands before it, broke off: it may have carried the request out.
_BROKEN_OFF: Final = frozenset({500, 502, 504})
_GONE: Final = 410
#: The instance takes nothing at present, and the event was not tried.
_NOT_TRIED: Final = frozenset({"INSTANCE_DISABLED", "INSTANCE_UNAVAILABLE"})
#: The request may have been carried out: nobody knows.
_UNKNOWN: Final = frozenset({"INTERRUPTED", "OUTCOME_UNKNOWN", "SELF_TIMEOUT"})
_INTERRUPTED: Final = "INTERRUPTED"
#: 2.0**1024 overflows, and no cap is beyond this.
_LARGEST_EXPONENT: Final = 64


@attrs.frozen
class DurableRetry:
    """The retry policy of deliveries from an outbox; `tries` is None where only the time counts."""

    within: float = 14400.0
    base: float = 1.0
    cap: float = 900.0
    tries: int | None = None
    tries_by_status: Mapping[int, int] = attrs.field(factory=dict)


@attrs.frozen
class Attempt:
    """The outcome of one try to deliver, alone or in a batch."""

    status: Status
    code: str = ""
    http_status: int | None = None
    reason: str = ""
    retryable: bool = False
    retry_after: float | None = None
    is_unknown: bool = False
    #: True where the credentials were refused
    is_refusal: bool = False

    @classmethod
    def from_result(cls, result: Result, now: datetime | None = None) -> Attempt:
        """Make an attempt of the outcome of an event; `now` is for a Retry-After that names a date."""
        if result.error is None:
            return cls(result.status, reason=result.reason)
        response = result.response
        header = None if response is None else response.headers.get("retry-after")
        return cls.from_error(
            result.error,
            None if header is None else read_retry_after(header, now or datetime.now(UTC)),
        )

    @classmethod
    def from_error(cls, error: ActionsError, retry_after: float | None = None) -> Attempt:
        """Make an attempt of an error; without a response nobody knows what became of the request."""
        return cls(
            Status.FAILED,
            error.code,
            error.status,
            str(error),
            error.retryable,
            retry_after,
            isinstance(error, TransportError) or error.code in _UNKNOWN,
            is_refusal(error) and error.code not in _UNKNOWN,
        )


@attrs.frozen
class Done:
    """A verdict: the delivery is over, since it was sent or was not meant to be."""


@attrs.frozen
class Again:
    """A verdict: the delivery is tried again at `due`; `counted` tells whether this was a try.

    The time that a delivery may take counts from its first try, unless that was not `timed`.
    """

    due: float
    counted: bool = True
    timed: bool = True


@attrs.frozen
class Released:
    """A verdict: the delivery was not tried and waits as it did before."""


@attrs.frozen
class Dead:
    """A verdict: the delivery is given up and becomes a dead letter."""

    code: str


Verdict: TypeAlias = Done | Again | Released | Dead


def judge(
    attempt: Attempt,
    *,
    tries: int,
    first: float | None,
    now: float,
    retry: DurableRetry,
    spread: Callable[[float, float], float] = random.uniform,
) -> Verdict:
    """Return what follows from an attempt.

    `tries` counts those before this one, `first` is the time of the first (None: this one). A 429 costs no
    try, a 410 none either: that instance is gone until it is resumed, and its deliveries wait.
    """
    if attempt.status is Status.SENT or attempt.status is Status.SKIPPED:
        return Done()
    if attempt.status is Status.NOT_TRIED or attempt.code in _NOT_TRIED or attempt.http_status == _GONE:
        return Released()
    if attempt.code == _INTERRUPTED:
        return Again(now)
    return _judge_failure(attempt, tries, first, now, retry, spread)


def _judge_failure(
    attempt: Attempt,
    tries: int,
    first: float | None,
    now: float,
    retry: DurableRetry,
    spread: Callable[[float, float], float],
) -> Again | Dead:
    counted = attempt.http_status != _TOO_MANY_REQUESTS
    if not attempt.retryable or (counted and _is_used_up(attempt, tries + 1, retry)):
        return Dead(attempt.code)
    due = now + _pause(attempt, tries, retry, spread)
    if due - (now if first is None else min(first, now)) > retry.within:
        return Dead(attempt.code)
    return Again(due, counted)


def _is_used_up(attempt: Attempt, tries: int, retry: DurableRetry) -> bool:
    status = attempt.http_status
    by_status = None if status is None else retry.tries_by_status.get(status)
    return (by_status is not None and tries >= by_status) or (
        retry.tries is not None and tries >= retry.tries
    )


def _pause(
    attempt: Attempt, tries: int, retry: DurableRetry, spread: Callable[[float, float], float]
) -> float:
    if attempt.retry_after is not None:
        return min(attempt.retry_after, retry.cap) + spread(0.0, retry.base)
    return spread(0.0, min(retry.cap, retry.base * 2.0 ** min(tries, _LARGEST_EXPONENT)))


@attrs.frozen
class BatchVerdict:
    """A verdict on a batch whose members share an outcome.

    `keep` has the same members go again under the same number, since nobody knows what became of them, now or
    when they were sent before: a 503 says nothing of an earlier request that was cut;
    `divide` has each half go under a number of its own. Else `verdict` holds for each member.
    """

    verdict: Verdict
    keep: bool = False
    divide: bool = False


def judge_batch(
    attempt: Attempt,
    *,
    members: int,
    tries: int,
    first: float | None,
    now: float,
    retry: DurableRetry,
    repeated: bool = False,
    spread: Callable[[float, float], float] = random.uniform,
) -> BatchVerdict:
    """Return what follows for a batch whose members all had the same outcome.

    `tries` and `first` are those of the member that was tried most often, and first. `repeated` tells that
    the batch was sent before and nobody knows what became of it.
    """
    verdict = judge(attempt, tries=tries, first=first, now=now, retry=retry, spread=spread)
    if isinstance(verdict, Released):
        return BatchVerdict(verdict, keep=True)
    if isinstance(verdict, Again):
        unknown = attempt.is_unknown or attempt.http_status in _BROKEN_OFF
        return BatchVerdict(verdict, keep=unknown or repeated)
    refused = isinstance(verdict, Dead) and not attempt.retryable
    return BatchVerdict(verdict, divide=refused and members > 1 and _is_about_content(attempt))


def judge_members(
    attempts: Sequence[Attempt],
    *,
    tries: Sequence[int],
    firsts: Sequence[float | None],
    now: float,
    retry: DurableRetry,
    repeated: bool = False,
    spread: Callable[[float, float], float] = random.uniform,
) -> tuple[list[Verdict], bool]:
    """Return a verdict for each member of a batch, and whether all stay together for their next try.

    They do where nothing arrived for certain and nobody knows what became of some of them: then those that
    have failed for certain go with the others once more, since without them it would be another batch.
    Once one has arrived, each member goes its own way.
    """
    verdicts = [
        judge(attempt, tries=tries[place], first=firsts[place], now=now, retry=retry, spread=spread)
        for place, attempt in enumerate(attempts)
    ]
    if any(isinstance(verdict, Done) for verdict in verdicts):
        return verdicts, False
    waiting = [verdict for verdict in verdicts if isinstance(verdict, Again)]
    unknown = [
        verdict
        for verdict, attempt in zip(verdicts, attempts, strict=True)
        if attempt.is_unknown and isinstance(verdict, Again)
    ]
    if unknown or (repeated and waiting):
        due = max([verdict.due for verdict in waiting])
        counted = any(verdict.counted for verdict in waiting)
        return [Again(due, counted)] * len(verdicts), True
    return verdicts, all(isinstance(verdict, Released) for verdict in verdicts)


def _is_about_content(attempt: Attempt) -> bool:
    """Return whether a smaller batch may fare better: it was refused for what it is, or its handler failed.

    Not where the credentials or the place are wrong, nor where the server has a fault.
    """
    status = attempt.http_status
    if attempt.code == HandlerError.default_code:
        return True
    return status is not None and status in _REFUSALS and status not in _NOT_ITS_CONTENT
