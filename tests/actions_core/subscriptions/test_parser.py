"""What is not FQL, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions_core.errors import FqlError
from actions_core.subscriptions import parse_fql
from actions_core.subscriptions.parser import MAX_LENGTH, parse_filter

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.subscriptions.condition import Condition

FAULTS = [
    ("", 0, "expected a field (type, event", "found the end"),
    (" \n ", 3, "expected a field", "found the end"),
    ("type", 4, "expected =, !=, <, <=, > or >= after 'type'", "the end"),
    ("type =", 6, "expected text in quotes, a number, true, false or null", "the end"),
    ("type = NULL", 7, "expected text in quotes", "found 'NULL"),
    ('type = "x', 7, "expected text in quotes", "text that is never closed"),
    ("type = 'x\"", 7, "expected text in quotes", "text that is never closed"),
    ('type ~ "x"', 5, "expected =, !=", 'found \'~ "x"'),
    ('type <> "x"', 6, "expected text in quotes", "found '>"),
    ('foo = "bar"', 0, "expected a field", "found 'foo"),
    ('type = "track" and foo = "bar"', 19, "expected a field", "found 'foo"),
    ('userid = "x"', 0, "expected a field", "did you mean 'userId'?"),
    ('user_id = "x"', 0, "expected a field", "did you mean 'userId'?"),
    ('property.a = "x"', 0, "expected a field", "did you mean 'properties'?"),
    ('Contains(event, "x")', 0, "expected a field", "did you mean 'contains'?"),
    ("properties = 1", 0, "expected a key below properties", "found 'properties"),
    ("properties. = 1", 11, "expected a key after the dot", "found nothing"),
    ("properties.a..b = 1", 13, "expected a key after the dot", "found '.b"),
    ("event.x = 1", 0, "expected event alone", "found 'event.x"),
    ("properties.$a = 1", 11, "expected a key after the dot", "found nothing"),
    ("properties.a:b = 1", 12, "expected =, !=", "found ':b = 1"),
    ('type = "a" type = "b"', 11, "expected and, or, or the end", "found 'type"),
    ('type = "a" and', 14, "expected a field", "found the end"),
    ('and type = "a"', 0, "expected a field", "found 'and"),
    ('type = "a" && event = "b"', 11, "expected and, or, or the end", "found '&&"),
    ('(type = "a"', 11, "expected and, or, or ) for the ( at position 0", "found the end"),
    ('(type = "a"))', 12, "expected and, or, or the end", "found ')"),
    ("()", 1, "expected a field", "found ')"),
    ('!type = "a"', 1, "expected contains, match or ( after !", "found 'type"),
    ('!!contains(event, "a")', 1, "expected contains, match or ( after !", "found '!"),
    ('not type = "a"', 0, "expected a field", "found 'not"),
    ('contains event, "a"', 9, "expected ( after contains", "found 'event"),
    ('contains("a", event)', 9, "expected a field", 'found \'"a"'),
    ("contains(event)", 14, "expected a comma after the field", "found ')"),
    ("contains(event, x)", 16, "expected text in quotes", "found 'x"),
    ('contains(event, "a", "b")', 19, "expected ) after the text of contains", "found ',"),
    ('match(event, "a")', 13, "expected text with one *", 'found \'"a"'),
    ('match(event, "")', 13, "expected text with one *", 'found \'""'),
    ('match(event, "*a*")', 13, "expected text with one *", "contains finds text in the middle"),
    ('match(event, "a*b")', 13, "expected text with one *", 'found \'"a*b"'),
    ("match(event, 5)", 13, "expected text with one *", "found '5"),
    ("properties.a = 1e999", 15, "expected a number within the range of JSON", "found '1e999"),
    ("properties.a = 5.", 16, "expected and, or, or the end", "found '."),
    ("properties.a = .5", 15, "expected text in quotes, a number", "found '.5"),
    ("properties.a = 0x10", 16, "expected and, or, or the end", "found 'x10"),
    ('properties.a in ["a"]', 13, "expected =, !=", "found 'in"),
    ('type = "a" # why', 11, "expected and, or, or the end", "found '# why"),
]


@pytest.mark.parametrize(("fql", "position", "expected", "found"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_fault(fql: str, position: int, expected: str, found: str) -> None:
    """A faulty text is refused with the position, what was expected there and what was found."""
    with pytest.raises(FqlError) as caught:
        parse_fql(fql)
    assert caught.value.position == position
    assert caught.value.text == fql
    assert expected in caught.value.message
    assert found in caught.value.message
    assert str(caught.value).endswith(f" at position {position}")


@pytest.mark.parametrize("value", [None, 5, b"type", ["type"], {}])
def test_no_text(value: object) -> None:
    """Anything but text is refused like faulty text."""
    with pytest.raises(FqlError, match="expected a string, but found a Python"):
        parse_fql(value)  # type: ignore[arg-type]  # wrong on purpose


def filled(before: str, piece: str, middle: str, after: str = "", end: str = "") -> str:
    """Return the longest text with a beginning, pieces, a middle, as many pieces after it, and an end."""
    count = (MAX_LENGTH - len(before) - len(middle) - len(end)) // len(piece + after)
    return before + piece * count + middle + after * count + end


@pytest.mark.parametrize(
    ("fql", "message"),
    [
        (filled("", "(", ""), "found the end"),
        (filled("", "!", ""), "after !"),
        (filled("", "!(", ""), "found the end"),
        (filled("", "!(", "name = 1", ")"), "nest deeper than 100 levels"),
        (filled("", "(name = 1 and ", "name = 2", ")"), "nest deeper than 100 levels"),
        (filled("properties", ".a", " = 1"), "at most 100 keys"),
        (filled("properties.a = ", "9", ""), "range of JSON"),
        (filled("", "x", ""), "found 'xxxxxxx"),
        (filled("", "\\", ""), "expected a field"),
        (filled("name = ", '"', "'"), "expected and, or, or the end"),
    ],
    ids=["open", "not", "not open", "not nested", "nested", "path", "number", "word", "escapes", "quotes"],
)
def test_very_long_faults(fql: str, message: str) -> None:
    """No text is too long or too deep to be refused, and what is said about it stays short."""
    assert len(fql) > MAX_LENGTH - 20
    with pytest.raises(FqlError) as caught:
        parse_fql(fql)
    assert message in caught.value.message
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "fql",
    [
        filled("", "(", "name = 1", ")"),
        filled("properties.a = ", "0", "7"),
        filled('name = "', "x", '"'),
        filled("", " ", "name = 1"),
        filled("name = 1", " and name = 1", ""),
    ],
    ids=["parentheses", "zeros", "text", "blanks", "terms"],
)
def test_very_long(fql: str) -> None:
    """Length alone is no fault, up to the limit."""
    assert len(fql) > MAX_LENGTH - 20
    condition = parse_fql(fql)
    assert parse_fql(str(condition)) == condition


@pytest.mark.parametrize("parse", [parse_fql, parse_filter])
@pytest.mark.parametrize("piece", [" ", "(", "!", '"', "\\", "x", "name = 1 and "])
def test_too_long(parse: Callable[[str], Condition], piece: str) -> None:
    """A longer text is refused for its length alone, without a look at what it says."""
    fql = (piece * (MAX_LENGTH + 1))[: MAX_LENGTH + 1]
    with pytest.raises(FqlError) as caught:
        parse(fql)
    assert caught.value.message == ("has 50,001 characters; a condition has at most 50,000, and is cut off")
    assert caught.value.position == MAX_LENGTH
    assert fql.startswith(caught.value.text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("parse", [parse_fql, parse_filter])
def test_longest(parse: Callable[[str], Condition]) -> None:
    """A text of exactly as many characters as are allowed is read."""
    fql = "name = 1".rjust(MAX_LENGTH)
    assert parse(fql) == parse("name = 1")
