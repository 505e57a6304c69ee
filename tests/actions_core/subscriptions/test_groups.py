"""How conditions join: precedence, parentheses, negation."""

from __future__ import annotations

from itertools import product

import pytest

from actions_core.errors import DefinitionError
from actions_core.subscriptions import Comparison, Condition, Group, Negation, generate_fql, parse_fql
from actions_core.subscriptions.terms import MAX_DEPTH, Term

A, B, C = (f"properties.{name} = true" for name in "abc")
FUNCTION = 'contains(event, "x")'


@pytest.mark.parametrize(
    ("fql", "same"),
    [
        (f"{A} and {B} or {C}", "(a and b) or c"),
        (f"{A} or {B} and {C}", "a or (b and c)"),
        (f"({A} or {B}) and {C}", "(a or b) and c"),
        (f"{A} and ({B} or {C})", "a and (b or c)"),
        (f"(({A})) and ((({B}) or ({C})))", "a and (b or c)"),
        (f"!({A}) and {B}", "(not a) and b"),
        (f"!({A} and {B}) or {C}", "(not (a and b)) or c"),
        (f"!(!({A}) or {B} and !({C}))", "not ((not a) or (b and not c))"),
        (f"{A} AND {B} Or {C}", "(a and b) or c"),
        (f"{A}\n\tand\u00a0{B}", "a and b"),
    ],
)
def test_precedence(fql: str, same: str) -> None:
    """`and` binds tighter than `or`; parentheses and negation hold for what stands inside."""
    condition = parse_fql(fql)
    for a, b, c in product([True, False], repeat=3):
        right = eval(same, {}, {"a": a, "b": b, "c": c})  # noqa: S307 - the expressions stand above
        assert condition.matches({"properties": {"a": a, "b": b, "c": c}}) is right, (a, b, c)


def test_parentheses_around_functions() -> None:
    """A function call inside a group takes part in it like any comparison."""
    condition = parse_fql(f'type = "track" and ({FUNCTION} or event = "y") and (!match(name, "a*"))')
    assert condition.matches({"type": "track", "event": "ax", "name": "b"})
    assert not condition.matches({"type": "track", "event": "a", "name": "b"})
    assert not condition.matches({"type": "track", "event": "y", "name": "a"})


def test_tree() -> None:
    """The tree says what the text says; parentheses that change nothing leave no trace in it."""
    tree = parse_fql('((type = "track")) and (event != null or !match(properties.a\\-b, "x*"))').tree
    assert tree == Group(
        "and",
        [
            Comparison(["type"], "=", "track"),
            Group(
                "or",
                [
                    Comparison(["event"], "!=", None),
                    Comparison(["properties", "a-b"], "not_starts_with", "x"),
                ],
            ),
        ],
    )


def test_equality_and_hash() -> None:
    """Conditions with equal trees are equal, whatever their blanks and parentheses."""
    one, two = parse_fql('type="a"  and (event = 5)'), parse_fql('(type = "a" and event = 5)')
    assert one == two
    assert hash(one) == hash(two)
    assert one != parse_fql('type = "a" or event = 5')


def test_tree_by_hand() -> None:
    """A tree made by hand runs, and is written like one that was parsed."""
    condition = Condition(Negation(Group("or", (Comparison(("name",), "ends_with", "!"),))))
    assert condition.matches({"name": "x"})
    assert not condition.matches({"name": "x!"})
    assert str(condition) == generate_fql(condition) == '!(match(name, "*!"))'


@pytest.mark.parametrize(
    ("path", "operator", "value"),
    [
        ((), "=", 1),
        (("properties", ""), "=", 1),
        (("properties",), "=", 1),
        (("event", "x"), "=", 1),
        (("foo",), "=", 1),
        (("properties", *["a"] * 100), "=", 1),
        (("event",), "~", 1),
        (("event",), "contains", 1),
        (("event",), "starts_with", "a*"),
        (("event",), "=", "both \" and '"),
        (("event",), "=", float("nan")),
        (("event",), "=", float("inf")),
        (("event",), "=", 10**400),
        (("event",), "=", []),
    ],
)
def test_faulty_comparison(path: tuple[str, ...], operator: str, value: object) -> None:
    """A comparison that FQL cannot say cannot be made by hand either."""
    with pytest.raises(DefinitionError):
        Comparison(path, operator, value)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(("operator", "terms"), [("and", []), ("xor", [Comparison(["name"], "=", 1)])])
def test_faulty_group(operator: str, terms: list[Term]) -> None:
    """A group joins at least one term by `and` or `or`."""
    with pytest.raises(DefinitionError):
        Group(operator, terms)  # type: ignore[arg-type]  # wrong on purpose


def test_depth_is_bounded() -> None:
    """A tree nests as deep as is promised and no deeper, and all of it works at that depth."""
    term: Term = Comparison(["properties", "a", "b", "c", "d", "e", "f", "g"], "!=", 1)
    for _ in range(MAX_DEPTH // 2):
        term = Negation(Group("and", [term, Comparison(["name"], "=", "n")]))
    condition = Condition(term)
    assert condition.matches({"name": "n"}) is condition.trace({"name": "n"}).matched
    assert parse_fql(str(condition)) == condition
    with pytest.raises(DefinitionError, match="nest deeper"):
        Negation(term)
