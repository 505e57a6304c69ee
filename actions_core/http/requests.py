"""Requests and responses, as plain frozen data.

A handler makes a `Request` with whatever it knows; `prepare` adds what every request of the
destination needs; `complete` turns the result into what a transport gets: an absolute URL with the
query in it. Neither class shows header values, queries or bodies in its `repr`, because that is
where keys and personal data are.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from actions_core.errors import PayloadError, SettingsError
from actions_core.http.wire import (
    base_fault,
    check_headers,
    checked_url,
    is_absolute,
    is_plain_path,
    is_plain_url,
    method_fault,
    name_fault,
    query,
    refused,
    with_query,
)
from actions_core.values.javascript import stringify
from actions_core.values.json_bytes import json_bytes
from actions_core.values.types import MISSING, Json
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

#: Methods at which there is nothing to look.
_USUAL_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


#: Bounds of what is remembered of URLs: some have an id of the event in them.
_MOST_REMEMBERED: Final = 64
_LONGEST_REMEMBERED: Final = 200


def _no_headers() -> dict[str, str]:
    return {}


# Without slots: a frozen class then sets its attributes in half the time, and a twin takes a third.
@attrs.frozen(repr=False, slots=False)
class Request:
    """One HTTP request.

    `json`, `form` and `body` exclude each other. `timeout` is in seconds for one try, None for the
    instance's own. `params` are added to the query when the request is completed; None values are
    left out, lists repeat their name, all else is spelled as in JavaScript. `max_body` is how many bytes of
    the response's body are read, None for as many as the transport reads of any. With `stringify`, `json` is
    written as JavaScript's `JSON.stringify` does, for receivers that compute a signature from it. `judge`
    is how what a definition expects of the response reaches the client; functions have
    `@destination.judge` for that.

    What a handler puts into `url` it quotes: `f"/people/{urllib.parse.quote(user_id, safe='')}"`.
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
    stringify: bool = attrs.field(default=False, kw_only=True)
    judge: Callable[[Response], bool | Refusal] | None = attrs.field(default=None, kw_only=True, eq=False)

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
        that is not absolute, or below which there can be no path: it comes from the settings.
        """
        url = self.url
        if url[:1] == "/" or not is_absolute(url):
            url = _folder(base_url) + url.lstrip("/")
        return self._twin({"url": url, "headers": _joined(headers or {}, self.headers)})

    def with_headers(self, headers: Mapping[str, str]) -> Request:
        """Return the request with `headers` added; they win over those it has."""
        return self._twin({"headers": _joined(self.headers, headers)})

    def with_basic_auth(self, user: str, password: str = "") -> Request:
        """Return the request with a user and a password, in place of other credentials in its headers.

        Raises `RequestError` for a user with a colon, behind which the password would begin, and for what
        UTF-8 cannot say.
        """
        if ":" in user:
            raise refused("the user of basic authentication contains a colon")
        try:
            pair = b64encode(f"{user}:{password}".encode())
        except UnicodeEncodeError:
            raise refused("the user or password of basic authentication has half a surrogate pair") from None
        return self.with_headers({"Authorization": f"Basic {pair.decode('ascii')}"})

    def with_bearer(self, token: str) -> Request:
        """Return the request with a bearer token, in place of other credentials in its headers."""
        return self.with_headers({"Authorization": f"Bearer {token}"})

    def with_params(self, params: Mapping[str, Any]) -> Request:
        """Return the request with `params` added; they win over those it has."""
        return self._twin({"params": {**(self.params or {}), **params}})

    def _twin(self, changes: dict[str, Any]) -> Request:
        """Copy with changes, as `evolve` does but quicker: every request passes here."""
        twin = object.__new__(type(self))
        object.__setattr__(twin, "__dict__", self.__dict__ | changes)
        return twin

    def complete(self) -> Request:
        """Return the request for a transport: an absolute URL, query included, and headers that can be sent.

        Raises `RequestError` for a method that is none, or a URL that is not absolute or would not arrive as
        it stands; `PayloadError` for a header that is none, could break out of its line, or says how the
        message is framed: such things come from data, and trying again cannot help.
        """
        if self.method not in _USUAL_METHODS:
            fault = method_fault(self.method)
            if fault:
                raise refused(f"the method of the request {fault}")
        headers = self.headers
        if headers:
            check_headers(headers)
        url = checked_url(self.url, headers)
        if self.params:
            return self._twin({"url": with_query(url, self.params), "params": None})
        return self if url is self.url else self._twin({"url": url})

    def content(self) -> tuple[bytes | None, str | None]:
        """Return the body as bytes and its content type; (None, None) without a body.

        The body is written once: whoever asks later, of this request or of one that differs in its URL or
        headers only, gets the same bytes. Raises `PayloadError` for what JSON or UTF-8 cannot say.
        """
        # Beside the attributes, which are frozen; `_twin` takes it along, `evolve` does not.
        written: tuple[bytes | None, str | None] | None = self.__dict__.get("_content")
        if written is None:
            written = self.__dict__["_content"] = self._written()
        return written

    def _written(self) -> tuple[bytes | None, str | None]:
        if self.json is not MISSING:
            return _json_bytes(self.json, stringify_it=self.stringify), "application/json"
        if self.form is not None:
            return query(self.form).encode(), "application/x-www-form-urlencoded"
        if isinstance(self.body, str):
            try:
                return self.body.encode(), "text/plain; charset=utf-8"
            except UnicodeEncodeError:
                raise PayloadError("the request's body contains half a surrogate pair") from None
        if isinstance(self.body, bytes | bytearray | memoryview):
            return bytes(self.body), "application/octet-stream"
        if self.body is not None:
            raise PayloadError(f"the request's body must be bytes or a string but it is {kind(self.body)}")
        return None, None


class RequestBase:
    """A base URL, headers and a query that requests share, checked once instead of with every request.

    Raises `SettingsError` for a base URL that is not absolute, or below which there can be no path.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], params: Mapping[str, Any] | None = None
    ) -> None:
        self._url = _folder(base_url)
        self._headers = dict(headers)
        self._params = dict(params or {})
        self._is_plain = is_plain_url(self._url) and _are_plain_values(self._headers)
        #: The URLs of requests in which nothing but a header's value can be wrong, by what was looked at.
        self._urls: dict[tuple[str, ...], str] = {}

    def complete(self, request: Request) -> Request:
        """Return the request below the base URL, with the headers that it lacks, complete for a transport.

        Raises what `Request.with_base` and `Request.complete` do.
        """
        if self._params:
            request = request._twin({"params": {**self._params, **(request.params or {})}})  # noqa: SLF001 - as below
        headers = request.headers
        looked_at = (request.method, request.url, *headers)
        try:
            url = self._urls.get(looked_at) or self._plain_url(looked_at)
        except TypeError:  # a list in the place of a URL
            url = ""
        if url and not request.params and _are_plain_values(headers):
            return request._twin({"url": url, "headers": {**self._headers, **headers}})  # noqa: SLF001 - in this very module
        return request.with_base(self._url, self._headers).complete()

    def _plain_url(self, looked_at: tuple[str, ...]) -> str:
        """Return the whole URL of a request that can go as it is, given method, URL and names of headers.

        It is remembered, since most actions have one URL; the empty string where more must be looked at.
        """
        method, path, *names = looked_at
        joined = (*self._headers, *names)
        if (
            not self._is_plain
            or not isinstance(path, str)
            or method_fault(method)
            or not is_plain_path(path)
            or name_fault(joined)
            or _clash(joined)
        ):
            return ""
        url = self._url + path[1:]
        if len(path) <= _LONGEST_REMEMBERED:
            if len(self._urls) >= _MOST_REMEMBERED:
                self._urls.clear()
            self._urls[looked_at] = url
        return url


def _are_plain_values(headers: Mapping[str, str]) -> bool:
    try:
        return "".join(headers.values()).isprintable()
    except TypeError:
        return False


def _joined(headers: Mapping[str, str], winning: Mapping[str, str]) -> Mapping[str, str]:
    """All headers of both; of two with one name, in whatever case, the winning one."""
    if not winning:
        return headers
    joined = {**headers, **winning}
    if not _clash(tuple(joined)):
        return joined
    names = {*map(str.lower, winning)}
    return {**{name: text for name, text in headers.items() if name.lower() not in names}, **winning}


@lru_cache(maxsize=64)
def _folder(base_url: str) -> str:
    """Return the base URL with one slash at its end; cached, since an instance has only one."""
    fault = base_fault(base_url)
    if fault:
        raise SettingsError(f"the base URL in the settings {fault}")
    return base_url.rstrip("/") + "/"


@lru_cache(maxsize=256)
def _clash(names: tuple[str, ...]) -> bool:
    """Return whether two names differ only in case; cached, since names hardly change."""
    return len({*map(str.lower, names)}) < len(names)


def _json_bytes(value: Json, *, stringify_it: bool) -> bytes:
    try:
        return stringify(value).encode() if stringify_it else json_bytes(value)
    except RecursionError:
        why = "it is nested too deeply, or contains itself"
    except TypeError as error:
        why = str(error)
    except ValueError:  # all that Python says of such numbers is how to raise its limit
        why = "a number in it has too many digits"
    raise PayloadError(f"the request's JSON cannot be written: {why}")


def _no_json(constant: str) -> Json:
    raise ValueError(constant)


def _double(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


@attrs.frozen(repr=False)
class Response:
    """One HTTP response. Header names are lower case; `body` is bounded by the transport.

    `unreadable` says why a body that came could not be decoded; what could be read of it is in `body`.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(factory=_no_headers)
    body: bytes = b""
    unreadable: str = ""

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
        """The body as JSON, None when it is not JSON; a number that no double can hold is null in it."""
        try:
            read: Json = json.loads(self.body, parse_constant=_no_json, parse_float=_double)
        except (ValueError, RecursionError):
            return None
        return read


@attrs.frozen
class Refusal:
    """What a response that was judged to be no success says.

    An empty `message` means that its body says it; None that its status tells if trying again may help. With
    `unauthorized` it counts as a 401, after which an access token is renewed.
    """

    message: str = ""
    retryable: bool | None = None
    unauthorized: bool = False


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
