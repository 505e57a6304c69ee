"""How a request gets its answer: prepared, tried, tried again, and judged.

Every request of every handler goes this way, so the rules of delivery stand here once. Trying again
belongs to the single request, not to the handler: a handler that makes two requests never repeats
the first because the second failed.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn

import attrs

from actions_core.http.errors import UNAUTHORIZED, AuthenticationError, ResponseError, TransportError
from actions_core.http.masking import Mask
from actions_core.http.retry import DEFAULT_TIMEOUT, RetryPolicy, is_retryable, read_retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from actions_core.destination.context import Context
    from actions_core.engine.executor.client.deadlines import Deadlines
    from actions_core.engine.executor.client.tokens import TokenKeeper
    from actions_core.errors import RequestError
    from actions_core.http.requests import Request, Response, Transport


def unprepared(request: Request, _context: Context) -> Request:
    """The request as it is: for destinations that prepare nothing."""
    return request


@attrs.frozen(repr=False)
class Line:
    """What all requests of one instance share."""

    transport: Transport
    deadlines: Deadlines
    prepare: Callable[[Request, Context], Request] = unprepared
    policy: RetryPolicy = attrs.field(factory=RetryPolicy)
    timeout: float = DEFAULT_TIMEOUT
    mask: Mask = attrs.field(factory=lambda: Mask(()))
    tries_by_status: Mapping[int, int] = attrs.field(factory=dict)
    tokens: TokenKeeper | None = None


class Client:
    """Sends the requests of one event in one subscription.

    After the handler is done, `tries`, `request` and `response` tell what was last under way.
    """

    __slots__ = ("_context", "_hints", "_line", "request", "response", "tries")

    def __init__(self, line: Line, context: Context, hints: Mapping[int, str]) -> None:
        self._line = line
        self._context = context
        self._hints = hints
        self.tries = 0
        self.request: Request | None = None
        self.response: Response | None = None

    def send(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Send `request` and give its answer, a success.

        Raises `TransportError` when no response came, `AuthenticationError` for a 401 and `ResponseError`
        for any other answer but 2xx, each after the tries that the instance's policy allows.
        """
        # A coroutine less for each event: this one would only wait for the next.
        if self._line.tokens is None:
            return self._deliver(self._completed(request))
        return self._renewing(self._line.tokens, request)

    async def _renewing(self, tokens: TokenKeeper, request: Request) -> Response:
        used = self._context.auth.access_token
        try:
            return await self._deliver(self._completed(request))
        except AuthenticationError:
            await tokens.renew(used)
        # Prepared anew: the credentials are part of what `prepare` adds.
        return await self._deliver(self._completed(request))

    def _completed(self, request: Request) -> Request:
        self.request = self._line.prepare(request, self._context).complete()
        return self.request

    async def _deliver(self, request: Request) -> Response:
        line = self._line
        seconds = line.timeout if request.timeout is None else request.timeout
        started = monotonic()
        tried = 0
        while True:
            tried += 1
            self.tries += 1
            error: RequestError
            retry_after: float | None = None
            try:
                with line.deadlines.within(seconds):
                    response = await line.transport.send(request)
            except TransportError as failure:
                error = failure
            except TimeoutError:
                error = self._overdue(seconds)
            else:
                self.response = response
                if response.ok:
                    return response
                error = self._refusal(request, response)
                retry_after = _retry_after(response)
            await self._pause(error, tried, monotonic() - started, retry_after)

    def _overdue(self, seconds: float) -> RequestError:
        if self._line.deadlines.expired:
            return TransportError(
                "interrupted while the answer was awaited: whether the destination took it is not known",
                code="INTERRUPTED",
            )
        return TransportError(f"no response within {seconds:g} s", code="SELF_TIMEOUT", status=408)

    async def _pause(
        self, error: RequestError, tried: int, elapsed: float, retry_after: float | None
    ) -> None:
        """Wait until the next try, or raise `error` when there is none."""
        line = self._line
        allowed = line.tries_by_status.get(error.status or 0, tried + 1)
        delay = line.policy.delay(tried, elapsed, retry_after)
        if not error.retryable or delay is None or tried >= allowed or line.deadlines.closing.is_set():
            raise error
        try:
            async with asyncio.timeout(delay):
                await line.deadlines.closing.wait()
        except TimeoutError:
            return
        raise error

    def _refusal(self, request: Request, response: Response) -> RequestError:
        mask = self._line.mask
        refusal = ResponseError(
            mask.request(request),
            mask.response(response),
            hint=self._hints.get(response.status, ""),
            retryable=is_retryable(response.status),
        )
        if response.status == UNAUTHORIZED:
            return AuthenticationError(str(refusal))
        return refusal


def _retry_after(response: Response) -> float | None:
    text = response.headers.get("retry-after")
    return None if text is None else read_retry_after(text, datetime.now(UTC))


class Rehearsed(BaseException):
    """Ends a handler at its first request in a dry run.

    Not an `Exception`: a handler that catches those would go on without the answer it waits for.
    """


class DryRunClient(Client):
    """A client that stops where the network begins; `request` then holds what would have been sent."""

    __slots__ = ()

    async def _deliver(self, request: Request) -> NoReturn:
        request.content()  # what cannot be written fails here as it would on the way out
        raise Rehearsed
