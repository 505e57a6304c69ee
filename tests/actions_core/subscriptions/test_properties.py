"""Rules that hold for every condition and every event, tried on random ones from FQL's own words."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.errors import FqlError
from actions_core.subscriptions import (
    Comparison,
    Condition,
    Group,
    Negation,
    Term,
    generate_fql,
    never_matches,
    normal_form,
    parse_fql,
    same_meaning,
)
from actions_core.subscriptions.compiler import evaluate
from actions_core.values.events import EVENT_TYPES
from tests.trials import examples

KEYS = ["a", "b", "length", "0", "first-name", "last name", "is.active", "ünïcode", "and", '"', "\\"]
TEXTS = [
    "",
    "track",
    "page",
    "a",
    "ab",
    "b",
    "null",
    "true",
    "5",
    "1e+21",
    "it's",
    'say "x"',
    "\\",
    "\n",
    "😀",
    "\ud800",
]
NUMBERS = [0, 1, -1, 5, 5.5, -0.5, 1e21, 1e-7, 10**20, 2**53 + 1]
WORDS = [
    *[
        "type",
        "event",
        "name",
        "userId",
        "properties.a",
        "properties.a\\-b",
        "traits",
        "context.page.path",
        "foo",
        ".",
    ],
    *[
        "=",
        "!=",
        "==",
        "<",
        "<=",
        ">",
        ">=",
        "!",
        "(",
        ")",
        ",",
        "and",
        "or",
        "AND",
        "not",
        "contains",
        "match",
    ],
    *[
        '"x"',
        "'x'",
        '"x*"',
        '"*x"',
        '"*"',
        '"',
        "'",
        "null",
        "true",
        "false",
        "5",
        "-1",
        "1e21",
        "1e999",
        "\\",
        "é",
    ],
]
QUICK = settings(deadline=None, derandomize=True, max_examples=examples(150))

values = st.recursive(
    st.sampled_from([None, True, False, *NUMBERS, *TEXTS]) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)
fields = ["type", "event", "name", "userId", "properties", "traits", "context"]
events = st.dictionaries(st.sampled_from(fields), values, max_size=5)
paths = st.one_of(
    st.sampled_from([("type",), ("event",), ("name",), ("userId",)]),
    st.tuples(st.sampled_from(["properties", "traits", "context"]), st.sampled_from(KEYS)),
    st.tuples(st.just("properties"), st.sampled_from(KEYS), st.sampled_from(KEYS)),
)
literals = st.sampled_from([None, True, False, *NUMBERS, *TEXTS])
relations = st.builds(Comparison, paths, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), literals)
functions = st.builds(
    Comparison,
    paths,
    st.builds(
        str.__add__, st.sampled_from(["", "not_"]), st.sampled_from(["contains", "starts_with", "ends_with"])
    ),
    st.sampled_from(TEXTS),
)
terms: st.SearchStrategy[Term] = st.recursive(
    relations | functions,
    lambda inner: (
        st.builds(Negation, inner)
        | st.builds(Group, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=4))
    ),
    max_leaves=8,
)


@QUICK
@given(
    st.text()
    | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
    | st.lists(st.sampled_from(WORDS)).map("".join)
)
def test_any_text(text: str) -> None:
    """Any text is either a condition or an `FqlError` whose position lies inside the text."""
    condition: Condition | None = None
    fault: FqlError | None = None
    try:
        condition = parse_fql(text)
    except FqlError as error:
        fault = error
    if condition is not None:
        assert parse_fql(generate_fql(condition)) == condition
    else:
        assert fault is not None
        assert 0 <= fault.position <= len(text)
        assert "expected" in str(fault)


@QUICK
@given(terms, events)
def test_verdicts_agree(term: Term, event: dict[str, Any]) -> None:
    """The compiled function, the walk over the tree and the trace say the same, whatever the event holds."""
    condition = Condition(term)
    verdict = condition.matches(event)
    assert verdict is evaluate(term, event)
    assert verdict is condition.trace(event).matched


@QUICK
@given(terms, events)
def test_written_text_means_the_same(term: Term, event: dict[str, Any]) -> None:
    """What `generate_fql` writes parses to a condition with the same verdict, and is stable from then on."""
    condition = Condition(term)
    text = generate_fql(condition)
    again = parse_fql(text)
    assert again.matches(event) is condition.matches(event)
    assert generate_fql(again) == text
    assert same_meaning(condition, again)


@QUICK
@given(terms, events, st.sampled_from(EVENT_TYPES))
def test_never_is_certain(term: Term, event: dict[str, Any], kind: str) -> None:
    """A condition that is said never to match matches no event."""
    condition = Condition(term)
    if condition.matches({**event, "type": kind}):
        assert not never_matches(condition)


@QUICK
@given(terms, terms, events)
def test_same_meaning_is_certain(first: Term, second: Term, event: dict[str, Any]) -> None:
    """Conditions that are said to mean the same give the same verdict, terms turned around too."""
    one, two = Condition(Group("and", [first, second])), Condition(Group("and", [second, first, second]))
    assert same_meaning(one, two)
    assert one.matches(event) is two.matches(event)
    denied = Condition(Negation(Group("or", [Negation(second), Negation(first)])))
    assert same_meaning(one, denied)
    assert one.matches(event) is denied.matches(event)


@QUICK
@given(st.lists(relations | functions, min_size=10, max_size=10), events)
def test_same_comparisons_agree(comparisons: list[Term], event: dict[str, Any]) -> None:
    """Comparisons of one normal form give one verdict."""
    verdicts: dict[object, bool] = {}
    for condition in map(Condition, comparisons):
        verdict = condition.matches(event)
        assert verdicts.setdefault(normal_form(condition), verdict) is verdict
