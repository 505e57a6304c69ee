"""Conditions as rows: what they show, what they say, and what they leave as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions_core.apps.console.conditions import (
    ASKING,
    COMPARING,
    FIELDS,
    Row,
    Rows,
    condition_of,
    faults_of,
    in_words,
    operators_of,
    read_rows,
    rows_of,
    summary,
    text_of,
    trace_lines,
)
from actions_core.errors import DefinitionError
from actions_core.subscriptions import Comparison, Condition, Group, Negation, parse_fql, same_meaning

SHOWN = {
    'type = "track"': Rows("all", ((Row("type", "", "=", "track"),),)),
    'type = "track" and properties.price >= 5': Rows(
        "all", ((Row("type", "", "=", "track"),), (Row("properties", "price", ">=", "5", number=True),))
    ),
    'type = "track" and (event = "A" or match(event, "B*"))': Rows(
        "all",
        (
            (Row("type", "", "=", "track"),),
            (Row("event", "", "=", "A"), Row("event", "", "starts_with", "B")),
        ),
    ),
    'type = "page" or type = "track" and event != "A"': Rows(
        "any",
        ((Row("type", "", "=", "page"),), (Row("type", "", "=", "track"), Row("event", "", "!=", "A"))),
    ),
    'properties.items.0.sku\\ id = "5"': Rows("all", ((Row("properties", "items[0].sku id", "=", "5"),),)),
    "traits.a = null and traits.b != null": Rows(
        "all", ((Row("traits", "a", "missing"),), (Row("traits", "b", "exists"),))
    ),
    "context.a = true and context.b != false": Rows(
        "all", ((Row("context", "a", "true"),), (Row("context", "b", "not_false"),))
    ),
    "userId != null": Rows("all", ((Row("userId", "", "exists"),),)),
}


@pytest.mark.parametrize("text", SHOWN)
def test_rows_and_text_follow_each_other(text: str) -> None:
    """A condition of two levels is shown as rows, and the rows give the same text again."""
    assert read_rows(text) == SHOWN[text]
    assert text_of(SHOWN[text]) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('type = "a" and (event = "b" or (event = "c" and name = "d"))', "parentheses inside parentheses"),
        ('!(type = "a")', "a ! before parentheses"),
        ("event = null", "'event name is null', which rows cannot show"),
        ("properties.price < true", "'property is less than true'"),
        ('properties.price < "5"', "'property is less than \"5\"'"),
        ("event =", "expected text in quotes"),
        ("properties.\\ a = 1", "unusual characters"),
    ],
)
def test_what_rows_cannot_show_says_so(text: str, why: str) -> None:
    """A condition that rows cannot show, or that is faulty, gives a sentence instead of rows."""
    found = read_rows(text)
    assert isinstance(found, str)
    assert why in found


def test_groups_of_one_and_of_the_same_kind_are_flat() -> None:
    """Parentheses that change nothing are left out of the rows."""
    found = read_rows('type = "a" and (event = "b" and (name = "c"))')
    assert isinstance(found, Rows)
    assert [len(block) for block in found.blocks] == [1, 1, 1]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (Row("properties", "", "=", "a"), "name the property, such as price"),
        (Row("properties", "price", ">", "cheap"), "needs a number"),
        (Row("properties", "price", ">", "true"), "needs a number"),
        (Row("properties", "price", "=", "1 and type = 2", number=True), "needs a number"),
        (Row("event", "", "contains", ""), "needs a text"),
        (Row("event", "", "starts_with", "a*"), "contains a *"),
        (Row("event", "", "=", "'\""), "both kinds of quotes"),
    ],
)
def test_a_row_that_is_not_finished_has_its_own_fault(row: Row, why: str) -> None:
    """Every faulty row is told with its place, and no text is made of the rows."""
    rows = Rows("all", ((Row("type", "", "=", "track"),), (Row(), row)))
    assert why in faults_of(rows)[1, 1]
    assert set(faults_of(rows)) == {(1, 1)}
    with pytest.raises(DefinitionError, match="not finished") as raised:
        condition_of(rows)
    assert [problem.path for problem in raised.value.problems] == ["$[1][1]"]


def test_no_rows_are_no_condition() -> None:
    """Without a row there is nothing to say."""
    with pytest.raises(DefinitionError, match="at least one row"):
        text_of(Rows())


def test_each_field_offers_what_can_be_said_of_it() -> None:
    """Orders and true or false are for keys only, and what is always text always exists."""
    assert set(operators_of("type")) == set(COMPARING) - {"<", "<=", ">", ">="}
    assert {"exists", "missing"} == set(operators_of("userId")) - set(operators_of("type"))
    assert set(operators_of("properties")) == {*COMPARING, *ASKING}


def test_a_trace_is_told_line_by_line() -> None:
    """Each verdict has its depth, its words and the value that was found."""
    condition = parse_fql('type = "track" and (event = "A" or !(properties.price > 5))')
    event = {"type": "track", "event": "B", "properties": {"price": 9}}
    lines = list(trace_lines(condition.trace(event)))
    assert [(line.depth, line.matched, line.words) for line in lines] == [
        (0, False, "All of these"),
        (1, True, 'Event type is "track"'),
        (1, False, "Any of these"),
        (2, False, 'Event name is "A"'),
        (2, False, "Not this"),
        (3, True, "Property price is greater than 5"),
    ]
    assert [line.found for line in lines if line.is_leaf] == ["track", "B", 9]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("traits.plan != null", "Trait plan exists"),
        ('type = "a" and event = "b"', 'Event type is "a" and Event name is "b"'),
        ('type = "a" or event = "b"', 'Event type is "a" or Event name is "b"'),
        ('type = "a" and (event = "b" or event = "c")', "3 conditions"),
        ("broken", "broken"),
    ],
)
def test_a_summary_is_one_line(text: str, words: str) -> None:
    """A short condition is told in words, a long one as it is written."""
    assert words in summary(text)


FIELD_PATHS = st.one_of(
    st.sampled_from([("type",), ("event",), ("name",), ("userId",)]),
    st.tuples(
        st.sampled_from(["properties", "traits", "context"]),
        st.sampled_from(["a", "0", "b c", "d.e", "[]", "$", "'", '"', "ü", " ", "length"]),
    ),
)
VALUES = st.sampled_from(["", "track", "5", "true", "it's", 5, -1.5, 1e21, 10**20, True, False, None])
LEAVES = st.builds(Comparison, FIELD_PATHS, st.sampled_from(["=", "!=", "<", ">="]), VALUES) | st.builds(
    Comparison, FIELD_PATHS, st.sampled_from(["contains", "not_starts_with"]), st.sampled_from(["", "a", "5"])
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Group, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3))
        | st.builds(Negation, inner)
    ),
    max_leaves=8,
)


@given(TREES)
def test_rows_never_change_what_a_condition_means(tree: Comparison | Group | Negation) -> None:
    """Whatever can be shown as rows means the same when it is read back; all the rest gives a sentence."""
    condition = Condition(tree)
    found = rows_of(condition)
    if isinstance(found, str):
        assert found
        return
    faults = faults_of(found)
    if faults:
        # Empty text parts: FQL reads them, a person should not write them.
        assert all("needs a" in fault for fault in faults.values())
        return
    assert same_meaning(condition_of(found), condition)
    assert read_rows(text_of(found)) == found
    assert all(in_words(comparison).startswith(tuple(FIELDS.values())) for comparison in _leaves(tree))


def _leaves(tree: Comparison | Group | Negation) -> list[Comparison]:
    if isinstance(tree, Comparison):
        return [tree]
    if isinstance(tree, Negation):
        return _leaves(tree.term)  # type: ignore[arg-type]  # conditions of filters are not made here
    return [leaf for term in tree.terms for leaf in _leaves(term)]  # type: ignore[arg-type]  # as above
