"""Let a host observe deliveries: numbers, traces, each result as it comes, and failures in the log.

An engine has an observer only when its host asked for one of the first three; without it, events take no
extra step. Nothing that the host's functions do touches a delivery. Failures are logged in any case, and so
is what an outbox tries again: one line for each kind and minute, so that nobody overlooks them and no log
overflows.
"""

from __future__ import annotations

from collections import Counter
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import attrs

from actions_core.destination.stats import Codes
from actions_core.engine.executor import deliver_event
from actions_core.engine.results import BatchResult, Result, Status
from actions_core.errors import DefinitionError
from actions_core.values.wording import raised, shown

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from actions_core.destination.stats import Stats
    from actions_core.engine.executor import Item, Lane
    from actions_core.engine.executor.attempt_batch import BatchAttempt
    from actions_core.engine.instances import Instance
    from actions_core.engine.pipeline import Pipeline, Step
    from actions_core.engine.results import Report
    from actions_core.engine.send_batch import EventBatch
    from actions_core.errors import EventError

    #: Told of each result: of every event in every subscription, of a batch once for each subscription.
    ResultListener: TypeAlias = Callable[[Result | BatchResult], None]

#: A listener runs in the event loop: one that takes longer than this, in seconds, is reported.
_SLOW: Final = 1.0


#: Seconds in which one line is logged for failures of the same kind.
_HUSH: Final = 60.0
#: The lines of the log of failures: the first of a kind, and those that were held back.
_FIRST: Final = "%s: %s%s failed: %s: %s"
_MORE: Final = "%s: %s more failed: %s (within a minute)"
#: The same lines for events that are to be tried again.
_FIRST_RETRY: Final = "%s: %s%s is to be tried again: %s: %s"
_MORE_RETRIES: Final = "%s: %s more to be tried again: %s (within a minute)"
#: Of a failure's text, what a line takes.
_LONGEST_TEXT: Final = 500


class Tracing(Protocol):
    """Traces deliveries; `actions_core.telemetry` has an implementation for OpenTelemetry."""

    def begin(self, tags: Mapping[str, str]) -> Callable[[Result | BatchResult | None], None]:
        """Begin a delivery with the tags instance, destination and action, and return what ends it.

        That is called once, in the same context, with the result; with None when it was cancelled.
        """
        ...


class FailureLog:
    """Logs failures: a WARNING for each kind (instance, subscription, code) and minute, with a count.

    What is to be tried again is of a kind of its own. What was held back is said with the next failure after
    the minute, of whatever kind, or by `flush`.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._codes: dict[str, Codes] = {}
        self._kinds: dict[_Kind, _Hushed] = {}
        self._next_look = 0.0

    def note(self, result: Result) -> None:
        """Note the result of one event; only a failure is logged."""
        if result.status is Status.FAILED:
            self._note_result(result)

    def note_retry(self, result: Result) -> None:
        """Note an attempt that failed and will be followed by another."""
        self._note_result(result, retried=True)

    def note_batch(self, result: BatchResult) -> None:
        """Note the failures of a batch, those of one kind together."""
        found: dict[str, list[int]] = {}
        for place, node in enumerate(result.nodes):
            if not node.ok and result.status_of(place) is Status.FAILED:
                found.setdefault(node.errortype or "", []).append(place)
        for code, places in found.items():
            first = places[0]
            message_id = result.message_ids[first] if first < len(result.message_ids) else None
            text = result.nodes[first].errormessage or ""
            self._note(result.instance, result.subscription, code, text, message_id, len(places))

    def note_refused(self, error: EventError, message_id: str | None) -> None:
        """Note input that was not an event, where nobody is told by an exception."""
        self._note("", "", error.code, str(error), message_id)

    def flush(self) -> None:
        """Say what is held back."""
        self._release(None)

    def _note_result(self, result: Result, *, retried: bool = False) -> None:
        code = "" if result.error is None else result.error.code
        about = (result.instance, result.subscription, code, result.reason, result.message_id)
        self._note(*about, retried=retried)

    def _note(
        self,
        instance: str,
        subscription: str,
        code: str,
        text: str,
        message_id: str | None,
        count: int = 1,
        *,
        retried: bool = False,
    ) -> None:
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + _HUSH
            self._release(now)
        code = self._codes.setdefault(instance, Codes()).few(code)
        kind = _Kind(instance, subscription, code, retried)
        hushed = self._kinds.get(kind)
        if hushed is not None and now < hushed.until:
            hushed.count += count
            return
        if hushed is not None:
            self._say_held_back(kind, hushed)
        self._kinds[kind] = _Hushed(now + _HUSH)
        which = "an event" if message_id is None else f"the event {shown(message_id)}"
        alike = f" and {count - 1:,} more of its batch" if count > 1 else ""
        form = _FIRST_RETRY if retried else _FIRST
        self._logger.warning(form, kind.place, which, alike, code, _line(text))

    def _release(self, now: float | None) -> None:
        """Say what is held back of the kinds whose minute is over, or of all."""
        for kind, hushed in list(self._kinds.items()):
            if now is None or now >= hushed.until:
                self._say_held_back(kind, hushed)
                del self._kinds[kind]

    def _say_held_back(self, kind: _Kind, hushed: _Hushed) -> None:
        if hushed.count:
            form = _MORE_RETRIES if kind.retried else _MORE
            self._logger.warning(form, kind.place, f"{hushed.count:,}", kind.code)


def is_no_failure(record: logging.LogRecord) -> bool:
    """Filter the failures from a logger, for a program that tells of each of them in its own way."""
    return record.msg not in (_FIRST, _MORE, _FIRST_RETRY, _MORE_RETRIES)


@attrs.define
class _Hushed:
    """A kind of failure of which nothing is said until a moment, and how many there were meanwhile."""

    until: float
    count: int = 0


@attrs.frozen
class _Kind:
    """Failures that share a line of the log."""

    instance: str
    subscription: str
    code: str
    retried: bool

    @property
    def place(self) -> str:
        """Where the failure was."""
        return f"{self.instance}, {self.subscription}" if self.instance else "what came in"


def _line(text: str) -> str:
    """Return text as part of one line of a log, whatever characters it has."""
    text = " ".join(text[: 2 * _LONGEST_TEXT].split())
    text = text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _unseen(_result: Result | BatchResult | None) -> None:
    """End a delivery whose beginning could not be traced."""


class Observer:
    """Observes every delivery of an engine."""

    def __init__(
        self,
        destinations: Mapping[str, str],
        *,
        stats: Stats | None,
        tracing: Tracing | None,
        on_result: ResultListener | None,
        logger: logging.Logger,
    ) -> None:
        if on_result is not None:
            _check_listener(on_result)
        self._destinations = dict(destinations)
        self._stats = stats
        self._on_result = on_result
        self._tracing = tracing
        self._logger = logger
        self._codes = {instance: Codes() for instance in destinations}
        self._refusals = Codes()
        self._complaints: set[str] = set()

    def learn(self, instances: Iterable[Instance]) -> None:
        """Note the instances of another workspace; those of the present one may still be in progress."""
        for instance in instances:
            self._destinations[instance.id] = instance.destination.slug
            self._codes.setdefault(instance.id, Codes())

    async def deliver(self, lane: Lane, step: Step) -> Result:
        """Deliver the event of a step that matched."""
        result = await self.attempt(lane, step)
        self.note(result)
        return result

    async def attempt(self, lane: Lane, step: Step) -> Result:
        """Deliver the event of a step that matched, and tell only the traces."""
        end = self._begin(lane.instance, step.pipeline)
        result = None
        try:
            result = await deliver_event(lane, step)
        finally:
            self._guard("tracing", end, result)
        return result

    async def deliver_events(self, instance: Instance, pipeline: Pipeline, batch: EventBatch) -> BatchResult:
        """Take the events of a batch through one subscription."""
        from actions_core.engine.send_batch import deliver_events

        end = self._begin(instance.id, pipeline)
        result = None
        try:
            result = await deliver_events(instance, pipeline, batch)
        finally:
            self._guard("tracing", end, result)
        if self._stats is not None:
            self._count_batch(self._stats, result)
        self._tell(result)
        return result

    async def attempt_batch(
        self,
        lane: Lane,
        pipeline: Pipeline,
        items: Sequence[Item],
        started_job: Callable[[], None] | None = None,
    ) -> BatchAttempt:
        """Deliver items together, and tell of no results but the traces'."""
        from actions_core.engine.executor.attempt_batch import attempt_batch

        end = self._begin(lane.instance, pipeline)
        done = None
        started = perf_counter()
        try:
            attempt = await attempt_batch(lane, pipeline, items, started_job)
            done = BatchResult(
                lane.instance,
                pipeline.name,
                pipeline.action,
                tuple(attempt.nodes),
                perf_counter() - started,
                message_ids=tuple([item.step.message_id for item in items]),
                mask=lane.connection.mask,
            )
        finally:
            self._guard("tracing", end, done)
        if self._stats is not None:
            tags = self._tags(lane.instance, pipeline.action)
            self._stats.histogram("actions.batch.size", len(items), tags)
            self._stats.histogram("actions.batch.duration", done.duration, tags)
        return attempt

    def note_skipped(self, report: Report, noted: Collection[int]) -> None:
        """Note the results of an event that was not meant for some subscriptions; those at `noted` are."""
        for place, result in enumerate(report.results):
            if result.status is Status.SKIPPED and place not in noted:
                self.note(result)

    def note_retry(self, result: Result) -> None:
        """Count an attempt that will be followed by another."""
        if self._stats is not None:
            self._stats.count("actions.retries", 1, self._tags(result.instance, result.action))

    def note_refused(self, error: EventError) -> None:
        """Note input that was not an event."""
        if self._stats is not None:
            self._stats.count("actions.refused", 1, {"code": self._refusals.few(error.code)})

    def _begin(self, instance: str, pipeline: Pipeline) -> Callable[[Result | BatchResult | None], None]:
        if self._tracing is None:
            return _unseen
        begun = self._guard("tracing", self._tracing.begin, self._tags(instance, pipeline.action))
        return begun or _unseen

    def note(self, result: Result) -> None:
        """Note a final outcome."""
        if self._stats is not None:
            self._count(self._stats, result)
        self._tell(result)

    def _tell(self, result: Result | BatchResult) -> None:
        if self._on_result is None:
            return
        started = perf_counter()
        self._guard("on_result", self._on_result, result)
        if perf_counter() - started > _SLOW:
            self._complain("slow", f"the host's on_result blocked the event loop for more than {_SLOW:g} s")

    def _count(self, stats: Stats, result: Result) -> None:
        tags = self._tags(result.instance, result.action)
        tags["status"] = str(result.status)
        if result.error is not None:
            tags["code"] = self._codes[result.instance].few(result.error.code)
        stats.count("actions.results", 1, tags)
        if result.status is not Status.SKIPPED:
            stats.count("actions.tries", result.tries, tags)
            stats.histogram("actions.duration", result.duration, tags)

    def _count_batch(self, stats: Stats, result: BatchResult) -> None:
        tags = self._tags(result.instance, result.action)
        codes = self._codes[result.instance]
        size = len(result.nodes) - len(result.skipped)
        found: Counter[tuple[Status, str | None]] = Counter()
        for place, node in enumerate(result.nodes):
            found[result.status_of(place), node.errortype] += 1
        for (status, code), count in found.items():
            more = {"status": str(status)}
            if status is Status.FAILED and code is not None:
                more["code"] = codes.few(code)
            stats.count("actions.results", count, {**tags, **more})
        if size:
            stats.histogram("actions.batch.size", size, tags)
            stats.histogram("actions.batch.duration", result.duration, tags)

    def _tags(self, instance: str, action: str) -> dict[str, str]:
        return {"instance": instance, "destination": self._destinations[instance], "action": action}

    def _guard(self, whose: str, function: Callable[..., Any], *given: Any) -> Any:
        try:
            return function(*given)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the host's function; deliveries go on whatever it does
            self._complain(whose, f"the host's {whose} failed: {raised(error)}")
            return None

    def _complain(self, whose: str, text: str) -> None:
        if whose not in self._complaints:
            self._complaints.add(whose)
            self._logger.error("%s (said once)", text)


def observer_for(
    instances: Iterable[Instance],
    stats: Stats | None,
    tracing: Tracing | None,
    logger: logging.Logger,
    on_result: ResultListener | None,
) -> Observer | None:
    """Make an observer for a host that wants to see something; None for one that does not."""
    if stats is None and tracing is None and on_result is None:
        return None
    slugs = {instance.id: instance.destination.slug for instance in instances}
    return Observer(slugs, stats=stats, tracing=tracing, on_result=on_result, logger=logger)


def both(first: ResultListener | None, second: ResultListener | None) -> ResultListener | None:
    """Return a function that tells the two of a result; the only one, or None, where there are not two."""
    if first is None or second is None:
        return first or second
    _check_listener(second)

    def tell(result: Result | BatchResult) -> None:
        first(result)
        second(result)

    return tell


def _check_listener(listener: object) -> None:
    from inspect import iscoroutinefunction

    if iscoroutinefunction(listener):
        raise DefinitionError(
            "on_result is an async function, which nothing would wait for: give a plain one, which may put "
            "the result into a queue that a task of yours reads"
        )
