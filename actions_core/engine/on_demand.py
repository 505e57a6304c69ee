"""Serve a person instead of an event: run a hook, list the choices of a field, create an audience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from actions_core.destination.destination import hints_for
from actions_core.engine.executor import HandlerError, call_handler
from actions_core.engine.instances import filled_settings
from actions_core.errors import ActionsError, DefinitionError, PayloadError, RequestError
from actions_core.http.requests import Response
from actions_core.validation import PayloadValidator
from actions_core.values.wording import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination import Handler
    from actions_core.engine.instances import Instance
    from actions_core.values.types import Json, JsonObject

_NOT_FOUND = 404


@attrs.frozen
class Choices:
    """The choices of a dynamic field: `{label, value, description?, type?}` each, and the next page's token.

    `error` is `{message, code}` where the choices could not be had.
    """

    choices: tuple[JsonObject, ...] = ()
    next_page: str | None = None
    error: JsonObject | None = None

    def to_dict(self) -> JsonObject:
        """Return the choices as JSON, in Segment's spelling."""
        shown: JsonObject = {"choices": list(self.choices)}
        if self.next_page is not None:
            shown["nextPage"] = self.next_page
        if self.error is not None:
            shown["error"] = dict(self.error)
        return shown


@attrs.frozen
class Audience:
    """An audience as the destination knows it."""

    external_id: str


async def run_hook(instance: Instance, action: str, hook: str, inputs: Json) -> JsonObject:
    """Run a hook, and return what the mapping keeps under its name: `{"inputs": …, "outputs": …}`.

    Raises `PayloadError` when the inputs do not fit the hook's fields, `DefinitionError` for a hook that
    the action does not have, and what the handler raises.
    """
    spec = instance.destination.spec.actions.get(action)
    if spec is None or hook not in spec.hooks:
        raise DefinitionError(f"{instance.destination.slug} has no hook {hook!r} of an action {action!r}")
    handler = instance.destination.hook_handlers.get((action, hook))
    if handler is None:
        raise DefinitionError(f"the hook {hook!r} of {action!r} has no handler")
    checked = PayloadValidator(spec.hooks[hook].input_fields).check(inputs)
    outputs = await _call(instance, handler, checked, action)
    if outputs is None:
        outputs = {}
    if not isinstance(outputs, dict):
        raise HandlerError(f"{handler.name}() returned {type(outputs).__name__}; a hook returns a dictionary")
    try:
        outputs = PayloadValidator(spec.hooks[hook].output_fields).check(outputs)
    except PayloadError as error:
        raise HandlerError(f"{handler.name}() returned outputs that do not fit: {error}") from None
    return {"inputs": checked, "outputs": outputs}


async def list_choices(
    instance: Instance,
    action: str,
    field: str,
    *,
    payload: JsonObject | None,
    query: str | None,
    page: str | None,
) -> Choices:
    """List the choices of a field, named `field`, `object.child` or `array.[0].child`."""
    found = find_dynamic_field(instance.destination.dynamic_field_handlers, action, field)
    if found is None:
        known = [key for name, key in instance.destination.dynamic_field_handlers if name == action]
        message = f"{action} has no dynamic field {field!r}{suggestion(field, known)}"
        return Choices(error={"message": message, "code": str(_NOT_FOUND)})
    given: JsonObject = {
        "payload": payload or {},
        "query": query,
        "page": page,
        "index": found.index,
        "selected_key": found.selected,
    }
    try:
        answer = await _call(instance, found.handler, given, action)
    except ActionsError as error:
        return Choices(error={"message": str(error), "code": str(error.status or error.code)})
    if not isinstance(answer, Choices):
        raise HandlerError(
            f"{found.handler.name}() returned {type(answer).__name__}; a dynamic field returns Choices"
        )
    return answer


@attrs.frozen
class DynamicField:
    """The function that lists the choices of a field, and what the name says beside the field."""

    handler: Handler
    index: int | None
    selected: str | None


def find_dynamic_field(
    handlers: Mapping[tuple[str, ...], Handler], action: str, field: str
) -> DynamicField | None:
    """Find the function for a field; a child without its own has that of the object's `__values__`."""
    steps = field.split(".")
    index = next((int(step[1:-1]) for step in steps if step[:1] == "[" and step[1:-1].isdecimal()), None)
    names = [step for step in steps if not step.startswith("[")]
    ways = [field, ".".join("[]" if step.startswith("[") else step for step in steps), ".".join(names)]
    for way in ways:
        handler = handlers.get((action, way))
        if handler is not None:
            return DynamicField(handler, index, None)
    if len(names) > 1:
        handler = handlers.get((action, f"{names[0]}.__values__"))
        if handler is not None:
            return DynamicField(handler, index, ".".join(names[1:]))
    return None


async def create_audience(instance: Instance, name: str, settings: JsonObject) -> Audience:
    """Have the destination create an audience of that name."""
    handler = instance.destination.create_audience_handler
    given = {"audience_name": name}
    return await _audience(instance, handler, given, settings, "CREATE_AUDIENCE_FAILED")


async def get_audience(instance: Instance, external_id: str, settings: JsonObject) -> Audience:
    """Look an audience up by the destination's own id."""
    handler = instance.destination.get_audience_handler
    return await _audience(instance, handler, {"external_id": external_id}, settings, "GET_AUDIENCE_FAILED")


async def read_account(instance: Instance) -> Json:
    """Return what the destination says of the account behind the settings, secrets masked.

    Its shape is the destination's own: a quota, what is used of it, a plan. Raises `RequestError` where
    there is no such function (`NOT_SUPPORTED`), and when no account comes.
    """
    handler = instance.destination.account_handler
    if handler is None:
        raise RequestError(f"{instance.destination.slug} does not tell of accounts", code="NOT_SUPPORTED")
    account = await _call(instance, handler, {}, None)
    if isinstance(account, Response):
        account = account.json
    if account is None:
        raise RequestError(f"{instance.destination.slug} told nothing of the account", code="ACCOUNT_EMPTY")
    return instance.lane.connection.mask.value(account)


async def _audience(
    instance: Instance, handler: Handler | None, given: JsonObject, settings: JsonObject, code: str
) -> Audience:
    spec = instance.destination.spec.audience
    if handler is None or spec is None:
        raise DefinitionError(f"{instance.destination.slug} has no function for this kind of audience")
    checked = PayloadValidator(spec.fields).check(filled_settings(settings, spec.fields), given=settings)
    try:
        audience = await _call(instance, handler, {**given, "audience_settings": checked}, None)
    except ActionsError as error:
        raise RequestError(str(error), code=code, status=error.status, retryable=error.retryable) from error
    if not isinstance(audience, Audience):
        raise HandlerError(f"{handler.name}() returned {type(audience).__name__}; it returns an Audience")
    return audience


async def _call(instance: Instance, handler: Handler, given: JsonObject, action: str | None) -> Any:
    return await call_handler(
        handler,
        given,
        connection=instance.lane.connection,
        scope=instance.scope,
        hints=hints_for(instance.destination, action),
    )
