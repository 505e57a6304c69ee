"""`@jmespath`: plain paths at the price of a path, all else within bounds."""

from __future__ import annotations

import time
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core import MISSING, compile_mapping
from actions_core.errors import MappingError
from actions_core.mapping.jmespath_bounded import parse

NAMES = st.sampled_from(["a", "b", "c", '"a b"', '"ü"', "length", "keys"])
VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2.5, "", "text"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", "c", "a b", "ü", "length", "keys"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(deadline=None, derandomize=True)
@given(st.lists(NAMES, min_size=1, max_size=4).map(".".join), st.dictionaries(st.sampled_from("abc"), VALUES))
def test_plain_paths(path: str, event: dict[str, Any]) -> None:
    """A path of names and dots runs without JMESPath, and gives what that gives; null is missing."""
    parsed = parse(path)
    assert not isinstance(parsed, str)
    assert parsed.fields
    expected = jmespath.search(path, event)
    assert compile_mapping({"v": {"@jmespath": path}}).resolve(event) == (
        {} if expected is None else {"v": expected}
    )


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a.b[0]", 1),
        ("a.b[-1]", 2),
        ("a.b | length(@)", 2),
        ("a.c || d", "x"),
        ("a.b[?@ > `1`]", [2]),
        ("{k: a.b[0], n: nope}", {"k": 1, "n": None}),
        ("to_string(a)", '{"b":[1,2]}'),
        ("nope", MISSING),
        ("a.b.c", MISSING),
        ("`null`", MISSING),
        ("`false`", False),
        ("@", {"a": {"b": [1, 2]}, "d": "x"}),
    ],
)
def test_expressions(expression: str, value: Any) -> None:
    """Everything that JMESPath can say is understood."""
    result = compile_mapping({"v": {"@jmespath": expression}}).resolve({"a": {"b": [1, 2]}, "d": "x"})
    assert result == ({} if value is MISSING else {"v": value})


@pytest.mark.parametrize(
    "expression", ["", "a..b", "a[", "nosuch(a)", "length(a, b)", "(" * 5000 + "a" + ")" * 5000]
)
def test_bad_expressions(expression: str) -> None:
    """What cannot be parsed is refused at load; what can only be seen to fail when it runs, then."""
    with pytest.raises(MappingError):
        compile_mapping({"v": {"@jmespath": expression}}).resolve({})


@pytest.mark.parametrize("expression", ["sum(a)", "length(b)", "a < b | nosuch(@)", "join(a, b)"])
def test_expressions_that_fail(expression: str) -> None:
    """A function that gets what it cannot use fails for that event."""
    with pytest.raises(MappingError, match=r"\$\.v\.@jmespath"):
        compile_mapping({"v": {"@jmespath": expression}}).resolve({"a": "x", "b": 1})


@pytest.mark.parametrize(
    "expression",
    [
        " | ".join(["[@,@][]"] * 40),
        "[s,s] | " + " | ".join(["[join('',@),join('',@)]"] * 40),
        " | ".join(["[@,@]"] * 40) + " | to_string(@)",
        " | ".join(["[@,@]"] * 40),
        "(" + " | ".join(["[@,@]"] * 40) + ") == (" + " | ".join(["{a:@,b:@}"] * 40) + ")",
    ],
)
def test_growth_is_stopped(expression: str) -> None:
    """An expression that doubles its data again and again fails soon."""
    mapping = compile_mapping({"v": {"@jmespath": expression}})
    started = time.monotonic()
    with pytest.raises(MappingError, match="makes more than|takes longer"):
        mapping.resolve({"s": "abc"})
    assert time.monotonic() - started < 3
