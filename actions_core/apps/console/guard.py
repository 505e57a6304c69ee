"""Who may talk to the console, and what a browser may do with its pages: an ASGI application around another.

A page of a foreign name that was made to lead here (DNS rebinding) has that name in `Host`; a foreign page
that sends requests here has its own in `Origin`, and browsers open WebSockets across origins without asking.
So both are compared, and a token is needed beside them. The printed address carries the token once; a cookie
that no script can read carries it from then on. Nothing here depends on the framework of the pages.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import re
import secrets
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode

import attrs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]
    Application: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_LOGGER: Final = logging.getLogger("actions_core")
#: The parameter of the printed address.
TOKEN: Final = "token"  # noqa: S105 - a parameter's name
#: What the framework's own files are called: they contain nothing of the workspace, and may be cached.
_STATIC: Final = "/_nicegui/"
_SAFE: Final = frozenset({"GET", "HEAD"})
#: The scripts of a page: the framework escapes every `<` of what a page shows.
_SCRIPT: Final = re.compile(rb"<script(?=[\s>])")
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
#: `unsafe-eval` is what the templates of the framework's components are compiled with.
_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_PHRASES: Final = {421: "Misdirected Request", 403: "Forbidden", 401: "Unauthorized"}


@attrs.frozen
class Refusal:
    """A request that is not answered: its status, and in words why."""

    status: int
    reason: str


@attrs.frozen
class Door:
    """Whom a console answers to.

    With `loopback` only names of this machine count; otherwise every numeric address does too, since no
    foreign name is one. `names` are further ones that lead here. Without a `token` everyone who
    reaches the console may use it. `session` is what the cookie contains.
    """

    port: int
    loopback: bool = True
    names: frozenset[str] = frozenset()
    token: str | None = attrs.field(factory=lambda: secrets.token_urlsafe(24), repr=False)
    session: str = attrs.field(factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def cookie(self) -> str:
        """The name of the cookie. Browsers keep cookies of all ports of a name together."""
        return f"actions-console-{self.port}"

    def knows(self, host: str) -> bool:
        """Return whether a `Host` header names this console."""
        name = _name_of(host)
        if not name:
            return False
        if name == "localhost" or name in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.loopback

    def refusal(self, kind: str, method: str, headers: Headers) -> Refusal | None:
        """Return why a request is refused whoever sends it; None if it is not."""
        host, origin = headers.get("host"), headers.get("origin")
        if host is None or not self.knows(host):
            return Refusal(421, "this console is not known by the name under which it was asked for")
        if origin is None and (kind == "websocket" or method not in _SAFE):
            return Refusal(403, "the request does not say from which page it comes")
        if origin is not None and origin.lower() not in _origins(host):
            return Refusal(403, "the request comes from another page")
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode")
        if site not in ("none", "same-origin") and mode != "navigate":
            return Refusal(403, "the request comes from another page")
        return None

    def admits(self, headers: Headers) -> bool:
        """Return whether a request carries this console's cookie, where it needs one."""
        if self.token is None:
            return True
        found = [value for name, value in _cookies(headers.get("cookie", "")) if name == self.cookie]
        return len(found) == 1 and _same(found[0], self.session)


class Headers:
    """The headers of a request by lower-case name. One that comes twice counts as neither of the two."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._found: dict[str, str] = {}
        for key, value in raw:
            name = key.decode("latin-1").lower()
            text = value.decode("latin-1")
            joined = f"{self._found[name]}, {text}" if name in self._found else text
            self._found[name] = joined

    def get(self, name: str, default: str | None = None) -> Any:
        """Return the value of a header."""
        return self._found.get(name, default)


class Guard:
    """Lets through to `inside` what may come through `door`, and adds the headers that bind the browser."""

    def __init__(self, inside: Application, door: Door) -> None:
        self._inside = inside
        self.door = door

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request or a WebSocket, or let it through."""
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            await self._inside(scope, receive, send)
            return
        method = scope.get("method", "GET")
        headers = Headers(scope["headers"])
        refusal = self.door.refusal(kind, method, headers)
        if refusal is None and not self.door.admits(headers):
            address = self._entered(scope) if kind == "http" and method in _SAFE else None
            if address is not None:
                await _respond(send, 303, b"", *address)
                return
            refusal = Refusal(401, "open the address that 'actions console' has printed: it contains a token")
        if refusal is not None:
            _LOGGER.warning("console: refused with %d: %s", refusal.status, refusal.reason)
            await _refuse(kind, send, refusal)
            return
        # The framework takes a prefix for its own files from there: this console has none.
        scope["headers"] = [
            pair for pair in scope["headers"] if not pair[0].lower().startswith(b"x-forwarded")
        ]
        if kind == "websocket":
            await self._inside(scope, receive, send)
            return
        if method in _SAFE and _without_token(scope)[1] is not None:
            # Who has the cookie and comes by the printed address again: it leaves the address bar too.
            await _respond(send, 303, b"", (b"location", _address(scope)))
            return
        await self._inside(scope, receive, _Page(send, scope).send)

    def _entered(self, scope: MutableMapping[str, Any]) -> tuple[tuple[bytes, bytes], ...] | None:
        """Return the headers that let a browser in which knows the token; None for one that does not."""
        _, given = _without_token(scope)
        if given is None or self.door.token is None or not _same(given, self.door.token):
            return None
        cookie = f"{self.door.cookie}={self.door.session}; Path=/; HttpOnly; SameSite=Strict"
        return (b"location", _address(scope)), (b"set-cookie", cookie.encode())


class _Page:
    """A response on its way out: with the headers of all, and a nonce at each script of a page."""

    def __init__(self, send: Send, scope: MutableMapping[str, Any]) -> None:
        self._send = send
        self._static = scope["path"].startswith(_STATIC)
        self._nonce = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ())]
            kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
            message["headers"] = self._bound(headers)
            if kind.startswith(b"text/html"):
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            await self._send_page()
            return
        await self._send(message)

    async def _send_page(self) -> None:
        start, self._start = self._start, None
        assert start is not None  # noqa: S101 - the caller has asked; the type checker cannot know
        body = _SCRIPT.sub(b'<script nonce="' + self._nonce.encode() + b'"', bytes(self._body))
        headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
        start["headers"] = [*headers, (b"content-length", str(len(body)).encode())]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    def _bound(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        dropped = {b"server", b"access-control-allow-origin", b"access-control-allow-credentials"}
        if not self._static:
            dropped.add(b"cache-control")
        kept = [pair for pair in headers if pair[0].lower() not in dropped]
        if not self._static:
            kept.append((b"cache-control", b"no-store"))
        policy = _POLICY.format(nonce=self._nonce).encode()
        return [*kept, *_HEADERS, (b"content-security-policy", policy)]


async def _refuse(kind: str, send: Send, refusal: Refusal) -> None:
    if kind == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason})  # becomes a 403
        return
    body = f"{refusal.status} {_PHRASES[refusal.status]}: {refusal.reason}.\n".encode()
    await _respond(send, refusal.status, body)


async def _respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    fixed = (
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
        (b"cache-control", b"no-store"),
    )
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *_HEADERS, *headers]})
    await send({"type": "http.response.body", "body": body})


def _without_token(scope: MutableMapping[str, Any]) -> tuple[str, str | None]:
    """Return the query without the token, and the token; the last one where there are several."""
    pairs = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    given = [value for name, value in pairs if name == TOKEN]
    rest = urlencode([(name, value) for name, value in pairs if name != TOKEN])
    return rest, given[-1] if given else None


def _address(scope: MutableMapping[str, Any]) -> bytes:
    """Return the address of a request on this console, without its token.

    Two slashes at its beginning would be the name of another machine.
    """
    query, _ = _without_token(scope)
    path = "/" + quote(scope["path"].lstrip("/\\"), safe="/:@!$&'()*+,;=~-._")
    return (path + (f"?{query}" if query else "")).encode("ascii")


def _name_of(host: str) -> str:
    """Return the name in a `Host` header, without its port and brackets; empty for what is not one."""
    found = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([0-9a-z._-]+))(?::[0-9]{1,5})?", host.lower())
    return "" if found is None else found[1] or found[2].removesuffix(".")


def _origins(host: str) -> tuple[str, str]:
    return f"http://{host.lower()}", f"https://{host.lower()}"


def _cookies(text: str) -> list[tuple[str, str]]:
    pairs = (item.strip().partition("=") for item in text.split(";"))
    return [(name, value) for name, _, value in pairs]


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())
