"""Warnings that are worded when somebody reads them."""

from __future__ import annotations

from actions_core import Problem
from actions_core.destination.context import Context, Scope
from actions_core.engine.results import BatchResult, Result, Status
from actions_core.http.masking import Mask


def test_a_warning_is_worded_when_it_is_read() -> None:
    """What `warn_later` is given is called once, at the first look, and the order of all warnings stays."""
    calls = []

    def tell() -> list[Problem]:
        calls.append("told")
        return [Problem("$.b", "the second", "warning")]

    context = Context(Scope("i"), {})
    context.warn("$.a", "the first")
    context.warn_later(tell)
    result = Result("i", "s", "a", Status.SENT, warnings=context.notes)
    assert calls == []
    assert [problem.message for problem in result.warnings] == ["the first", "the second"]
    assert [problem.path for problem in result.warnings] == ["$.a", "$.b"]
    assert calls == ["told"]


def test_no_warning_shows_a_secret() -> None:
    """Whenever a warning is worded, in a result or in a batch, the instance's secrets are masked."""
    context = Context(Scope("i"), {})
    context.warn_later(lambda: [Problem("$.s3cr3t-key", "quotes s3cr3t-key", "warning")])
    mask = Mask(["s3cr3t-key"])
    one = Result("i", "s", "a", Status.SENT, warnings=context.notes, mask=mask)
    batch = BatchResult("i", "s", "a", (), warnings={0: context.notes}, mask=mask)
    for problem in (*one.warnings, *batch.warnings[0]):
        assert (problem.path, problem.message) == ("$.***", "quotes ***")


def test_a_warning_that_cannot_be_worded() -> None:
    """A function that fails while a result is read is a warning itself: reading never raises."""
    context = Context(Scope("i"), {})
    context.warn_later(lambda: [Problem("$", dict[str, str]()["x"], "warning")])
    (problem,) = context.warnings
    assert "could not be worded: KeyError" in problem.message
