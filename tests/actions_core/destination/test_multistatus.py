"""What a batch handler may answer, and the nodes that come of it."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core.destination.multistatus import MultiStatus, Node, failure, spread, success
from actions_core.errors import PayloadError
from actions_core.http.errors import ResponseError, TransportError
from actions_core.http.masking import Mask
from actions_core.http.requests import Request, Response

REQUEST = Request("POST", "https://x.test")


def nodes(found: MultiStatus) -> list[dict[str, Any]]:
    """The nodes as JSON."""
    return [node.to_dict() for node in found]


def test_outcomes_are_added_in_the_order_of_the_payloads() -> None:
    """Successes and failures are appended with what was sent and what came back."""
    found = MultiStatus()
    found.add_success(201, body={"id": 1}, sent={"a": 1})
    found.add_success()
    found.add_failure(429, "slow down", body="no")
    found.add_failure(400, "bad", errortype="INVALID_CURRENCY_CODE")
    assert nodes(found) == [
        {"status": 201, "body": {"id": 1}, "sent": {"a": 1}},
        {"status": 200},
        {
            "status": 429,
            "errortype": "TOO_MANY_REQUESTS",
            "errormessage": "slow down",
            "errorreporter": "DESTINATION",
            "body": "no",
        },
        {
            "status": 400,
            "errortype": "INVALID_CURRENCY_CODE",
            "errormessage": "bad",
            "errorreporter": "INTEGRATIONS",
        },
    ]


def test_outcomes_are_put_at_their_places() -> None:
    """An outcome may be put at any place, in any order; a place without one is a 500."""
    found = MultiStatus(1)
    found.put_success(3, 201)
    found.put_failure(1, 400, "bad")
    found.put(0, success(202))
    found.put(0, success(204))
    assert [node.status for node in found] == [204, 400, 500, 201]
    assert [node.status for node in found.spread(5)] == [204, 400, 500, 201, 500]
    with pytest.raises(IndexError):
        found.put(-1, success())


def test_many_outcomes_are_added_at_once() -> None:
    """Several payloads may be taken at once, each with what was sent for it, or share an outcome."""
    found = MultiStatus(2)
    found.put_all([0, 3], PayloadError("bad"))
    found.put_all([1], Response(201, {}, b""))
    found.add_sent([{"a": 1}, {"a": 2}], 202)
    assert [node.status for node in found] == [400, 201, 500, 400, 202, 202]
    assert [node.sent for node in found][4:] == [{"a": 1}, {"a": 2}]
    assert found[0] is found[3]
    with pytest.raises(IndexError):
        found.put_all([-1], success())


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Response(201, {}, b'{"id":1}'), {"status": 201, "body": {"id": 1}}),
        (Response(200, {}, b"fine"), {"status": 200, "body": "fine"}),
        (
            Response(529, {}, b"busy"),
            {
                "status": 529,
                "body": "busy",
                "errortype": "SITE_IS_OVERLOADED",
                "errormessage": "the destination answered 529",
                "errorreporter": "DESTINATION",
            },
        ),
        (
            ResponseError(REQUEST, Response(404, {}, b'{"why":"gone"}')),
            {
                "status": 404,
                "body": {"why": "gone"},
                "errortype": "NOT_FOUND",
                "errormessage": 'the destination answered 404: {"why":"gone"}',
                "errorreporter": "DESTINATION",
            },
        ),
        (
            PayloadError("no address"),
            {
                "status": 400,
                "errortype": "PAYLOAD_VALIDATION_FAILED",
                "errormessage": "no address",
                "errorreporter": "INTEGRATIONS",
            },
        ),
        (
            TransportError("no answer"),
            {
                "status": 500,
                "errortype": "RETRYABLE_ERROR",
                "errormessage": "no answer",
                "errorreporter": "INTEGRATIONS",
            },
        ),
        (
            Node(429, sent={"a": 1}),
            {
                "status": 429,
                "sent": {"a": 1},
                "errortype": "TOO_MANY_REQUESTS",
                "errormessage": "the destination answered 429",
                "errorreporter": "DESTINATION",
            },
        ),
        (Node(200, body=None), {"status": 200, "body": None}),
    ],
)
def test_an_outcome_may_come_as_it_is(outcome: Any, expected: dict[str, Any]) -> None:
    """A response, an error or a node made by hand becomes a whole node, appended or put."""
    found = MultiStatus()
    found.append(outcome)
    found.put(1, outcome)
    assert nodes(found) == [expected, expected]


@pytest.mark.parametrize("answer", [None, 7, "text", {"status": 400}])
def test_any_other_answer_is_a_success_of_all(answer: Any) -> None:
    """Nothing, or anything that is no outcome, is a 200 for each payload."""
    expected = [{"status": 200, "body": {}, "sent": {"n": 1}}, {"status": 200, "body": {}, "sent": {"n": 2}}]
    assert [node.to_dict() for node in spread(answer, [{"n": 1}, {"n": 2}])] == expected


def test_a_response_counts_for_all() -> None:
    """One response is the outcome of each payload, good or bad."""
    payloads = [{"n": 1}, {"n": 2}]
    assert [(node.status, node.sent) for node in spread(Response(204), payloads)] == [
        (204, {"n": 1}),
        (204, {"n": 2}),
    ]
    assert [node.errortype for node in spread(Response(400), payloads)] == ["BAD_REQUEST"] * 2


def test_a_node_is_masked() -> None:
    """What is shown of a node holds no secret."""
    node = failure(400, "bad key s3cret", body={"key": "s3cret"}, sent=["s3cret"])
    assert "s3cret" not in str(node.masked(Mask(["s3cret"])).to_dict())
