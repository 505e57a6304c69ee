"""JavaScript's reading and spelling of values."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions_core.values.javascript import number_text, stringify, text_length, to_number, to_text, truthy
from actions_core.values.types import MISSING


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (-0.5, "-0.5"),
        (123456.789, "123456.789"),
        (1e16, "10000000000000000"),
        (1e20, "100000000000000000000"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e21, "1e+21"),
        (10**21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (-1.25e22, "-1.25e+22"),
        (1e-6, "0.000001"),
        (1.5e-6, "0.0000015"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (5e-324, "5e-324"),
        (9007199254740993, "9007199254740993"),
        (10**400, "Infinity"),
        (-(10**400), "-Infinity"),
        (math.inf, "Infinity"),
        (math.nan, "NaN"),
    ],
)
def test_numbers(number: float, text: str) -> None:
    """A number is spelled as JavaScript spells it; a whole one below 1e21 keeps its digits."""
    assert number_text(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back(number: float) -> None:
    """The spelling of any finite number reads as the same number."""
    assert float(number_text(number)) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (None, "null"),
        (MISSING, "undefined"),
        (True, "true"),
        (False, "false"),
        ([], ""),
        ([None, 1.0, [2, [None, 3]], {"a": 1}, True], ",1,2,,3,[object Object],true"),
        ({}, "[object Object]"),
    ],
)
def test_texts(value: Any, text: str) -> None:
    """Any value has the text that `String()` gives."""
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        (" 5 ", 5),
        ("\ufeff5\u00a0", 5),
        ("+5", 5),
        ("-5", -5),
        ("5.", 5.0),
        (".5", 0.5),
        ("5.0", 5.0),
        ("1e3", 1000.0),
        ("0x10", 16),
        ("0b11", 3),
        ("0o17", 15),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
        ("1e400", math.inf),
        ("9" * 5000, math.inf),
        ("0x" + "f" * 5000, math.inf),
        ("", None),
        (" ", None),
        ("-0x10", None),
        ("1_000", None),
        ("٣", None),
        ("1e", None),
        (".", None),
        ("NaN", None),
        ("nan", None),
        ("five", None),
    ],
)
def test_numbers_in_text(text: str, number: float | None) -> None:
    """A text is read as a number where JavaScript reads one; a blank one is none."""
    assert to_number(text) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1.0, None, True]}, '{"a":[1,null,true]}'),
        ({"a": MISSING, "b": [MISSING]}, '{"b":[null]}'),
        ([1e-7, 1e21, -0.0, 0.5], "[1e-7,1e+21,0,0.5]"),
        ([math.nan, math.inf, 10**5000], "[null,null,null]"),
        ('é\u2028\ud800"\\/\x7f\x01\n', '"é\u2028\\ud800\\"\\\\/\x7f\\u0001\\n"'),
        ({"\ud800": "e-1 .0"}, '{"\\ud800":"e-1 .0"}'),
        (9007199254740993, "9007199254740993"),
        (MISSING, "null"),
    ],
)
def test_json(value: Any, text: str) -> None:
    """JSON text is that of `JSON.stringify`: JavaScript's numbers, no blanks, well-formed Unicode."""
    assert stringify(value) == text


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_json_reads_back(value: Any) -> None:
    """What is written can be read again, and is the same."""
    assert json.loads(stringify(value), parse_int=float) == value


@pytest.mark.parametrize("value", [None, False, 0, 0.0, -0.0, math.nan, "", MISSING])
def test_falsy(value: Any) -> None:
    """These and no others are false in JavaScript."""
    assert not truthy(value)


@pytest.mark.parametrize("value", [[], {}, [0], "0", " ", 1, -1, math.inf, True])
def test_truthy(value: Any) -> None:
    """Empty lists and objects are true in JavaScript."""
    assert truthy(value)


def test_text_length() -> None:
    """A character outside the first plane counts as two."""
    assert [text_length(text) for text in ("", "abc", "日本", "a😀b")] == [0, 3, 2, 4]
