"""Send requests: prepare them, try them, retry them, and judge their responses.

Every request of every handler goes this way, so the rules of delivery stand here once. Retrying belongs
to the single request, not to the handler: a handler that makes two requests never repeats the first
because the second failed.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn

import attrs

from actions_core.destination.client import Client
from actions_core.engine.executor.client.admission import TOO_MANY_REQUESTS
from actions_core.engine.executor.client.waiting import LimitExpired
from actions_core.http.errors import UNAUTHORIZED, AuthenticationError, ResponseError, TransportError
from actions_core.http.masking import Mask
from actions_core.http.requests import Refusal
from actions_core.http.retry import (
    DEFAULT_TIMEOUT,
    PollPolicy,
    RetryPolicy,
    is_retryable,
    read_retry_after,
)
from actions_core.values.wording import raised

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from typing import TypeAlias

    from actions_core.destination.context import Context
    from actions_core.engine.executor.client.admission import Admission, Ticket
    from actions_core.engine.executor.client.tokens import TokenKeeper
    from actions_core.engine.executor.client.waiting import Deadlines
    from actions_core.errors import ActionsError
    from actions_core.http.requests import Request, Response, Transport

    Judge: TypeAlias = Callable[[Response, Request, Context], tuple[Response, ActionsError | None]]


def unprepared(request: Request, _context: Context) -> Request:
    """Complete the request as it is: for destinations that prepare nothing."""
    return request.complete()


@attrs.frozen(repr=False)
class Connection:
    """The parts that all requests of one instance share.

    `prepare` returns a handler's request as the transport gets it. `judge` returns the response that counts,
    and an error where it is a refusal; without it the status decides.
    Without `admission` nothing limits the requests: for what serves people, and for those whose caller asks.
    """

    transport: Transport
    deadlines: Deadlines
    prepare: Callable[[Request, Context], Request] = unprepared
    policy: RetryPolicy = attrs.field(factory=RetryPolicy)
    timeout: float = DEFAULT_TIMEOUT
    mask: Mask = attrs.field(factory=lambda: Mask(()))
    tries_by_status: Mapping[int, int] = attrs.field(factory=dict)
    tokens: TokenKeeper | None = None
    poll: PollPolicy = attrs.field(factory=PollPolicy)
    admission: Admission | None = None
    judge: Judge | None = None


class EventClient(Client):
    """The client of one event in one subscription.

    After the handler is done, `tries`, `request` and `response` tell what was sent last, and `failure` why
    that failed, also where the handler made something else of it. `ticket` is for the first request, where
    the lane has asked for it already.
    """

    __slots__ = ("_connection", "_context", "_hints", "failure", "request", "response", "ticket", "tries")

    def __init__(self, connection: Connection, context: Context, hints: Mapping[int, str]) -> None:
        self._connection = connection
        self._context = context
        self._hints = hints
        self.tries = 0
        self.request: Request | None = None
        self.response: Response | None = None
        self.ticket: Ticket | None = None
        self.failure: ActionsError | None = None

    def send(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Send `request` and return its successful response; see `Client`."""
        # Not `async def`: that would be a coroutine more for each event. For the same reason the usual case
        # does what `_attempt` does by itself.
        connection = self._connection
        tokens = connection.tokens
        if tokens is None:
            self.request = prepared = connection.prepare(request, self._context)
            return self._deliver(prepared)
        # Prepared anew for each attempt: the credentials are part of what `prepare` adds.
        return tokens.retry_once(partial(self._attempt, request))

    def _attempt(self, request: Request) -> Coroutine[Any, Any, Response]:
        self.request = self._connection.prepare(request, self._context)
        return self._deliver(self.request)

    async def _deliver(self, request: Request) -> Response:  # noqa: C901, PLR0912, PLR0915 - a coroutine more for each event would cost more
        connection = self._connection
        admission = connection.admission
        seconds = connection.timeout if request.timeout is None else request.timeout
        ticket, self.ticket = self.ticket, None
        if ticket is None and admission is not None and not admission.quiet:
            ticket = await admission.enter(connection.deadlines.closing)
        started = at = monotonic()
        tried = 0
        while True:
            self.tries += 1
            error: ActionsError
            retry_after: float | None = None
            answered: int | None = None
            try:
                with connection.deadlines.within(seconds):
                    response = await connection.transport.send(request)
                refused: ActionsError | None = None
                verdict: Refusal | bool
                if request.judge is not None:
                    verdict = request.judge(response)
                elif connection.judge is not None:
                    response, refused = connection.judge(response, request, self._context)
                    verdict = refused is None and response.ok
                else:
                    verdict = response.ok
            except TransportError as failure:
                error = failure
            except TimeoutError as failure:
                error = self._overdue(seconds, failure)
            except BaseException:  # cancelled, too: the turn is the next one's
                if ticket is not None and admission is not None:
                    admission.give_back(ticket)
                raise
            else:
                self.response = response
                if verdict is True:
                    self.failure = None
                    if admission is not None:
                        admission.succeed(ticket, at)
                    if response.unreadable:
                        self._context.warn("$", f"the destination took it, but {response.unreadable}")
                    return response
                error = self._refusal(request, response, verdict or None) if refused is None else refused
                retry_after, answered = _retry_after(response), response.status
            self.failure = error
            if admission is not None:
                admission.fail(ticket, at, error, retry_after, answered)
            # A 429 says nothing of this request: the whole instance waits, and no try is counted.
            if admission is None or error.status != TOO_MANY_REQUESTS:
                tried += 1
                await self._pause(error, tried, monotonic() - started, retry_after)
            ticket = await self._enter_again(error, started)
            at = monotonic()

    async def _enter_again(self, error: ActionsError, started: float) -> Ticket | None:
        """Wait until another try may be made, or raise `error` where that takes too long."""
        connection = self._connection
        admission = connection.admission
        if admission is None or admission.quiet:
            return None
        return await admission.enter(connection.deadlines.closing, error, started + connection.policy.within)

    def give_back(self) -> None:
        """Give the ticket back that no request has used."""
        ticket, self.ticket = self.ticket, None
        if ticket is not None and self._connection.admission is not None:
            self._connection.admission.give_back(ticket)

    def _overdue(self, seconds: float, failure: TimeoutError) -> ActionsError:
        if self._connection.deadlines.expired:
            return TransportError(
                "interrupted before a response came: whether the destination took it is not known",
                code="INTERRUPTED",
            )
        # A transport may have limits of its own.
        within = f" within {seconds:g} s" if isinstance(failure, LimitExpired) else f": {raised(failure)}"
        return TransportError(f"no response{within}", code="SELF_TIMEOUT", status=408)

    async def _pause(
        self, error: ActionsError, tried: int, elapsed: float, retry_after: float | None
    ) -> None:
        """Wait until the next try, or raise `error` when there is none."""
        connection = self._connection
        allowed = connection.tries_by_status.get(error.status or 0, tried + 1)
        delay = connection.policy.delay(tried, elapsed, retry_after)
        if not error.retryable or delay is None or tried >= allowed or connection.deadlines.closing.is_set():
            raise error
        if connection.admission is not None and connection.admission.is_open:
            raise error
        try:
            async with asyncio.timeout(delay):
                await connection.deadlines.closing.wait()
        except TimeoutError:
            return
        raise error

    def _refusal(self, request: Request, response: Response, why: Refusal | None) -> ActionsError:
        mask = self._connection.mask
        why = why or Refusal()
        refusal = ResponseError(
            mask.request(request),
            mask.response(response),
            hint=self._hints.get(response.status, ""),
            retryable=is_retryable(response.status) if why.retryable is None else why.retryable,
            said=mask.text(why.message),
        )
        if response.status == UNAUTHORIZED or why.unauthorized:
            return AuthenticationError(str(refusal))
        return refusal


def _retry_after(response: Response) -> float | None:
    text = response.headers.get("retry-after")
    return None if text is None else read_retry_after(text, datetime.now(UTC))


class DryRunEnd(BaseException):
    """Ends a handler at its first request in a dry run.

    Not an `Exception`: a handler that catches those would go on without the response it waits for.
    """


class DryRunClient(EventClient):
    """A client that stops where the network begins; `request` then holds what would have been sent."""

    __slots__ = ()

    def send(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Prepare the request, and end the handler; no token is asked for."""
        return self._attempt(request)

    async def _deliver(self, request: Request) -> NoReturn:
        request.content()  # what cannot be written fails here as it would on the way out
        raise DryRunEnd
