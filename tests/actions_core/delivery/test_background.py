"""BackgroundEngine in one process: what is accepted, what becomes of it, and how it ends."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import (
    ActionsError,
    BackgroundEngine,
    DefinitionError,
    EventError,
    Status,
    WorkspaceError,
)
from actions_core.delivery.at_exit import WATCH

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Bench


def track(name: str, **more: Any) -> dict[str, Any]:
    """A track event whose name says what the handler does."""
    return {"type": "track", "event": name, "userId": "u", **more}


def test_posted_events_are_delivered_and_told_of(bench: Bench) -> None:
    """`post` returns the messageId, and the result reaches on_result."""
    told: list[Any] = []
    with BackgroundEngine(bench.workspace, on_result=told.append, **bench.options) as engine:
        made = engine.post(track("Made"))
        given = engine.post(track("Given", messageId="m-1"))
    assert given == "m-1"
    assert len(made) == 36
    assert [result.status for result in told] == [Status.SENT, Status.SENT]
    assert [request.json["name"] for request in bench.transport.requests] == ["Made", "Given"]
    assert bench.transport.closed


def test_a_workspace_may_be_a_file(tmp_path: Path) -> None:
    """A path is read, and a faulty workspace refuses the start in the thread that asks for it."""
    file = tmp_path / "shop.json"
    file.write_text('{"destinations": [{"id": "a", "destination": "nowhere"}]}', encoding="utf-8")
    with pytest.raises(WorkspaceError, match="nowhere"):
        BackgroundEngine(file)


def test_options_are_checked_all_at_once(bench: Bench) -> None:
    """Every faulty option is named."""
    with pytest.raises(DefinitionError) as raised:
        BackgroundEngine(bench.workspace, max_queue=0, when_full="drop", exit_timeout=-1)  # type: ignore[arg-type]  # wrong on purpose
    assert [problem.path for problem in raised.value.problems] == ["max_queue", "when_full", "exit_timeout"]


def test_an_event_is_checked_and_copied_when_it_is_posted(bench: Bench) -> None:
    """What is no event raises where it is posted; what becomes of the dict later changes nothing."""
    with BackgroundEngine(bench.workspace, **bench.options) as engine:
        for wrong in (
            "track",
            {"type": "trick"},
            track("a", properties={"x": object()}),
            track("a" * 40_000),
        ):
            with pytest.raises(EventError):
                engine.post(wrong)
        event = track("Before")
        engine.post(event)
        event["event"] = "After"
        assert "messageId" not in event
    assert [request.json["name"] for request in bench.transport.requests] == ["Before"]


def test_events_are_what_python_programs_hold(bench: Bench) -> None:
    """Data classes, times and decimals are taken, and an event carries the time at which it was posted."""

    @dataclasses.dataclass
    class Event:
        type: str
        event: Decimal
        timestamp: datetime | None

    engine = BackgroundEngine(bench.workspace, **bench.options)
    before = datetime.now(UTC).isoformat()
    accepted = engine._accepted(Event("track", Decimal("1.50"), None))
    assert accepted["event"] == 1.5
    assert before[:19] <= accepted["timestamp"][:19]
    assert accepted["receivedAt"] == accepted["timestamp"]
    given = engine._accepted(Event("track", Decimal(1), datetime(2026, 1, 2, tzinfo=UTC)))
    assert given["timestamp"] == "2026-01-02T00:00:00.000Z"
    assert given["receivedAt"] > given["timestamp"]


def test_send_waits_for_the_report(bench: Bench) -> None:
    """`send` returns the report of one event, also of one that fails."""
    with BackgroundEngine(bench.workspace, **bench.options) as engine:
        assert engine.send(track("Sent"), timeout=10).ok
        failed = engine.send(track("fail"))
        assert [result.status for result in failed.results] == [Status.FAILED]


def test_send_raises_when_its_time_is_up_and_the_delivery_goes_on(bench: Bench) -> None:
    """A `send` that takes too long raises TimeoutError, an ActionsError; on_result still hears of it."""
    told: list[Any] = []
    with BackgroundEngine(bench.workspace, on_result=told.append, **bench.options) as engine:
        with pytest.raises(
            TimeoutError, match="no report of event .* after 0.05 s; its delivery goes on"
        ) as raised:
            engine.send(track("wait"), timeout=0.05)
        assert isinstance(raised.value, ActionsError)
        assert raised.value.code == "TIMEOUT"
        assert not told
        bench.gate.set()
    assert [result.status for result in told] == [Status.SENT]


def test_a_full_queue_raises(bench: Bench) -> None:
    """Accepted events that are not done count, and one too many raises; afterwards there is room again."""
    with BackgroundEngine(bench.workspace, max_queue=3, **bench.options) as engine:
        for _ in range(3):
            engine.post(track("wait"))
        assert engine.pending == 3
        with pytest.raises(ActionsError, match="the queue is full: 3 events") as raised:
            engine.post(track("more"))
        assert raised.value.code == "QUEUE_FULL"
        assert raised.value.retryable
        assert not engine.flush(0.05), "a flush does not take the place of an event"
        bench.gate.set()
        assert engine.flush(10)
        assert engine.pending == 0
        engine.post(track("more"))


def test_a_full_queue_waits(bench: Bench) -> None:
    """With when_full="wait", `post` waits for room, for as long as it is told to."""
    with BackgroundEngine(bench.workspace, max_queue=2, when_full="wait", **bench.options) as engine:
        engine.post(track("wait"))
        engine.post(track("wait"))
        started = time.monotonic()
        with pytest.raises(ActionsError, match="queue is full"):
            engine.post(track("late"), timeout=0.1)
        assert time.monotonic() - started >= 0.1
        threading.Timer(0.1, bench.gate.set).start()
        engine.post(track("in time"), timeout=10)
    assert [request.json["name"] for request in bench.transport.requests] == ["in time"]


def test_a_post_that_waits_ends_when_the_engine_is_closed(bench: Bench) -> None:
    """Closing wakes those who wait for room, with an error."""
    engine = BackgroundEngine(bench.workspace, max_queue=1, when_full="wait", **bench.options)
    engine.post(track("wait"))
    errors: list[ActionsError] = []

    def post() -> None:
        with pytest.raises(ActionsError) as raised:
            engine.post(track("late"))
        errors.append(raised.value)

    thread = threading.Thread(target=post)
    thread.start()
    threading.Timer(0.1, bench.gate.set).start()
    assert engine.close()
    thread.join(10)
    assert [error.code for error in errors] == ["ENGINE_CLOSED"]


def test_after_close_post_raises(bench: Bench) -> None:
    """A closed engine accepts nothing, whether it was used before or not, and may be closed again."""
    used, unused = (BackgroundEngine(bench.workspace, **bench.options) for _ in range(2))
    used.post(track("a"))
    for engine in (used, unused):
        assert engine.close()
        assert engine.close()
        assert engine.flush()
        for call in (engine.post, engine.send):
            with pytest.raises(ActionsError, match="closed") as raised:
                call(track("b"))  # type: ignore[operator]  # both take an event
            assert raised.value.code == "ENGINE_CLOSED"


def test_close_interrupts_what_takes_too_long(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time to close is up, the number of undelivered events is logged, and each has a result."""
    monkeypatch.setattr("actions_core.delivery.memory._LAST_REQUESTS", 0.2)
    told: list[Any] = []
    engine = BackgroundEngine(bench.workspace, on_result=told.append, **bench.options)
    engine.post(track("Sent"))
    engine.flush()
    engine.post(track("wait"))
    waiter = threading.Thread(target=lambda: engine.send(track("wait")))
    waiter.start()
    while engine.pending < 2:
        time.sleep(0.01)
    with caplog.at_level(logging.WARNING):
        assert not engine.close(timeout=0.1)
    waiter.join(10)
    assert not waiter.is_alive()
    assert "2 events were not delivered within 0.1 s" in caplog.text
    assert Counter(str(result.status) for result in told)["sent"] == 1
    assert len(told) == 3


def test_flush_waits_for_what_came_before_only(bench: Bench) -> None:
    """A flush returns although events go on being posted."""
    stop = threading.Event()
    with BackgroundEngine(bench.workspace, when_full="wait", max_queue=100, **bench.options) as engine:

        def go_on() -> None:
            while not stop.is_set():
                engine.post(track("more"))

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            for _ in range(5):
                assert engine.flush(20)
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("name", ["fail", "exit", "cancel", "block"])
def test_nothing_that_a_handler_does_ends_the_thread(bench: Bench, name: str) -> None:
    """After a handler that raises whatever it likes, other events are delivered, and none is lost."""
    with BackgroundEngine(bench.workspace, **bench.options) as engine:
        engine.post(track(name))
        try:
            engine.send(track(name), timeout=20)
        except ActionsError as error:
            assert error.code != "TIMEOUT"  # noqa: PT017 - either may come, but it has to come
        assert engine.send(track("After"), timeout=20).ok
        assert engine.flush(20)
        assert engine.pending == 0
    assert bench.transport.requests[-1].json == {"name": "After"}


def test_in_the_engines_own_thread_post_works_and_waiting_raises(bench: Bench) -> None:
    """on_result may post; it may not wait for the thread in which it runs, not even for room."""
    seen: list[object] = []
    engine: BackgroundEngine

    def on_result(result: Any) -> None:
        if len(seen) == 0:
            for call in (lambda: engine.send(track("x")), engine.flush, engine.close):
                try:
                    call()
                except ActionsError as error:
                    seen.append(error.code)
            try:
                engine.post(track("Second"))
            except ActionsError as error:
                seen.append(error.code)

    engine = BackgroundEngine(
        bench.workspace, max_queue=1, when_full="wait", on_result=on_result, **bench.options
    )
    engine.post(track("First"))
    assert engine.flush(10)
    assert seen == ["WRONG_THREAD"] * 3 + ["QUEUE_FULL"]
    engine = BackgroundEngine(bench.workspace, on_result=on_result, **bench.options)
    seen.clear()
    engine.post(track("First"))
    while len(bench.transport.requests) < 3:
        time.sleep(0.01)
    assert engine.close()
    assert bench.transport.requests[-1].json == {"name": "Second"}


def test_close_in_a_listener_does_not_close(bench: Bench) -> None:
    """A refused `close` leaves the engine as it was."""
    engine: BackgroundEngine
    codes: list[str] = []

    def on_result(result: Any) -> None:
        try:
            engine.close()
        except ActionsError as error:
            codes.append(error.code)

    engine = BackgroundEngine(bench.workspace, on_result=on_result, **bench.options)
    assert engine.send(track("a"), timeout=10).ok
    assert engine.send(track("b"), timeout=10).ok
    assert codes == ["WRONG_THREAD"] * 2
    assert engine.close()


def test_many_threads_one_engine(bench: Bench) -> None:
    """Of 16 threads that post at the same time, each event is accounted for once."""
    told: Counter[str] = Counter()
    with BackgroundEngine(
        bench.workspace,
        when_full="wait",
        max_queue=500,
        on_result=lambda result: told.update([str(result.status)]),
        **bench.options,
    ) as engine:

        def post(number: int) -> None:
            for turn in range(250):
                engine.post(track(f"{number}-{turn}"))

        threads = [threading.Thread(target=post, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert told == {"sent": 4000}
    names = {request.json["name"] for request in bench.transport.requests}
    assert len(names) == len(bench.transport.requests) == 4000


def test_inside_an_event_loop_post_does_not_wait(bench: Bench) -> None:
    """`post` may be called where an event loop of somebody else runs."""

    async def main() -> str:
        return engine.post(track("From a coroutine"))

    with BackgroundEngine(bench.workspace, **bench.options) as engine:
        assert asyncio.run(main())
    assert len(bench.transport.requests) == 1


def test_a_signals_handler_may_post(bench: Bench) -> None:
    """A handler that posts while its thread posts does not block it."""
    with BackgroundEngine(bench.workspace, when_full="wait", **bench.options) as engine:
        count = 0

        def handle(*_: object) -> None:
            nonlocal count
            count += 1
            engine.post(track("From a handler"))
            signal.setitimer(signal.ITIMER_REAL, 0.001)  # again, but never within itself

        before = signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0001)
        try:
            for _ in range(3000):
                engine.post(track("From the thread"))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert engine.flush(30)
    assert count > 0
    assert len(bench.transport.requests) == 3000 + count


def test_a_post_within_the_start(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler of a signal that posts while its thread starts the engine leaves one engine."""
    add = WATCH.add
    nested: list[str] = []

    def interrupted(backend: Any, timeout: float) -> None:
        add(backend, timeout)
        if not nested:
            nested.append("begun")
            engine.post(track("Nested"))

    monkeypatch.setattr(WATCH, "add", interrupted)
    before = len(WATCH._backends)
    with BackgroundEngine(bench.workspace, **bench.options) as engine:
        engine.post(track("Outer"))
        assert len(WATCH._backends) == before + 1
    assert [request.json["name"] for request in bench.transport.requests] == ["Nested", "Outer"]
    assert len(WATCH._backends) == before


def test_the_module_loads_no_database() -> None:
    """Importing BackgroundEngine loads neither sqlite3 nor the network; it is one of the public names."""
    program = (
        "import sys, actions_core.delivery.background, actions_core\n"
        "assert actions_core.BackgroundEngine is actions_core.delivery.background.BackgroundEngine\n"
        "print(sorted({'sqlite3', 'aiohttp', 'multiprocessing'} & set(sys.modules)))"
    )
    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert run.stdout == "[]\n"
