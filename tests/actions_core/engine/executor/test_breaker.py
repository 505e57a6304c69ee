"""The circuit breaker, against a model and by table."""

from __future__ import annotations

import math

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actions_core.engine.executor.breaker import Breaker, is_up
from actions_core.errors import ActionsError, PayloadError, RequestError
from actions_core.http.errors import AuthenticationError, ResponseError, TransportError
from actions_core.http.requests import Request, Response

FAILURES, PAUSE, LONGEST = 3, 10.0, 35.0


def refusal(status: int) -> ResponseError:
    """Return the error of a response with this status."""
    return ResponseError(Request("GET", "https://example.com"), Response(status, {}, b""))


@pytest.mark.parametrize(
    ("error", "up"),
    [
        (None, True),
        *[(refusal(status), True) for status in (400, 401, 404, 408, 410, 422, 423, 429)],
        *[(refusal(status), False) for status in (500, 501, 502, 503, 504, 529, 599)],
        (AuthenticationError("no"), True),
        (TransportError("refused"), False),
        (TransportError("late", code="SELF_TIMEOUT", status=408), False),
        (TransportError("closing", code="INTERRUPTED"), None),
        (PayloadError("no name"), None),
        (RequestError("no URL", code="REQUEST_INVALID"), None),
        (ActionsError("a bug", code="HANDLER_FAILED", status=500), None),
    ],
    ids=repr,
)
def test_what_shows_that_a_destination_is_up(error: ActionsError | None, up: object) -> None:
    """Only a missing response and a 5xx count as down; what never became a request shows nothing."""
    assert is_up(error) is up


class BreakerMachine(RuleBasedStateMachine):
    """Attempts that begin and end in any order, beside a model that keeps the whole history."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(FAILURES, PAUSE, LONGEST, clock=lambda: self.now)
        self.open_attempts: list[tuple[int, int]] = []
        self.period = 0
        self.failures = 0
        self.pause = PAUSE
        self.until: float | None = None
        self.probe: int | None = None

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 9.9, 10.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(count=st.integers(1, 4))
    def attempts_begin(self, count: int) -> None:
        for _ in range(count):
            self.an_attempt_begins()

    def an_attempt_begins(self) -> None:
        ticket = self.breaker.enter()
        if self.until is None:
            assert ticket is not None
        elif self.probe is not None or self.now < self.until:
            assert ticket is None
            return
        else:
            assert ticket is not None
            self.period += 1
            self.probe = self.period
        assert ticket is not None
        self.open_attempts.append((ticket, self.period))

    @rule(place=st.integers(0, 50), up=st.sampled_from([True, False, False, False, None]))
    def an_attempt_ends(self, place: int, *, up: bool | None) -> None:
        if not self.open_attempts:
            return
        ticket, period = self.open_attempts.pop(place % len(self.open_attempts))
        self.breaker.leave(ticket, up)
        if period != self.period:
            return
        if up is None:
            self.probe = None
        elif up:
            self.failures = 0
            if self.probe is not None:
                self.probe, self.until, self.pause = None, None, PAUSE
                self.period += 1
        elif self.probe is not None:
            self.pause = min(self.pause * 2, LONGEST)
            self.opens()
        else:
            self.failures += 1
            if self.failures == FAILURES:
                self.pause = PAUSE
                self.opens()

    def opens(self) -> None:
        self.failures, self.probe = 0, None
        self.until = self.now + self.pause
        self.period += 1

    @invariant()
    def the_state_is_the_models(self) -> None:
        expected = "closed" if self.until is None else "open" if self.probe is None else "probing"
        assert self.breaker.state == expected

    @invariant()
    def the_wait_is_the_models(self) -> None:
        if self.until is None:
            assert self.breaker.wait == 0
        elif self.probe is not None:
            assert math.isinf(self.breaker.wait)
        else:
            assert self.breaker.wait == max(self.until - self.now, 0)


TestBreakerMachine = BreakerMachine.TestCase


def test_the_pause_doubles_up_to_the_longest() -> None:
    """Each failed probe doubles the pause; a success takes it back to the first."""
    now = 0.0
    breaker = Breaker(1, 10, 35, clock=lambda: now)
    pauses = []
    for _ in range(4):
        ticket = breaker.enter()
        assert ticket is not None
        breaker.leave(ticket, up=False)
        pauses.append(breaker.wait)
        now += breaker.wait
    assert pauses == [10, 20, 35, 35]
    ticket = breaker.enter()
    assert ticket is not None
    breaker.leave(ticket, up=True)
    assert breaker.state == "closed"
    ticket = breaker.enter()
    assert ticket is not None
    breaker.leave(ticket, up=False)
    assert breaker.wait == 10


def test_what_began_before_the_last_change_decides_nothing() -> None:
    """Late outcomes leave the breaker as it is: open, for as long as it was, probing, and closed again."""
    now = 0.0
    breaker = Breaker(1, 10, clock=lambda: now)
    failing, *late = [breaker.enter() for _ in range(7)]
    assert failing is not None
    breaker.leave(failing, up=False)
    now = 5.0

    def come_late() -> None:
        for up in (True, False):
            ticket = late.pop()
            assert ticket is not None
            breaker.leave(ticket, up=up)

    come_late()
    assert (breaker.state, breaker.wait) == ("open", 5)
    now = 10.0
    probe = breaker.enter()
    assert probe is not None
    come_late()
    assert breaker.state == "probing"
    breaker.leave(probe, up=True)
    come_late()
    assert (breaker.state, breaker.is_calm) == ("closed", True)


def test_a_probe_comes_when_the_pause_is_over_and_no_earlier() -> None:
    """Not a moment earlier, and one alone; where it shows nothing the next one probes."""
    now = 0.0
    breaker = Breaker(1, 10, clock=lambda: now)
    ticket = breaker.enter()
    assert ticket is not None
    breaker.leave(ticket, up=False)
    now = 9.75
    assert (breaker.enter(), breaker.state) == (None, "open")
    now = 10.0
    probe = breaker.enter()
    assert probe is not None
    assert (breaker.enter(), breaker.state) == (None, "probing")
    breaker.leave(probe, None)
    assert (breaker.wait, breaker.state) == (0, "open")
    assert breaker.enter() is not None
    assert (breaker.enter(), breaker.state) == (None, "probing")


def test_the_limits_where_none_are_given() -> None:
    """Twenty failures in a row, then 30 s, and twice as long after each failed probe, up to 300 s."""
    now = 0.0
    breaker = Breaker(clock=lambda: now)
    for failures in range(1, 21):
        assert breaker.state == "closed"
        ticket = breaker.enter()
        assert ticket is not None
        breaker.leave(ticket, up=False)
        assert breaker.is_calm is False, failures
    pauses = []
    for _ in range(5):
        pauses.append(breaker.wait)
        now += breaker.wait
        probe = breaker.enter()
        assert probe is not None
        breaker.leave(probe, up=False)
    assert pauses == [30, 60, 120, 240, 300]


def test_a_pause_that_is_longer_than_the_longest_is_kept() -> None:
    """It does not shrink after a failed probe either."""
    now = 0.0
    breaker = Breaker(1, 500, clock=lambda: now)
    for _ in range(2):
        ticket = breaker.enter()
        assert ticket is not None
        breaker.leave(ticket, up=False)
        assert breaker.wait == 500
        now += 500


def test_outcomes_may_be_noted_without_a_ticket_while_it_is_closed() -> None:
    """It is calm until a failure and after a success; open, it takes no outcome but its probe's."""
    now = 0.0
    breaker = Breaker(2, 10, clock=lambda: now)
    calm = [breaker.is_calm]
    for up in (False, None, True, False, False):
        breaker.note(up=up)
        calm.append(breaker.is_calm)
    assert calm == [True, False, False, True, False, False]
    assert breaker.state == "open"
    breaker.note(up=True)
    assert (breaker.state, breaker.wait) == ("open", 10)
    now = 10.0
    probe = breaker.enter()
    assert probe is not None
    breaker.note(up=True)
    breaker.note(up=False)
    assert (breaker.state, breaker.is_calm) == ("probing", False)
    breaker.leave(probe, up=True)
    assert (breaker.state, breaker.is_calm) == ("closed", True)
