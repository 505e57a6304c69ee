"""Traces and metrics, as OpenTelemetry's own exporters see them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from actions_core import Client, Engine, Registry, Request, Response, Workspace, load_destination
from actions_core.telemetry import OpenTelemetryStats, OpenTelemetryTracing
from actions_core.testing import RecordingTransport, make_event

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

TAGS = {"actions.instance": "one", "actions.destination": "sample", "actions.action": "send"}


class Watched:
    """An engine with one destination, whose spans and metrics stay in memory."""

    def __init__(self, responses: list[Any], *, seconds: float = 0.0, message_ids: bool = False) -> None:
        self.exporter = InMemorySpanExporter()
        self.spans = TracerProvider()
        self.spans.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.responses = responses
        self.seconds = seconds
        self.message_ids = message_ids

    def engine(self) -> Engine:
        """An engine that is watched."""
        destination = load_destination(
            {
                "slug": "sample",
                "name": "S",
                "mode": "cloud",
                "actions": {"send": {"title": "Send", "description": "D", "fields": {}}},
            }
        )

        @destination.action("send")
        async def send(client: Client) -> None:
            self.inside = trace.get_current_span()
            await asyncio.sleep(self.seconds)
            await client.send(Request("POST", "https://s.test/jane"))

        @destination.batch("send")
        def send_all(payloads: list[dict[str, Any]]) -> Request:
            return Request("POST", "https://s.test/all", json=payloads)

        registry = Registry()
        registry.register(destination)
        instance = {
            "id": "one",
            "destination": "sample",
            "subscriptions": [{"partnerAction": "send", "subscribe": 'type = "track"', "mapping": {}}],
            "delivery": {"retry": {"tries": 2, "base": 0}, "timeout": 0.05},
        }
        return Engine(
            Workspace.from_dict({"destinations": [instance]}),
            registry=registry,
            transport=RecordingTransport(self.responses),
            stats=OpenTelemetryStats(MeterProvider([self.reader])),
            tracing=OpenTelemetryTracing(self.spans, message_ids=self.message_ids),
        )

    def send(self, *events: Any, batch: bool = False) -> None:
        """Send the events, one after the other or together."""

        async def scenario() -> None:
            async with self.engine() as engine:
                if batch:
                    await engine.send_batch(events)
                for event in () if batch else events:
                    await engine.send(event)

        asyncio.run(scenario())

    def finished(self) -> list[ReadableSpan]:
        """The spans that have ended."""
        return list(self.exporter.get_finished_spans())

    def metrics(self) -> dict[str, list[tuple[Any, dict[str, Any]]]]:
        """The points of each metric: sum or count, and attributes."""
        data = self.reader.get_metrics_data()
        assert data is not None
        return {
            metric.name: [
                # A counter's point has a value, a histogram's a count; their types say so of neither.
                (getattr(point, "value", None) or getattr(point, "count", None), dict(point.attributes or {}))
                for point in metric.data.data_points
            ]
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


def test_each_delivery_is_a_span() -> None:
    """A delivery is one span with instance, destination, action, status and tries; others have none."""
    watched = Watched([Response(503), Response(200)])
    watched.send(make_event(), make_event(type="page"))
    (span,) = watched.finished()
    assert span.name == "deliver send"
    assert dict(span.attributes or {}) == {**TAGS, "actions.status": "sent", "actions.tries": 2}
    assert span.status.status_code is trace.StatusCode.UNSET


@pytest.mark.parametrize("asked", [True, False])
def test_spans_name_events_where_asked(asked: bool) -> None:  # noqa: FBT001 - a case
    """With `message_ids`, a span has the messageId of its event, or those of its batch; else it has none."""
    watched = Watched([Response(200), Response(200)], message_ids=asked)

    async def main() -> None:
        async with watched.engine() as engine:
            await engine.send(make_event(messageId="one"))
            await engine.send_batch([make_event(messageId="two"), {}])

    asyncio.run(main())
    single, batch = (dict(span.attributes or {}) for span in watched.finished())
    assert single.get("actions.message_id") == ("one" if asked else None)
    assert batch.get("actions.batch.message_ids") == (("two",) if asked else None)


def test_a_failure_is_recorded_without_personal_data() -> None:
    """A span of a failure has its code, class and status, and nothing that came from the event."""
    watched = Watched([Response(400, {}, b"jane@example.com is no user")])
    watched.send(make_event(event="jane@example.com", userId="jane"))
    (span,) = watched.finished()
    assert dict(span.attributes or {}) == {
        **TAGS,
        "actions.status": "failed",
        "actions.tries": 1,
        "error.type": "BAD_REQUEST",
        "actions.error.status": 400,
    }
    assert (span.status.status_code, span.status.description) == (trace.StatusCode.ERROR, "BAD_REQUEST")
    assert [(event.name, dict(event.attributes or {})) for event in span.events] == [
        ("exception", {"exception.type": "ResponseError"})
    ]
    assert "jane" not in f"{span.to_json()}{watched.metrics()}"


def test_the_span_is_current_while_the_delivery_runs() -> None:
    """Spans that are made below a delivery belong to it, and it belongs to the one around `send`."""
    watched = Watched([])

    async def scenario() -> None:
        async with watched.engine() as engine:
            with watched.spans.get_tracer("host").start_as_current_span("host") as host:
                await engine.send(make_event())
                assert trace.get_current_span() is host

    asyncio.run(scenario())
    delivery, host = watched.finished()
    assert watched.inside.get_span_context() == delivery.context
    assert delivery.parent == host.context


def test_a_cancelled_delivery_is_a_span_too() -> None:
    """A delivery whose task is cancelled ends its span, which says so."""

    async def scenario(watched: Watched) -> None:
        async with watched.engine() as engine:
            sending = asyncio.create_task(engine.send(make_event()))
            await asyncio.sleep(0.01)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    watched = Watched([], seconds=60)
    asyncio.run(scenario(watched))
    (span,) = watched.finished()
    assert dict(span.attributes or {}) == {**TAGS, "actions.status": "cancelled"}


@pytest.mark.parametrize("status", [200, 400])
def test_a_batch_is_one_span(status: int) -> None:
    """A batch through one subscription is one span that counts what became of its events."""
    watched = Watched([Response(status)])
    watched.send(make_event(), make_event(type="page"), make_event(), batch=True)
    (span,) = watched.finished()
    good = status == 200
    assert dict(span.attributes or {}) == {
        **TAGS,
        "actions.status": "sent" if good else "failed",
        "actions.batch.size": 3,
        "actions.batch.sent": 2 if good else 0,
        "actions.batch.failed": 0 if good else 2,
        "actions.batch.skipped": 1,
        "actions.batch.not_tried": 0,
        **({} if good else {"error.type": "BAD_REQUEST", "actions.error.status": 400}),
    }


def test_numbers_become_metrics() -> None:
    """Counters and histograms of the engine are metrics with its tags as attributes."""
    watched = Watched([Response(503), Response(200)])
    watched.send(make_event(), make_event(), make_event(type="page"))
    found = watched.metrics()
    tags = {"instance": "one", "destination": "sample", "action": "send"}
    assert found["actions.results"] == [(2, {**tags, "status": "sent"}), (1, {**tags, "status": "skipped"})]
    assert found["actions.tries"] == [(3, {**tags, "status": "sent"})]
    assert found["actions.duration"] == [(2, {**tags, "status": "sent"})]


def test_nothing_is_imported_when_it_is_off() -> None:
    """An engine without telemetry does not import OpenTelemetry."""
    code = (
        "import sys, actions_core; assert not any(name.startswith('opentelemetry') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603  # our own code


def test_without_the_extra_the_import_says_what_to_install() -> None:
    """Where OpenTelemetry is not installed, the error names the extra."""
    code = "import sys; sys.modules['opentelemetry'] = None\nimport actions_core.telemetry"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603  # our own code
    assert "pip install 'actions-core[otel]'" in run.stderr
