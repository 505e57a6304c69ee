"""The rate budget, by state machine and against servers that limit, in time that a test makes up."""

from __future__ import annotations

import heapq
import math
from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from actions_core.engine.executor.rate_budget import RateBudget


class BudgetMachine(RuleBasedStateMachine):
    """Requests that begin, succeed, fail and are limited in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.started: list[float] = []
        self.taken: list[float] = []
        self.paused_until = 0.0

    @initialize(
        concurrency=st.integers(1, 8),
        rate=st.sampled_from([None, 0.5, 3.0, 10.0]),
        burst=st.sampled_from([None, 1.0, 20.0]),
    )
    def made(self, concurrency: int, rate: float | None, burst: float | None) -> None:
        self.concurrency, self.rate = concurrency, rate
        self.burst = max(rate if burst is None else burst, 1.0) if rate is not None else math.inf
        self.budget = RateBudget(concurrency, rate, burst, clock=lambda: self.now)

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.5, 1.0, 7.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_request_begins(self) -> None:
        wait = self.budget.take()
        for _ in range(5):  # a pause, then buckets, whose sums may lack a trifle
            if wait == 0 or math.isinf(wait):
                break
            self.now += wait + 1e-6
            wait = self.budget.take()
        if math.isinf(wait):
            assert len(self.started) >= int(self.budget.cap)
            return
        assert wait == 0
        assert self.now >= self.paused_until
        self.started.append(self.now)
        self.taken.append(self.now)

    @rule(place=st.integers(0, 20), success=st.booleans())
    def a_request_ends(self, place: int, *, success: bool) -> None:
        if self.started:
            self.started.pop(place % len(self.started))
            self.budget.leave(success=success)

    @rule(place=st.integers(0, 20), retry_after=st.sampled_from([None, 0.0, 1.0, 3.0]))
    def a_request_is_limited(self, place: int, retry_after: float | None) -> None:
        if self.started:
            self.budget.limit(self.started.pop(place % len(self.started)), retry_after)
            self.paused_until = max(self.paused_until, self.now + (retry_after or 0.0))

    @invariant()
    def bounds_hold(self) -> None:
        if not hasattr(self, "budget"):
            return
        assert 1 <= self.budget.cap <= self.concurrency
        assert self.budget.in_progress == len(self.started) <= self.concurrency

    @invariant()
    def the_rate_holds_in_every_span(self) -> None:
        if not hasattr(self, "budget") or self.rate is None:
            return
        last = len(self.taken) - 1
        for first, start in enumerate(self.taken):
            span = self.taken[last] - start
            assert last - first + 1 <= self.burst + span * self.rate + 1e-3


TestBudgetMachine = BudgetMachine.TestCase


def test_the_cap_is_halved_once_for_a_round_trip() -> None:
    """Of many 429s to requests that were in progress together, the first halves the cap."""
    now = 0.0
    budget = RateBudget(40, clock=lambda: now)
    for _ in range(40):
        assert budget.take() == 0
    now = 0.1
    for _ in range(39):
        budget.limit(0.0, 1.0)
    assert budget.cap == 20
    assert budget.take() == pytest.approx(1.0)
    now = 1.2
    assert budget.take() == 0
    now = 1.3
    budget.limit(1.2, 1.0)
    assert budget.cap == 10


def test_the_cap_grows_by_its_inverse_up_to_the_concurrency() -> None:
    """A success adds 1/cap, so a round trip of `cap` requests adds one."""
    now = 0.0
    budget = RateBudget(4, clock=lambda: now)
    budget.take()
    now = 1.0
    budget.limit(0.0, 0.0)
    assert budget.cap == 2
    now = 100.0
    assert budget.take() == 0
    budget.leave(success=True)
    assert budget.cap == 2.5
    for _ in range(50):
        now += 10
        assert budget.take() == 0
        budget.leave(success=True)
    assert budget.cap == 4


def run_against_limit(
    limit: int, events: int, *, retry_after: float | None, latency: float, phase: float
) -> tuple[int, float]:
    """Deliver events to a server that takes `limit` in each second of the clock: 429s, and seconds taken."""
    now = phase
    budget = RateBudget(50, clock=lambda: now)
    in_progress: list[tuple[float, int, bool, float]] = []
    taken_in: Counter[int] = Counter()
    waiting, done, refused, number = events, 0, 0, 0
    while done < events:
        wait = 0.0
        while waiting and not wait:
            wait = budget.take()
            if not wait:
                waiting -= 1
                number += 1
                second = int(now + latency / 2)
                taken_in[second] += 1
                heapq.heappush(in_progress, (now + latency, number, taken_in[second] <= limit, now))
        due = now + wait if wait and not math.isinf(wait) else math.inf
        if not in_progress or in_progress[0][0] > due:
            now = due + 1e-6
            continue
        now, _, good, started = heapq.heappop(in_progress)
        if good:
            budget.leave(success=True)
            done += 1
        else:
            budget.limit(started, retry_after)
            refused += 1
            waiting += 1
    return refused, now - phase


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75, 0.97])
def test_a_limit_for_each_second_is_found_with_few_refusals(phase: float) -> None:
    """50 a second, no rate set: of 3,000 events at most 3% of the requests are refused, in at most 75 s."""
    refused, seconds = run_against_limit(50, 3000, retry_after=1.0, latency=0.02, phase=phase)
    assert refused <= 0.03 * (3000 + refused)
    assert seconds <= 75


def test_a_limit_without_retry_after_is_found_too() -> None:
    """Where a 429 does not say for how long, the pauses grow until the rate is known."""
    refused, seconds = run_against_limit(50, 3000, retry_after=None, latency=0.02, phase=0.3)
    assert refused <= 0.1 * (3000 + refused)
    assert seconds <= 120


class Made:
    """A budget in a time that a test makes up, which begins at 100."""

    def __init__(self, concurrency: int = 40, rate: float | None = None, burst: float | None = None) -> None:
        self.now = 100.0
        self.budget = RateBudget(concurrency, rate, burst, clock=lambda: self.now)

    def succeed(self, times: int, seconds: float = 0.0) -> None:
        """Make so many requests, each of which takes so long and is successful."""
        for _ in range(times):
            assert self.budget.take() == 0
            self.now += seconds
            self.budget.leave(success=True)

    def be_limited(self, retry_after: float | None = None) -> float:
        """Make a request that gets a 429, and return the seconds until the next one may be made."""
        assert self.budget.take() == 0
        self.now += 0.125
        self.budget.limit(self.now - 0.125, retry_after)
        return self.budget.pause_left


@pytest.mark.parametrize(
    ("rate", "burst", "at_once", "wait"),
    [(0.5, None, 1, 2.0), (4.0, None, 4, 0.25), (2.0, 5.0, 5, 0.5), (2.0, 0.5, 1, 0.5)],
)
def test_a_rate_has_a_burst(rate: float, burst: float | None, at_once: int, wait: float) -> None:
    """As many requests at once as there are in a second, or as `burst` says, one at least."""
    made = Made(rate=rate, burst=burst)
    made.now += 1000
    assert [made.budget.take() for _ in range(at_once)] == [0] * at_once
    assert made.budget.take() == pytest.approx(wait)
    made.now += wait / 2
    assert made.budget.take() == pytest.approx(wait / 2)
    made.now += wait / 2 + 1e-6
    assert made.budget.take() == 0
    made.now -= 50  # a clock that jumps gives nothing, and takes nothing away
    assert made.budget.take() == pytest.approx(wait, rel=1e-3)
    assert made.budget.in_progress == at_once + 1


def test_what_limits_nothing_need_not_be_asked() -> None:
    """A budget is unlimited without a rate, a lesson and a pause, and with the whole concurrency."""
    assert Made().budget.is_unlimited
    assert not Made(rate=1000.0).budget.is_unlimited
    paused = Made()
    paused.budget.pause(103.0)
    assert not paused.budget.is_unlimited
    paused.now = 103.0
    assert paused.budget.is_unlimited
    limited = Made(concurrency=1)
    limited.be_limited(0.0)
    limited.now += 1000
    assert limited.budget.is_unlimited  # nothing was taken before, so that nothing was learned
    limited = Made(concurrency=2)
    limited.be_limited(0.0)
    assert not limited.budget.is_unlimited
    limited.succeed(1)
    assert (limited.budget.cap, limited.budget.is_unlimited) == (2.0, True)
    taught = Made(concurrency=1)
    taught.succeed(4, 0.25)
    taught.be_limited(0.0)
    assert not taught.budget.is_unlimited


def test_pauses_grow_where_a_429_does_not_say() -> None:
    """Half a second, twice as long for each 429 in a row, a minute at most; a success begins anew."""
    made = Made()
    pauses = []
    for _ in range(9):
        pauses.append(made.be_limited())
        made.now += made.budget.pause_left
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    made.succeed(1)
    assert made.be_limited() == 0.5


def test_a_pause_is_the_latest_that_was_asked_for() -> None:
    """At most 15 minutes, also for requests that were in progress at the first 429; those count once."""
    made = Made()
    for _ in range(4):
        assert made.budget.take() == 0
    made.now = 100.5
    made.budget.limit(100.0, 2.0)
    assert (made.budget.pause_left, made.budget.cap) == (2.0, 20.0)
    made.budget.limit(100.0, 1e9)
    assert (made.budget.pause_left, made.budget.cap) == (900.0, 20.0)
    made.budget.limit(100.5, 1.0)
    made.budget.limit(100.25)
    assert (made.budget.pause_left, made.budget.cap, made.budget.in_progress) == (900.0, 20.0, 0)
    assert made.budget.take() == 900.0
    made.now = 1000.5
    assert (made.budget.pause_left, made.budget.take()) == (0.0, 0.0)


def test_a_429_teaches_the_rate_that_was_taken() -> None:
    """What was taken in the last spans, by the time until more may be asked; each success adds a little."""
    made = Made()
    made.succeed(8, 0.125)
    made.be_limited(0.875)
    assert made.budget.learned_rate == pytest.approx(8 / 2)
    made.now += 10
    made.succeed(1)
    assert made.budget.learned_rate == pytest.approx(4.01)
    assert made.budget.take() == pytest.approx(1 / 4.01)  # paced, without a burst


@pytest.mark.parametrize(("taken", "rate"), [(9, 4.09), (8, 4.0), (4, 4.04 * 0.9), (0, 4.0)])
def test_a_lesson_is_never_faster_and_at_most_a_tenth_slower(taken: int, rate: float) -> None:
    """Of 4 a second, and what successes add, another 429 makes what was taken in 2 s, within those bounds."""
    made = Made()
    made.succeed(8, 0.125)
    made.be_limited(0.875)
    made.now += 0.875 + 1.5
    made.budget.in_progress += taken  # let in without asking
    for _ in range(taken):
        made.budget.leave(success=True)
    made.be_limited(0.375)
    assert made.budget.learned_rate == pytest.approx(rate)


@pytest.mark.parametrize(
    ("before", "idle", "rate"),
    [
        (16, 0.0, (16 + 9) / 2.25),  # the two spans together, from the first request on
        (3, 0.5, (3 + 9) / 2.75),
        (3, 1.5, 9 / 1.125),  # idle: only what came after it, from its first success on
        (3, 3600.0, 9 / 1.125),
    ],
)
def test_an_idle_time_says_nothing_of_a_rate(before: int, idle: float, rate: float) -> None:
    """What was taken in the last two spans of a second counts, if nothing lay between them."""
    made = Made()
    made.succeed(before, 1 / before)
    made.now += idle
    made.succeed(9, 0.125)
    made.be_limited(0.0)
    assert made.budget.learned_rate == pytest.approx(rate)


def test_nothing_is_learned_in_no_time() -> None:
    """A 429 in the moment of the first success tells no rate."""
    made = Made()
    made.succeed(1)
    assert made.budget.take() == 0
    made.budget.limit(made.now, 0.0)
    assert made.budget.learned_rate is None


def test_a_token_that_lacks_a_trifle_is_one() -> None:
    """A tenth of a token added ten times is less than one by what binary numbers lose."""
    made = Made(rate=0.1)
    assert made.budget.take() == 0
    waits = []
    for _ in range(10):
        made.now += 1.0
        waits.append(made.budget.take())
    assert waits == [pytest.approx(seconds) for seconds in range(9, -1, -1)]
    assert waits[-1] == 0
    assert made.budget.in_progress == 2


def test_a_failure_frees_its_place_and_nothing_else() -> None:
    """It says nothing of what the destination takes."""
    made = Made(concurrency=4)
    made.be_limited(0.0)
    assert [made.budget.take() for _ in range(3)] == [0, 0, math.inf]
    made.budget.leave(success=False)
    assert (made.budget.cap, made.budget.in_progress, made.budget.learned_rate) == (2.0, 1, None)
    assert made.budget.take() == 0
