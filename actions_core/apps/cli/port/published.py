"""The process that runs the published destinations: an order a line in, a reply a line out."""

from __future__ import annotations

import asyncio
import contextlib
import json
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any, Final, Self

from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from actions_core.values.types import Json

_LONGEST_LINE: Final = 256 * 1024 * 1024
_SCRIPT: Final = "published.cjs"


class PublishedError(ActionsError):
    """What the published side says of an order that it could not obey."""


class Published:
    """The process of the published destinations, while its context is entered."""

    def __init__(self, node: str, folder: Path) -> None:
        self._node = node
        self._folder = folder
        self._number = 0
        self._stack = contextlib.ExitStack()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        script = self._stack.enter_context(as_file(files("actions_core.authoring.port") / "node" / _SCRIPT))
        self._process = await asyncio.create_subprocess_exec(
            self._node,
            str(script),
            str(self._folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self._stack.close()

    async def ask(self, order: str, **given: Json) -> Any:
        """Give an order and return what the process replies.

        Raises `PublishedError` for an order that it cannot obey, `ActionsError` where it has ended.
        """
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ActionsError("the process of the published destinations has not been started")
        self._number += 1
        line = json.dumps({"id": self._number, "do": order, **given}, default=str)
        try:
            process.stdin.write(f"{line}\n".encode())
            await process.stdin.drain()
            reply = await process.stdout.readline()
        except (ConnectionError, BrokenPipeError):
            reply = b""
        if not reply:
            raise ActionsError(f"node ended before it replied to {order!r}: {await self._last_words()}")
        found = json.loads(reply)
        if "error" in found:
            raise PublishedError(f"the published destination cannot {order}: {found['error']}")
        return found["value"]

    async def _last_words(self) -> str:
        process = self._process
        if process is None or process.stderr is None:
            return "it said nothing"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                text = (await process.stderr.read()).decode("utf-8", "replace").strip()
                return text[-600:] or "it said nothing"
        return "it said nothing"
