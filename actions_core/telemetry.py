"""Traces and metrics for OpenTelemetry: the only module that imports it, with the extra `[otel]`.

Only applications that want it import this module. Neither spans nor metrics contain personal data: an error
is given by its code and its class, never by its text, because a refusal may quote what was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

try:
    from opentelemetry import context, metrics, trace
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "actions_core.telemetry needs OpenTelemetry, which comes with the extra: "
        "pip install 'actions-core[otel]'",
        name=error.name,
    ) from None

from actions_core.destination.stats import Codes
from actions_core.engine.results import BatchResult, Result, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.metrics import Counter, Histogram, Meter, MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

_SCOPE: Final = "actions_core"
_MOST_IDS: Final = 100
#: Units of our own histograms, as OpenTelemetry writes them.
_UNITS: Final = {
    "actions.duration": "s",
    "actions.batch.duration": "s",
    "actions.batch.size": "{event}",
}


class OpenTelemetryStats:
    """The engine's statistics as metrics of the same names: `Engine(workspace, stats=OpenTelemetryStats())`.

    Without a provider, it uses the one that is set for the process.
    """

    def __init__(self, provider: MeterProvider | None = None) -> None:
        self._meter: Meter = metrics.get_meter(_SCOPE, meter_provider=provider)
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}

    def count(self, name: str, value: int, tags: Mapping[str, str]) -> None:
        """Add `value` to the counter `name`."""
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = self._meter.create_counter(name)
        counter.add(value, tags)

    def histogram(self, name: str, value: float, tags: Mapping[str, str]) -> None:
        """Record a value in the histogram `name`."""
        histogram = self._histograms.get(name)
        if histogram is None:
            histogram = self._meter.create_histogram(name, unit=_UNITS.get(name, ""))
            self._histograms[name] = histogram
        histogram.record(value, tags)


class OpenTelemetryTracing:
    """A span for each delivery: `Engine(workspace, tracing=OpenTelemetryTracing())`.

    It is the current span while the delivery runs, so that the spans of an instrumented HTTP client become
    its children. Without a provider, it uses the one that is set for the process. With `message_ids`, a
    span names the event by its messageId, and that of a batch its first hundred events.
    """

    def __init__(self, provider: TracerProvider | None = None, *, message_ids: bool = False) -> None:
        self._message_ids = message_ids
        self._tracer: Tracer = trace.get_tracer(_SCOPE, tracer_provider=provider)
        self._codes = Codes()

    def begin(self, tags: Mapping[str, str]) -> Callable[[Result | BatchResult | None], None]:
        """Begin the span of a delivery, and return the function that ends it."""
        attributes = {f"actions.{name}": value for name, value in tags.items()}
        span = self._tracer.start_span(f"deliver {tags['action']}", attributes=attributes)
        token = context.attach(trace.set_span_in_context(span))

        def end(result: Result | BatchResult | None) -> None:
            context.detach(token)
            if span.is_recording():
                _describe(span, result, self._codes)
                if self._message_ids and result is not None:
                    _name_events(span, result)
            span.end()

        return end


def _name_events(span: Span, result: Result | BatchResult) -> None:
    if isinstance(result, BatchResult):
        named = [message_id for message_id in result.message_ids[:_MOST_IDS] if message_id is not None]
        span.set_attribute("actions.batch.message_ids", named)
    elif result.message_id is not None:
        span.set_attribute("actions.message_id", result.message_id)


def _describe(span: Span, result: Result | BatchResult | None, codes: Codes) -> None:
    if result is None:
        span.set_attribute("actions.status", "cancelled")
    elif isinstance(result, BatchResult):
        _describe_batch(span, result, codes)
    else:
        span.set_attributes({"actions.status": str(result.status), "actions.tries": result.tries})
        if result.error is not None:
            _fail(span, codes.few(result.error.code), result.error.status)
            span.add_event("exception", {"exception.type": type(result.error).__name__})


def _describe_batch(span: Span, result: BatchResult, codes: Codes) -> None:
    found = [result.status_of(place) for place in range(len(result.nodes))]
    failed = [node for node, status in zip(result.nodes, found, strict=True) if status is Status.FAILED]
    span.set_attribute("actions.batch.size", len(found))
    for status in Status:
        span.set_attribute(f"actions.batch.{status}", found.count(status))
    span.set_attribute("actions.status", str(Status.FAILED if failed else Status.SENT))
    if failed:
        # The first represents all: a batch mostly fails for one reason, and each event's own is in its node.
        _fail(span, codes.few(failed[0].errortype or ""), failed[0].status)


def _fail(span: Span, code: str, status: int | None) -> None:
    span.set_status(trace.StatusCode.ERROR, code)
    span.set_attribute("error.type", code)
    if status is not None:
        span.set_attribute("actions.error.status", status)
