"""Threads for an event loop's blocking calls, name resolution above all, that work until the process ends."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    _Call: TypeAlias = "tuple[Future[Any], Callable[[], Any]]"
    _T = TypeVar("_T")

#: Started at once: while the interpreter exits, Python 3.12 and later start no threads.
_FIRST: Final = 2
_MOST: Final = 16


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
                    result = function()
                except BaseException as error:  # noqa: BLE001 - as every executor, it hands on whatever came
                    future.set_exception(error)
                else:
                    future.set_result(result)
            del future, function, call
            self._idle.release()
