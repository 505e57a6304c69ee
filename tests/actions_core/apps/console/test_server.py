"""The console's server: one in a process, in the event loop of whoever starts it, and gone when it ends."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from actions_core import ActionsError
from actions_core.apps.console.pages import catalogue
from actions_core.apps.console.server import Console

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SOCKET = "_nicegui_ws/socket.io/?EIO=4&transport=websocket"


def jar() -> aiohttp.CookieJar:
    """Make a jar that keeps cookies of numeric addresses, as browsers do."""
    return aiohttp.CookieJar(unsafe=True)


def test_from_its_start_to_its_end(
    desk_of: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """It answers while its context is entered, leaves signals alone, and can be started again."""

    async def main() -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        async with desk_of(write_workspace(fullstory)) as desk:
            for _ in range(2):
                async with Console(desk) as console, aiohttp.ClientSession(cookie_jar=jar()) as session:
                    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
                    with pytest.raises(ActionsError, match="there can be only one"):
                        await Console(desk).__aenter__()
                    async with session.get(console.entrance) as found:
                        text = await found.text()
                    assert (found.status, str(found.url)) == (200, console.url)
                    assert "fs" in text
                    assert len(re.findall("<script", text)) == len(re.findall('<script nonce="', text))
                    async with session.get(f"{console.url}docs") as found:
                        assert found.status == 404
                with pytest.raises(aiohttp.ClientConnectorError):
                    async with aiohttp.ClientSession() as session:
                        await session.get(console.url)

    asyncio.run(main())


def test_the_socket_of_its_pages(
    desk_of: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """The framework's own WebSocket and its polling are guarded like the pages."""

    async def main() -> None:
        async with (
            desk_of(write_workspace(fullstory)) as desk,
            Console(desk) as console,
            aiohttp.ClientSession(cookie_jar=jar()) as session,
        ):
            origin = {"Origin": console.url.rstrip("/")}
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect(console.url + _SOCKET, headers=origin)
            await (await session.get(console.entrance)).read()
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect(console.url + _SOCKET, headers={"Origin": "http://evil.example"})
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect(console.url + _SOCKET)
            async with session.ws_connect(console.url + _SOCKET, headers=origin) as opened:
                assert (await opened.receive_str()).startswith("0{")
            polling = console.url + _SOCKET.replace("websocket", "polling")
            for headers, status in (({"Origin": "http://evil.example"}, 403), ({}, 403)):
                async with session.post(polling, headers=headers) as found:
                    assert found.status == status

    asyncio.run(main())


def test_where_it_cannot_listen(
    desk_of: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """A port that is taken raises `OSError` and ends nothing; the next one can be started."""

    async def main() -> None:
        async with desk_of(write_workspace(fullstory)) as desk:
            with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
                await Console(desk, port=taken.getsockname()[1]).__aenter__()
            async with Console(desk, token="given", host="localhost") as console:
                assert console.entrance == f"{console.url}?token=given"

    asyncio.run(main())


def test_a_page_that_cannot_be_made(
    desk_of: Callable[..., Any],
    write_workspace: Callable[..., Path],
    fullstory: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error of a page is said in words, without what was in it, and the other pages work on."""
    monkeypatch.setattr(catalogue, "list_entries", lambda registry: 1 / len(""))

    async def main() -> None:
        async with (
            desk_of(write_workspace(fullstory)) as desk,
            Console(desk) as console,
            aiohttp.ClientSession(cookie_jar=jar()) as session,
        ):
            async with session.get(console.entrance) as found:
                text = await found.text()
            assert (found.status, "ZeroDivisionError" in text, "by zero" in text) == (500, True, False)
            async with session.get(f"{console.url}letters") as found:
                assert found.status == 200

    asyncio.run(main())
