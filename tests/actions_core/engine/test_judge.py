"""Judging: a destination says which responses are refusals, whatever their status."""

# ruff: noqa: D103 - functions that stand for those of authors

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import (
    ActionsError,
    AuthenticationError,
    Client,
    Context,
    Destination,
    Engine,
    PayloadError,
    Registry,
    Request,
    RequestError,
    Response,
    Result,
    Status,
    Tokens,
    Workspace,
)
from actions_core.testing import RecordingTransport, make_event

if TYPE_CHECKING:
    from collections.abc import Callable


def judge(response: Response, context: Context) -> ActionsError | Response | None:
    """Judge by what the body says, as an API does that answers 200 to everything."""
    said = response.json
    if response.status == 409:
        return Response(200, {}, b'{"known": true}')
    if not isinstance(said, dict) or said.get("ok", True):
        return None
    error = said["error"]
    if error == "token":
        return AuthenticationError("the token is no good")
    if error == "busy":
        return RequestError("come back later", status=503, retryable=True)
    if error == "limit":
        return RequestError("too many", status=429, retryable=True)
    if error == "email":
        return PayloadError.at("$.email", f"This is not an address, says {context.settings['key']}.")
    raise PayloadError(f"refused: {error}")


def destination_of(function: Callable[..., Any] | None = judge, *, batch: bool = False) -> Destination:
    made = Destination.from_definition(
        {
            "slug": "some",
            "name": "Some",
            "authentication": {
                "scheme": "oauth2",
                "fields": {"key": {"label": "K", "description": "D", "type": "password", "default": "k3y"}},
            },
            "actions": {"add": {"title": "T", "description": "D", "fields": {}}},
        }
    )
    if function is not None:
        made.judge(function)

    @made.refresh_access_token
    async def refresh(client: Client) -> Tokens:
        await client.send(Request("POST", "https://s.test/token"))
        return Tokens("fresh")

    @made.test_authentication
    def check() -> Request:
        return Request("GET", "https://s.test/me")

    if batch:

        @made.batch("add")
        def together(payloads: list[Any]) -> Request:
            return Request("POST", "https://s.test/many", json=payloads)

    else:

        @made.action("add")
        def add() -> Request:
            return Request("POST", "https://s.test/add")

    assert made.check() == []
    return made


def engine_of(destination: Destination, *bodies: Any, tries: int = 1) -> Engine:
    registry = Registry()
    registry.register(destination)
    instance = {
        "id": "one",
        "destination": "some",
        "settings": {"oauth": {"access_token": "old"}},
        "subscriptions": [{"partnerAction": "add", "subscribe": 'type = "track"'}],
        "delivery": {"retry": {"tries": tries, "base": 0}},
    }
    responses = [
        body if isinstance(body, Response) else Response(200, {}, str(body).encode()) for body in bodies
    ]
    return Engine(
        Workspace.from_dict({"destinations": [instance]}),
        registry=registry,
        transport=RecordingTransport(responses),
    )


def sent(engine: Engine) -> Result:
    async def scenario() -> Result:
        async with engine:
            (result,) = (await engine.send(make_event())).results
            return result

    return asyncio.run(scenario())


def no(error: str) -> str:
    return f'{{"ok": false, "error": "{error}"}}'


@pytest.mark.parametrize(
    ("answer", "status", "code", "http_status", "reason"),
    [
        ('{"ok": true}', Status.SENT, None, None, ""),
        ("plain text", Status.SENT, None, None, ""),
        (Response(204), Status.SENT, None, None, ""),
        (Response(409), Status.SENT, None, None, ""),
        (
            Response(500, {}, b"{}"),
            Status.FAILED,
            "INTERNAL_SERVER_ERROR",
            500,
            "the destination answered 500",
        ),
        (no("busy"), Status.FAILED, "REQUEST_FAILED", 503, "come back later"),
        (no("email"), Status.FAILED, "PAYLOAD_VALIDATION_FAILED", 400, "This is not an address, says ***."),
        (no("name"), Status.FAILED, "PAYLOAD_VALIDATION_FAILED", 400, "refused: name"),
        (Response(400, {}, no("name").encode()), Status.FAILED, "PAYLOAD_VALIDATION_FAILED", 400, "refused"),
    ],
)
def test_a_destination_judges_responses(
    answer: Any, status: Status, code: str | None, http_status: int | None, reason: str
) -> None:
    """None leaves it to the status; an error, returned or raised, refuses; a response takes its place."""
    result = sent(engine_of(destination_of(), answer))
    assert result.status is status
    assert result.reason.startswith(reason)
    assert (result.error and result.error.code, result.error and result.error.status) == (code, http_status)


def test_the_response_in_its_place_is_the_result() -> None:
    """What a handler and the result get is the response that the judge gave."""
    result = sent(engine_of(destination_of(), Response(409)))
    assert result.response is not None
    assert (result.response.status, result.response.json) == (200, {"known": True})


def test_an_error_says_whether_to_try_again() -> None:
    """What can be retried is, as after any other refusal; what cannot is final at once."""
    again = sent(engine_of(destination_of(), no("busy"), no("limit"), '{"ok": true}', tries=3))
    assert (again.status, again.tries) == (Status.SENT, 3)
    final = sent(engine_of(destination_of(), no("name"), '{"ok": true}', tries=3))
    assert (final.status, final.tries) == (Status.FAILED, 1)


def test_an_expired_token_may_come_with_a_200() -> None:
    """An `AuthenticationError` renews the token; the request for it is another API's, and is not judged."""
    result = sent(engine_of(destination_of(), no("token"), no("name"), '{"ok": true}'))
    assert (result.status, result.tries) == (Status.SENT, 2)


def test_batches_and_the_authentication_test_are_judged() -> None:
    """Whatever goes to the destination is judged alike."""

    async def scenario() -> None:
        async with engine_of(destination_of(batch=True), no("email"), no("name")) as engine:
            (result,) = (await engine.send_batch([make_event(), make_event()])).results
            assert [node.errormessage for node in result.nodes] == ["This is not an address, says ***."] * 2
            tested = await engine.test_authentication("one")
            assert (tested.status, tested.reason) == (Status.FAILED, "refused: name")

    asyncio.run(scenario())


def falls(response: Response) -> None:
    raise ValueError("k3y is the secret")


def odd(response: Response) -> bool:
    return response.ok


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (falls, "falls() failed with ValueError: *** is the secret ("),
        (odd, "odd() returned bool; it returns None, an error, or a Response"),
    ],
)
def test_a_judge_that_fails_fails_its_event(function: Any, message: str) -> None:
    """A bug is told as one, without secrets, and nothing is tried again: the request was made."""
    result = sent(engine_of(destination_of(function), "{}", "{}", tries=3))
    assert (result.status, result.tries) == (Status.FAILED, 1)
    assert result.error is not None
    assert result.error.code == "HANDLER_FAILED"
    assert result.reason.startswith(message)


@pytest.mark.parametrize("tries", [1, 30])
def test_a_destination_whose_errors_are_judged_can_be_down(tries: int) -> None:
    """An error of the destination's own still counts as the 5xx that it stands for, and not for a 2xx."""

    def word(response: Response) -> ActionsError | None:
        return RequestError("worded")

    async def failed(status: int) -> set[str]:
        answers = [Response(status)] * tries
        async with engine_of(destination_of(word), *answers, tries=1) as engine:
            reports = [await engine.send(make_event()) for _ in range(tries)]
        return {report.results[0].error.code for report in reports if report.results[0].error}

    assert asyncio.run(failed(200)) == {"REQUEST_FAILED"}
    assert ("INSTANCE_UNAVAILABLE" in asyncio.run(failed(503))) is (tries == 30)


async def waits(response: Response) -> None: ...
def sends(response: Response, client: Client) -> None: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (waits, "must be a plain function: judging is part of every request"),
        (sends, "the judgement of responses is not given one"),
    ],
)
def test_a_judge_is_a_plain_function(function: Any, message: str) -> None:
    """It sends nothing, and waits for nothing."""
    made = Destination.from_definition({"slug": "some", "name": "Some", "actions": {}})
    made.judge(function)
    assert any(message in str(problem) for problem in made.check())


def test_a_judge_sees_the_request() -> None:
    """Under whatever name its parameters are: they are handed in by type."""
    seen: list[str] = []

    def look(answer: Response, asked: Request) -> None:
        seen.append(f"{asked.method} {asked.url} {answer.status}")

    assert sent(engine_of(destination_of(look), Response(201))).status is Status.SENT
    assert seen == ["POST https://s.test/add 201"]
