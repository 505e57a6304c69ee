"""What all requests of a definition share, resolved once for an instance, and the signature of each."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.destination.context import plain_settings
from actions_core.destination.handler import Handler
from actions_core.destination.requests.judging import compile_judge
from actions_core.destination.requests.parts import basic_of, headers_of, is_absolute, pairs_of, text_of
from actions_core.errors import MappingError, PayloadError, SettingsError
from actions_core.http.requests import Request, RequestBase
from actions_core.http.wire import base_fault
from actions_core.mapping import compile_mapping
from actions_core.values.types import MISSING, Json, JsonObject

if TYPE_CHECKING:
    from actions_core.destination.context import Auth, Context

#: The hashes by which requests may be signed, as both JSON and Python call them.
SIGNATURES: Final = ("md5", "sha1", "sha256", "sha384", "sha512")
_PARTS: Final = ("baseUrl", "headers", "params", "basic")


@attrs.frozen
class _Resolved:
    """What requests share under one access token; a definition that only signs has no base."""

    base: RequestBase | None
    secret: str


class SharedBase:
    """The base URL, the headers, the query and the signature that a definition gives to all requests.

    They are resolved anew when the access token has changed. A request whose URL is absolute gets only the
    signature, which tells nobody the secret.
    """

    def __init__(self, raw: JsonObject, settings: JsonObject, auth: Auth) -> None:
        sign: JsonObject = raw.get("sign") or {}
        given = {key: raw[key] for key in _PARTS if raw.get(key) is not None}
        self._mapping = compile_mapping({**given, "secret": sign.get("with")} if sign else given)
        self._sign = sign
        self._expect = compile_judge(raw.get("expect"))
        self._settings = settings
        self._auth = auth
        self._token: str | None = None
        self._resolved: _Resolved | None = None

    def complete(self, request: Request, _context: Context | None = None) -> Request:
        """Return the request as a transport gets it. Raises `SettingsError` where there can be no base."""
        absolute = is_absolute(request.url)
        if self._expect is not None and request.judge is None and not absolute:
            request = request.evolve(judge=self._expect)
        if absolute and not self._sign:
            return request.complete()
        token = self._auth.access_token
        if self._resolved is None or token != self._token:
            self._resolved, self._token = self._resolve(token), token
        base = self._resolved.base
        if self._sign:
            # Receivers compute the signature from what JavaScript writes, so that is how it is written.
            request = request.evolve(stringify=True)
        request = request.complete() if absolute or base is None else base.complete(request)
        return self._signed(request, self._resolved.secret) if self._sign else request

    def _resolve(self, token: str | None) -> _Resolved:
        auth = {} if token is None else {"accessToken": token}
        try:
            made: Json = self._mapping.resolve({"settings": self._settings, "auth": auth})
            headers = headers_of(made.get("headers"))
            if "basic" in made:
                headers["Authorization"] = basic_of(made["basic"])
            params = pairs_of("params", made.get("params"))
            url = text_of("baseUrl", made.get("baseUrl", MISSING)) if "baseUrl" in self._mapping.raw else ""
            secret = made.get("secret", MISSING)
            secret = "" if secret is MISSING or secret is None else text_of("sign.with", secret)
        except (MappingError, PayloadError) as error:
            # Nothing of an event is in it.
            raise SettingsError(error.message, problems=error.problems) from None
        fault = base_fault(url) if "baseUrl" in self._mapping.raw else ""
        if fault:
            raise SettingsError(f"the request's baseUrl {fault}")
        return _Resolved(RequestBase(url, headers, params) if url else None, secret)

    def _signed(self, request: Request, secret: str) -> Request:
        """Sign the very bytes that go out; without a secret or a body there is nothing to sign."""
        body, _ = request.content()
        if not secret or body is None:
            return request
        digest = hmac.new(secret.encode("utf-8", "replace"), body, self._sign["hmac"]).digest()
        encoded = (
            base64.b64encode(digest).decode("ascii")
            if self._sign.get("encoding") == "base64"
            else digest.hex()
        )
        prefix = self._sign.get("prefix") or ""
        return request.with_headers({self._sign["header"]: f"{prefix}{encoded}"})


def base_handler(raw: JsonObject) -> Handler:
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
