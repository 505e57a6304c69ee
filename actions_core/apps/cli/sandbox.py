"""`actions sandbox`: run the stand-in for its API that a destination contains.

A destination has one when its package has a module `sandbox` with
`async def serve(host, port, *, ready)`, which calls `ready` with the stand-in once it listens. What arrives
is shown where the stand-in has a `listener`: it is called with each request and the status of its response.
"""

import asyncio
import importlib
import importlib.util
import json
import signal
import sys
from collections import Counter
from importlib.metadata import entry_points
from types import ModuleType
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer
from rich.text import Text

from actions_core.apps.cli.output import Exit, counted, fail, printable, stderr, stdout
from actions_core.apps.cli.shared import AsJson, run_async
from actions_core.destination.registry import ENTRY_POINTS, Registry
from actions_core.http.requests import Request

#: Seconds of requests that share a line where they are alike, and the most lines for them.
_PERIOD: Final = 1.0
_MOST_LINES: Final = 10

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="DESTINATION", help="A slug or an alias, where several destinations have a stand-in."
    ),
]
Host = Annotated[str, typer.Option("--host", help="The address to listen at.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")]


def sandbox(
    name: Name = None, *, host: Host = "127.0.0.1", port: Port = 8811, as_json: AsJson = False
) -> None:
    """Run a stand-in for a destination's API."""
    modules = {point.name: f"{point.module}.sandbox" for point in entry_points(group=ENTRY_POINTS)}
    slug = _only(modules) if name is None else Registry().discover().get(name).slug
    if not _exists(modules[slug]):
        fail(f"{slug} brings no stand-in; {_known(modules)}")
    try:
        run_async(_serve(importlib.import_module(modules[slug]), slug, host, port, as_json=as_json))
    except OSError as error:
        fail(f"cannot listen at {host}:{port}: {error.strerror or error}")
    raise typer.Exit(Exit.OK)


def _only(modules: dict[str, str]) -> str:
    """Return the slug of the only destination with a stand-in; where there is none or a choice, fail."""
    found = [slug for slug, module in modules.items() if _exists(module)]
    if len(found) != 1:
        fail(f"which stand-in? {_known(modules)}")
    return found[0]


def _known(modules: dict[str, str]) -> str:
    found = sorted(slug for slug, module in modules.items() if _exists(module))
    return f"there is one for: {', '.join(found)}" if found else "none is installed"


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except Exception:  # noqa: BLE001  # finding a submodule imports its package, which may raise anything
        return False


async def _serve(module: ModuleType, name: str, host: str, port: int, *, as_json: bool) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    running: list[Any] = []
    arrivals = _Arrivals()

    def ready(stand_in: Any) -> None:
        running.append(stand_in)
        _announce(name, stand_in, as_json=as_json)
        if not as_json and hasattr(stand_in, "listener"):
            stand_in.listener = arrivals.note

    serving = asyncio.ensure_future(module.serve(host, port, ready=ready))
    waiting = asyncio.ensure_future(stopped.wait())
    while not serving.done() and not waiting.done():
        await asyncio.wait((serving, waiting), timeout=_PERIOD, return_when=asyncio.FIRST_COMPLETED)
        arrivals.show()
    waiting.cancel()
    if serving.done():
        serving.result()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    for stand_in in running:
        statuses = getattr(stand_in, "statuses", {})
        counts = [
            f"{counted(count, 'response')} with {status or 'a broken connection'}"
            for status, count in sorted(statuses.items())
        ]
        stderr().print(f"stopped: {', '.join(counts) or 'there were no requests'}")


class _Arrivals:
    """The requests of the last second, of which those that are alike share a line."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()

    def note(self, request: Request, status: int) -> None:
        """Note a request and the status of its response."""
        self._counts[request.method, urlsplit(request.url).path, status] += 1

    def show(self) -> None:
        """Print what was noted, and forget it."""
        if not self._counts:
            return
        console = stdout()
        for (method, path, status), count in list(self._counts.items())[:_MOST_LINES]:
            alike = f"  ({counted(count, 'request')})" if count > 1 else ""
            line = f"{method} {path}  {status or 'cut'}{alike}"
            console.print(Text(printable(line)), soft_wrap=True)
        more = list(self._counts.values())[_MOST_LINES:]
        if more:
            console.print(f"… and {counted(sum(more), 'request')} more")
        console.file.flush()
        self._counts.clear()


def _announce(name: str, stand_in: Any, *, as_json: bool) -> None:
    console = stdout()
    keys = sorted(attribute for attribute in dir(stand_in) if attribute.endswith("_key"))
    if as_json:
        found = {"name": name, "url": stand_in.url, **{key: getattr(stand_in, key) for key in keys}}
        sys.stdout.write(json.dumps(found) + "\n")  # one line, because the output has no end until Ctrl-C
        sys.stdout.flush()
    else:
        line = Text(f"{name}: ", style="bold").append(printable(stand_in.url), style="not bold cyan")
        console.print(line)
        for key in keys:
            console.print(f"  {key.replace('_', ' ')}: {printable(getattr(stand_in, key))}")
        console.file.flush()
    stderr().print("Press Ctrl-C to stop it.")
