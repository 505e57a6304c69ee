"""What each kind of comparison says about each kind of value, by the field on the left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actions_core.subscriptions import parse_fql
from actions_core.subscriptions.terms import comparisons

CASES = json.loads(Path(__file__).with_name("verdicts.json").read_text(encoding="utf-8"))
NOTHING = object()


def event_with(path: list[str], value: Any) -> dict[str, Any]:
    """An event that holds the value there, or nothing."""
    event: dict[str, Any] = {}
    inner = event
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    if value is not NOTHING:
        inner[path[-1]] = value
    return event


def verdicts(case: dict[str, Any]) -> list[tuple[Any, bool]]:
    """Each value of a case with the verdict that is right for it."""
    held = [(value, True) for value in case["holds"]]
    return [(NOTHING, case["missing"]), *held, *((value, False) for value in case["fails"])]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["fql"])
def test_comparison(case: dict[str, Any]) -> None:
    """A comparison holds for exactly the values that its case names."""
    condition = parse_fql(case["fql"])
    path = case.get("path") or list(next(comparisons(condition.tree)).path[:2])
    for value, right in verdicts(case):
        event = event_with(path, value)
        assert condition.matches(event) is right, event
        assert condition.trace(event).matched is right, event


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["fql"])
def test_comparison_among_others(case: dict[str, Any]) -> None:
    """A comparison says the same inside a group, where values are read once for all."""
    condition = parse_fql(f"({case['fql']}) and properties.z = null and ({case['fql']} or {case['fql']})")
    path = case.get("path") or list(next(comparisons(condition.tree)).path[:2])
    for value, right in verdicts(case):
        assert condition.matches(event_with(path, value)) is right


@pytest.mark.parametrize("holder", [None, 5, "text", [], ["a"], True])
@pytest.mark.parametrize("fql", ["properties.a = null", "properties.a.b.c = null", "properties.a != 'x'"])
def test_holder_of_another_type(fql: str, holder: Any) -> None:
    """Where properties are no object, nothing is found in them."""
    assert parse_fql(fql).matches({"properties": holder})


def test_long_path() -> None:
    """A path of a hundred keys is read to its end."""
    keys = [f"k{number}" for number in range(99)]
    condition = parse_fql(f"properties.{'.'.join(keys)} = 1")
    assert condition.matches(event_with(["properties", *keys], 1))
    assert not condition.matches(event_with(["properties", *keys[:-1]], {"k99": 1}))


def test_large_condition() -> None:
    """A condition too large to compile gives the same verdicts by being walked."""
    names = " or ".join(f'event = "e{number}"' for number in range(2_000))
    condition = parse_fql(f'type = "track" and ({names}) and !(properties.a = 1)')
    assert condition.matches({"type": "track", "event": "e1999"})
    assert not condition.matches({"type": "track", "event": "e2000"})
    assert not condition.matches({"type": "track", "event": "e5", "properties": {"a": 1}})


def test_text_is_never_code() -> None:
    """Quotes, line ends and what looks like Python stay text."""
    for text in [
        "x' or True or '",
        "\\",
        "\\' or True or '",
        "{v}",
        "\0",
        "\ud800",
        "__import__('os')",
        "%s",
        "a\r\nb",
    ]:
        condition = parse_fql(f'properties.a = "{text}" or properties.a = "other"')
        assert condition.matches({"properties": {"a": text}})
        assert not condition.matches({"properties": {"a": "x"}})


def test_subclasses_count() -> None:
    """A host's own subclass of a dictionary is read like a dictionary."""

    class Bag(dict[str, Any]):
        pass

    condition = parse_fql('properties.a.b = 1 and contains(properties.t, "x")')
    assert condition.matches(Bag(properties=Bag(a=Bag(b=1), t="xy")))
