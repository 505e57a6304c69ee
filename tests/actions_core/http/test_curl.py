"""Requests as JSON and as curl commands."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from actions_core.http.curl import all_headers, curl, request_json
from actions_core.http.requests import Request, Response
from actions_core.http.transport.http import AiohttpTransport
from actions_core.testing import LoopbackServer

REQUESTS = {
    "json": Request(
        "POST", "/a", headers={"x-odd": 'it\'s $HOME `x` "y"'}, json={"q": "it's 'ü' \u2028 $1 !x"}
    ),
    "null": Request("POST", "/a", json=None),
    "form": Request("POST", "/a", form={"a": "b c", "at": "@x", "none": None, "many": ["1", "2"]}),
    "text": Request("PUT", "/a", headers={"Content-Type": "text/csv"}, body="@a,b\r\n%d\t'x'\\n\n"),
    "bytes": Request("POST", "/a", body=b"\x00\xff%s'\\\n\x7f"),
    "long": Request("POST", "/a", body="x" * 200_000),
    "query": Request("GET", "/a/../b/[1]{x,y}?q=a%20b&r=%5B", headers={"x-empty": ""}),
    "bodiless": Request("POST", "/a/%2E%2E/b", headers={"x": "1"}),
    "put": Request("PUT", "/a", headers={"content-type": "text/x"}),
    "patch": Request("PATCH", "/a"),
    "options": Request("OPTIONS", "/a"),
    "delete": Request("DELETE", "/v2/users?uid=a%2Fb"),
    "head": Request("HEAD", "/a"),
}


def comparable(request: Request) -> tuple[Any, ...]:
    """What must be the same on the wire, whoever sends it."""
    own = ("x-odd", "x-empty", "x", "content-type", "content-length")
    headers = {name: value for name, value in request.headers.items() if name in own}
    return request.method, request.url, headers, request.body, request.json


@pytest.mark.skipif(shutil.which("curl") is None, reason="without curl there is nothing to compare")
def test_curl_sends_the_same_bytes(tmp_path: Path) -> None:
    """What the shell makes of the command is what the transport sends: method, URL, headers, body."""

    async def answer(_request: Request) -> Response:
        return Response(200)

    async def both() -> list[tuple[str, Request, Request]]:
        sent = []
        transport = AiohttpTransport()
        async with LoopbackServer(answer) as server:
            for name, request in REQUESTS.items():
                absolute = request.evolve(url=server.url + request.url)
                await transport.send(absolute)
                script = tmp_path / "send.sh"
                script.write_text(curl(absolute), encoding="utf-8")
                process = await asyncio.create_subprocess_exec(
                    "sh", str(script), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
                assert await process.wait() == 0, name
                ours, theirs = list(server.requests)[-2:]
                sent.append((name, ours, theirs))
        await transport.close()
        return sent

    for name, ours, theirs in asyncio.run(both()):
        assert comparable(theirs) == comparable(ours), name


def test_a_command_can_be_read() -> None:
    """One option stands on each line, and nothing that a shell would obey stands outside quotes."""
    request = Request("POST", "https://x.test/a?b=$(c)", headers={"A": "it's"}, json={"k": "v"})
    assert curl(request) == (
        "curl --request POST \\\n"
        "  --url 'https://x.test/a?b=$(c)' \\\n"
        "  --header 'A: it'\"'\"'s' \\\n"
        "  --header 'content-type: application/json' \\\n"
        '  --data-raw \'{"k":"v"}\''
    )


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (REQUESTS["json"], {"json": REQUESTS["json"].json}),
        (REQUESTS["null"], {"json": None}),
        (REQUESTS["form"], {"form": {"a": "b c", "at": "@x", "many": ["1", "2"]}}),
        (REQUESTS["text"], {"body": "@a,b\r\n%d\t'x'\\n\n"}),
        (Request("POST", "/", body=b"\x00\xff"), {"bodyBase64": "AP8="}),
        (REQUESTS["head"], {}),
    ],
)
def test_a_request_as_json_says_what_its_body_is(request_: Request, body: dict[str, Any]) -> None:
    """Each kind of body has a key of its own; without a body there is none."""
    expected = {"method": request_.method, "url": request_.url, "headers": all_headers(request_), **body}
    assert request_json(request_) == expected


def test_a_content_type_of_ones_own_stays() -> None:
    """The content type that follows from the body is added only where the request names none."""
    assert all_headers(REQUESTS["text"]) == {"Content-Type": "text/csv"}
    assert all_headers(REQUESTS["form"]) == {"content-type": "application/x-www-form-urlencoded"}
