"""Public addresses only: nothing else is connected to, whatever leads there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.errors import ActionsError
from actions_core.http.addresses import NOT_ALLOWED
from actions_core.http.errors import TransportError
from actions_core.http.requests import Request, Response
from actions_core.http.transport import LazyTransport, public_only
from actions_core.http.transport.redirects import NOT_FOLLOWED
from actions_core.testing import LoopbackServer, RecordingTransport

if TYPE_CHECKING:
    from tests.conftest import Network

PUBLIC = "93.184.216.34"
OTHER = "2606:4700:4700::1111"


def outcome(
    question: Request, url: str, *, guarded: bool = True, answer: Response | None = None
) -> tuple[Any, int]:
    """What a question to `url` gives, with a server's port for `PORT`, and how many requests it got."""

    async def scenario() -> tuple[Any, int]:
        async def handler(_request: Request) -> Response:
            return answer or Response(200)

        transport = LazyTransport()
        async with LoopbackServer(handler) as server:
            port = server.url.rpartition(":")[2]
            try:
                sender = public_only(transport) if guarded else transport
                found: Any = (await sender.send(question.evolve(url=url.replace("PORT", port)))).status
            except ActionsError as error:
                found = error
            finally:
                await transport.close()
            return found, len(server.requests)

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "１２７.０.０.１",  # noqa: RUF001 - full-width digits
        "[::1]",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "localhost",
        "a:b@127.0.0.1",
    ],
)
def test_no_form_of_our_own_address_is_connected_to(question: Request, host: str) -> None:
    """A server on this machine gets nothing, and the refusal is final."""
    error, reached = outcome(question, f"http://{host}:PORT/")
    assert reached == 0
    assert isinstance(error, ActionsError)
    assert not error.retryable


@pytest.mark.parametrize("host", ["169.254.169.254", "224.0.0.1", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"])
def test_no_other_closed_address_is_connected_to(question: Request, host: str, network: Network) -> None:
    """Not even a connection is tried."""
    error, _ = outcome(question, f"http://{host}/")
    assert error.code == NOT_ALLOWED
    assert network.connections == []


def test_the_same_transport_without_the_guard_reaches_everything(question: Request) -> None:
    """Only what was asked for through `public_only` is bound to it."""
    assert outcome(question, "http://127.0.0.1:PORT/", guarded=False) == (200, 1)


def test_a_name_is_judged_by_where_it_leads(question: Request, network: Network) -> None:
    """A name of a public address is reached with one look-up; one of another address is not."""
    network.names = {
        "open.example": [PUBLIC],
        "closed.example": ["127.0.0.1"],
        "both.example": ["10.0.0.1", "::1"],
    }
    network.routes = {PUBLIC: "127.0.0.1"}
    assert outcome(question, "http://open.example:PORT/") == (200, 1)
    assert (network.connections, network.lookups) == ([PUBLIC], ["open.example"])
    for name in ("closed.example", "both.example"):
        error, reached = outcome(question, f"http://{name}:PORT/")
        assert (error.code, reached) == (NOT_ALLOWED, 0)
        assert name in str(error)
    assert network.connections == [PUBLIC]


def test_the_closed_address_of_a_name_is_no_way_out(question: Request, network: Network) -> None:
    """Of several addresses the public ones are tried, and when they fail, no other."""
    network.names = {"mixed.example": [PUBLIC, "127.0.0.1"]}
    error, reached = outcome(question, "http://mixed.example:PORT/")
    assert isinstance(error, ActionsError)
    assert ({*network.connections}, reached) == ({PUBLIC}, 0)
    network.names = {"mixed.example": ["127.0.0.1", PUBLIC]}
    network.routes = {PUBLIC: "127.0.0.1"}
    assert outcome(question, "http://mixed.example:PORT/") == (200, 1)


def test_a_name_that_changes_its_address_does_not_pass(question: Request, network: Network) -> None:
    """What a name led to before does not count: each connection is judged by its own address."""
    network.names = {"turning.example": [PUBLIC]}
    network.routes = {PUBLIC: "127.0.0.1"}

    async def scenario() -> list[Any]:
        async def handler(_request: Request) -> Response:
            return Response(200, {"Connection": "close"})

        outcomes: list[Any] = []
        async with LoopbackServer(handler) as server:
            for addresses in ([PUBLIC], ["127.0.0.1"]):
                network.names = {"turning.example": addresses}
                transport = public_only(LazyTransport())  # a new one, so that no look-up is remembered
                try:
                    url = f"http://turning.example:{server.url.rpartition(':')[2]}/"
                    outcomes.append((await transport.send(question.evolve(url=url))).status)
                except ActionsError as error:
                    outcomes.append(error.code)
                finally:
                    await transport.close()
            return [*outcomes, len(server.requests)]

    assert asyncio.run(scenario()) == [200, NOT_ALLOWED, 1]


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("http://127.0.0.1:1/", NOT_ALLOWED),
        ("http://169.254.169.254/latest/meta-data/", NOT_ALLOWED),
        ("http://[::1]:80/", NOT_ALLOWED),
        ("//localhost/", NOT_ALLOWED),
        ("http://closed.example/", NOT_ALLOWED),
        ("file:///etc/passwd", "REQUEST_INVALID"),
        ("gopher://127.0.0.1/", "REQUEST_INVALID"),
    ],
)
def test_a_redirect_is_judged_like_the_first_url(
    question: Request, target: str, code: str, network: Network
) -> None:
    """A public server cannot send us on to where we may not go."""
    network.names = {
        "open.example": [PUBLIC],
        "closed.example": ["10.0.0.1"],
        "localhost": ["127.0.0.1", "::1"],
    }
    network.routes = {PUBLIC: "127.0.0.1"}
    error, reached = outcome(
        question, "http://open.example:PORT/", answer=Response(307, {"Location": target})
    )
    if target == "http://closed.example/" and question.content()[0]:
        code = NOT_FOLLOWED  # a body stops the redirect before the name is looked up
    assert (error.code, error.retryable, reached) == (code, False, 1)
    assert network.connections == [PUBLIC]


def test_ipv6_is_reached_too(question: Request, network: Network) -> None:
    """A public IPv6 address, by itself or by a name, is let through to the connection."""
    network.names = {"six.example": [OTHER]}
    for host in (f"[{OTHER}]", "six.example"):
        error, _ = outcome(question, f"http://{host}:PORT/")
        assert isinstance(error, TransportError)
    assert network.connections == [OTHER, OTHER]


def test_a_transport_of_the_hosts_own_stays_as_it_is() -> None:
    """Without `public_only` of its own it is used as it stands."""
    transport = RecordingTransport()
    assert public_only(transport) is transport


def test_one_guarded_transport_serves_all() -> None:
    """Instances share the connections, and closing the whole closes it too."""
    transport = LazyTransport()
    assert public_only(transport) is public_only(transport)

    async def scenario() -> None:
        guarded = public_only(transport)
        with pytest.raises(TransportError):
            await guarded.send(Request("GET", "http://name.invalid/"))
        await transport.close()

    asyncio.run(scenario())
