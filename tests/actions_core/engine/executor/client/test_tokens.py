"""The tokens of one instance: when they are renewed, with what, what is told of it, and what goes wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import Tokens
from actions_core.destination.context import Auth
from actions_core.engine.executor.client import TokenKeeper
from actions_core.errors import ActionsError, RequestError
from actions_core.http.errors import AuthenticationError
from actions_core.http.masking import Mask

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core.values.types import JsonObject

OAUTH: JsonObject = {
    "refresh_token": "r-0",
    "clientId": "id",
    "clientSecret": "secret",
    "refresh_token_url": "https://x.test/token",
}


class Kept:
    """A keeper whose refreshes give these answers, and what it was asked and told."""

    def __init__(self, *answers: object, held: str | None = "t-0", listener: Any = None) -> None:
        self.answers = list(answers)
        self.asked: list[JsonObject] = []
        self.auth = Auth(held)
        self.now = 1000.0
        self.mask = Mask(())
        self.limited = 0
        oauth = OAUTH if held is None else {**OAUTH, "access_token": held}
        self.keeper = TokenKeeper(
            "one",
            self.auth,
            oauth,
            refresh=self._refresh,
            mask=self.mask,
            limit=self._limit,
            listener=listener,
        )
        self.keeper._clock = lambda: self.now

    async def _refresh(self, given: JsonObject) -> object:
        self.asked.append(given)
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _limit(self, awaitable: Awaitable[object]) -> object:
        self.limited += 1
        return await awaitable


def attempts(*outcomes: object) -> Callable[[], Awaitable[object]]:
    """A request that has these outcomes, one after the other."""
    left = list(outcomes)

    async def attempt() -> object:
        await asyncio.sleep(0)
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return attempt


@pytest.mark.parametrize(("token", "asked"), [("t-0", 0), ("", 1), (None, 1)])
def test_a_token_is_asked_for_where_there_is_none(token: str | None, asked: int) -> None:
    """The empty str is none."""
    kept = Kept(Tokens("t-1"), held=token)
    asyncio.run(kept.keeper.ensure())
    assert len(kept.asked) == asked
    assert kept.auth.access_token == ("t-1" if asked else "t-0")


def test_a_refused_request_is_made_once_more() -> None:
    """With a renewed token; what succeeds, or fails for another reason, renews nothing."""
    kept = Kept(Tokens("t-1"), Tokens("t-2"))
    refused = AuthenticationError("expired")

    async def scenario() -> None:
        retry = kept.keeper.retry_once
        assert await retry(attempts("first")) == "first"
        with pytest.raises(RequestError, match="gone"):
            await retry(attempts(RequestError("gone")))
        assert kept.asked == []
        assert await retry(attempts(refused, "second")) == "second"
        assert kept.auth.access_token == "t-1"
        with pytest.raises(AuthenticationError, match="again"):
            await retry(attempts(refused, AuthenticationError("again"), "third"))
        assert (kept.auth.access_token, len(kept.asked)) == ("t-2", 2)

    asyncio.run(scenario())


def test_a_renewal_is_made_with_the_last_tokens(caplog: pytest.LogCaptureFixture) -> None:
    """Its refresh token is kept until there is a new one; what the settings give comes along each time."""
    kept = Kept(Tokens("t-1"), Tokens("t-2", "r-2"), Tokens("t-3"))

    async def scenario() -> None:
        for used in ("t-0", "t-1", "t-1", "t-2"):
            await kept.keeper.renew(used)

    asyncio.run(scenario())
    assert kept.auth.access_token == "t-3"
    same = {"client_id": "id", "client_secret": "secret", "refresh_token_url": "https://x.test/token"}
    assert kept.asked == [
        {"access_token": "t-0", "refresh_token": "r-0", **same},
        {"access_token": "t-1", "refresh_token": "r-0", **same},
        {"access_token": "t-2", "refresh_token": "r-2", **same},
    ]
    assert kept.mask.text("t-1 t-2 r-2 t-3") == "*** *** *** ***"
    assert caplog.records == []


def test_a_failure_is_of_those_who_waited_for_it() -> None:
    """Each gets an error of its own that says the same; who comes later asks again."""
    kept = Kept(RequestError("down", retryable=True), RequestError("off"), Tokens("t-1"))

    async def scenario() -> list[BaseException | None]:
        renewals = [kept.keeper.renew("t-0") for _ in range(3)]
        return await asyncio.gather(*renewals, return_exceptions=True)

    for said, retryable in (("down", True), ("off", False)):
        errors = asyncio.run(scenario())
        assert len({id(error) for error in errors}) == 3
        for error in errors:
            assert isinstance(error, AuthenticationError)
            assert (error.code, error.retryable) == ("OAUTH_REFRESH_FAILED", retryable)
            assert str(error) == f"the access token has expired and could not be renewed: {said}"
    assert asyncio.run(scenario()) == [None] * 3
    assert (len(kept.asked), kept.auth.access_token) == (3, "t-1")


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (ActionsError("no"), "OAUTH_REFRESH_FAILED", ("could not be renewed: no", "none could be had: no")),
        (
            AuthenticationError("no"),
            "REFRESH_TOKEN_EXPIRED",
            ("could not be renewed: no", "none could be had: no"),
        ),
        *[
            (
                nothing,
                "OAUTH_REFRESH_FAILED",
                (
                    "was not renewed: refresh_access_token returned no Tokens",
                    "none was given: refresh_access_token returned no Tokens",
                ),
            )
            for nothing in (None, {"access_token": "t-1"}, Tokens(""))
        ],
    ],
)
def test_what_went_wrong_is_said(answer: object, code: str, message: tuple[str, str]) -> None:
    """With a token that has expired, and where there was none."""
    begins = ("the access token has expired and ", "there is no access token, and ")
    for token, begin, end in zip(("t-0", None), begins, message, strict=True):
        kept = Kept(answer, held=token)
        with pytest.raises(AuthenticationError) as caught:
            asyncio.run(kept.keeper.renew(token))
        assert (caught.value.code, caught.value.retryable) == (code, False)
        assert str(caught.value) == begin + end
        assert kept.auth.access_token == token


@pytest.mark.parametrize("is_async", [False, True])
def test_a_host_is_told_of_new_tokens(is_async: bool) -> None:  # noqa: FBT001 - a case
    """With the instance and both tokens; what it awaits then is limited in time."""
    told: list[tuple[str, str, str | None]] = []

    def listener(instance: str, tokens: Tokens) -> None:
        told.append((instance, tokens.access_token, tokens.refresh_token))

    async def later(instance: str, tokens: Tokens) -> None:
        await asyncio.sleep(0)
        listener(instance, tokens)

    kept = Kept(Tokens("t-1", "r-1"), listener=later if is_async else listener)
    asyncio.run(kept.keeper.renew("t-0"))
    assert told == [("one", "t-1", "r-1")]
    assert kept.limited == int(is_async)


def test_a_host_that_fails_loses_no_token(caplog: pytest.LogCaptureFixture) -> None:
    """Its failure is logged by its name alone, since its words may hold the tokens."""

    def listener(_instance: str, tokens: Tokens) -> None:
        raise ValueError(tokens.access_token)

    kept = Kept(Tokens("t-1"), listener=listener)
    asyncio.run(kept.keeper.renew("t-0"))
    assert kept.auth.access_token == "t-1"
    (record,) = caplog.records
    assert record.getMessage() == "the host's on_token_refresh failed: ValueError"
    assert record.exc_info is None


def test_a_cancellation_while_the_host_is_told_goes_through() -> None:
    """It is the caller's, and the token is good all the same."""
    telling = asyncio.Event()

    async def listener(_instance: str, _tokens: Tokens) -> None:
        telling.set()
        await asyncio.sleep(3600)

    kept = Kept(Tokens("t-1"), listener=listener)

    async def scenario() -> None:
        task = asyncio.create_task(kept.keeper.renew("t-0"))
        await telling.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert kept.auth.access_token == "t-1"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("life", "early"),
    [(3600, 60.0), ("3600", 60.0), (300, 30.0), (1.5, 0.15), (None, None), (0, None), (-5, None)],
)
def test_a_token_is_renewed_before_it_ends(life: Any, early: float | None) -> None:
    """A minute before, or in the last tenth of a short life; one of unknown life is used until a 401."""
    kept = Kept(Tokens("t-1", expires_in=life), Tokens("t-2"), held=None)

    async def scenario() -> None:
        await kept.keeper.ensure()
        if early is None:
            kept.now += 1_000_000
            await kept.keeper.ensure()
            assert kept.auth.access_token == "t-1"
            return
        end = kept.now + float(life)
        kept.now = end - early - 0.001
        assert not kept.keeper.is_due
        await kept.keeper.ensure()
        assert kept.auth.access_token == "t-1"
        kept.now = end - early + 0.001
        assert kept.keeper.is_due
        assert await kept.keeper.retry_once(attempts("done")) == "done"
        assert (kept.auth.access_token, len(kept.asked)) == ("t-2", 2)
        kept.now += 1_000_000  # of the second one nobody knows
        assert not kept.keeper.is_due

    asyncio.run(scenario())


@pytest.mark.parametrize("ended", [False, True])
def test_many_requests_make_one_renewal(ended: bool) -> None:  # noqa: FBT001 - a case
    """The others use a token that ends soon until there is a new one; where it has ended they wait.

    An API may well give the same token once more: that is one request, too.
    """
    kept = Kept(Tokens("t-1", expires_in=100), Tokens("t-1", expires_in=100), held=None)

    async def scenario() -> None:
        await asyncio.gather(*(kept.keeper.ensure() for _ in range(100)))
        assert len(kept.asked) == 1
        kept.now += 101 if ended else 95
        done: list[int] = []

        async def one(number: int) -> None:
            await kept.keeper.ensure()
            done.append(number)

        await asyncio.gather(*(one(number) for number in range(100)))
        assert len(kept.asked) == 2
        assert done[-1] == (99 if ended else 0)
        assert not kept.keeper.is_due

    asyncio.run(scenario())


def test_a_token_that_has_not_ended_is_used_while_there_is_no_new_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What fails ahead of time is logged and tried again later; once the token has ended, it is an error."""
    down = RequestError("down", retryable=True)
    kept = Kept(Tokens("t-1", expires_in=1000), down, down, down, Tokens("t-2"), held=None)

    async def scenario() -> None:
        await kept.keeper.ensure()
        kept.now += 960
        await kept.keeper.ensure()
        assert (kept.auth.access_token, len(kept.asked), kept.keeper.is_due) == ("t-1", 2, False)
        kept.now += 21
        assert kept.keeper.is_due
        await kept.keeper.ensure()
        assert len(kept.asked) == 3
        kept.now += 20
        with pytest.raises(
            AuthenticationError, match="the access token has expired and could not be"
        ) as error:
            await kept.keeper.ensure()
        assert error.value.retryable
        await kept.keeper.ensure()
        assert kept.auth.access_token == "t-2"

    asyncio.run(scenario())
    assert [record.getMessage() for record in caplog.records] == [
        "one: the access token ends soon and could not be renewed: down; it is used until it ends"
    ] * 2


@pytest.mark.parametrize("life", ["soon", True, [], float("nan")])
def test_a_life_is_a_number_of_seconds(life: Any) -> None:
    """What an API cannot mean as one is an error where the tokens are made."""
    with pytest.raises(ActionsError, match="expires_in must be a number of seconds but it is"):
        Tokens("t", expires_in=life)
