"""`actions run --dry-run`: the exact requests, in the order of the events, and nothing sent."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rich.text import Text

from actions_core.apps.cli.output import Exit, counted, err, out, plain
from actions_core.apps.cli.run.ndjson import LineReader
from actions_core.errors import ActionsError
from actions_core.http.curl import all_headers, request_json
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from pathlib import Path

    from actions_core.engine import Engine
    from actions_core.engine.explain import SubscriptionExplanation
    from actions_core.http.requests import Request


async def rehearse(engine: Engine, source: Path | None, *, as_json: bool) -> Exit:
    """Print what `run` would send, on standard output, and what it could not, on standard error."""
    read = requests = failed = 0
    async with engine:
        async for line in LineReader(source).lines():
            read += 1
            try:
                explanation = await engine.explain(line.parse())
            except ActionsError as error:
                failed += 1
                _print_failure(line.number, "", str(error))
                continue
            for delivery in explanation.deliveries:
                if delivery.request is not None:
                    requests += 1
                    _print_request(line.number, delivery, delivery.request, as_json=as_json)
                elif delivery.matched:
                    failed += 1
                    _print_failure(line.number, delivery.subscription, delivery.reason)
    counts = (counted(read, "event"), counted(requests, "request"), counted(failed, "failure"))
    err().print("{} read, {}, {}; nothing was sent".format(*counts), soft_wrap=True)
    return Exit.FAILURES if failed else Exit.OK


def _print_failure(number: int, subscription: str, reason: str) -> None:
    where = f"line {number}: {subscription}: " if subscription else f"line {number}: "
    err().print(Text(plain(where), style="bold").append(plain(reason), style="not bold"), soft_wrap=True)


def _print_request(
    number: int, delivery: SubscriptionExplanation, request: Request, *, as_json: bool
) -> None:
    if as_json:
        entry = {
            "line": number,
            "instance": delivery.instance,
            "subscription": delivery.subscription,
            "action": delivery.action,
            "request": request_json(request),
        }
        sys.stdout.write(json.dumps(entry) + "\n")
        return
    console = out()
    head = f"# line {number}: {delivery.instance}, {delivery.subscription} → {delivery.action}"
    console.print(Text(plain(head), style="dim"), soft_wrap=True)
    if delivery.note:
        console.print(Text(f"# {plain(delivery.note)}", style="yellow"), soft_wrap=True)
    print_request(request)
    console.print()


def print_request(request: Request) -> None:
    """A request as it goes over the wire, its JSON spread out."""
    console = out()
    console.print(Text(plain(f"{request.method} {request.url}"), style="bold"), soft_wrap=True)
    for name, value in all_headers(request).items():
        console.print(Text(plain(f"{name}: {value}")), soft_wrap=True)
    body = _body(request)
    if body:
        console.print()
        console.print(Text(plain(body)), soft_wrap=True)


def _body(request: Request) -> str:
    if request.json is not MISSING:
        return json.dumps(request.json, ensure_ascii=False, indent=2)
    content = request.content()[0]
    return "" if content is None else content.decode("utf-8", "replace")
