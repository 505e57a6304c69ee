"""How a program's values are copied: problems, circles, depth, size, and both writers alike."""

from __future__ import annotations

import collections
import dataclasses
import inspect
import json
import sys
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions_core import EventError
from actions_core.values.plain import _walk, copier, plain_copy

LARGE = 1_000_000


@dataclasses.dataclass
class Order:
    """A data class that may contain itself."""

    parent: Order | None


def test_all_problems_at_once() -> None:
    """Everything that cannot be converted is named, not the first thing only."""
    value = {"a": object(), "b.c": [b"\xff", 1, {"d": timedelta(1)}], "e\n": 1j, "f": {1: 1, "1": 2}}
    with pytest.raises(EventError) as raised:
        plain_copy(value, max_bytes=LARGE)
    paths = [problem.path for problem in raised.value.problems]
    assert paths == ["$.a", r"$.b\.c[0]", r"$.b\.c[2].d", r"$.e\n", "$.f"]


def test_what_contains_itself() -> None:
    """A value that contains itself, once or often, directly or through an object, is refused at once."""
    once: list[object] = []
    once += [once, once]
    order = Order(None)
    order.parent = order
    mapping: dict[str, object] = {"a": {}}
    mapping["a"] = collections.UserDict(b=mapping)
    for value, path in ((once, "$[0]"), (order, "$.parent"), (mapping, "$.a.b")):
        with pytest.raises(EventError, match="contains itself") as raised:
            plain_copy(value, max_bytes=LARGE)
        assert raised.value.problems[0].path == path


def test_the_same_object_twice_is_no_circle() -> None:
    """A value that stands in two places stands in both of the copy, as two values."""
    shared = [1]
    copied, _ = plain_copy({"a": shared, "b": shared, "c": 2**70}, max_bytes=LARGE)
    assert copied == {"a": [1], "b": [1], "c": 2**70}
    assert copied["a"] is not copied["b"]


@pytest.mark.parametrize("leaf", [0, 2**70], ids=["orjson", "standard library"])
@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: {"a": v}, lambda v: (v,), lambda v: {1: v}])
def test_depth(leaf: int, wrap: Any) -> None:
    """A hundred levels are allowed and no more, whichever writer is used."""
    value: Any = leaf
    for _ in range(100):
        value = wrap(value)
    assert plain_copy(value, max_bytes=LARGE)[0]
    with pytest.raises(EventError, match="nested deeper than 100 levels"):
        plain_copy(wrap(value), max_bytes=LARGE)
    for _ in range(100_000):
        value = wrap(value)
    with pytest.raises(EventError, match="nested deeper than 100 levels"):
        plain_copy(value, max_bytes=LARGE)
    while isinstance(value, dict | list | tuple):  # taken apart here: Python would recurse
        value = next(iter(value.values() if isinstance(value, dict) else value))


@pytest.mark.parametrize("number", [0, 2**70], ids=["orjson", "standard library"])
def test_size(number: int) -> None:
    """The size is that of the JSON in UTF-8, and no more than allowed."""
    value = {"text": "Zürich 😀", "n": number, "list": [1.5, None, True]}
    expected = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    assert plain_copy(value, max_bytes=expected) == (value, expected)
    with pytest.raises(
        EventError, match=f"has {expected:,} bytes of JSON; at most {expected - 1:,}"
    ) as raised:
        plain_copy(value, max_bytes=expected - 1)
    assert raised.value.code == "EVENT_TOO_LARGE"


def test_a_list_that_grows_by_sharing() -> None:
    """Lists that share their items end where the size does, not where the memory does."""
    value: list[object] = [2**70]
    for _ in range(60):
        value = [value, value]
    with pytest.raises(EventError, match="more than 1,000 bytes"):
        _walk(value, 1000)


def test_the_copy_is_the_callers_no_more() -> None:
    """Nothing that happens to the copy or to the original reaches the other."""
    original: dict[str, Any] = {"a": {"b": [1]}}
    copied, _ = plain_copy(original, max_bytes=LARGE)
    copied["a"]["b"].append(2)
    original["a"]["c"] = 3
    assert (copied, original) == ({"a": {"b": [1, 2]}}, {"a": {"b": [1], "c": 3}})


@pytest.mark.parametrize("beside", [0, 2**70, "\ud800"], ids=["orjson", "large number", "half a pair"])
def test_a_copier_gives_a_new_copy_at_each_call(beside: object) -> None:
    """No copy shares anything with another one or with the original, nor one of its parts with another."""
    shared = [1]
    original: dict[str, Any] = {"a": shared, "b": shared, "beside": beside}
    copy = copier(original)
    first: Any = copy()
    first["a"].append(2)
    shared.append(3)
    assert first == {"a": [1, 2], "b": [1], "beside": beside}
    assert copy() == {"a": [1], "b": [1], "beside": beside}


def test_an_interrupt_is_not_a_fault_of_the_event() -> None:
    """Ctrl-C while a value is converted gets through, though it comes once only."""
    interrupts = iter([KeyboardInterrupt()])

    class Slow(collections.UserDict[str, int]):
        def items(self) -> Any:
            for interrupt in interrupts:
                raise interrupt
            return ()

    with pytest.raises(KeyboardInterrupt):
        plain_copy({"a": Slow()}, max_bytes=LARGE)


def test_a_stack_that_is_nearly_full_is_a_fault_of_the_event() -> None:
    """Where the caller has left too little of the stack for a deep value, that is said as any problem is."""
    value: Any = 2**70
    for _ in range(90):
        value = [value]
    depth = len(inspect.stack(0))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 120)
    try:
        with pytest.raises(EventError) as raised:
            plain_copy(value, max_bytes=LARGE)
    finally:
        sys.setrecursionlimit(limit)
    (problem,) = raised.value.problems
    assert (problem.path, "too deeply for the stack" in problem.message) == ("$", True)
    assert plain_copy(value, max_bytes=LARGE)[0] == value


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=[])), inner),
)


@given(JSON)
def test_json_stays_what_it_is(value: Any) -> None:
    """The copy of a JSON value is what the standard library writes and reads back."""
    expected = json.loads(json.dumps(value))
    assert repr(plain_copy(value, max_bytes=LARGE)[0]) == repr(expected)


@given(JSON)
@example(7)
@example([1, [2, 3]])
def test_both_ways_give_the_same(value: Any) -> None:
    """What orjson can write, the walk converts to the same copy of the same size, which is not too large."""
    try:
        orjson.dumps(value)
    except TypeError:
        return
    ours = plain_copy(value, max_bytes=LARGE)
    theirs = _walk(value, ours[1])
    assert (repr(ours[0]), ours[1]) == (repr(theirs[0]), theirs[1])
