"""Who is let in and who is not, over HTTP and WebSocket, on a real server; and what binds the browser."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import pytest
import uvicorn

from actions_core.apps.console import addresses
from actions_core.apps.console.guard import Door, Guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

PAGE = b"<!doctype html><script>1</script><script type=module>2</script>&lt;script>"


async def inside(scope: Any, receive: Any, send: Any) -> None:
    """Answer everything: a page, a file of the framework, or a WebSocket that says hello."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})
        await send({"type": "websocket.close"})
        return
    static = scope["path"].startswith("/_nicegui/")
    headers = [
        (b"content-type", b"text/javascript" if static else b"text/html; charset=utf-8"),
        (b"content-length", str(len(PAGE)).encode()),
        (b"cache-control", b"public, max-age=31536000"),
        (b"access-control-allow-origin", b"*"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in (PAGE[:20], PAGE[20:]):
        await send({"type": "http.response.body", "body": piece, "more_body": piece != PAGE[20:]})


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[Door, str, aiohttp.ClientSession]]:
    """Run a guard on loopback, and a client without cookies of its own."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
        door = Door(port, **options)
        server = uvicorn.Server(uvicorn.Config(Guard(inside, door), log_config=None, lifespan="off"))
        task = asyncio.create_task(server._serve([listening]))
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            while not server.started:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.005)
            yield door, f"127.0.0.1:{port}", session
        server.should_exit = True
        await task


def run(test: Callable[..., Awaitable[None]], **options: Any) -> None:
    """Run a test against a guard."""

    async def main() -> None:
        async with serving(**options) as (door, host, session):
            await test(door, host, session)

    asyncio.run(main())


async def ask(
    session: aiohttp.ClientSession,
    host: str,
    headers: dict[str, str],
    *,
    websocket: bool,
    method: str = "GET",
) -> int:
    """Return the status of a request or a handshake; a WebSocket that opens is a 101."""
    if not websocket:
        async with session.request(
            method, f"http://{host}/page", headers=headers, allow_redirects=False
        ) as found:
            return found.status
    try:
        async with session.ws_connect(f"http://{host}/socket", headers=headers) as opened:
            assert await opened.receive_str() == "hello"
    except aiohttp.WSServerHandshakeError as error:
        return error.status
    return 101


#: The host of a request (HOST is ours), its origin (None for none), and with the right cookie its status over
#: HTTP and over WebSocket.
ATTACKS = {
    "ours": ("HOST", "http://HOST", 200, 101),
    "ours, without an origin": ("HOST", None, 200, 403),
    "this machine by another name": ("localhost:1", "http://localhost:1", 200, 101),
    "the same behind TLS": ("HOST", "https://HOST", 200, 101),
    "a foreign page": ("HOST", "http://evil.example", 403, 403),
    "a foreign page, as a sandbox": ("HOST", "null", 403, 403),
    "another port of this machine": ("HOST", "http://127.0.0.1:3000", 403, 403),
    "an origin that begins like ours": ("HOST", "http://HOST.evil.example", 403, 403),
    "an origin with a path": ("HOST", "http://HOST/", 403, 403),
    "an extension": ("HOST", "chrome-extension://abcdef", 403, 403),
    "a rebound name": ("evil.example", "http://evil.example", 421, 403),
    "a rebound name with our port": ("evil.example:80", "http://evil.example:80", 421, 403),
    "a rebound name that contains ours": ("127.0.0.1.evil.example", None, 421, 403),
    "a rebound name that looks like ours": ("localhost.evil.example", None, 421, 403),
    "another machine's address": ("192.0.2.7", "http://192.0.2.7", 421, 403),
    "every address": ("0.0.0.0", "http://0.0.0.0", 421, 403),  # noqa: S104 - asked for, not listened at
    "user information": ("localhost@evil.example", None, 421, 403),
    "an empty host": ("", None, 421, 403),
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("websocket", [False, True], ids=["http", "websocket"])
def test_hosts_and_origins(name: str, *, websocket: bool) -> None:
    """Only a host that names this console is answered, and only its own pages; even with the cookie."""
    given_host, given_origin, status, handshake = ATTACKS[name]

    async def test(door: Door, host: str, session: aiohttp.ClientSession) -> None:
        headers = {"Host": given_host.replace("HOST", host), "Cookie": f"{door.cookie}={door.session}"}
        if given_origin is not None:
            headers["Origin"] = given_origin.replace("HOST", host)
        assert await ask(session, host, headers, websocket=websocket) == (handshake if websocket else status)

    run(test)


def test_a_request_without_a_host() -> None:
    """HTTP/1.0 without a `Host` is refused."""

    async def test(door: Door, host: str, session: aiohttp.ClientSession) -> None:
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 421 " in await reader.readline()
        writer.close()
        await writer.wait_closed()

    run(test)


COOKIES = {
    "none": (None, 401),
    "right": ("NAME=SESSION", 200),
    "right among others": ("a=b; NAME=SESSION; c", 200),
    "wrong": ("NAME=wrong", 401),
    "empty": ("NAME=", 401),
    "the token itself": ("NAME=TOKEN", 401),
    "of another port": ("actions-console-1=SESSION", 401),
    "twice": ("NAME=SESSION; NAME=wrong", 401),
    "not ASCII": ("NAME=é", 401),
}


@pytest.mark.parametrize("name", COOKIES)
@pytest.mark.parametrize("websocket", [False, True], ids=["http", "websocket"])
def test_cookies(name: str, *, websocket: bool) -> None:
    """Without the right cookie nothing is answered, whatever the host and the origin."""
    cookie, status = COOKIES[name]

    async def test(door: Door, host: str, session: aiohttp.ClientSession) -> None:
        headers = {"Origin": f"http://{host}"}
        if cookie is not None:
            text = cookie.replace("NAME", door.cookie).replace("SESSION", door.session)
            headers["Cookie"] = text.replace("TOKEN", door.token or "")
        wanted = (101 if status == 200 else 403) if websocket else status
        assert await ask(session, host, headers, websocket=websocket) == wanted

    run(test)


@pytest.mark.parametrize(
    ("query", "status"),
    [("token=TOKEN", 303), ("token=wrong", 401), ("token=", 401), ("x=TOKEN", 401), ("token=é", 401)],
)
def test_the_printed_address(query: str, status: int) -> None:
    """The printed address lets a browser in: with a cookie that no script and no other site can use."""

    async def test(door: Door, host: str, session: aiohttp.ClientSession) -> None:
        url = f"http://{host}/i/fs?a=1&{query.replace('TOKEN', door.token or '')}&b="
        async with session.get(url, allow_redirects=False) as found:
            assert found.status == status
            if status != 303:
                assert "Set-Cookie" not in found.headers
                return
            assert found.headers["Location"] == "/i/fs?a=1&b="
            wanted = f"{door.cookie}={door.session}; Path=/; HttpOnly; SameSite=Strict"
            assert found.headers["Set-Cookie"] == wanted

    run(test)


def test_the_token_leaves_the_address_bar() -> None:
    """Who comes by the printed address again is sent on to the same page without the token."""

    async def test(door: Door, host: str, session: aiohttp.ClientSession) -> None:
        headers = {"Cookie": f"{door.cookie}={door.session}"}
        url = f"http://{host}/letters?token=old&q=1"
        async with session.get(url, headers=headers, allow_redirects=False) as found:
            assert (found.status, found.headers["Location"]) == (303, "/letters?q=1")

    run(test)


@pytest.mark.parametrize(
    "path", ["//evil.example", "/%5c%5cevil.example", "/%2f%2fevil.example", "/%0d%0aX:%20y"]
)
def test_nobody_is_sent_elsewhere(path: str) -> None:
    """The way in leads to this console alone, whatever path was asked for."""

    async def test(door: Door, host: str, session: aiohttp.ClientSession) -> None:
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(f"GET {path}?token={door.token} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        location = re.search(r"(?im)^location: (.*)\r$", head)
        assert location is not None
        assert re.match(r"/(?![/\\])", location[1])
        assert "\nX:" not in head
        writer.close()
        await writer.wait_closed()

    run(test)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_what_acts_says_where_it_comes_from(method: str) -> None:
    """A request that is not only a look is refused without an origin, as browsers never send it."""

    async def test(door: Door, host: str, session: aiohttp.ClientSession) -> None:
        headers = {"Cookie": f"{door.cookie}={door.session}"}
        assert await ask(session, host, headers, websocket=False, method=method) == 403
        headers["Origin"] = f"http://{host}"
        assert await ask(session, host, headers, websocket=False, method=method) == 200

    run(test)


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("cross-site", "no-cors", 403),
        ("same-site", "cors", 403),
        ("cross-site", "navigate", 200),
        ("same-origin", "cors", 200),
        ("none", "navigate", 200),
    ],
)
def test_parts_of_foreign_pages(site: str, mode: str, status: int) -> None:
    """What a browser loads for a foreign page, as an image, is refused; a link that is followed is not."""

    async def test(door: Door, host: str, session: aiohttp.ClientSession) -> None:
        cookie = f"{door.cookie}={door.session}"
        headers = {"Cookie": cookie, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
        assert await ask(session, host, headers, websocket=False) == status

    run(test)


def test_no_prefix_of_others() -> None:
    """A prefix that a proxy would name never reaches the pages, which would load their scripts from there."""
    seen: list[bytes] = []

    async def note(scope: Any, _: Any, send: Any) -> None:
        seen.extend(name for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(_: Any) -> None:
        pass

    headers = [(b"host", b"localhost"), (b"X-Forwarded-Prefix", b"//evil.example"), (b"accept", b"*/*")]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
    asyncio.run(Guard(note, Door(8820, token=None))(scope, send, send))
    assert seen == [b"host", b"accept"]


def test_open_to_all() -> None:
    """Without a token no cookie is needed; hosts and origins are compared all the same."""

    async def test(door: Door, host: str, session: aiohttp.ClientSession) -> None:
        assert await ask(session, host, {}, websocket=False) == 200
        assert await ask(session, host, {"Origin": f"http://{host}"}, websocket=True) == 101
        assert await ask(session, host, {"Origin": "http://evil.example"}, websocket=True) == 403
        assert await ask(session, host, {"Host": "evil.example"}, websocket=False) == 421

    run(test, token=None)


HOSTS = {
    "localhost": (True, True),
    "LOCALHOST:8820": (True, True),
    "localhost.": (True, True),
    "127.0.0.1": (True, True),
    "127.8.9.1:1": (True, True),
    "[::1]:8820": (True, True),
    "console.internal": (True, True),
    "10.0.0.7": (False, True),
    "[fd00::7]:80": (False, True),
    "evil.example": (False, False),
    "2130706433": (False, False),
    "0x7f.1": (False, False),
    "127.0.0.1:99999999": (False, False),
    "::1": (False, False),
    "[::1": (False, False),
    "": (False, False),
}


@pytest.mark.parametrize("host", HOSTS)
def test_names(host: str) -> None:
    """At loopback only names of this machine are known, elsewhere numeric addresses too, and named ones."""
    at_loopback, elsewhere = HOSTS[host]
    names = frozenset({"console.internal"})
    assert Door(8820, names=names).knows(host) is at_loopback
    assert Door(8820, loopback=False, names=names).knows(host) is elsewhere


def test_what_binds_the_browser() -> None:
    """A page reaches nothing but this console, no script runs without its nonce, and nothing is kept."""

    async def test(door: Door, host: str, session: aiohttp.ClientSession) -> None:
        nonces = set()
        for _ in range(2):
            async with session.get(f"http://{host}/") as found:
                body, headers = await found.text(), found.headers
            policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
            [nonce] = re.findall(r"'nonce-([^']+)'", policy["script-src"])
            nonces.add(nonce)
            mark = f'<script nonce="{nonce}"'
            assert body == f"<!doctype html>{mark}>1</script>{mark} type=module>2</script>&lt;script>"
            assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
            assert policy["connect-src"] == policy["form-action"] == "'self'"
            assert "unsafe-inline" not in policy["script-src"]
            assert "*" not in headers["Content-Security-Policy"]
            assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
            assert (headers["Referrer-Policy"], headers["X-Frame-Options"]) == ("no-referrer", "DENY")
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert "Access-Control-Allow-Origin" not in headers
        assert len(nonces) == 2
        async with session.get(f"http://{host}/_nicegui/3/static/x.js") as found:
            assert (await found.read(), found.headers["Cache-Control"]) == (PAGE, "public, max-age=31536000")
            assert "Access-Control-Allow-Origin" not in found.headers

    run(test, token=None)


def test_what_is_said_of_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    """A refusal tells what to do, and neither it nor the log repeats what was sent."""

    async def test(door: Door, host: str, session: aiohttp.ClientSession) -> None:
        async with session.get(f"http://{host}/secret-page?token=guess") as found:
            text = await found.text()
        assert "open the address that 'actions console' has printed" in text
        assert found.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "guess" not in text + caplog.text
        assert (door.token or "") not in repr(door) + caplog.text
        assert door.session not in repr(door)

    run(test)


@pytest.mark.parametrize(
    "text", ["fs", "a/b", "..", ".", "~1", "a~0/~1\\", "%2F", "ä b?#&", "\ud800", "x" * 300, "~2.", "<img>"]
)
def test_any_text_is_a_part_of_an_address(text: str) -> None:
    """Whatever an id is, its address leads back to it, and has no parts of its own."""
    part = addresses.segment(text)
    assert not set(part) & set('/\\?#<>"')
    assert part not in (".", "..")
    if text != "\ud800":
        from urllib.parse import unquote

        assert addresses.text_of(unquote(part)) == text
    assert addresses.mapping(text, 2, event="m&1", letter=None) == f"/i/{part}/s/2?event={quote('m&1')}"
