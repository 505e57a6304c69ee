"""What can be said of conditions without an event."""

from __future__ import annotations

import pytest

from actions_core.subscriptions import never_matches, normal_form, parse_filter, parse_fql, same_meaning


@pytest.mark.parametrize(
    "fql",
    [
        'type = "a" and type = "b"',
        'type = "Identify"',
        'type != "track" and !(type != "track")',
        'type = "track" and event = "a" and (event = "b" or event = "c")',
        '(event = "a" or event = "b") and (event = "c" or event = "d")',
        'type > "a"',
        '!(type = "track" or type != "track")',
        "properties.a = null and properties.a != null",
        "properties.a = true and properties.a = false",
        "properties.a = 5 and !(properties.a = 5)",
        "properties.a > 5 and properties.a < 5",
        "properties.a >= 5 and properties.a <= 5 and properties.a != 5",
        'properties.a = 5 and properties.a = "5"',
        'properties.a = null and contains(properties.a, "x")',
        'event = "abc" and !contains(event, "b")',
        'match(event, "a*") and match(event, "b*")',
        'match(event, "*a") and match(event, "*b")',
        'match(event, "ab*") and !contains(event, "b")',
        'match(event, "ab*") and !match(event, "a*")',
        'match(event, "*ab") and !match(event, "*b")',
        'contains(event, "abc") and !(contains(event, "b"))',
        '!match(event, "*")',
        "userId = null and userId = 5",
    ],
)
def test_never(fql: str) -> None:
    """A condition that contradicts itself is known never to match."""
    assert never_matches(parse_fql(fql))


@pytest.mark.parametrize(
    "fql",
    [
        'type = "track"',
        "event = null",
        'type != "track" and type != "page"',
        'type = "a" and type = "b" or type = "track"',
        "properties.a > 5 and properties.a < 6",
        "properties.a > 9007199254740992 and properties.a < 9007199254740994",
        "properties.a >= 5 and properties.a <= 5",
        'properties.a != 5 and properties.a != 6 and !(properties.a = "x")',
        'match(event, "a*") and match(event, "ab*") and match(event, "*b") and !contains(event, "c")',
        'contains(event, "a") and contains(event, "b") and event != "ab"',
        '!(contains(event, "")) and event != null',
        'properties.a = null and !(contains(properties.a, "x"))',
        "properties.a != true and properties.a != false and properties.a != null",
        '!(properties.a > 5) and !match(properties.a, "x*")',
    ],
)
def test_perhaps(fql: str) -> None:
    """A condition that some event matches is never said not to."""
    assert not never_matches(parse_fql(fql))


def test_unknown_when_too_large() -> None:
    """Where finding out would take too long, the answer is that it may match."""
    alternatives = " and ".join(f"(properties.a{number} = 1 or name = {number})" for number in range(20))
    assert not never_matches(parse_fql(f"{alternatives} and event = 1 and event = 2"))
    many = " and ".join(f'event = "{number}"' for number in range(1_000))
    assert not never_matches(parse_fql(many))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('type = "a" and event = "b"', 'event = "b" and (type = "a")'),
        ('type = "a" or (type = "b" or type = "c")', '(type = "c" or type = "b") or type = "a"'),
        ('type = "a" and type = "a"', 'type = "a"'),
        ("event = 5", 'event = "5"'),
        ("event = null", 'event = "null"'),
        ("userId = 1.50", 'userId = "1.5"'),
        ("properties.a = 5", "properties.a = 5.0"),
        ('!(type = "a")', 'type != "a"'),
        ('!(type = "a" and event = "b")', 'type != "a" or event != "b"'),
        ("!(!(properties.a = 5))", "properties.a = 5"),
        ("!(name = null)", "name != null"),
        ('match(event, "*")', 'contains(event, "")'),
        ('type > "a"', "type > null"),
    ],
)
def test_same(first: str, second: str) -> None:
    """Order, grouping, repetition and spelling make no difference to what a condition means."""
    assert same_meaning(parse_fql(first), parse_fql(second))
    assert hash(normal_form(parse_fql(first))) == hash(normal_form(parse_fql(second)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('type = "a" and event = "b"', 'type = "a" or event = "b"'),
        ("properties.a = 1", "properties.a = true"),
        ("properties.a = 5", 'properties.a = "5"'),
        ("!(properties.a = 5)", "properties.a != 5"),
        ('!(contains(event, "a"))', '!contains(event, "a")'),
        ("properties.a\\.b = 1", "properties.a.b = 1"),
    ],
)
def test_not_the_same(first: str, second: str) -> None:
    """Conditions on which some event gives different verdicts are not the same."""
    assert not same_meaning(parse_fql(first), parse_fql(second))


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ('event in ["a", "b"]', False),
        ('event in ["a", "b"] and event != "a"', False),
        ('event in ["a", "b"] and event != "a" and event != "b"', True),
        ('event in ["a", "b"] and event = "c"', True),
        ('!(event in ["a", "b"])', False),
    ],
)
def test_a_list_can_be_matched_by_what_is_in_it(text: str, *, never: bool) -> None:
    """A filter's `in` is no contradiction as long as one of its texts is allowed by the rest."""
    assert never_matches(parse_filter(text)) is never
