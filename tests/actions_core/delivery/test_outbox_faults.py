"""Faults as a program with an outbox meets them, and which test shows each fault of delivery."""

from __future__ import annotations

import ast
import asyncio
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest

from actions_core import Engine, Request, Response
from actions_core.delivery.errors import OutboxError, OutboxFullError
from actions_core.delivery.outbox import Outbox
from actions_core.delivery.pump import ROOM
from actions_core.delivery.rules import Again, Attempt, DurableRetry, judge
from actions_core.engine.results import Status
from actions_core.engine.workspace import OutboxSpec
from actions_core.testing import LoopbackServer
from tests.actions_core.delivery.support import until
from tests.actions_core.delivery.test_outbox import Server, registry, track, workspace
from tests.actions_core.engine.executor.test_admission import LimitedServer

ROOT = Path(__file__).parents[3]
_HERE = "delivery/test_outbox_faults.py"
_FILE = "delivery/file/"

#: What must hold for deliveries, and the tests that show it, below tests/actions_core.
FAULTS: dict[str, tuple[tuple[str, str], ...]] = {
    "each status is tried again or final, as the table says; 410 disables": (
        ("http/test_retry.py", "test_the_table_of_statuses"),
        ("delivery/rules/test_verdict.py", "test_the_status_decides"),
        ("engine/executor/client/test_client.py", "test_each_status_is_tried_again_or_not"),
        ("delivery/test_outbox.py", "test_an_instance_that_is_gone_waits_to_be_resumed"),
    ),
    "503 twice, then 200: three tries, one key, one success": (
        (_HERE, "test_all_tries_of_a_delivery_have_one_key"),
    ),
    "every form of Retry-After": (
        ("http/test_retry.py", "test_retry_after_is_seconds_or_a_date"),
        ("delivery/rules/test_verdict.py", "test_the_forms_of_retry_after"),
        ("engine/executor/test_admission.py", "test_no_retry_after_stops_an_instance_for_good"),
    ),
    "refused, cut and unknown connections are tried again; a bad certificate never holds": (
        ("http/transport/test_http.py", "test_a_refused_connection_and_an_unknown_name_are_no_answer"),
        ("http/transport/test_http.py", "test_a_cut_connection_is_no_answer"),
        ("http/transport/test_http.py", "test_a_bad_certificate_is_never_accepted"),
        ("delivery/rules/test_verdict.py", "test_each_kind_of_error"),
    ),
    "a body that drips ends with the time of its request": (
        (_HERE, "test_a_body_that_drips_ends_with_its_time"),
    ),
    "one dead instance of many slows no other": (
        ("engine/executor/test_admission.py", "test_one_dead_instance_of_twenty_does_not_slow_the_others"),
        (_HERE, "test_a_dead_instance_keeps_nobody_waiting"),
    ),
    "what waits for a dead instance takes no memory": ((_HERE, "test_a_dead_instance_keeps_nobody_waiting"),),
    "a thousand failures at once spread": (
        ("http/test_retry.py", "test_many_failures_at_one_moment_spread"),
        (_HERE, "test_a_thousand_failures_spread"),
    ),
    "the breaker opens, probes and closes, for its instance alone": (
        ("engine/executor/test_breaker.py", "test_the_pause_doubles_up_to_the_longest"),
        (_FILE + "test_pump.py", "test_a_dead_destination_is_left_alone"),
    ),
    "tries used up: one dead letter, which a replay delivers once": (
        ("delivery/rules/test_verdict.py", "test_tries_by_status_count_over_restarts"),
        ("delivery/test_outbox.py", "test_failures_are_tried_again_and_dead_letters_replayed"),
    ),
    "of a batch only what may be tried again is": (
        ("delivery/rules/test_verdict.py", "test_what_follows_for_each_member"),
        (
            "delivery/test_outbox_batches.py",
            "test_a_refused_batch_is_halved_down_to_what_is_refused_alone",
        ),
    ),
    "one refresh for a hundred events": (
        ("engine/test_on_demand.py", "test_one_refresh_serves_a_hundred_events"),
    ),
    "kills lose nothing that was acknowledged, and repeat no more than what was in progress": (
        (_FILE + "test_chaos.py", "test_nothing_is_lost_by_kills"),
        ("delivery/test_outbox_batches.py", "test_a_killed_process_repeats_its_batches_as_they_were"),
    ),
    "a dead worker is found": (
        (_FILE + "test_faults.py", "test_a_dead_worker_is_found_at_once_and_a_living_one_never"),
        (_FILE + "test_writer.py", "test_rows_of_a_dead_worker_come_back_by_themselves"),
    ),
    "a broker that is killed and started again loses nothing, and nothing is left in it": (
        ("delivery/jetstream/test_forwarding.py", "test_a_broker_killed_again_and_again"),
        ("delivery/jetstream/test_forwarding.py", "test_without_a_broker_events_wait"),
        (
            "../chaos_broker/test_chaos_broker.py",
            "test_nothing_is_lost_when_workers_and_the_broker_are_killed",
        ),
        ("../chaos_broker/test_chaos_broker.py", "test_a_worker_ends_while_its_broker_is_down"),
    ),
    "closing gives back what was not tried": (
        ("delivery/jetstream/test_worker.py", "test_closing_gives_back"),
        (_FILE + "test_pump.py", "test_closing_gives_back_what_was_not_tried"),
        (_FILE + "test_writer.py", "test_closing_gives_back_what_this_worker_holds"),
    ),
    "a full disk refuses visibly, and work goes on with space": (
        (_FILE + "test_faults.py", "test_a_full_disk_refuses_events_and_notes_outcomes"),
        (_FILE + "test_writer.py", "test_without_space_as_much_as_fits_is_accepted"),
        (_HERE, "test_a_full_outbox_goes_on_once_it_has_space"),
    ),
    "a cut log, an older copy and damaged pages are refused, with what is gone": (
        (_FILE + "test_opening.py", "test_a_log_that_was_cut_is_noticed"),
        (_FILE + "test_opening.py", "test_an_older_copy_is_noticed"),
        (_FILE + "test_opening.py", "test_pages_that_were_overwritten_are_noticed"),
        (_FILE + "test_faults.py", "test_damage_while_it_is_open_stops_it_in_words"),
    ),
    "nothing is claimed twice by two processes": (
        (_FILE + "test_chaos.py", "test_nothing_is_lost_by_kills"),
        (_FILE + "test_state_machine.py", "TestOutbox"),
    ),
    "a clock that jumps leaves nothing waiting, and wakes no storm": (
        (_FILE + "test_faults.py", "test_a_clock_that_jumped_leaves_nothing_waiting"),
        (_HERE, "test_a_clock_that_jumped_keeps_the_budget"),
    ),
    "the same event twice is one delivery": (
        ("delivery/test_outbox.py", "test_a_known_id_is_a_duplicate"),
        (_FILE + "test_store.py", "test_an_event_is_known_for_its_time"),
        (_FILE + "test_faults.py", "test_what_is_refused_is_not_known_afterwards"),
    ),
    "scripted failures for each user keep the order of each": (
        ("delivery/test_outbox_order.py", "test_a_key_goes_one_by_one_whatever_fails"),
        ("delivery/test_outbox_order.py", "test_order_outlives_a_kill"),
    ),
    "foreign locks, newer versions, read-only places, deleted files, forks, two in one process": (
        (_FILE + "test_faults.py", "test_a_foreign_lock_is_waited_for_and_named"),
        (_FILE + "test_opening.py", "test_a_newer_version_is_refused"),
        (_FILE + "test_opening.py", "test_read_only_files_and_folders_are_named"),
        (_FILE + "test_faults.py", "test_a_file_that_is_deleted_while_it_is_open"),
        (_FILE + "test_faults.py", "test_a_child_has_an_outbox_of_its_own"),
        (_FILE + "test_opening.py", "test_one_outbox_for_a_path_in_a_process"),
        (_HERE, "test_a_deleted_file_refuses_what_comes"),
    ),
    "dead letters and ids are kept for their time": (
        (_FILE + "test_faults.py", "test_upkeep_keeps_letters_and_ids_for_their_time"),
    ),
    "any sequence of calls, crashes and clocks: each event is delivered or a dead letter": (
        (_FILE + "test_state_machine.py", "TestOutbox"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_tests(fault: str) -> None:
    """The tests that show what must hold are there under their names."""
    for file, name in FAULTS[fault]:
        tree = ast.parse((ROOT / "tests/actions_core" / file).read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assigned = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        assert name in defined | assigned


def test_all_tries_of_a_delivery_have_one_key(tmp_path: Path) -> None:
    """After two 503s a third try is a success; all have one idempotency key, over a restart too."""
    from actions_core import Context, load_destination
    from tests.actions_core.delivery.test_outbox import DEFINITION, Registry

    target = load_destination(DEFINITION)

    @target.action("send")
    def send(context: Context, n: int | None = None) -> Request:
        headers = {"idempotency-key": context.idempotency_key}
        return Request("POST", context.settings["url"], headers=headers, json={"n": n})

    found = Registry()
    found.register(target)
    keys: list[str] = []

    async def handle(request: Request) -> Response:
        keys.append(request.headers["idempotency-key"])
        return Response(503 if len(keys) < 3 else 200)

    async def main() -> None:
        told: list[Any] = []
        async with LoopbackServer(handle) as loopback:
            made = workspace(loopback.url)
            path = tmp_path / "events.db"
            async with Outbox(Engine(made, registry=found), path) as outbox:
                await outbox.enqueue(track(1))
                await until(lambda: len(keys) >= 1)
            async with Outbox(Engine(made, registry=found, on_result=told.append), path) as outbox:
                await until(lambda: bool(told))
                await outbox.drain(20)
        assert [(each.status, each.tries) for each in told] == [(Status.SENT, 3)]

    asyncio.run(main())
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_a_body_that_drips_ends_with_its_time(tmp_path: Path) -> None:
    """A response whose bytes come one by one is a time-out, and its delivery goes again."""
    from actions_core.testing.loopback import Reply

    replies = iter([Reply(Response(200, {}, b"x" * 1000), drip=0.05)])

    async def handle(_request: Request) -> Response | Reply:
        return next(replies, Response(200))

    async def main() -> None:
        told: list[Any] = []
        async with LoopbackServer(handle) as loopback:
            engine = Engine(workspace(loopback.url, timeout=0.3), registry=registry(), on_result=told.append)
            async with Outbox(engine, tmp_path / "events.db") as outbox:
                await outbox.enqueue(track(1))
                await until(lambda: bool(told))
        assert [(each.status, each.tries) for each in told] == [(Status.SENT, 2)]

    asyncio.run(main())


@pytest.mark.parametrize("dead", ["refuses", "hangs"])
def test_a_dead_instance_keeps_nobody_waiting(tmp_path: Path, dead: str) -> None:
    """While one instance is dead all others get all events, and what waits for it waits in the file."""

    async def main() -> None:
        server = Server()
        here = asyncio.Event()

        async def hang(_request: Request) -> Response:
            await here.wait()
            return Response(200)

        async with LoopbackServer(server.handle) as loopback, LoopbackServer(hang) as other:
            if dead == "refuses":
                await other.__aexit__(None, None, None)
            made = workspace(loopback.url, breaker={"failures": 5, "pause": 60})
            (spec,) = made.destinations
            quick = attrs.evolve(spec.delivery, timeout=0.3)
            ill = attrs.evolve(spec, id="ill", settings={"url": other.url}, delivery=quick)
            made = attrs.evolve(made, destinations=(spec, ill))
            async with Outbox(Engine(made, registry=registry()), tmp_path / "events.db") as outbox:
                async for receipt in outbox.enqueue_many(track(n) for n in range(1200)):
                    assert receipt.deliveries == 2
                await until(lambda: len(server.got) == 1200)
                dispatch = outbox._dispatch
                assert dispatch is not None
                await until(lambda: dispatch.pumps["ill"].breaker.state == "open")
                assert len(dispatch.pumps["ill"]._queue) <= ROOM
                async with asyncio.timeout(20):
                    while True:
                        well, waiting = await outbox.backlog()
                        if not well.due + well.later + well.in_hand:
                            break
                        await asyncio.sleep(0.02)
                assert waiting.due + waiting.later + waiting.in_hand == 1200
                assert waiting.breaker == "open"
                here.set()
                await outbox.close(1.0)

    asyncio.run(main())


def test_a_thousand_failures_spread() -> None:
    """No second gets more than twice its share of the next tries of a thousand that failed at once."""
    drawn = random.Random(7)
    dues = [
        judge(
            Attempt(Status.FAILED, "SERVICE_UNAVAILABLE", 503, retryable=True),
            tries=3,
            first=0.0,
            now=0.0,
            retry=DurableRetry(),
            spread=drawn.uniform,
        )
        for _ in range(1000)
    ]
    seconds = Counter(int(verdict.due) for verdict in dues if isinstance(verdict, Again))
    assert sum(seconds.values()) == 1000
    assert len(seconds) == 8
    assert max(seconds.values()) <= 2 * 1000 / 8


def test_a_full_outbox_goes_on_once_it_has_space(tmp_path: Path) -> None:
    """With `mostBytes` reached `enqueue` says so; nothing accepted is lost, and delivery makes space."""
    ill = True
    server = Server(lambda _n, _times: Response(503 if ill else 200))

    async def main() -> None:
        nonlocal ill
        async with LoopbackServer(server.handle) as loopback:
            made = workspace(loopback.url, breaker={"failures": 3, "pause": 0.2, "longest": 0.2})
            spec = OutboxSpec(tmp_path / "events.db", most_bytes=300 * 4096, recent=0)
            async with Outbox(Engine(made, registry=registry()), spec) as outbox:
                accepted: list[int] = []
                with pytest.raises(OutboxFullError) as caught:
                    for n in range(2000):
                        await outbox.enqueue({**track(n), "context": {"filler": "x" * 8000}})
                        accepted.append(n)
                assert caught.value.retryable
                assert accepted
                ill = False
                await until(lambda: len(server.got) == len(accepted))
                assert set(server.got) == set(accepted)
                await outbox.drain(20)
                await outbox.enqueue(track(5000))
                await until(lambda: server.got[5000] == 1)

    asyncio.run(main())


def test_a_clock_that_jumped_keeps_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start an hour later finds all retries due: no more are in progress than the instance bears."""
    ill = True
    in_progress = most = 0

    async def handle(request: Request) -> Response:
        nonlocal in_progress, most
        in_progress += 1
        most = max(most, in_progress)
        await asyncio.sleep(0.002)
        in_progress -= 1
        return Response(503) if ill else await server.handle(request)

    server = Server()

    async def main() -> None:
        nonlocal ill, most
        async with LoopbackServer(handle) as loopback:
            retry = {"base": 600, "cap": 900}
            made = workspace(loopback.url, retry=retry, concurrency=4, breaker={"failures": 1000})
            path = tmp_path / "events.db"
            async with Outbox(Engine(made, registry=registry()), path) as outbox:
                async for _ in outbox.enqueue_many(track(n) for n in range(100)):
                    pass
                await outbox.drain(20)
            ill, most = False, 0
            real = __import__("time").time()
            monkeypatch.setattr("actions_core.values.times.time.time", lambda: real + 3600)
            async with Outbox(Engine(made, registry=registry()), path) as outbox:
                await until(lambda: len(server.got) == 100)
                await outbox.drain(20)
        assert server.got == Counter(range(100))
        assert 1 <= most <= 4

    asyncio.run(main())


def test_a_deleted_file_refuses_what_comes(tmp_path: Path) -> None:
    """An outbox whose file is deleted accepts nothing more and says why, for good."""

    async def main() -> None:
        server = Server()
        async with LoopbackServer(server.handle) as loopback:
            path = tmp_path / "events.db"
            async with Outbox(Engine(workspace(loopback.url), registry=registry()), path) as outbox:
                await outbox.enqueue(track(1))
                path.unlink()
                for n in range(2, 4):
                    with pytest.raises(OutboxError, match="deleted or replaced") as caught:
                        await outbox.enqueue(track(n))
                    assert not caught.value.retryable

    asyncio.run(main())


@pytest.mark.skipif(not os.environ.get("ACTIONS_LONG_TESTS"), reason="a minute and more")
def test_a_server_that_limits_gets_few_requests_too_many(tmp_path: Path) -> None:
    """Without a rate of its own an outbox finds the server's: no event fails, few requests are wasted."""

    async def main() -> None:
        limited = LimitedServer(50)
        async with LoopbackServer(limited.handle) as loopback:
            made = workspace(loopback.url, retry={"within": 600})
            async with Outbox(Engine(made, registry=registry()), tmp_path / "events.db") as outbox:
                async for receipt in outbox.enqueue_many(track(n) for n in range(3000)):
                    assert receipt.deliveries == 1
                async with asyncio.timeout(300):
                    while len(limited.taken) < 3000:  # noqa: ASYNC110 - nobody tells
                        await asyncio.sleep(0.1)
                await outbox.drain(20)
                assert await outbox.dead_letters.count() == 0
        assert max(limited.taken.values()) == 1
        assert limited.refused <= 0.05 * (3000 + limited.refused), limited.refused

    asyncio.run(main())
