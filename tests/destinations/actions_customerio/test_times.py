"""Dates of Customer.io: which text is one, and how many seconds it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from actions_customerio.times import seconds, with_seconds

if TYPE_CHECKING:
    from actions_core import Json

DATES = {
    "2026-01-02": 1767312000,
    "2026-01-02T03:04": 1767323040,
    "2026-01-02T03:04:05": 1767323045,
    "2026-01-02T03:04:05Z": 1767323045,
    "2026-01-02T03:04:05.999999999Z": 1767323045,
    "2026-01-02T03:04:05+02:00": 1767315845,
    "2026-01-02T03:04:05-0200": 1767330245,
    "2026-01-02T24:00:00Z": 1767398400,
    "2024-02-29": 1709164800,
    "1969-12-31T23:59:59.5Z": -1,
}
#: No dates for who does not know that they are meant as such, and how many seconds they are for who does.
MEANT = {
    "2026": 2026,
    "1700000000": 1700000000,
    "1700000000.75": 1700000000,
    "1700000000123": 1700000000,
    "2026-01-02 03:04:05": 1767323045,
    "1/2/2026": 1767312000,
    "January 2, 2026": 1767312000,
}
TEXT = [
    "",
    "soon",
    "2026-01",
    "2026-02-30",
    "2026-13-01",
    "2026-01-02T25:00",
    "2026-01-02T03",
    "x2026-01-02",
    "2026-01-02\n",
]


@pytest.mark.parametrize(("text", "number"), DATES.items())
def test_a_date_is_known_by_its_form(text: str, number: int) -> None:
    """ISO 8601 with a `T` is a date anywhere, rounded down to seconds, in UTC without a zone."""
    assert with_seconds(text) == seconds(text) == number


@pytest.mark.parametrize(("text", "number"), MEANT.items())
def test_other_forms_are_dates_where_one_is_meant(text: str, number: int) -> None:
    """A time of an event may have any form; in an attribute it would be a guess."""
    assert (with_seconds(text), seconds(text)) == (text, number)


@pytest.mark.parametrize("text", TEXT)
def test_other_text_stays(text: str) -> None:
    """What names no time is not lost."""
    assert with_seconds(text) == seconds(text) == text


@pytest.mark.parametrize(
    ("value", "converted"),
    [
        ({"a": {"b": {"c": "2026-01-02"}}}, {"a": {"b": {"c": 1767312000}}}),
        ({"a": ["2026-01-02", {"b": "2026-01-02"}]}, {"a": ["2026-01-02", {"b": "2026-01-02"}]}),
        ({"2026-01-02": None, "b": True, "c": 20260102}, {"2026-01-02": None, "b": True, "c": 20260102}),
    ],
)
def test_objects_are_looked_through(value: Json, converted: Json) -> None:
    """Values of objects are dates at any depth; names are not, and lists stay as they are."""
    assert with_seconds(value) == converted
