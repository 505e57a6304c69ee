"""Google Analytics 4: its cases, its settings, and what is warned of."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from actions_google_analytics_4 import destination
from actions_google_analytics_4.currencies import is_currency
from actions_google_analytics_4.handlers import send_event

from actions_core import Engine, Registry, Workspace
from actions_core.testing import RecordingTransport, make_context, run_cases

if TYPE_CHECKING:
    from actions_core import JsonObject, Result

SLUG = "actions-google-analytics-4"


def test_cases() -> None:
    """Each case becomes the request that it names, or the problems."""
    assert run_cases(destination, Path(__file__).with_name("cases")) > len(destination.spec.actions)


def try_settings(settings: JsonObject) -> tuple[Result, RecordingTransport]:
    """The outcome of a test of settings, and the network that it had."""
    registry, transport = Registry(), RecordingTransport()
    registry.register(destination)
    instance = {
        "id": "ga",
        "destination": SLUG,
        "settings": {"apiSecret": "s", **settings},
        "subscriptions": [],
    }
    workspace = Workspace.from_dict({"destinations": [instance]})

    async def main() -> Result:
        async with Engine(workspace, registry=registry, transport=transport) as engine:
            return await engine.test_authentication("ga")

    return asyncio.run(main()), transport


def test_settings_name_a_stream() -> None:
    """Settings without any stream are refused, without a request."""
    result, transport = try_settings({})
    assert not result.ok
    assert "measurementId" in str(result.error)
    assert transport.requests == []


@pytest.mark.parametrize(
    ("settings", "query"),
    [({"measurementId": "G-1"}, "measurement_id=G-1"), ({"firebaseAppId": "a"}, "firebase_app_id=a")],
)
def test_settings_are_tested_where_nothing_is_kept(settings: JsonObject, query: str) -> None:
    """The validation server is asked, so that a test leaves no event in anybody's reports."""
    result, transport = try_settings(settings)
    assert result.ok
    (request,) = transport.requests
    assert request.url == f"https://www.google-analytics.com/debug/mp/collect?api_secret=s&{query}"
    assert request.json == {"events": []}


def test_what_is_no_time_is_warned_of() -> None:
    """An event whose time cannot be read goes out without one, and its author hears of it."""
    context = make_context({"apiSecret": "s", "measurementId": "G-1"}, action="login")
    request = send_event({"client_id": "c", "timestamp_micros": "soon"}, context=context)
    assert "timestamp_micros" not in request.json
    assert [warning.path for warning in context.warnings] == ["$.timestamp_micros"]


@pytest.mark.parametrize(("code", "known"), [("EUR", True), ("jpy", True), ("EURO", False), ("ABC", False)])
def test_currencies(code: str, known: bool) -> None:  # noqa: FBT001  # a parameter of pytest
    """Codes of ISO 4217 are known in any case."""
    assert is_currency(code) is known
