"""The process that runs the published destinations: an order a line in, a reply a line out."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any, Final, Self

from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path
    from types import TracebackType

    from actions_core.values.types import Json, JsonObject

_LONGEST_LINE: Final = 256 * 1024 * 1024
#: How many runs the process is given before the first of them is looked at.
_AHEAD: Final = 16
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
        return await self._reply(await self._give(order, given), order)

    async def run_each(self, given: Iterable[JsonObject]) -> AsyncIterator[Any]:
        """Yield what each run did, in their order; the next runs are made while one is looked at.

        Raises as `ask` does. Nothing else may be asked before the last one.
        """
        numbers: deque[int] = deque()
        for one in given:
            numbers.append(await self._give("run", one))
            if len(numbers) > _AHEAD:
                yield await self._reply(numbers.popleft(), "run")
        while numbers:
            yield await self._reply(numbers.popleft(), "run")

    async def _give(self, order: str, given: JsonObject) -> int:
        """Write an order, and return its number."""
        process = self._process
        if process is None or process.stdin is None:
            raise ActionsError("the process of the published destinations has not been started")
        self._number += 1
        line = json.dumps({"id": self._number, "do": order, **given}, default=str)
        with contextlib.suppress(ConnectionError):  # the reply says what the process ended with
            process.stdin.write(f"{line}\n".encode())
            await process.stdin.drain()
        return self._number

    async def _reply(self, number: int, order: str) -> Any:
        """Return the reply to the order of a number; those that nobody waited for are passed over."""
        found: Any = {}
        while found.get("id") != number:
            line = b""
            if self._process is not None and self._process.stdout is not None:
                with contextlib.suppress(ConnectionError):
                    line = await self._process.stdout.readline()
            if not line:
                raise ActionsError(f"node ended before it replied to {order!r}: {await self._last_words()}")
            found = json.loads(line)
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
