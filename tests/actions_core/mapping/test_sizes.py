"""What is too large to be compiled in time is refused when it is loaded, with a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core import FqlError, MappingError, compile_mapping, parse_fql, validate_mapping
from actions_core.subscriptions import parse_filter
from tests.timing import takes_at_most


def deep(depth: int) -> Any:
    """Return a value of nested directives, lists and objects."""
    value: Any = {"@path": "$.a"}
    for level in range(depth):
        one = {"@if": {"exists": {"@path": "$.b"}, "then": value, "else": {"@path": "$.c"}}}
        value = one if level % 2 else [value, {"x": {"@path": "$.d"}}]
    return value


LARGE = {
    "paths": {f"f{number}": {"@path": "$.a"} for number in range(20_000)},
    "lists": {"f": [[{"@path": "$.a"}] for _ in range(20_000)]},
    "deep": {f"f{number}": deep(20) for number in range(400)},
    "templates": {f"f{number}": {"@template": "{{a}} {{b}}"} for number in range(20_000)},
    "Liquid": {
        f"f{number}": {"@liquid": f"{{{{ a | upcase }}}} {number} " + "x" * 900} for number in range(1_000)
    },
    "JMESPath": {f"f{number}": {"@jmespath": f"a[?b > `1`].c || d{number}"} for number in range(5_000)},
}


@pytest.mark.parametrize("mapping", LARGE.values(), ids=LARGE)
def test_a_mapping_that_is_too_large_is_refused(mapping: Any) -> None:
    """However it is made, it is refused as a whole, in less than the time that compiling it would take."""
    with takes_at_most(2), pytest.raises(MappingError) as caught:
        compile_mapping(mapping)
    (problem,) = caught.value.problems
    assert problem.path == "$"
    assert "too large to be compiled" in problem.message
    assert problem in validate_mapping(mapping)


def test_what_a_mapping_holds_as_it_stands_costs_nothing() -> None:
    """Lists and objects without directives are no part of what is compiled."""
    table = {f"k{number}": {"a": [number, {}]} for number in range(20_000)}
    assert compile_mapping({"table": table}).resolve({}) == {"table": table}


def test_an_expression_that_is_too_long_is_refused() -> None:
    """A JMESPath expression has at most 10,000 characters."""
    longest = "a" * 10_000
    assert compile_mapping({"v": {"@jmespath": longest}}).resolve({longest: 1}) == {"v": 1}
    with pytest.raises(MappingError) as caught:
        compile_mapping({"v": {"@jmespath": longest + "a"}})
    assert [str(problem) for problem in caught.value.problems] == [
        "$.v.@jmespath: has 10,001 characters; a JMESPath expression has at most 10,000"
    ]


@pytest.mark.parametrize("parse", [parse_fql, parse_filter])
def test_a_condition_that_is_too_long_is_refused(parse: Any) -> None:
    """A condition has at most 50,000 characters, of a subscription and of a filter."""
    longest = f'event = "{"x" * 49_990}"'
    assert parse(longest).matches({"type": "track", "event": "x" * 49_990})
    with pytest.raises(FqlError, match="has 50,001 characters; a condition has at most 50,000"):
        parse(longest + " ")
    with pytest.raises(FqlError, match="characters"):
        parse("(" * 1_000_000)
