"""Hostile mappings and events: refused plainly or carried unharmed, and never slow."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core import MISSING, compile_mapping, validate_mapping
from actions_core.errors import MappingError
from actions_core.mapping.directives import DIRECTIVES
from tests.timing import takes_at_most
from tests.trials import examples

DEPTH = 100_000


def nested(kind: str) -> Any:
    """A value in a hundred thousand lists or objects."""
    value: Any = 1
    for _ in range(DEPTH):
        value = [value] if kind == "list" else {"a": value}
    return value


DEEP = {kind: nested(kind) for kind in ("list", "object")}

READERS: list[Any] = [
    {"@path": "a"},
    {"@template": "{{a}}"},
    {"@json": {"mode": "encode", "value": {"@path": "a"}}},
    {"@flatten": {"value": {"@path": "a"}, "separator": "."}},
    {"@excludeWhenNull": {"@path": "a"}},
    {"@if": {"blank": {"@path": "a"}, "then": 1}},
    {"@case": {"operator": "lower", "value": {"@path": "a"}}},
    {"@replace": {"pattern": "a", "value": {"@path": "a"}}},
    {"@arrayPath": ["a", {"v": {"@path": "a"}}]},
    {"@merge": {"objects": [{"@path": "a"}], "direction": "left"}},
    {"@transform": {"apply": {"@path": "a"}, "mapping": {"v": {"@path": "a"}}}},
    {"@jmespath": "a"},
    {"@jmespath": "a[][]"},
    {"@jmespath": "[a, a]"},
    {"@jmespath": "to_string(a)"},
    {"@jmespath": "a == a"},
    {"@liquid": "{{ a }}"},
    {"@liquid": "{{ a | json }}{{ a | sum }}"},
    {"@liquid": "{% if a == a %}x{% endif %}"},
]


def assert_too_deep(error: MappingError) -> None:
    """The one reason for which a deep event may be refused."""
    assert "nested too deeply" in str(error)


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("reader", READERS, ids=json.dumps)
def test_deep_events(reader: Any, kind: str) -> None:
    """An event a hundred thousand levels deep is carried or refused by every directive."""
    mapping = compile_mapping({"v": reader})
    try:
        mapping.resolve({"a": DEEP[kind]})
    except MappingError as error:
        assert_too_deep(error)


@pytest.mark.parametrize("kind", DEEP)
def test_deep_mappings(kind: str) -> None:
    """A mapping a hundred thousand levels deep is refused, and so is one that holds itself."""
    circle: dict[str, Any] = {}
    circle["a"] = circle
    for value in (DEEP[kind], circle):
        assert any("deep" in problem.message for problem in validate_mapping({"x": value}))
    with pytest.raises(MappingError):
        compile_mapping(circle)


def nest(times: int, around: Callable[[Any], Any], path: str = "a") -> Any:
    """A directive put into itself."""
    value: Any = {"@path": path}
    for _ in range(times):
        value = around(value)
    return value


DOUBLE = {"a": {"@path": ""}, "b": {"@path": ""}}
GROWING = [
    nest(15, lambda inner: {"@replace": {"pattern": "a", "replacement": "a" * 10, "value": inner}}),
    {"@replace": {"pattern": "a", "replacement": "$`$`$`$`$`", "value": {"@path": "long"}}},
    nest(
        20, lambda inner: {"@transform": {"apply": {"a": inner}, "mapping": {"@template": "{{a}}{{a}}{{a}}"}}}
    ),
    nest(
        20,
        lambda inner: {
            "@transform": {"apply": {"@transform": {"apply": inner, "mapping": DOUBLE}}, "mapping": DOUBLE}
        },
    ),
    nest(30, lambda inner: {"@arrayPath": [inner, DOUBLE]}, "o"),
    {"@template": {"@template": "{{long}}{{long}}{{long}}" * 50}},
]


@pytest.mark.parametrize("value", GROWING, ids=range(len(GROWING)))
def test_growth_is_stopped(value: Any) -> None:
    """Directives that multiply their text or their data at every level fail soon."""
    mapping = compile_mapping({"v": value})
    with takes_at_most(5), pytest.raises(MappingError, match="makes"):
        mapping.resolve({"a": "a", "long": "a" * 32_000, "o": {"x": 1}})


@pytest.mark.parametrize("text", ["{{" * 50_000, "{" * 100_000 + "}}}" + "{{a}" * 20_000, "{{a}}" * 20_000])
def test_braces_without_end(text: str) -> None:
    """A template is read in one pass, however many braces it has."""
    with takes_at_most(8):
        for mapping in ({"v": {"@template": {"@path": "t"}}}, {"v": {"@template": text}}):
            compile_mapping(mapping).resolve({"a": 1, "t": text})


def test_large_mappings() -> None:
    """Size alone does not break a mapping."""
    many = {f"k{number}": {"@path": f"a.b{number}"} for number in range(5000)}
    assert compile_mapping(many).resolve({"a": {"b7": 1}}) == {"k7": 1}
    big = {"list": list(range(50_000)), "v": {"@path": ".".join(["a"] * 50_000)}}
    assert compile_mapping(big).resolve({"a": 0}) == {**big, "v": 0}
    loops: Any = {"@path": "x"}
    for _ in range(30):
        loops = {"@arrayPath": ["a", {"a": loops}]}
    assert compile_mapping({"v": loops}).resolve({"a": [{"a": 5}]}) == {"v": [{"a": 5}]}


ODD = {
    "huge": 10**5000,
    "nan": math.nan,
    "inf": math.inf,
    "high": "\ud800",
    "\udfff": "low",
    "nul\x00": "\x00",
    "__proto__": {"polluted": True},
    "quote'\"\\\n{}": "'\"\\\n{}",
}


def test_odd_values_are_carried() -> None:
    """Numbers, characters and keys that break other programs pass through mappings and events."""
    mapping = compile_mapping(
        {
            "all": {"@path": ""},
            **ODD,
            "t": {"@template": "{{huge}} {{nan}} {{inf}} {{high}} {{nul\x00}} \ud800'\"\\"},
            "j": {"@json": {"mode": "encode", "value": {"@path": "high"}}},
            "l": {"@liquid": "{{ huge | plus: 1 }} {{ nan }} {{ high }} {{ high | url_encode }}"},
            "p": {"@path": "['quote\\'\"']"},
        }
    )
    result = mapping.resolve(ODD)
    assert isinstance(result, dict)
    assert result["all"] is ODD
    assert result["__proto__"] == {"polluted": True}
    assert result["t"] == "Infinity NaN Infinity \ud800 \x00 \ud800'\"\\"
    assert result["j"] == '"\\ud800"'
    assert result["l"] == "Infinity NaN \ud800 %3F"


NAMES = st.sampled_from(
    [*DIRECTIVES, "@nope", "@", "_metadata", "a", "b", "", "__segment_internal_directive"]
)
OPTIONS = st.sampled_from(
    [
        *("value", "exists", "blank", "then", "else", "operator", "pattern", "replacement", "ignorecase"),
        *("global", "pattern2", "replacement2", "separator", "omitArrays", "mode", "objects", "direction"),
        *("apply", "mapping", "@path", "@literal", "a"),
    ]
)
SCALARS = st.sampled_from(
    [
        *(
            None,
            True,
            False,
            0,
            5,
            -1.5,
            1e21,
            "",
            "a",
            "$.a.b[0]",
            "['a b'].c",
            "[",
            "{{a}}",
            "{{{b}}} {{",
            "lower",
        ),
        *(
            "encode",
            "decode",
            "left",
            "right",
            ".",
            "{{ a | upcase }}",
            "{% if a %}x{% endif %}",
            "{% for",
            "a.b",
        ),
        *("a[?b].c", "[a, b]", "(1..9)", "{{ (1..9) | join: b }}", "@", "$", "0"),
    ]
)
MAPPINGS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES, inner, min_size=1, max_size=1)
        | st.dictionaries(NAMES, st.dictionaries(OPTIONS, inner, max_size=4), min_size=1, max_size=2)
        | st.dictionaries(OPTIONS, inner, max_size=3)
    ),
    max_leaves=15,
)
EVENTS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "a b", ""]),
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


@settings(deadline=None, derandomize=True, max_examples=examples(400))
@given(MAPPINGS, EVENTS)
def test_random_mappings(mapping: Any, event: dict[str, Any]) -> None:
    """Whatever stands in a mapping, it is refused or runs: no other error, and nothing is changed."""
    before = json.dumps([mapping, event])
    problems = validate_mapping(mapping)
    faults = [problem for problem in problems if problem.severity == "error"]
    if faults:
        with pytest.raises(MappingError) as caught:
            compile_mapping(mapping)
        assert list(caught.value.problems) == faults
        return
    compiled = compile_mapping(mapping)
    assert compiled.warnings == tuple(problems)
    assert all(isinstance(key, str) for key in compiled.keys())  # noqa: SIM118  # a method of its own
    traces = compiled.trace(event)
    failed = any(trace.error is not None for trace in traces)
    if failed:
        with pytest.raises(MappingError):
            compiled.resolve(event)
    else:
        result = compiled.resolve(event)
        assert compiled.resolve(event) == result
        traced = {trace.field: trace.value for trace in traces if trace.value is not MISSING}
        assert traced == (result if isinstance(result, dict) else {} if result is MISSING else {"": result})
    assert json.dumps([mapping, event]) == before
