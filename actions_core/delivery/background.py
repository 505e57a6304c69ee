"""An engine for programs without an event loop: threads, forks, scripts."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import Future
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self, Unpack

from actions_core.delivery.at_exit import WATCH
from actions_core.delivery.memory import MemoryBackend, closed
from actions_core.delivery.segment_calls import SegmentCalls
from actions_core.engine import Engine
from actions_core.engine.workspace import Workspace
from actions_core.errors import ActionsError, DefinitionError, Problem, WorkspaceError
from actions_core.values.events import ADDED_BYTES, MAX_EVENT_BYTES, check_event

if TYPE_CHECKING:
    from types import TracebackType

    from actions_core.delivery.backend import Backend
    from actions_core.delivery.memory import WhenFull
    from actions_core.engine.options import Options
    from actions_core.engine.results import Report
    from actions_core.values.types import JsonObject

_LOGGER = logging.getLogger("actions_core")
_MAX_QUEUE: Final = 10_000
_CLOSE_TIMEOUT: Final = 30.0
_EXIT_TIMEOUT: Final = 10.0


class ReportTimeoutError(ActionsError, TimeoutError):
    """No report came within the time that `send` was given; the event may yet be delivered."""

    default_code = "TIMEOUT"
    default_retryable = True


class _Home:
    """What belongs to one process: after a fork, the child makes its own."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.backend: Backend | None = None


class BackgroundEngine(SegmentCalls):
    """Runs an `Engine` in a thread of its own, for programs without an event loop.

    The thread starts with the first event, in each process by itself: make one `BackgroundEngine` when the
    program is loaded, and use it from all threads, before and after forks. `workspace` is a `Workspace` or
    the path of its file; `options` are those of `Engine`. `on_result` and the other functions among them are
    called in the engine's thread.

    At most `max_queue` events are accepted and not yet done. When there are that many, `post` raises an
    `ActionsError` with the code `QUEUE_FULL`, or waits if `when_full` is "wait". What is accepted and not
    delivered when the program ends is delivered then, for at most `exit_timeout` seconds; but not in a
    process that leaves by `os._exit` or is killed by a signal.

    Where the workspace has an outbox, events are on disk when `post` returns, and nothing that is accepted
    is lost: what is not delivered when the program ends, the next one delivers that uses the same file.
    `post` raises `OutboxFullError` instead of `QUEUE_FULL`, or waits for space, and `OutboxError` where the
    file cannot be used; `max_queue` does not count. With `store_only` events are left to another process,
    such as `actions worker`.

    Raises `WorkspaceError` with every problem of the workspace.
    """

    def __init__(
        self,
        workspace: Workspace | str | os.PathLike[str],
        *,
        max_queue: int = _MAX_QUEUE,
        when_full: WhenFull = "raise",
        exit_timeout: float = _EXIT_TIMEOUT,
        store_only: bool = False,
        **options: Unpack[Options],
    ) -> None:
        _check_options(max_queue, when_full, exit_timeout)
        if not isinstance(workspace, Workspace):
            workspace = Workspace.from_file(os.fspath(workspace), lenient=True)
        if workspace.outbox is not None:
            # Here, so that no fork comes while another thread imports it.
            import actions_core.delivery.durable  # noqa: F401 - with SQLite, for those who have an outbox
        elif store_only:
            raise WorkspaceError(
                f'{workspace.source} has no outbox to store events in: give it one, such as "outbox": '
                '"events.db", or leave out store_only'
            )
        self._workspace = workspace
        self._max_queue = max_queue
        self._when_full = when_full
        self._exit_timeout = exit_timeout
        self._store_only = store_only
        self._max_event_bytes = options.get("max_event_bytes", MAX_EVENT_BYTES)
        # What is accepted here has grown by an id and times when the engine takes it.
        options["max_event_bytes"] = self._max_event_bytes + ADDED_BYTES
        self._options = options
        self._logger = options.get("logger", _LOGGER)
        self._closed = False
        # One home for each process, by the number of forks before it: `setdefault` needs no lock, which might
        # be held by another thread just when a fork happens.
        self._homes: dict[int, _Home] = {}
        if options.get("transport") is None:
            _load_network()
        # Made here, so that a faulty workspace refuses the start. The first process to deliver uses it.
        self._unused: Engine | None = Engine(workspace, **options)
        if workspace.outbox is not None:
            from actions_core.delivery.routing import find_targets

            # What an outbox does not take, is said here too.
            find_targets(self._unused.workspace, self._unused.instances.values())

    def __repr__(self) -> str:
        return f"<BackgroundEngine {self._workspace.source}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pending(self) -> int:
        """How many events this process has accepted that are not done; with an outbox, not yet stored."""
        backend = self._home.backend
        return 0 if backend is None else backend.pending

    def post(self, event: object, *, timeout: float | None = None) -> str:
        """Accept an event, to be delivered soon, and return its `messageId`.

        The event is checked and copied at once: raises `EventError` when it is no event. What becomes of it,
        `on_result` is told; failures are logged. If the queue is full and `when_full` is "wait", waits for at
        most `timeout` seconds. Raises `ActionsError` with the code `QUEUE_FULL` or `ENGINE_CLOSED`, with an
        outbox `OutboxError`: the event is not accepted then.
        """
        accepted = self._accepted(event)
        self._backend().post(accepted, made_id=_lacks_id(event), timeout=timeout)
        message_id: str = accepted["messageId"]
        return message_id

    def send(self, event: object, timeout: float | None = None) -> Report:
        """Deliver an event, wait, and return the report. It does not go through an outbox.

        Raises what `post` raises, and `TimeoutError` (an `ActionsError` with the code `TIMEOUT`) when there
        is no report after `timeout` seconds; the delivery goes on, and `on_result` is told of its end.
        """
        accepted = self._accepted(event)
        until = None if timeout is None else monotonic() + timeout
        report: Future[Report] = Future()
        self._backend().send(accepted, report, timeout=timeout)
        try:
            return report.result(None if until is None else max(0.0, until - monotonic()))
        except TimeoutError as error:
            if report.done():
                raise
            raise ReportTimeoutError(
                f"no report of event {accepted['messageId']} after {timeout:g} s; its delivery goes on"
            ) from error

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until every event that was accepted before is done; return False if `timeout` came first.

        With an outbox, waits until nothing in it is due. What waits for a later try does not count.
        """
        backend = self._home.backend
        return True if backend is None else backend.flush(timeout)

    def close(self, timeout: float = _CLOSE_TIMEOUT) -> bool:
        """Accept no more events, deliver those that were accepted, and end the thread.

        What is not delivered after `timeout` seconds is interrupted: its results say so, and the number is
        logged. Returns whether there was nothing of the kind. With an outbox it is not lost: it stays there.
        To close again does nothing.
        """
        home = self._home
        with home.lock:
            backend = home.backend
            if backend is None:
                self._closed = True
                return True
        done = backend.close(timeout)
        self._closed = True  # for children, too
        WATCH.discard(backend)
        return done

    @property
    def _home(self) -> _Home:
        return self._homes.get(WATCH.generation) or self._homes.setdefault(WATCH.generation, _Home())

    def _backend(self) -> Backend:
        home = self._home
        backend = home.backend
        if backend is not None:
            return backend
        with home.lock:
            if home.backend is None:
                if self._closed:
                    raise closed()
                made = self._start()
                if home.backend is None:
                    home.backend = made
                else:  # a signal's handler posted meanwhile, in this thread, and has started one
                    WATCH.discard(made)
                    made.close(0)
            return home.backend

    def _start(self) -> Backend:
        engine, self._unused = self._unused, None
        if engine is None:
            engine = Engine(self._workspace, **self._options)
        try:
            backend = self._make_backend(engine)
            try:
                WATCH.add(backend, self._exit_timeout)
            except RuntimeError:
                backend.close(0)
                raise
        except RuntimeError as error:
            raise ActionsError(
                f"the process is exiting, so that no thread can be started any more: {error}",
                code="ENGINE_CLOSED",
            ) from error
        return backend

    def _make_backend(self, engine: Engine) -> Backend:
        if self._workspace.outbox is None:
            return MemoryBackend(
                engine, max_queue=self._max_queue, when_full=self._when_full, logger=self._logger
            )
        from actions_core.delivery.durable import DurableBackend

        return DurableBackend(
            engine, store_only=self._store_only, when_full=self._when_full, logger=self._logger
        )

    def _accepted(self, event: object) -> JsonObject:
        return check_event(event, max_bytes=self._max_event_bytes)


def _lacks_id(event: object) -> bool:
    given = event.get("messageId") if isinstance(event, dict) else getattr(event, "messageId", None)
    return given is None or given == ""


def _load_network() -> None:
    """Import what deliveries need in this thread, before there are others.

    A fork while another thread imports a module leaves that module's lock locked in the child for good, or
    half of the module there.
    """
    import difflib  # noqa: F401 - for the words of errors
    import email.utils  # noqa: F401 - for the dates of responses
    import encodings.idna  # noqa: F401 - for names of hosts
    import uuid  # noqa: F401 - for events without an id

    import actions_core.http.transport.http  # noqa: F401 - all of aiohttp


def _check_options(max_queue: Any, when_full: Any, exit_timeout: Any) -> None:
    problems = []
    if not isinstance(max_queue, int) or isinstance(max_queue, bool) or max_queue < 1:
        problems.append(Problem("max_queue", f"must be an integer of at least 1, but it is {max_queue!r}"))
    if when_full not in ("raise", "wait"):
        problems.append(Problem("when_full", f'must be "raise" or "wait", but it is {when_full!r}'))
    if not isinstance(exit_timeout, int | float) or not exit_timeout >= 0:
        problems.append(
            Problem("exit_timeout", f"must be a number of seconds from 0, but it is {exit_timeout!r}")
        )
    if problems:
        raise DefinitionError("the options of BackgroundEngine are faulty:", problems=problems)
