"""Requests and responses, as plain frozen data.

A handler makes a `Request` with whatever it knows; `prepare` adds what every request of the
destination needs; `complete` turns the result into what a transport gets: an absolute URL with the
query in it. Neither class shows header values, queries or bodies in its `repr`, because that is
where keys and personal data are.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

import attrs

from actions_core.errors import PayloadError, RequestError, SettingsError
from actions_core.values.types import MISSING, Json
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

_ABSOLUTE = ("https://", "http://")
#: What no header may contain (RFC 9110, 5.5); a tab may stand in one.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def _no_headers() -> dict[str, str]:
    return {}


# Without slots: a frozen class then sets its attributes in half the time, and a twin takes a third.
@attrs.frozen(repr=False, slots=False)
class Request:
    """One HTTP request.

    `json`, `form` and `body` exclude each other. `timeout` is in seconds for one try, None for the
    instance's own. `params` are added to the query when the request is completed; None values are
    left out, lists repeat their name. `max_body` is how many bytes of the response's body are read, None for
    as many as the transport reads of any.
    """

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(factory=_no_headers, kw_only=True)
    params: Mapping[str, Any] | None = attrs.field(default=None, kw_only=True)
    json: Json = attrs.field(default=MISSING, kw_only=True)
    form: Mapping[str, Any] | None = attrs.field(default=None, kw_only=True)
    body: bytes | str | None = attrs.field(default=None, kw_only=True)
    timeout: float | None = attrs.field(default=None, kw_only=True)
    follow_redirects: bool = attrs.field(default=True, kw_only=True)
    max_body: int | None = attrs.field(default=None, kw_only=True)

    def __repr__(self) -> str:
        scheme, slashes, rest = self.url.partition("?")[0].partition("://")
        host, slash, path = rest.partition("/")
        return f"<Request {self.method} {scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}>"

    def evolve(self, **changes: Any) -> Request:
        """Return the same request with some attributes changed."""
        return attrs.evolve(self, **changes)

    def with_base(self, base_url: str, headers: Mapping[str, str] | None = None) -> Request:
        """Return the request below `base_url`, unless its URL is absolute already.

        `headers` are added where the request has none of that name. Raises `SettingsError` for a base URL
        that cannot be one: it comes from the settings.
        """
        url = self.url
        joined = _joined(headers or {}, self.headers)
        if not url.startswith(_ABSOLUTE) and not _is_absolute(url):
            if not base_url.startswith(_ABSOLUTE) or "@" in base_url:
                base_url = _checked_base(base_url, joined)
            url = base_url.rstrip("/") + "/" + url.lstrip("/")
        return self._twin({"url": url, "headers": joined})

    def with_headers(self, headers: Mapping[str, str]) -> Request:
        """Return the request with `headers` added; they win over those it has."""
        return self._twin({"headers": _joined(self.headers, headers)})

    def with_basic_auth(self, user: str, password: str = "") -> Request:
        """Return the request with a user and a password, in place of other credentials in its headers.

        Raises `RequestError` for a user with a colon, behind which the password would begin.
        """
        if ":" in user:
            raise RequestError("the user of basic authentication contains a colon", code="REQUEST_INVALID")
        pair = f"{user}:{password}".encode("utf-8", "replace")
        return self.with_headers({"Authorization": f"Basic {b64encode(pair).decode('ascii')}"})

    def with_bearer(self, token: str) -> Request:
        """Return the request with a bearer token, in place of other credentials in its headers."""
        return self.with_headers({"Authorization": f"Bearer {token}"})

    def with_params(self, params: Mapping[str, Any]) -> Request:
        """Return the request with `params` added; they win over those it has."""
        return self._twin({"params": {**(self.params or {}), **params}})

    def _twin(self, changes: dict[str, Any]) -> Request:
        """Copy with changes, as `evolve` does but quicker: every request passes here."""
        twin = object.__new__(type(self))
        attributes = twin.__dict__
        attributes.update(self.__dict__)
        attributes.update(changes)
        return twin

    def complete(self) -> Request:
        """Return the request for a transport: an absolute URL, query included, and headers that can be sent.

        Raises `RequestError` for a URL that is not absolute, `PayloadError` for a header with control
        characters, which could break out of its line: that comes from data, and trying again cannot help.
        """
        if not self.url.startswith(_ABSOLUTE):
            if _is_absolute(self.url):
                return self._twin({"url": _lower_scheme(self.url)}).complete()
            raise RequestError(
                f"the URL {self.url.partition('?')[0]!r} is not absolute: prepare must add the base URL",
                code="REQUEST_INVALID",
            )
        headers = self.headers
        try:
            # All at once, because nearly all headers are fine.
            in_order = "".join([*headers, *headers.values()]).isprintable()
        except TypeError:
            in_order = False
        if not in_order:
            for name, value in headers.items():
                _check_header(name, value)
        if not self.params:
            return self
        return self._twin({"url": _with_query(self.url, self.params), "params": None})

    def content(self) -> tuple[bytes | None, str | None]:
        """Return the body as bytes and its content type; (None, None) without a body.

        Raises `PayloadError` for what JSON cannot say, such as NaN.
        """
        if self.json is not MISSING:
            return _json_bytes(self.json), "application/json"
        if self.form is not None:
            return _query(self.form).encode(), "application/x-www-form-urlencoded"
        if isinstance(self.body, str):
            return self.body.encode("utf-8", "replace"), "text/plain; charset=utf-8"
        if self.body is not None:
            return self.body, "application/octet-stream"
        return None, None


def _joined(headers: Mapping[str, str], winning: Mapping[str, str]) -> Mapping[str, str]:
    """All headers of both; of two with one name, in whatever case, the winning one."""
    if not winning:
        return headers
    joined = {**headers, **winning}
    if not _clash(tuple(joined)):
        return joined
    names = {*map(str.lower, winning)}
    return {**{name: text for name, text in headers.items() if name.lower() not in names}, **winning}


def _is_absolute(url: str) -> bool:
    """Return whether the URL has one of the two schemes, however it is spelled."""
    return url[: len(_ABSOLUTE[0])].lower().startswith(_ABSOLUTE)


def _lower_scheme(url: str) -> str:
    scheme, signs, rest = url.partition("://")
    return scheme.lower() + signs + rest


def _checked_base(base_url: str, headers: Mapping[str, str]) -> str:
    """Return a base URL with its scheme in lower case; errors do not show it, since it may hold a secret."""
    if not _is_absolute(base_url):
        raise SettingsError("the base URL in the settings must begin with https:// or http://")
    authority = re.split(r"[/?#]", base_url.partition("://")[2], maxsplit=1)[0]
    if "@" in authority and any(name.lower() == "authorization" for name in headers):
        raise SettingsError(
            "the base URL in the settings has a user or a password (before the @), and the destination sends "
            "credentials of its own: take them out of the base URL"
        )
    return _lower_scheme(base_url)


@lru_cache(maxsize=256)
def _clash(names: tuple[str, ...]) -> bool:
    """Return whether two names differ only in case; cached, since names hardly change."""
    return len({*map(str.lower, names)}) < len(names)


def _check_header(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise PayloadError(f"the header {name} must be a string but it is {kind(value)}")
    if _CONTROL.search(name) or _CONTROL.search(value):
        raise PayloadError(f"the header {name!a} contains a line break or another control character")
    try:
        value.encode()
        name.encode("ascii")
    except UnicodeEncodeError:
        raise PayloadError(f"the header {name!a} contains characters that no header may") from None


# Without the bookkeeping that finds circles: one ends as a RecursionError, which is caught below.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode


def _json_bytes(value: Json) -> bytes:
    try:
        # ensure_ascii stays on: lone surrogates, which UTF-8 cannot hold, then travel as escapes.
        return _encode(value).encode("ascii")
    except (ValueError, TypeError, RecursionError) as error:
        raise PayloadError(f"the request's JSON cannot be written: {error}") from None


def _query(params: Mapping[str, Any]) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        items = value if isinstance(value, (list, tuple)) else (value,)
        pairs += [(name, _query_text(item)) for item in items if item is not None and item is not MISSING]
    return urlencode(pairs, quote_via=quote, safe="", errors="replace")


def _query_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _with_query(url: str, params: Mapping[str, Any]) -> str:
    query = _query(params)
    if not query:
        return url
    head, mark, fragment = url.partition("#")
    return f"{head}{'&' if '?' in head else '?'}{query}{mark}{fragment}"


@attrs.frozen(repr=False)
class Response:
    """One HTTP response. Header names are lower case; `body` is bounded by the transport."""

    status: int
    headers: Mapping[str, str] = attrs.field(factory=_no_headers)
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Response {self.status}>"

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the definition of success in HTTP

    @property
    def text(self) -> str:
        """The body as UTF-8; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Json:
        """The body as JSON, None when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Transport(Protocol):
    """A sender of requests. Give an engine one of your own to put another network, or none, behind it.

    One that has a method `public_only()` is asked for a transport that connects to public addresses
    only, for the instances that may reach no others. Without it, a transport has to see to that itself:
    the engine then refuses only what a URL says outright, not the names that lead somewhere private.
    """

    def send(self, request: Request) -> Awaitable[Response]:
        """Send an absolute request and return the whole response, whatever its status.

        Raises `TransportError` when no response came. The time limit is the caller's, who cancels.
        """
        ...

    def close(self) -> Awaitable[None]:
        """Close whatever is open."""
        ...
