"""Which item an error is about, and what counts as taken when that is not clear."""

from __future__ import annotations

from typing import Any

import pytest
from actions_fullstory.outcomes import nothing_taken, outcomes_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trials import examples


def event(number: int, **changes: Any) -> dict[str, Any]:
    """An item of a job."""
    return {"name": "E", "user": {"uid": f"u{number}"}, "properties": {"n": number}, **changes}


def refusal(item: Any, code: str = "server_error") -> dict[str, Any]:
    """An error about an item."""
    return {"message": "because", "code": code, "event": item}


def statuses(bodies: list[Any], errors: list[Any], failed: int) -> list[int]:
    """The status of each item."""
    return [node.status for node in outcomes_of("j", bodies, errors, failed)]


NOBODY = {"message": "because", "code": "server_error"}


@pytest.mark.parametrize(
    ("bodies", "errors", "failed", "expected"),
    [
        ([event(1), event(2)], [refusal(event(2))], 1, [200, 500]),
        ([event(1), event(2, note=1.0)], [refusal(event(2, note=1))], 1, [200, 500]),
        # the same three times, two of them failed; an error that comes again is about the same ones
        ([event(1)] * 3, [refusal(event(1))] * 2, 2, [500, 500, 200]),
        ([event(1), event(2)], [refusal(event(1))] * 3, 1, [500, 200]),
        # in other words: the one of that user, or all of that user when only some of them failed
        ([event(1), event(2)], [refusal(event(2, properties={}))], 1, [200, 500]),
        ([event(1), event(1, schema={}), event(2)], [refusal(event(1, properties={}))], 1, [424, 424, 200]),
        (
            [event(1), event(1, schema={}), event(2)],
            [refusal(event(1)), refusal(event(1, context={}))],
            2,
            [500, 500, 200],
        ),
        ([event(1), event(2)], [refusal(event(1)), refusal(event(1, properties={}))], 1, [500, 200]),
        # about nobody that is known, or fewer than there must be: anybody else
        ([event(1), event(2)], [refusal(event(3))], 1, [424, 424]),
        ([event(1), event(2), event(3)], [refusal(event(1)), NOBODY], 2, [500, 424, 424]),
        ([event(1), event(2)], [refusal(event(1))], 2, [500, 424]),
        ([event(1), event(2)], [refusal(event(1)), "?", None, refusal(7)], 1, [500, 424]),
        ([event(1), event(2)], [], 0, [424, 424]),
        # nothing to tell anonymous users by
        ([{"properties": {"a": 1.0}}, {"properties": {}}], [{"user": {}}], 1, [424, 424]),
    ],
)
def test_outcomes(bodies: list[Any], errors: list[Any], failed: int, expected: list[int]) -> None:
    """An item failed where an error can be about no other, and was taken where none can be about it."""
    assert statuses(bodies, errors, failed) == expected


def test_what_is_said() -> None:
    """An item that was refused says why; one that may have been says that nobody knows."""
    first, second = outcomes_of("job-7", [event(1), event(2)], [refusal(event(1)), NOBODY], 2)
    assert (first.errortype, first.errormessage) == ("INTERNAL_SERVER_ERROR", "because")
    assert first.body == {"message": "because", "code": "server_error"}
    assert second.errortype == "OUTCOME_UNKNOWN"
    assert "job-7" in (second.errormessage or "")
    assert {first.errorreporter, second.errorreporter} == {"DESTINATION"}
    (odd,) = outcomes_of("j", [event(1)], [{"message": 1, "code": ["x"], "event": event(1)}], 1)
    assert (odd.status, odd.errormessage) == (400, "FullStory refused it and gave no reason")


def test_nested_without_end() -> None:
    """An error that repeats what no event can be is about nobody that is known."""
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    assert statuses([event(1)], [refusal({"name": deep}), refusal({"properties": deep})], 1) == [424]


def test_nothing_taken() -> None:
    """Nothing was taken for certain where all failed and none is in doubt."""
    bodies = [event(1), event(2)]
    errors = [refusal(body) for body in bodies]
    assert nothing_taken(outcomes_of("j", bodies, errors, 2))
    assert not nothing_taken(outcomes_of("j", bodies, errors[:1], 1))
    assert not nothing_taken(outcomes_of("j", bodies, errors[:1], 2))


ITEMS = st.lists(
    st.builds(
        lambda uid, number: event(0, user={"uid": uid}, properties={"n": number}),
        st.sampled_from("ab"),
        st.sampled_from([1, 1.0, 2]),
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=examples(150))
@given(bodies=ITEMS, data=st.data())
def test_never_taken_what_failed(bodies: list[Any], data: st.DataObject) -> None:
    """However FullStory repeats what failed, no more items of one content count as taken than were."""
    fails = data.draw(st.lists(st.booleans(), min_size=len(bodies), max_size=len(bodies)))
    if not any(fails):
        return
    errors = []
    for body, failed in zip(bodies, fails, strict=True):
        if failed:
            how = data.draw(st.sampled_from(["same", "whole numbers", "nobody", "absent"]))
            if how == "same":
                errors.append(refusal(body))
            elif how == "whole numbers":
                errors.append(refusal({**body, "properties": {"n": int(body["properties"]["n"])}}))
            elif how == "nobody":
                errors.append(NOBODY)
    nodes = outcomes_of("j", bodies, errors, sum(fails))
    for content in bodies:
        same = [index for index, body in enumerate(bodies) if body == content]
        taken = sum(nodes[index].ok for index in same)
        assert taken <= sum(not fails[index] for index in same)
