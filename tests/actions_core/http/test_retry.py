"""When the same request is tried again, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from actions_core.http.retry import PollPolicy, RetryPolicy, is_retryable, read_retry_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_table_of_statuses() -> None:
    """Only 408, 423, 429 and the 5xx but 501 may be tried again."""
    found = {status for status in range(1000) if is_retryable(status)}
    assert found == {408, 423, 429, *range(500, 600)} - {501}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        ("1e9", 1e9),
        (format_datetime(NOW + timedelta(seconds=30), usegmt=True), 30.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Fri, 02 Jan 2026 03:04:35 -0000", 30.0),
        ("Fri, 02 Jan 2026 04:04:35 +0100", 30.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        ("Fri, 99 Jan 99999 99:99:99 GMT", None),
        ("1" * 5000, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    """A Retry-After is read as seconds or as an HTTP date; what is neither is ignored."""
    assert read_retry_after(text, NOW) == seconds


def test_delays_stay_within_their_bounds() -> None:
    """Full jitter: a delay lies between 0 and a bound that doubles from `base` up to `cap`."""
    policy = RetryPolicy(tries=10, within=1e9)
    for tried, bound in [(1, 1.0), (2, 2.0), (3, 4.0), (6, 30.0), (9, 30.0)]:
        delays = [policy.delay(tried, 0) for _ in range(200)]
        assert all(delay is not None and 0 <= delay <= bound for delay in delays)
        assert max(delay or 0 for delay in delays) > bound / 2 > min(delay or 0 for delay in delays)


def test_no_delay_after_the_last_try() -> None:
    """After `tries` tries, or when the wait would end after `within` seconds, there is no next try."""
    assert RetryPolicy(tries=5).delay(5, 0) is None
    assert RetryPolicy(within=60).delay(1, 59.5, retry_after=5.0) is None
    assert RetryPolicy(within=60, cap=5).delay(1, 55.0, retry_after=5.0) == 5.0
    assert RetryPolicy(tries=10_000).delay(5_000, 0) is not None


def test_the_bound_of_a_delay_grows_no_more_after_64_doublings() -> None:
    """A policy with any number of tries and any cap has delays that are numbers."""
    policy = RetryPolicy(tries=10_000, within=1e300, cap=1e300)
    assert all((policy.delay(5_000, 0) or 0.0) <= 2.0**64 for _ in range(50))


def test_the_limits_where_none_are_given() -> None:
    """Five tries within a minute, up to 30 s apart; a job is polled for ten minutes."""
    assert RetryPolicy() == RetryPolicy(tries=5, within=60.0, base=1.0, cap=30.0)
    assert PollPolicy() == PollPolicy(base=1.0, cap=30.0, within=600.0)
    assert [RetryPolicy().delay(tried, 0) is None for tried in range(1, 7)] == [False] * 4 + [True] * 2


def test_a_wait_that_was_asked_for_is_kept_up_to_the_cap() -> None:
    """Retry-After is a lower bound of the wait, and the policy's cap an upper one."""
    for _ in range(50):
        wait = RetryPolicy().delay(1, 0, retry_after=7.0)
        assert wait is not None
        assert 7.0 <= wait <= 8.0
        assert RetryPolicy().delay(1, 0, retry_after=1e9) == 30.0


def test_many_failures_at_one_moment_spread() -> None:
    """A thousand failures at once are tried again over the whole time, no second with twice the mean."""
    delays = [RetryPolicy().delay(4, 0) or 0.0 for _ in range(4000)]
    seconds = [sum(second <= delay < second + 1 for delay in delays) for second in range(8)]
    assert max(seconds) < 2 * len(delays) / 8
