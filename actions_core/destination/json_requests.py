"""Requests that a definition writes itself, compiled to handlers like any function.

What a request is written over is `{payload, settings, auth}`, of a batch `{payloads, settings, auth}`.
Whatever comes out of it comes from events and settings: it is taken only in the form that HTTP has for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote

from actions_core.destination.context import plain_settings
from actions_core.destination.handler import Handler
from actions_core.errors import MappingError, PayloadError, SettingsError
from actions_core.http.requests import Request, RequestBase
from actions_core.http.wire import base_fault
from actions_core.mapping import compile_mapping
from actions_core.values.javascript import number_text
from actions_core.values.types import MISSING, Json, JsonObject
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions_core.destination.context import Auth, Context
    from actions_core.destination.specs import DestinationSpec

    Place: TypeAlias = tuple[str, ...]
    Given: TypeAlias = Callable[[JsonObject], JsonObject]

_PARTS: Final = ("method", "url", "headers", "params", "json", "form")
_METHOD: Final = re.compile(r"[A-Za-z]{1,20}")
_ABSOLUTE: Final = re.compile(r"(https?://[^/?#]*)(.*)", re.DOTALL | re.IGNORECASE)
#: What stands in a URL as it is: its own signs, and what is percent-encoded already.
_URL_SIGNS: Final = "!#$%&'()*+,/:;=?@[]~"
#: How a message is framed, and where a connection leads, is the transport's to say.
_FRAMING: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def written_handlers(spec: DestinationSpec, *, prepared: bool) -> dict[Place, Handler]:
    """Return the handlers of the requests in a checked definition, by role and keys.

    `prepared` says whether a function completes them, so that their URLs may be relative.
    """
    relative = prepared or spec.request is not None
    found: list[tuple[Place, JsonObject | None, Given]] = [
        (("test_authentication",), spec.test_authentication, _nothing),
        (("on_delete",), spec.on_delete, _user),
    ]
    for key, action in spec.actions.items():
        found.append((("action", key), action.request, _payload))
        found.append((("batch", key), action.batch_request, _payloads))
    handlers: dict[Place, Handler] = {
        place: _handler(place, raw, given, relative=relative)
        for place, raw, given in found
        if raw is not None
    }
    if spec.request is not None:
        handlers["prepare",] = _base(spec.request)
    return handlers


def _nothing(_payload: JsonObject) -> JsonObject:
    return {}


def _payload(payload: JsonObject) -> JsonObject:
    return {"payload": payload}


def _payloads(payload: JsonObject) -> JsonObject:
    return {"payloads": payload["payloads"]}


def _user(payload: JsonObject) -> JsonObject:
    named = {"userId": payload.get("user_id"), "anonymousId": payload.get("anonymous_id")}
    return {"payload": {key: value for key, value in named.items() if value is not None}}


def _shared(settings: JsonObject, token: str | None) -> JsonObject:
    return {"settings": settings, "auth": {} if token is None else {"accessToken": token}}


def _handler(place: Place, raw: JsonObject, given: Given, *, relative: bool) -> Handler:
    mapping = compile_mapping({part: raw[part] for part in _PARTS if raw.get(part) is not None})
    timeout = raw.get("timeout")

    def bind(
        payload: JsonObject, context: Context, client: object = None, request: object = None
    ) -> dict[str, Any]:
        del client, request
        return {**given(payload), **_shared(plain_settings(context), context.auth.access_token)}

    def build(**scope: Any) -> Request:
        return _request(mapping.resolve(scope), timeout, relative=relative)

    def call(payload: JsonObject, context: Context, client: object = None, request: object = None) -> Request:
        return build(**bind(payload, context, client, request))

    build.__qualname__ = "the request of the definition"
    return Handler(
        place[0], place[1:], build, is_async=False, takes=frozenset({"context"}), bind=bind, call=call
    )


def _request(parts: Json, timeout: float | None, *, relative: bool) -> Request:
    method = _text("method", parts.get("method", MISSING))
    if not _METHOD.fullmatch(method) or method.upper() == "CONNECT":
        raise PayloadError("the request's method must be one word of letters, such as POST")
    json, form = parts.get("json", MISSING), parts.get("form")
    return Request(
        method.upper(),
        _url("url", parts.get("url", MISSING), relative=relative),
        headers=_headers(parts.get("headers")),
        params=_pairs("params", parts.get("params")),
        json=json,
        form=_pairs("form", form),
        timeout=timeout,
    )


class SharedBase:
    """The base URL and the headers that a definition gives to all requests, resolved once for an instance.

    They are resolved anew when the access token has changed. A request whose URL is absolute gets neither.
    """

    def __init__(self, raw: JsonObject, settings: JsonObject, auth: Auth) -> None:
        self._mapping = compile_mapping(
            {key: raw[key] for key in ("baseUrl", "headers") if raw.get(key) is not None}
        )
        self._settings = settings
        self._auth = auth
        self._token: str | None = None
        self._base: RequestBase | None = None

    def complete(self, request: Request, _context: Context | None = None) -> Request:
        """Return the request as a transport gets it. Raises `SettingsError` where there can be no base."""
        url = request.url
        if url[:1] != "/" and _ABSOLUTE.fullmatch(url):
            return request.complete()
        token = self._auth.access_token
        if self._base is None or token != self._token:
            self._base, self._token = self._resolve(token), token
        return self._base.complete(request)

    def _resolve(self, token: str | None) -> RequestBase:
        try:
            base: Json = self._mapping.resolve(_shared(self._settings, token))
            headers = _headers(base.get("headers"))
            url = _text("baseUrl", base.get("baseUrl", MISSING))
        except (MappingError, PayloadError) as error:
            # Nothing of an event is in it.
            raise SettingsError(error.message, problems=error.problems) from None
        fault = base_fault(url)
        if fault:
            raise SettingsError(f"the request's baseUrl {fault}")
        return RequestBase(url, headers)


def _base(raw: JsonObject) -> Handler:
    """Return the handler that stands for the base of a definition, which instances resolve once."""

    def bind(payload: JsonObject, context: Context, client: object, request: Request) -> dict[str, Any]:
        del payload, client
        return {"request": request, "base": SharedBase(raw, plain_settings(context), context.auth)}

    def complete(request: Request, base: SharedBase) -> Request:
        return base.complete(request)

    def call(payload: JsonObject, context: Context, client: object, request: Request) -> Request:
        return complete(**bind(payload, context, client, request))

    complete.__qualname__ = "the base of requests in the definition"
    return Handler(
        "prepare", (), complete, is_async=False, takes=frozenset({"context", "request"}), bind=bind, call=call
    )


def _url(what: str, value: Json, *, relative: bool) -> str:
    text = _text(what, value)
    absolute = _ABSOLUTE.fullmatch(text)
    if absolute:
        # Names of hosts have an encoding of their own; the transport refuses those that it cannot read.
        if " " in absolute[1] or not absolute[1].isprintable():
            raise PayloadError(f"the request's {what} has no host that there can be")
        return absolute[1] + _quoted(absolute[2])
    if not relative:
        # Without the text itself, which may hold a secret.
        raise PayloadError(f"the request's {what} must begin with https:// or http://")
    return _quoted(text)


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe=_URL_SIGNS)


def _headers(value: Json) -> dict[str, str]:
    headers = {}
    for name, item in _object("headers", value).items():
        if name.lower() in _FRAMING:
            raise PayloadError(f"the request's header {name} is not for a definition or an event to set")
        if item is not None:
            headers[name] = _text(f"header {name}", item)
    return headers


def _pairs(what: str, value: Json) -> Mapping[str, Any] | None:
    if value is None:
        return None
    return {
        name: (
            [_text(f"{what}.{name}", one) for one in item if one is not None]
            if isinstance(item, list)
            else _text(f"{what}.{name}", item)
        )
        for name, item in _object(what, value).items()
        if item is not None
    }


def _object(what: str, value: Json) -> JsonObject:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PayloadError(f"the request's {what} must be an object but is {kind(value)}")
    return value


def _text(what: str, value: Json) -> str:
    """Text as it is, and numbers and booleans as JavaScript spells them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    raise PayloadError(f"the request's {what} must be a string but is {kind(value)}")
