"""The time that an expression may take is that of its own work."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from actions_core.errors import MappingError
from actions_core.mapping import compile_mapping
from actions_core.mapping.deadline import Deadline

_EXPRESSIONS: tuple[dict[str, Any], ...] = (
    {"@jmespath": "items[].{n: name} | [?n != 'b'].n"},
    {"@liquid": "{{ items[0].name | upcase | append: 'x' }}"},
)
_EVENT = {"items": [{"name": "a"}, {"name": "b"}]}


@pytest.mark.parametrize("expression", _EXPRESSIONS, ids=lambda one: next(iter(one)))
def test_a_machine_that_does_other_things_meanwhile_fails_no_event(
    expression: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds in which the thread did not work do not count, however many go by."""
    mapping = compile_mapping({"x": expression})
    hours = itertools.count(step=3600)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(hours)))
    assert mapping.resolve(_EVENT)["x"]


@pytest.mark.parametrize("expression", _EXPRESSIONS, ids=lambda one: next(iter(one)))
def test_work_beyond_the_limit_fails(expression: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the thread itself has worked for too long, the expression is given up."""
    mapping = compile_mapping({"x": expression})
    hours, seconds = itertools.count(step=3600), itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(hours)))
    monkeypatch.setattr(time, "thread_time", lambda: float(next(seconds)))
    with pytest.raises(MappingError, match=r"takes longer than 0\.5 seconds"):
        mapping.resolve(_EVENT)


def test_work_that_would_end_too_late_is_not_begun() -> None:
    """What a step is known to cost counts before it is begun."""
    deadline = Deadline(60)
    assert not deadline.is_over()
    assert not deadline.is_over(1)
    assert deadline.is_over(61)
