"""What becomes of an event and why, without sending it.

The way is the one that `send` goes: the same pipeline, the same `prepare`, the same completion of the
request. Only the client is another: it stops where the network begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from actions_core.client import DryRunClient, Rehearsed
from actions_core.context import Context
from actions_core.errors import ActionsError, Problem
from actions_core.executor import perform

if TYPE_CHECKING:
    from actions_core.instance import Instance
    from actions_core.pipeline import Pipeline
    from actions_core.requests import Request
    from actions_core.types import JsonObject

FIRST_REQUEST = "the first request; the rest depends on its answer"


@attrs.frozen(eq=False)
class Delivery:
    """What one subscription would do with an event.

    `trace` is the condition's, with each value it looked at; `payload` is what the handler gets;
    `request` is the exact request, secrets masked, and None when `matched` is false or `problems` holds
    an error. `reason` says why an event would not be sent.
    """

    instance: str
    subscription: str
    action: str
    matched: bool
    reason: str = ""
    trace: Any = None
    payload: JsonObject | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    request: Request | None = None
    note: str = ""


@attrs.frozen(eq=False)
class Explanation:
    """What each subscription of each instance would do with one event."""

    message_id: str
    deliveries: tuple[Delivery, ...]


async def explain_delivery(instance: Instance, pipeline: Pipeline, event: JsonObject) -> Delivery:
    """What one pipeline would do with the event."""
    delivery = Delivery(instance.id, pipeline.name, pipeline.action, matched=False)
    if instance.filters is not None:
        filtered, reason = instance.filters.apply(event)
        if filtered is None:
            return attrs.evolve(delivery, reason=reason)
        event = filtered
    if pipeline.condition is not None:
        delivery = attrs.evolve(delivery, trace=pipeline.condition.trace(event))
    if not pipeline.matches(event):
        return attrs.evolve(delivery, reason=pipeline.skipped.reason)
    return await _rehearse(instance, pipeline, event, attrs.evolve(delivery, matched=True))


async def _rehearse(
    instance: Instance, pipeline: Pipeline, event: JsonObject, delivery: Delivery
) -> Delivery:
    line = instance.lane.line
    context = Context(pipeline.scope, event, dry_run=True)
    client = DryRunClient(line, context, pipeline.hints)
    try:
        payload = pipeline.to_payload(event)
        delivery = attrs.evolve(delivery, payload=line.mask.value(payload))
        await perform(pipeline, payload, context, client)
    except Rehearsed:
        pass
    except ActionsError as error:
        problems = error.problems or (Problem("$", str(error)),)
        delivery = attrs.evolve(delivery, problems=problems, reason=str(error))
    except Exception as error:  # noqa: BLE001 - a handler may raise anything; explaining must go on
        text = line.mask.text(f"{type(error).__name__}: {error}")
        delivery = attrs.evolve(delivery, problems=(Problem("$", text),), reason=text)
    asynchronous = pipeline.handler is not None and pipeline.handler.is_async
    sent = client.request if not delivery.problems else None
    return attrs.evolve(
        delivery,
        warnings=context.warnings,
        request=None if sent is None else line.mask.request(sent),
        note=FIRST_REQUEST if asynchronous and sent is not None else "",
    )
