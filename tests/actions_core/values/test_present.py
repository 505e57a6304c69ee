"""Objects without what is absent."""

from __future__ import annotations

from actions_core import MISSING, Problem, present
from actions_core.errors import PayloadError


def test_only_what_is_present_is_kept() -> None:
    """None and `MISSING` go; what is empty or false stays, and so does what is nested."""
    given = {"a": None, "b": MISSING, "c": 0, "d": "", "e": False, "f": [None], "g": {"h": None}}
    assert present(given) == {"c": 0, "d": "", "e": False, "f": [None], "g": {"h": None}}
    assert given["a"] is None


def test_an_error_of_one_problem_names_its_path() -> None:
    """`PayloadError.at` is the error with one problem, and reads as its message."""
    error = PayloadError.at("$.currency", "This is not a currency.")
    assert error.problems == (Problem("$.currency", "This is not a currency."),)
    assert (str(error), error.code, error.status) == (
        "This is not a currency.",
        "PAYLOAD_VALIDATION_FAILED",
        400,
    )
