"""Runs pipelines: a lane for each instance, so that none has to wait for another's troubles.

A lane bounds how many requests are under way, turns everything that can happen into a `Result`, and
lets nothing but cancellation out.
"""

from __future__ import annotations

import logging
import traceback
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from actions_core.destination.context import Context
from actions_core.engine.executor.client import Client, Gate
from actions_core.engine.results import Result, Status
from actions_core.errors import ActionsError, RequestError
from actions_core.http.errors import TransportError
from actions_core.http.requests import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from actions_core.engine.executor.client import Line
    from actions_core.engine.pipeline import Pipeline
    from actions_core.values.types import JsonObject

_LOGGER = logging.getLogger("actions_core")
_GONE: Final = 410
#: A plain handler runs in the event loop: one that takes longer than this, in seconds, is reported.
_SLOW_HANDLER: Final = 1.0


class HandlerError(ActionsError):
    """A handler failed in a way that it did not announce: a fault of the destination's code."""

    default_code = "HANDLER_FAILED"
    default_status = 500


async def _finish(work: Awaitable[Any], client: Client) -> Any:
    answer = await work
    return await client.send(answer) if isinstance(answer, Request) else answer


class Lane:
    """The way to one instance."""

    def __init__(self, instance: str, line: Line, concurrency: int, logger: logging.Logger = _LOGGER) -> None:
        self.instance = instance
        self.line = line
        self.concurrency = concurrency
        self.disabled = ""
        self.free = Gate(concurrency)
        self._logger = logger

    async def deliver(self, pipeline: Pipeline, event: JsonObject) -> Result:
        """Take one event through a pipeline. Raises nothing but `CancelledError`."""
        started = perf_counter()
        line = self.line
        context = Context(pipeline.scope, event)
        client = Client(line, context, pipeline.hints)
        error: ActionsError | None = None
        status = Status.SENT
        try:
            payload = pipeline.to_payload(event)
            if not self.free.enter():
                await self.free.wait()
            try:
                if line.deadlines.closing.is_set():
                    status = Status.NOT_TRIED
                else:
                    await self.work(pipeline, payload, context, client)
            finally:
                self.free.leave()
        except ActionsError as failure:
            error = line.mask.error(failure)
        except Exception as failure:  # noqa: BLE001 - a handler may raise anything; it must not touch the others
            error = self.unexpected(pipeline, failure)
        if error is not None:
            status = Status.FAILED
            self.note(error)
        return Result(
            self.instance,
            pipeline.name,
            pipeline.action,
            status,
            error,
            "" if status is Status.SENT else _reason(error),
            client.tries,
            perf_counter() - started,
            line.mask.problems(context.warnings) if context.warnings else (),
            client.request,
            client.response,
            line.mask,
        )

    def work(
        self, pipeline: Pipeline, payload: JsonObject, context: Context, client: Client
    ) -> Awaitable[Any]:
        """Have the handler turn a payload into its request; what is given is to be awaited: its way out.

        Where the handler is asynchronous, that is all of its work, within its time. Raises `ActionsError`
        for what can be expected; anything else is a fault of the handler.
        """
        self.refuse_if_disabled()
        handler = pipeline.handler
        if handler is None:
            raise HandlerError(
                f"the action {pipeline.action!r} has no handler: its definition is all there is"
            )
        begun = perf_counter()
        answer = handler.call(payload, context, client)
        if perf_counter() - begun > _SLOW_HANDLER:
            message = f"{handler.name}() kept everything else waiting for more than {_SLOW_HANDLER:g} s"
            context.warn("$", message)
        if handler.is_async:
            return self.limited(_finish(answer, client))
        if not isinstance(answer, Request):
            raise HandlerError(
                f"{handler.name}() gave {type(answer).__name__}; a handler gives one Request, "
                "or is 'async def' and sends with its Client"
            )
        return client.send(answer)

    async def limited(self, work: Awaitable[Any]) -> Any:
        """Await an asynchronous handler within the time that its requests may take altogether."""
        line = self.line
        seconds = line.policy.within + line.timeout
        try:
            with line.deadlines.within(seconds):
                return await work
        except TimeoutError:
            if line.deadlines.expired:
                raise TransportError("interrupted while the handler ran", code="INTERRUPTED") from None
            raise TransportError(
                f"the handler was not done within {seconds:g} s", code="SELF_TIMEOUT", status=408
            ) from None

    def refuse_if_disabled(self) -> None:
        """Raise `RequestError` once the destination has said that it is gone for good."""
        if self.disabled:
            raise RequestError(self.disabled, code="INSTANCE_DISABLED")

    def note(self, error: ActionsError) -> None:
        """Disable the instance when the error says that it is gone."""
        if error.status == _GONE and not self.disabled:
            self.disabled = f"{self.instance} is disabled until the engine is made anew: {error}"
            self._logger.error("%s", self.disabled)

    def unexpected(self, pipeline: Pipeline, failure: Exception) -> ActionsError:
        """The failure as ours. Its text may hold anything, a secret too, and so may its traceback's lines."""
        text = self.line.mask.text(f"{type(failure).__name__}: {failure}")[:500]
        frames = traceback.extract_tb(failure.__traceback__)
        place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
        self._logger.error("%s, %s: %s%s", self.instance, pipeline.name, text, place)
        return HandlerError(f"{pipeline.action} failed with {text}{place}")


def _reason(error: ActionsError | None) -> str:
    return "the engine was closed before its turn came" if error is None else str(error)
