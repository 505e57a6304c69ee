"""What handlers say to the host: log lines, stats and keys of state, without secrets."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import Context, Destination, Engine, Registry, Request, Workspace, load_destination
from actions_core.destination.state import MemoryState
from actions_core.http.requests import Response
from actions_core.testing import RecordingTransport, make_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEY = "na1.c2VjcmV0K2tleQ.4f"


class Host:
    """Keeps whatever an engine tells its host."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.state = KeyedState(self.told)

    def count(self, name: str, value: int, tags: Mapping[str, str]) -> None:
        """Keep a number."""
        self.told.append((name, value, dict(tags)))

    def histogram(self, name: str, value: float, tags: Mapping[str, str]) -> None:
        """Keep a value."""
        self.told.append((name, value, dict(tags)))


class KeyedState(MemoryState):
    """A state that notes its keys."""

    __slots__ = ("_told",)

    def __init__(self, told: list[Any]) -> None:
        super().__init__()
        self._told = told

    def set(self, key: str, value: Any, ttl: float) -> None:
        """Note the key."""
        self._told.append(key)
        super().set(key, value, ttl)


def shop(handler: Callable[..., Request], settings: dict[str, Any] | None = None) -> Destination:
    """Return a destination with one action."""
    fields = {"key": {"label": "Key", "type": "password"}, **(settings or {})}
    destination = load_destination(
        {
            "slug": "shop",
            "name": "Shop",
            "authentication": {"scheme": "custom", "fields": fields},
            "actions": {"add": {"title": "Add", "fields": {}}},
        }
    )
    destination.action("add")(handler)
    return destination


def deliver(destination: Destination, settings: dict[str, Any], host: Host, *answers: Response) -> Any:
    """Send one event, and a batch of one; return both results."""
    workspace = Workspace.from_dict(
        {
            "destinations": [
                {
                    "destination": "shop",
                    "settings": settings,
                    "subscriptions": [{"partnerAction": "add", "subscribe": 'type = "track"'}],
                }
            ]
        }
    )

    async def scenario() -> Any:
        registry = Registry()
        registry.register(destination)
        transport = RecordingTransport(answers)
        async with Engine(
            workspace, registry=registry, transport=transport, stats=host, state=host.state
        ) as engine:
            report = await engine.send(make_event())
            batch = await engine.send_batch([make_event()])
            return report.results[0], batch.results[0]

    return asyncio.run(scenario())


def test_the_host_is_told_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """Log lines, tracebacks, extras, stats and keys of state have no key in them, whatever a handler says."""

    def add(context: Context) -> Request:
        key = str(context.settings["key"])
        try:
            raise KeyError(key)  # noqa: TRY301 - its frame is what is tested
        except KeyError:
            context.logger.exception("no %s", key, extra={"detail": {"k": key}})
        context.stats.count(f"count.{key}", tag=key)
        context.stats.histogram("sizes", 1.0, tag=key)
        context.state.set(f"seen:{key}", 7, 60)
        assert context.state.get(f"seen:{key}") == 7
        assert context.state.get("seen:***") is None
        return Request("POST", "https://x.test/a", json={})

    host = Host()
    with caplog.at_level(logging.DEBUG):
        result, _ = deliver(shop(add), {"key": KEY}, host)
    assert result.ok
    record = next(record for record in caplog.records if record.levelname == "ERROR")
    assert record.getMessage() == "no ***"
    assert record.exc_info is None
    assert "KeyError: '***'" in str(record.exc_text)
    assert vars(record)["detail"] == {"k": "***"}
    assert KEY not in f"{caplog.text}{host.told}"
    assert any("count.***" in str(one) for one in host.told)


def test_levels_are_the_hosts(caplog: pytest.LogCaptureFixture) -> None:
    """A handler's lines appear at the level that the host's logger has at that moment."""

    def add(context: Context) -> Request:
        context.logger.info("at %d", context.logger.getEffectiveLevel())
        return Request("POST", "https://x.test/a", json={})

    with caplog.at_level(logging.WARNING, logger="actions_core"):
        deliver(shop(add), {}, Host())
        assert "at " not in caplog.text
    with caplog.at_level(logging.INFO, logger="actions_core"):
        deliver(shop(add), {}, Host())
        assert "at 20" in caplog.text


NESTED = {
    "list": {"label": "L", "type": "password", "multiple": True},
    "object": {
        "label": "O",
        "type": "object",
        "properties": {
            "inner": {"label": "I", "type": "password"},
            "other": {"label": "X", "type": "string"},
        },
    },
    "number": {"label": "N", "type": "number"},
}


def test_every_password_at_any_depth_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords in lists and objects are secrets, and so is every value from the environment, numbers too."""

    def add(context: Context) -> Request:
        return Request("POST", "https://x.test/a", json=[*context.settings.values()])

    monkeypatch.setenv("PIN", "0073311")
    settings = {
        "list": ["pw-in-a-list", "second-of-it"],
        "object": {"inner": "pw-in-an-object", "other": "to be seen"},
        "number": {"$env": "PIN"},
    }
    result, batch = deliver(shop(add, NESTED), settings, Host())
    shown = str(result.request.json) + str(batch.nodes)
    for secret in ("pw-in", "second", "73311"):
        assert secret not in shown
    assert "to be seen" in shown


def test_a_node_of_a_batch_is_masked_when_it_is_read() -> None:
    """Neither body, message, type, `to_dict` nor repr shows what the destination echoed."""

    def add(context: Context) -> Request:
        return Request("POST", f"https://x.test/{context.settings['key']}", json={})

    echo = Response(400, {}, f'{{"key": "{KEY}"}}'.encode())
    _, batch = deliver(shop(add), {"key": KEY}, Host(), echo, echo)
    (node,) = batch.nodes
    assert node.body == {"key": "***"}
    assert KEY not in f"{node!r}{node.to_dict()}{node.errormessage}{node.errortype}"
