"""The cases of each action: an event comes in, a request or problems come out."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions_fullstory import destination

from actions_core.testing import Case, check_case, load_cases

CASES = load_cases(Path(__file__).with_name("cases"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    """The event gives the request, or the problems, that the case expects."""
    assert check_case(destination, case.data) == []


def test_every_action_has_a_case() -> None:
    """No action is without a case."""
    assert {case.data["action"] for case in CASES} == set(destination.spec.actions)
