"""The pipelines of an instance: its subscriptions, the deletion of users, the authentication test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.destination.destination import hints_for
from actions_core.engine.filters import compile_filters, validate_filters
from actions_core.engine.pipeline import Pipeline, compile_pipeline, skipped
from actions_core.engine.workspace import SubscriptionSpec
from actions_core.errors import Problem
from actions_core.values.javascript import to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.destination import Destination, Handler
    from actions_core.destination.context import Scope
    from actions_core.engine.filters import Filters
    from actions_core.engine.workspace import InstanceSpec
    from actions_core.values.types import Json, JsonObject

_MOST_SUBSCRIPTIONS = 50


def deletion_of(destination: Destination, scope: Scope) -> Pipeline | None:
    """The pipeline that deletes users, which is for `delete` events only."""
    handler = destination.deletion_handler
    return single(destination, handler, scope, "onDelete", _deletion_payload, matches=_is_deletion)


def authentication_of(destination: Destination, scope: Scope) -> Pipeline | None:
    """The pipeline that tests the settings; no event is for it."""
    handler = destination.authentication_handler
    return single(destination, handler, scope, "testAuthentication", lambda _event: {}, matches=_is_nothing)


def compile_pipelines(
    spec: InstanceSpec, destination: Destination, scope: Scope, path: str
) -> tuple[tuple[Pipeline, ...], list[Problem]]:
    """Every subscription that can be compiled, and every problem of all of them."""
    pipelines: list[Pipeline] = []
    problems: list[Problem] = []
    chosen = _presets(destination) if spec.subscriptions == "presets" else spec.subscriptions
    if len(chosen) > _MOST_SUBSCRIPTIONS:
        message = (
            f"has {len(chosen)} subscriptions; at most {_MOST_SUBSCRIPTIONS} are allowed in one instance"
        )
        problems.append(Problem(f"{path}.subscriptions", message))
    if chosen and not destination.handlers:
        message = f"{destination.slug} is a definition only: it can be explained, but nothing is delivered"
        problems.append(Problem(f"{path}.destination", message, "warning"))
    for index, subscription in enumerate(chosen):
        place = f"{path}.subscriptions[{index}]"
        pipeline, found = compile_pipeline(subscription, destination, scope, place)
        problems += found
        if pipeline is None:
            continue
        if pipeline.handler is None and destination.handlers:
            problems.append(Problem(place, f"the action {pipeline.action!r} has no handler"))
        pipelines.append(pipeline)
    return tuple(pipelines), problems


def _presets(destination: Destination) -> tuple[SubscriptionSpec, ...]:
    return tuple(
        SubscriptionSpec(
            preset.name, preset.partner_action, preset.subscribe, destination.spec.preset_mapping(preset)
        )
        for preset in destination.spec.presets
        if preset.type == "automatic" and preset.subscribe is not None
    )


def compile_own_filters(spec: InstanceSpec, path: str) -> tuple[Filters | None, list[Problem]]:
    """The instance's destination filters, None where it has none or they have errors."""
    if not spec.filters:
        return None, []
    raw = list(spec.filters)
    problems = [item.below(path) for item in validate_filters(raw)]
    if any(problem.is_error for problem in problems):
        return None, problems
    return compile_filters(raw), problems


def single(
    destination: Destination,
    handler: Handler | None,
    scope: Scope,
    action: str,
    to_payload: Callable[[JsonObject], JsonObject],
    *,
    matches: Callable[[JsonObject], bool],
) -> Pipeline | None:
    """A pipeline without condition and mapping."""
    if handler is None:
        return None
    return Pipeline(
        name=action,
        action=action,
        scope=scope,
        skipped=skipped(scope.instance, action, action, "the event is not for it"),
        to_payload=to_payload,
        handler=handler,
        hints=hints_for(destination),
        matches=matches,
    )


def _is_deletion(event: JsonObject) -> bool:
    return event.get("type") == "delete"


def _is_nothing(_event: JsonObject) -> bool:
    return False


def _deletion_payload(event: JsonObject) -> JsonObject:
    return {"user_id": _id(event.get("userId")), "anonymous_id": _id(event.get("anonymousId"))}


def _id(value: Json) -> str | None:
    """An id as text. What is neither text nor a number names nobody."""
    if isinstance(value, str):
        return value
    return to_text(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
