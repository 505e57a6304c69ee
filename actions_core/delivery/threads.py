"""A thread for an event loop, and threads for its blocking calls, that work until the process ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from actions_core.errors import ActionsError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Coroutine

    _Call: TypeAlias = "tuple[Future[Any], Callable[[], Any]]"
    _T = TypeVar("_T")

#: Started at once: while the interpreter exits, Python 3.12 and later start no threads.
_FIRST: Final = 2
_MOST: Final = 16
#: Seconds that a fork waits at most for calls in progress.
_FORK_WAITS: Final = 1.0


class _CallsInProgress:
    """Counts the calls of threads, and has a fork wait until there are none.

    To resolve a name takes locks of the C library. A fork meanwhile would leave them locked in the child,
    which could never resolve one.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._wait, after_in_parent=self._go_on, after_in_child=self._start_anew
            )

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def _wait(self) -> None:
        self._changed.acquire()  # until the fork is over: no call begins meanwhile
        self._changed.wait_for(lambda: self._count <= 0, _FORK_WAITS)

    def _go_on(self) -> None:
        with contextlib.suppress(RuntimeError):  # Ctrl-C came before it was acquired
            self._changed.release()

    def _start_anew(self) -> None:
        self._changed = threading.Condition()
        self._count = 0


_CALLS: Final = _CallsInProgress()


class LastingThreads(ThreadPoolExecutor):
    """An executor of daemon threads that `concurrent.futures` does not stop when the main thread ends.

    It is a `ThreadPoolExecutor` by name only, because an event loop takes no other.
    """

    def __init__(self, name: str) -> None:
        super().__init__(max_workers=1)
        self._name = name
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._started = 0
        for _ in range(_FIRST):
            self._start()
            self._idle.release()

    def submit(self, function: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Have a thread call the function."""
        future: Future[_T] = Future()
        self._calls.put((future, lambda: function(*args, **kwargs)))
        if not self._idle.acquire(blocking=False) and self._started < _MOST:
            with contextlib.suppress(RuntimeError):  # the interpreter exits: those that run have to do
                self._start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as the base class has it
        """End the threads after what they have been given."""
        del wait, cancel_futures
        for _ in range(self._started):
            self._calls.put(None)

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self._name} {self._started}", daemon=True)
        thread.start()
        self._started += 1

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            future, function = call
            if future.set_running_or_notify_cancel():
                try:
                    with _CALLS:
                        result = function()
                except BaseException as error:  # noqa: BLE001 - as every executor, it hands on whatever came
                    future.set_exception(error)
                else:
                    future.set_result(result)
            del future, function, call
            self._idle.release()


class LoopThread:
    """An event loop in a daemon thread, which starts at once and which no exception ends, only `stop`.

    `at_end` is called in the thread when the event loop is closed. Raises `RuntimeError` where no thread can
    be started any more.
    """

    def __init__(self, logger: logging.Logger, at_end: Callable[[], None]) -> None:
        self._logger = logger
        self._at_end = at_end
        self._tasks: set[asyncio.Task[Any]] = set()  # held here, since the event loop holds tasks weakly
        self.ended = threading.Event()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="actions-core", daemon=True)
        try:
            self.loop.set_default_executor(LastingThreads("actions-core resolver"))
            self._thread.start()
        except RuntimeError:
            self.loop.close()
            raise

    @property
    def is_current(self) -> bool:
        """True in this thread."""
        return threading.get_ident() == self._thread.ident

    def refuse_current(self, what: str) -> None:
        """Raise `ActionsError` where this thread would wait for itself."""
        if self.is_current:
            raise ActionsError(
                f"{what} waits for the thread of the engine, and was called in it (by a handler or "
                "on_result); post does not wait",
                code="WRONG_THREAD",
            )

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine as a task; called in this thread."""
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def others(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that are not done, but for the one that asks; called in this thread."""
        own = asyncio.current_task()
        return [task for task in self._tasks if task is not own]

    def stop(self) -> None:
        """End the thread; called in it."""
        self.loop.stop()

    def join(self, timeout: float) -> bool:
        """Wait until the thread has ended; return False where it has not within `timeout` seconds."""
        if not self.ended.wait(timeout):
            return False
        self._thread.join(timeout)
        return True

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            while not self._left_loop():
                self._logger.error(
                    "the event loop was left by an exception that a handler raised; it goes on"
                )
        finally:
            with contextlib.suppress(Exception):
                self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()
            self.ended.set()
            self._at_end()

    def _left_loop(self) -> bool:
        """Run until the loop is stopped; return False if an exception ended it, as SystemExit does."""
        try:
            self.loop.run_forever()
        except BaseException:  # nothing that a handler raises may end deliveries
            self._logger.debug("the exception that left the event loop", exc_info=True)
            return False
        return True
