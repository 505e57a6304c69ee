"""Over TLS, both ways: a certificate that is vouched for is accepted, and bodies arrive whole."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from typing import TYPE_CHECKING

import pytest
import trustme
from aiohttp import web

if TYPE_CHECKING:
    from pathlib import Path

SIZES = [1, 200_000, 300_000]

#: In a process of its own, because whom it trusts is settled when aiohttp is imported.
CLIENT = """
import asyncio, json, sys
from actions_core import Request
from actions_core.errors import ActionsError
from actions_core.http.transport.http import AiohttpTransport

async def main(url, sizes):
    transport = AiohttpTransport()
    requests = [Request("POST", url, body=b"x" * size) for size in sizes] + [Request("GET", url)]
    try:
        # Twice, so that connections are used again.
        for _ in range(2):
            answers = await asyncio.gather(*map(transport.send, requests))
        print(json.dumps([answer.json for answer in answers]))
    except ActionsError as error:
        print(json.dumps(str(error)))
    finally:
        await transport.close()

asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
"""


async def _ask(authority: trustme.CA, trusted: Path) -> object:
    """What a client that trusts `trusted` prints of a server with a certificate of `authority`."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(len(await request.read()))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        url = f"https://localhost:{runner.addresses[0][1]}/"
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            CLIENT,
            url,
            json.dumps(SIZES),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "SSL_CERT_FILE": str(trusted)},
        )
        output, _ = await client.communicate()
        return json.loads(output)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("known", [True, False])
def test_who_is_vouched_for_gets_the_requests(known: bool, tmp_path: Path) -> None:  # noqa: FBT001 - the rule in question
    """With a certificate of an authority that the machine trusts, and of no other."""
    authority, other = trustme.CA(), trustme.CA()
    trusted = tmp_path / "trusted.pem"
    (authority if known else other).cert_pem.write_to_path(str(trusted))
    answer = asyncio.run(_ask(authority, trusted))
    assert answer == [*SIZES, 0] if known else "the certificate is not accepted" in str(answer)
