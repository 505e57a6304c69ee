"""Handlers are pure: the same payload gives the same request, and nothing else happens.

Python raises audit events for each file that is opened and each connection that is made; they show the
input and output of a plain function, however deeply hidden.
"""

from __future__ import annotations

import asyncio
import copy
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from actions_core.destination.context import Context
from actions_core.destination.multistatus import Skip
from actions_core.engine.executor.call import finish, limit
from actions_core.engine.executor.client import DryRunClient, DryRunEnd
from actions_core.engine.executor.items import batch_payload, item_value
from actions_core.engine.pipeline import Step
from actions_core.errors import ActionsError, PayloadError
from actions_core.testing.cases import TRIAL
from actions_core.values.events import check_event
from actions_core.values.wording import raised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.destination import Destination, Handler
    from actions_core.engine.instances import Instance
    from actions_core.engine.pipeline import Pipeline
    from actions_core.http.requests import Request
    from actions_core.testing.suite.samples import Sample
    from actions_core.values.types import JsonObject

#: Prefixes of audit events. Files count at the second call only, because the first may import modules.
_NETWORK: Final = ("socket.", "urllib.Request", "http.client.", "smtplib.", "ftplib.")
_LOCAL: Final = ("open", "os.system", "os.exec", "os.posix_spawn", "subprocess.", "sqlite3.")

_watched: ContextVar[tuple[tuple[str, ...], list[str]] | None] = ContextVar("_watched", default=None)
_hooks: list[bool] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    watched = _watched.get()
    if watched is not None and event.startswith(watched[0]):
        what = next((f" of {argument}" for argument in arguments if isinstance(argument, str)), "")
        watched[1].append(f"{event}{what}")


@contextmanager
def watching(kinds: tuple[str, ...]) -> Iterator[list[str]]:
    """Collect audit events of these kinds into a list while the context is entered."""
    if not _hooks:
        # An audit hook cannot be removed: it is added once, and does nothing unless something is watched.
        sys.addaudithook(_hook)
        _hooks.append(True)
    seen: list[str] = []
    token = _watched.set((kinds, seen))
    try:
        yield seen
    finally:
        _watched.reset(token)


def find_side_effects(destination: Destination, sample: Sample, *, batch: bool = False) -> list[str]:
    """Return a sentence for each thing that a handler does beside making a request of its payload.

    With `batch` that is the function for batches, which gets the payload twice.
    """
    return asyncio.run(_find_side_effects(destination, sample, 2 if batch else 0))


async def _find_side_effects(destination: Destination, sample: Sample, size: int) -> list[str]:
    engine, _ = sample.engine(destination)
    async with engine:
        instance = engine.instances[TRIAL]
        pipeline = instance.pipelines[0]
        handler = pipeline.batch_handler if size else pipeline.handler
        if handler is None:
            return []
        events = [check_event(copy.deepcopy(sample.event)) for _ in range(max(size, 1))]
        try:
            payloads = [Step(pipeline, event).payload() for event in events]
        except ActionsError:
            return []
        given: JsonObject = {"payloads": payloads} if size else payloads[0]
        before = copy.deepcopy((payloads, events, dict(instance.scope.settings)))
        found: list[str] = []
        requests = []
        for kinds in (_NETWORK, _NETWORK + _LOCAL):
            with watching(() if handler.is_async else kinds) as seen:
                request = await _request(instance, pipeline, given, events)
            if isinstance(request, str):
                return [request]
            requests.append(request)
            found += [f"does more than compute: {what}" for what in dict.fromkeys(seen)]
            after = (payloads, events, dict(instance.scope.settings))
            for name, old, new in zip(("payload", "event", "settings"), before, after, strict=True):
                if not _same(old, new):
                    return [*dict.fromkeys(found), f"changes the {name} that it is given"]
    if not _equal(*requests):
        found.append("gives another request for the same payload: it depends on time, chance or state")
    return list(dict.fromkeys(found))


async def _request(
    instance: Instance, pipeline: Pipeline, given: JsonObject, events: list[JsonObject]
) -> Request | str | None:
    """Return the first request of the handler, None without one, or a sentence about its failure."""
    connection = instance.lane.connection
    batch = pipeline.batch_handler if len(events) > 1 else None
    context = Context(pipeline.scope, events[0], dry_run=True, events=None if batch is None else events)
    client = DryRunClient(connection, context, pipeline.hints)
    try:
        if batch is None:
            await instance.lane.call_action(pipeline, given, context, client)
        else:
            if batch.each is not None:
                given = _with_items(batch, given["payloads"], context)
            answer = batch.call(given, context, client)
            await limit(connection, finish(answer, client, is_async=batch.is_async))
    except DryRunEnd:
        pass
    except ActionsError as error:
        return f"fails: {error}" if error.code == "HANDLER_FAILED" else None
    except Exception as error:  # noqa: BLE001  # a handler may raise anything, and the check reports it
        return f"fails with {connection.mask.text(raised(error))}"
    return client.request


def _with_items(batch: Handler, payloads: list[JsonObject], context: Context) -> JsonObject:
    """Return what the function for batches is called with, its items made of the payloads."""
    each = batch.each
    assert each is not None  # noqa: S101 - the caller has looked
    values = [item_value(each, payload, one) for payload, one in zip(payloads, context.each, strict=True)]
    skipped = [value for value in values if isinstance(value, Skip)]
    if skipped:
        raise PayloadError(skipped[0].reason)  # no item is no request, as for a payload that is refused
    return batch_payload(batch, payloads, values, context)


def _equal(first: Request | None, second: Request | None) -> bool:
    if first is None or second is None:
        return first is second
    return first == second and first.content() == second.content()


def _same(first: Any, second: Any) -> bool:
    """Compare as JSON, where true is not 1."""
    return first == second and repr(first) == repr(second)
