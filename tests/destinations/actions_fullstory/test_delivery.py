"""Events on their whole way: through the engine and the network to the stand-in, and what comes back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from actions_fullstory import destination
from actions_fullstory.sandbox import FullStorySandbox

from actions_core import Engine, Registry, Workspace
from actions_core.engine.results import Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core import Report

TRACK = {"type": "track", "messageId": "m-1", "userId": "u1", "event": "Signed Up", "properties": {"a b": 1}}
IDENTIFY = {"type": "identify", "messageId": "m-2", "userId": "a/b@c", "traits": {"email": "a@example.com"}}


def v1(action: str, kind: str) -> list[dict[str, Any]]:
    """A subscription of a v1 action with its own mapping."""
    return [{"partnerAction": action, "subscribe": f'type = "{kind}"'}]


def deliver(
    check: Callable[[FullStorySandbox, Engine], Awaitable[None]],
    *,
    key: str = FullStorySandbox.api_key,
    subscriptions: Any = "presets",
    timeout: float = 5,
) -> None:
    """Run `check` with a stand-in and an engine that delivers to it, with short waits between tries."""

    async def main() -> None:
        registry = Registry()
        registry.register(destination)
        async with FullStorySandbox() as sandbox:
            workspace = Workspace.from_dict(
                {
                    "destinations": [
                        {
                            "id": "fullstory",
                            "destination": destination.slug,
                            "settings": {"apiKey": key, "baseUrl": sandbox.url},
                            "subscriptions": subscriptions,
                            "delivery": {"timeout": timeout, "retry": {"base": 0.01}},
                        }
                    ]
                }
            )
            async with Engine(workspace, registry=registry) as engine:
                await check(sandbox, engine)

    asyncio.run(main())


async def the_result(engine: Engine, event: dict[str, Any]) -> Any:
    """The one result that is not about another kind of event."""
    return the_one(await engine.send(event))


def the_one(report: Report) -> Any:
    """The one result that is not about another kind of event."""
    (result,) = [result for result in report.results if result.status != Status.SKIPPED]
    return result


def test_presets() -> None:
    """The presets create the user and the event."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        for event in (TRACK, IDENTIFY):
            assert (await the_result(engine, event)).status is Status.SENT
        (arrived,) = sandbox.events
        assert (arrived["name"], arrived["user"]["uid"], arrived["properties"]) == (
            "Signed Up",
            "u1",
            {"ab": 1},
        )
        user = sandbox.find("a/b@c")
        assert user is not None
        assert user.email == "a@example.com"

    deliver(check)


def test_v1_uid_in_the_path() -> None:
    """A uid with signs that mean something in a URL gets to v1 as it is."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        sandbox.identify("a/b@c")
        assert (await the_result(engine, IDENTIFY)).status is Status.SENT
        user = sandbox.find("a/b@c")
        assert user is not None
        assert user.properties == {"email_str": "a@example.com"}

    deliver(check, subscriptions=v1("identifyUser", "identify"))


@pytest.mark.parametrize(
    ("action", "kind", "event"),
    [("trackEvent", "track", TRACK), ("identifyUser", "identify", IDENTIFY)],
)
def test_v1_404(action: str, kind: str, event: dict[str, Any]) -> None:
    """A 404 from v1 says that V2 creates users, and is not tried again."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        result = await the_result(engine, event)
        assert (result.status, result.error.status, result.error.retryable) == (Status.FAILED, 404, False)
        assert "V2 creates users" in str(result.error)
        assert len(sandbox.requests) == 1

    deliver(check, subscriptions=v1(action, kind))


def test_403() -> None:
    """A 403 says which role the key needs; with that role the user is deleted."""

    async def refused(sandbox: FullStorySandbox, engine: Engine) -> None:
        await engine.send(TRACK)
        result = the_one(await engine.delete(user_id="u1"))
        assert result.error.status == 403
        assert "Admin or Architect" in str(result.error)
        assert sandbox.find("u1") is not None

    async def done(sandbox: FullStorySandbox, engine: Engine) -> None:
        await engine.send(TRACK)
        assert (await engine.delete(user_id="u1")).ok
        assert sandbox.find("u1") is None

    deliver(refused)
    deliver(done, key=FullStorySandbox.admin_key)


def test_deletion_without_a_user() -> None:
    """There is nothing to delete without a user id, and no call is made."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        result = the_one(await engine.delete(anonymous_id="a1"))
        assert "User Id is required for user deletion." in str(result.error)
        assert not sandbox.requests

    deliver(check)


def test_unknown_key() -> None:
    """A 401 names the setting; the authentication test finds it beforehand."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        result = await the_result(engine, TRACK)
        assert result.error.status == 401
        assert "apiKey" in str(result.error)
        tested = await engine.test_authentication("fullstory")
        assert tested.status is Status.FAILED
        assert "na1.wrong" not in f"{result.error} {tested.error} {result.request!r} {result.request.headers}"
        assert len(sandbox.requests) == 2

    deliver(check, key="na1.wrong")


@pytest.mark.parametrize(
    "key", [FullStorySandbox.api_key, FullStorySandbox.admin_key, FullStorySandbox.viewer_key]
)
def test_known_key(key: str) -> None:
    """The authentication test takes a key of any role."""

    async def check(_: FullStorySandbox, engine: Engine) -> None:
        assert (await engine.test_authentication("fullstory")).ok

    deliver(check, key=key)


def test_429() -> None:
    """A 429 is tried again, not before the time that FullStory asks for."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        sandbox.fail(429, retry_after=1)
        result = await the_result(engine, TRACK)
        assert (result.status, result.tries) == (Status.SENT, 2)
        assert result.duration >= 1
        first, second = sandbox.requests
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]

    deliver(check)


def test_500() -> None:
    """A 500 gets three tries, since FullStory may have stored it; the error is not the event's fault."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        sandbox.fail(500, stored=True)
        result = await the_result(engine, TRACK)
        assert (result.status, result.tries, result.error.status) == (Status.FAILED, 3, 500)
        assert len(sandbox.requests) == 3

    deliver(check)


@pytest.mark.parametrize("fault", [{"cut": "before"}, {"cut": "after"}, {"cut": "within"}, {"delay": 1}])
def test_lost_answers(fault: dict[str, Any]) -> None:
    """An event whose answer was lost is sent again under its key, and arrives once."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        sandbox.fail(**fault)
        result = await the_result(engine, TRACK)
        assert (result.status, result.tries) == (Status.SENT, 2)
        assert len(sandbox.events) == 1

    deliver(check, timeout=0.3)


def test_same_event_twice() -> None:
    """An event that comes twice with its id and time is delivered once, thanks to the idempotency key."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        event = {**TRACK, "timestamp": "2026-01-02T03:04:05.000Z"}
        for _ in range(2):
            assert (await the_result(engine, event)).status is Status.SENT
        assert len(sandbox.requests) == 2
        assert len(sandbox.events) == 1

    deliver(check)


def test_warnings() -> None:
    """What FullStory drops comes back as a warning of the result and of the explanation."""

    async def check(_: FullStorySandbox, engine: Engine) -> None:
        event = {**TRACK, "properties": {"1st": 1}}
        for found in (
            (await the_result(engine, event)).warnings,
            (await engine.explain(event)).deliveries[0].warnings,
        ):
            assert [problem.path for problem in found] == ["$.properties.1st"]

    deliver(check)
