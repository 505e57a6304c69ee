"""Serve a person instead of an event: run a hook, list the choices of a field, create an audience.

An author who tries a destination has no workspace: `make_instance` makes an instance of the settings that
come with one request, and `perform` sends what they want to see sent, whatever a condition would say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.destination.client import Audience, Choices, Tokens
from actions_core.destination.destination import hints_for
from actions_core.destination.multistatus import failure_of, skipped
from actions_core.engine.executor import HandlerError, Item, call_handler, deliver_event, make_item
from actions_core.engine.executor.batch import Batch
from actions_core.engine.executor.client import unprepared
from actions_core.engine.instances import compile_instance, filled_settings, with_subscription
from actions_core.engine.pipeline import Step
from actions_core.engine.workspace import DeliverySpec, InstanceSpec
from actions_core.errors import (
    ActionsError,
    DefinitionError,
    PayloadError,
    RequestError,
    SettingsError,
    is_within,
)
from actions_core.http.masking import texts
from actions_core.http.requests import Response
from actions_core.http.retry import RetryPolicy
from actions_core.validation import PayloadValidator
from actions_core.values.wording import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actions_core.destination import Destination, Handler
    from actions_core.destination.multistatus import Node
    from actions_core.engine.executor import Lane
    from actions_core.engine.instances import Instance, Services
    from actions_core.engine.results import Result
    from actions_core.engine.workspace import SubscriptionSpec
    from actions_core.values.types import Json, JsonObject

_NOT_FOUND = 404
#: The id of an instance that was made for one request.
_ON_DEMAND: Final = "on-demand"
#: Who looks at what happens wants to see the first outcome.
_ONCE: Final = RetryPolicy(tries=1)


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
    hook: str | None = None,
    hook_inputs: JsonObject | None = None,
) -> Choices:
    """List the choices of a field, named `field`, `object.child` or `array.[0].child`.

    With `hook`, the field is one of the hook's inputs, and `hook_inputs` are those that are filled in.
    """
    handlers = {
        keys[:2]: handler
        for keys, handler in instance.destination.dynamic_field_handlers.items()
        if keys[2:] == (() if hook is None else (hook,))
    }
    found = find_dynamic_field(handlers, action, field)
    if found is None:
        known = [key for name, key in handlers if name == action]
        message = f"{action} has no dynamic field {field!r}{suggestion(field, known)}"
        return Choices(error={"message": message, "code": str(_NOT_FOUND)})
    given: JsonObject = {
        "payload": payload or {},
        "query": query,
        "page": page,
        "index": found.index,
        "selected_key": found.selected,
        "hook_inputs": hook_inputs or {},
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


async def refresh_access_token(instance: Instance, given: JsonObject) -> Tokens | None:
    """Ask for a new access token with what a person gives; None where the destination has no function.

    `given` has `access_token`, `refresh_token`, `client_id`, `client_secret` and `refresh_token_url`.
    """
    handler = instance.destination.refresh_handler
    if handler is None:
        return None
    # The request for a new token must not itself be prepared with the old one.
    plain = attrs.evolve(instance.lane.connection, prepare=unprepared, judge=None, tokens=None)
    plain.mask.learn(*texts(given))
    tokens = await call_handler(handler, given, connection=plain, scope=instance.scope)
    if not isinstance(tokens, Tokens):
        raise HandlerError(f"{handler.name}() returned {type(tokens).__name__}; it returns Tokens")
    return tokens


def make_instance(
    destination: Destination,
    settings: JsonObject,
    services: Services,
    *,
    subscription: SubscriptionSpec | None = None,
    retry: RetryPolicy = _ONCE,
) -> Instance:
    """Make an instance for one request, of settings that came with it, with one subscription or none.

    It may reach private addresses. Raises `SettingsError` for settings that do not fit, with the path of each
    below the settings, and `DefinitionError` for everything else that is wrong.
    """
    spec = InstanceSpec(
        _ON_DEMAND,
        destination.slug,
        settings=settings,
        subscriptions=() if subscription is None else (subscription,),
        allow_private_addresses=True,
        delivery=DeliverySpec(retry=retry),
    )
    instance, problems = compile_instance(spec, destination, services, "$")
    if instance is not None:
        return instance
    errors = [problem for problem in problems if problem.is_error]
    path = "$.settings"
    unfit = [
        attrs.evolve(problem, path=f"${problem.path.removeprefix(path)}")
        for problem in errors
        if is_within(problem.path, path)
    ]
    raise SettingsError(problems=unfit) if unfit else DefinitionError(problems=errors)


def step_of(instance: Instance, subscription: SubscriptionSpec, event: JsonObject) -> tuple[Step, Lane]:
    """Return the step of an event at a subscription that is tried, and the lane to deliver it in.

    Neither the instance nor the subscription need be enabled, and there is one try only. Raises
    `DefinitionError` with everything that is wrong with the subscription.
    """
    enabled = attrs.evolve(subscription, enabled=True)
    made, problems = with_subscription(attrs.evolve(instance, enabled=True), enabled)
    if made is None:
        raise DefinitionError("the subscription is faulty:", problems=problems)
    (step,) = made.route(event, made.pipelines[0])
    # A person waits: there is one try, and neither the breaker nor the budget of events keeps it waiting.
    connection = attrs.evolve(made.lane.connection, policy=_ONCE, admission=None)
    return step, made.lane.with_connection(connection)


async def perform(instance: Instance, event: JsonObject) -> Result:
    """Take an event through the only subscription of an instance, whether it matches or not."""
    (pipeline,) = instance.pipelines
    return await deliver_event(instance.lane, Step(pipeline, event))


async def perform_together(instance: Instance, events: Sequence[JsonObject]) -> list[Node]:
    """Take events through the only subscription of an instance as one batch, whether they match or not.

    Returns a node for each. Raises what the whole batch failed with.
    """
    (pipeline,) = instance.pipelines
    if pipeline.batch_handler is None:
        raise DefinitionError(f"the action {pipeline.action!r} takes no batches")
    found: dict[int, Node] = {}
    items: list[Item] = []
    for place, event in enumerate(events):
        step = Step(pipeline, event)
        try:
            item = make_item(place, step)
        except ActionsError as error:
            found[place] = failure_of(error)
            continue
        if item.skip:
            found[place] = skipped(item.skip).masked(instance.lane.connection.mask)
        else:
            items.append(item)
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    for together in groups.values():
        batch = Batch(instance.lane, pipeline, together)
        await batch.deliver()
        if batch.error is not None:
            raise batch.error
        found.update(zip([item.place for item in together], batch.masked_nodes(), strict=True))
    return [found[place] for place in range(len(events))]


async def delete_user(instance: Instance, event: JsonObject) -> Result | None:
    """Delete the user of an event; None where the destination cannot."""
    if instance.deletion is None:
        return None
    return await deliver_event(instance.lane, Step(instance.deletion, event))


async def test_settings(instance: Instance) -> Result | None:
    """Ask the destination if the settings of an instance are valid; None where it has no test."""
    if instance.authentication is None:
        return None
    # A person asks: neither the breaker nor the budget of events keeps the test waiting.
    lane = instance.lane.with_connection(attrs.evolve(instance.lane.connection, admission=None))
    return await deliver_event(lane, Step(instance.authentication, {}))


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
        scope=instance.scope if action is None else attrs.evolve(instance.scope, action=action),
        hints=hints_for(instance.destination, action),
    )
