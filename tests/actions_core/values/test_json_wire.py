"""JSON of clients is read as JavaScript reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions_core import EventError
from actions_core.values.json_wire import read_wire

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_everything_that_can_be_written(value: Any) -> None:
    """What was written is read as it was: integers of any length, and text of any characters."""
    for ascii_only in (True, False):
        read = read_wire(json.dumps(value, ensure_ascii=ascii_only).encode())
        assert read == value
        assert repr(read) == repr(value)


READ = [
    (b'{"a": 1, "a": 2}', {"a": 2}),
    (b'"\\ud83d"', "\ud83d"),
    (b"\xef\xbb\xbf[1]", [1]),
    (b"18446744073709551616", 2**64),
    (b"-9223372036854775809", -(2**63) - 1),
    (b'"12345678901234567890"', "12345678901234567890"),
    (b"1e400", float("inf")),
]


@pytest.mark.parametrize(("data", "value"), READ)
def test_what_others_read_differently(data: bytes, value: Any) -> None:
    """Of equal keys the last one holds, half a surrogate pair stays, and no integer becomes a float."""
    read = read_wire(data)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("data", [b"", b"{", b"NaN", b"[1,]", b"\xff", b"[" * 100_000, b"1" * 5000])
def test_what_is_not_json(data: bytes) -> None:
    """Anything else is an error that says what is wrong."""
    with pytest.raises(EventError):
        read_wire(data)
