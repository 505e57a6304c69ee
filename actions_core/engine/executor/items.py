"""Payloads that go in batches: the item that is made of each, and which of them go together.

Payloads go together that share the values of `batch_keys`, in chunks of a bounded size. `batch_size`,
`batch_bytes` and `batch_keys` are fields of the action like any other, so a payload has their mapped
values; where it has none, the definition's defaults hold.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.destination.context import Context
from actions_core.destination.items import BatchItem, Items
from actions_core.destination.multistatus import Skip
from actions_core.engine.executor.call import HandlerError
from actions_core.engine.results import Result, Status
from actions_core.http.requests import Request
from actions_core.values.json_bytes import json_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actions_core.destination import Handler
    from actions_core.destination.context import Note
    from actions_core.destination.specs import BatchSpec
    from actions_core.engine.pipeline import Step
    from actions_core.http.masking import Mask
    from actions_core.values.types import Json, JsonObject

MOST_KEYS: Final = 3
#: So many payloads are measured at once.
_MOST_MEASURED: Final = 1000
#: The types of a size that is given, or is not.
_WHOLE: Final = frozenset({int, type(None)})


@attrs.define(eq=False)
class Item:
    """A payload, its step, and the place of its event in what the caller handed in.

    `sent` is what goes out for it: the payload, or the item that a function made of it; `notes` are what that
    warned of, and `skip` says why there is nothing to send. `warnings` are known when the item was delivered.
    """

    place: int
    step: Step
    payload: JsonObject
    sent: Json
    skip: str = ""
    notes: tuple[Note, ...] = ()
    warnings: tuple[Note, ...] = ()
    #: what all events of its batch share
    group: str = ""


def make_item(place: int, step: Step) -> Item:
    """Map and validate the event of a step, and make the item of its payload where it goes in a batch.

    Raises whatever the destination's function does.
    """
    pipeline, payload = step.pipeline, step.payload()
    handler = pipeline.batch_handler
    if handler is None or (handler.each is None and handler.group is None):
        return Item(place, step, payload, payload)
    if pipeline.handler is not None and not is_batched(payload):
        return Item(place, step, payload, payload)
    context = Context(pipeline.scope, step.event)
    group = "" if handler.group is None else handler.group(payload, context)
    if handler.each is None:
        return Item(place, step, payload, payload, group=group)
    value = item_value(handler.each, payload, context)
    notes = context.notes
    if isinstance(value, Skip):
        return Item(place, step, payload, payload, value.reason, notes, notes)
    return Item(place, step, payload, value, "", notes, notes, group)


def skipped_result(item: Item, mask: Mask) -> Result:
    """Return the result of an event for which there is nothing to send."""
    pipeline = item.step.pipeline
    return Result(
        pipeline.scope.instance,
        pipeline.name,
        pipeline.action,
        Status.SKIPPED,
        reason=mask.text(item.skip),
        warnings=item.warnings,
        mask=mask,
        message_id=item.step.message_id,
    )


def item_value(each: Handler, payload: JsonObject, context: Context) -> Json | Skip:
    """Return the item that a destination's function makes of a payload."""
    value = each.call(payload, context)
    if value is None or isinstance(value, Request | Exception):
        raise HandlerError(
            f"{each.name}() returned {type(value).__name__}; it returns the item or a Skip, or raises"
        )
    made: Json | Skip = value
    return made


def batch_payload(
    handler: Handler, payloads: list[JsonObject], values: Sequence[Json], context: Context
) -> JsonObject:
    """Return what the function for batches is called with: payloads, or the items made of them.

    The list of payloads becomes its own: it may take some out of it, and each still gets its node.
    """
    if handler.each is None:
        return {"payloads": payloads}
    made = [
        BatchItem(place, value, payload, one)
        for place, (value, payload, one) in enumerate(zip(values, payloads, context.each, strict=True))
    ]
    return {"items": Items(made)}


def chunks(items: Iterable[Item], spec: BatchSpec) -> Iterator[list[Item]]:
    """Yield the items in batches: equal in the values of their keys, within count and bytes, in their order.

    A payload that alone is larger than `batch_bytes` makes a batch of its own: whether it is too large
    for the destination only the destination can say.
    """
    groups: dict[object, list[Item]] = {}
    for item in items:
        key = item.group, _group(item.payload, spec)
        if key in groups:
            groups[key].append(item)
        else:
            groups[key] = [item]
    for group in groups.values():
        yield from _split(group, _positive(group[0].payload, "batch_size", spec.size), spec)


def is_batched(payload: JsonObject) -> bool:
    """Tell if the payload may go in a batch: it may unless its mapping says no."""
    return payload.get("enable_batching") is not False


def _group(payload: JsonObject, spec: BatchSpec) -> object:
    """Return what is equal for payloads that may go together."""
    keys, size, most = payload.get("batch_keys"), payload.get("batch_size"), payload.get("batch_bytes")
    if keys is None and not spec.keys and type(size) in _WHOLE and type(most) in _WHOLE:
        return size, most
    names: Iterable[str] = spec.keys
    if isinstance(keys, list):
        names = [key for key in keys if isinstance(key, str)]
    values = [[name, payload.get(name)] for name in list(names)[:MOST_KEYS]]
    return json.dumps([values, [size, most]], sort_keys=True, default=str)


def _split(group: list[Item], most: int, spec: BatchSpec) -> Iterator[list[Item]]:
    most_bytes = _positive(group[0].payload, "batch_bytes", spec.bytes)
    whole = 0
    # Nearly always so many fit: then they are measured together.
    while whole < len(group) and _fit(group[whole : whole + most], most_bytes):
        yield group[whole : whole + most]
        whole += most
    chunk: list[Item] = []
    size = 0
    for item in group[whole:]:
        more = _bytes(item.sent)
        if chunk and (len(chunk) >= most or size + more > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += more
    if chunk:
        yield chunk


def _fit(chunk: Sequence[Item], most_bytes: int) -> bool:
    """Tell if items are few enough to be measured together, and certainly within so many bytes."""
    if len(chunk) > _MOST_MEASURED:
        return False
    try:
        return len(json_bytes([item.sent for item in chunk])) <= most_bytes
    except (TypeError, ValueError, RecursionError):
        return False


def _positive(payload: JsonObject, key: str, default: int) -> int:
    value = payload.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


def _bytes(payload: Json) -> int:
    try:
        return len(json_bytes(payload))
    except (TypeError, ValueError, RecursionError):
        pass  # the handler may take it all the same
    return len(json.dumps(payload, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))
