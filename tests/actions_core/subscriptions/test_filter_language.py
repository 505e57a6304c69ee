"""The FQL of destination filters: the same parser as for subscriptions, with verdicts of its own."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.errors import FqlError
from actions_core.subscriptions import never_matches, parse_filter, parse_fql
from actions_core.subscriptions.compiler import evaluate
from actions_core.subscriptions.globs import compile_glob
from tests.trials import examples

DATA: Any = json.loads(Path(__file__).with_name("filter_verdicts.json").read_text("utf-8"))
EVENT: dict[str, Any] = DATA["event"]
VERDICTS = [(text, expected) for expected in ("holds", "fails") for text in DATA[expected]]


@pytest.mark.parametrize(("text", "expected"), VERDICTS, ids=[text for text, _ in VERDICTS])
def test_verdicts(text: str, expected: str) -> None:
    """The compiled function, the walk, the trace and the text written anew give the documented verdict."""
    condition = parse_filter(text)
    matched = expected == "holds"
    assert condition.matches(EVENT) is matched
    assert evaluate(condition.tree, EVENT) is matched
    assert condition.trace(EVENT).matched is matched
    assert parse_filter(str(condition)).tree == condition.tree
    if matched:
        assert not never_matches(condition)


FAULTS = [
    ("", 0, "expected text in quotes"),
    ('userId = oops"', 13, "text that is never closed"),
    ("lenght(event) > 1", 0, "did you mean 'length'?"),
    ("contains(event)", 0, "expected 2 arguments of contains, not 1"),
    ("length(event, type) = 1", 0, "expected 1 argument of length, not 2"),
    ("match(event, '[abc')", 0, "a pattern has a [ without"),
    ("match(event, 'a\\')", 0, "cannot end with a backslash"),
    ("match(event, '[z-a]')", 0, "which is empty"),
    ("match(event, 5)", 0, "expected a pattern in quotes"),
    ("type in 'track'", 8, "expected a list or a field after in"),
    ("'track'", 7, "expected =, !="),
    ("[1, 2", 5, "expected a comma or ]"),
    ("type in [", 9, "expected text in quotes"),
    ("a.", 2, "expected a key after the dot"),
    ("type = = 1", 7, "expected text in quotes"),
    ("(type = 'a'", 11, "expected and, or, or ) for the ( at position 0"),
    ("type = 'a' b", 11, "expected and, or, or the end"),
    ("length(" * 150 + "a" + ")" * 150, 707, "at most 100"),
]


@pytest.mark.parametrize(("text", "position", "message"), FAULTS, ids=[text[:30] for text, _, _ in FAULTS])
def test_faults(text: str, position: int, message: str) -> None:
    """What cannot be read is an error that says where, and what was expected there."""
    with pytest.raises(FqlError) as raised:
        parse_filter(text)
    assert raised.value.position == position
    assert message in str(raised.value)


def test_a_bare_word_in_a_filter_is_a_field() -> None:
    """A lone word on the right is a field, and a warning says so unless events have such a key."""
    assert "quotes" in parse_filter("type = track").warnings[0]
    assert parse_filter("userId != anonymousId").warnings == ()
    assert parse_filter("userId = anonymousId").matches({"userId": "a", "anonymousId": "a"})


def test_a_bare_word_in_a_subscription_is_text() -> None:
    """A word without quotes on the right of a comparison is text, with a warning to quote it."""
    condition = parse_fql("type = track and event != Foo.Bar")
    assert [message.partition(" is text")[0] for message in condition.warnings] == [
        "'track' at position 7",
        "'Foo.Bar' at position 26",
    ]
    assert condition == parse_fql('type = "track" and event != "Foo.Bar"')
    for text in ("type = and", "type = track,", "type = track identify", "contains(event, foo)"):
        with pytest.raises(FqlError):
            parse_fql(text)


def test_subscriptions_keep_their_language_and_verdicts() -> None:
    """What only filters have is refused in a subscription, and what both have differs in its verdict."""
    for text in (
        "length(event) = 1",
        "type in ['a']",
        "anonymousId = 'a'",
        "properties.a",
        "match(event, 'a?')",
    ):
        with pytest.raises(FqlError):
            parse_fql(text)
    for text, event in (
        ("properties.a != 5", {}),
        ("!contains(properties.a, 'x')", {}),
        ("userId = 5", {"userId": "5"}),
    ):
        assert parse_fql(text).matches(event) is not parse_filter(text).matches(event)


def test_what_no_event_can_match() -> None:
    """Contradictions are found among tests of one field and one literal; what is unknown is not claimed."""
    assert never_matches(parse_filter("type = 'track' and type = 'page'"))
    assert never_matches(parse_filter("properties.a > 5 and properties.a < 3"))
    assert not never_matches(parse_filter("length(event) > 5 and length(event) < 3"))


def test_keys_are_those_of_every_operand() -> None:
    """A condition names each field that it reads, in the order of its text."""
    text = "length(lowercase(a.b)) > c and 'x' in d or !e or f in [g, 1]"
    assert parse_filter(text).keys() == ("a.b", "c", "d", "e", "f", "g")


def test_a_trace_shows_the_value() -> None:
    """A trace has the value that a test looked at: the field's, or what a compared call gives."""
    trace = parse_filter("length(event) = 14 and contains(event, 'x') and properties.enabled").trace(EVENT)
    assert [(part.text, part.value, part.matched) for part in trace.parts] == [
        ("length(event) = 14", 14, True),
        ('contains(event, "x")', "Button Clicked", False),
        ("properties.enabled", True, True),
    ]


@settings(deadline=None, derandomize=True, max_examples=examples(300))
@given(st.text("ab*?", max_size=8), st.text("ab", max_size=12))
def test_globs_are_those_of_a_slow_matcher(pattern: str, text: str) -> None:
    """Greedy pieces give what trying every way gives."""

    def slow(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(slow(pattern[1:], text[at:]) for at in range(len(text) + 1))
        return bool(text) and pattern[0] in ("?", text[0]) and slow(pattern[1:], text[1:])

    assert compile_glob(pattern).matches(text) is slow(pattern, text)


@pytest.mark.parametrize(
    "pattern", ["*a" * 400 + "b", "*" * 900 + "b", "*" + "?" * 500 + "b*", "*[a-z]" * 150 + "1"]
)
def test_no_glob_is_slow(pattern: str) -> None:
    """A pattern takes time in proportion to the text, however many stars it has."""
    condition = parse_filter(f"match(event, '{pattern}')")
    event = {"event": "a" * 32_000}
    started = time.process_time()
    condition.matches(event)
    assert time.process_time() - started < 0.5
