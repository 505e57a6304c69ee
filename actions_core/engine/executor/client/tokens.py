"""Access tokens: asked for where there is none, renewed once for all requests that find them expired.

The refresh token and the client's secret stay here; handlers see the access token in their context.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, TypeAlias, TypeVar

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
        self._failures = 0
        self._failure: AuthenticationError | None = None

    async def ensure(self) -> None:
        """Ask for a token where there is none, before anything is requested with it: client credentials."""
        used = self._auth.access_token
        if not used:
            await self.renew(used)

    async def retry_once(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Await an attempt, and where it raises `AuthenticationError` once more with a renewed token."""
        used = self._auth.access_token
        try:
            return await attempt()
        except AuthenticationError:
            await self.renew(used)
        return await attempt()

    async def renew(self, used: str | None) -> None:
        """Refresh the token `used`, which was refused, once for all requests that wait for it.

        A request that comes while a renewal runs, or with a token that was replaced meanwhile, waits for
        that one and causes none of its own, also where that one fails. Raises `AuthenticationError` when
        there is no new token.
        """
        failures = self._failures
        async with self._turn:
            if self._auth.access_token != used:
                return
            if self._failure is not None and self._failures != failures:
                raise _copy(self._failure)
            try:
                tokens = await self._refreshed()
            except AuthenticationError as failure:
                self._failures += 1
                self._failure = _copy(failure)
                raise
            self._mask.learn(tokens.access_token, tokens.refresh_token)
            self._auth.access_token = tokens.access_token
            self._oauth["access_token"] = tokens.access_token
            if tokens.refresh_token:
                self._oauth["refresh_token"] = tokens.refresh_token
            await self._tell(tokens)

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
