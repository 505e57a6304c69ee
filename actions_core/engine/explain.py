"""Explain what becomes of an event and why, without sending it.

The event takes the same steps as in `send`, with the same `prepare` and the same completion of the
request. Only the client is another: it stops where the network begins. Beside it stand the traces of
filters, condition and mapping, which say what decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.destination.context import Context
from actions_core.destination.multistatus import Skip
from actions_core.engine.executor.client import DryRunClient, DryRunEnd, current_task, let_through
from actions_core.engine.pipeline import StepTraces, separate_steps
from actions_core.errors import ActionsError, Problem
from actions_core.values.plain import copier
from actions_core.values.types import MISSING
from actions_core.values.wording import raised

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core.engine.filters import FilterTrace
    from actions_core.engine.instances import Instance
    from actions_core.engine.pipeline import Pipeline, Step
    from actions_core.http.masking import Mask
    from actions_core.http.requests import Request
    from actions_core.mapping import FieldTrace
    from actions_core.subscriptions import Trace
    from actions_core.values.types import Json, JsonObject

FIRST_REQUEST = "the first request; the rest depends on its response"
NOTHING_SENT = "the event matches, but the destination has nothing to send for it"
DEFINITION_ONLY = "a definition only: no handler exists that would make a request of this payload"


@attrs.frozen(eq=False)
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
    trace: Trace | None = None
    payload: JsonObject | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    request: Request | None = None
    note: str = ""
    filters: tuple[FilterTrace, ...] = ()
    fields: tuple[FieldTrace, ...] = ()
    #: the key that would go with every try of this event in this subscription
    idempotency_key: str = ""

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
    mask, pipeline = instance.lane.connection.mask, step.pipeline
    traces = step.trace(event, instance.filters) if instance.enabled else StepTraces()
    explanation = SubscriptionExplanation(
        instance.id,
        pipeline.name,
        pipeline.action,
        matched=step.skipped is None,
        reason="" if step.skipped is None else step.skipped.reason,
        filters=tuple(_mask_filter(found, mask) for found in traces.filters),
        trace=None if traces.condition is None else _mask_trace(traces.condition, mask),
        fields=tuple(_mask_field(field, mask) for field in traces.fields),
    )
    separate_steps((step,))  # what was traced stays as it was, whatever the handler does
    return explanation if step.skipped is not None else await _dry_run(instance, step, explanation)


async def _dry_run(
    instance: Instance, step: Step, explanation: SubscriptionExplanation
) -> SubscriptionExplanation:
    lane, mask, pipeline = instance.lane, instance.lane.connection.mask, step.pipeline
    context = Context(pipeline.scope.rehearsed(), step.event, dry_run=True)
    client = DryRunClient(lane.connection, context, pipeline.hints)
    task = current_task()
    cancelled = task.cancelling()
    try:
        payload = step.payload()
        explanation = attrs.evolve(explanation, payload=mask.value(copier(payload)()))
        lane.refuse_if_disabled()
        answer = await lane.call_action(pipeline, payload, context, client)
        if isinstance(answer, Skip):
            explanation = attrs.evolve(explanation, reason=mask.text(answer.reason), note=NOTHING_SENT)
    except DryRunEnd:
        pass
    except ActionsError as error:
        problems = mask.problems(error.problems or (Problem("$", str(error)),))
        explanation = attrs.evolve(explanation, problems=problems, reason=mask.text(str(error)))
    except BaseException as error:  # noqa: BLE001 - a handler may raise anything; explaining must go on
        let_through(error, task, cancelled)
        if not _ended_dry_run(error):
            text = mask.text(raised(error))
            explanation = attrs.evolve(explanation, problems=(Problem("$", text),), reason=text)
    let_through(None, task, cancelled)
    sent = client.request if not explanation.problems else None
    return attrs.evolve(
        explanation,
        warnings=mask.problems(context.warnings),
        request=None if sent is None else mask.request(sent),
        note=explanation.note or _note(pipeline, sent),
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
