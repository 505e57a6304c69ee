"""The server of the stand-in: authentication, limits, faults and routes, in FullStory's order.

A request meets, in this order: a fault asked for, the rate limit, the key, the route, the key's
role, its idempotency key, and then the work. That order decides what a retry finds.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import parse_qs, urlsplit

from actions_core.testing.loopback import LoopbackServer, Reply
from actions_fullstory.sandbox.answers import (
    Refusal,
    forbidden,
    not_found,
    server_error,
    too_many,
    unauthorized,
)
from actions_fullstory.sandbox.batches import Batches, Limits
from actions_fullstory.sandbox.faults import Fault, Faults
from actions_fullstory.sandbox.idempotency import Replays
from actions_fullstory.sandbox.organization import Organization, User
from actions_fullstory.sandbox.routes import ROUTES, Call, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from actions_core import JsonObject, Request, Response

STANDARD_KEY: Final = "na1.standard"
ARCHITECT_KEY: Final = "na1.architect"
ADMIN_KEY: Final = "na1.admin"
VIEWER_KEY: Final = "na1.viewer"

_ROLES: Final = {
    STANDARD_KEY: "USER",
    ARCHITECT_KEY: "ARCHITECT",
    ADMIN_KEY: "ADMIN",
    VIEWER_KEY: "VIEW_ONLY",
}


class FullStorySandbox:
    """A stand-in for FullStory's server API, on this machine.

    It refuses what FullStory is documented to refuse. `users`, `events` and `requests` show what
    arrived, `fail` makes the next requests fail, `identify` says whom a browser session has
    identified. `api_key` is a Standard key; the keys of the other roles stand beside it.
    """

    api_key = STANDARD_KEY
    architect_key = ARCHITECT_KEY
    admin_key = ADMIN_KEY
    viewer_key = VIEWER_KEY

    def __init__(  # noqa: PLR0913 - all are options, each with a default
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        keys: dict[str, str] | None = None,
        identified: Iterable[str] = (),
        rate_limit: int | None = None,
        batch_seconds: float = 0.05,
        limits: Limits | None = None,
        last_page: Literal["none", "empty", "same"] = "none",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._server = LoopbackServer(self._serve, host=host, port=port)
        self._keys = dict(_ROLES if keys is None else keys)
        self._rate_limit = rate_limit
        self._clock = clock
        self._second = (0, 0)
        self._organization = Organization()
        self.identify(*identified)
        self._replays = Replays(clock)
        self._faults = Faults()
        self._batches = Batches(
            self._organization, clock, seconds=batch_seconds, limits=limits or Limits(), last_page=last_page
        )
        #: how often each status was answered; 0 counts the connections that were cut
        self.statuses: Counter[int] = Counter()
        #: called with each request and the status of its response, 0 where the connection was cut
        self.listener: Callable[[Request, int], None] | None = None

    async def __aenter__(self) -> Self:
        """Start listening."""
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        await self._server.__aexit__(kind, error, trace)

    @property
    def url(self) -> str:
        """The base URL."""
        return self._server.url

    @property
    def requests(self) -> deque[Request]:
        """The latest requests as they came, those that were refused or cut too."""
        return self._server.requests

    @property
    def users(self) -> dict[str, User]:
        """The users by FullStory's own id."""
        self._settle()
        return self._organization.users

    @property
    def events(self) -> deque[JsonObject]:
        """The latest events that were taken."""
        self._settle()
        return self._organization.events

    def find(self, uid: str) -> User | None:
        """Return the user with this uid."""
        self._settle()
        return self._organization.find(uid)

    def identify(self, *uids: str) -> None:
        """Identify users as a browser session does, so that v1 accepts calls for them."""
        self._organization.identified.update(uids)

    def fill_session(self, session_id: str) -> None:
        """Mark a session as full, so that it accepts no more pages."""
        self._organization.full_sessions.add(session_id)

    def fail(
        self,
        status: int | None = None,
        *,
        times: int = 1,
        when: Callable[[Request], bool] | None = None,
        **fault: Any,
    ) -> None:
        """Make the next `times` requests for which `when` holds fail with a `Fault` of these attributes."""
        self._faults.add(Fault(status, **fault), times, when)

    def heal(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def _note(self, request: Request, status: int) -> None:
        self.statuses[status] += 1
        if self.listener is not None:
            self.listener(request, status)

    async def _serve(self, request: Request) -> Response | Reply:
        fault = self._faults.take(request) or Fault()
        if fault.cut == "before":
            self._note(request, 0)
            return Reply(cut="before")
        try:
            response = self._respond(request, fault)
        except Refusal as refusal:
            response = refusal.response
        self._note(request, 0 if fault.cut else response.status)
        cut: Literal["before", "within"] | None = "before" if fault.cut == "after" else fault.cut
        return Reply(response, delay=fault.delay, drip=fault.drip, cut=cut)

    def _respond(self, request: Request, fault: Fault) -> Response:
        if fault.status is not None and not fault.stored:
            return _failure(fault).response
        self._settle()
        self._check_rate()
        address = urlsplit(request.url)
        role = self._role(request)
        for route in ROUTES:
            match = route.path.fullmatch(address.path)
            if match is not None and route.method == request.method:
                if route.roles is not None and role not in route.roles:
                    raise forbidden()
                query = parse_qs(address.query, keep_blank_values=True)
                call = Call(request, role, match.groupdict(), query, self._organization, self._batches)
                return self._work(route, call, fault)
        raise not_found()

    def _work(self, route: Route, call: Call, fault: Fault) -> Response:
        key = call.request.headers.get("idempotency-key") if route.idempotent else None
        if key is not None:
            stored = self._replays.find(key, call.request)
            if stored is not None:
                return stored
        try:
            if fault.status is not None:
                raise _failure(fault)
            response = route.work(call)
        except Refusal as refusal:
            response = refusal.response
        # A 429 is no answer to the request itself, so the next try is a first one.
        if key is not None and response.status != 429:  # noqa: PLR2004 - "too many requests"
            self._replays.keep(key, call.request, response)
        return response

    def _role(self, request: Request) -> str:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Basic" or key not in self._keys:
            raise unauthorized()
        return self._keys[key]

    def _check_rate(self) -> None:
        if self._rate_limit is None:
            return
        now = int(self._clock())
        second, count = self._second
        count = count + 1 if second == now else 1
        self._second = (now, count)
        if count > self._rate_limit:
            raise too_many("rate limit exceeded", 1)

    def _settle(self) -> None:
        self._organization.sweep()
        self._batches.settle()


def _failure(fault: Fault) -> Refusal:
    if fault.status == 429:  # noqa: PLR2004 - "too many requests"
        return too_many("rate limit exceeded", 1 if fault.retry_after is None else fault.retry_after)
    failure = server_error()
    failure.status = fault.status or failure.status
    failure.retry_after = fault.retry_after
    return failure


async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ready: Callable[[FullStorySandbox], None] | None = None,
    **options: Any,
) -> None:
    """Run a stand-in until cancelled; `ready` is called with it as soon as it listens."""
    async with FullStorySandbox(host=host, port=port, **options) as sandbox:
        if ready is not None:
            ready(sandbox)
        await asyncio.Event().wait()
