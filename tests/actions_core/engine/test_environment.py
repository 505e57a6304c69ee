"""Variables of the environment in mappings: read when an instance is compiled, and secret from then on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from actions_slack import destination

from actions_core import Engine, Registry, Workspace
from actions_core.engine.environment import resolve_mapping
from actions_core.engine.instances import written_passwords
from actions_core.errors import WorkspaceError
from actions_core.testing import RecordingTransport
from actions_core.validation.fields import FieldSpec

ADDRESS = "https://hooks.slack.com/services/T000/B000/abcdef123456"
EVENT = {"type": "track", "event": "Order Completed", "messageId": "m-1"}


def workspace_of(url: Any, **mapping: Any) -> Workspace:
    """A workspace with a subscription to Slack that posts to an address."""
    subscription = {
        "partnerAction": "postToChannel",
        "subscribe": 'type = "track"',
        "mapping": {"url": url, "text": {"@path": "$.event"}, **mapping},
    }
    return Workspace.from_dict({"destinations": [{"destination": "slack", "subscriptions": [subscription]}]})


def engine_of(workspace: Workspace, transport: RecordingTransport) -> Engine:
    """An engine that knows Slack only."""
    registry = Registry()
    registry.register(destination)
    return Engine(workspace, registry=registry, transport=transport)


@pytest.mark.parametrize(
    ("mapping", "resolved"),
    [
        ({"a": {"$env": "TOKEN"}}, {"a": "t-1"}),
        ({"a": {"b": [{"$env": "TOKEN"}, 1]}}, {"a": {"b": ["t-1", 1]}}),
        ({"@if": {"exists": {"@path": "$.a"}, "then": {"$env": "TOKEN"}}}, None),
        ({"a": {"@literal": {"$env": "TOKEN"}}}, {"a": {"@literal": {"$env": "TOKEN"}}}),
        ({"a": {"$env": "TOKEN", "b": 1}}, {"a": {"$env": "TOKEN", "b": 1}}),
        ({"a": "$env"}, {"a": "$env"}),
        (None, None),
    ],
)
def test_a_variable_stands_where_a_value_may(mapping: Any, resolved: Any) -> None:
    """An object with no key but `$env` is the variable's value, at any depth but below `@literal`."""
    if resolved is None and mapping is not None:
        resolved = {"@if": {"exists": {"@path": "$.a"}, "then": "t-1"}}
    before = json.dumps(mapping)
    found, secrets, problems = resolve_mapping(mapping, "$", {"TOKEN": "t-1"})
    assert (found, problems) == (resolved, [])
    assert secrets == (["t-1"] if found != mapping else [])
    assert json.dumps(mapping) == before


def test_every_variable_that_cannot_be_read_is_told() -> None:
    """A variable that is not set, and what is no name, refuse the workspace, each with its path."""
    mapping = {"username": {"$env": "NOT_SET"}, "channel": {"$env": 5}, "icon_url": {"$env": ""}}
    with pytest.raises(WorkspaceError) as caught:
        engine_of(workspace_of("x", **mapping), RecordingTransport())
    place = "$.destinations[0].subscriptions[0].mapping"
    assert {problem.path: problem.message for problem in caught.value.problems if problem.is_error} == {
        f"{place}.username": "the environment variable NOT_SET is not set; set it before starting",
        f"{place}.channel.$env": "the name of an environment variable is a string, but it is a number",
        f"{place}.icon_url.$env": "the name of an environment variable is a string, but it is empty",
    }


@pytest.mark.parametrize("written", [{"$env": "SLACK_ADDRESS"}, ADDRESS])
def test_secrets_in_mappings_are_masked(monkeypatch: pytest.MonkeyPatch, written: Any) -> None:
    """The request has the secret; results and explanations have stars, for what is written too."""
    monkeypatch.setenv("SLACK_ADDRESS", ADDRESS)
    transport = RecordingTransport()

    async def work() -> list[str]:
        async with engine_of(workspace_of(written), transport) as engine:
            report = await engine.send(EVENT)
            explanation = await engine.explain(EVENT)
            assert report.ok
            return [json.dumps(report.to_dict()), repr(report), json.dumps(explanation.to_dict())]

    shown = asyncio.run(work())
    assert [request.url for request in transport.requests] == [ADDRESS]
    assert not any("abcdef123456" in text for text in shown)


def test_a_renewed_secret_changes_the_instance_but_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a workspace is replaced, a variable is read anew; a delivery keeps its idempotency key."""
    workspace, transport = workspace_of({"$env": "SLACK_ADDRESS"}), RecordingTransport()

    async def work() -> None:
        monkeypatch.setenv("SLACK_ADDRESS", ADDRESS)
        async with engine_of(workspace, transport) as engine:
            before = engine.instances["slack"]
            engine.replace(workspace)
            assert engine.instances["slack"] is before
            monkeypatch.setenv("SLACK_ADDRESS", ADDRESS + "7")
            engine.replace(workspace)
            after = engine.instances["slack"]
            assert after is not before
            # It is the same account all the same: what its breaker, its budget and its tokens know goes on.
            assert after.lane.connection.admission is before.lane.connection.admission
            assert after.settings_digest == before.settings_digest
            assert after.pipelines[0].scope.key_suffix == before.pipelines[0].scope.key_suffix
            await engine.send(EVENT)

    asyncio.run(work())
    assert [request.url for request in transport.requests] == [ADDRESS + "7"]


def test_a_mapping_too_deep_is_told_as_such() -> None:
    """What is nested deeper than a mapping may be is left to the mapping, which names it."""
    mapping: Any = {"$env": "TOKEN"}
    for _ in range(5_000):
        mapping = {"a": mapping}
    assert resolve_mapping(mapping, "$", {"TOKEN": "t-1"}) == (mapping, [], [])


def test_passwords_are_found_wherever_fields_have_them() -> None:
    """In lists, in objects and below `@literal`, but not in what a directive makes."""
    token = FieldSpec(label="T", description="D", type="password")
    fields = {
        "token": token,
        "auth": FieldSpec(label="A", description="D", type="object", properties={"key": token}),
    }
    mapping = {
        "token": ["one", {"@path": "$.two"}],
        "auth": [{"key": {"@literal": "three"}}, {"key": "four"}],
    }
    assert written_passwords(mapping, fields) == ["one", "three", "four"]
