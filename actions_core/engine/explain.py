"""What becomes of an event and why, without sending it.

The way is the one that `send` goes: the same pipeline, the same `prepare`, the same completion of the
request. Only the client is another: it stops where the network begins. Beside it stand the traces of
filters, condition and mapping, which say what decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.destination.context import Context
from actions_core.engine.executor.client import DryRunClient, Rehearsed
from actions_core.errors import ActionsError, Problem
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core.engine.filters import FilterTrace
    from actions_core.engine.instances import Instance
    from actions_core.engine.pipeline import Pipeline
    from actions_core.http.masking import Mask
    from actions_core.http.requests import Request
    from actions_core.mapping import FieldTrace
    from actions_core.subscriptions import Trace
    from actions_core.values.types import Json, JsonObject

FIRST_REQUEST = "the first request; the rest depends on its answer"
DEFINITION_ONLY = "a definition only: no handler exists that would make a request of this payload"


@attrs.frozen(eq=False)
class SubscriptionExplanation:
    """What one subscription would do with an event.

    `filters` says what each filter of the instance did, `trace` is the condition's, with each value it
    looked at, `fields` says which paths gave each field of the mapping. `payload` is what the handler
    gets; `request` is the exact request, secrets masked, and None when `matched` is false or `problems`
    holds an error. `reason` says why an event would not be sent. Nothing in here shows a secret.
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
        """The shell's command for the request, secrets masked; empty without a request."""
        from actions_core.http.curl import curl  # people read it, deliveries need it not

        return "" if self.request is None else curl(self.request)

    def to_dict(self) -> JsonObject:
        """All of it as JSON."""
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
    """What each subscription of each instance would do with one event."""

    message_id: str
    deliveries: tuple[SubscriptionExplanation, ...]

    def to_dict(self) -> JsonObject:
        """All of it as JSON."""
        return {
            "messageId": self.message_id,
            "deliveries": [delivery.to_dict() for delivery in self.deliveries],
        }


async def explain_delivery(
    instance: Instance, pipeline: Pipeline, event: JsonObject
) -> SubscriptionExplanation:
    """What one pipeline would do with the event."""
    mask = instance.lane.line.mask
    delivery = SubscriptionExplanation(instance.id, pipeline.name, pipeline.action, matched=False)
    if not instance.enabled:
        return attrs.evolve(delivery, reason="the instance is disabled")
    if instance.filters is not None:
        delivery = attrs.evolve(delivery, filters=instance.filters.trace(event))
        filtered, reason = instance.filters.apply(event)
        if filtered is None:
            return attrs.evolve(delivery, reason=reason)
        event = filtered
    if pipeline.condition is not None:
        delivery = attrs.evolve(delivery, trace=_mask_trace(pipeline.condition.trace(event), mask))
    if not pipeline.matches(event):
        return attrs.evolve(delivery, reason=pipeline.skipped.reason)
    if pipeline.mapping is not None:
        fields = (_mask_field(field, mask) for field in pipeline.mapping.trace(event))
        delivery = attrs.evolve(delivery, fields=tuple(fields))
    return await _rehearse(instance, pipeline, event, attrs.evolve(delivery, matched=True))


async def _rehearse(
    instance: Instance, pipeline: Pipeline, event: JsonObject, delivery: SubscriptionExplanation
) -> SubscriptionExplanation:
    line = instance.lane.line
    context = Context(pipeline.scope.rehearsed(), event, dry_run=True)
    client = DryRunClient(line, context, pipeline.hints)
    try:
        payload = pipeline.to_payload(event)
        delivery = attrs.evolve(delivery, payload=line.mask.value(payload))
        await instance.lane.work(pipeline, payload, context, client)
    except Rehearsed:
        pass
    except ActionsError as error:
        problems = line.mask.problems(error.problems or (Problem("$", str(error)),))
        delivery = attrs.evolve(delivery, problems=problems, reason=line.mask.text(str(error)))
    except Exception as error:  # noqa: BLE001 - a handler may raise anything; explaining must go on
        text = line.mask.text(f"{type(error).__name__}: {error}")
        delivery = attrs.evolve(delivery, problems=(Problem("$", text),), reason=text)
    sent = client.request if not delivery.problems else None
    return attrs.evolve(
        delivery,
        warnings=line.mask.problems(context.warnings),
        request=None if sent is None else line.mask.request(sent),
        note=_note(pipeline, sent),
        idempotency_key=context.idempotency_key,
    )


def _note(pipeline: Pipeline, sent: Request | None) -> str:
    if pipeline.handler is None:
        return DEFINITION_ONLY
    return FIRST_REQUEST if pipeline.handler.is_async and sent is not None else ""


def _mask_trace(trace: Trace, mask: Mask) -> Trace:
    return attrs.evolve(
        trace,
        value=trace.value if trace.value is MISSING else mask.value(trace.value),
        parts=tuple(_mask_trace(part, mask) for part in trace.parts),
    )


def _mask_field(field: FieldTrace, mask: Mask) -> FieldTrace:
    return field if field.value is MISSING else attrs.evolve(field, value=mask.value(field.value))


def _filter_json(found: FilterTrace) -> JsonObject:
    return {"filter": found.name, "type": found.kind, "matched": found.matched, "outcome": found.outcome}


def _trace_json(trace: Trace) -> JsonObject:
    """Without `value` where a comparison found nothing; a group has `parts` instead."""
    shown: JsonObject = {"condition": trace.text, "matched": trace.matched}
    if trace.parts:
        return {**shown, "parts": [_trace_json(part) for part in trace.parts]}
    return shown if trace.value is MISSING else {**shown, "value": trace.value}


def _field_json(field: FieldTrace) -> JsonObject:
    """Without `value` where nothing came out; `missed` are the paths at which nothing stood."""
    shown: JsonObject = {"field": field.field, "paths": list(field.paths), "missed": list(field.missed)}
    if field.error is not None:
        return {**shown, "problems": _problems_json(field.error.problems)}
    return shown if field.value is MISSING else {**shown, "value": field.value}


def _problems_json(problems: Iterable[Problem]) -> list[Json]:
    return [
        {"path": problem.path, "message": problem.message, "severity": problem.severity}
        for problem in problems
    ]
