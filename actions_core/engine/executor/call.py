"""Call the functions of a destination, within a time limit, and turn whatever they raise into `ActionsError`.

What every function shares stands here, whether an event, a batch or a person is served: a plain function
answers at once, an asynchronous one has the time that its requests may take altogether, and closing the
engine ends it.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from typing import TYPE_CHECKING, Any

import attrs

from actions_core.destination.context import Context
from actions_core.engine.executor.client import EventClient, LimitExpired, current_task, let_through
from actions_core.errors import ActionsError
from actions_core.http.errors import TransportError
from actions_core.http.requests import Request, Response
from actions_core.values.wording import raised

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from actions_core.destination import Handler
    from actions_core.destination.context import Scope
    from actions_core.engine.executor.client import Connection
    from actions_core.engine.executor.client.client import Judge
    from actions_core.http.masking import Mask
    from actions_core.values.types import JsonObject


class HandlerError(ActionsError):
    """A handler failed in a way that it did not announce: a bug in the destination's code."""

    default_code = "HANDLER_FAILED"
    default_status = 500


async def finish(answer: Any, client: EventClient, *, is_async: bool) -> Any:
    """Await what a handler returned, where it is asynchronous, and send the request that it gives."""
    if is_async:
        answer = await answer
    return await client.send(answer) if isinstance(answer, Request) else answer


async def limit(connection: Connection, work: Awaitable[Any]) -> Any:
    """Await a function within the time that its requests may take altogether."""
    seconds = connection.policy.within + connection.timeout
    try:
        with connection.deadlines.within(seconds):
            return await work
    except LimitExpired:
        if connection.deadlines.expired:
            raise TransportError("interrupted while the handler ran", code="INTERRUPTED") from None
        if connection.admission is not None:
            connection.admission.note_hang()
        raise TransportError(
            f"the handler was not done within {seconds:g} s", code="SELF_TIMEOUT", status=408
        ) from None


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
    retrying, timing and masking hold; the result is its response then. Raises `ActionsError`, whatever the
    function does.
    """
    connection = attrs.evolve(connection, admission=None)  # people do not wait in line with events
    context = Context(scope, {} if event is None else event)
    client = EventClient(connection, context, {} if hints is None else hints)
    task = current_task()
    cancelled = task.cancelling()
    try:
        if connection.tokens is not None:
            await connection.tokens.ensure()
        answer = handler.call(given, context, client)
        if handler.is_async:
            answer = await limit(connection, answer)
        if isinstance(answer, Request):
            answer = await client.send(answer)
            if handler.read is not None:
                answer = handler.read(given, answer)
    except BaseException as failure:  # noqa: BLE001 - it may raise anything; the engine goes on
        let_through(failure, task, cancelled)
        what = f"{handler.name}()"
        raise masked_failure(
            failure, connection.mask, scope.logger, f"{scope.instance}, {what}", what
        ) from None
    let_through(None, task, cancelled)
    return answer


def judge_with(handler: Handler | None, scope: Scope, mask: Mask) -> Judge | None:
    """Return what judges an instance's responses by a destination's function; None where there is none."""
    if handler is None:
        return None

    def judge(response: Response, request: Request, context: Context) -> tuple[Response, ActionsError | None]:
        try:
            verdict = handler.call({"response": response}, context, None, request)
        except ActionsError as error:
            return response, error
        except Exception as failure:  # noqa: BLE001 - it may raise anything, and the request was made
            what = f"{handler.name}()"
            return response, masked_failure(failure, mask, scope.logger, f"{scope.instance}, {what}", what)
        if isinstance(verdict, Response):
            return verdict, None
        if verdict is None or isinstance(verdict, ActionsError):
            return response, verdict
        return response, HandlerError(
            f"{handler.name}() returned {type(verdict).__name__}; it returns None, an error, or a Response"
        )

    return judge


def masked_failure(
    failure: BaseException, mask: Mask, logger: logging.Logger, where: str, what: str
) -> ActionsError:
    """Return what a function raised as an error without secrets, and log what was not expected of it.

    `where` is for the log, `what` names the function in the error.
    """
    if isinstance(failure, ActionsError):
        return mask.error(failure)
    # Its message may contain anything, a secret too, and so may the lines of its traceback.
    text = mask.text(_words(failure))[:500]
    frames = traceback.extract_tb(failure.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    if logger.isEnabledFor(logging.DEBUG):
        trace = mask.text("".join(traceback.format_exception(failure)))
        logger.debug("%s: the handler failed\n%s", where, trace)
    return HandlerError(f"{what} failed with {text}{place}")


def _words(failure: BaseException) -> str:
    """Return the failure's kind and message."""
    if isinstance(failure, asyncio.CancelledError):
        return f"{type(failure).__name__}: something that it waited for was cancelled, and not by the engine"
    return raised(failure)
