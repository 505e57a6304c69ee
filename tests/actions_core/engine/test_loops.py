"""One event loop after another: a program without a loop of its own may call `asyncio.run` for each event."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import Context, Engine, Registry, Request, RequestError, Response, Tokens, Workspace
from actions_core.destination import Destination, load_destination
from actions_core.testing import LoopbackServer, make_event

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class Service:
    """What stands behind the destination: a new token in each loop, and one 503 for each event."""

    def __init__(self) -> None:
        self.token = ""
        self.renewals = 0
        self.tries: dict[str, int] = {}

    def expire(self) -> None:
        """Take only a token from now on that nobody has yet."""
        self.token = f"token-{self.renewals + 1}"
        self.tries = {}

    async def handle(self, request: Request) -> Response:
        """Answer 401 to an old token, 503 to the first try, and 200."""
        if request.headers["authorization"] != f"Bearer {self.token}":
            return Response(401)
        key = request.json["id"]
        self.tries[key] = self.tries.get(key, 0) + 1
        return Response(503 if self.tries[key] == 1 else 200)


def destination_of(service: Service) -> Destination:
    """A destination that gets its tokens from the service."""
    destination = load_destination(
        {
            "slug": "sample",
            "name": "Sample",
            "mode": "cloud",
            "authentication": {
                "scheme": "oauth2",
                "fields": {"baseUrl": {"label": "L", "description": "D", "type": "string"}},
            },
            "actions": {"go": {"title": "T", "description": "D", "fields": {}}},
        }
    )

    @destination.refresh_access_token
    async def refresh() -> Tokens:
        await asyncio.sleep(0.001)
        service.renewals += 1
        return Tokens(service.token)

    @destination.prepare
    def prepare(request: Request, context: Context) -> Request:
        return request.with_base(context.settings["baseUrl"]).with_bearer(str(context.auth.access_token))

    @destination.action("go")
    def go(context: Context) -> Request:
        return Request("POST", "/", json={"id": context.event["messageId"]})

    return destination


def engine_of(service: Service, port: int) -> Engine:
    """An engine with an instance that sends to a port of this machine."""
    registry = Registry()
    registry.register(destination_of(service))
    instance = {
        "id": "one",
        "destination": "sample",
        "settings": {"baseUrl": f"http://127.0.0.1:{port}", "oauth": {"access_token": "none"}},
        "subscriptions": [{"name": "S", "partnerAction": "go", "subscribe": 'type = "track"'}],
        "delivery": {"concurrency": 3, "retry": {"tries": 2, "base": 0.001}},
    }
    return Engine(Workspace.from_dict({"destinations": [instance]}), registry=registry)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_an_engine_works_in_one_loop_after_another() -> None:
    """Connections, tries, lanes that are full and tokens that expire: nothing of it is bound to a loop."""
    service, port = Service(), free_port()
    engine = engine_of(service, port)

    async def scenario() -> None:
        service.expire()
        async with LoopbackServer(service.handle, port=port):
            events = [make_event(messageId=f"{index}") for index in range(10)]
            alone = await asyncio.gather(*map(engine.send, events))
            assert all(report.ok for report in alone)
            # Three are under way when the token has expired; then each gets one 503.
            assert sorted(report.results[0].tries for report in alone) == [2] * 7 + [3] * 3
            service.tries.clear()
            assert all([report.ok async for report in engine.send_many(events)])
            service.tries.clear()
            assert (await engine.send_batch(events)).ok

    for _ in range(3):
        asyncio.run(scenario())
    assert service.renewals == 3
    asyncio.run(engine.close())


def test_a_loop_that_only_rests_may_come_again() -> None:
    """Two runners in turns, neither of them closed: each delivers."""
    service, port = Service(), free_port()
    engine = engine_of(service, port)

    async def scenario() -> None:
        service.expire()
        async with LoopbackServer(service.handle, port=port):
            report = await engine.send(make_event())
            assert report.ok, report.results

    with asyncio.Runner() as one, asyncio.Runner() as other:
        for runner in (one, other, one, other):
            runner.run(scenario())
        other.run(engine.close())


async def read_reports(engine: Engine) -> None:
    """Read the reports of two events."""
    async for _ in engine.send_many([make_event()] * 2):
        pass


CALLS: dict[str, Callable[[Engine], Coroutine[Any, Any, object]]] = {
    "send": lambda engine: engine.send(make_event()),
    "send_many": read_reports,
    "send_batch": lambda engine: engine.send_batch([make_event()]),
    "explain": lambda engine: engine.explain(make_event()),
    "delete": lambda engine: engine.delete(user_id="u"),
    "test_authentication": lambda engine: engine.test_authentication("one"),
    "run_hook": lambda engine: engine.run_hook("one", "go", "onMappingSave", {}),
    "list_choices": lambda engine: engine.list_choices("one", "go", "id"),
    "create_audience": lambda engine: engine.create_audience("one", "A"),
    "get_audience": lambda engine: engine.get_audience("one", "a"),
    "close": lambda engine: engine.close(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("is_running", [True, False])
def test_in_another_thread_the_call_raises(call: str, is_running: bool) -> None:  # noqa: FBT001 - a case
    """An engine belongs to the thread that awaited it first, also while no event loop of that one runs."""
    engine = engine_of(Service(), free_port())

    def elsewhere() -> None:
        with pytest.raises(RequestError, match=r"the thread MainThread.*BackgroundEngine") as caught:
            asyncio.run(CALLS[call](engine))
        assert (caught.value.code, caught.value.retryable) == ("OTHER_THREAD", False)

    async def scenario() -> None:
        await engine.send(make_event(type="alias", userId="u", previousId="v"))
        if is_running:
            await asyncio.to_thread(elsewhere)

    asyncio.run(scenario())
    with ThreadPoolExecutor(1) as pool:
        pool.submit(elsewhere).result()
    asyncio.run(engine.close())


def test_what_a_thread_left_behind_another_may_close() -> None:
    """The engine of a thread that has ended can be closed by any other, but not be used by it."""
    engine = engine_of(Service(), free_port())
    event = make_event(type="alias", userId="u", previousId="v")
    owner = threading.Thread(target=lambda: asyncio.run(engine.send(event)))
    owner.start()
    owner.join()
    with pytest.raises(RequestError, match="BackgroundEngine"):
        asyncio.run(engine.send(event))
    asyncio.run(engine.close())


def test_a_closed_engine_belongs_to_nobody() -> None:
    """After `close` any thread is told in the result that nothing is tried any more."""
    service = Service()
    engine = engine_of(service, free_port())

    async def scenario() -> None:
        await engine.send(make_event(type="alias", userId="u", previousId="v"))
        await engine.close()

    asyncio.run(scenario())
    with ThreadPoolExecutor(1) as pool:
        (result,) = pool.submit(asyncio.run, engine.send(make_event())).result().results
    assert result.status == "not_tried"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.parametrize("used_before", [True, False])
def test_after_a_fork_the_call_raises(used_before: bool) -> None:  # noqa: FBT001 - a case
    """A child may use an engine that its parent only made; one that the parent used raises from the call."""
    engine = engine_of(Service(), free_port())
    event = make_event(type="alias", userId="u", previousId="v")
    if used_before:
        asyncio.run(engine.send(event))
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        said = b"fine"
        try:
            asyncio.run(engine.send(event))
        except RequestError as error:
            said = f"{error.code}: {error}".encode()
        finally:
            os.write(writer, said)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as lines:
        said = lines.read()
    os.waitpid(child, 0)
    if used_before:
        assert said.startswith(b"OTHER_PROCESS: ")
        assert b"BackgroundEngine" in said
    else:
        assert said == b"fine"
    asyncio.run(engine.close())
