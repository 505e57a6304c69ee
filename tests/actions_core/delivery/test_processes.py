"""BackgroundEngine in real processes: forks, ends of all kinds, and a server under load.

The first one, and what is spawned, are Pythons of their own; the others have the library imported already.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_fullstory.sandbox import FullStorySandbox

    Run = Callable[..., subprocess.CompletedProcess[str]]

CAN_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")


def names(stand_in: FullStorySandbox) -> Counter[str]:
    """The names of the events that arrived."""
    return Counter(str(event["name"]) for event in stand_in.events)


def check(run: subprocess.CompletedProcess[str]) -> None:
    """The program ended well and said nothing that it should not."""
    assert (run.returncode, run.stderr) == (0, "")


def test_a_script_that_ends_without_close(program: Run, stand_in: FullStorySandbox) -> None:
    """What was posted is delivered although the script ends at once, and names are resolved then."""
    check(
        program(
            """
engine = BackgroundEngine(WORKSPACE)
for number in range(20):
    engine.track("u", f"Event {number}")
""",
            anew=True,
        )
    )
    assert sum(names(stand_in).values()) == 20


def test_a_script_that_uses_nothing(program: Run) -> None:
    """An engine that was made and not used leaves nothing behind and holds nothing up."""
    check(program("BackgroundEngine(WORKSPACE)"))


@pytest.mark.parametrize("end", ["sys.exit(3)", "raise ValueError('as told')", "os.kill(os.getpid(), 2)"])
def test_other_ends(program: Run, stand_in: FullStorySandbox, end: str) -> None:
    """What was posted is delivered also when the program exits, fails or is interrupted."""
    run = program(f"BackgroundEngine(WORKSPACE).track('u', 'Event')\n{end}\n")
    assert run.returncode != 0
    assert names(stand_in) == {"Event": 1}


def test_ctrl_c_while_a_block_runs(program: Run, stand_in: FullStorySandbox) -> None:
    """Ctrl-C in the main thread ends the block, and what was posted before is delivered."""
    run = program(
        """
with BackgroundEngine(WORKSPACE) as engine:
    for number in range(50):
        engine.track("u", f"Event {number}")
    threading.Timer(0.05, lambda: os.kill(os.getpid(), 2)).start()
    time.sleep(30)
"""
    )
    assert "KeyboardInterrupt" in run.stderr
    assert sum(names(stand_in).values()) == 50


def test_threads_that_outlive_the_main_thread(program: Run, stand_in: FullStorySandbox) -> None:
    """Threads and pools may go on posting after the main thread has ended: all of it is delivered."""
    check(
        program(
            """
from concurrent.futures import ThreadPoolExecutor
engine = BackgroundEngine(WORKSPACE)
pool = ThreadPoolExecutor(2)

def late(name):
    time.sleep(0.3)
    engine.track("u", name)

for number in range(3):
    threading.Thread(target=late, args=(f"thread {number}",)).start()
    pool.submit(late, f"pool {number}")
engine.track("u", "main")
"""
        )
    )
    expected = {f"{kind} {number}" for kind in ("thread", "pool") for number in range(3)} | {"main"}
    assert names(stand_in) == dict.fromkeys(expected, 1)


def test_a_thread_that_posts_first_when_the_main_thread_has_ended(
    program: Run, stand_in: FullStorySandbox
) -> None:
    """An engine may be used first when the main thread has ended, or says that it is too late for that."""
    run = program(
        """
from actions_core import ActionsError
engine = BackgroundEngine(WORKSPACE)
def late():
    threading.main_thread().join()
    try:
        engine.track("u", "late")
    except ActionsError as error:
        print(error.code)
threading.Thread(target=late).start()
"""
    )
    check(run)
    assert names(stand_in) == {"late": 1} or run.stdout == "ENGINE_CLOSED\n"


def test_the_exit_has_a_limit(program: Run, stand_in: FullStorySandbox) -> None:
    """A destination that does not answer holds up the end of the program for `exit_timeout` and a little."""
    stand_in.fail(delay=30, times=10)
    run = program(
        """
engine = BackgroundEngine(WORKSPACE, exit_timeout=0.2)
engine.track("u", "Event")
started = time.monotonic()
import atexit
atexit.register(lambda: print(time.monotonic() - started < 10))
"""
    )
    assert run.returncode == 0
    assert run.stdout == "True\n"
    assert "1 event was not delivered within " in run.stderr


@CAN_FORK
def test_forks(program: Run, stand_in: FullStorySandbox) -> None:
    """Before and after the first use, a fork gets an engine of its own, and no event is sent twice."""
    check(
        program(
            """
engine = BackgroundEngine(WORKSPACE)

def fork(name, leave):
    pid = os.fork()
    if pid:
        return pid
    engine.track("u", name)
    leave()

def close():
    assert engine.close()
    os._exit(0)

children = [fork("before, exit", sys.exit), fork("before, close", close)]
for number in range(30):
    engine.track("u", f"parent {number}")
children += [fork("after, exit", sys.exit), fork("after, close", close)]
grandchild = os.fork()
if not grandchild:
    children = [fork("grandchild", sys.exit)]
    engine.track("u", "child")
    assert os.waitpid(children[0], 0)[1] == 0
    sys.exit()
children.append(grandchild)
for number in range(30, 60):
    engine.track("u", f"parent {number}")
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 5
engine.track("u", "at last")
"""
        )
    )
    children = {"before, exit", "before, close", "after, exit", "after, close", "child", "grandchild"}
    expected = children | {f"parent {number}" for number in range(60)} | {"at last"}
    assert names(stand_in) == dict.fromkeys(expected, 1)


@CAN_FORK
def test_forks_while_threads_post(program: Run, stand_in: FullStorySandbox) -> None:
    """A fork at any moment, with other threads within `post`, works, in the child and in the parent."""
    check(
        program(
            """
engine = BackgroundEngine(WORKSPACE, when_full="wait")
stop = False
counts = [0] * 4

def post(number):
    while not stop:
        engine.post({"type": "track", "event": "parent", "userId": "u"})
        counts[number] += 1
        time.sleep(0.002)

threads = [threading.Thread(target=post, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
for number in range(10):
    pid = os.fork()
    if not pid:
        engine.track("u", "child")
        os._exit(0 if engine.flush(20) else 1)
    assert os.waitpid(pid, 0)[1] == 0
stop = True
for thread in threads:
    thread.join()
assert engine.close()
print(sum(counts))
"""
        )
    )
    found = names(stand_in)
    assert found["child"] == 10
    assert found["parent"] > 0


@pytest.mark.parametrize("method", [pytest.param("fork", marks=CAN_FORK), "spawn"])
def test_multiprocessing(program: Run, stand_in: FullStorySandbox, method: str) -> None:
    """Children of multiprocessing flush when they end, forked or spawned, with or without a use before."""
    count = 2 if method == "fork" else 1  # to spawn takes a while
    run = program(
        f"""
import multiprocessing
engine = BackgroundEngine(WORKSPACE)

def child(name):
    engine.track("u", name)

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    for name in ("before", "after"):
        processes = [context.Process(target=child, args=(f"{{name}} {{n}}",)) for n in range({count})]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
            assert process.exitcode == 0
        engine.track("u", name)
"""
    )
    check(run)
    children = {f"{name} {number}" for name in ("before", "after") for number in range(count)}
    assert names(stand_in) == dict.fromkeys(children | {"before", "after"}, 1)


def test_a_threaded_server_under_load(program: Run, stand_in: FullStorySandbox) -> None:
    """A WSGI server with a thread for each request, 16 clients at once: every request's event arrives."""
    check(
        program(
            """
from concurrent.futures import ThreadPoolExecutor
from socketserver import ThreadingMixIn
from urllib.request import urlopen
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

engine = BackgroundEngine(WORKSPACE)

def application(environ, start_response):
    engine.track("u", environ["PATH_INFO"].strip("/"), {"query": environ["QUERY_STRING"]})
    start_response("204 No Content", [])
    return []

class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 100

class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass

def visit(number):
    with urlopen(f"http://127.0.0.1:{server.server_port}/visit-{number}?a=1") as response:
        assert response.status == 204

server = make_server("127.0.0.1", 0, application, Server, Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
with ThreadPoolExecutor(16) as clients:
    list(clients.map(visit, range(600)))
server.shutdown()
server.server_close()
"""
        )
    )
    assert names(stand_in) == {f"visit-{number}": 1 for number in range(600)}


def test_sixteen_threads(program: Run, stand_in: FullStorySandbox) -> None:
    """16 threads post as fast as they can to a real server; every event is told of, and arrives once."""
    run = program(
        """
from collections import Counter
told = Counter()
with BackgroundEngine(WORKSPACE, when_full="wait", max_queue=1000,
                      on_result=lambda result: told.update([str(result.status)])) as engine:
    def post(number):
        for turn in range(100):
            engine.track("u", f"{number}-{turn}")
    threads = [threading.Thread(target=post, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(told["sent"])
"""
    )
    check(run)
    assert run.stdout == "1600\n"
    assert names(stand_in) == {f"{number}-{turn}": 1 for number in range(16) for turn in range(100)}
