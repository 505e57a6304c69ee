"""Requests that serve the engine or a person, not an event: new tokens, audiences, choices of a field.

What they answer is read from the response: their mappings are written over `{status, headers, body}`, those
of one choice over `{item}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from actions_core.destination.client import Audience, Choices, Tokens
from actions_core.destination.context import plain_settings
from actions_core.destination.requests.judging import response_scope
from actions_core.destination.requests.writing import RequestWriter, written_handler
from actions_core.errors import RequestError
from actions_core.mapping import compile_mapping
from actions_core.values.javascript import to_text
from actions_core.values.types import MISSING
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from actions_core.destination.context import Context
    from actions_core.destination.handler import Handler
    from actions_core.destination.requests.scope import Scope
    from actions_core.destination.specs import DestinationSpec
    from actions_core.http.requests import Response
    from actions_core.values.types import Json, JsonObject

    Read: TypeAlias = Callable[[JsonObject, Response], Any]

#: The credentials that a request for new tokens may read, and what the engine calls them.
CREDENTIALS: Final[Mapping[str, str]] = {
    "accessToken": "access_token",
    "refreshToken": "refresh_token",
    "clientId": "client_id",
    "clientSecret": "client_secret",
    "refreshTokenUrl": "refresh_token_url",
}
#: The parts of each request that are mappings over its response, with what they are by default.
READ: Final[Mapping[str, Mapping[str, Json]]] = {
    "refreshAccessToken": {
        "accessToken": {"@path": "$.body.access_token"},
        "refreshToken": {"@path": "$.body.refresh_token"},
        "expiresIn": {"@path": "$.body.expires_in"},
    },
    "createAudience": {"id": {"@path": "$.body.id"}},
    "getAudience": {"id": None},
    "choices": {"items": {"@path": "$.body"}, "next": None},
}
#: What there is of one choice, and the parts that are mappings over it.
ITEM: Final[Mapping[str, None]] = {"item": None}
ITEM_PARTS: Final = ("label", "value", "description")
_MOST_CHOICES: Final = 10_000


def serving_handlers(spec: DestinationSpec, *, relative: bool) -> dict[tuple[str, ...], Handler]:
    """Return the handlers of these requests in a checked definition, by role and keys."""
    found: dict[tuple[str, ...], Handler] = {}
    if spec.refresh_access_token is not None:
        # It goes out without the base, whose headers have the token that has expired.
        raw = spec.refresh_access_token
        found["refresh_access_token",] = _handler(
            ("refresh_access_token",), raw, _credentials, _read_tokens(raw), relative=False
        )
    for role, name, request in (
        ("create_audience", "createAudience", spec.create_audience),
        ("get_audience", "getAudience", spec.get_audience),
    ):
        if request is not None:
            read = _read_audience(name, request)
            found[role,] = _handler((role,), request, _audience, read, relative=relative)
    for key, action in spec.actions.items():
        for field, raw in action.choices.items():
            found["dynamic_field", key, field] = _handler(
                ("dynamic_field", key, field), raw, _asked, _read_choices(raw), relative=relative
            )
    return found


def serving_scope(name: str, settings: Collection[str], fields: Collection[str]) -> Scope:
    """Return what one of these requests may read."""
    shared: dict[str, Collection[str] | None] = {"settings": settings}
    if name == "refreshAccessToken":
        return {**shared, "auth": tuple(CREDENTIALS)}
    shared["auth"] = ("accessToken",)
    if name == "choices":
        return {"payload": fields, "query": None, "page": None, "index": None, "key": None, **shared}
    return {"audience": ("name", "externalId", "settings"), **shared}


def _handler(
    place: tuple[str, ...],
    raw: JsonObject,
    given: Callable[[JsonObject], JsonObject],
    read: Read,
    *,
    relative: bool,
) -> Handler:
    writer = RequestWriter(raw, relative=relative)

    def scope_of(payload: JsonObject, context: Context) -> JsonObject:
        token = context.auth.access_token
        auth = {} if token is None else {"accessToken": token}
        return {"settings": plain_settings(context), "auth": auth, **given(payload)}

    return written_handler(place, scope_of, writer.write, read=read)


def _credentials(given: JsonObject) -> JsonObject:
    found = {key: given.get(name) for key, name in CREDENTIALS.items()}
    return {"auth": {key: value for key, value in found.items() if value is not None}}


def _audience(given: JsonObject) -> JsonObject:
    named = {"name": given.get("audience_name"), "externalId": given.get("external_id")}
    found = {key: value for key, value in named.items() if value is not None}
    return {"audience": {**found, "settings": given.get("audience_settings") or {}}}


def _asked(given: JsonObject) -> JsonObject:
    asked = {
        "payload": given.get("payload") or {},
        "query": given.get("query"),
        "page": given.get("page"),
        "index": given.get("index"),
        "key": given.get("selected_key"),
    }
    return {key: value for key, value in asked.items() if value is not None}


def _mappings(name: str, raw: JsonObject) -> Callable[[JsonObject], JsonObject]:
    parts = {key: raw[key] if raw.get(key) is not None else usual for key, usual in READ[name].items()}
    resolve: Callable[[JsonObject], Any] = compile_mapping(parts).resolve
    return resolve


def _unusable(message: str) -> RequestError:
    return RequestError(message, code="RESPONSE_UNUSABLE")


def _text(value: Json) -> str:
    return "" if value is None or value is MISSING else to_text(value)


def _read_tokens(raw: JsonObject) -> Read:
    resolve = _mappings("refreshAccessToken", raw)

    def read(_given: JsonObject, response: Response) -> Tokens:
        said = resolve(response_scope(response))
        token = said.get("accessToken")
        if not isinstance(token, str) or not token:
            raise _unusable(
                f"the response has no access token: it is {kind(said.get('accessToken', MISSING))}"
            )
        refresh, life = said.get("refreshToken"), said.get("expiresIn")
        return Tokens(token, refresh if isinstance(refresh, str) and refresh else None, _seconds(life))

    return read


def _seconds(value: Json) -> float | None:
    """Return the life of a token, None where the response gives none that can be read."""
    try:
        seconds = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
        )
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < float("inf") else None


def _read_audience(name: str, raw: JsonObject) -> Read:
    resolve = _mappings(name, raw)

    def read(given: JsonObject, response: Response) -> Audience:
        # Who is looked up by an id has that id, where the response says nothing else.
        found = _text(resolve(response_scope(response)).get("id")) or _text(given.get("external_id"))
        if not found:
            raise _unusable("the response has no id of the audience")
        return Audience(found)

    return read


def _read_choices(raw: JsonObject) -> Read:
    resolve = _mappings("choices", raw)
    parts = {part: raw[part] for part in ITEM_PARTS if raw.get(part) is not None}
    one: Callable[[JsonObject], Any] = compile_mapping(parts).resolve

    def read(_given: JsonObject, response: Response) -> Choices:
        said = resolve(response_scope(response))
        items = said.get("items")
        if not isinstance(items, list):
            raise _unusable(
                f"the choices in the response must be a list, but they are {kind(said.get('items', MISSING))}"
            )
        made = []
        for item in items[:_MOST_CHOICES]:
            texts = {key: _text(value) for key, value in one({"item": item}).items()}
            value = texts.get("value") or texts.get("label")
            if value:
                made.append({"label": texts.get("label") or value, "value": value, **_described(texts)})
        return Choices(tuple(made), _text(said.get("next")) or None)

    return read


def _described(texts: Mapping[str, str]) -> JsonObject:
    return {"description": texts["description"]} if texts.get("description") else {}
