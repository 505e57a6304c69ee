"""How things are shown to people: times, spans, codes, hints, and the steps of charts."""

from __future__ import annotations

import pytest

from actions_core.apps.console.feed import Minute
from actions_core.apps.console.hints import code_words, hint_on
from actions_core.apps.console.showing import ago, event_time, moment, pretty, span, stopped_words, took
from actions_core.apps.console.widgets.charts import Series
from actions_core.delivery.store import InstanceState

NOW = 1_700_000_000_000
MINUTE = 60_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (600, "10 min"),
        (7200, "2 h"),
        (100_000, "28 h"),
        (200_000, "2 d"),
    ],
)
def test_spans_have_one_unit(seconds: float, text: str) -> None:
    """The largest unit of which there are some; before and after now are told apart."""
    assert span(seconds) == text
    assert ago(NOW - int(seconds * 1000), NOW / 1000) == f"{text} ago"
    if seconds:
        assert ago(NOW + int(seconds * 1000), NOW / 1000) == f"in {text}"


def test_times_and_texts() -> None:
    """A moment is read without reckoning; JSON is laid out, and what is none stays as it is."""
    assert moment(NOW) == "14 Nov 2023, 22:13:20 UTC"
    assert event_time(NOW) == "2023-11-14T22:13:20.000Z"
    assert [took(each) for each in (None, 0, 999, 1500)] == ["", "0 ms", "999 ms", "1.5 s"]
    assert pretty('{"a":1}') == '{\n  "a": 1\n}'
    assert pretty('{"a":') == '{"a":'


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("PAYLOAD_VALIDATION_FAILED", "failed", "mapping"),
        ("UNAUTHORIZED", "failed", "settings"),
        ("SERVICE_UNAVAILABLE", "failed", "destination"),
        ("SERVICE_UNAVAILABLE", "retrying", "wait"),
        ("NOT_FOUND", "failed", "missing"),
        ("EVENT_INVALID", "failed", "event"),
        ("HANDLER_FAILED", "failed", "code"),
        ("SOMETHING_OF_A_HANDLER", "failed", "none"),
        ("", "sent", "none"),
    ],
)
def test_each_code_says_what_helps(code: str, status: str, kind: str) -> None:
    """By the code alone, and only for what did not arrive."""
    hint = hint_on(code, status)
    assert hint.kind == kind
    assert bool(hint.sentence) == (kind != "none")


def test_codes_are_words() -> None:
    """Nobody reads capitals with underscores."""
    assert code_words("PAYLOAD_VALIDATION_FAILED") == "Payload validation failed"
    assert code_words("") == "Failed"


def test_charts_show_an_hour_or_else_a_day() -> None:
    """By the minute while something happened in the last hour, in wider steps of a day otherwise."""
    last = NOW - NOW % MINUTE
    hour = Series([Minute(last, 2, 1, 0, 10.0, 15), Minute(last - 5 * MINUTE, 1, 0, 3, 30.0, 30)], NOW)
    assert (len(hour.times), hour.times[-1]) == (60, last)
    assert (sum(hour.sent), sum(hour.failed), sum(hour.retried)) == (3, 1, 3)
    assert (hour.mean[-1], hour.slowest[-6], hour.mean[0]) == (10.0, 30, None)
    day = Series(
        [Minute(last - 300 * MINUTE, 1, 0, 0, 10.0, 15), Minute(last - 301 * MINUTE, 3, 0, 0, 20.0, 40)], NOW
    )
    assert (len(day.times), sum(day.sent)) == (96, 4)
    assert max(day.slowest, key=lambda each: each or 0) == 40
    assert 17.5 in day.mean or {10.0, 20.0} <= set(day.mean)
    assert sum(Series([], NOW).sent) == 0
    assert sum(Series([Minute(last - 2000 * MINUTE, 5)], NOW).sent) == 0


def test_an_instance_that_gets_nothing_says_why_and_what_to_do() -> None:
    """The reason as a sentence, when it is tried again, and how to have that done at once."""
    refused = InstanceState(
        "fs", "refused", until=NOW + 5 * MINUTE, reason="the destination answered 401: no"
    )
    assert stopped_words(refused, NOW / 1000) == (
        "fs gets nothing, and its events wait: the destination answered 401: no. It is tried again in 5 min; "
        "changed settings have it tried again at once, and so does 'actions outbox resume fs'."
    )
    assert "It is tried again soon" in stopped_words(refused, NOW / 1000 + 600)
    gone = InstanceState("fs", "gone", reason="It answered 410.")
    assert stopped_words(gone, NOW / 1000) == (
        "fs is gone, and its events wait: It answered 410. Changed settings have it tried again, and so does "
        "'actions outbox resume fs'."
    )
