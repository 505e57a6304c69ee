"""Runs handlers: a lane for each instance, so that none has to wait for another's troubles.

A lane bounds how many deliveries are in progress, turns everything that can happen into an outcome, and
lets nothing but cancellation out. `Lane.run` is that guard, for single events and for batches.
"""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar

from actions_core.destination.context import Context
from actions_core.destination.multistatus import Skip
from actions_core.engine.executor.call import HandlerError, finish, limit, masked_failure
from actions_core.engine.executor.client import ClosedBeforeTurnError, EventClient, Semaphore, let_through
from actions_core.engine.executor.items import batch_payload, item_value
from actions_core.engine.results import Result, Status
from actions_core.errors import ActionsError, RequestError
from actions_core.http.requests import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from actions_core.destination import Handler
    from actions_core.engine.executor.client import Connection
    from actions_core.engine.pipeline import Pipeline, Step
    from actions_core.values.types import Json, JsonObject

    #: Calls a handler with a payload, and returns what is to be awaited.
    Call: TypeAlias = Callable[["Lane", Pipeline, JsonObject, Context, EventClient], Awaitable[Any]]

_LOGGER = logging.getLogger("actions_core")
_GONE: Final = 410
#: A plain handler runs in the event loop: one that takes longer than this, in seconds, is reported.
_SLOW_HANDLER: Final = 1.0
NOT_TRIED: Final = "the engine was closed before its turn came"
#: A member of an enumeration takes far longer to find than a name of the module.
_SENT: Final = Status.SENT

OutcomeT = TypeVar("OutcomeT")
StepT = TypeVar("StepT", bound="Deliverable")


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

    def with_connection(self, connection: Connection) -> Lane:
        """Return a lane to the same instance, with places of its own, over another connection."""
        return Lane(self.instance, connection, self.concurrency, self._logger)

    def deliver(self, step: Step) -> Coroutine[Any, Any, Result]:
        """Deliver the event of a step that matched. Raises nothing but `CancelledError`."""
        pipeline = step.pipeline
        context = Context(pipeline.scope, step.event)
        client = EventClient(self.connection, context, pipeline.hints)
        return self.run(step, context, client, Lane.call_action, _result)

    async def run(  # noqa: C901, PLR0912 - the guard of every event: a call more would cost each of them
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
        status, error, answer = _SENT, None, None
        places = self._places
        connection = self.connection
        admission, deadlines = connection.admission, connection.deadlines
        task = deadlines.current_task()
        cancelled = 0 if task is None else task.cancelling()
        try:
            payload = step.payload()
            if admission is not None and not admission.quiet:
                admission.refuse_if_unavailable()
            if not places.acquire_now():
                await places.acquire()
            try:
                if deadlines.closing.is_set():
                    status = Status.NOT_TRIED
                else:
                    if self.disabled:
                        self.refuse_if_disabled()
                    if connection.tokens is not None and connection.tokens.is_due:
                        await connection.tokens.ensure()
                    if admission is not None and not admission.quiet:
                        client.ticket = await admission.enter(deadlines.closing)
                    answer = await call(self, step.pipeline, payload, context, client)
            finally:
                places.release()
                if client.ticket is not None:
                    client.give_back()
        except BaseException as failure:  # noqa: BLE001 - a handler may raise anything; it must not touch the others
            let_through(failure, task, cancelled)
            status = Status.NOT_TRIED
            if client.tries or not isinstance(failure, ClosedBeforeTurnError):
                status, error = Status.FAILED, self.error_of(step.pipeline, failure)
        else:
            if task is not None and task.cancelling() > cancelled:
                let_through(None, task, cancelled)
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
            return self._call_together(pipeline, payload, context, client)
        begun = perf_counter()
        answer = handler.call(payload, context, client)
        warn_if_slow(handler, begun, context)
        if handler.is_async:
            return limit(self.connection, finish(answer, client, is_async=True))
        if not isinstance(answer, Request):
            if isinstance(answer, Skip):
                return finish(answer, client, is_async=False)
            raise HandlerError(
                f"{handler.name}() returned {type(answer).__name__}; a handler returns one Request or a "
                "Skip, or is 'async def' and sends with its Client"
            )
        return client.send(answer)

    def _call_together(
        self, pipeline: Pipeline, payload: JsonObject, context: Context, client: EventClient
    ) -> Awaitable[Any]:
        """Call the function for batches with one payload, or with the item that is made of it."""
        handler = pipeline.batch_handler
        if handler is None:
            raise HandlerError(f"the action {pipeline.action!r} has no handler: it is a definition only")
        value: Json | Skip = payload
        if handler.each is not None:
            value = item_value(handler.each, payload, context)
            if isinstance(value, Skip):
                return finish(value, client, is_async=False)
        answer = handler.call(batch_payload(handler, [payload], [value], context), context, client)
        return limit(self.connection, finish(answer, client, is_async=handler.is_async))

    def refuse_if_disabled(self) -> None:
        """Raise `RequestError` once the destination has said that it is gone for good."""
        if self.disabled:
            raise RequestError(self.disabled, code="INSTANCE_DISABLED")

    def error_of(self, pipeline: Pipeline, failure: BaseException) -> ActionsError:
        """Return what a handler raised as an error without secrets, and disable an instance that is gone."""
        where = f"{self.instance}, {pipeline.name}"
        error = masked_failure(failure, self.connection.mask, self._logger, where, pipeline.action)
        if error.status == _GONE and not self.disabled:
            self.disabled = f"{self.instance} is disabled until the engine is restarted: {error}"
            self._logger.error("%s", self.disabled)
        return error


def warn_if_slow(handler: Handler, begun: float, context: Context) -> None:
    """Report a handler that kept the event loop from everything else."""
    if perf_counter() - begun > _SLOW_HANDLER:
        context.warn("$", f"{handler.name}() blocked the event loop for more than {_SLOW_HANDLER:g} s")


def _result(
    lane: Lane,
    step: Step,
    context: Context,
    client: EventClient,
    status: Status,
    error: ActionsError | None,
    answer: Any,
    started: float,
) -> Result:
    """Return the result of one event, with the last request and its response."""
    pipeline, mask, warnings = step.pipeline, lane.connection.mask, context.notes
    reason = ""
    if type(answer) is Skip:
        status, reason = Status.SKIPPED, mask.text(answer.reason)
    elif status is not _SENT:
        # Masked as text too: an error of a destination's own may word itself from anything.
        reason = NOT_TRIED if error is None else mask.text(str(error))
    return Result(
        lane.instance,
        pipeline.name,
        pipeline.action,
        status,
        error,
        reason,
        client.tries,
        perf_counter() - started,
        warnings,
        client.request,
        client.response,
        mask,
        step.message_id,
    )
