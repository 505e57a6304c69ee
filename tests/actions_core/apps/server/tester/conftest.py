"""A destination with a function of each kind, the API that it finds, and a page that talks to its server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs
import pytest

from actions_core import (
    Audience,
    Choices,
    Client,
    Context,
    Destination,
    MultiStatus,
    Node,
    Request,
    RequestError,
    Tokens,
    load_destination,
)
from actions_core.apps.server.tester.server import DestinationServer
from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SECRET = "very-secret-key"


def text(**options: Any) -> dict[str, Any]:
    """A field that holds text."""
    return {"label": "L", "description": "D", "type": "string", **options}


def everything(**changes: Any) -> Destination:  # noqa: C901 - one function for each kind that there is
    """A destination that has a function of each kind."""
    definition = {
        "slug": "everything",
        "name": "Everything",
        "mode": "cloud",
        "authentication": {
            "scheme": "oauth2",
            "fields": {
                "apiKey": text(type="password", required=True),
                "region": text(choices=["eu", "us"], default="eu"),
            },
        },
        "audienceConfig": {"mode": {"type": "synced", "full_audience_sync": False}},
        "audienceFields": {"kind": text(default="users")},
        "actions": {
            "sendThing": {
                "title": "Send",
                "description": "D",
                "fields": {
                    "name": text(required=True, default={"@path": "$.event"}),
                    "list": text(dynamic=True),
                    "items": {
                        "label": "L",
                        "description": "D",
                        "type": "object",
                        "multiple": True,
                        "properties": {"sku": text(dynamic=True)},
                    },
                },
                "hooks": {
                    "onMappingSave": {
                        "label": "Make a list",
                        "description": "D",
                        "inputFields": {"title": text(required=True, dynamic=True)},
                        "outputFields": {"id": text(required=True)},
                    }
                },
            },
            "single": {"title": "S", "description": "D", "fields": {"name": text()}},
        },
        **changes,
    }
    destination = load_destination(definition)

    @destination.prepare
    def prepare(request: Request, context: Context) -> Request:
        key, token = context.settings["apiKey"], context.auth.access_token
        return request.with_base("https://api.test").with_headers(
            {"authorization": f"Bearer {token or key}", "x-note": f"for {key}", "x-plain": "plain"}
        )

    @destination.test_authentication
    def me() -> Request:
        return Request("GET", "/me")

    @destination.on_delete
    def remove(user_id: str | None) -> Request:
        return Request("DELETE", f"/users/{user_id}")

    @destination.refresh_access_token
    async def refresh(refresh_token: str | None, client: Client) -> Tokens:
        answer = await client.send(Request("POST", "https://auth.test/token", json={"with": refresh_token}))
        return Tokens(answer.json["access"], answer.json.get("refresh"))

    @destination.action("sendThing")
    async def send(
        name: str,
        list: str | None = None,  # noqa: A002 - the field's name
        items: Any = None,
        *,
        context: Context,
        client: Client,
    ) -> None:
        if name == "broken":
            raise ValueError(f"no such {context.settings['apiKey']}")
        for path in ("/first", "/second"):
            await client.send(Request("POST", path, json={"name": name, "key": context.settings["apiKey"]}))

    @destination.batch("sendThing")
    async def send_many(payloads: list[Any], client: Client) -> MultiStatus:
        await client.send(Request("POST", "/many", json=[payload["name"] for payload in payloads]))
        found = MultiStatus()
        for _ in payloads:
            found.append(Node(200))
        return found

    @destination.action("single")
    def single(name: str | None = None) -> Request:
        return Request("POST", "/single", json={"name": name})

    @destination.hook("sendThing", "onMappingSave")
    async def make_list(title: str, client: Client) -> dict[str, Any]:
        return {"id": (await client.send(Request("POST", "/lists", json={"title": title}))).json["id"]}

    @destination.dynamic_field("sendThing", "list")
    async def lists(page: str | None, client: Client) -> Choices:
        answer = await client.send(Request("GET", "/lists", params={"page": page}))
        return Choices(tuple(answer.json["lists"]), "3")

    @destination.dynamic_field("sendThing", "items.[].sku")
    def skus(index: int, payload: dict[str, Any]) -> Choices:
        return Choices(({"label": str(index), "value": payload["of"]},))

    @destination.dynamic_field("sendThing", "title", hook="onMappingSave")
    def titles(hook_inputs: dict[str, Any]) -> Choices:
        return Choices(({"label": "T", "value": hook_inputs["title"]},))

    @destination.create_audience
    async def create(audience_name: str, audience_settings: dict[str, Any], client: Client) -> Audience:
        asked = {"name": audience_name, "kind": audience_settings["kind"]}
        return Audience((await client.send(Request("POST", "/audiences", json=asked))).json["id"])

    @destination.get_audience
    async def find(external_id: str, client: Client) -> Audience:
        raise RequestError(f"there is no {external_id} for {SECRET}", status=404)

    assert [problem for problem in destination.check() if problem.is_error] == []
    return destination


@attrs.define
class Fixed:
    """A subject whose destination is given, and changes when a test says so."""

    destination: Destination
    folder: Path = Path("/somewhere/actions_everything")
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def watch(self, tell: Callable[[], Awaitable[None]]) -> None:
        """Tell of each change."""
        while True:
            await self.changed.wait()
            self.changed.clear()
            await tell()


class Page:
    """A tester's page, and the API that the destination finds."""

    def __init__(
        self, server: DestinationServer, session: aiohttp.ClientSession, api: RecordingTransport
    ) -> None:
        self.server = server
        self.api = api
        self.session = session

    async def call(self, method: str, path: str, data: Any = None, **headers: str) -> Any:
        """Send a request, and return its status, its headers, and its JSON where it has one."""
        async with self.session.request(method, self.server.url + path, data=data, headers=headers) as reply:
            body = await reply.text()
            assert SECRET not in body
            return reply.status, reply.headers, json.loads(body) if body else None

    async def post(self, path: str, body: Any) -> Any:
        """Post JSON, and return status and body."""
        status, _, found = await self.call(
            "POST", path, json.dumps(body), **{"Content-Type": "application/json; charset=utf-8"}
        )
        return status, found


def run_page(
    check: Callable[[Page], Awaitable[Any]],
    responses: list[Any] | None = None,
    destination: Destination | None = None,
) -> Any:
    """Run a check against a server of the destination."""

    async def main() -> Any:
        api = RecordingTransport(responses or [])
        subject: Any = Fixed(everything() if destination is None else destination)
        async with (
            DestinationServer(subject, port=0, transport=api) as server,
            aiohttp.ClientSession() as session,
        ):
            return await check(Page(server, session, api))

    return asyncio.run(main())


@pytest.fixture
def run() -> Callable[..., Any]:
    """Run a check against a server of the destination, with the responses of the API."""
    return run_page


@pytest.fixture
def post() -> Callable[..., Any]:
    """Post one request, and return status and body."""

    def send(path: str, body: Any, responses: list[Any] | None = None, **options: Any) -> Any:
        return run_page(lambda page: page.post(path, body), responses, **options)

    return send


@pytest.fixture
def make() -> Callable[..., Destination]:
    """Make the destination, with changes of its definition."""
    return everything
