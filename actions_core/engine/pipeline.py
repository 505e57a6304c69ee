"""One subscription, compiled: from an event to a payload, and from a payload to its request.

Everything that can be known before an event comes is worked out in `compile_pipeline`: the condition,
the mapping, the validator, the handler, and the result that an event gets which does not match.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import attrs

from actions_core.destination.destination import fields_of, hints_for
from actions_core.destination.specs import HOOKS, MAPPING_EXTRAS, BatchSpec
from actions_core.engine.results import Result, Status
from actions_core.errors import FqlError, MappingError, Problem, child_path
from actions_core.mapping import compile_mapping
from actions_core.subscriptions import parse_fql
from actions_core.validation import PayloadValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions_core.destination import Destination, Handler
    from actions_core.destination.context import Scope
    from actions_core.destination.specs import ActionSpec
    from actions_core.engine.workspace import SubscriptionSpec
    from actions_core.mapping import Mapping as CompiledMapping
    from actions_core.subscriptions import Condition
    from actions_core.values.types import Json, JsonObject


def _always(_event: JsonObject) -> bool:
    return True


def _never(_event: JsonObject) -> bool:
    return False


@attrs.frozen(eq=False, repr=False)
class Pipeline:
    """The way of an event through one subscription, up to the network.

    `skipped` is what an event gets that `matches` does not let in; it is made once, because it is the
    same for all of them. The deletion of a user and the authentication test are pipelines too, without
    condition and mapping.
    """

    name: str
    action: str
    scope: Scope
    skipped: Result
    to_payload: Callable[[JsonObject], JsonObject]
    handler: Handler | None
    hints: Mapping[int, str]
    matches: Callable[[JsonObject], bool] = _always
    batch_handler: Handler | None = None
    poll_handler: Handler | None = None
    batch: BatchSpec = attrs.field(factory=BatchSpec)
    condition: Condition | None = None
    mapping: CompiledMapping | None = None
    validator: PayloadValidator | None = None


def skipped(instance: str, name: str, action: str, reason: str) -> Result:
    """The result of an event that is not meant for a subscription."""
    return Result(instance, name, action, Status.SKIPPED, reason=reason)


def compile_pipeline(
    spec: SubscriptionSpec, destination: Destination, scope: Scope, path: str
) -> tuple[Pipeline | None, list[Problem]]:
    """The compiled subscription, None where it has errors, and every problem below `path`."""
    action = destination.spec.actions.get(spec.partner_action)
    if action is None:
        known = ", ".join(sorted(destination.spec.actions))
        message = f"{destination.slug} has no action {spec.partner_action!r}; it has {known}"
        return None, [Problem(child_path(path, "partnerAction"), message)]
    problems: list[Problem] = []
    raw = action.default_mapping if spec.mapping is None else spec.mapping
    plain, extras = _split(raw)
    condition = _condition(spec.subscribe, child_path(path, "subscribe"), problems)
    mapping = _mapping(plain, child_path(path, "mapping"), problems)
    if condition is None or mapping is None:
        return None, problems
    scope = _own_scope(scope, spec, action, raw, extras)
    validator = PayloadValidator(fields_of(destination, spec.partner_action))
    reason = "the subscription is disabled"
    if spec.enabled:
        reason = f"the subscription {spec.subscribe} does not match"
    pipeline = Pipeline(
        name=spec.name,
        action=spec.partner_action,
        scope=scope,
        skipped=skipped(scope.instance, spec.name, spec.partner_action, reason),
        to_payload=_to_payload(mapping, validator, scope.sync_mode),
        handler=destination.handlers.get(spec.partner_action),
        hints=hints_for(destination, spec.partner_action),
        batch_handler=destination.batch_handlers.get(spec.partner_action),
        poll_handler=destination.poll_handlers.get(spec.partner_action),
        batch=action.batch,
        matches=condition.matches if spec.enabled else _never,
        condition=condition,
        mapping=mapping,
        validator=validator,
    )
    return pipeline, problems


def _to_payload(
    mapping: CompiledMapping, validator: PayloadValidator, sync_mode: str | None
) -> Callable[[JsonObject], JsonObject]:
    resolve, check = mapping.resolve, validator.check
    if sync_mode is None:
        return lambda event: check(resolve(event))
    return lambda event: check(resolve(event), sync_mode)


def _split(raw: Json) -> tuple[Json, JsonObject]:
    """The mapping for the fields, and what the engine itself reads from it."""
    if not isinstance(raw, dict):
        return raw, {}
    extras = {key: raw[key] for key in MAPPING_EXTRAS if key in raw}
    return {key: value for key, value in raw.items() if key not in extras}, extras


def _condition(text: str, path: str, problems: list[Problem]) -> Condition | None:
    try:
        return parse_fql(text)
    except FqlError as error:
        problems.append(Problem(path, str(error)))
        return None


def _mapping(raw: Json, path: str, problems: list[Problem]) -> CompiledMapping | None:
    try:
        mapping = compile_mapping(raw)
    except MappingError as error:
        problems += _below(path, error.problems or (Problem("$", error.message),))
        return None
    problems += _below(path, mapping.warnings)
    return mapping


def _below(path: str, found: tuple[Problem, ...] | list[Problem]) -> list[Problem]:
    return [problem.below(path) for problem in found]


def _hook_outputs(extras: JsonObject) -> JsonObject:
    """What each hook gave when the mapping was saved."""
    saved = {name: value for name, value in extras.items() if name in HOOKS and isinstance(value, dict)}
    return {name: value["outputs"] for name, value in saved.items() if "outputs" in value}


def _own_scope(
    scope: Scope, spec: SubscriptionSpec, action: ActionSpec, raw: Json, extras: JsonObject
) -> Scope:
    mode = extras.get("__segment_internal_sync_mode")
    modes = () if action.sync_mode is None else tuple(choice.value for choice in action.sync_mode.choices)
    key = extras.get("__segment_internal_matching_key")
    identity = json.dumps([scope.instance, spec.name, spec.partner_action, raw], sort_keys=True, default=str)
    return attrs.evolve(
        scope,
        sync_mode=mode if mode in modes else None,
        matching_key=None if key is None else str(key),
        hook_outputs=_hook_outputs(extras),
        stats=scope.stats.tagged(action=spec.partner_action),
        key_suffix=hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12],
    )
