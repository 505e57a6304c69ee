"""Raw HTTP against the stand-in, so that its refusals are seen without our own client in between."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs
import pytest
from actions_fullstory.sandbox import FullStorySandbox
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@attrs.frozen
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]


class Caller:
    """Makes calls to a stand-in, with its Standard key unless told otherwise."""

    def __init__(self, sandbox: FullStorySandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self._session = session

    async def __call__(
        self,
        call: str,
        body: Any = None,
        *,
        key: str | None = FullStorySandbox.api_key,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """Make one call, given as `POST /v2/users`; the path goes out as it stands."""
        method, _, path = call.partition(" ")
        sent = {} if key is None else {"authorization": f"Basic {key}"}
        data = raw if raw is not None or body is None else json.dumps(body).encode()
        async with self._session.request(
            method,
            URL(self.sandbox.url + path, encoded=True),
            data=data,
            headers={**sent, "content-type": "application/json", **(headers or {})},
        ) as answer:
            content = await answer.read()
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, json.loads(content) if content else None, headers)


@pytest.fixture
def with_sandbox() -> Callable[..., None]:
    """Runs an asynchronous function with a caller of a stand-in that is made with the given options."""

    def run(check: Callable[[Caller], Awaitable[None]], **options: Any) -> None:
        async def main() -> None:
            async with FullStorySandbox(**options) as sandbox, aiohttp.ClientSession() as session:
                await check(Caller(sandbox, session))

        asyncio.run(main())

    return run
