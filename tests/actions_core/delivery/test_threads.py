"""The executor that an event loop's blocking calls run on."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from actions_core.delivery.threads import _FIRST, _MOST, LastingThreads


@pytest.fixture
def threads() -> LastingThreads:
    """An executor."""
    made = LastingThreads("test")
    assert isinstance(made, ThreadPoolExecutor), "or an event loop would not take it"
    return made


def test_results_and_errors(threads: LastingThreads) -> None:
    """A call's result or exception, whatever it is, reaches its future; what was cancelled is not called."""
    assert threads.submit(divmod, 7, 2).result(5) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 7, 0).result(5)
    with pytest.raises(SystemExit):
        threads.submit(exit).result(5)
    gate = threading.Event()
    blocked = [threads.submit(gate.wait, 5) for _ in range(_MOST)]
    called: list[int] = []
    late = threads.submit(called.append, 1)
    assert late.cancel()
    gate.set()
    assert all(future.result(5) for future in blocked)
    assert threads.submit(len, called).result(5) == 0
    threads.shutdown()


def test_threads_are_started_as_they_are_needed_and_end(threads: LastingThreads) -> None:
    """Some threads run from the start, more when calls wait, never more than the limit; all end at last."""
    assert threads._started == _FIRST
    for _ in range(20):
        threads.submit(int).result(5)
        time.sleep(0.001)
    assert threads._started == _FIRST
    gate = threading.Event()
    futures = [threads.submit(gate.wait, 5) for _ in range(2 * _MOST)]
    assert threads._started == _MOST
    gate.set()
    assert all(future.result(5) for future in futures)
    running = [thread for thread in threading.enumerate() if thread.name.startswith("test ")]
    assert len(running) == _MOST
    assert all(thread.daemon for thread in running)
    threads.shutdown()
    for thread in running:
        thread.join(5)
        assert not thread.is_alive()


FORK = """
import os, threading
from actions_core.delivery import threads

threads._FORK_WAITS = {waits}
calls = threads.LastingThreads("test")
begun, go_on = threading.Event(), threading.Event()
call = calls.submit(lambda: (begun.set(), go_on.wait({holds})))
begun.wait()
child = os.fork()
state = "done" if call.done() else "not done"
if child == 0:
    again = threads.LastingThreads("child")
    print(again.submit(lambda: "the child has calls of its own").result(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(state, flush=True)
go_on.set()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
@pytest.mark.parametrize(("waits", "holds", "state"), [(60, 0.3, "done"), (0.05, 60, "not done")])
def test_a_fork_waits_for_calls(waits: float, holds: float, state: str) -> None:
    """No child gets a lock of the C library that a call holds: the fork waits for its end, not for ever."""
    program = FORK.format(waits=waits, holds=holds)
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.splitlines() == ["the child has calls of its own", state]
