"""Runs handlers: a lane for each instance, so that none has to wait for another's troubles.

A lane bounds how many deliveries are in progress, turns everything that can happen into an outcome, and
lets nothing but cancellation out. `Lane.run` is that guard, for single events and for batches.
"""

from __future__ import annotations

import logging
import traceback
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar

from actions_core.destination.context import Context
from actions_core.engine.executor.client import EventClient, Semaphore
from actions_core.engine.results import Result, Status
from actions_core.errors import ActionsError, RequestError
from actions_core.http.errors import TransportError
from actions_core.http.requests import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from actions_core.destination import Handler
    from actions_core.destination.context import Scope
    from actions_core.engine.executor.client import Connection
    from actions_core.engine.pipeline import Pipeline, Step
    from actions_core.values.types import JsonObject

    #: Calls a handler with a payload, and returns what is to be awaited.
    Call: TypeAlias = Callable[["Lane", Pipeline, JsonObject, Context, EventClient], Awaitable[Any]]

_LOGGER = logging.getLogger("actions_core")
_GONE: Final = 410
#: A plain handler runs in the event loop: one that takes longer than this, in seconds, is reported.
_SLOW_HANDLER: Final = 1.0
NOT_TRIED: Final = "the engine was closed before its turn came"

OutcomeT = TypeVar("OutcomeT")
StepT = TypeVar("StepT", bound="Deliverable")


class HandlerError(ActionsError):
    """A handler failed in a way that it did not announce: a bug in the destination's code."""

    default_code = "HANDLER_FAILED"
    default_status = 500


class Deliverable(Protocol):
    """A step of one event, or the steps of a batch together."""

    @property
    def pipeline(self) -> Pipeline:
        """The subscription."""
        ...

    def payload(self) -> JsonObject:
        """Return what the handler is called with."""
        ...


class Lane:
    """The guarded way to one instance."""

    def __init__(
        self, instance: str, connection: Connection, concurrency: int, logger: logging.Logger = _LOGGER
    ) -> None:
        self.instance = instance
        self.connection = connection
        self.concurrency = concurrency
        self.disabled = ""
        self._places = Semaphore(concurrency)
        self._logger = logger

    def deliver(self, step: Step) -> Coroutine[Any, Any, Result]:
        """Deliver the event of a step that matched. Raises nothing but `CancelledError`."""
        pipeline = step.pipeline
        context = Context(pipeline.scope, step.event)
        client = EventClient(self.connection, context, pipeline.hints)
        return self.run(step, context, client, Lane.call_action, _result)

    async def run(
        self,
        step: StepT,
        context: Context,
        client: EventClient,
        call: Call,
        outcome: Callable[
            [Lane, StepT, Context, EventClient, Status, ActionsError | None, Any, float], OutcomeT
        ],
    ) -> OutcomeT:
        """Call a handler when there is a place for it, and return the outcome.

        This is the guard of every handler that events reach. Raises nothing but `CancelledError`.
        """
        started = perf_counter()
        status, error, answer = Status.SENT, None, None
        places = self._places
        try:
            payload = step.payload()
            if not places.acquire_now():
                await places.acquire()
            try:
                if self.connection.deadlines.closing.is_set():
                    status = Status.NOT_TRIED
                else:
                    if self.disabled:
                        self.refuse_if_disabled()
                    answer = await call(self, step.pipeline, payload, context, client)
            finally:
                places.release()
        except Exception as failure:  # noqa: BLE001 - a handler may raise anything; it must not touch the others
            status, error = Status.FAILED, self.error_of(step.pipeline, failure)
        return outcome(self, step, context, client, status, error, answer, started)

    def call_action(
        self, pipeline: Pipeline, payload: JsonObject, context: Context, client: EventClient
    ) -> Awaitable[Any]:
        """Call the action's handler, and return an awaitable that sends its request.

        Where the handler is asynchronous, awaiting that is all of its work, within its time. Raises
        `ActionsError` for what can be expected; anything else is a bug in the handler.
        """
        handler = pipeline.handler
        if handler is None:
            raise HandlerError(f"the action {pipeline.action!r} has no handler: it is a definition only")
        begun = perf_counter()
        answer = handler.call(payload, context, client)
        if perf_counter() - begun > _SLOW_HANDLER:
            context.warn("$", f"{handler.name}() blocked the event loop for more than {_SLOW_HANDLER:g} s")
        if handler.is_async:
            return self.limit(_finish(answer, client))
        if not isinstance(answer, Request):
            raise HandlerError(
                f"{handler.name}() returned {type(answer).__name__}; a handler returns one Request, "
                "or is 'async def' and sends with its Client"
            )
        return client.send(answer)

    async def limit(self, work: Awaitable[Any]) -> Any:
        """Await an asynchronous handler within the time that its requests may take altogether."""
        connection = self.connection
        seconds = connection.policy.within + connection.timeout
        try:
            with connection.deadlines.within(seconds):
                return await work
        except TimeoutError:
            if connection.deadlines.expired:
                raise TransportError("interrupted while the handler ran", code="INTERRUPTED") from None
            raise TransportError(
                f"the handler was not done within {seconds:g} s", code="SELF_TIMEOUT", status=408
            ) from None

    def refuse_if_disabled(self) -> None:
        """Raise `RequestError` once the destination has said that it is gone for good."""
        if self.disabled:
            raise RequestError(self.disabled, code="INSTANCE_DISABLED")

    def error_of(self, pipeline: Pipeline, failure: Exception) -> ActionsError:
        """Return what a handler raised as an error without secrets, and disable an instance that is gone."""
        if not isinstance(failure, ActionsError):
            return self._unexpected(pipeline, failure)
        error = self.connection.mask.error(failure)
        if error.status == _GONE and not self.disabled:
            self.disabled = f"{self.instance} is disabled until the engine is restarted: {error}"
            self._logger.error("%s", self.disabled)
        return error

    def _unexpected(self, pipeline: Pipeline, failure: Exception) -> HandlerError:
        # Its message may contain anything, a secret too, and so may the lines of its traceback.
        text = self.connection.mask.text(f"{type(failure).__name__}: {failure}")[:500]
        frames = traceback.extract_tb(failure.__traceback__)
        place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
        if self._logger.isEnabledFor(logging.DEBUG):
            trace = self.connection.mask.text("".join(traceback.format_exception(failure)))
            self._logger.debug("%s, %s: the handler failed\n%s", self.instance, pipeline.name, trace)
        return HandlerError(f"{pipeline.action} failed with {text}{place}")


def _result(
    lane: Lane,
    step: Step,
    context: Context,
    client: EventClient,
    status: Status,
    error: ActionsError | None,
    _answer: Any,
    started: float,
) -> Result:
    """Return the result of one event, with the last request and its response."""
    pipeline, mask, warnings = step.pipeline, lane.connection.mask, context.warnings
    reason = ""
    if status is not Status.SENT:
        reason = NOT_TRIED if error is None else str(error)
    return Result(
        lane.instance,
        pipeline.name,
        pipeline.action,
        status,
        error,
        reason,
        client.tries,
        perf_counter() - started,
        mask.problems(warnings) if warnings else (),
        client.request,
        client.response,
        mask,
        step.message_id,
    )


async def _finish(work: Awaitable[Any], client: EventClient) -> Any:
    answer = await work
    return await client.send(answer) if isinstance(answer, Request) else answer


async def call_handler(
    handler: Handler,
    given: JsonObject,
    *,
    connection: Connection,
    scope: Scope,
    event: JsonObject | None = None,
    hints: Mapping[int, str] | None = None,
) -> Any:
    """Call a function that serves a person, not an event: a hook, choices, an audience, new tokens.

    A `Request` that it returns is sent by the same client as those of events, so the same rules of
    retrying, timing and masking hold; the result is its response then.
    """
    context = Context(scope, {} if event is None else event)
    client = EventClient(connection, context, {} if hints is None else hints)
    answer = handler.call(given, context, client)
    if handler.is_async:
        answer = await answer
    return await client.send(answer) if isinstance(answer, Request) else answer
