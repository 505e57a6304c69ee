"""Requests for batches: the item that is made of each payload, and which payloads may share a request.

`{"@each": "json"}` in a body stands for the list of items, each made as the single request makes its part.
What a request for a batch reads of one event (`payload`, `membership`, `audience`) is the same for all of
its events: they are grouped by it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from actions_core.destination.requests.guards import compile_guards
from actions_core.destination.requests.results import compile_results
from actions_core.destination.requests.scope import scope_binder
from actions_core.destination.requests.writing import RequestWriter, written_handler
from actions_core.errors import PayloadError
from actions_core.mapping import compile_mapping
from actions_core.values.paths import parse_path, read
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from actions_core.destination.context import Context
    from actions_core.destination.handler import Handler
    from actions_core.destination.multistatus import Skip
    from actions_core.values.types import Json, JsonObject

EACH: Final = "@each"
#: The roots of which a batch has one value for all of its events.
SHARED: Final = ("payload", "membership", "audience")
_ITEMS: Final = {"@path": "$.items"}


def find_each(value: Json, path: str = "$") -> Iterator[tuple[str, Json]]:
    """Yield each option of `@each` in a body, with its path."""
    if isinstance(value, dict) and EACH in value:
        yield f"{path}.{EACH}", value[EACH]
        return
    inner: Iterable[tuple[Any, Json]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, item in inner:
        yield from find_each(item, f"{path}[{key}]" if isinstance(value, list) else f"{path}.{key}")


def without_each(value: Json) -> Json:
    """Return a body with the list of items in place of `@each`."""
    if isinstance(value, dict):
        return _ITEMS if EACH in value else {key: without_each(item) for key, item in value.items()}
    return [without_each(item) for item in value] if isinstance(value, list) else value


def batch_handler(key: str, raw: JsonObject, single: JsonObject | None, *, relative: bool) -> Handler:
    """Return the handler of an action's checked request for batches; `single` is that for one payload."""
    places = list(find_each(raw.get("json")))
    each = None
    if places:
        each = _item_handler(key, places[0][1], raw, single or {})
        guards = ("when", "require")  # they are for items then
        raw = {part: value for part, value in raw.items() if part not in guards}
        raw["json"] = without_each(raw["json"])
    writer = RequestWriter(raw, relative=relative)
    reads = {next(iter(parse_path(path)), "").removesuffix("[]") for path in writer.reads}
    lists = frozenset(name for name in ("items", "payloads") if reads & {name, ""})
    shared = "payload" in reads or "" in reads

    def given(payload: JsonObject) -> JsonObject:
        items = payload.get("items")
        payloads = payload["payloads"] if items is None else [item.payload for item in items]
        scope: JsonObject = {"payloads": payloads} if "payloads" in lists else {}
        if items is not None and "items" in lists:
            scope["items"] = items.values
        if shared:
            scope["payload"] = payloads[0]
        return scope

    return written_handler(
        ("batch", key),
        scope_binder(writer.reads, given),
        writer.write,
        each=each,
        read=compile_results(raw.get("results")),
        group=_grouping(writer.reads),
    )


def _item_handler(key: str, option: Json, raw: JsonObject, single: JsonObject) -> Handler:
    """Return the handler that makes an item of a payload, or a `Skip` of one for which there is none."""
    mapping = compile_mapping({"item": single[option] if isinstance(option, str) else option})
    resolve: Callable[[JsonObject], Json] = mapping.resolve
    guards = [found for found in (compile_guards(single), compile_guards(raw)) if found is not None]
    reads = [*mapping.keys(), *(path for found in guards for path in found.reads)]
    scope_of = scope_binder(reads, lambda payload: {"payload": payload})

    def make(scope: JsonObject) -> Json | Skip:
        for found in guards:
            skip = found.check(scope)
            if skip is not None:
                return skip
        value = resolve(scope).get("item", MISSING)
        if value is MISSING or value is None:
            raise PayloadError("there is no item for the batch: what it is made of has no value")
        return value

    return written_handler(("item", key), scope_of, make, "the item of the definition")


def _grouping(reads: Iterable[str]) -> Callable[[JsonObject, Context], str] | None:
    """Return what is the same for all events of a batch; None where they share nothing."""
    paths = sorted({steps for path in reads for steps in _shared_paths(path)})
    if not paths:
        return None
    scope_of = scope_binder([path[0] for path in paths], lambda payload: {"payload": payload})

    def group(payload: JsonObject, context: Context) -> str:
        scope = scope_of(payload, context)
        return json.dumps([read(scope, path) for path in paths], sort_keys=True, default=str)

    return group


def _shared_paths(path: str) -> list[tuple[str, ...]]:
    steps = tuple(step.removesuffix("[]") for step in parse_path(path))
    if not steps:
        return [(root,) for root in SHARED]
    # Of a list in a payload all of it counts.
    plain = steps[: steps.index("")] if "" in steps else steps
    return [plain] if plain and plain[0] in SHARED else []
