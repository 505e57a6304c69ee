"""BackgroundEngine with an outbox: what is posted is on disk, in any thread, process and state."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from actions_core import ActionsError, BackgroundEngine, EventError, Status, Workspace, WorkspaceError
from actions_core.delivery.errors import OutboxError, OutboxFullError
from actions_core.delivery.file import FileOptions, FileStore
from actions_core.engine.workspace import OutboxSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions_fullstory.sandbox import FullStorySandbox
    from conftest import Bench

    Program = Callable[[str], subprocess.CompletedProcess[str]]

CAN_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def track(name: str, **more: Any) -> dict[str, Any]:
    """A track event whose name says what the handler does."""
    return {"type": "track", "event": name, "userId": "u", **more}


@pytest.fixture
def durable(bench: Bench, tmp_path: Path) -> Workspace:
    """The bench's workspace, with an outbox."""
    return attrs.evolve(bench.workspace, outbox=OutboxSpec(tmp_path / "events.db"))


def stored(workspace: Workspace) -> list[int]:
    """The numbers of deliveries that wait, are in hand, and are dead, once nobody has the file open."""
    assert workspace.outbox is not None
    store = FileStore.open(workspace.outbox.path, worker=False)
    try:
        backlog = store.backlog()
        waiting = sum([each.due + each.later for each in backlog])
        numbers = [waiting, sum([each.in_hand for each in backlog])]
        with store._connection.reading() as connection:
            return [*numbers, connection.execute("SELECT count(*) FROM dead").fetchone()[0]]
    finally:
        store.close()


def test_what_is_posted_is_delivered_and_told_of(bench: Bench, durable: Workspace) -> None:
    """`post` returns the messageId, the result reaches on_result, and the outbox is empty afterwards."""
    told: list[Any] = []
    with BackgroundEngine(durable, on_result=told.append, **bench.options) as engine:
        made, given = engine.post(track("Made")), engine.post(track("Given", messageId="m-1"))
        assert engine.flush(10)
        assert [str(result.status) for result in told] == ["sent", "sent"]
        assert engine.pending == 0
    assert {result.message_id for result in told} == {made, given}
    assert given == "m-1"
    assert stored(durable) == [0, 0, 0]


def test_an_event_is_on_disk_when_post_returns(bench: Bench, durable: Workspace) -> None:
    """Another process sees the event as soon as `post` has returned."""
    with BackgroundEngine(durable, store_only=True, **bench.options) as engine:
        for count in range(1, 4):
            engine.post(track("Stored"))
            assert durable.outbox is not None
            with sqlite3.connect(durable.outbox.path) as connection:
                assert connection.execute("SELECT count(*) FROM delivery").fetchone() == (count,)
            connection.close()
        assert engine.flush(0)
    assert bench.transport.requests == []
    assert stored(durable) == [3, 0, 0]


def test_what_was_stored_is_delivered_by_the_next(bench: Bench, durable: Workspace) -> None:
    """Events of one that only stores are delivered by one that does not."""
    with BackgroundEngine(durable, store_only=True, **bench.options) as engine:
        engine.post(track("Stored"))
    with BackgroundEngine(durable, **bench.options) as engine:
        engine.post(track("Posted"))
        assert engine.flush(10)
    assert sorted(request.json["name"] for request in bench.transport.requests) == ["Posted", "Stored"]


def test_store_only_needs_an_outbox(bench: Bench) -> None:
    """Where there is nothing to store in, the start is refused with what to do."""
    with pytest.raises(WorkspaceError, match="has no outbox to store events in"):
        BackgroundEngine(bench.workspace, store_only=True, **bench.options)


def test_a_workspace_that_an_outbox_refuses_is_refused_at_the_start(bench: Bench, durable: Workspace) -> None:
    """Two subscriptions of one name are found when the engine is made, not with the first event."""
    (spec,) = durable.destinations
    assert isinstance(spec.subscriptions, tuple)
    twice = attrs.evolve(spec, subscriptions=spec.subscriptions * 2)
    with pytest.raises(WorkspaceError, match="the name of another subscription"):
        BackgroundEngine(attrs.evolve(durable, destinations=(twice,)), **bench.options)


def test_what_is_not_accepted_raises(bench: Bench, durable: Workspace) -> None:
    """Faulty events, a closed engine and unusable files each raise their own error from `post`."""
    engine = BackgroundEngine(durable, **bench.options)
    with pytest.raises(EventError):
        engine.post({"type": "trick"})
    assert durable.outbox is not None
    durable.outbox.path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    for _ in range(2):
        with pytest.raises(OutboxError, match="not a database"):
            engine.post(track("Never"))
    durable.outbox.path.unlink()
    engine.post(track("Now"))
    assert engine.close()
    with pytest.raises(ActionsError, match="closed") as raised:
        engine.post(track("Late"))
    assert raised.value.code == "ENGINE_CLOSED"
    assert [request.json["name"] for request in bench.transport.requests] == ["Now"]


def test_a_full_outbox_raises_from_post(bench: Bench, durable: Workspace) -> None:
    """Without space nothing is accepted, at once or, with `when_full="wait"`, after the time to wait."""
    assert durable.outbox is not None
    full = attrs.evolve(durable, outbox=attrs.evolve(durable.outbox, most_bytes=300_000))
    event = track("Stored", properties={"text": "x" * 20_000})
    engine = BackgroundEngine(full, store_only=True, **bench.options)
    accepted = 0
    with pytest.raises(OutboxFullError):
        for _ in range(100):
            engine.post(event)
            accepted += 1
    engine.close()
    assert accepted
    waiting = BackgroundEngine(full, store_only=True, when_full="wait", **bench.options)
    with pytest.raises(OutboxFullError):
        waiting.post(event, timeout=0.3)
    waiting.close()
    assert stored(full) == [accepted, 0, 0]


def test_a_post_that_waits_for_space_gets_it(bench: Bench, durable: Workspace) -> None:
    """With `when_full="wait"`, every event of many is accepted, although few fit at once."""
    assert durable.outbox is not None
    small = attrs.evolve(durable, outbox=attrs.evolve(durable.outbox, most_bytes=300_000, recent=0))
    event = track("Sent", properties={"text": "x" * 20_000})
    with BackgroundEngine(small, when_full="wait", **bench.options) as engine:
        for _ in range(60):
            engine.post(event, timeout=30)
        assert engine.flush(30)
    assert len(bench.transport.requests) == 60


def test_a_listener_may_post(bench: Bench, durable: Workspace) -> None:
    """on_result runs in the engine's thread: what it posts is stored, and `flush` is refused there."""
    seen: list[str] = []

    def listen(result: Any) -> None:
        seen.append(result.message_id)
        if result.message_id == "first":
            for call in (engine.flush, engine.close, lambda: engine.send(track("x"))):
                with pytest.raises(ActionsError, match="in it"):
                    call()
            engine.post(track("Second", messageId="second"))

    with BackgroundEngine(durable, on_result=listen, **bench.options) as engine:
        engine.post(track("First", messageId="first"))
        deadline = time.monotonic() + 30
        while "second" not in seen and time.monotonic() < deadline:
            time.sleep(0.01)
    assert seen == ["first", "second"]


def test_send_goes_past_the_outbox(bench: Bench, durable: Workspace) -> None:
    """`send` reports on an event that is not stored."""
    with BackgroundEngine(durable, **bench.options) as engine:
        report = engine.send(track("Sent"), timeout=10)
        failed = engine.send(track("fail"), timeout=10)
    assert report.ok
    assert [result.status for result in failed.results] == [Status.FAILED]
    assert stored(durable) == [0, 0, 0]


def test_close_keeps_what_takes_too_long(
    bench: Bench, durable: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time to close is up, what is in progress goes back to the file, and the log says how much."""
    monkeypatch.setattr("actions_core.delivery.durable._LAST_REQUESTS", 0.2)
    engine = BackgroundEngine(durable, **bench.options)
    for _ in range(2):
        engine.post(track("wait"))
    with caplog.at_level(logging.WARNING):
        assert not engine.close(timeout=0.1)
    assert "2 deliveries still waited 0.1 s after closing; nothing is lost: " in caplog.text
    waiting, in_hand, dead = stored(durable)
    assert (waiting, in_hand, dead) == (2, 0, 0)


@pytest.mark.parametrize("store_only", [True, False])
def test_a_lost_file_is_no_success(
    bench: Bench, durable: Workspace, caplog: pytest.LogCaptureFixture, *, store_only: bool
) -> None:
    """Where the file was deleted, `flush` and `close` do not wait for ever, return False, and say why."""
    assert durable.outbox is not None
    engine = BackgroundEngine(durable, store_only=store_only, **bench.options)
    engine.post(track("wait"))
    durable.outbox.path.unlink()
    bench.gate.set()
    with pytest.raises(OutboxError, match="deleted or replaced"):
        engine.post(track("Late"))
    assert engine.flush() is store_only
    assert engine.close() is False
    assert engine.close() is False
    assert "what was in the outbox may be lost" in caplog.text
    assert "deleted or replaced" in caplog.text


def test_many_threads_post(bench: Bench, durable: Workspace) -> None:
    """Each event of many threads is accepted and delivered once."""
    with BackgroundEngine(durable, **bench.options) as engine:

        def post(number: int) -> None:
            for count in range(25):
                engine.post(track(f"{number}-{count}"))

        threads = [threading.Thread(target=post, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert engine.flush(30)
    names = sorted(request.json["name"] for request in bench.transport.requests)
    assert names == sorted(f"{number}-{count}" for number in range(8) for count in range(25))


def test_made_ids_are_not_remembered(bench: Bench, durable: Workspace) -> None:
    """An id that nobody else can have takes no place among the known ones; a given one is delivered once."""
    with BackgroundEngine(durable, **bench.options) as engine:
        for event in (
            track("a"),
            track("b", messageId=""),
            track("c", messageId="m"),
            track("d", messageId="m"),
        ):
            engine.post(event)
        assert engine.flush(10)
    assert sorted(request.json["name"] for request in bench.transport.requests) == ["a", "b", "c"]
    assert durable.outbox is not None
    store = FileStore.open(durable.outbox.path, FileOptions(), worker=False)
    with store._connection.reading() as connection:
        assert connection.execute("SELECT count(*) FROM seen").fetchone() == (1,)
    store.close()


OUTBOX = """
from pathlib import Path
import attrs
from actions_core.engine.workspace import OutboxSpec
WORKSPACE = attrs.evolve(WORKSPACE, outbox=OutboxSpec(Path(__file__).with_name("events.db")))
"""


def check(run: subprocess.CompletedProcess[str]) -> None:
    """The program ended well and said nothing that it should not."""
    assert (run.returncode, run.stderr) == (0, "")


def test_a_script_that_ends_without_close(program: Program, stand_in: FullStorySandbox) -> None:
    """What was posted is delivered although the script ends at once."""
    check(program(OUTBOX + 'BackgroundEngine(WORKSPACE).track("u", "Event")'))
    assert [event["name"] for event in stand_in.events] == ["Event"]


def test_a_killed_program_loses_nothing(program: Program, stand_in: FullStorySandbox) -> None:
    """What was posted before the process is gone without a word is delivered by the next one."""
    run = program(
        OUTBOX
        + """
engine = BackgroundEngine(WORKSPACE, store_only=True)
for number in range(20):
    engine.track("u", f"Event {number}")
os.kill(os.getpid(), 9)
"""
    )
    assert run.returncode == -9
    check(program(OUTBOX + 'BackgroundEngine(WORKSPACE).track("u", "Last")'))
    names = {event["name"] for event in stand_in.events}
    assert names == {"Last", *(f"Event {number}" for number in range(20))}


@CAN_FORK
def test_forks(program: Program, stand_in: FullStorySandbox) -> None:
    """Before and after the first use, a fork gets an outbox of its own on the same file, and none is lost."""
    run = program(
        OUTBOX
        + """
engine = BackgroundEngine(WORKSPACE)

def fork(name, leave):
    child = os.fork()
    if not child:
        engine.track("u", name)
        leave()
    return child

children = [fork("before", lambda: os._exit(0))]
engine.track("u", "parent 1")
children += [fork("exit", sys.exit), fork("leaves", lambda: os._exit(0))]
children += [fork("closes", lambda: (engine.close(), os._exit(0)))]
for child in children:
    os.waitpid(child, 0)
engine.track("u", "parent 2")
"""
    )
    check(run)
    # What a child had in hand when it left, whoever opens the file next delivers.
    check(program(OUTBOX + 'BackgroundEngine(WORKSPACE).track("u", "next")'))
    names = sorted({event["name"] for event in stand_in.events})
    assert names == ["before", "closes", "exit", "leaves", "next", "parent 1", "parent 2"]


@CAN_FORK
def test_forks_while_threads_post(program: Program, stand_in: FullStorySandbox) -> None:
    """A fork at any moment, with other threads within `post`, works, in the child and in the parent."""
    run = program(
        OUTBOX
        + """
engine = BackgroundEngine(WORKSPACE, store_only=True)

def post(number):
    for count in range(30):
        engine.track("u", f"{number}-{count}")

threads = [threading.Thread(target=post, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
children = []
for number in range(5):
    child = os.fork()
    if not child:
        engine.track("u", f"child {number}")
        os._exit(0)
    children.append(child)
    time.sleep(0.005)
for thread in threads:
    thread.join()
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 5
engine.close()
BackgroundEngine(WORKSPACE).track("u", "last")
"""
    )
    check(run)
    names = {event["name"] for event in stand_in.events}
    expected = {f"{number}-{count}" for number in range(3) for count in range(30)}
    assert names == expected | {f"child {number}" for number in range(5)} | {"last"}


def test_a_dead_destination_holds_up_the_end_for_a_while_only(
    program: Program, stand_in: FullStorySandbox
) -> None:
    """At the end the log says how long was waited; what is not delivered stays in the file."""
    stand_in.fail(delay=30, times=10)
    run = program(OUTBOX + 'BackgroundEngine(WORKSPACE, exit_timeout=0.3).track("u", "Event")')
    assert run.returncode == 0
    assert "1 delivery still waited 0.3 s after closing; nothing is lost: " in run.stderr


def test_without_an_outbox_no_sqlite_is_loaded() -> None:
    """A BackgroundEngine without an outbox loads neither SQLite nor the outbox, also when it delivers."""
    code = """
import sys
from actions_core import BackgroundEngine, Workspace
with BackgroundEngine(Workspace.from_dict({"destinations": []})) as engine:
    engine.track("u", "Event")
print([name for name in ("sqlite3", "actions_core.delivery.outbox") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert run.stdout == "[]\n"
