"""Numbers in Prometheus' format. Only this module needs the extra `[serve]`, and says so when it is missing.

It counts what comes in, collects what the engine and its destinations count (`Stats`), and shows the backlog
of the outbox as it is when somebody asks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from actions_core.apps.server.series import Counter, Histogram

try:
    import prometheus_client as prometheus
    import prometheus_client.core  # noqa: F401 - a part of it that has to be asked for
except ModuleNotFoundError as missing:
    if missing.name != "prometheus_client":
        raise
    prometheus = None  # type: ignore[assignment] # what is not installed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions_core.delivery.store import Backlog

NOT_INSTALLED: Final = "metrics need prometheus-client: pip install 'actions-core[serve]'\n"
#: The labels of what the engine counts; what a destination counts has those that it first came with.
_LABELS: Final = ("instance", "destination", "action", "status", "code")
_KNOWN: Final = {
    "actions.results": _LABELS,
    "actions.tries": _LABELS,
    "actions.duration": _LABELS,
    "actions.retries": _LABELS[:3],
    "actions.refused": ("code",),
    "actions.batch.size": _LABELS[:3],
    "actions.batch.duration": _LABELS[:3],
}
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
#: Sizes are no durations.
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
#: Names that destinations may bring: one that makes up new ones without end does not fill the memory.
_MOST_NAMES: Final = 200
_UNFIT: Final = re.compile(r"[^a-zA-Z0-9_]")
_MILLISECONDS: Final = 1000


def is_available() -> bool:
    """Return whether prometheus-client is installed."""
    return prometheus is not None


class Metrics:
    """All numbers of one server: a `Meter` for what comes in, `Stats` for what the engine delivers."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        self.registry.register(self)
        self._requests = Counter("actions_intake_requests", "Requests of clients.", ("route", "status"))
        self._seconds = Histogram("actions_intake_seconds", "Time until the response.", ("route",), _BUCKETS)
        self._events = Counter(
            "actions_intake_events", "Events of clients, by what became of them.", ("source", "outcome")
        )
        self._backlog = self._gauge("actions_backlog", "Deliveries that wait.", "instance", "state")
        self._oldest = self._gauge(
            "actions_backlog_oldest_seconds", "Age of the oldest event that waits.", "instance"
        )
        self._open = self._gauge("actions_breaker_open", "1 while an instance is left alone.", "instance")
        self._letters = self._gauge("actions_dead_letters", "Deliveries that were given up.")
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}

    # What comes in.

    def note_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request to a route, and how long it took."""
        self._requests.add((route, str(status)))
        self._seconds.observe((route,), seconds)

    def note_events(self, source: str, outcome: str, count: int) -> None:
        """Count events of a source by what became of them."""
        self._events.add((source, outcome.lower()), count)

    # What the engine counts.

    def count(self, name: str, value: int, tags: Mapping[str, str]) -> None:
        """Add `value` to a counter."""
        made = self._counters.get(name)
        if made is None:
            if len(self._counters) >= _MOST_NAMES:
                return
            made = self._counters[name] = Counter(_plain(name), f"{name}.", _labels(name, tags))
        made.add(_values(made.labels, tags), value)

    def histogram(self, name: str, value: float, tags: Mapping[str, str]) -> None:
        """Note one of many values."""
        made = self._histograms.get(name)
        if made is None:
            if len(self._histograms) >= _MOST_NAMES:
                return
            bounds = _SIZES if name.endswith("size") else _BUCKETS
            made = Histogram(_plain(name), f"{name}.", _labels(name, tags), bounds)
            self._histograms[name] = made
        made.observe(_values(made.labels, tags), value)

    # What waits.

    def note_backlog(self, backlogs: Sequence[Backlog], letters: int, now: float) -> None:
        """Take the state of the outbox; `now` are the seconds since 1970."""
        for gauge in (self._backlog, self._oldest, self._open):
            gauge.clear()
        for backlog in backlogs:
            instance = backlog.instance
            for state, count in (
                ("due", backlog.due),
                ("later", backlog.later),
                ("in_hand", backlog.in_hand),
            ):
                self._backlog.labels(instance, state).set(count)
            age = 0.0 if backlog.oldest is None else max(now - backlog.oldest / _MILLISECONDS, 0.0)
            self._oldest.labels(instance).set(age)
            if backlog.breaker:
                self._open.labels(instance).set(backlog.breaker != "closed")
        self._letters.set(letters)

    def render(self) -> bytes:
        """Return all numbers as text."""
        rendered: bytes = prometheus.generate_latest(self.registry)
        return rendered

    def collect(self) -> Iterator[Any]:
        """Yield the counters and histograms, for the registry."""
        for counter in (self._requests, self._events, *list(self._counters.values())):
            family = prometheus.core.CounterMetricFamily(counter.name, counter.text, labels=counter.labels)
            for values, value in counter.items():
                family.add_metric(values, value)
            yield family
        for histogram in (self._seconds, *list(self._histograms.values())):
            several = prometheus.core.HistogramMetricFamily(
                histogram.name, histogram.text, labels=histogram.labels
            )
            for values, buckets, total in histogram.items():
                several.add_metric(values, buckets, total)
            yield several

    def describe(self) -> list[Any]:
        """Return nothing: the registry asks before there are any numbers."""
        return []

    def _gauge(self, name: str, text: str, *labels: str) -> Any:
        return prometheus.Gauge(name, text, labels, registry=self.registry)


def _labels(name: str, tags: Mapping[str, str]) -> tuple[str, ...]:
    return _KNOWN.get(name) or tuple(sorted(tags))


def _values(labels: tuple[str, ...], tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the value of each label; one that is not among the tags is empty."""
    return tuple([tags.get(label, "") for label in labels])


def _plain(name: str) -> str:
    """Return a name as Prometheus has them; a destination's own cannot be one of ours."""
    plain = _UNFIT.sub("_", name)
    return plain if name in _KNOWN else f"destination_{plain}"
