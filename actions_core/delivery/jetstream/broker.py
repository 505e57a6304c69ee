"""A workspace's broker: its address, what waits there, its dead letters, instances that are gone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from actions_core.delivery.jetstream.connection import connect
from actions_core.delivery.jetstream.layout import FOR_GOOD, open_layout, pause, token
from actions_core.delivery.jetstream.letters import BrokerLetters
from actions_core.delivery.letters import DeadLetters
from actions_core.delivery.routing import key_of
from actions_core.delivery.store import Backlog, InstanceState
from actions_core.engine.environment import resolve_environment
from actions_core.engine.workspace import BrokerSpec, OutboxSpec
from actions_core.errors import WorkspaceError
from actions_core.values.paths import parse_path
from actions_core.values.times import read_time

if TYPE_CHECKING:
    from types import TracebackType

    from actions_core.delivery.jetstream.connection import Connection
    from actions_core.delivery.jetstream.layout import Layout
    from actions_core.delivery.letters import DeadLetter
    from actions_core.engine.workspace import InstanceSpec, Workspace
    from actions_core.values.types import JsonObject

_MILLISECONDS: Final = 1000


def broker_of(workspace: Workspace, url: str | None = None) -> BrokerSpec:
    """Return the broker of a workspace with its address; `url` stands in for the workspace's.

    Raises `WorkspaceError` where there is none, or its variable is missing from the environment.
    """
    if url is not None:
        return attrs.evolve(workspace.broker or BrokerSpec(url), url=url)
    if workspace.broker is None:
        raise WorkspaceError(
            f'{workspace.source} has no broker: give it one, such as "broker": "nats://host:4222", '
            "or name its URL"
        )
    resolved, _, problems = resolve_environment({"broker": workspace.broker.url}, "$")
    if problems:
        raise WorkspaceError(f"{workspace.source} is faulty:", problems=problems)
    return attrs.evolve(workspace.broker, url=resolved["broker"])


def kept_for(workspace: Workspace) -> OutboxSpec:
    """Return the options that say how long dead letters, and what was never tried, are kept."""
    return workspace.outbox or OutboxSpec(Path())


class Broker:
    """The broker of a workspace, while its context is entered. `url` stands in for the workspace's."""

    def __init__(self, workspace: Workspace, connection: Connection, layout: Layout) -> None:
        self.workspace = workspace
        self.connection = connection
        self.layout = layout

    def __repr__(self) -> str:
        return f"<Broker {self.connection.shown} of {self.workspace.name}>"

    @classmethod
    async def open(cls, workspace: Workspace, url: str | None = None, *, client: str = "actions") -> Broker:
        """Connect to the broker of a workspace, and make what is missing there.

        `client` is the name by which its operators know this program. Raises `WorkspaceError` where the
        workspace has no broker, and `BrokerError` where it cannot be used.
        """
        spec = broker_of(workspace, url)
        address: Any = spec.url
        name = f"{client} {workspace.name}"
        connection = await connect(address, credentials=spec.credentials, name=name)
        try:
            layout = await open_layout(connection, workspace.name, spec, keep=kept_for(workspace).keep)
        except BaseException:  # whatever it is, nobody else has the connection
            await connection.close()
            raise
        return cls(workspace, connection, layout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self.connection.close()

    @property
    def dead_letters(self) -> DeadLetters:
        """The deliveries that were given up."""
        return DeadLetters(BrokerLetters(self.connection, self.layout, self._ordered_key))

    def _ordered_key(self, letter: DeadLetter) -> str | None:
        spec = self._instances().get(letter.instance)
        path = None if spec is None else spec.delivery.ordered_by
        return None if path is None else key_of(letter.event, parse_path(path))

    def _instances(self) -> dict[str, InstanceSpec]:
        return {spec.id: spec for spec in self.workspace.destinations}

    async def resume(self, instance: str) -> None:
        """Have workers be handed the deliveries of an instance again, which was gone or paused.

        Raises `WorkspaceError` for an instance that the workspace does not have.
        """
        if instance not in self._instances():
            known = ", ".join(self._instances())
            raise WorkspaceError(f"there is no instance {instance!r}; there are {known}")
        consumers = self.layout.consumers(instance, 1, ordered=True)
        for stream in (self.layout.work, self.layout.later):
            present = {each["name"] for each in await self._consumers(stream)}
            for consumer in consumers:
                if consumer.stream == stream and consumer.name in present:
                    await pause(self.connection, consumer, None)

    async def backlog(self) -> list[Backlog]:
        """Return what waits for each instance of the workspace, as an outbox does."""
        present: Counter[str] = Counter()
        in_hand: Counter[str] = Counter()
        until: dict[str, str] = {}
        for stream, subjects in (
            (self.layout.work, f"{self.layout.name}.work.>"),
            (self.layout.later, f"{self.layout.name}.due.>"),
        ):
            # Consumers are there once a worker has come; the messages are there before.
            for subject, count in (await self._count_by_subject(stream, subjects)).items():
                present[subject.split(".")[2]] += count
            for info in await self._consumers(stream):
                name = info["name"].partition("=")[0]
                in_hand[name] += info["num_ack_pending"]
                if info.get("paused"):
                    until[name] = info["config"]["pause_until"]
        found = []
        for instance in self._instances():
            name = token(instance)
            later = await self._count_by_subject(self.layout.later, self.layout.later_subject(instance, "*"))
            due = max(present[name] - in_hand[name], 0)
            found.append(Backlog(_state(instance, until.get(name)), due, sum(later.values()), in_hand[name]))
        return found

    async def _count_by_subject(self, stream: str, subjects: str) -> dict[str, int]:
        """Return the messages of a stream by their subjects, which come in pages."""
        found: dict[str, int] = {}
        while True:
            info: Any = await self.connection.call(
                f"STREAM.INFO.{stream}", subjects_filter=subjects, offset=len(found)
            )
            page = info["state"].get("subjects") or {}
            found.update(page)
            if not page or len(found) >= info.get("total", 0):
                return found

    async def _consumers(self, stream: str) -> list[JsonObject]:
        """Return all that the broker says of a stream's consumers, which comes in pages."""
        found: list[Any] = []
        while True:
            page: Any = await self.connection.call(f"CONSUMER.LIST.{stream}", offset=len(found))
            found += page["consumers"] or ()
            if not page["consumers"] or len(found) >= page["total"]:
                return found


def _state(instance: str, until: str | None) -> InstanceState:
    if until is None:
        return InstanceState(instance)
    if until == FOR_GOOD:
        return InstanceState(instance, "gone")
    return InstanceState(instance, "paused", int(read_time(until).timestamp() * _MILLISECONDS))
