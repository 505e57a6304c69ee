"""Explain what becomes of an event and why, without sending it.

The event takes the same steps as in `send`, with the same `prepare` and the same completion of the
request. Only the client is another: it stops where the network begins. Beside it stand the traces of
filters, condition and mapping, which say what decided.

As in a result, secrets are masked when somebody reads the part that may contain them.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.destination.context import Context
from actions_core.destination.multistatus import Skip
from actions_core.engine.executor.client import DryRunClient, DryRunEnd, current_task, let_through
from actions_core.engine.pipeline import StepTraces, separate_steps
from actions_core.engine.results import masked_warnings
from actions_core.errors import ActionsError, Problem
from actions_core.http.masking import Mask
from actions_core.values.plain import copier
from actions_core.values.types import MISSING
from actions_core.values.wording import raised

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core.destination.context import Note
    from actions_core.engine.filters import FilterTrace
    from actions_core.engine.instances import Instance
    from actions_core.engine.pipeline import Pipeline, Step
    from actions_core.http.requests import Request
    from actions_core.mapping import FieldTrace
    from actions_core.subscriptions import Trace
    from actions_core.values.types import Json, JsonObject

FIRST_REQUEST = "the first request; the rest depends on its response"
_NO_TRACES: Final = StepTraces()
NOTHING_SENT = "the event matches, but the destination has nothing to send for it"
DEFINITION_ONLY = "a definition only: no handler exists that would make a request of this payload"


class Parts:
    """The parts of an explanation that may contain secrets, not masked yet: nothing but it shows them."""

    __slots__ = ("mask", "notes", "payload", "request", "traces")

    def __init__(
        self,
        mask: Mask,
        traces: StepTraces = _NO_TRACES,
        payload: JsonObject | None = None,
        request: Request | None = None,
        notes: tuple[Note, ...] = (),
    ) -> None:
        self.mask = mask
        self.traces = traces
        self.payload = payload
        self.request = request
        self.notes = notes


@attrs.frozen(eq=False, slots=False)
class SubscriptionExplanation:
    """The explanation of what one subscription would do with an event.

    `filters` says what each filter of the instance does, `trace` is the condition's, with each value it
    looked at, `fields` says which paths gave each field of the mapping. `payload` is what the handler
    gets; `request` is the exact request, secrets masked, and None when `matched` is false, `problems` holds
    an error, or there is nothing to send. `reason` says why an event would not be sent. Nothing in here
    shows a secret.
    """

    instance: str
    subscription: str
    action: str
    matched: bool
    reason: str = ""
    problems: tuple[Problem, ...] = ()
    note: str = ""
    #: the key that would go with every try of this event in this subscription
    idempotency_key: str = ""
    _parts: Parts = attrs.field(factory=lambda: Parts(Mask(())), repr=False)

    @cached_property
    def filters(self) -> tuple[FilterTrace, ...]:
        """What each filter of the instance does with the event."""
        return tuple(_mask_filter(found, self._parts.mask) for found in self._parts.traces.filters)

    @cached_property
    def trace(self) -> Trace | None:
        """The verdict of the condition, with each value that it looked at."""
        trace = self._parts.traces.condition
        return None if trace is None else _mask_trace(trace, self._parts.mask)

    @cached_property
    def fields(self) -> tuple[FieldTrace, ...]:
        """The origin of each field of the payload."""
        return tuple(_mask_field(field, self._parts.mask) for field in self._parts.traces.fields)

    @cached_property
    def payload(self) -> JsonObject | None:
        """What the handler gets; None where there is no payload."""
        payload: JsonObject | None = self._parts.mask.value(self._parts.payload)
        return payload

    @cached_property
    def request(self) -> Request | None:
        """The exact request; None where there is none."""
        request = self._parts.request
        return None if request is None else self._parts.mask.request(request)

    @cached_property
    def warnings(self) -> tuple[Problem, ...]:
        """What does not stop the event but should be known."""
        return masked_warnings(self._parts.notes, self._parts.mask)

    @property
    def curl(self) -> str:
        """The `curl` command for the request, secrets masked; empty without a request."""
        from actions_core.http.curl import curl  # people read it, deliveries do not need it

        return "" if self.request is None else curl(self.request)

    def to_dict(self) -> JsonObject:
        """Return all of it as JSON."""
        from actions_core.http.curl import request_json  # as above

        return {
            "instance": self.instance,
            "subscription": self.subscription,
            "action": self.action,
            "matched": self.matched,
            "reason": self.reason,
            "filters": [_filter_json(found) for found in self.filters],
            "condition": None if self.trace is None else _trace_json(self.trace),
            "fields": [_field_json(field) for field in self.fields],
            "payload": self.payload,
            "problems": _problems_json(self.problems),
            "warnings": _problems_json(self.warnings),
            "note": self.note,
            "request": None if self.request is None else request_json(self.request),
            "curl": self.curl or None,
        }


@attrs.frozen(eq=False)
class Explanation:
    """The explanation of what each subscription of each instance would do with one event."""

    message_id: str
    deliveries: tuple[SubscriptionExplanation, ...]

    def to_dict(self) -> JsonObject:
        """Return all of it as JSON."""
        return {
            "messageId": self.message_id,
            "deliveries": [delivery.to_dict() for delivery in self.deliveries],
        }


async def explain_step(instance: Instance, step: Step, event: JsonObject) -> SubscriptionExplanation:
    """Explain what a step of `event` would do; `event` is as it was before the instance's filters."""
    pipeline = step.pipeline
    traces = step.trace(event, instance.filters) if instance.enabled else _NO_TRACES
    parts = Parts(instance.lane.connection.mask, traces)
    explanation = SubscriptionExplanation(
        instance.id,
        pipeline.name,
        pipeline.action,
        matched=step.skipped is None,
        reason="" if step.skipped is None else step.skipped.reason,
        parts=parts,
    )
    separate_steps((step,))  # what was traced stays as it was, whatever the handler does
    return explanation if step.skipped is not None else await _dry_run(instance, step, explanation, parts)


async def _dry_run(
    instance: Instance, step: Step, explanation: SubscriptionExplanation, parts: Parts
) -> SubscriptionExplanation:
    lane, mask, pipeline = instance.lane, instance.lane.connection.mask, step.pipeline
    context = Context(pipeline.scope.rehearsed(), step.event, dry_run=True)
    client = DryRunClient(lane.connection, context, pipeline.hints)
    task = current_task()
    cancelled = task.cancelling()
    problems: tuple[Problem, ...] = ()
    reason = note = ""
    try:
        payload = step.payload()
        parts.payload = copier(payload)()  # the handler may change its own
        lane.refuse_if_disabled()
        answer = await lane.call_action(pipeline, payload, context, client)
        if isinstance(answer, Skip):
            reason, note = mask.text(answer.reason), NOTHING_SENT
    except DryRunEnd:
        pass
    except ActionsError as error:
        problems = mask.problems(error.problems or (Problem("$", str(error)),))
        reason = mask.text(str(error))
    except BaseException as error:  # noqa: BLE001 - a handler may raise anything; explaining must go on
        let_through(error, task, cancelled)
        if not _ended_dry_run(error):
            reason = mask.text(raised(error))
            problems = (Problem("$", reason),)
    let_through(None, task, cancelled)
    sent = parts.request = None if problems else client.request
    parts.notes = context.notes
    return attrs.evolve(
        explanation,
        reason=reason,
        problems=problems,
        note=note or _note(pipeline, sent),
        idempotency_key=context.idempotency_key,
    )


def _ended_dry_run(error: BaseException) -> bool:
    """Tell if the first request ended the handler inside of a task group."""
    return isinstance(error, BaseExceptionGroup) and error.subgroup(DryRunEnd) is not None


def _note(pipeline: Pipeline, sent: Request | None) -> str:
    handler = pipeline.handler or pipeline.batch_handler
    if handler is None:
        return DEFINITION_ONLY
    return FIRST_REQUEST if handler.is_async and sent is not None else ""


def _mask_trace(trace: Trace, mask: Mask) -> Trace:
    return attrs.evolve(
        trace,
        value=trace.value if trace.value is MISSING else mask.value(trace.value),
        parts=tuple(_mask_trace(part, mask) for part in trace.parts),
    )


def _mask_filter(found: FilterTrace, mask: Mask) -> FilterTrace:
    if found.condition is None:
        return found
    return attrs.evolve(found, condition=_mask_trace(found.condition, mask))


def _mask_field(field: FieldTrace, mask: Mask) -> FieldTrace:
    if field.error is not None:
        mask.error(field.error)
    return field if field.value is MISSING else attrs.evolve(field, value=mask.value(field.value))


def _filter_json(found: FilterTrace) -> JsonObject:
    """Return what a filter did as JSON, with the verdict on each part of its condition as `trace`."""
    shown: JsonObject = {
        "filter": found.name, "type": found.kind, "matched": found.matched, "outcome": found.outcome,
    }  # fmt: skip
    return shown if found.condition is None else {**shown, "trace": _trace_json(found.condition)}


def _trace_json(trace: Trace) -> JsonObject:
    """Return a trace as JSON: no `value` where a comparison found nothing, `parts` for a group."""
    shown: JsonObject = {"condition": trace.text, "matched": trace.matched}
    if trace.parts:
        return {**shown, "parts": [_trace_json(part) for part in trace.parts]}
    return shown if trace.value is MISSING else {**shown, "value": trace.value}


def _field_json(field: FieldTrace) -> JsonObject:
    """Return a field as JSON: no `value` where nothing came out; `missed` are paths without a value."""
    shown: JsonObject = {"field": field.field, "paths": list(field.paths), "missed": list(field.missed)}
    if field.error is not None:
        return {**shown, "problems": _problems_json(field.error.problems)}
    return shown if field.value is MISSING else {**shown, "value": field.value}


def _problems_json(problems: Iterable[Problem]) -> list[Json]:
    return [
        {"path": problem.path, "message": problem.message, "severity": problem.severity}
        for problem in problems
    ]
