"""The stand-in refuses what FullStory is documented to refuse, in FullStory's words for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from actions_fullstory.sandbox import FullStorySandbox, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

STANDARD = FullStorySandbox.api_key
ADMIN = FullStorySandbox.admin_key
ARCHITECT = FullStorySandbox.architect_key
VIEWER = FullStorySandbox.viewer_key

EVENT = {"name": "Signed Up", "user": {"uid": "u1"}}

#: status and code → what it shows, the call, its body, and the key if it is not a Standard one
REFUSALS: dict[tuple[int, str], list[tuple[Any, ...]]] = {
    (400, "invalid_argument"): [
        ("v1 event that is none", "POST /users/v1/individual/known/customevent", {"event": 1}),
        ("v1 traits that are a list", "POST /users/v1/individual/known/customvars", []),
        ("a user that is a list", "POST /v2/users", []),
        ("a uid that is too long", "POST /v2/users", {"uid": "u" * 257}),
        ("a uid that is a number", "POST /v2/users", {"uid": 1}),
        ("a display name that is too long", "POST /v2/users", {"display_name": "n" * 257}),
        ("an email that is too long", "POST /v2/users", {"email": "e" * 129}),
        ("properties that are a list", "POST /v2/users", {"properties": []}),
        ("a schema that is text", "POST /v2/users", {"schema": "int"}),
        ("an event whose name is a number", "POST /v2/events", {**EVENT, "name": 5}),
        ("an event of a uid that is too long", "POST /v2/events", {"name": "x", "user": {"uid": "u" * 257}}),
        ("a time that is none", "POST /v2/events", {**EVENT, "timestamp": "yesterday"}),
        ("a time without a zone", "POST /v2/events", {**EVENT, "timestamp": "2026-01-02T03:04:05"}),
        ("a time as a number", "POST /v2/events", {**EVENT, "timestamp": 1700000000}),
        ("a user that is text", "POST /v2/events", {"name": "x", "user": "u1"}),
        ("two ids of a user", "POST /v2/events", {"name": "x", "user": {"uid": "u1", "id": "1"}}),
        ("a session beside a user", "POST /v2/events", {**EVENT, "session": {"id": "1:2"}}),
        (
            "a session that is also the latest",
            "POST /v2/events",
            {"name": "x", "session": {"id": "1:2", "use_most_recent": True}},
        ),
        ("a session without an id", "POST /v2/events", {"name": "x", "session": {"id": ""}}),
        (
            "the latest session of nobody",
            "POST /v2/events",
            {"name": "x", "session": {"use_most_recent": True}},
        ),
        ("the latest session as text", "POST /v2/events", {**EVENT, "session": {"use_most_recent": "yes"}}),
        ("a batch that is no list", "POST /v2/events/batch", {"requests": {}}),
        ("a batch that is too large", "POST /v2/users/batch", {"requests": [{}] * 50_001}),
    ],
    (400, "required_field"): [
        ("v1 event without a name", "POST /users/v1/individual/known/customevent", {"event": {}}),
        ("a user without a body", "POST /v2/users", None),
        ("deletion without a uid", "DELETE /v2/users", None, ADMIN),
        ("an event without a name", "POST /v2/events", {"user": {"uid": "u1"}}),
        ("an event with an empty name", "POST /v2/events", {**EVENT, "name": ""}),
        ("a batch of nothing", "POST /v2/users/batch", {"requests": []}),
        ("a batch without requests", "POST /v2/events/batch", {}),
    ],
    (400, "session_page_limit_exceeded"): [
        ("an event in a full session", "POST /v2/events", {"name": "x", "session": {"id": "full:1"}}),
    ],
    (401, "unauthorized"): [
        ("no key", "GET /me", None, None),
        ("an unknown key", "GET /me", None, "na1.unknown"),
        ("a key in Base64", "GET /me", None, "bmExLnN0YW5kYXJkOg=="),
        ("an unknown key on an unknown path", "GET /nowhere", None, "na1.unknown"),
    ],
    (403, "forbidden"): [
        ("a key that may only look", "POST /v2/users", {"uid": "u1"}, VIEWER),
        ("deletion by a Standard key", "DELETE /v2/users?uid=u1", None),
        ("reading by a Standard key", "GET /v2/users?uid=u1", None),
        ("reading one by a Standard key", "GET /v2/users/1", None),
        ("a batch's errors by a Standard key", "GET /v2/users/batch/1/errors", None),
        ("a batch's imports by a Standard key", "GET /v2/events/batch/1/imports", None),
    ],
    (404, "resource_not_found"): [
        ("an unknown path", "GET /nowhere", None),
        ("a slash in a v1 uid", "POST /users/v1/individual/a/b/customvars", {}),
        ("an unknown job", "GET /v2/users/batch/1", None),
        ("the errors of an unknown job", "GET /v2/users/batch/1/errors", None, ARCHITECT),
    ],
    (404, "user_not_found"): [
        ("v1 for a user unknown to sessions", "POST /users/v1/individual/new/customvars", {}),
        (
            "v1 event of an unknown user",
            "POST /users/v1/individual/new/customevent",
            {"event": {"event_name": "x"}},
        ),
        ("an update of nobody", "POST /v2/users/1", {"email": "a@example.com"}),
        ("reading of nobody", "GET /v2/users/1", None, ADMIN),
        ("deletion of nobody", "DELETE /v2/users?uid=nobody", None, ADMIN),
        ("an event of an unknown id", "POST /v2/events", {"name": "x", "user": {"id": "1"}}),
    ],
}


@pytest.mark.parametrize(
    ("expected", "case"),
    [pytest.param(key, case, id=case[0]) for key, cases in REFUSALS.items() for case in cases],
)
def test_refusal(with_sandbox: Callable[..., None], expected: tuple[int, str], case: tuple[Any, ...]) -> None:
    """A refusal has the documented status, the code for programs and a sentence for people."""
    _, call, body, key = case if len(case) == 4 else (*case, STANDARD)

    async def check(ask: Any) -> None:
        ask.sandbox.identify("known")
        ask.sandbox.fill_session("full:1")
        answer = await ask(call, body, key=key)
        assert (answer.status, answer.body["code"]) == expected
        assert answer.body["message"]
        assert not ask.sandbox.events

    with_sandbox(check)


def test_body_that_is_no_json(with_sandbox: Callable[..., None]) -> None:
    """A body that cannot be read is an invalid argument."""

    async def check(ask: Any) -> None:
        answer = await ask("POST /v2/events", raw=b"{")
        assert (answer.status, answer.body["code"]) == (400, "invalid_argument")

    with_sandbox(check)


def test_same_key_with_another_body(with_sandbox: Callable[..., None]) -> None:
    """An idempotency key stands for one body."""

    async def check(ask: Any) -> None:
        key = {"idempotency-key": "k1"}
        assert (await ask("POST /v2/users", {"uid": "u1"}, headers=key)).status == 200
        answer = await ask("POST /v2/users", {"uid": "u2"}, headers=key)
        assert (answer.status, answer.body["code"]) == (400, "invalid_argument")
        assert ask.sandbox.find("u2") is None

    with_sandbox(check)


def test_rate_limit(with_sandbox: Callable[..., None]) -> None:
    """Beyond the rate limit comes a 429 that says in whole seconds when to come again."""

    async def check(ask: Any) -> None:
        statuses = [(await ask("GET /me")).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        answer = await ask("GET /me")
        assert answer.body["code"] == "too_many_requests"
        assert answer.headers["retry-after"] == "1"

    with_sandbox(check, rate_limit=2, clock=lambda: 1_700_000_000.0)


@pytest.mark.parametrize("limits", [Limits(open=2), Limits(operations=5)], ids=["jobs", "operations"])
def test_too_much_in_batches(with_sandbox: Callable[..., None], limits: Limits) -> None:
    """Beyond so many open jobs, or requests in them, comes a 429 until some are done."""
    now = [1_700_000_000.0]

    async def check(ask: Any) -> None:
        batch = {"requests": [{"uid": "a"}, {"uid": "b"}]}
        statuses = [(await ask("POST /v2/users/batch", batch)).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        now[0] += 10
        assert (await ask("POST /v2/users/batch", batch)).status == 200

    with_sandbox(check, limits=limits, batch_seconds=10, clock=lambda: now[0])
