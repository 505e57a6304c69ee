"""Access tokens: asked for where there is none, renewed before they end, or once they have expired.

However many requests need a new token, one asks for it. The refresh token and the client's secret stay here;
handlers see the access token in their context.
"""

from __future__ import annotations

import inspect
import logging
import math
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from actions_core.destination.client import Tokens
from actions_core.engine.executor.client.waiting import Semaphore, current_task, let_through
from actions_core.errors import ActionsError
from actions_core.http.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core.destination.context import Auth
    from actions_core.http.masking import Mask
    from actions_core.values.types import JsonObject

    #: Told of each renewal with the instance's id and the new tokens; may be asynchronous.
    TokenListener: TypeAlias = Callable[[str, Tokens], Awaitable[None] | None]

T = TypeVar("T")

#: A token is renewed this long before its end, in seconds, but no earlier than in the last tenth of its life.
_EARLY: Final = 60.0
_LAST_PART: Final = 0.1

_LOGGER = logging.getLogger("actions_core")


def _copy(error: AuthenticationError) -> AuthenticationError:
    """Return the same error without the frames that it went through."""
    return AuthenticationError(error.message, code=error.code, retryable=error.retryable)


class TokenKeeper:
    """Holds the tokens of one instance, and renews them."""

    def __init__(
        self,
        instance: str,
        auth: Auth,
        oauth: JsonObject,
        *,
        refresh: Callable[[JsonObject], Awaitable[object]],
        mask: Mask,
        limit: Callable[[Awaitable[object]], Awaitable[object]],
        listener: TokenListener | None = None,
        logger: logging.Logger = _LOGGER,
    ) -> None:
        self._instance = instance
        self._auth = auth
        self._oauth = dict(oauth)
        self._refresh = refresh
        self._mask = mask
        self._limit = limit
        self._listener = listener
        self._logger = logger
        self._turn = Semaphore(1)
        self._clock = monotonic
        #: how many renewals there were: a new token may read as the old one did
        self._renewals = 0
        self._failures = 0
        self._failure: AuthenticationError | None = None
        #: when the token is to be renewed, and when it ends; of one from the settings nobody knows
        self._renew_at = math.inf
        self._ends_at = math.inf
        self._renewing_early = False

    @property
    def is_due(self) -> bool:
        """Whether a token is to be asked for before the next request."""
        return not self._auth.access_token or self._clock() >= self._renew_at

    async def ensure(self) -> None:
        """Ask for a token where there is none, or where it ends soon, before anything is requested with it.

        Where the old one has not ended yet, it does as long as there is no new one.
        """
        if not self.is_due:
            return
        used = self._auth.access_token
        if not used or self._clock() >= self._ends_at:
            await self.renew(used)
        elif not self._renewing_early:
            self._renewing_early = True  # the others use the old token meanwhile
            try:
                await self.renew(used)
            except AuthenticationError as error:
                left = self._ends_at - self._clock()
                if left <= 0:
                    raise
                self._renew_at = self._ends_at - left / 2
                self._logger.warning("%s: %s; it is used until it ends", self._instance, error)
            finally:
                self._renewing_early = False

    async def retry_once(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Await an attempt, and where it raises `AuthenticationError` once more with a renewed token."""
        if self.is_due:
            await self.ensure()
        used = self._auth.access_token
        try:
            return await attempt()
        except AuthenticationError:
            await self.renew(used)
        return await attempt()

    async def renew(self, used: str | None) -> None:
        """Refresh the token `used`, which was refused or ends soon, once for all requests that wait for it.

        A request that comes while a renewal runs, or with a token that was replaced meanwhile, waits for
        that one and causes none of its own, also where that one fails. Raises `AuthenticationError` when
        there is no new token.
        """
        failures, renewals = self._failures, self._renewals
        async with self._turn:
            if self._auth.access_token != used or self._renewals != renewals:
                return
            if self._failure is not None and self._failures != failures:
                raise _copy(self._failure)
            try:
                asked = self._clock()
                tokens = await self._refreshed()
            except AuthenticationError as failure:
                self._failures += 1
                self._failure = _copy(failure)
                raise
            self._mask.learn(tokens.access_token, tokens.refresh_token)
            self._auth.access_token = tokens.access_token
            self._renewals += 1
            self._note_end(asked, tokens.expires_in)
            self._oauth["access_token"] = tokens.access_token
            if tokens.refresh_token:
                self._oauth["refresh_token"] = tokens.refresh_token
            await self._tell(tokens)

    def _note_end(self, asked: float, expires_in: float | None) -> None:
        """Note when a token ends; its life counts from when it was asked for, to be on the safe side."""
        if expires_in is None or expires_in <= 0:
            self._renew_at = self._ends_at = math.inf
            return
        self._ends_at = asked + expires_in
        self._renew_at = self._ends_at - min(_EARLY, expires_in * _LAST_PART)

    async def _refreshed(self) -> Tokens:
        try:
            tokens = await self._refresh(
                {
                    "access_token": self._oauth.get("access_token"),
                    "refresh_token": self._oauth.get("refresh_token"),
                    "client_id": self._oauth.get("clientId"),
                    "client_secret": self._oauth.get("clientSecret"),
                    "refresh_token_url": self._oauth.get("refresh_token_url"),
                }
            )
        except ActionsError as error:
            expired = isinstance(error, AuthenticationError)
            raise AuthenticationError(
                f"{self._trouble('could not be renewed', 'none could be had')}: {error}",
                code="REFRESH_TOKEN_EXPIRED" if expired else "OAUTH_REFRESH_FAILED",
                retryable=error.retryable,
            ) from None
        if not isinstance(tokens, Tokens) or not tokens.access_token:
            trouble = self._trouble("was not renewed", "none was given")
            raise AuthenticationError(
                f"{trouble}: refresh_access_token returned no Tokens", code="OAUTH_REFRESH_FAILED"
            )
        return tokens

    def _trouble(self, expired: str, absent: str) -> str:
        if self._auth.access_token and self._renew_at <= self._clock() < self._ends_at:
            return f"the access token ends soon and {expired}"
        if self._auth.access_token:
            return f"the access token has expired and {expired}"
        return f"there is no access token, and {absent}"

    async def _tell(self, tokens: Tokens) -> None:
        if self._listener is None:
            return
        task = current_task()
        cancelled = task.cancelling()
        try:
            told = self._listener(self._instance, tokens)
            if inspect.isawaitable(told):
                await self._limit(told)
        except BaseException as error:  # noqa: BLE001 - the host's function; the token is good whatever it does
            let_through(error, task, cancelled)
            # Without its traceback and text: both may hold the tokens.
            self._logger.error("the host's on_token_refresh failed: %s", type(error).__name__)  # noqa: TRY400  # see above
