"""Flushing when the process ends, for whatever was not closed before.

It is too late for that in `atexit`: by then `concurrent.futures` has stopped all executors, and names can no
longer be resolved on them. So there are two moments:

- when the main thread ends, backends are flushed while everything works still (`threading._register_atexit`,
  which calls in reverse order, so that this comes before the end of the executors);
- other threads may go on posting then. A watcher, which the interpreter waits for as for every thread that is
  not a daemon, waits for them and closes the backends.

Both happen in forked children too, also in those of `multiprocessing`. A child has its own backends only;
what it inherited is kept as it is, because to destroy it would reach into the parent's sockets and selectors.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - so that its hook is registered before ours and runs after it
import contextlib
import os
import threading
from time import monotonic
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from actions_core.delivery.backend import Backend


@attrs.define
class _Time:
    """The seconds that a backend may still take when the process ends, and those that it took."""

    left: float
    taken: float = 0.0


class Watch:
    """The backends of this process that have to be flushed when it ends."""

    def __init__(self) -> None:
        #: How many forks lie between the first process and this one.
        self.generation = 0
        self._abandoned: list[object] = []
        self._hooked = False
        self._lock = threading.RLock()
        self._backends: dict[Backend, _Time] = {}
        self._watchers: set[threading.Thread] = set()  # a signal's handler may make a second one
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def add(self, backend: Backend, timeout: float) -> None:
        """Flush the backend when the process ends, for at most `timeout` seconds."""
        with self._lock:
            self._backends[backend] = _Time(timeout)
            if not self._hooked:
                self._hooked = True
                # A private name that has been there since 3.9; without it, the watcher still closes in time
                # for everything that needs no executor.
                register = getattr(threading, "_register_atexit", None)
                if register is not None:
                    with contextlib.suppress(RuntimeError):  # the main thread has ended already
                        register(self._flush)
            if not self._watchers:
                watcher = threading.Thread(
                    target=self._wait_and_close, name="actions-core exit", daemon=False
                )
                self._watchers.add(watcher)
                try:
                    watcher.start()
                except RuntimeError:
                    self._watchers.discard(watcher)
                    raise

    def discard(self, backend: Backend) -> None:
        """Forget a backend that was closed."""
        with self._lock:
            self._backends.pop(backend, None)

    def _after_fork(self) -> None:
        self.generation += 1
        self._abandoned.append(self._backends)
        self._lock = threading.RLock()
        self._backends = {}
        self._watchers = set()

    def _remaining(self) -> list[tuple[Backend, _Time]]:
        with self._lock:
            return list(self._backends.items())

    def _flush(self) -> None:
        started = monotonic()
        for backend, time in self._remaining():
            begun = monotonic()
            left = max(0.0, time.left - (begun - started))
            if not backend.flush(left):
                time.left, time.taken = 0.0, monotonic() - begun

    def _wait_and_close(self) -> None:
        threading.main_thread().join()
        while others := [thread for thread in threading.enumerate() if self._is_waited_for(thread)]:
            for thread in others:
                thread.join()
        started = monotonic()
        for backend, time in self._remaining():
            backend.close(max(0.0, time.left - (monotonic() - started)), waited=time.taken)

    def _is_waited_for(self, thread: threading.Thread) -> bool:
        return not (thread.daemon or thread is threading.main_thread() or thread in self._watchers)


WATCH = Watch()
