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
from actions_core.engine.executor.client import DryRunClient, Rehearsed
from actions_core.errors import ActionsError
from actions_core.testing.cases import TRIAL
from actions_core.values.events import check_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.destination import Destination
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


def find_side_effects(destination: Destination, sample: Sample) -> list[str]:
    """Return a sentence for each thing that a handler does beside making a request of its payload."""
    return asyncio.run(_find_side_effects(destination, sample))


async def _find_side_effects(destination: Destination, sample: Sample) -> list[str]:
    engine, _ = sample.engine(destination)
    async with engine:
        instance = engine.instances[TRIAL]
        pipeline = instance.pipelines[0]
        if pipeline.handler is None:
            return []
        event = check_event(copy.deepcopy(sample.event))
        try:
            payload = pipeline.to_payload(event)
        except ActionsError:
            return []
        before = copy.deepcopy((payload, event, dict(instance.scope.settings)))
        found: list[str] = []
        requests = []
        for kinds in (_NETWORK, _NETWORK + _LOCAL):
            with watching(() if pipeline.handler.is_async else kinds) as seen:
                request = await _request(instance, pipeline, payload, event)
            if isinstance(request, str):
                return [request]
            requests.append(request)
            found += [f"does more than compute: {what}" for what in dict.fromkeys(seen)]
            after = (payload, event, dict(instance.scope.settings))
            for name, old, new in zip(("payload", "event", "settings"), before, after, strict=True):
                if not _same(old, new):
                    return [*dict.fromkeys(found), f"changes the {name} that it is given"]
    if not _equal(*requests):
        found.append("gives another request for the same payload: it depends on time, chance or state")
    return list(dict.fromkeys(found))


async def _request(
    instance: Instance, pipeline: Pipeline, payload: JsonObject, event: JsonObject
) -> Request | str | None:
    """Return the first request of the handler, None without one, or a sentence about its failure."""
    line = instance.lane.line
    context = Context(pipeline.scope, event, dry_run=True)
    client = DryRunClient(line, context, pipeline.hints)
    try:
        await instance.lane.work(pipeline, payload, context, client)
    except Rehearsed:
        pass
    except ActionsError as error:
        return f"fails: {error}" if error.code == "HANDLER_FAILED" else None
    except Exception as error:  # noqa: BLE001  # a handler may raise anything, and the check reports it
        return f"fails with {type(error).__name__}: {line.mask.text(str(error))}"
    return client.request


def _equal(first: Request | None, second: Request | None) -> bool:
    if first is None or second is None:
        return first is second
    return first == second and first.content() == second.content()


def _same(first: Any, second: Any) -> bool:
    """Compare as JSON, where true is not 1."""
    return first == second and repr(first) == repr(second)
