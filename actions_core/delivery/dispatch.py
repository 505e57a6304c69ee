"""The pumps of an outbox: one for each instance that events go to, with what they tell of their outcomes.

An instance that is gone has no pump until it is resumed, or its settings change; neither has one that
refuses its credentials, for a time. When a workspace is replaced, the pumps of instances that have changed
end in their own time, while new ones take over.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actions_core.delivery.attempts import Attempts
from actions_core.delivery.errors import OutboxError
from actions_core.delivery.pump import Pump, Settled
from actions_core.delivery.recent import Recent
from actions_core.delivery.rules import MOST_REFUSALS, Again, Dead, Done, Refusals
from actions_core.engine.executor import Breaker, RateBudget
from actions_core.engine.results import Status
from actions_core.http.errors import is_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping

    from actions_core.delivery.file import FileStore, Writer
    from actions_core.delivery.routing import Router, Target
    from actions_core.delivery.store import Claimed, InstanceState
    from actions_core.delivery.tallies import Tallies
    from actions_core.engine import Engine
    from actions_core.engine.instances import Instance
    from actions_core.engine.results import Result

_LOGGER: Final = logging.getLogger("actions_core")
#: Seconds that pumps which end get for what they have in progress.
GRACE: Final = 10.0
#: Seconds between two looks at the states of instances that another program may have changed.
_LOOK: Final = 1.0
#: A shorter pause of an instance is not worth a transaction.
_LONG_PAUSE: Final = 5.0
_GONE: Final = 410
#: The states of instances that get nothing.
_STOPPED: Final = frozenset({"gone", "refused"})
_MILLISECONDS: Final = 1000
_DONE: Final = Done()
_SENT: Final = Status.SENT


class Dispatch:
    """The pumps of the instances of a router.

    So many of the latest outcomes are kept (`recent`) for those who look, and `tallies` counts.
    """

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        store: FileStore,
        *,
        recent: int,
        tallies: Tallies | None = None,
    ) -> None:
        self.pumps: dict[str, Pump] = {}
        self.pump_of: dict[int, Pump] = {}
        #: What a broker has taken over, and what keeps it from that: there is none here.
        self.handed_over = 0
        self.is_ready = True
        self.trouble = ""
        #: Told of each try and what follows from it.
        self.on_try: Callable[[Settled], None] | None = None
        self._engine = engine
        self._writer = writer
        self._store = store
        self._tallies = tallies
        self._recent = Recent(writer, store.now, recent) if recent else None
        self._own: dict[str, dict[int, Target]] = {}
        self._attempts: dict[str, Attempts] = {}
        #: What is known of the refusals of each instance, with the digest of its settings.
        self._refusals: dict[str, tuple[str, Refusals]] = {}
        #: Instances that get nothing any more, while that is being noted.
        self._leaving: set[str] = set()
        #: Pumps that end.
        self._retired: set[Pump] = set()
        self._paused_until: dict[str, float] = {}
        #: Of those, the pauses that stand in the file: somebody else may end them there.
        self._known_pauses: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    async def start(self, router: Router) -> None:
        """Begin to deliver."""
        await self.replace(router)
        self._spawn(self._watch_states())
        if self._recent is not None:
            self._spawn(self._recent.keep_written())

    async def until_ready(self) -> None:
        """Wait until deliveries can begin: they can at once."""

    async def replace(self, router: Router) -> None:
        """Deliver by another router's targets; pumps of instances that have not changed go on."""
        own: dict[str, dict[int, Target]] = {}
        for number, target in router.targets.items():
            if target.enabled:
                own.setdefault(target.instance.id, {})[number] = target
        before, self._own = self._own, own
        for instance in [
            each for each in self.pumps if _instance_of(own, each) is not _instance_of(before, each)
        ]:
            self._retire(instance)
        await self._start_missing(await self._writer.run(lambda store: store.states()))

    async def _start_missing(self, states: Mapping[str, InstanceState]) -> None:
        """Start the pumps of instances that have none and may be delivered to."""
        for instance, targets in self._own.items():
            if instance in self.pumps or instance in self._leaving or self._closing:
                continue
            state = states.get(instance)
            if state is not None and state.state in _STOPPED:
                reason = _why_again(state, _digest(targets), self._store.now())
                if not reason:
                    continue
                await self._writer.run(partial(_activate, instance=instance))
                _LOGGER.warning("outbox: %s is delivered to again, since %s", instance, reason)
                state = None
            if instance not in self.pumps and self._own.get(instance) is targets:
                self._start(instance, targets, None if state is None else state.until)

    def _start(self, instance: str, targets: Mapping[int, Target], until: int | None) -> None:
        admission = _instance_in(targets).lane.connection.admission
        breaker = Breaker() if admission is None else admission.breaker
        budget = RateBudget(50) if admission is None else admission.budget
        store = self._store
        if until is not None and until > store.now():
            paused_until = time.monotonic() + (until - store.now()) / _MILLISECONDS
            budget.pause(paused_until)
            self._known_pauses[instance] = paused_until
        attempts = Attempts(self._engine, targets)
        digest = _digest(targets)
        refusals = self._refusals_of(instance, digest)
        refusals.end_pause()
        pump = Pump(
            self._writer,
            {number: target.retry for number, target in targets.items()},
            attempts.one,
            breaker=breaker,
            budget=budget,
            now=lambda: store.now() / _MILLISECONDS,
            note=partial(self._note, attempts),
            note_sent=partial(self._note_sent, attempts),
            batches={number: target.batch for number, target in targets.items() if target.batch is not None},
            attempts=attempts,
            ordered=any(target.ordered_by is not None for target in targets.values()),
            suffixes={number: target.pipeline.scope.key_suffix for number, target in targets.items()},
            refusals=refusals,
        )
        for target in targets.values():
            target.lane.disabled = ""
            if target.batch_lane is not None:
                target.batch_lane.disabled = ""
        self._attempts[instance] = attempts
        self.pumps[instance] = pump
        self.pump_of.update(dict.fromkeys(targets, pump))
        pump.start()

    def _refusals_of(self, instance: str, digest: str) -> Refusals:
        """Return what is known of an instance's refusals, with the settings that it has now."""
        before = self._refusals.get(instance)
        if before is None or before[0] != digest:
            before = self._refusals[instance] = digest, Refusals()
        return before[1]

    def _retire(self, instance: str) -> None:
        """End an instance's pump in its own time."""
        pump = self.pumps.pop(instance)
        for number in pump.subscriptions:
            if self.pump_of.get(number) is pump:
                del self.pump_of[number]
        self._retired.add(pump)
        self._spawn(self._close(pump))

    async def _close(self, pump: Pump) -> None:
        # Not cancelled: a claim that is thrown away leaves its rows in this worker's hands.
        await pump.close(GRACE)
        self._retired.discard(pump)
        for other in self.pumps.values():
            other.look()  # what this one gave back

    # Outcomes.

    def _note_sent(self, attempts: Attempts, row: Claimed, result: Result) -> None:
        """Do what `_note` does, for less, for a row that was sent at its first try."""
        if row.tries or result.tries != 1 or self.on_try is not None:
            self._note(attempts, Settled(row, result, _DONE, row.tries + 1))
            return
        if self._tallies is not None:
            self._tallies.note_sent(result)
        self._engine.note_outcome(result)
        if self._recent is not None:
            self._recent.note_sent(attempts.targets[row.subscription], row, result)

    def _note(self, attempts: Attempts, settled: Settled) -> None:
        """Tell observers of what became of a try, and keep what others look at."""
        if self.on_try is not None:
            self.on_try(settled)
        if self._tallies is not None:
            self._tallies.note(settled)
        result = settled.result
        if type(settled.verdict) is Done or type(settled.verdict) is Dead:
            final = result.after_tries(settled.tries)
            self._engine.note_outcome(final)
            if self._recent is not None:
                row = settled.row
                self._recent.note(attempts.targets[row.subscription], row, final, settled.sent)
            if result.status is _SENT:
                return
        elif isinstance(settled.verdict, Again):
            self._engine.note_retry(result)
        pump = self.pumps.get(result.instance)
        if pump is not None and self._attempts[result.instance] is attempts:
            self._judge_instance(result, _digest(attempts.targets), pump)
        elif pump is not None:
            pump.look()  # it was retired; what waited for its row to end may go

    def _judge_instance(self, result: Result, digest: str, pump: Pump) -> None:
        """Leave an instance alone that is gone, refuses its credentials, or asks for it."""
        instance, error = result.instance, result.error
        if error is not None and error.status == _GONE:
            self._spawn(self._note_gone(instance, digest, str(error)))
        refusals = self._refusals_of(instance, digest)
        if is_refusal(error) and refusals.are_too_many:
            self._spawn(
                self._note_refused(instance, digest, refusals.start_pause(time.monotonic()), str(error))
            )
        until, now = pump.budget.paused_until, time.monotonic()
        if until - now > _LONG_PAUSE and until - self._paused_until.get(instance, 0.0) > _LONG_PAUSE:
            self._paused_until[instance] = until
            self._spawn(self._note_pause(instance, until - now))

    async def _note_gone(self, instance: str, digest: str, reason: str) -> None:
        """Stop delivering to an instance that is gone, until it is resumed; its events wait."""

        def note(store: FileStore) -> None:
            store.set_state(instance, "gone", reason=reason, settings=digest)

        if await self._stop_delivering(instance, note):
            _LOGGER.error("outbox: %s is gone, and its events wait until it is resumed: %s", instance, reason)

    async def _note_refused(self, instance: str, digest: str, pause: float, reason: str) -> None:
        """Stop delivering to an instance that refuses its credentials, for a while; its events wait."""
        said = f"its credentials were refused {MOST_REFUSALS} times in a row, last with: {reason}"

        def note(store: FileStore) -> None:
            until = store.now() + int(pause * _MILLISECONDS)
            store.set_state(instance, "refused", until=until, reason=said, settings=digest)

        if await self._stop_delivering(instance, note):
            _LOGGER.error(
                "outbox: %s gets nothing for %.0f s, unless its settings change or it is resumed; its events "
                "wait: %s",
                instance,
                pause,
                said,
            )

    async def _stop_delivering(self, instance: str, note: Callable[[FileStore], None]) -> bool:
        """End the pump of an instance and note why; return False where it has none any more."""
        if instance not in self.pumps:
            return False
        self._retire(instance)
        self._leaving.add(instance)
        try:
            await self._writer.run(note)
        finally:
            self._leaving.discard(instance)
        return True

    async def _note_pause(self, instance: str, seconds: float) -> None:
        def note(store: FileStore) -> None:
            until = store.now() + int(seconds * _MILLISECONDS)
            store.set_state(instance, "paused", until=until, reason="Retry-After")

        await self._writer.run(note)
        self._known_pauses[instance] = time.monotonic() + seconds

    async def _watch_states(self) -> None:
        """Deliver again to instances that somebody has resumed, or whose pause is over."""
        while not self._closing:
            await asyncio.sleep(_LOOK)
            now = time.monotonic()
            paused = [instance for instance, until in self._known_pauses.items() if until > now]
            if paused or self._own.keys() - self.pumps.keys():
                try:
                    states = await self._writer.run(lambda store: store.states())
                    self._end_pauses([each for each in paused if states[each].state == "active"])
                    await self._start_missing(states)
                except OutboxError as error:
                    if self._store.closed:
                        return
                    _LOGGER.warning("outbox: instances that wait could not be looked at: %s", error)

    def _end_pauses(self, instances: Iterable[str]) -> None:
        for instance in instances:
            del self._known_pauses[instance]
            self._paused_until.pop(instance, None)
            if (pump := self.pumps.get(instance)) is not None:
                pump.budget.resume()

    # Ending.

    @property
    def is_idle(self) -> bool:
        """True while nothing is due or in progress."""
        return not self._retired and all(pump.is_idle for pump in self.pumps.values())

    async def close(self, grace: float) -> None:
        """Take nothing out of the file any more, and give what is in progress `grace` seconds."""
        self._closing = True
        retired = list(self._retired)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        pumps = [*self.pumps.values(), *retired]
        await asyncio.gather(*(pump.close(grace) for pump in pumps), return_exceptions=True)
        if self._recent is not None:
            self._recent.write()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("outbox: %s: %s", type(error).__name__, error)


def _instance_in(targets: Mapping[int, Target]) -> Instance:
    return next(iter(targets.values())).instance


def _instance_of(own: Mapping[str, Mapping[int, Target]], instance: str) -> Instance | None:
    targets = own.get(instance)
    return None if targets is None else _instance_in(targets)


def _digest(targets: Mapping[int, Target]) -> str:
    return _instance_in(targets).settings_digest


def _why_again(state: InstanceState, digest: str, now: int) -> str:
    """Return why an instance that got nothing is delivered to again; nothing where it is not.

    Files of the first version did not note the settings: nobody knows if those have changed, so an instance
    that came from there stays gone until somebody resumes it.
    """
    if state.settings not in ("", digest):
        return "its settings have changed"
    if state.state == "refused" and (state.until is None or state.until <= now):
        return "its pause is over"
    return ""


def _activate(store: FileStore, *, instance: str) -> None:
    store.set_state(instance, "active")
