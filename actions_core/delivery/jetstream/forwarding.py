"""Hand deliveries over to a broker: an outbox's other way, beside delivering them itself.

A row is done once the broker has stored it. What it does not take, since it is full or cannot be reached,
stays in the outbox for as long as that lasts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.delivery.errors import BrokerError
from actions_core.delivery.jetstream.broker import Broker, broker_of
from actions_core.delivery.jetstream.messages import Delivery, workspace_digest
from actions_core.delivery.pump import BatchOutcome, Part, Prepared, Pump
from actions_core.delivery.rules import DurableRetry
from actions_core.engine.executor import Breaker, RateBudget
from actions_core.engine.results import Result, Status
from actions_core.errors import RequestError
from actions_core.http.errors import TransportError
from actions_core.values.json_bytes import read_stored
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actions_core.delivery.pump.pump import PumpWriter
    from actions_core.delivery.routing import Router, Target
    from actions_core.delivery.rules import BatchSize
    from actions_core.delivery.store import Claimed
    from actions_core.engine import Engine

_LOGGER: Final = logging.getLogger("actions_core")
#: A row that the broker does not take waits for it, however long that is.
_RETRY: Final = DurableRetry(within=float("inf"), base=0.5, cap=15.0)
#: Messages that are published and not acknowledged yet.
_PENDING: Final = 512
#: Failures in a row after which the broker is left alone, and the seconds for which it is.
_FAILURES: Final = 3
_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
#: Seconds between two tries to connect for the first time.
_CONNECT_PAUSE: Final = 2.0
#: What headers may add to an event.
_HEADERS: Final = 4096
_MILLISECONDS: Final = 1000


class Forwarding:
    """Publishes the rows of an outbox to the broker of its workspace, by one pump for all instances."""

    def __init__(self, engine: Engine, writer: PumpWriter, now: Callable[[], float]) -> None:
        #: The pump, by instance and by number.
        self.pumps: dict[str, Pump] = {}
        self.pump_of: dict[int, Pump] = {}
        #: The deliveries that the broker has taken over.
        self.handed_over = 0
        self._engine = engine
        self._writer = writer
        self._now = now
        broker_of(engine.workspace)  # a variable that is missing refuses the start
        self._breaker = Breaker(_FAILURES, _PAUSE, _LONGEST_PAUSE)
        self._targets: Mapping[int, Target] = {}
        self._digests: dict[str, str] = {}
        self._pump: Pump | None = None
        self._broker: Broker | None = None
        self._ready = asyncio.Event()
        self._connecting: asyncio.Task[None] | None = None
        #: What keeps the broker from taking events at present; empty while it takes them.
        self.trouble = ""

    async def start(self, router: Router) -> None:
        """Begin to connect, and to publish once that is done."""
        self._connecting = asyncio.get_running_loop().create_task(self._connect())
        await self.replace(router)

    @property
    def is_ready(self) -> bool:
        """True once there was a connection to the broker."""
        return self._ready.is_set()

    async def until_ready(self) -> None:
        """Wait until there is a connection to the broker."""
        await self._ready.wait()

    async def replace(self, router: Router) -> None:
        """Publish the rows of another router's targets."""
        self._targets = router.targets
        specs = self._engine.workspace.destinations
        self._digests = {spec.id: workspace_digest(spec) for spec in specs}
        if self._broker is not None:
            await self._restart()

    async def _restart(self) -> None:
        """Put a pump for the present targets in the place of the last one."""
        numbers = [number for number, target in self._targets.items() if target.enabled]
        before = self._pump
        pump = self._pump = Pump(
            self._writer,
            dict.fromkeys(numbers, _RETRY),
            self._publish_one,
            breaker=self._breaker,
            budget=RateBudget(_PENDING),
            now=self._now,
            batches={number: size for number in numbers if (size := self._batch(number)) is not None},
            attempts=self,
        )
        self.pump_of.clear()
        self.pump_of.update(dict.fromkeys(numbers, pump))
        self.pumps.clear()
        self.pumps.update({self._targets[number].instance.id: pump for number in numbers})
        pump.start()
        if before is not None:
            await before.close()

    def _batch(self, number: int) -> BatchSize | None:
        """Return the size of a subscription's batches, each of which is one message."""
        target, broker = self._targets[number], self._broker
        if target.batch is None or broker is None:
            return None
        return attrs.evolve(target.batch, size=min(target.batch.size, broker.connection.largest // 10 * 9))

    @property
    def is_idle(self) -> bool:
        """True while nothing is due or in progress."""
        return self._pump is not None and self._pump.is_idle

    async def close(self, grace: float) -> None:
        """Take nothing out of the file any more, and give what is in progress `grace` seconds."""
        if self._pump is not None:
            await self._pump.close(grace)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._broker is not None:
            await self._broker.close()

    async def prepare(self, rows: Sequence[Claimed]) -> Prepared:
        """Have all rows of a batch go together; the worker maps them."""
        return Prepared([Part(rows, rows)])

    async def deliver(self, part: Part, started_job: Callable[[], None]) -> BatchOutcome:  # noqa: ARG002 - no job
        """Publish a batch as one message, so that its members stay together on their way."""
        result = await self._publish(part.rows)
        count = len(part.rows)
        return BatchOutcome([result] * count, [MISSING] * count, result.error)

    async def _publish_one(self, row: Claimed) -> Result:
        return await self._publish([row])

    async def _publish(self, rows: Sequence[Claimed]) -> Result:
        """Publish rows, and return what became of them: sent, if the broker has stored them."""
        target = self._targets[rows[0].subscription]
        broker = self._broker
        assert broker is not None  # noqa: S101 - the pump comes after it
        connection, layout = broker.connection, broker.layout
        instance, subscription = target.name
        delivery = Delivery.of_batch(
            [row.body for row in rows],
            instance,
            subscription,
            at=int(time.time() * _MILLISECONDS),
            workspace=self._digests.get(instance, ""),
        )
        if len(delivery.body) + _HEADERS > connection.largest:
            size = len(delivery.body)
            words = f"an event of {size} bytes is too large for the broker: raise its max_payload"
            if len(rows) == 1:
                _LOGGER.error("broker: %s, of %s: %s", instance, subscription, words)
            return _failed(target, RequestError(words, code="EVENT_TOO_LARGE", status=413, retryable=False))
        key = None
        if target.ordered_by is not None:
            event: Any = read_stored(rows[0].body)
            key = target.key(event)
        subject = layout.work_subject(instance, key)
        try:
            await connection.publish(subject, delivery.body, delivery.headers(delivery.key))
        except BrokerError as error:
            self._tell(str(error))
            return _failed(target, TransportError(str(error), code=error.code))
        self.trouble = ""
        self.handed_over += len(rows)
        return Result(instance, subscription, target.pipeline.action, Status.SENT, tries=1)

    async def _connect(self) -> None:
        while self._broker is None:
            try:
                self._broker = await Broker.open(self._engine.workspace, client="actions outbox")
            except BrokerError as error:
                self._tell(str(error))
                await asyncio.sleep(_CONNECT_PAUSE)
        self.trouble = ""
        await self._restart()
        self._ready.set()

    def _tell(self, words: str) -> None:
        """Log what keeps the broker from taking events, once as long as that lasts."""
        if not self.trouble:
            _LOGGER.warning("broker: events wait in the outbox: %s", words)
        self.trouble = words


def _failed(target: Target, error: RequestError) -> Result:
    instance, subscription = target.name
    action = target.pipeline.action
    return Result(instance, subscription, action, Status.FAILED, error, str(error), tries=1)
