"""Whatever comes in as workspace, definition, mapping, condition or event: an ActionsError or a result.

The strategies draw from the vocabulary of the files themselves, so that most of what they make gets
far before it fails.
"""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions_core import (
    ActionsError,
    Engine,
    Registry,
    Status,
    Workspace,
    compile_mapping,
    load_destination,
    parse_fql,
    validate_mapping,
)
from actions_core.testing import RecordingTransport
from actions_core.values.events import EVENT_TYPES
from tests.trials import examples

KEYS = [
    "type", "event", "name", "userId", "anonymousId", "properties", "traits", "context", "messageId",
    "timestamp", "email", "first-name", "is.active", "__proto__", "self", "", "a", "$env", "_metadata",
]  # fmt: skip
DIRECTIVES = [
    "@path", "@template", "@literal", "@if", "@case", "@replace", "@arrayPath", "@flatten", "@json",
    "@merge", "@transform", "@excludeWhenNull", "@liquid", "@jmespath", "@nope",
]  # fmt: skip
OPTIONS = [
    "exists", "blank", "then", "else", "operator", "value", "pattern", "replacement", "separator", "mode",
    "objects", "direction", "apply", "mapping", "omitArrays", "ignorecase", "global",
]  # fmt: skip
TEXTS = [
    "track", "identify", "$.properties.a", "$.traits.email", "properties.a[0]", "{{properties.a}}",
    "{{{", "$.",
    "{% for i in (1..99999999) %}x{% endfor %}", "{{ event | upcase }}", "traits.*.a | [0]", "lower",
    "encode",
    "2026-01-02T03:04:05Z", "1700000000", "\ud800", "\0", "ü@x", 'type = "track"', "left", "/",
    "..",
]  # fmt: skip

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(TEXTS),
    st.text(max_size=8),
)
KEY = st.one_of(st.sampled_from(KEYS), st.text(max_size=4))


def json_values(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """JSON whose objects have keys from a vocabulary."""
    return st.recursive(
        SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
        max_leaves=12,
    )


VALUES = json_values(KEY)
MAPPINGS = json_values(st.one_of(st.sampled_from(DIRECTIVES), st.sampled_from(OPTIONS), KEY))
CONDITIONS = st.lists(
    st.sampled_from(
        [
            "type", "event", "name", "userId", "properties.a", "traits.email", "context.page.url", "foo",
            "=", "!=", "<", ">=", "and", "or", "(", ")", "!", "contains(", "match(", ",", '"track"', "'x*'",
            "5", "1e400", "null", "true", "\\", '"', "\ud800",
        ]
    ),
    max_size=12,
).map(" ".join)  # fmt: skip
EVENTS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {"type": st.sampled_from(EVENT_TYPES)},
        optional={key: VALUES for key in KEYS if key != "type"},
    ),
)
SOME = settings(
    max_examples=examples(100), deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@functools.cache
def registry() -> Registry:
    """The installed destinations."""
    return Registry().discover()


@SOME
@given(MAPPINGS, VALUES)
def test_any_mapping_on_any_event(mapping: Any, event: Any) -> None:
    """Any JSON is a mapping or is refused; a mapping gives a value or an ActionsError for any JSON."""
    validate_mapping(mapping)
    before = json.dumps([mapping, event])
    try:
        compiled = compile_mapping(mapping)
        compiled.keys()
        compiled.resolve(event)
    except ActionsError:
        pass
    assert json.dumps([mapping, event]) == before


@SOME
@given(CONDITIONS, EVENTS)
def test_any_condition_on_any_event(text: str, event: Any) -> None:
    """Any text is a condition or is refused; a condition has a verdict on any object."""
    try:
        condition = parse_fql(text)
    except ActionsError:
        return
    if isinstance(event, dict):
        assert condition.matches(event) is condition.trace(event).matched


@SOME
@given(
    json_values(
        st.sampled_from(
            [
                "slug",
                "name",
                "mode",
                "actions",
                "fields",
                "presets",
                "type",
                "label",
                "required",
                "default",
                "choices",
            ]
        )
    )
)
def test_any_definition(definition: Any) -> None:
    """Any JSON is a definition or is refused with its problems."""
    said = "loaded"
    try:
        load_destination(definition)
    except ActionsError as error:
        said = str(error)
    assert said


ACTIONS = ["trackEvent", "trackEventV2", "identifyUser", "identifyUserV2"]
SUBSCRIPTION = st.fixed_dictionaries(
    {
        "partnerAction": st.sampled_from([*ACTIONS, "nothing"]),
        "subscribe": st.sampled_from(['type != "x"', 'type = "track"', "type ="]),
    },
    optional={
        "mapping": st.dictionaries(
            st.sampled_from(
                ["userId", "uid", "name", "properties", "traits", "timestamp", "sessionUrl", "email"]
            ),
            st.one_of(MAPPINGS, st.just({"@path": "$.properties"}), st.just({"@path": "$."})),
        )
    },
)
WORKSPACES = st.one_of(
    json_values(st.sampled_from(["destinations", "id", "destination", "settings", "subscriptions", "$env"])),
    st.builds(
        lambda subscriptions, given, extra: {
            "destinations": [
                {
                    "destination": "actions-fullstory-cloud",
                    "settings": given,
                    "subscriptions": subscriptions,
                    "delivery": {"retry": {"tries": 1}},
                    **extra,
                }
            ]
        },
        st.lists(SUBSCRIPTION, max_size=3),
        st.one_of(st.just({"apiKey": "na1.key"}), VALUES),
        st.dictionaries(st.sampled_from(["filters", "enabled", "more"]), VALUES, max_size=1),
    ),
)


@SOME
@given(WORKSPACES, st.lists(EVENTS, max_size=4))
def test_any_workspace_and_any_events(workspace: Any, events: list[Any]) -> None:
    """A workspace is refused, or every event in it has a report; explaining agrees with sending."""

    async def scenario() -> None:
        transport = RecordingTransport()
        try:
            engine = Engine(Workspace.from_dict(workspace), registry=registry(), transport=transport)
        except ActionsError:
            return
        async with engine:
            reports = [report async for report in engine.send_many(events, concurrency=2)]
            assert sorted(report.index for report in reports) == list(range(len(events)))
            for report in reports:
                for result in report.results:
                    assert result.status in set(Status)
                    assert result.error is None or result.error.code != "HANDLER_FAILED", result.reason
                if report.error is None:
                    await engine.explain(events[report.index])
            await engine.send_batch(events)

    asyncio.run(scenario())


@pytest.mark.parametrize("depth", [99, 1_000, 100_000])
def test_depth_is_refused_or_carried(depth: int) -> None:
    """Nesting of any depth ends in a verdict, wherever it comes in."""
    deep: Any = {"@path": "$.a"}
    for _ in range(depth):
        deep = [deep]
    for attempt in (
        lambda: compile_mapping({"a": deep}).resolve({}),
        lambda: compile_mapping({"a": {"@path": "$.a"}}).resolve({"a": deep}),
        lambda: compile_mapping({"a": {"@flatten": {"value": {"@path": "$.a"}, "separator": "."}}}).resolve(
            {"a": deep}
        ),
        lambda: compile_mapping({"a": {"@json": {"mode": "encode", "value": {"@path": "$.a"}}}}).resolve(
            {"a": deep}
        ),
        lambda: compile_mapping({"a": {"@template": "{{a}}"}}).resolve({"a": deep}),
        lambda: parse_fql("(" * depth + 'type = "track"' + ")" * depth),
        lambda: parse_fql("!(" * depth + 'type = "track"' + ")" * depth),
        lambda: load_destination({"slug": deep}),
        lambda: Workspace.from_dict({"destinations": deep}),
    ):
        said = "carried"
        try:
            attempt()
        except ActionsError as error:
            said = str(error)
        assert said
