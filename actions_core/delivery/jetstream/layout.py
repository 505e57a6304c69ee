"""The streams, subjects and consumers by which deliveries travel through a broker.

    NAME-work    NAME.work.INSTANCE        deliveries that wait for a worker
                 NAME.work.INSTANCE.P      those of partition P, where events are kept in order
    NAME-later   NAME.later.INSTANCE.KEY   schedules of retries; a schedule is its subject
                 NAME.due.INSTANCE         what came due
    NAME-dead    NAME.dead.INSTANCE.SUBSCRIPTION

NAME is the workspace's. Whoever comes first makes the streams; settings that an operator changed stay as they
are. Each stream has one durable pull consumer for each instance, and for each of its partitions.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import attrs

from actions_core.delivery.errors import BrokerError
from actions_core.delivery.jetstream.connection import CONSUMER_NOT_FOUND, NAME_IN_USE, STREAM_NOT_FOUND

if TYPE_CHECKING:
    from actions_core.delivery.jetstream.connection import Connection
    from actions_core.engine.workspace import BrokerSpec
    from actions_core.values.types import JsonObject

NANOSECONDS: Final = 1_000_000_000
#: The form of subjects, headers and consumers; a broker with another one is refused.
_LAYOUT: Final = "1"
_LAYOUT_KEY: Final = "actions-layout"
_PARTITIONS_KEY: Final = "actions-partitions"
#: Seconds in which the broker knows a message again that a producer repeats.
_WINDOW: Final = 120
#: A name of JetStream has 255 bytes at most.
_LONGEST_TOKEN: Final = 150
#: The group of a consumer that serves one worker at a time, and the most seconds until the next one follows.
GROUP: Final = "workers"
PIN_TIMEOUT: Final = 4.0
#: Never: for a consumer that is paused until somebody resumes it.
FOR_GOOD: Final = "9999-01-01T00:00:00Z"


def token(text: str) -> str:
    """Return text as one token of a subject, also good as the name of a stream or a consumer."""
    # Dots separate tokens, and quote leaves them and the tilde as they are.
    encoded = quote(text, safe="", errors="surrogatepass").replace(".", "%2E").replace("~", "%7E")
    if len(encoded) <= _LONGEST_TOKEN:
        return encoded or "%"
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{encoded[: _LONGEST_TOKEN - 34]}%_{digest}"


@attrs.frozen
class Consumer:
    """A consumer by its stream and its name, and the subject that it takes.

    Of an `ordered` one nothing goes while a delivery is in somebody's hands; a `pinned` one serves one worker
    at a time, until that has not asked for so many seconds.
    """

    stream: str
    name: str
    subject: str
    most: int
    ordered: bool = False
    pinned: float = 0.0

    def config(self, takeover: float) -> JsonObject:
        """Return the consumer as the broker is told of it."""
        config: JsonObject = {
            "durable_name": self.name,
            "name": self.name,
            "filter_subject": self.subject,
            "ack_policy": "explicit",
            "ack_wait": int(takeover * NANOSECONDS),
            "max_deliver": -1,
            "max_ack_pending": 1 if self.ordered else self.most,
        }
        if self.pinned:
            config |= {
                "priority_policy": "pinned_client",
                "priority_groups": [GROUP],
                "priority_timeout": int(self.pinned * NANOSECONDS),
            }
        return config


@attrs.frozen
class Layout:
    """The names of what a workspace has in its broker."""

    name: str
    partitions: int = 32

    @property
    def work(self) -> str:
        """The stream of what waits for a worker."""
        return f"{self.name}-work"

    @property
    def later(self) -> str:
        """The stream of retries."""
        return f"{self.name}-later"

    @property
    def dead(self) -> str:
        """The stream of dead letters."""
        return f"{self.name}-dead"

    def work_subject(self, instance: str, key: str | None = None) -> str:
        """Return the subject of a delivery; those of one key share a partition."""
        subject = f"{self.name}.work.{token(instance)}"
        return subject if key is None else f"{subject}.{self.partition(key)}"

    def later_subject(self, instance: str, key: str) -> str:
        """Return the subject of the schedule that brings a delivery back."""
        return f"{self.name}.later.{token(instance)}.{key}"

    def due_subject(self, instance: str) -> str:
        """Return the subject of deliveries that came due."""
        return f"{self.name}.due.{token(instance)}"

    def dead_subject(self, instance: str | None = None, subscription: str | None = None) -> str:
        """Return the subject of dead letters, a pattern where something is left open."""
        first = "*" if instance is None else token(instance)
        return f"{self.name}.dead.{first}.{'*' if subscription is None else token(subscription)}"

    def partition(self, key: str) -> int:
        """Return the number of a key's partition."""
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) % self.partitions

    def consumers(self, instance: str, most: int, *, ordered: bool, pinned: float = 0.0) -> list[Consumer]:
        """Return the consumers of an instance, of which `most` deliveries may be in workers' hands.

        The first is the one that is pinned, where the instance has a rate.
        """
        name, subject = token(instance), self.work_subject(instance)
        found = [
            Consumer(self.work, name, subject, most, pinned=pinned),
            Consumer(self.later, name, self.due_subject(instance), most),
        ]
        if ordered:
            found += [
                Consumer(self.work, f"{name}={number}", f"{subject}.{number}", 1, ordered=True)
                for number in range(self.partitions)
            ]
        return found


async def open_layout(connection: Connection, name: str, spec: BrokerSpec, *, keep: float) -> Layout:
    """Make the streams that are missing, and return their names; dead letters are kept for `keep` seconds.

    Raises `BrokerError` where they are of another version, or cannot be made.
    """
    layout = Layout(token(name), spec.partitions)
    for stream, config in _streams(layout, spec, keep).items():
        present = await _ensure_stream(connection, stream, config)
        if stream == layout.work:
            layout = attrs.evolve(layout, partitions=int(present.get(_PARTITIONS_KEY, spec.partitions)))
    return layout


def _streams(layout: Layout, spec: BrokerSpec, keep: float) -> dict[str, JsonObject]:
    """Return the configuration of each stream."""
    metadata = {_LAYOUT_KEY: _LAYOUT, _PARTITIONS_KEY: str(spec.partitions)}
    common = {"storage": "file", "num_replicas": spec.replicas, "metadata": metadata}
    bound = {} if spec.most_bytes is None else {"max_bytes": spec.most_bytes}
    window = {"duplicate_window": _WINDOW * NANOSECONDS}
    base = layout.name
    return {
        layout.work: {
            "subjects": [f"{base}.work.>"],
            "retention": "workqueue",
            "discard": "new",
            **bound,
            **window,
            **common,
        },
        layout.later: {
            "subjects": [f"{base}.later.>", f"{base}.due.>"],
            "retention": "workqueue",
            "allow_msg_schedules": True,
            **window,
            **common,
        },
        layout.dead: {
            "subjects": [f"{base}.dead.>"],
            "retention": "limits",
            "discard": "new",
            "allow_direct": True,
            "max_age": int(keep * NANOSECONDS),
            "duplicate_window": int(min(keep, _WINDOW) * NANOSECONDS),
            **common,
        },
    }


async def _ensure_stream(connection: Connection, stream: str, config: JsonObject) -> JsonObject:
    """Make a stream unless there is one, and return its metadata."""
    try:
        info = await connection.call(f"STREAM.INFO.{stream}")
    except BrokerError as error:
        if error.status != STREAM_NOT_FOUND:
            raise
        try:
            info = await connection.call(f"STREAM.CREATE.{stream}", name=stream, **config)
        except BrokerError as refused:
            if refused.status != NAME_IN_USE:  # another one may have made it meanwhile, with other settings
                raise
            info = await connection.call(f"STREAM.INFO.{stream}")
    found: Any = info["config"]
    metadata: JsonObject = found.get("metadata") or {}
    if metadata.get(_LAYOUT_KEY) != _LAYOUT:
        raise BrokerError(
            f"the stream {stream} of the broker at {connection.shown} is not one of this version: give the "
            "workspace another name, or have all machines use the same version",
            code="BROKER_LAYOUT",
            retryable=False,
        )
    return metadata


async def ensure_consumer(connection: Connection, consumer: Consumer, takeover: float) -> None:
    """Make a consumer, or change it to what the workspace says."""
    wanted = consumer.config(takeover)
    where = f"{consumer.stream}.{consumer.name}"
    try:
        info: Any = await connection.call(f"CONSUMER.INFO.{where}")
    except BrokerError as error:
        if error.status != CONSUMER_NOT_FOUND:
            raise
        await _create(connection, consumer, wanted)
        return
    present = info["config"]
    policy = present.get("priority_policy", "none")
    if policy != wanted.get("priority_policy", "none"):
        # No change for the broker: a new consumer, to which everything unacknowledged goes again.
        await connection.call(f"CONSUMER.DELETE.{where}")
        await _create(connection, consumer, wanted)
    elif any(present.get(key) != value for key, value in wanted.items()):
        # What it says itself of a pause stays.
        paused = {"pause_until": present["pause_until"]} if "pause_until" in present else {}
        await _create(connection, consumer, wanted | paused)


async def _create(connection: Connection, consumer: Consumer, config: JsonObject) -> None:
    call = f"CONSUMER.CREATE.{consumer.stream}.{consumer.name}.{consumer.subject}"
    await connection.call(call, stream_name=consumer.stream, action="", config=config)


async def pause(connection: Connection, consumer: Consumer, until: str | None) -> None:
    """Have a consumer hand out nothing until a time, to any worker; None ends a pause."""
    told = {} if until is None else {"pause_until": until}
    await connection.call(f"CONSUMER.PAUSE.{consumer.stream}.{consumer.name}", **told)
