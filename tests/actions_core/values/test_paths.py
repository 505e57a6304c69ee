"""Paths: one reading, for mappings and subscriptions alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.mapping import compile_mapping
from actions_core.subscriptions import Condition, parse_fql
from actions_core.values.paths import add_step, format_path, parse_path, read
from actions_core.values.types import MISSING
from tests.trials import examples

KEYS = st.sampled_from(["a", "b c", "x-y", "is.on", "0", "12", "length", "it's", 'say "x"', "[", "ü", "$"])


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        (".", ()),
        ("$.", ()),
        ("$", ("$",)),
        ("$.a.b", ("a", "b")),
        ("a[0].b", ("a", "0", "b")),
        ("a['b c'][\"d.e\"]", ("a", "b c", "d.e")),
        ("first-name.last name", ("first-name", "last name")),
        ("[abc]", ("[abc]",)),
        ("a..b", ("a", "b")),
    ],
)
def test_a_path_is_read_into_its_steps(text: str, steps: tuple[str, ...]) -> None:
    """Keys stand after dots or quoted in brackets, indexes in brackets; no step is the whole event."""
    assert parse_path(text) == steps


@given(st.lists(KEYS, min_size=1, max_size=5).map(tuple))
@settings(deadline=None, max_examples=examples(200))
def test_what_is_written_reads_as_the_same_steps(steps: tuple[str, ...]) -> None:
    """The text of a path leads along the steps that it was made of."""
    assert parse_path(format_path(steps)) == steps


def test_a_step_is_added_in_its_plainest_spelling() -> None:
    """A key stands bare where it can, an index in brackets, anything else quoted."""
    text = ""
    for step in ("properties", "items", "0", "is.on", "it's"):
        text = add_step(text, step)
    assert text == "properties.items[0]['is.on'][\"it's\"]"
    assert (add_step("", "0"), add_step("", "$"), add_step("a", "01")) == ("0", "['$']", "a.01")


@pytest.mark.parametrize(
    ("value", "steps", "found"),
    [
        ({"a": {"b": 1}}, ("a", "b"), 1),
        ({"a": None}, ("a", "b", "c"), None),
        ({"a": 0}, ("a", "b"), 0),
        ({"a": False}, ("a", "b"), False),
        ({"a": ""}, ("a", "length"), ""),
        ({"a": 5}, ("a", "b"), MISSING),
        ({"a": True}, ("a", "b"), MISSING),
        ({}, ("a", "b"), MISSING),
        ([], ("length",), 0),
        (["x"], ("0",), "x"),
        (["x"], ("1",), MISSING),
        (["x"], ("-1",), MISSING),
        (["x"], ("00",), MISSING),
        (["x"], ("9" * 5000,), MISSING),
        ("abc", ("length",), 3),
        ("a😀", ("length",), 3),
        ("abc", ("1",), "b"),
        ("abc", ("upper",), MISSING),
        ({"a": 1}, ("__class__",), MISSING),
        ({"a": 1}, ("length",), MISSING),
        ({"length": 1}, ("length",), 1),
    ],
)
def test_a_step_finds_data_only(value: Any, steps: tuple[str, ...], found: Any) -> None:
    """Keys, items, characters and lengths can be reached; nothing of Python can."""
    got = read(value, steps)
    assert got is found if isinstance(found, bool) or found is None else got == found


VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2.5, "", "x", "abc"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def escaped(step: str) -> str:
    """A key as FQL writes it."""
    return "".join(char if char.isalnum() or char == "_" else f"\\{char}" for char in step)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.lists(KEYS, min_size=1, max_size=4))
@settings(deadline=None, max_examples=examples(300))
def test_mappings_and_subscriptions_find_the_same(properties: dict[str, Any], keys: list[str]) -> None:
    """What a mapping finds at a path is what a condition on that path compares."""
    event = {"type": "track", "properties": properties}
    path = ("properties", *keys)
    value = compile_mapping({"v": {"@path": format_path(path)}}).resolve(event).get("v")
    assert value == (None if (found := read(event, path)) is MISSING else found)
    condition: Condition = parse_fql(f"{'.'.join(map(escaped, path))} = null")
    assert condition.matches(event) is (value is None)
