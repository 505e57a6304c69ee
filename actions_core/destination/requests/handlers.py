"""The requests of a definition as handlers, by the roles that functions have."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from actions_core.destination.requests.base import base_handler
from actions_core.destination.requests.batches import batch_handler
from actions_core.destination.requests.scope import scope_binder
from actions_core.destination.requests.serving import serving_handlers
from actions_core.destination.requests.writing import RequestWriter, written_handler

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.destination.handler import Handler
    from actions_core.destination.specs import DestinationSpec
    from actions_core.values.types import JsonObject

    Place: TypeAlias = tuple[str, ...]
    Given: TypeAlias = Callable[[JsonObject], JsonObject]


def written_handlers(spec: DestinationSpec, *, prepared: bool) -> dict[Place, Handler]:
    """Return the handlers of the requests in a checked definition, by role and keys.

    `prepared` says whether a function completes them, so that their URLs may be relative.
    """
    relative = prepared or (spec.request is not None and spec.request.get("baseUrl") is not None)
    found: list[tuple[Place, JsonObject | None, Given]] = [
        (("test_authentication",), spec.test_authentication, _nothing),
        (("on_delete",), spec.on_delete, _user),
    ]
    found += [(("action", key), action.request, _payload) for key, action in spec.actions.items()]
    handlers: dict[Place, Handler] = {
        place: _handler(place, raw, given, relative=relative)
        for place, raw, given in found
        if raw is not None
    }
    for key, action in spec.actions.items():
        if action.batch_request is not None:
            handlers["batch", key] = batch_handler(
                key, action.batch_request, action.request, relative=relative
            )
    handlers.update(serving_handlers(spec, relative=relative))
    if spec.request is not None:
        handlers["prepare",] = base_handler(spec.request)
    return handlers


def _nothing(_payload: JsonObject) -> JsonObject:
    return {}


def _payload(payload: JsonObject) -> JsonObject:
    return {"payload": payload}


def _user(payload: JsonObject) -> JsonObject:
    named = {"userId": payload.get("user_id"), "anonymousId": payload.get("anonymous_id")}
    return {"payload": {key: value for key, value in named.items() if value is not None}}


def _handler(place: Place, raw: JsonObject, given: Given, *, relative: bool) -> Handler:
    writer = RequestWriter(raw, relative=relative)
    return written_handler(place, scope_binder(writer.reads, given), writer.write)
