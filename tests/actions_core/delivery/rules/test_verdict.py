"""The verdict on every outcome, by tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions_core.delivery.rules import (
    Again,
    Attempt,
    Dead,
    Done,
    DurableRetry,
    Released,
    Verdict,
    judge,
    judge_batch,
    judge_members,
)
from actions_core.engine.executor import HandlerError
from actions_core.engine.results import Result, Status
from actions_core.errors import ActionsError, MappingError, PayloadError, RequestError
from actions_core.http.errors import AuthenticationError, ResponseError, TransportError, status_name
from actions_core.http.requests import Request, Response
from actions_core.http.retry import is_retryable

NOW = 1_000_000.0
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RETRY = DurableRetry()
GOES_AGAIN = {408, 423, 429, *range(500, 600)} - {501}


def most(_low: float, high: float) -> float:
    """Draw the upper end."""
    return high


def refused(status: int, headers: dict[str, str] | None = None) -> Result:
    """Return the result of an event that got a response with this status."""
    response = Response(status, headers or {}, b"no")
    error = ResponseError(Request("POST", "https://x.test"), response, retryable=is_retryable(status))
    return Result("i", "s", "a", Status.FAILED, error, str(error), 1, response=response)


def failed(error: ActionsError) -> Result:
    """Return the result of an event that failed with this error."""
    return Result("i", "s", "a", Status.FAILED, error, str(error), 1)


def verdict(
    result: Result, *, tries: int = 0, first: float | None = None, retry: DurableRetry = RETRY
) -> Verdict:
    """Judge a result at `NOW`, with the longest pause that may be drawn."""
    attempt = Attempt.from_result(result, AT)
    return judge(attempt, tries=tries, first=first, now=NOW, retry=retry, spread=most)


@pytest.mark.parametrize("status", range(300, 600))
def test_the_status_decides(status: int) -> None:
    """408, 423, 429 and 5xx but 501 go again, at 410 the instance's deliveries wait, others are final."""
    expected: Verdict
    if status == 410:
        expected = Released()
    elif status in GOES_AGAIN:
        expected = Again(NOW + 1, counted=status != 429)
    else:
        expected = Dead(status_name(status))
    assert verdict(refused(status)) == expected


@pytest.mark.parametrize("status", range(200, 300))
def test_what_was_sent_is_done(status: int) -> None:
    """Any 2xx ends a delivery."""
    result = Result("i", "s", "a", Status.SENT, response=Response(status, {}, b""))
    assert verdict(result) == Done()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TransportError("refused"), Again(NOW + 1)),
        (TransportError("late", code="SELF_TIMEOUT", status=408), Again(NOW + 1)),
        (TransportError("unclear", code="OUTCOME_UNKNOWN"), Again(NOW + 1)),
        (TransportError("closing", code="INTERRUPTED"), Again(NOW)),
        (AuthenticationError("401"), Dead("INVALID_AUTHENTICATION")),
        (PayloadError("no name"), Dead("PAYLOAD_VALIDATION_FAILED")),
        (MappingError("no"), Dead("MAPPING_INVALID")),
        (HandlerError("bug"), Dead("HANDLER_FAILED")),
        (RequestError("no URL", code="REQUEST_INVALID"), Dead("REQUEST_INVALID")),
        (RequestError("gone", code="INSTANCE_DISABLED"), Released()),
        (RequestError("open", code="INSTANCE_UNAVAILABLE", retryable=True), Released()),
        (ActionsError("own", code="SHOP_CLOSED", retryable=True), Again(NOW + 1)),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_each_kind_of_error(error: ActionsError, expected: Verdict) -> None:
    """An error's type, code and `retryable` decide; what was not tried costs no try."""
    assert verdict(failed(error)) == expected


def test_what_was_not_tried_and_what_was_skipped() -> None:
    """A closing engine gives deliveries back; a skipped one is done."""
    assert verdict(Result("i", "s", "a", Status.NOT_TRIED)) == Released()
    assert verdict(Result("i", "s", "a", Status.SKIPPED, reason="filtered")) == Done()


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("2", 3.0),
        ("0", 1.0),
        ("1.5", 2.5),
        ("900", 901.0),
        ("86400", 901.0),
        ("Fri, 02 Jan 2026 03:04:35 GMT", 31.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 1.0),
        ("-5", 8.0),
        ("nan", 8.0),
        ("inf", 8.0),
        ("soon", 8.0),
        ("", 8.0),
    ],
)
def test_the_forms_of_retry_after(header: str, pause: float) -> None:
    """A Retry-After is kept up to `cap`, plus up to `base`; one that cannot be read counts as none."""
    result = refused(503, {"retry-after": header})
    assert verdict(result, tries=3) == Again(NOW + pause)


@pytest.mark.parametrize(("tries", "pause"), [(0, 1), (1, 2), (5, 32), (9, 512), (10, 900), (5000, 900)])
def test_the_pause_doubles_up_to_the_cap(tries: int, pause: float) -> None:
    """The bound of the pause is `base` times two for each try made, at most `cap`."""
    assert verdict(refused(503), tries=tries) == Again(NOW + pause)


@pytest.mark.parametrize(
    ("status", "tries", "expected"),
    [
        (500, 1, Again(NOW + 2)),
        (500, 2, Dead("INTERNAL_SERVER_ERROR")),
        (503, 2, Again(NOW + 4)),
        (429, 99, Again(NOW + 900, counted=False)),
    ],
)
def test_tries_by_status_count_over_restarts(status: int, tries: int, expected: Verdict) -> None:
    """The third 500 is final where three are allowed, whoever made the first two; a 429 costs no try."""
    assert verdict(refused(status), tries=tries, retry=DurableRetry(tries_by_status={500: 3})) == expected


@pytest.mark.parametrize(
    ("first", "dead"),
    [(None, False), (NOW - 14399, False), (NOW - 14400, True), (NOW - 99999, True), (NOW + 3600, False)],
)
def test_the_time_counts_from_the_first_try(first: float | None, dead: bool) -> None:  # noqa: FBT001 - a column of the table
    """A delivery is given up when its next try would be later than `within` after the first one."""
    outcome = verdict(refused(503), first=first)
    assert outcome == (Dead("SERVICE_UNAVAILABLE") if dead else Again(NOW + 1))
    limited = verdict(refused(429), first=first)
    assert limited == (Dead("TOO_MANY_REQUESTS") if dead else Again(NOW + 1, counted=False))


def test_a_number_of_tries_may_be_set() -> None:
    """Where the workspace gives a number of tries, it holds beside the time."""
    assert verdict(refused(503), tries=1, retry=DurableRetry(tries=2)) == Dead("SERVICE_UNAVAILABLE")


@given(st.integers(0, 3000), st.none() | st.floats(0, 1e9), st.floats(0, 1e5))
def test_no_pause_is_longer_than_its_bound(tries: int, retry_after: float | None, age: float) -> None:
    """Whatever a destination asks for, the next try is due within `cap` + `base`."""
    attempt = Attempt(Status.FAILED, "X", 503, retryable=True, retry_after=retry_after)
    outcome = judge(attempt, tries=tries, first=NOW - age, now=NOW, retry=RETRY)
    assert isinstance(outcome, Dead) or (isinstance(outcome, Again) and NOW <= outcome.due <= NOW + 901)


#: Of a destination that tells its own faults from those that may pass.
FINAL_500 = failed(ActionsError("never", code="SHOP_CLOSED", status=500, retryable=False))


@pytest.mark.parametrize(
    ("result", "members", "keep", "divide"),
    [
        (Result("i", "s", "a", Status.SENT), 5, False, False),
        (Result("i", "s", "a", Status.NOT_TRIED), 5, True, False),
        *[(refused(status), 5, True, False) for status in (500, 502, 504)],
        *[(refused(status), 5, False, False) for status in (429, 501, 503, 505)],
        (FINAL_500, 5, False, False),
        (refused(400), 5, False, True),
        (refused(413), 5, False, True),
        (refused(422), 5, False, True),
        (refused(400), 2, False, True),
        (refused(400), 1, False, False),
        *[(refused(status), 5, False, False) for status in (401, 403, 404, 405)],
        *[(refused(status), 5, False, True) for status in (402, 406, 499)],
        (failed(AuthenticationError("401")), 5, False, False),
        (failed(TransportError("cut")), 5, True, False),
        (failed(TransportError("late", code="SELF_TIMEOUT", status=408)), 5, True, False),
        (failed(TransportError("closing", code="INTERRUPTED")), 5, True, False),
        (failed(TransportError("unclear", code="OUTCOME_UNKNOWN")), 5, True, False),
        (failed(HandlerError("bug")), 5, False, True),
    ],
)
def test_what_follows_for_a_batch(result: Result, members: int, keep: bool, divide: bool) -> None:  # noqa: FBT001 - columns of the table
    """An unknown outcome keeps the members together; a final refusal for their content divides them."""
    outcome = judge_batch(
        Attempt.from_result(result), members=members, tries=0, first=None, now=NOW, retry=RETRY, spread=most
    )
    assert (outcome.keep, outcome.divide) == (keep, divide)


@pytest.mark.parametrize(
    ("result", "keep"),
    [
        (refused(503), True),
        (refused(429), True),
        (failed(TransportError("cut")), True),
        (refused(400), False),
    ],
)
def test_an_unknown_outcome_stays_unknown(result: Result, *, keep: bool) -> None:
    """A batch that may have been taken before keeps its members through a 503: only the end tells more."""
    outcome = judge_batch(
        Attempt.from_result(result), members=5, tries=1, first=None, now=NOW, retry=RETRY, repeated=True
    )
    assert outcome.keep is keep


@pytest.mark.parametrize("status", [408, 423, 503])
def test_a_batch_that_is_given_up_is_not_divided(status: int) -> None:
    """What might have been taken at another time is not refused for its content, and has had its tries."""
    outcome = judge_batch(
        Attempt.from_result(refused(status)),
        members=5,
        tries=1,
        first=None,
        now=NOW,
        retry=DurableRetry(tries=2),
    )
    assert (outcome.verdict, outcome.divide) == (Dead(status_name(status)), False)


def test_an_attempt_of_which_no_more_is_known_has_failed_for_good() -> None:
    """It is not tried again unless it says that it may be, nor is its outcome in doubt."""
    attempt = Attempt(Status.FAILED, "SHOP_CLOSED")
    assert judge(attempt, tries=0, first=None, now=NOW, retry=RETRY) == Dead("SHOP_CLOSED")
    again = Attempt(Status.FAILED, "SHOP_CLOSED", retryable=True)
    outcome = judge_batch(again, members=5, tries=0, first=None, now=NOW, retry=RETRY)
    assert (type(outcome.verdict), outcome.keep) == (Again, False)


SENT = Result("i", "s", "a", Status.SENT)
CUT = failed(TransportError("cut"))
RELEASED = Result("i", "s", "a", Status.NOT_TRIED)


@pytest.mark.parametrize(
    ("results", "repeated", "kinds", "keep"),
    [
        ([SENT, refused(400), CUT, refused(503)], False, [Done, Dead, Again, Again], False),
        ([CUT, refused(400), refused(503)], False, [Again, Again, Again], True),
        ([refused(503), refused(400)], False, [Again, Dead], False),
        ([refused(503), refused(400)], True, [Again, Again], True),
        ([refused(400), refused(422)], True, [Dead, Dead], False),
        ([RELEASED, RELEASED], False, [Released, Released], True),
    ],
)
def test_what_follows_for_each_member(
    results: list[Result],
    repeated: bool,  # noqa: FBT001 - a column of the table
    kinds: list[type],
    keep: bool,  # noqa: FBT001 - as above
) -> None:
    """Members stay together while nothing has arrived and some are unknown; else each goes its own way."""
    verdicts, kept = judge_members(
        [Attempt.from_result(result) for result in results],
        tries=[0] * len(results),
        firsts=[None] * len(results),
        now=NOW,
        retry=RETRY,
        repeated=repeated,
        spread=most,
    )
    assert ([type(verdict) for verdict in verdicts], kept) == (kinds, keep)


def test_members_of_a_batch_that_was_not_sent_before_go_their_own_ways() -> None:
    """Unless it is said that nobody knows what became of the batch, each has its own verdict."""
    verdicts, kept = judge_members(
        [Attempt.from_result(refused(status)) for status in (503, 400)],
        tries=[0, 0],
        firsts=[None, None],
        now=NOW,
        retry=RETRY,
    )
    assert ([type(verdict) for verdict in verdicts], kept) == ([Again, Dead], False)


def test_members_that_stay_together_go_when_the_last_of_them_may() -> None:
    """They share the latest due, and a try is counted if it was one for any of them."""
    attempts = [
        Attempt.from_result(result)
        for result in (failed(TransportError("cut")), refused(429, {"retry-after": "60"}))
    ]
    verdicts, kept = judge_members(
        attempts, tries=[0, 0], firsts=[None, None], now=NOW, retry=RETRY, spread=most
    )
    assert kept
    assert verdicts == [Again(NOW + 61, counted=True)] * 2
