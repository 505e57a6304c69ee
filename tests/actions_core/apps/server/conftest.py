"""A real server in front of a real outbox, and what ended up in it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import attrs
import pytest

from actions_core import Registry, Request, Workspace, load_destination
from actions_core.apps.server.assembly import make_server
from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from actions_core.apps.server.listener import Limits
    from actions_core.apps.server.server import EventServer
    from actions_core.delivery.outbox import Outbox

WEB = {"name": "web", "writeKey": "wk-web", "origins": ["https://shop.example"]}
BACKEND = {"name": "backend", "writeKey": "wk-backend"}

_DEFINITION = {
    "slug": "target",
    "name": "Target",
    "mode": "cloud",
    "actions": {"act": {"title": "Act", "description": "D", "fields": {}}},
}


@attrs.frozen
class Reply:
    """A response as a client sees it."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)


class Serving:
    """A server of a workspace whose only subscription takes everything; clients post to it."""

    def __init__(
        self,
        folder: Path,
        sources: list[Any],
        *,
        limits: Limits | None = None,
        store_only: bool = True,
        **outbox: Any,
    ) -> None:
        self.path = folder / "events.db"
        subscription = {"partnerAction": "act", "subscribe": 'type != "none"'}
        workspace = Workspace.from_dict(
            {
                "outbox": {"path": str(self.path), "synchronous": "normal", **outbox},
                "sources": sources,
                "destinations": [{"id": "a", "destination": "target", "subscriptions": [subscription]}],
            }
        )
        target = load_destination(_DEFINITION)

        @target.action("act")
        def act() -> Request:
            return Request("POST", "https://target.test/")

        registry = Registry()
        registry.register(target)
        self.transport = RecordingTransport()
        self.outbox: Outbox
        self.server: EventServer
        self.outbox, self.server = make_server(
            workspace, store_only=store_only, limits=limits, registry=registry, transport=self.transport
        )
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Open the outbox, and listen."""
        await self.outbox.open()
        await self.server.__aenter__()
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop as the command does."""
        await self._session.close()
        await self.server.drain()
        await self.outbox.close(1.0)

    async def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **more: Any
    ) -> Reply:
        """Send a request: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        url = self.server.url + path
        async with self._session.request(method, url, data=data, headers=headers, **more) as response:
            return Reply(response.status, dict(response.headers), await response.text())

    async def post(self, path: str, body: Any, **headers: str) -> Reply:
        """Post as a client with the key of the backend does, unless a header says otherwise."""
        given = {"Authorization": "Basic d2stYmFja2VuZDo=", **headers}
        return await self.call("POST", path, body, {key: value for key, value in given.items() if value})

    def stored(self) -> list[Any]:
        """The events in the file, in the order in which they were accepted."""
        connection = sqlite3.connect(self.path)
        try:
            return [json.loads(body) for (body,) in connection.execute("SELECT body FROM event ORDER BY seq")]
        finally:
            connection.close()


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Any]:
    """Run a check against a server with these sources, and return what it returns."""

    def run(check: Callable[[Serving], Awaitable[Any]], sources: Any = (BACKEND, WEB), **options: Any) -> Any:
        async def main() -> Any:
            async with Serving(tmp_path, list(sources), **options) as serving:
                return await check(serving)

        return asyncio.run(main())

    return run
