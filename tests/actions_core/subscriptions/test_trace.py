"""What a trace tells: every comparison with its text, the value found and the verdict."""

from __future__ import annotations

from actions_core.subscriptions import parse_fql
from actions_core.values.types import MISSING


def test_trace_shows_everything() -> None:
    """Every comparison is shown, also those that the verdict did not depend on."""
    condition = parse_fql(
        'type = "track" and (properties.plan = "pro" or !match(event, "Order*")) and !(name = null)'
    )
    trace = condition.trace({"type": "page", "properties": {"plan": None}, "name": "Home"})
    assert not trace.matched
    assert trace.text == str(condition)
    assert trace.value is MISSING
    shown = [(part.text, part.value, part.matched) for part in trace.parts]
    assert shown == [
        ('type = "track"', "page", False),
        ('properties.plan = "pro" or !match(event, "Order*")', MISSING, False),
        ("!(name = null)", MISSING, True),
    ]
    inner = [(part.text, part.value, part.matched) for part in trace.parts[1].parts]
    assert inner == [('properties.plan = "pro"', None, False), ('!match(event, "Order*")', MISSING, False)]
    assert [(part.value, part.matched) for part in trace.parts[2].parts] == [("Home", False)]


def test_trace_tells_missing_from_null() -> None:
    """The verdict on null and on nothing is the same, but the trace says which it was."""
    condition = parse_fql("traits.plan = null")
    assert condition.trace({"traits": {"plan": None}}).value is None
    assert condition.trace({"traits": {}}).value is MISSING
    assert condition.trace({"traits": {}}).matched


def test_keys() -> None:
    """`keys` names each field once, in the order of the text, as a mapping's path would write it."""
    condition = parse_fql(
        'type = "a" and (properties.last\\ name = 1 or contains(traits.is\\.on, "x")) and type != "b" '
        "and properties.items.0.first\\-name = null and traits.it\\'s.\\[a = 1"
    )
    assert condition.keys() == (
        "type",
        "properties.last name",
        "traits['is.on']",
        "properties.items[0].first-name",
        "traits[\"it's\"]['[a']",
    )
