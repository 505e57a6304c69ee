"""The stand-in refuses what FullStory is documented to refuse, in FullStory's words for programs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from destinations.fullstory.sandbox import FullStorySandbox, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

STANDARD = FullStorySandbox.api_key
ADMIN = FullStorySandbox.admin_key
ARCHITECT = FullStorySandbox.architect_key
VIEWER = FullStorySandbox.viewer_key

EVENT = {"name": "Signed Up", "user": {"uid": "u1"}}

#: what it shows, the call, its body, the key, the status, the code
REFUSALS: list[tuple[str, str, Any, str | None, int, str]] = [
    ("no key", "GET /me", None, None, 401, "unauthorized"),
    ("an unknown key", "GET /me", None, "na1.unknown", 401, "unauthorized"),
    ("a key in Base64", "GET /me", None, "bmExLnN0YW5kYXJkOg==", 401, "unauthorized"),
    ("an unknown key on an unknown path", "GET /nowhere", None, "na1.unknown", 401, "unauthorized"),
    ("an unknown path", "GET /nowhere", None, STANDARD, 404, "resource_not_found"),
    ("a key that may only look", "POST /v2/users", {"uid": "u1"}, VIEWER, 403, "forbidden"),
    ("deletion by a Standard key", "DELETE /v2/users?uid=u1", None, STANDARD, 403, "forbidden"),
    ("reading by a Standard key", "GET /v2/users?uid=u1", None, STANDARD, 403, "forbidden"),
    ("reading one by a Standard key", "GET /v2/users/1", None, STANDARD, 403, "forbidden"),
    ("a batch's errors by a Standard key", "GET /v2/users/batch/1/errors", None, STANDARD, 403, "forbidden"),
    ("a batch's imports by a Standard key", "GET /v2/events/batch/1/imports", None, STANDARD, 403, "forbidden"),
    ("v1 for a user unknown to sessions", "POST /users/v1/individual/new/customvars", {}, STANDARD, 404, "user_not_found"),
    ("v1 event of an unknown user", "POST /users/v1/individual/new/customevent", {"event": {"event_name": "x"}}, STANDARD, 404, "user_not_found"),
    ("v1 event without a name", "POST /users/v1/individual/known/customevent", {"event": {}}, STANDARD, 400, "required_field"),
    ("v1 event that is none", "POST /users/v1/individual/known/customevent", {"event": 1}, STANDARD, 400, "invalid_argument"),
    ("v1 traits that are a list", "POST /users/v1/individual/known/customvars", [], STANDARD, 400, "invalid_argument"),
    ("a slash in a v1 uid", "POST /users/v1/individual/a/b/customvars", {}, STANDARD, 404, "resource_not_found"),
    ("a user that is a list", "POST /v2/users", [], STANDARD, 400, "invalid_argument"),
    ("a user without a body", "POST /v2/users", None, STANDARD, 400, "required_field"),
    ("a uid that is too long", "POST /v2/users", {"uid": "u" * 257}, STANDARD, 400, "invalid_argument"),
    ("a uid that is a number", "POST /v2/users", {"uid": 1}, STANDARD, 400, "invalid_argument"),
    ("a display name that is too long", "POST /v2/users", {"display_name": "n" * 257}, STANDARD, 400, "invalid_argument"),
    ("an email that is too long", "POST /v2/users", {"email": "e" * 129}, STANDARD, 400, "invalid_argument"),
    ("properties that are a list", "POST /v2/users", {"properties": []}, STANDARD, 400, "invalid_argument"),
    ("a schema that is text", "POST /v2/users", {"schema": "int"}, STANDARD, 400, "invalid_argument"),
    ("an update of nobody", "POST /v2/users/1", {"email": "a@example.com"}, STANDARD, 404, "user_not_found"),
    ("reading of nobody", "GET /v2/users/1", None, ADMIN, 404, "user_not_found"),
    ("deletion of nobody", "DELETE /v2/users?uid=nobody", None, ADMIN, 404, "user_not_found"),
    ("deletion without a uid", "DELETE /v2/users", None, ADMIN, 400, "required_field"),
    ("an event without a name", "POST /v2/events", {"user": {"uid": "u1"}}, STANDARD, 400, "required_field"),
    ("an event with an empty name", "POST /v2/events", {**EVENT, "name": ""}, STANDARD, 400, "required_field"),
    ("an event whose name is a number", "POST /v2/events", {**EVENT, "name": 5}, STANDARD, 400, "invalid_argument"),
    ("an event of a uid that is too long", "POST /v2/events", {"name": "x", "user": {"uid": "u" * 257}}, STANDARD, 400, "invalid_argument"),
    ("a time that is none", "POST /v2/events", {**EVENT, "timestamp": "yesterday"}, STANDARD, 400, "invalid_argument"),
    ("a time without a zone", "POST /v2/events", {**EVENT, "timestamp": "2026-01-02T03:04:05"}, STANDARD, 400, "invalid_argument"),
    ("a time as a number", "POST /v2/events", {**EVENT, "timestamp": 1700000000}, STANDARD, 400, "invalid_argument"),
    ("a user that is text", "POST /v2/events", {"name": "x", "user": "u1"}, STANDARD, 400, "invalid_argument"),
    ("two ids of a user", "POST /v2/events", {"name": "x", "user": {"uid": "u1", "id": "1"}}, STANDARD, 400, "invalid_argument"),
    ("a session beside a user", "POST /v2/events", {**EVENT, "session": {"id": "1:2"}}, STANDARD, 400, "invalid_argument"),
    ("a session that is also the latest", "POST /v2/events", {"name": "x", "session": {"id": "1:2", "use_most_recent": True}}, STANDARD, 400, "invalid_argument"),
    ("a session without an id", "POST /v2/events", {"name": "x", "session": {"id": ""}}, STANDARD, 400, "invalid_argument"),
    ("the latest session of nobody", "POST /v2/events", {"name": "x", "session": {"use_most_recent": True}}, STANDARD, 400, "invalid_argument"),
    ("the latest session as text", "POST /v2/events", {**EVENT, "session": {"use_most_recent": "yes"}}, STANDARD, 400, "invalid_argument"),
    ("an event of an unknown id", "POST /v2/events", {"name": "x", "user": {"id": "1"}}, STANDARD, 404, "user_not_found"),
    ("an event in a full session", "POST /v2/events", {"name": "x", "session": {"id": "full:1"}}, STANDARD, 400, "session_page_limit_exceeded"),
    ("a batch of nothing", "POST /v2/users/batch", {"requests": []}, STANDARD, 400, "required_field"),
    ("a batch without requests", "POST /v2/events/batch", {}, STANDARD, 400, "required_field"),
    ("a batch that is no list", "POST /v2/events/batch", {"requests": {}}, STANDARD, 400, "invalid_argument"),
    ("a batch that is too large", "POST /v2/users/batch", {"requests": [{}] * 50_001}, STANDARD, 400, "invalid_argument"),
    ("an unknown job", "GET /v2/users/batch/1", None, STANDARD, 404, "resource_not_found"),
    ("the errors of an unknown job", "GET /v2/users/batch/1/errors", None, ARCHITECT, 404, "resource_not_found"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "body", "key", "status", "code"),
    [pytest.param(*case[1:], id=case[0]) for case in REFUSALS],
)
def test_refusal(  # noqa: PLR0913 - one column of the table each
    with_sandbox: Callable[..., None], call: str, body: Any, key: str | None, status: int, code: str
) -> None:
    """A refusal has the documented status, the code for programs and a sentence for people."""

    async def check(ask: Any) -> None:
        ask.sandbox.identify("known")
        ask.sandbox.fill_session("full:1")
        answer = await ask(call, body, key=key)
        assert (answer.status, answer.body["code"]) == (status, code)
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

    async def check(ask: Any) -> None:
        batch = {"requests": [{"uid": "a"}, {"uid": "b"}]}
        statuses = [(await ask("POST /v2/users/batch", batch)).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        await asyncio.sleep(0.06)
        assert (await ask("POST /v2/users/batch", batch)).status == 200

    with_sandbox(check, limits=limits, batch_seconds=0.05)
