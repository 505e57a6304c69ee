"""The stand-in does what FullStory does with what it takes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from actions_fullstory.sandbox import FullStorySandbox, Limits, serve

if TYPE_CHECKING:
    from collections.abc import Callable

ADMIN = FullStorySandbox.admin_key
ARCHITECT = FullStorySandbox.architect_key


@pytest.mark.parametrize(
    ("key", "role"),
    [
        (FullStorySandbox.api_key, "USER"),
        (ARCHITECT, "ARCHITECT"),
        (ADMIN, "ADMIN"),
        (FullStorySandbox.viewer_key, "VIEW_ONLY"),
    ],
)
def test_me(with_sandbox: Callable[..., None], key: str, role: str) -> None:
    """`GET /me` tells whose key it is, to every role."""

    async def check(ask: Any) -> None:
        answer = await ask("GET /me", key=key)
        assert answer.status == 200
        assert answer.body["role"] == role
        assert set(answer.body) == {"email", "orgId", "role"}

    with_sandbox(check)


def test_upsert(with_sandbox: Callable[..., None]) -> None:
    """A user is created or updated by uid; properties are added to those it has."""

    async def check(ask: Any) -> None:
        first = await ask("POST /v2/users", {"uid": "u1", "email": "a@example.com", "properties": {"a": 1}})
        second = await ask("POST /v2/users", {"uid": "u1", "display_name": "A", "properties": {"b": 2}})
        assert first.body == second.body == {"id": next(iter(ask.sandbox.users))}
        user = ask.sandbox.find("u1")
        assert (user.email, user.display_name, user.properties) == ("a@example.com", "A", {"a": 1, "b": 2})

    with_sandbox(check)


def test_anonymous_users(with_sandbox: Callable[..., None]) -> None:
    """Without a uid each call makes a new user, which its id can then name."""

    async def check(ask: Any) -> None:
        first = (await ask("POST /v2/users", {})).body["id"]
        second = (await ask("POST /v2/users", {})).body["id"]
        assert first != second
        assert (await ask(f"POST /v2/users/{second}", {"uid": "u2"})).body == {"id": second}
        assert ask.sandbox.find("u2").id == second

    with_sandbox(check)


def test_dropped_properties(with_sandbox: Callable[..., None]) -> None:
    """Properties that FullStory cannot keep are dropped, and the call is taken all the same."""

    async def check(ask: Any) -> None:
        kept = {"plan": "pro", "deep": {"er": [1, 2]}, "none": None}
        dropped = {"1st": 1, "a-b": 1, "x" * 513: 1, "big": "x" * 8193, "items": [{"id": 1}], "ü": 1}
        answer = await ask("POST /v2/users", {"uid": "u1", "properties": {**dropped, **kept}})
        assert answer.status == 200
        assert ask.sandbox.find("u1").properties == kept
        many = {f"p{number}": number for number in range(501)}
        assert (await ask("POST /v2/users", {"uid": "u2", "properties": many})).status == 200
        assert len(ask.sandbox.find("u2").properties) == 500

    with_sandbox(check)


def test_reading_users(with_sandbox: Callable[..., None]) -> None:
    """An Admin and an Architect read users, by uid and by id."""

    async def check(ask: Any) -> None:
        user_id = (await ask("POST /v2/users", {"uid": "a/b@c"})).body["id"]
        listed = await ask("GET /v2/users?uid=a%2Fb%40c", key=ADMIN)
        assert listed.body["results"] == [
            {"id": user_id, "uid": "a/b@c", "properties": {}, "is_being_deleted": False}
        ]
        assert set(listed.body) == {"results", "total_records", "next_page_token"}
        assert (await ask(f"GET /v2/users/{user_id}", key=ARCHITECT)).body["uid"] == "a/b@c"
        assert (await ask("GET /v2/users?uid=other", key=ADMIN)).body["results"] == []

    with_sandbox(check)


@pytest.mark.parametrize("key", [ADMIN, ARCHITECT])
def test_deletion(with_sandbox: Callable[..., None], key: str) -> None:
    """A deletion is answered at once and done later; then v1 does not know the user any more either."""

    async def check(ask: Any) -> None:
        ask.sandbox.identify("u1")
        await ask("POST /v2/users", {"uid": "u1"})
        assert (await ask("DELETE /v2/users?uid=u1", key=key)).body == {}
        assert ask.sandbox.find("u1") is None
        assert (await ask("POST /users/v1/individual/u1/customvars", {})).status == 404

    with_sandbox(check)


def test_v1_user(with_sandbox: Callable[..., None]) -> None:
    """v1 keeps what has a type suffix, `displayName` and `email`, of users that a session has identified."""

    async def check(ask: Any) -> None:
        ask.sandbox.identify("a/b")
        traits = {"plan_str": "pro", "age_int": 3, "plan": "x", "displayName": "A", "email": "a@example.com"}
        answer = await ask("POST /users/v1/individual/a%2Fb/customvars?integration=segment", traits)
        assert (answer.status, answer.body) == (200, {})
        user = ask.sandbox.find("a/b")
        assert (user.display_name, user.email) == ("A", "a@example.com")
        assert user.properties == {"plan_str": "pro", "age_int": 3}

    with_sandbox(check)


def test_v1_needs_a_session(with_sandbox: Callable[..., None]) -> None:
    """A user that only the server API has made is unknown to v1."""

    async def check(ask: Any) -> None:
        await ask("POST /v2/users", {"uid": "u1"})
        assert (await ask("POST /users/v1/individual/u1/customvars", {})).status == 404

    with_sandbox(check)


@pytest.mark.parametrize("recent", [True, False])
def test_v1_event(with_sandbox: Callable[..., None], recent: bool) -> None:  # noqa: FBT001 - a column
    """v1 takes `use_recent_session: false` for true."""

    async def check(ask: Any) -> None:
        ask.sandbox.identify("u1")
        event = {"event_name": "x", "event_data": {"a_str": "1", "b": "2"}, "use_recent_session": recent}
        assert (await ask("POST /users/v1/individual/u1/customevent", {"event": event})).body == {}
        (kept,) = ask.sandbox.events
        assert kept["session"] == {"use_most_recent": True}
        assert kept["properties"] == {"a_str": "1"}

    with_sandbox(check)


def test_v2_event(with_sandbox: Callable[..., None]) -> None:
    """An event makes its user, names it by either id, or stands in a session, or belongs to nobody known."""

    async def check(ask: Any) -> None:
        full = {
            "name": "x",
            "user": {"uid": "u1"},
            "session": {"use_most_recent": True},
            "timestamp": "2026-01-02T03:04:05.000Z",
            "properties": {"a": 1},
            "context": {"browser": {"url": "https://x.test/"}},
        }
        assert (await ask("POST /v2/events", full)).body == {}
        user = ask.sandbox.find("u1")
        assert ask.sandbox.events[-1] == {**full, "user": {"id": user.id, "uid": "u1"}}
        for who in ({"user": {"id": user.id}}, {"session": {"id": "1:2"}}, {}):
            assert (await ask("POST /v2/events", {"name": "y", **who})).status == 200
        assert (await ask("POST /v2/events", {**full, "session": {"use_most_recent": False}})).status == 200
        assert len(ask.sandbox.users) == 2

    with_sandbox(check)


def test_replay(with_sandbox: Callable[..., None]) -> None:
    """The same idempotency key and body give the stored answer for a day, refusals included."""
    now = [1_700_000_000.0]

    async def check(ask: Any) -> None:
        key = {"idempotency-key": "k1"}
        first = await ask("POST /v2/users", {}, headers=key)
        now[0] += 86_399
        assert (await ask("POST /v2/users", {}, headers=key)).body == first.body
        now[0] += 2
        assert (await ask("POST /v2/users", {}, headers=key)).body != first.body
        other = {"idempotency-key": "k2"}
        assert (await ask("POST /v2/events", {"name": ""}, headers=other)).status == 400
        assert (await ask("POST /v2/events", {"name": ""}, headers=other)).status == 400
        assert (await ask("POST /v2/events", {"name": "x"}, headers=other)).body["code"] == "invalid_argument"

    with_sandbox(check, clock=lambda: now[0])


def test_keys_are_for_creation_only(with_sandbox: Callable[..., None]) -> None:
    """Idempotency keys mean nothing on v1 and on updates."""

    async def check(ask: Any) -> None:
        ask.sandbox.identify("u1")
        key = {"idempotency-key": "k1"}
        event = {"event": {"event_name": "x"}}
        for _ in range(2):
            assert (await ask("POST /users/v1/individual/u1/customevent", event, headers=key)).status == 200
        assert len(ask.sandbox.events) == 2

    with_sandbox(check)


def test_batch(with_sandbox: Callable[..., None]) -> None:
    """A batch is taken, worked on for a while, and then tells what became of each of its requests."""
    now = [1_700_000_000.0]

    async def check(ask: Any) -> None:
        requests = [{"uid": "a"}, {"uid": "b" * 257}, {"uid": "c"}, 5]
        job = (await ask("POST /v2/users/batch", {"requests": requests})).body["job"]
        assert job["status"] == "PROCESSING"
        path = f"/v2/users/batch/{job['id']}"
        assert (await ask(f"GET {path}")).body == {"imports": 0, "errors": 0, "job": job}
        assert (await ask(f"GET {path}/errors", key=ADMIN)).status == 202
        now[0] += 10
        status = (await ask(f"GET {path}")).body
        assert (status["imports"], status["errors"], status["job"]["status"]) == (2, 2, "FAILED")
        assert status["job"]["finished"] > job["created"]
        errors = (await ask(f"GET {path}/errors", key=ADMIN)).body
        assert [error["user"] for error in errors["results"]] == [requests[1], 5]
        assert {error["code"] for error in errors["results"]} == {"invalid_argument"}
        imports = (await ask(f"GET {path}/imports", key=ARCHITECT)).body
        assert [user["uid"] for user in imports["results"]] == ["a", "c"]
        assert (await ask(f"GET {path.replace('users', 'events')}")).status == 404

    with_sandbox(check, batch_seconds=10, clock=lambda: now[0])


def test_batch_of_events(with_sandbox: Callable[..., None]) -> None:
    """Context is shared by the events of a batch; an event with its own fails then."""

    async def check(ask: Any) -> None:
        shared = {"context": {"browser": {"url": "https://x.test/"}}}
        events = [{"name": "x"}, {"name": "y", **shared}]
        job = (await ask("POST /v2/events/batch", {"requests": events, "shared": shared})).body["job"]["id"]
        errors = (await ask(f"GET /v2/events/batch/{job}/errors", key=ADMIN)).body
        assert [error["event"] for error in errors["results"]] == [events[1]]
        assert [event["context"] for event in ask.sandbox.events] == [shared["context"]]

    with_sandbox(check, batch_seconds=0)


@pytest.mark.parametrize(("last", "token"), [("none", None), ("empty", ""), ("same", "2")])
def test_pages(with_sandbox: Callable[..., None], last: str, token: str | None) -> None:
    """Pages end with no token, an empty one, or the same one again."""

    async def check(ask: Any) -> None:
        requests = [{"uid": uid} for uid in "abc"]
        job = (await ask("POST /v2/users/batch", {"requests": requests})).body["job"]["id"]
        path = f"GET /v2/users/batch/{job}/imports"
        first = (await ask(path, key=ADMIN)).body
        assert [user["uid"] for user in first["results"]] == ["a", "b"]
        assert (first["total_records"], first["next_page_token"]) == ("3", "2")
        second = (await ask(f"{path}?page_token=2", key=ADMIN)).body
        assert [user["uid"] for user in second["results"]] == ["c"]
        assert second.get("next_page_token") == token
        assert (await ask(f"{path}?page_token=x", key=ADMIN)).status == 400
        assert (await ask(f"GET /v2/users/batch/{job}")).body["job"]["status"] == "COMPLETED"

    with_sandbox(check, batch_seconds=0, limits=Limits(page=2), last_page=last)


def test_jobs_wait_for_each_other(with_sandbox: Callable[..., None]) -> None:
    """Only so many jobs run at once; the next one starts when one of them is done."""
    now = [1_700_000_000.0]

    async def check(ask: Any) -> None:
        jobs = [(await ask("POST /v2/users/batch", {"requests": [{}]})).body["job"]["id"] for _ in range(2)]
        seen = []
        for _ in range(2):
            now[0] += 10
            seen.append([(await ask(f"GET /v2/users/batch/{job}")).body["job"]["status"] for job in jobs])
        assert seen == [["COMPLETED", "PROCESSING"], ["COMPLETED", "COMPLETED"]]

    with_sandbox(check, batch_seconds=10, limits=Limits(running=1), clock=lambda: now[0])


def test_scripted_statuses(with_sandbox: Callable[..., None]) -> None:
    """The next requests fail as told, each fault once or as often as told, and then all is well."""

    async def check(ask: Any) -> None:
        ask.sandbox.fail(429, retry_after=7)
        ask.sandbox.fail(500, times=2)
        answers = [await ask("GET /me") for _ in range(4)]
        assert [answer.status for answer in answers] == [429, 500, 500, 200]
        assert answers[0].headers["retry-after"] == "7"
        assert [answer.body.get("code") for answer in answers[:2]] == ["too_many_requests", "server_error"]
        ask.sandbox.fail(503, times=5)
        ask.sandbox.heal()
        assert (await ask("GET /me")).status == 200
        assert ask.sandbox.statuses == {429: 1, 500: 2, 200: 2}

    with_sandbox(check)


def test_faults_for_some(with_sandbox: Callable[..., None]) -> None:
    """A fault may wait for the requests that it is meant for."""

    async def check(ask: Any) -> None:
        ask.sandbox.fail(503, when=lambda request: request.method == "POST")
        assert (await ask("GET /me")).status == 200
        assert (await ask("POST /v2/users", {})).status == 503

    with_sandbox(check)


def test_stored_500(with_sandbox: Callable[..., None]) -> None:
    """A 500 that FullStory stored is its answer to every further try; a 429 never is."""

    async def check(ask: Any) -> None:
        key = {"idempotency-key": "k1"}
        ask.sandbox.fail(500, stored=True)
        assert [(await ask("POST /v2/users", {}, headers=key)).status for _ in range(3)] == [500] * 3
        other = {"idempotency-key": "k2"}
        ask.sandbox.fail(429, stored=True)
        assert [(await ask("POST /v2/users", {}, headers=other)).status for _ in range(2)] == [429, 200]

    with_sandbox(check)


@pytest.mark.parametrize(("cut", "done"), [("before", 0), ("after", 1), ("within", 1)])
def test_cut_connections(with_sandbox: Callable[..., None], cut: str, done: int) -> None:
    """A connection is cut before the work, after it, or within the answer."""

    async def check(ask: Any) -> None:
        ask.sandbox.fail(cut=cut)
        with pytest.raises(aiohttp.ClientError):
            await ask("POST /v2/events", {"name": "x"})
        assert len(ask.sandbox.events) == done
        assert ask.sandbox.statuses == {0: 1}
        assert (await ask("GET /me")).status == 200

    with_sandbox(check)


def test_slow_answers(with_sandbox: Callable[..., None]) -> None:
    """An answer comes late, or drop by drop, after the work was done."""

    async def check(ask: Any) -> None:
        clock = asyncio.get_running_loop().time
        for fault in ({"delay": 0.05}, {"drip": 0.04}):
            ask.sandbox.fail(**fault)
            start = clock()
            assert (await ask("POST /v2/events", {"name": "x"})).body == {}
            assert clock() - start >= 0.03

    with_sandbox(check)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("POST /v2/events", {"name": "fault:429:2"}),
        ("POST /users/v1/individual/u1/customevent", {"event": {"event_name": "fault:503:2"}}),
    ],
)
def test_faults_by_name(with_sandbox: Callable[..., None], call: str, body: Any) -> None:
    """An event may ask for its own fault, and how often it shall happen."""

    async def check(ask: Any) -> None:
        ask.sandbox.identify("u1")
        key = {"idempotency-key": "k1"}
        statuses = [(await ask(call, body, headers=key)).status for _ in range(3)]
        assert statuses[0] == statuses[1]
        assert statuses[0] in {429, 503}
        assert statuses[2] == 200

    with_sandbox(check)


def test_faults_by_header(with_sandbox: Callable[..., None]) -> None:
    """A header asks for a fault; one that is not known asks for nothing."""

    async def check(ask: Any) -> None:
        asked = {name: {"Sandbox-Fault": name} for name in ("500", "cut", "nonsense", "200")}
        assert (await ask("GET /me", headers=asked["500"])).status == 500
        with pytest.raises(aiohttp.ClientError):
            await ask("GET /me", headers=asked["cut"])
        for name in ("nonsense", "200"):
            assert (await ask("GET /me", headers=asked[name])).status == 200

    with_sandbox(check)


def test_record(with_sandbox: Callable[..., None]) -> None:
    """The requests are kept as they came: the path as it stood, headers in lower case, JSON read."""

    async def check(ask: Any) -> None:
        await ask("POST /users/v1/individual/a%2Fb/customvars?integration=x", {"a": 1})
        (request,) = ask.sandbox.requests
        assert request.method == "POST"
        assert request.url == f"{ask.sandbox.url}/users/v1/individual/a%2Fb/customvars?integration=x"
        assert request.headers["authorization"] == f"Basic {FullStorySandbox.api_key}"
        assert request.json == {"a": 1}

    with_sandbox(check)


def test_serve() -> None:
    """`serve` runs a stand-in until it is cancelled."""

    async def main() -> None:
        listening: asyncio.Future[FullStorySandbox] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve(ready=listening.set_result))
        sandbox = await listening
        async with aiohttp.ClientSession() as session, session.get(f"{sandbox.url}/me") as answer:
            assert answer.status == 401
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
