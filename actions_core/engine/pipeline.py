"""One subscription, compiled, and the steps that an event takes through it up to the network.

Everything that can be known before an event comes is worked out in `compile_pipeline`: the condition,
the mapping, the validator, the handler, and the result of an event that does not match. The deletion of
users and the authentication test are pipelines too, without condition and mapping.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from actions_core.destination.destination import fields_of, hints_for
from actions_core.destination.specs import HOOKS, BatchSpec
from actions_core.engine.results import Result, Status
from actions_core.engine.subscription_parts import read_condition, read_mapping, split_mapping
from actions_core.errors import Problem, child_path
from actions_core.validation import PayloadValidator
from actions_core.values.events import message_id_of
from actions_core.values.javascript import to_text
from actions_core.values.plain import copier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from actions_core.destination import Destination, Handler
    from actions_core.destination.context import Scope
    from actions_core.destination.specs import ActionSpec
    from actions_core.engine.filters import Filters, FilterTrace
    from actions_core.engine.workspace import SubscriptionSpec
    from actions_core.mapping import FieldTrace
    from actions_core.mapping import Mapping as CompiledMapping
    from actions_core.subscriptions import Condition, Trace
    from actions_core.values.types import Json, JsonObject


def _always(_event: JsonObject) -> bool:
    return True


def _never(_event: JsonObject) -> bool:
    return False


@attrs.frozen(eq=False, repr=False)
class Pipeline:
    """The way of an event through one subscription, up to the network.

    `matches` decides, `resolve` maps the event and `check` validates what comes out; only a `Step` calls
    them. `reason` says why an event is skipped that does not match, and `skipped` is the step of all such
    events: it is made once, because it is the same for all of them.
    """

    name: str
    action: str
    scope: Scope
    handler: Handler | None
    hints: Mapping[int, str]
    reason: str
    resolve: Callable[[JsonObject], Any]
    check: Callable[[Any, str | None], JsonObject]
    matches: Callable[[JsonObject], bool] = _always
    batch_handler: Handler | None = None
    poll_handler: Handler | None = None
    batch: BatchSpec = attrs.field(factory=BatchSpec)
    #: False where the mapping says once and for all that nothing goes in batches
    may_batch: bool = True
    condition: Condition | None = None
    mapping: CompiledMapping | None = None
    validator: PayloadValidator | None = None
    skipped: Step = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "skipped", self.skip(self.reason))

    @property
    def is_definition_only(self) -> bool:
        """Whether no function takes the payloads, neither one by one nor in batches."""
        return self.handler is None and self.batch_handler is None

    def skip(self, reason: str) -> Step:
        """Return the step of an event that is skipped for a reason."""
        result = Result(self.scope.instance, self.name, self.action, Status.SKIPPED, reason=reason)
        return _SkippedStep(self, result)


@attrs.frozen
class StepTraces:
    """Traces of what filters, condition and mapping did with an event."""

    filters: tuple[FilterTrace, ...] = ()
    condition: Trace | None = None
    fields: tuple[FieldTrace, ...] = ()


class Step:
    """One event at one subscription: skipped, or matched and about to be delivered.

    `event` is the event as the instance's filters left it: the one that all steps share, which conditions
    read, until `separate_steps` gives the step one of its own. A step that is skipped has the result
    already, with the reason, and no event: most events are skipped by most subscriptions, so they share
    one step.
    """

    __slots__ = ("event", "message_id", "pipeline")

    skipped: Result | None = None

    def __init__(self, pipeline: Pipeline, event: JsonObject) -> None:
        self.pipeline = pipeline
        self.event = event
        #: as it was before a handler could change it
        message_id = event.get("messageId")
        self.message_id = message_id if type(message_id) is str else message_id_of(event)

    def payload(self) -> JsonObject:
        """Map and validate the event. Raises `ActionsError` where that cannot be done."""
        pipeline = self.pipeline
        return pipeline.check(pipeline.resolve(self.event), pipeline.scope.sync_mode)

    def trace(self, event: JsonObject, filters: Filters | None) -> StepTraces:
        """Return what led to this step for `event`, as it was before `filters`."""
        pipeline = self.pipeline
        seen = event if filters is None else filters.apply(event)[0]
        matched = self.skipped is None
        return StepTraces(
            () if filters is None else filters.trace(event),
            pipeline.condition.trace(seen) if pipeline.condition is not None and seen is not None else None,
            pipeline.mapping.trace(self.event) if pipeline.mapping is not None and matched else (),
        )


def separate_steps(steps: Iterable[Step]) -> None:
    """Give each step that matched a copy of its own of its event, written once for all that share it."""
    copiers: dict[int, Callable[[], JsonObject]] = {}
    for step in steps:
        if step.skipped is None:
            event = step.event
            copy = copiers.get(id(event))  # all of them exist already, so no two have the same id
            if copy is None:
                copy = copiers[id(event)] = copier(event)
            step.event = copy()


class _SkippedStep(Step):
    __slots__ = ("skipped",)

    def __init__(self, pipeline: Pipeline, skipped: Result) -> None:
        super().__init__(pipeline, {})
        self.skipped = skipped


#: Asked with an event's place among those that went in, and with each step of it that matched: returns the
#: result of a delivery that is held back, None for one that may go.
Hold: TypeAlias = "Callable[[int, Step], Result | None]"


def compile_pipeline(
    spec: SubscriptionSpec, values: Json, destination: Destination, scope: Scope, path: str
) -> tuple[Pipeline | None, list[Problem]]:
    """Compile a subscription: None where it has errors, and every problem below `path`.

    `values` is its mapping with what the environment gives. The keys of events depend on the mapping as it
    is written: a renewed secret changes none.
    """
    action = destination.spec.actions.get(spec.partner_action)
    problems: list[Problem] = []
    if action is None:
        known = ", ".join(sorted(destination.spec.actions))
        message = f"{destination.slug} has no action {spec.partner_action!r}; it has {known}"
        problems.append(Problem(child_path(path, "partnerAction"), message))
    raw: Json = spec.mapping
    if raw is None:
        raw = values = {} if action is None else action.default_mapping
    plain, extras = split_mapping(values)
    condition = read_condition(spec.subscribe, child_path(path, "subscribe"), problems)
    mapping = read_mapping(plain, child_path(path, "mapping"), problems)
    if action is None or condition is None or mapping is None:
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
        handler=destination.handlers.get(spec.partner_action),
        hints=hints_for(destination, spec.partner_action),
        reason=reason,
        resolve=mapping.resolve,
        check=validator.check,
        batch_handler=destination.batch_handlers.get(spec.partner_action),
        poll_handler=destination.poll_handlers.get(spec.partner_action),
        batch=_batch_of(action, plain),
        may_batch=not isinstance(plain, dict) or plain.get("enable_batching") is not False,
        matches=condition.matches if spec.enabled else _never,
        condition=condition,
        mapping=mapping,
        validator=validator,
    )
    return pipeline, problems


def deletion_pipeline(destination: Destination, scope: Scope) -> Pipeline | None:
    """Make the pipeline that deletes users, which is for `delete` events only."""
    handler = destination.deletion_handler
    return _plain(destination, handler, scope, "onDelete", _deletion_payload, _is_deletion)


def authentication_pipeline(destination: Destination, scope: Scope) -> Pipeline | None:
    """Make the pipeline that tests the settings; events are never routed to it."""
    handler = destination.authentication_handler
    return _plain(destination, handler, scope, "testAuthentication", _empty_payload, _always)


def _plain(
    destination: Destination,
    handler: Handler | None,
    scope: Scope,
    action: str,
    resolve: Callable[[JsonObject], JsonObject],
    matches: Callable[[JsonObject], bool],
) -> Pipeline | None:
    """Make a pipeline without condition and mapping, where there is a handler for it."""
    if handler is None:
        return None
    return Pipeline(
        name=action,
        action=action,
        scope=scope,
        handler=handler,
        hints=hints_for(destination),
        reason="the event is not for it",
        resolve=resolve,
        check=_unchecked,
        matches=matches,
    )


def _is_deletion(event: JsonObject) -> bool:
    return event.get("type") == "delete"


def _deletion_payload(event: JsonObject) -> JsonObject:
    return {"user_id": _id(event.get("userId")), "anonymous_id": _id(event.get("anonymousId"))}


def _empty_payload(_event: JsonObject) -> JsonObject:
    return {}


def _unchecked(payload: JsonObject, _sync_mode: str | None) -> JsonObject:
    return payload


def _id(value: Json) -> str | None:
    """Return an id as a str; a value that is neither a str nor a number identifies nobody."""
    if isinstance(value, str):
        return value
    return to_text(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _batch_of(action: ActionSpec, mapping: Json) -> BatchSpec:
    """Return the sizes of batches where a payload names none: the mapping's, where they are plain numbers."""

    def given(key: str, default: int) -> int:
        value = mapping.get(key) if isinstance(mapping, dict) and key in action.fields else None
        return value if type(value) is int and value > 0 else default

    spec = action.batch
    return attrs.evolve(spec, size=given("batch_size", spec.size), bytes=given("batch_bytes", spec.bytes))


def _hook_outputs(extras: JsonObject) -> JsonObject:
    """Return what each hook returned when the mapping was saved."""
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
        action=spec.partner_action,
        sync_mode=mode if mode in modes else None,
        matching_key=None if key is None else str(key),
        hook_outputs=_hook_outputs(extras),
        stats=scope.stats.tagged(action=spec.partner_action),
        key_suffix=hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12],
    )
