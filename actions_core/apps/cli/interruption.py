"""The way that signals end what a command does.

The first stops it and gives what is in progress its time, the second ends that time. After both, everything
has an outcome. Only the third cancels the command, in case a handler does not end.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any, Final

from actions_core.apps.cli.output import stderr

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Ctrl-C and SIGTERM for the task that makes it.

    `stop` is called at each signal and takes nothing new; `close` is given the seconds that what is in
    progress has to finish, none at the second signal. `what` is in progress, in words, for people or for
    whoever `say` tells.
    """

    def __init__(
        self,
        stop: Callable[[], None],
        close: Callable[[float], Coroutine[Any, Any, None]],
        grace: float,
        *,
        what: str = "events",
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._stop = stop
        self._close = close
        self._grace = grace
        self._what = what
        self._say = _print if say is None else say
        self._run = asyncio.current_task()
        self._closing: list[asyncio.Task[None]] = []
        #: The number of the first signal.
        self.number: int | None = None

    @property
    def happened(self) -> bool:
        """Whether there was a signal."""
        return bool(self._closing)

    @contextlib.contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Handle the signals while the context is entered, then restore their handlers."""
        loop = asyncio.get_running_loop()
        before = [(number, signal.getsignal(number)) for number in _SIGNALS]
        for number in _SIGNALS:
            try:
                loop.add_signal_handler(number, self._on_signal, number)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda given, _: loop.call_soon_threadsafe(self._on_signal, given))
        try:
            yield
        except asyncio.CancelledError:
            if not self.happened or self._run is None:
                raise
            self._run.uncancel()
        finally:
            for number, handler in before:
                with contextlib.suppress(NotImplementedError):  # Windows, too
                    loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _on_signal(self, number: int) -> None:
        self.number = number if self.number is None else self.number
        self._stop()
        if len(self._closing) > 1:
            if self._run is not None:
                self._run.cancel()
            return
        grace = 0.0 if self._closing else self._grace
        if grace:
            line = (
                f"interrupted: {self._what} in progress have {grace:g} s to finish; interrupt again to end "
                "them now"
            )
            self._say(line)
        self._closing.append(asyncio.ensure_future(self._close(grace)))


def _print(line: str) -> None:
    stderr().print(line, soft_wrap=True)
