"""The server beside what clients send: browsers, health, numbers, an outbox that cannot store."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from actions_core import Workspace, WorkspaceError
from actions_core.apps.server.assembly import AddressError, make_server
from actions_core.apps.server.sources import resolve_sources
from actions_core.delivery.errors import OutboxError

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE, FOREIGN = "https://shop.example", "https://evil.example"
EVENT = {"type": "track", "event": "E", "userId": "u", "messageId": "m"}
OPEN: list[Any] = []


def event(key: str) -> dict[str, Any]:
    """An event with a write key."""
    return {**EVENT, "writeKey": key}


def test_a_browser_asks_before_it_sends(serve: Callable[..., Any]) -> None:
    """A preflight of an origin that some source names is allowed, and of any other refused."""

    async def check(serving: Any) -> None:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        reply = await serving.call("OPTIONS", "/v1/t", headers={"Origin": PAGE, **asked})
        assert (reply.status, reply.text) == (204, "")
        assert reply.headers["Access-Control-Allow-Origin"] == PAGE
        assert "authorization" in reply.headers["Access-Control-Allow-Headers"]
        assert "x-retry-count" in reply.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in reply.headers
        for headers in ({"Origin": FOREIGN, **asked}, {"Origin": "null"}, asked):
            reply = await serving.call("OPTIONS", "/v1/t", headers=headers)
            assert reply.status == 403
            assert "Access-Control-Allow-Origin" not in reply.headers

    serve(check)


@pytest.mark.parametrize(
    ("origin", "key", "status"),
    [
        (PAGE, "wk-web", 200),
        (PAGE, "wk-backend", 403),
        (FOREIGN, "wk-web", 403),
        (f"{PAGE}.evil.example", "wk-web", 403),
        ("null", "wk-web", 403),
        (PAGE, "other", 401),
    ],
)
def test_origins(origin: str, key: str, status: int, serve: Callable[..., Any]) -> None:
    """Pages may send with the key of a source that names their origin: others are refused."""

    async def check(serving: Any) -> None:
        reply = await serving.call("POST", "/v1/t", event(key), {"Origin": origin})
        assert reply.status == status
        allowed = reply.headers.get("Access-Control-Allow-Origin")
        assert allowed == (None if status == 403 else origin)
        assert len(serving.stored()) == (status == 200)

    serve(check)


def test_any_origin(serve: Callable[..., Any]) -> None:
    """The origin `*` allows every page."""

    async def check(serving: Any) -> None:
        assert (await serving.call("POST", "/v1/t", event("k"), {"Origin": FOREIGN})).status == 200
        assert (await serving.call("OPTIONS", "/v1/t", headers={"Origin": FOREIGN})).status == 204

    serve(check, [{"writeKey": "k", "origins": ["*"]}])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:3000"}, 200),
        ({"Host": "[::1]:3000"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "127.evil.example:3000"}, 403),
        ({"Origin": FOREIGN}, 403),
        ({"Origin": "http://127.0.0.1:8810"}, 403),
    ],
)
def test_without_sources(headers: dict[str, str], status: int, serve: Callable[..., Any]) -> None:
    """Without sources any key will do, but no web page gets in, by its origin or by a rebound name."""

    async def check(serving: Any) -> None:
        assert (await serving.call("POST", "/v1/t", event("any"), headers)).status == status
        assert len(serving.stored()) == (status == 200)
        if "Host" in headers:
            assert (await serving.call("GET", "/metrics", headers=headers)).status == status

    serve(check, OPEN)


def test_without_sources_only_this_machine(tmp_path: Any) -> None:
    """A server that asks for no key does not listen where others can reach it."""
    given = {"outbox": str(tmp_path / "events.db"), "destinations": []}
    with pytest.raises(AddressError, match=r"0\.0\.0\.0: without 'sources'"):
        make_server(Workspace.from_dict(given), host="0.0.0.0")  # noqa: S104 - that is what is refused
    sources = [{"writeKey": "k"}]
    make_server(Workspace.from_dict({**given, "sources": sources}), host="0.0.0.0")  # noqa: S104 - as above


@pytest.mark.parametrize(
    ("version", "header", "stays"),
    [
        ("1.1", "", True),
        ("1.1", "Connection: close\r\n", False),
        ("1.0", "", False),
        ("1.0", "Connection: keep-alive\r\n", True),
    ],
)
def test_connections(version: str, header: str, *, stays: bool, serve: Callable[..., Any]) -> None:
    """A connection stays, or ends, as its client asks; the response says its length and its time."""

    async def check(serving: Any) -> None:
        port = int(serving.server.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps(event("wk-backend"))
        request = f"POST /v1/t HTTP/{version}\r\nHost: x\r\n{header}Content-Length: {len(body)}\r\n\r\n{body}"
        for _ in range(2 if stays else 1):
            writer.write(request.encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            assert head.split()[1] == "200"
            assert "\r\nContent-Length: 16\r\n" in head
            assert "\r\nContent-Type: application/json\r\n" in head
            assert "\r\nDate: " in head
            assert await reader.readexactly(16) == b'{"success":true}'
        if not stays:
            assert await reader.read() == b""
        writer.close()

    serve(check)


def test_other_paths_and_methods(serve: Callable[..., Any]) -> None:
    """What is not there is a 404, and a wrong method a 405 that says which are right."""

    async def check(serving: Any) -> None:
        assert (await serving.call("GET", "/v1/nothing")).status == 404
        reply = await serving.call("GET", "/v1/batch")
        assert (reply.status, reply.headers["Allow"]) == (405, "POST, OPTIONS")
        assert (await serving.call("POST", "/healthz")).status == 405
        reply = await serving.call("HEAD", "/healthz")
        assert (reply.status, reply.text) == (200, "")

    serve(check)


def test_health_and_numbers(serve: Callable[..., Any]) -> None:
    """A server says that it lives, that it takes events, and what it has counted."""

    async def check(serving: Any) -> None:
        for n in (1, 2, 2):
            await serving.post("/v1/track", {**EVENT, "messageId": f"m-{n}"})
        await serving.outbox.drain(10)
        assert (await serving.call("GET", "/healthz")).json == {"status": "ok"}
        assert (await serving.call("GET", "/readyz")).json == {"status": "ok"}
        reply = await serving.call("GET", "/metrics")
        assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = reply.text.splitlines()
        assert 'actions_intake_requests_total{route="track",status="200"} 3.0' in lines
        assert 'actions_intake_events_total{outcome="accepted",source="backend"} 2.0' in lines
        assert 'actions_intake_events_total{outcome="duplicate",source="backend"} 1.0' in lines
        labels = 'action="act",code="",destination="target",instance="a",status="sent"'
        assert f"actions_results_total{{{labels}}} 2.0" in lines
        assert 'actions_backlog{instance="a",state="due"} 0.0' in lines
        assert 'actions_breaker_open{instance="a"} 0.0' in lines
        assert "actions_dead_letters 0.0" in lines

    serve(check, store_only=False)


def test_numbers_need_an_extra(serve: Callable[..., Any]) -> None:
    """Without prometheus-client, `/metrics` says what to install, and everything else works."""

    async def check(serving: Any) -> None:
        serving.server._numbers = None
        reply = await serving.call("GET", "/metrics")
        assert (reply.status, "pip install 'actions-core[serve]'" in reply.text) == (501, True)

    serve(check)
    code = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from actions_core.apps.server import metrics\n"
        "print(metrics.is_available())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own code
    assert run.stdout.strip() == "False"


def test_a_full_outbox(serve: Callable[..., Any]) -> None:
    """Without space the answer is 429 with a time to wait, and the server is not ready."""

    async def check(serving: Any) -> None:
        batch = [{"type": "page", "userId": "u", "pad": "x" * 20_000}] * 40
        accepted = 0
        while (reply := await serving.post("/v1/batch", {"batch": batch})).status == 200:
            accepted += 1
            assert accepted < 3
        assert (reply.status, reply.headers["Retry-After"]) == (429, "10")
        assert reply.json["code"] == "outbox_full"
        assert str(serving.path) not in reply.text
        assert len(serving.stored()) == accepted * 40
        assert (await serving.call("GET", "/readyz")).status == 503
        assert (await serving.post("/v1/track", EVENT)).status == 200
        assert (await serving.call("GET", "/readyz")).status == 200

    serve(check, mostBytes=1024 * 1024, dedupe=0)


@pytest.mark.parametrize(("retryable", "wait"), [(True, "1"), (False, "10")])
def test_an_outbox_that_cannot_store(
    retryable: bool,  # noqa: FBT001 - a value of a table
    wait: str,
    serve: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever else keeps events from the disk is a 503 with a time to wait, and is logged once."""

    async def check(serving: Any) -> None:
        async def refuse(*_: Any) -> Any:
            raise OutboxError(f"{serving.path}: disk I/O error", retryable=retryable)

        serving.outbox.enqueue_checked = refuse
        for _ in range(3):
            reply = await serving.post("/v1/batch", {"batch": [dict(EVENT)]})
            assert (reply.status, reply.headers["Retry-After"]) == (503, wait)
            assert "disk" not in reply.text
        assert (await serving.call("GET", "/readyz")).status == 503

    serve(check)
    assert [line.getMessage() for line in caplog.records if "not accepted" in line.getMessage()] == [
        line.getMessage() for line in caplog.records
    ][:1]


def test_draining(serve: Callable[..., Any]) -> None:
    """What is in progress is stored and answered; from then on nobody can connect."""

    async def check(serving: Any) -> None:
        gate, entered = asyncio.Event(), asyncio.Event()
        enqueue = serving.outbox.enqueue_checked

        async def slowly(*given: Any) -> Any:
            entered.set()
            await gate.wait()
            return await enqueue(*given)

        serving.outbox.enqueue_checked = slowly
        pending = asyncio.ensure_future(serving.post("/v1/track", EVENT))
        await entered.wait()
        draining = asyncio.ensure_future(serving.server.drain())
        await asyncio.sleep(0.05)
        gate.set()
        assert (await pending).status == 200
        await draining
        with pytest.raises(aiohttp.ClientConnectionError):
            await serving.post("/v1/track", EVENT)
        assert len(serving.stored()) == 1

    serve(check)


def test_sources() -> None:
    """Keys come from the file or the environment; what is missing or given twice is told with its path."""
    given = {
        "destinations": [],
        "sources": [
            {"writeKey": {"$env": "KEY"}},
            {"name": "web", "writeKey": "k", "origins": ["https://a.example"]},
            {"writeKey": {"$env": "MISSING"}},
            {"writeKey": "k"},
        ],
    }
    workspace = Workspace.from_dict(given)
    assert workspace.problems == ()
    assert "'k'" not in repr(workspace)
    sources, problems = resolve_sources(workspace, {"KEY": "secret"})
    assert [source.name for source in map(sources.find, ("secret", "k")) if source] == [
        "source 1",
        "source 4",
    ]
    assert sources.find("other") is None
    assert {problem.path for problem in problems} == {"$.sources[2].writeKey", "$.sources[3].writeKey"}


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ({}, "$.sources[0]"),
        ({"writeKey": ""}, "$.sources[0].writeKey"),
        ({"writeKey": 5}, "$.sources[0].writeKey"),
        ({"writeKey": {"$env": ""}}, "$.sources[0].writeKey.$env"),
        ({"writeKey": "k", "origins": ["shop.example"]}, "$.sources[0].origins[0]"),
        ({"writeKey": "k", "origins": ["https://shop.example/path"]}, "$.sources[0].origins[0]"),
        ({"writeKey": "k", "other": 1}, "$.sources[0].other"),
        (5, "$.sources[0]"),
    ],
)
def test_sources_that_do_not_fit(source: Any, path: str) -> None:
    """What is wrong with a source is told with its path, whatever reads the workspace."""
    workspace = Workspace.from_dict({"destinations": [], "sources": [source]}, lenient=True)
    assert [problem.path for problem in workspace.problems] == [path]
    assert workspace.sources == ()


def test_every_problem_at_once() -> None:
    """A server refuses to start without an outbox, and tells with it what else is wrong."""
    given = {
        "destinations": [{"destination": "no-such-destination"}],
        "sources": [{"writeKey": {"$env": "ACTIONS_NO_SUCH_KEY"}}],
    }
    with pytest.raises(WorkspaceError) as caught:
        make_server(Workspace.from_dict(given))
    assert {problem.path for problem in caught.value.problems} == {
        "$.outbox",
        "$.sources[0].writeKey",
        "$.destinations[0].destination",
    }


def test_a_secret_of_sources_is_no_matter_of_others(tmp_path: Any) -> None:
    """A missing write key is an error of `serve` alone: an engine starts without it."""
    from actions_core import Engine

    file = tmp_path / "workspace.json"
    given = {"destinations": [], "sources": [{"writeKey": {"$env": "ACTIONS_NO_SUCH_KEY"}}]}
    file.write_text(json.dumps(given), encoding="utf-8")
    asyncio.run(Engine.from_file(file).close())
