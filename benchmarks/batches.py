"""Batches to FullStory's import beside an earlier commit: a process for each side, which measures on request.

This file is what both processes run; the earlier one finds the packages of a `git worktree` first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The commit before values were converted and copied, and before masks were asked for.
EARLIER: Final = "f337e4b"
EVENTS: Final = ("Order Completed", "Product Viewed", "identify")
_ROOT: Final = Path(__file__).parent.parent
_SIZE: Final = 500


class Side:
    """One of the two processes."""

    def __init__(self, root: Path) -> None:
        path = os.pathsep.join([str(root), str(root / "destinations")])
        self._process = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, __file__],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, name: str) -> float:
        """Return the seconds of the processor for one event of a batch."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise SystemExit("the process was not started with pipes")
        stdin.write(f"{name}\n")
        stdin.flush()
        return float(stdout.readline())

    def end(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)


@contextlib.contextmanager
def both() -> Iterator[tuple[Side, Side]]:
    """Start the earlier side and ours while the context is entered."""
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder) / EARLIER
        _git("worktree", "add", "--quiet", "--detach", str(earlier), EARLIER)
        sides = (Side(earlier), Side(_ROOT))
        try:
            yield sides
        finally:
            for side in sides:
                side.end()
            _git("worktree", "remove", "--force", str(earlier))


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(_ROOT), *arguments], check=True)  # noqa: S603, S607 - of whoever measures


def _engine(shop: dict[str, Any], settings: dict[str, Any]) -> Any:
    from actions_core import Engine, Registry, Response, Workspace

    try:
        from destinations.fullstory import destination  # as the package was called at the earlier commit
    except ImportError:
        from actions_fullstory import destination

    def responding(body: str) -> Response:
        return Response(200, {"content-type": "application/json"}, body.encode())

    started = responding('{"job": {"id": "1", "status": "PROCESSING"}}')
    done = responding('{"job": {"id": "1", "status": "COMPLETED"}}')

    class Stub:
        async def send(self, request: Any) -> Response:
            request.content()
            return started if request.method == "POST" else done

        async def close(self) -> None:
            pass

    registry = Registry()
    registry.register(destination)
    instance = {
        "destination": "actions-fullstory-cloud",
        "settings": settings,
        "subscriptions": [{"partnerAction": shop["action"], "subscribe": shop["subscribe"]}],
        "delivery": {"poll": {"base": 0.0001}},
    }
    workspace = Workspace.from_dict({"destinations": [instance]})
    return Engine(workspace, registry=registry, transport=Stub())


def _measure() -> None:
    """Answer each name on standard input with the seconds for one event."""
    inputs = json.loads((_ROOT / "benchmarks" / "inputs.json").read_text(encoding="utf-8"))
    shops = {name: inputs["shop"][name] for name in EVENTS}
    engines = {name: _engine(shop, inputs["settings"]) for name, shop in shops.items()}
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            name = line.strip()
            events = [{**shops[name]["event"], "messageId": str(number)} for number in range(_SIZE)]
            started = process_time()
            report = runner.run(engines[name].send_batch(events))
            seconds = (process_time() - started) / _SIZE
            if not report.ok:
                raise SystemExit(f"a batch failed: {report.results}")
            print(seconds, flush=True)


if __name__ == "__main__":
    _measure()
