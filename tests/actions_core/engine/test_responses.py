"""How responses that are hard to read are judged, over a real network."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actions_core import Engine, Registry, Request, Workspace, load_destination
from actions_core.engine.results import Status
from actions_core.testing import make_event


def deliver(*answers: bytes) -> tuple[Any, int]:
    """Send one event to a server that gives these answers; return its result and the count of requests."""

    async def scenario() -> tuple[Any, int]:
        waiting, asked = list(answers), 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            try:
                while waiting:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                    await reader.readexactly(int(length))
                    asked += 1
                    writer.write(waiting.pop(0))
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        registry = Registry()
        destination = load_destination(
            {"slug": "shop", "name": "Shop", "actions": {"add": {"title": "Add", "fields": {}}}}
        )
        destination.action("add")(lambda: Request("POST", url, json={}))
        registry.register(destination)
        subscription = {"partnerAction": "add", "subscribe": 'type = "track"'}
        workspace = {"destinations": [{"destination": "shop", "subscriptions": [subscription]}]}
        async with Engine(Workspace.from_dict(workspace), registry=registry) as engine:
            report = await engine.send(make_event())
        listening.close()
        await listening.wait_closed()
        return report.results[0], asked

    return asyncio.run(scenario())


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
def test_a_success_that_cannot_be_decoded_is_sent_once_with_a_warning(encoding: bytes) -> None:
    """The destination has taken the event: sending it again would deliver it twice."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: 3\r\n\r\nabc" % encoding
    result, asked = deliver(answer, answer)
    assert (result.status, result.tries, asked) == (Status.SENT, 1, 1)
    assert [problem.severity for problem in result.warnings] == ["warning"]
    assert "cannot be decoded" in result.warnings[0].message


def test_a_refusal_that_cannot_be_decoded_is_a_refusal() -> None:
    """Its status says what to do, as ever: a 400 is final."""
    answer = b"HTTP/1.1 400 Bad Request\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
    result, asked = deliver(answer, answer)
    assert (result.status, result.error.code, asked) == (Status.FAILED, "BAD_REQUEST", 1)


def test_a_long_header_is_one_delivery() -> None:
    """Headers of 10 KB are no reason to send again."""
    answer = b"HTTP/1.1 200 OK\r\nX-Long: %b\r\nContent-Length: 0\r\n\r\n" % (b"x" * 10_000)
    result, asked = deliver(answer, answer, answer)
    assert (result.status, asked) == (Status.SENT, 1)


def test_the_error_of_a_result_has_no_frames() -> None:
    """A traceback with its variables, as error trackers take them, would show the settings."""
    result, _ = deliver(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    error = result.error
    assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)
