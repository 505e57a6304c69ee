"""The conformance suite: checks that every destination has to pass.

`check_destination` returns what is wrong; `conformance` makes a pytest test of the checks:

    test_conformance = conformance(destination, cases=Path(__file__).with_name("cases"))
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from actions_core.testing.suite.checks import Check, checks_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions_core.destination import Destination
    from actions_core.errors import Problem

__all__ = ["Check", "ConformanceWarning", "check_destination", "checks_of", "conformance"]


class ConformanceWarning(UserWarning):
    """Something about a destination that is not necessarily wrong."""


def check_destination(destination: Destination, *, cases: str | Path | None = None) -> list[Problem]:
    """Run every check of a destination and return the problems, warnings included.

    `cases` is the folder of its case files. Without one, no cases are required.
    """
    return [problem for check in checks_of(destination, cases) for problem in check.run()]


def conformance(destination: Destination, *, cases: str | Path | None = None) -> Callable[[Check], None]:
    """Return a pytest test with a run for each check; bind it to a name that begins with `test_`."""
    import pytest  # only tests need it

    checks = checks_of(destination, cases)

    @pytest.mark.parametrize("check", checks, ids=[check.name for check in checks])
    def test_conformance(check: Check) -> None:
        """A destination passes the checks that all destinations have to pass."""
        problems = check.run()
        for problem in problems:
            if not problem.is_error:
                warnings.warn(str(problem), ConformanceWarning, stacklevel=2)
        errors = [str(problem) for problem in problems if problem.is_error]
        if errors:
            pytest.fail("\n".join([check.rule, *errors]), pytrace=False)

    return test_conformance
