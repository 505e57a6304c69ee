"""Events are kept in an outbox, and an event loop in a thread of its own delivers them from there."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import actions_core.http.curl  # noqa: F401 - what is kept of deliveries needs it: no import while a fork may come
from actions_core.delivery.callers import CheckedEvent
from actions_core.delivery.errors import OutboxError, OutboxFullError
from actions_core.delivery.memory import closed
from actions_core.delivery.outbox import Outbox
from actions_core.delivery.threads import LoopThread
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    import logging
    from collections.abc import Coroutine

    from actions_core.delivery.memory import WhenFull
    from actions_core.engine import Engine
    from actions_core.engine.results import Report
    from actions_core.values.types import JsonObject

#: How long requests in progress get, in seconds, when the time to flush is up.
_LAST_REQUESTS: Final = 5.0
#: More than an outbox takes to close, whatever its handlers do short of blocking the thread.
_OUTBOX_CLOSES: Final = _LAST_REQUESTS + 35.0
#: Seconds until a full outbox is tried again, for a caller that waits.
_SPACE: Final = 0.1


class DurableBackend:
    """Keeps events in the outbox of the engine's workspace; `post` returns when an event is on disk.

    They are delivered in a thread of its own, by this process or any other with the same file; with
    `store_only` by others alone. What is `pending` is not on disk yet, or a `send` in progress.

    Raises `OutboxError` where the outbox cannot be opened.
    """

    def __init__(
        self, engine: Engine, *, store_only: bool, when_full: WhenFull, logger: logging.Logger
    ) -> None:
        self._outbox = Outbox(engine, store_only=store_only)
        self._store_only = store_only
        self._when_full = when_full
        self._logger = logger
        self._lock = threading.RLock()  # a signal's handler may close while this thread posts
        self._waiting: set[Future[Any]] = set()
        self._sends: set[asyncio.Task[None]] = set()
        self._closing = False
        self._ending = self._flushed = False
        self._left = 0
        self._broken = ""
        self._thread = LoopThread(logger, self._fail_waiting)
        try:
            self._call(self._outbox.open()).result()
        except BaseException:  # Ctrl-C, too
            self._closing = True
            self._thread.loop.call_soon_threadsafe(self._start_ending)
            self._thread.join(_OUTBOX_CLOSES)
            raise

    @property
    def pending(self) -> int:
        """How many events are not on disk yet, or sent past the outbox and not done."""
        return len(self._waiting)

    def post(self, event: JsonObject, *, made_id: bool = False, timeout: float | None = None) -> None:
        """Accept an event: return when it is on disk.

        Raises `OutboxFullError` when there is no space (after up to `timeout` seconds, if `when_full` is
        "wait"), `OutboxError` when the file cannot be used, and `ActionsError` with the code `ENGINE_CLOSED`.
        """
        if self._closing:
            raise closed()
        until = None if timeout is None else monotonic() + timeout
        if self._thread.is_current:
            self._store_here(event, made_id=made_id)
        else:
            self._call(self._store(event, until, made_id=made_id)).result()

    def send(self, event: JsonObject, report: Future[Report], *, timeout: float | None = None) -> None:
        """Deliver an event past the outbox; `report` is told what became of it."""
        del timeout  # there is no queue to wait for
        self._thread.refuse_current("send")
        if self._closing:
            raise closed()
        self._call(self._send(event), report)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until nothing in the outbox is due; return False if time ran out, or the file is lost."""
        self._thread.refuse_current("flush")
        if self._store_only and not self._sends:
            return True
        try:
            flushed = self._call(self._flush())
        except ActionsError:  # it has ended
            return self._has_left_nothing
        try:
            done: bool = flushed.result(timeout)
        except TimeoutError:
            flushed.cancel()
            return False
        except ActionsError:
            return self._has_left_nothing
        return done

    def close(self, timeout: float, *, waited: float = 0.0) -> bool:
        """Accept nothing more, flush, and end the thread; return False if something due was left."""
        self._thread.refuse_current("close")
        with self._lock:
            first, self._closing = not self._closing, True
        if not first:
            self._thread.ended.wait(timeout + _OUTBOX_CLOSES)
            return self._has_left_nothing
        try:
            self._flushed = self.flush(timeout)
        finally:  # also when Ctrl-C ends the waiting
            self._thread.loop.call_soon_threadsafe(self._start_ending)
        if not self._thread.join(_OUTBOX_CLOSES):
            self._logger.error("a handler or listener blocks the thread of the engine; it is left behind")
        if self._broken:
            self._logger.error(
                "what was in the outbox may be lost: %s: %s", self._outbox.spec.path, self._broken
            )
        if self._left:
            deliveries = "1 delivery" if self._left == 1 else f"{self._left:,} deliveries"
            self._logger.warning(
                "%s still waited %g s after closing; nothing is lost: %s keeps what is not delivered",
                deliveries,
                round(timeout + waited, 1),
                self._outbox.spec.path,
            )
        return self._has_left_nothing

    @property
    def _has_left_nothing(self) -> bool:
        return not (self._left or self._broken)

    def _call(self, work: Coroutine[Any, Any, Any], told: Future[Any] | None = None) -> Future[Any]:
        """Have the thread do some work; return a future, which `told` is if given, of its outcome."""
        future: Future[Any] = Future() if told is None else told
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        try:
            self._thread.loop.call_soon_threadsafe(self._start, work, future)
        except RuntimeError:  # the event loop is closed
            work.close()
            self._waiting.discard(future)
            raise closed() from None
        return future

    # From here on everything runs in the engine's thread.

    def _start(self, work: Coroutine[Any, Any, Any], future: Future[Any]) -> None:
        task = self._thread.start(work)

        def stop(_: object) -> None:
            with suppress(RuntimeError):  # the event loop is closed
                self._thread.loop.call_soon_threadsafe(task.cancel)

        def tell(_: object) -> None:
            error = closed() if task.cancelled() else task.exception()
            with suppress(InvalidStateError):  # whoever waited has gone
                if error is None:
                    future.set_result(task.result())
                elif isinstance(error, Exception):
                    future.set_exception(error)
                else:
                    future.set_exception(ActionsError(f"the delivery raised {type(error).__name__}"))

        future.add_done_callback(lambda done: stop(done) if done.cancelled() else None)
        task.add_done_callback(tell)

    async def _store(self, event: JsonObject, until: float | None, *, made_id: bool) -> None:
        while True:
            try:
                await self._outbox.enqueue_checked([CheckedEvent(event, made_id)])
            except OutboxFullError:
                if self._when_full == "raise" or (until is not None and monotonic() >= until):
                    raise
                await asyncio.sleep(_SPACE)
            else:
                return

    def _store_here(self, event: JsonObject, *, made_id: bool) -> None:
        """Store an event that a handler or listener posts, in the thread that must not wait for itself."""
        self._outbox.store_at_once(CheckedEvent(event, made_id))

    async def _send(self, event: JsonObject) -> Report:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        self._sends.add(task)
        try:
            return await self._outbox.engine.send(event)
        finally:
            self._sends.discard(task)

    async def _flush(self) -> bool:
        if self._sends:
            await asyncio.wait(set(self._sends))
        if self._store_only:
            return True
        try:
            backlog = await self._outbox.drain()
        except OutboxError as error:
            if not self._ending:
                self._logger.error("what is in the outbox cannot be delivered: %s", error)  # noqa: TRY400 - its words say all
                return False
            return self._has_left_nothing
        left = sum([each.due + each.in_hand for each in backlog])
        return not (self._ending and left)

    def _start_ending(self) -> None:
        self._thread.start(self._end())

    async def _end(self) -> None:
        self._ending = True
        try:
            await self._outbox.stop(_LAST_REQUESTS)
            self._broken = self._outbox.closed
            with suppress(ActionsError):  # it was not opened, or is broken
                if not self._flushed:
                    self._left = sum([each.due + each.in_hand for each in await self._outbox.backlog()])
            await self._outbox.close(0.0)
            if self._sends:
                await asyncio.wait(set(self._sends), timeout=_LAST_REQUESTS)
            tasks = self._thread.others()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        except Exception:  # whatever it is, the thread must end
            self._logger.exception("the outbox could not be closed")
        finally:
            self._thread.stop()

    def _fail_waiting(self) -> None:
        """Tell those who still wait that nothing more comes."""
        for future in list(self._waiting):
            with suppress(InvalidStateError):
                future.set_exception(closed())
