"""Times: what is read, what is refused, and how moments are written."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.errors import PayloadError
from actions_core.values.times import SteadyClock, format_time, is_time_text, present_time, read_time
from tests.trials import examples

READ = [
    ("2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05.000Z"),
    ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
    ("2026-01-02T03:04:05.1239999Z", "2026-01-02T03:04:05.123Z"),
    ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05.000Z"),
    ("2026-01-02T03:04:05-0130", "2026-01-02T04:34:05.000Z"),
    ("2026-01-02T03:04:05+02", "2026-01-02T01:04:05.000Z"),
    ("2026-01-02t03:04:05z", "2026-01-02T03:04:05.000Z"),
    ("2026-01-02 03:04", "2026-01-02T03:04:00.000Z"),
    ("2026-01-02T03:04:05", "2026-01-02T03:04:05.000Z"),
    ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
    ("2026-01-02", "2026-01-02T00:00:00.000Z"),
    ("0007-01-02", "0007-01-02T00:00:00.000Z"),
    ("1700000000", "2023-11-14T22:13:20.000Z"),
    ("1700000000000", "2023-11-14T22:13:20.000Z"),
    (1700000000, "2023-11-14T22:13:20.000Z"),
    ("1700000000.5", "2023-11-14T22:13:20.500Z"),
    ("-86400", "1969-12-31T00:00:00.000Z"),
    ("4.5", "1970-01-01T00:00:04.500Z"),
    ("2024-03-31T24:00:00Z", "2024-04-01T00:00:00.000Z"),
    ("2024-12-31T24:00:00+01:00", "2024-12-31T23:00:00.000Z"),
    ("01/01/1990", "1990-01-01T00:00:00.000Z"),
    ("1/2/2026 3:04 PM", "2026-01-02T15:04:00.000Z"),
    ("1/2/2026, 12:04:05 AM", "2026-01-02T00:04:05.000Z"),
    ("2026/01/02 03:04", "2026-01-02T03:04:00.000Z"),
    ("Jan 2, 2026", "2026-01-02T00:00:00.000Z"),
    ("january 2 2026", "2026-01-02T00:00:00.000Z"),
    ("Sept. 3, 2026 03:04:05", "2026-09-03T03:04:05.000Z"),
    ("Friday, 2 Jan 2026", "2026-01-02T00:00:00.000Z"),
    ("02-Jan-2026", "2026-01-02T00:00:00.000Z"),
    ("Fri, 02 Jan 2026 03:04:05 GMT", "2026-01-02T03:04:05.000Z"),
    ("Fri, 02 Jan 2026 03:04:05 -0130", "2026-01-02T04:34:05.000Z"),
    ("2 Jan 2026 03:04:05 EST", "2026-01-02T08:04:05.000Z"),
    ("Fri Jan 02 2026 03:04:05 GMT+0100 (Central European Time)", "2026-01-02T02:04:05.000Z"),
    ("Fri Jan  2 03:04:05 2026", "2026-01-02T03:04:05.000Z"),
    ("Jan 2, 2026 24:00", "2026-01-03T00:00:00.000Z"),
    (1700000000.25, "2023-11-14T22:13:20.250Z"),
    (1700000000000, "2023-11-14T22:13:20.000Z"),
    (946684800, "2000-01-01T00:00:00.000Z"),
    (-1, "1969-12-31T23:59:59.000Z"),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:04:05.000Z"),
    (datetime(2026, 1, 2), "2026-01-02T00:00:00.000Z"),  # noqa: DTZ001  # a moment without a zone is the case
]

REFUSED: list[Any] = [
    None,
    True,
    [],
    {},
    "",
    " ",
    "not a date",
    "room 5",
    "4.",
    "1e3",
    "2026-02-30",
    "2026-01-02T24:00:01Z",
    "2026-01-02T25:00:00Z",
    "02/30/2026",
    "13/13/2026",
    "1/2",
    "Jan 2026",
    "Foo 2, 2026",
    "Jan 2, 2026 13:00 PM",
    "Jan 2, 2026 25:00",
    "Jan 2, 2026 03:04 XYZ",
    "1" * 17 + ".5",
    "Jan 2, 2026" + " " * 32_000 + "x",
    "2026-01-02T03:04:05+25:00",
    "2026-01-02T03:04:05.Z",
    "2026-01-02T03:04:055Z",
    "2026-01-02T03:04:05Z\n",
    "2026-W01-1T03:04:05.000Z",
    "2026-01-02T03:04:0\u0665Z",  # noqa: RUF100, PLE2515  # a digit, but not an ASCII one
    "\ud800",
    "0000-01-01",
    "9" * 5000,
    1e21,
    10**5000,
    float("nan"),
    float("inf"),
]


@pytest.mark.parametrize(("value", "written"), READ, ids=[str(value) for value, _ in READ])
def test_forms(value: Any, written: str) -> None:
    """Each form of a time is read as one aware moment and written in UTC with milliseconds."""
    moment = read_time(value)
    assert moment.tzinfo is not None
    assert format_time(moment) == written


@pytest.mark.parametrize("value", REFUSED, ids=range(len(REFUSED)))
def test_refused(value: Any) -> None:
    """What names no moment raises a PayloadError, and no other error, whatever it is."""
    with pytest.raises(PayloadError):
        read_time(value)


def test_naive_moment() -> None:
    """A moment without a zone is written as if it were UTC."""
    assert format_time(datetime(2026, 1, 2)) == "2026-01-02T00:00:00.000Z"  # noqa: DTZ001  # the case


def test_outside_of_the_calendar() -> None:
    """A moment that UTC would push out of the calendar raises a PayloadError."""
    with pytest.raises(PayloadError):
        format_time(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))))


def test_digits_are_time_text() -> None:
    """Text of a decimal number is a time in a check, as any number is; other text must be readable."""
    assert is_time_text("4")
    assert is_time_text("9" * 100)
    assert is_time_text("-1.5")
    assert not is_time_text("\u0664")
    assert not is_time_text("x")


def test_present_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The present moment is written as any other, also in the next second, and when the clock goes back."""
    for moment in (0, 999_999, 1_000_000, 999_999_999, 1_790_000_000_123_456_789, 1_790_000_000_999_999_999,
                   1_790_000_001_000_000_000, 1_790_000_000_500_000_000):  # fmt: skip
        monkeypatch.setattr("actions_core.values.times.time.time_ns", lambda moment=moment: moment)
        expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment // 1000)
        assert present_time() == format_time(expected)


@settings(deadline=None, derandomize=True)
@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # hypothesis adds the zone
def test_round_trip(moment: datetime) -> None:
    """What was written is read as the same moment, to the millisecond."""
    written = format_time(moment)
    assert read_time(written) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert is_time_text(written)


@settings(deadline=None, derandomize=True, max_examples=examples(300))
@given(
    st.sampled_from(["2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05Z"]),
    st.integers(0, 23),
    st.sampled_from("0123456789-:.,TZtz+W \u0663"),
)
def test_shortcut(text: str, index: int, other: str) -> None:
    """The shortcut for the usual form reads nothing that the general way would not read the same."""
    changed = text[:index] + other + text[index + 1 :]
    # A zone written out goes the general way and means the same as Z.
    general = f"{changed[:-1]}+00:00" if changed.endswith("Z") else changed
    try:
        expected = read_time(general)
    except PayloadError:
        with pytest.raises(PayloadError):
            read_time(changed)
    else:
        assert read_time(changed) == expected


def test_a_steady_clock_does_not_follow_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the wall clock is set, a steady clock that runs goes on as before."""
    clock = SteadyClock()
    before = clock()
    assert abs(before - time.time()) < 5
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 0 <= clock() - before < 5
