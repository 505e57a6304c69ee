"""Words for messages."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from actions_core.values.types import MISSING
from actions_core.values.wording import counted, either, kind, raised


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (1.5, "a number"),
        (10**400, "a number that JSON cannot hold"),
        (float("nan"), "a number that JSON cannot hold"),
        ("", "a string"),
        ([], "a list"),
        ({}, "an object"),
        (MISSING, "missing"),
        (dt.date(2026, 1, 2), "a Python date"),
        ((), "a Python tuple"),
    ],
)
def test_each_kind_of_value_has_a_word(value: Any, word: str) -> None:
    """JSON's kinds have their names; whatever JSON does not have is named by its class."""
    assert kind(value) == word


def test_lists_and_counts_read_as_sentences() -> None:
    """The last of several words stands behind "or", and a noun is plural except for one."""
    assert [either(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a or b",
        "a, b or c",
    ]
    assert [counted(number, "item") for number in (0, 1, 1200)] == ["0 items", "1 item", "1,200 items"]


def test_exceptions_in_words() -> None:
    """An exception is told by its kind, and by its message where there is one that can be made."""

    class WordlessError(Exception):
        def __str__(self) -> str:
            raise ValueError("no words")

    assert raised(KeyError("a")) == "KeyError: 'a'"
    assert raised(TimeoutError()) == "TimeoutError"
    assert raised(WordlessError()) == "WordlessError"
