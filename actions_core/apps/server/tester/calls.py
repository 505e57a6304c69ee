"""The routes of the tester's protocol, each a function from the body of a request to its response.

The condition of a subscription is not asked here: what an author sends is mapped, checked and performed. A
failed action is a 200 with a fault in the list; what else fails has the status that its clients look for.
Settings come with each request, so each has an instance of its own, and `{"$env": …}` reads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import attrs

from actions_core.apps.server.responses import json_response
from actions_core.apps.server.tester.exchanges import Recorder, fault, fields_of, message_of
from actions_core.engine import on_demand
from actions_core.engine.instances import Services
from actions_core.engine.workspace import SubscriptionSpec
from actions_core.errors import ActionsError, EventError, SettingsError
from actions_core.http.retry import RetryPolicy
from actions_core.validation.fields import unstructure
from actions_core.values.events import MAX_EVENT_BYTES
from actions_core.values.plain import plain_copy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.destination import Destination
    from actions_core.engine.instances import Instance
    from actions_core.engine.results import Result
    from actions_core.http.masking import Mask
    from actions_core.http.requests import Response, Transport
    from actions_core.values.types import Json, JsonObject

#: For audiences, two more tries; everything else is tried once.
_AUDIENCE_RETRY: Final = RetryPolicy(tries=3, base=0.2, within=10)
_ONCE: Final = RetryPolicy(tries=1)
_REFRESHING: Final = ("oauth2", "oauth-managed")
_WRONG_SCHEME: Final = "refreshAccessToken is only valid with oauth2 authentication scheme"


@attrs.frozen
class Call:
    """One request: the destination as it is now, the body, and what is sent meanwhile."""

    destination: Destination
    body: JsonObject
    recorder: Recorder

    @classmethod
    def of(cls, destination: Destination, body: JsonObject, transport: Transport) -> Call:
        """Make a call whose requests go over a transport."""
        return cls(destination, body, Recorder(transport))

    def instance(
        self,
        settings: Json = None,
        subscription: SubscriptionSpec | None = None,
        retry: RetryPolicy = _ONCE,
    ) -> Instance:
        """Make the instance for this request. Raises `ActionsError` for what is wrong with its settings."""
        given = dict(_object(self.body.get("settings") if settings is None else settings))
        auth = _object(self.body.get("auth"))
        if auth:
            given["oauth"] = {**_object(given.get("oauth")), **_oauth(auth)}
        services = Services(self.recorder, environ={}, features=_object(self.body.get("features")))
        return on_demand.make_instance(
            self.destination, given, services, subscription=subscription, retry=retry
        )


def manifest(destination: Destination, folder: str) -> Response:
    """Return the definition, and the name of the folder that it stands in."""
    return json_response({**unstructure(destination.spec), "directoryName": folder})


async def authenticate(call: Call) -> Response:
    """Test settings, which are the body itself."""
    settings = {
        key: value for key, value in call.body.items() if key not in ("subscriptions", "subscription")
    }
    try:
        instance = call.instance(settings)
    except SettingsError as error:
        return json_response({"ok": False, "error": message_of(error), "fields": fields_of(error)})
    except ActionsError as error:
        return json_response({"ok": False, "error": message_of(error), "fields": {}})
    result = await on_demand.test_settings(instance)
    if result is None or result.ok:
        return json_response({"ok": True})
    return json_response({"ok": False, "error": _refusal(result, _mask(instance)), "fields": {}})


async def authenticate_wrapped(call: Call) -> Response:
    """Test settings as Segment's documentation has it: under `settings`, with `oauth` beside them."""
    settings = {**_object(call.body.get("settings"))}
    if call.body.get("oauth"):
        settings["oauth"] = call.body["oauth"]
    return await authenticate(attrs.evolve(call, body=settings))


async def refresh_access_token(call: Call) -> Response:
    """Ask for a new access token."""
    authentication = call.destination.spec.authentication
    if authentication is None or authentication.scheme not in _REFRESHING:
        return json_response({"ok": False, "error": _WRONG_SCHEME}, 400)
    body = call.body
    given = {
        "access_token": body.get("accessToken"),
        "refresh_token": body.get("refreshToken"),
        "client_id": body.get("clientId"),
        "client_secret": body.get("clientSecret"),
        "refresh_token_url": body.get("refreshTokenUrl"),
    }
    try:
        instance = call.instance()
        tokens = await on_demand.refresh_access_token(instance, given)
    except ActionsError as error:
        return json_response({"ok": False, "error": message_of(error)}, 400)
    if tokens is None:
        return json_response({"ok": True})
    data = {"accessToken": tokens.access_token, "refreshToken": tokens.refresh_token}
    return json_response(
        {"ok": True, "data": {key: value for key, value in data.items() if value is not None}}
    )


async def delete(call: Call) -> Response:
    """Delete a user."""
    try:
        instance = call.instance()
        event = _event({"type": "delete", **_object(call.body.get("payload"))})
        result = await on_demand.delete_user(instance, event)
    except ActionsError as error:
        return json_response([fault(error)])
    return _performed(call, instance, None if result is None else result.error)


async def create_audience(call: Call) -> Response:
    """Create an audience."""
    name = call.body.get("audienceName")
    return await _audience(call, on_demand.create_audience, name if isinstance(name, str) else "")


async def get_audience(call: Call) -> Response:
    """Look an audience up."""
    external_id = call.body.get("externalId")
    return await _audience(call, on_demand.get_audience, external_id if isinstance(external_id, str) else "")


async def _audience(call: Call, work: Any, name: str) -> Response:
    mask = None
    try:
        instance = call.instance(retry=_AUDIENCE_RETRY)
        mask = _mask(instance)
        audience = await work(instance, name, _object(call.body.get("audienceSettings")))
    except ActionsError as error:
        return json_response({"ok": False, "error": message_of(error, mask)}, 400)
    return json_response({"externalId": audience.external_id})


async def perform(call: Call, action: str) -> Response:
    """Perform an action for an event, or its batch function for a list of them."""
    instance = None
    payload: Json = call.body.get("payload", {})
    try:
        events = [_event(item) for item in (payload if isinstance(payload, list) else [payload])]
        instance = call.instance(subscription=_subscription(call, action, events))
        if isinstance(payload, list):
            nodes = await on_demand.perform_together(instance, events)
            failed = next((node for node in nodes if not node.ok), None)
            if failed is not None and not call.recorder.exchanges(_mask(instance)):
                message = failed.errormessage or failed.errortype or ""
                raise ActionsError(message, status=failed.status)  # noqa: TRY301 - one place tells of errors
            return _performed(call, instance, None)
        result = await on_demand.perform(instance, events[0])
    except ActionsError as error:
        return json_response([fault(error, None if instance is None else _mask(instance))])
    return _performed(call, instance, result.error)


def _subscription(call: Call, action: str, events: Sequence[JsonObject]) -> SubscriptionSpec:
    """Return a subscription with the mapping that was given over the defaults; else the event is one."""
    defaults = call.destination.spec.actions[action].default_mapping
    plain = {key: value for key, value in defaults.items() if value is not None}
    mapping = {**plain, **_object(call.body.get("mapping"))}
    if not mapping and events:
        mapping = events[0]
    return SubscriptionSpec(action, action, 'type = "track"', mapping)


def _performed(call: Call, instance: Instance, error: ActionsError | None) -> Response:
    mask = _mask(instance)
    return json_response(call.recorder.exchanges(mask) if error is None else [fault(error, mask)])


async def list_choices(call: Call, action: str, field: str, hook: str | None = None) -> Response:
    """List the choices of a field of an action, or of a hook's input."""
    page = call.body.get("page")
    mask = None
    try:
        instance = call.instance()
        mask = _mask(instance)
        choices = await on_demand.list_choices(
            instance,
            action,
            _with_index(field, _object(call.body.get("dynamicFieldContext"))),
            payload=_object(call.body.get("payload")),
            query=_text(call.body.get("query")),
            page=_text(page),
            hook=hook,
            hook_inputs=_object(call.body.get("hookInputs")),
        )
    except ActionsError as error:
        return json_response([{"message": message_of(error, mask), "code": error.code}], 500)
    if choices.error is not None:
        return json_response([mask.value(dict(choices.error))], 500)
    return json_response(choices.to_dict())


async def run_hook(call: Call, action: str, hook: str) -> Response:
    """Run a hook, and return what a mapping would keep of it."""
    mask = None
    try:
        instance = call.instance()
        mask = _mask(instance)
        kept = await on_demand.run_hook(instance, action, hook, _object(call.body.get("hookInputs")))
    except ActionsError as error:
        return json_response([{"message": message_of(error, mask), "code": error.code}], 500)
    return json_response({"savedData": kept["outputs"]})


def _event(value: Json) -> JsonObject:
    """Return a copy of what is sent as an event: it needs no type here, but gets an id."""
    copied, _ = plain_copy(value, max_bytes=MAX_EVENT_BYTES)
    if not isinstance(copied, dict):
        raise EventError("the payload must be an event, which is an object, or a list of events")
    if copied.get("messageId") in (None, ""):
        copied["messageId"] = str(uuid4())
    return copied


def _refusal(result: Result, mask: Mask) -> str:
    error = result.error
    if error is None:
        return mask.text(result.reason)
    status = "" if error.status is None else f"{error.status} "
    return f"Credentials are invalid: {status}{message_of(error, mask)}"


def _with_index(field: str, given: JsonObject) -> str:
    """Return a field's name with the place in a list, which newer clients send beside it."""
    index = given.get("selectedArrayIndex")
    return field.replace("[]", f"[{index}]", 1) if isinstance(index, int) else field


def _oauth(auth: JsonObject) -> JsonObject:
    names = {"accessToken": "access_token", "refreshToken": "refresh_token"}
    return {names.get(key, key): value for key, value in auth.items()}


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str | None:
    return None if value is None else str(value)


def _mask(instance: Instance) -> Mask:
    return instance.lane.connection.mask
