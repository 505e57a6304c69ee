"""How payloads are put together: by the keys they share, in chunks of a bounded size.

`batch_size`, `batch_bytes` and `batch_keys` are fields of the action like any other, so a payload
brings them along with their mapped values; where it does not, the definition's defaults hold.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions_core.destination.specs import BatchSpec
    from actions_core.errors import Problem
    from actions_core.values.types import Json, JsonObject

MOST_KEYS: Final = 3


@attrs.frozen
class Item:
    """A payload and the place of its event in what the caller handed in.

    `warnings` fills while the item is delivered.
    """

    place: int
    event: JsonObject
    payload: JsonObject
    warnings: list[Problem] = attrs.field(factory=list)


def chunks(items: Iterable[Item], spec: BatchSpec) -> Iterator[list[Item]]:
    """The items in batches: equal in the values of their keys, within count and bytes, in their order.

    A payload that alone is larger than `batch_bytes` makes a batch of its own: whether it is too large
    for the destination only the destination can say.
    """
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(_group(item.payload, spec), []).append(item)
    for group in groups.values():
        yield from _split(group, _positive(group[0].payload, "batch_size", spec.size), spec)


def is_batched(payload: JsonObject) -> bool:
    """Whether the payload may go in a batch: it may unless its mapping says no."""
    return payload.get("enable_batching") is not False


def _group(payload: JsonObject, spec: BatchSpec) -> str:
    keys = payload.get("batch_keys")
    names: Iterable[str] = spec.keys
    if isinstance(keys, list):
        names = [key for key in keys if isinstance(key, str)]
    values = [[name, payload.get(name)] for name in list(names)[:MOST_KEYS]]
    sizes = [payload.get("batch_size"), payload.get("batch_bytes")]
    return json.dumps([values, sizes], sort_keys=True, default=str)


def _split(group: list[Item], most: int, spec: BatchSpec) -> Iterator[list[Item]]:
    most_bytes = _positive(group[0].payload, "batch_bytes", spec.bytes)
    chunk: list[Item] = []
    size = 0
    for item in group:
        more = _bytes(item.payload)
        if chunk and (len(chunk) >= most or size + more > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += more
    if chunk:
        yield chunk


def _positive(payload: JsonObject, key: str, default: int) -> int:
    value = payload.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


def _bytes(payload: Json) -> int:
    return len(json.dumps(payload, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))
