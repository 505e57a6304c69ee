"""Destination filters: samples, drops, and what is left of an event."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.engine import filters as module
from actions_core.engine.filters import MAX_KEYS, FilterTrace, compile_filters, validate_filters
from actions_core.errors import DefinitionError
from tests.trials import examples

EVENT = {
    "type": "track",
    "messageId": "m-1",
    "event": "Order Completed",
    "userId": "u-1",
    "properties": {
        "plan": "pro",
        "email": "a@b.test",
        "user.email": "c@d.test",
        "user": {"email": "e@f.test", "name": "Ada"},
        "products": [{"id": 1, "price": 5, "tags": ["x"]}, {"id": 2, "price": 6}, "loose"],
    },
    "traits": {"email": "g@h.test"},
    "context": {"ip": "8.8.8.8", "page": {"url": "https://x.test", "path": "/"}},
}
PROPERTIES: dict[str, Any] = EVENT["properties"]  # type: ignore[assignment]  # a dictionary there
ALL = 'type = "track"'


def filtered(*actions: dict[str, Any], condition: str = ALL, event: dict[str, Any] = EVENT) -> Any:
    """The event after one filter with these actions."""
    return compile_filters([{"if": condition, "actions": list(actions)}]).apply(event)[0]


def change(kind: str, **fields: Any) -> dict[str, Any]:
    """An action that drops or allows properties; `properties__user` is the path `properties.user`."""
    return {
        "type": kind,
        "fields": {key.replace("__", "."): {"fields": value} for key, value in fields.items()},
    }


def test_no_filters() -> None:
    """Without filters, or with none that is enabled or matches, the very same event goes on."""
    drop = {"if": ALL, "actions": [{"type": "DROP"}]}
    assert compile_filters([]).apply(EVENT) == (EVENT, "")
    assert compile_filters([{**drop, "enabled": False}]).apply(EVENT)[0] is EVENT
    assert compile_filters([{**drop, "if": 'type = "page"'}]).apply(EVENT)[0] is EVENT


@pytest.mark.parametrize("text", ["all", " all "])
def test_all_matches_every_event(text: str) -> None:
    """The word `all` alone means every event, as in Segment's filters: it is no field, even of an event."""
    raw = [{"if": text, "actions": [change("DROP_PROPERTIES", properties=["email"])]}]
    assert validate_filters(raw) == []
    filters = compile_filters(raw)
    for event in (EVENT, {**EVENT, "type": "identify"}, {**EVENT, "all": False}):
        left = filters.apply(event)[0]
        assert left is not None
        assert "email" not in left["properties"]
        assert [trace.outcome for trace in filters.trace(event)] == ["removes properties"]


def test_all_is_a_field_where_it_does_not_stand_alone() -> None:
    """Only the word alone means every event; compared, it is a field."""
    raw = [{"if": 'all = "x"', "actions": [{"type": "DROP"}]}]
    assert compile_filters(raw).apply(EVENT)[0] is EVENT
    assert compile_filters(raw).apply({**EVENT, "all": "x"})[0] is None


def test_drop_says_which_filter() -> None:
    """A dropped event comes with the filter's name or, where it has none, its condition."""
    raw = {"if": 'event = "Order Completed"', "actions": [{"type": "DROP"}], "enabled": None}
    assert compile_filters([raw]).apply(EVENT) == (
        None,
        'the filter event = "Order Completed" drops the event',
    )
    assert compile_filters([{**raw, "name": "No orders"}]).apply(EVENT) == (
        None,
        "the filter No orders drops the event",
    )


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"properties": ["email", "unknown"]}, ["plan", "user.email", "user", "products"]),
        ({"properties": ["user"]}, ["plan", "email", "user.email", "products"]),
        ({"": ["properties.email"]}, ["plan", "user.email", "user", "products"]),
    ],
)
def test_drop_properties(fields: dict[str, list[str]], left: list[str]) -> None:
    """The named keys go; the rest is shared with the event that came in, which stays as it was."""
    before = copy.deepcopy(EVENT)
    after = filtered(change("DROP_PROPERTIES", **fields))
    assert list(after["properties"]) == left
    assert after["context"] is EVENT["context"]
    assert before == EVENT


def test_drop_nested() -> None:
    """A name with dots is a path, and also the key of just that name."""
    after = filtered(change("DROP_PROPERTIES", properties=["user.email"], context=["page.url"]))
    assert after["properties"]["user"] == {"name": "Ada"}
    assert "user.email" not in after["properties"]
    assert after["context"] == {"ip": "8.8.8.8", "page": {"path": "/"}}
    assert filtered(change("DROP_PROPERTIES", properties__user=["email"]))["properties"]["user"] == {
        "name": "Ada"
    }


def test_drop_in_lists() -> None:
    """A list on the way stands for its items; those without the key are left alone."""
    after = filtered(change("DROP_PROPERTIES", properties=["products.price"]))
    assert after["properties"]["products"] == [{"id": 1, "tags": ["x"]}, {"id": 2}, "loose"]
    assert after["properties"]["products"][2] is PROPERTIES["products"][2]


def test_drop_of_what_is_not_there() -> None:
    """Where nothing has to go, nothing is copied."""
    fields = {"properties": ["x", "plan.x", "products.x"], "unknown": ["x"], "userId": ["x"]}
    assert filtered(change("DROP_PROPERTIES", **fields)) is EVENT


@pytest.mark.parametrize(
    ("fields", "path", "left"),
    [
        ({"properties": ["plan"]}, ["properties"], {"plan": "pro"}),
        ({"properties": []}, ["properties"], {}),
        ({"properties": ["user.name", "unknown"]}, ["properties"], {"user": {"name": "Ada"}}),
        ({"properties": ["plan.x"]}, ["properties"], {}),
        ({"properties": ["user", "user.name"]}, ["properties"], {"user": PROPERTIES["user"]}),
        ({"properties": ["user.name", "user"]}, ["properties"], {"user": PROPERTIES["user"]}),
        (
            {"properties": ["user.email"]},
            ["properties"],
            {"user.email": "c@d.test", "user": {"email": "e@f.test"}},
        ),
        ({"properties": ["products.id"]}, ["properties"], {"products": [{"id": 1}, {"id": 2}]}),
        (
            {"properties": ["products.id", "products.price", "products.tags"]},
            ["properties"],
            {"products": PROPERTIES["products"][:2]},
        ),
        ({"properties__user": ["name"]}, ["properties", "user"], {"name": "Ada"}),
        ({"context__page": ["path"]}, ["context"], {"ip": "8.8.8.8", "page": {"path": "/"}}),
        ({"properties__products": ["id"]}, ["properties", "products"], [{"id": 1}, {"id": 2}, "loose"]),
    ],
)
def test_allow_properties(fields: dict[str, list[str]], path: list[str], left: Any) -> None:
    """Of each object that is named, only the named keys are left; other objects stay whole."""
    before = copy.deepcopy(EVENT)
    after = filtered(change("ALLOW_PROPERTIES", **fields))
    assert after["traits"] is EVENT["traits"]
    assert before == EVENT
    for key in path:
        after = after[key]
    assert after == left


def test_allow_of_everything() -> None:
    """Where all that is there is allowed, nothing is copied."""
    assert (
        filtered(change("ALLOW_PROPERTIES", properties=list(PROPERTIES), traits=["email"], x=["y"])) is EVENT
    )


def test_type_and_message_id_stay() -> None:
    """No filter takes away what makes an event an event."""
    assert filtered(change("ALLOW_PROPERTIES", **{"": ["userId"]})) == {
        "type": "track",
        "messageId": "m-1",
        "userId": "u-1",
    }
    for name in ("type", "messageId", "$.type"):
        [problem] = validate_filters([{"if": ALL, "actions": [change("DROP_PROPERTIES", **{"": [name]})]}])
        assert problem.path == "$[0].actions[0].fields..fields[0]"
        assert "cannot be without" in problem.message


def test_bare_lists() -> None:
    """Fields may be given as Segment's public API gives them: a bare list for each object."""
    action = {"type": "DROP_PROPERTIES", "fields": {"traits": ["email"], "context.page": ["url"]}}
    after = filtered(action)
    assert after["traits"] == {}
    assert after["context"]["page"] == {"path": "/"}


def test_order() -> None:
    """Samples come first, then drops, then dropped and allowed properties, whatever the order in the file."""
    raw = [
        {"if": ALL, "actions": [change("ALLOW_PROPERTIES", properties=["plan", "email"])]},
        {"if": ALL, "actions": [change("DROP_PROPERTIES", properties=["email"])], "name": "b"},
        {"if": 'traits.email = "x"', "actions": [{"type": "DROP"}], "name": "c"},
        {"if": ALL, "actions": [{"type": "SAMPLE", "percent": 0}], "name": "d"},
    ]
    assert compile_filters(raw).apply(EVENT)[1] == "the filter d keeps 0% of the events, and not this one"
    raw[2]["if"] = ALL
    assert "filter d" in compile_filters(raw).apply(EVENT)[1]
    assert "filter c" in compile_filters(raw[:3]).apply(EVENT)[1]
    after, _ = compile_filters(raw[:2]).apply(EVENT)
    assert after is not None
    assert after["properties"] == {"plan": "pro"}


def test_conditions_see_the_event_as_it_came() -> None:
    """A property that one filter drops still counts in the condition of the next."""
    raw = [
        {"if": ALL, "actions": [change("DROP_PROPERTIES", properties=["email"])]},
        {"if": "properties.email != null", "actions": [change("DROP_PROPERTIES", properties=["plan"])]},
    ]
    after, _ = compile_filters(raw).apply(EVENT)
    assert after is not None
    assert not after["properties"].keys() & {"email", "plan"}


@pytest.mark.parametrize(("percent", "kept"), [(0, 0), (1, 1_000), (1.0, 1_000), (0.25, 250)])
@pytest.mark.parametrize("path", [None, "userId", "$.properties.plan", "properties.user.name", "unknown"])
def test_sample_size(percent: float, kept: int, path: str | None) -> None:
    """About the wanted share of the events is kept, all of them at 1 and none at 0."""
    filters = compile_filters(
        [{"if": ALL, "actions": [{"type": "SAMPLE", "percent": percent, "path": path}]}]
    )
    count = 0
    for number in range(1_000):
        text = f"value {number}"
        properties = {"plan": text, "user": {"name": text}}
        event = {"type": "track", "messageId": text, "userId": number, "properties": properties}
        count += filters.apply(event)[0] is event
    assert abs(count - kept) <= (40 if 0 < percent < 1 else 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("u-1", "u-1"),
        ("ünïcode 😀", "ünïcode 😀"),
        ("", ""),
        (42, "42"),
        (42.0, "42"),
        (1e21, "1e+21"),
        (True, "true"),
        ([1, "a"], '[1,"a"]'),
        ({"a": None}, '{"a":null}'),
        (None, "m-1"),
    ],
)
def test_sample_is_the_named_hash(value: Any, text: str) -> None:
    """A value is kept exactly when the documented hash of its text lies below the share."""
    place = int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) / 2**64
    event = {"type": "track", "messageId": "m-1", "userId": value}
    for percent, kept in ((place * 0.999, False), (place * 1.001, True)):
        action = {"type": "SAMPLE", "percent": min(percent, 1), "path": "userId"}
        assert (filtered(action, event=event) is event) is kept


def test_sample_is_stable() -> None:
    """The same value fares the same in every event; these are the ones that a tenth keeps."""
    users = [f"user-{number}" for number in range(40)]
    action = {"type": "SAMPLE", "percent": 0.1, "path": "userId"}
    kept = [user for user in users if filtered(action, event={"type": "track", "userId": user})]
    assert kept == [
        user for user in users if filtered(action, event={"type": "track", "userId": user, "x": 1})
    ]
    assert kept == [f"user-{number}" for number in (7, 9, 14, 15, 16, 21, 28)]


def test_sample_without_anything_to_go_by() -> None:
    """An event without messageId is sampled by chance."""
    action = {"type": "SAMPLE", "percent": 0.5}
    verdicts = {filtered(action, event={"type": "track"}) is None for _ in range(200)}
    assert verdicts == {True, False}


def test_a_sample_keeps_what_lies_below_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly at the share an event is dropped, by its hash or by chance; any messageId is sampled by."""
    action = {"type": "SAMPLE", "percent": 0.5}
    monkeypatch.setattr("random.random", lambda: 0.5)
    assert filtered(action, event={"type": "track"}) is None
    for place, kept in ((2**63 - 1, True), (2**63, False)):
        monkeypatch.setattr(module, "_place", lambda _value, place=place: place)
        assert (filtered(action) is not None) is kept


def test_a_sample_says_its_share() -> None:
    """An event that a sample drops comes with the filter and the share that it keeps."""
    raw = [{"if": ALL, "name": "Some", "actions": [{"type": "SAMPLE", "percent": 0}]}]
    assert compile_filters(raw).apply(EVENT) == (
        None,
        "the filter Some keeps 0% of the events, and not this one",
    )
    places = {f"m-{number}" for number in range(100)}
    raw[0]["actions"] = [{"type": "SAMPLE", "percent": 0.125, "path": ""}]
    reasons = {compile_filters(raw).apply({"type": "track", "messageId": place})[1] for place in places}
    assert reasons == {"", "the filter Some keeps 12.5% of the events, and not this one"}


def test_traces_tell_what_each_action_did() -> None:
    """Actions are traced in the order in which they run, each with its condition and its effect."""
    raw = [
        {
            "if": ALL,
            "name": "Kept",
            "actions": [change("ALLOW_PROPERTIES", properties__user=["email", "name"])],
        },
        {"if": ALL, "actions": [change("DROP_PROPERTIES", properties=["plan"])] * 2},
        {"if": 'type = "page"', "name": "Pages", "actions": [{"type": "DROP"}]},
        {"if": ALL, "name": "All", "actions": [{"type": "SAMPLE", "percent": 1}]},
    ]
    traces = compile_filters(raw).trace(EVENT)
    assert traces == (
        FilterTrace("All", "SAMPLE", matched=True),
        FilterTrace("Pages", "DROP", matched=False),
        FilterTrace(ALL, "DROP_PROPERTIES", matched=True, changed=True),
        FilterTrace(ALL, "DROP_PROPERTIES", matched=True),
        FilterTrace("Kept", "ALLOW_PROPERTIES", matched=True),
    )
    assert [trace.outcome for trace in traces] == [
        "leaves the event as it is",
        "does not match",
        "removes properties",
        "leaves the event as it is",
        "leaves the event as it is",
    ]
    assert [trace.changed for trace in traces] == [False, False, True, False, False]
    assert [trace.condition is not None and trace.condition.matched for trace in traces] == [
        trace.matched for trace in traces
    ]


def test_traces_end_where_an_event_is_dropped() -> None:
    """What comes after the action that drops the event is not asked."""
    raw = [{"if": ALL, "name": name, "actions": [{"type": "DROP"}]} for name in ("first", "second")]
    traces = compile_filters(raw).trace(EVENT)
    assert traces == (FilterTrace("first", "DROP", matched=True, dropped=True),)
    assert traces[0].outcome == "drops the event"


@pytest.mark.parametrize("keys", [MAX_KEYS, MAX_KEYS + 1])
def test_a_path_is_as_deep_as_an_event_may_be(keys: int) -> None:
    """At most 100 keys, in a sample's path and in that of a property together with its place."""
    deep = ".".join("a" * keys)
    inner = ".".join("a" * (keys - 1))
    raw = [
        {"if": ALL, "actions": [{"type": "SAMPLE", "percent": 1, "path": deep}]},
        {"if": ALL, "actions": [change("DROP_PROPERTIES", b=[inner])]},
    ]
    messages = [problem.message for problem in validate_filters(raw)]
    assert messages == ["a path has at most 100 keys"] * (0 if keys == MAX_KEYS else 2)


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        ({}, "$", "list"),
        (5, "$", "list"),
        ([5], "$[0]", "object"),
        ([{"actions": [{"type": "DROP"}]}], "$[0]", "if"),
        ([{"if": ALL}], "$[0]", "actions"),
        ([{"if": ALL, "actions": []}], "$[0].actions", ""),
        ([{"if": "type = ", "actions": [{"type": "DROP"}]}], "$[0].if", "expected text in quotes"),
        ([{"if": ALL, "actions": [{"type": "drop"}]}], "$[0].actions[0].type", "DROP"),
        ([{"if": ALL, "actions": [{"type": "SAMPLE"}]}], "$[0].actions[0]", "percent"),
        ([{"if": ALL, "actions": [{"type": "SAMPLE", "percent": 10}]}], "$[0].actions[0].percent", "1"),
        (
            [{"if": ALL, "actions": [{"type": "SAMPLE", "percent": True}]}],
            "$[0].actions[0].percent",
            "number",
        ),
        (
            [{"if": ALL, "actions": [{"type": "SAMPLE", "percent": 1, "path": "a" + ".a" * 10**5}]}],
            "$[0].actions[0].path",
            "at most 100 keys",
        ),
        ([{"if": ALL, "actions": [{"type": "DROP_PROPERTIES"}]}], "$[0].actions[0]", "fields"),
        (
            [{"if": ALL, "actions": [{"type": "DROP_PROPERTIES", "fields": {"properties": "a"}}]}],
            "$[0].actions[0].fields.properties",
            "",
        ),
        (
            [{"if": ALL, "actions": [{"type": "DROP_PROPERTIES", "fields": {"properties": [5]}}]}],
            "$[0].actions[0].fields.properties[0]",
            "string",
        ),
        (
            [{"if": ALL, "actions": [change("DROP_PROPERTIES", a=["."])]}],
            "$[0].actions[0].fields.a.fields[0]",
            "missing",
        ),
        (
            [{"if": ALL, "actions": [change("ALLOW_PROPERTIES", a=["b" + ".b" * 10**5])]}],
            "$[0].actions[0].fields.a.fields[0]",
            "at most 100 keys",
        ),
        ([{"if": ALL, "actions": [{"type": "DROP"}], "then": 1}], "$[0]", "then"),
    ],
)
def test_faults(raw: Any, path: str, message: str) -> None:
    """A fault is named with its path, and faulty filters are not compiled."""
    [problem] = validate_filters(raw)
    assert problem.severity == "error"
    assert problem.path.startswith(path)
    assert message in problem.message
    with pytest.raises(DefinitionError):
        compile_filters(raw)


def test_all_faults_at_once() -> None:
    """Every fault of every filter is found in one go, those of the form and those of the words."""
    raw: list[Any] = [
        {"if": "foo(a) = 1", "actions": [{"type": "DROP"}]},
        {"if": "type", "actions": [change("DROP_PROPERTIES", a=[""], b=["."])]},
        {"if": ALL, "actions": [{"type": "drop"}]},
    ]
    assert [problem.path for problem in validate_filters(raw)] == [
        "$[2].actions[0].type",
        "$[0].if",
        "$[1].if",
        "$[1].actions[0].fields.a.fields[0]",
        "$[1].actions[0].fields.b.fields[0]",
    ]


def test_warnings() -> None:
    """What is of no use is warned of, and does not keep filters from working."""
    raw = [
        {"if": 'type = "a"', "actions": [{"type": "DROP", "percent": 0.5, "path": None}]},
        {"if": ALL, "actions": [{"type": "SAMPLE", "percent": 1, "fields": {}}]},
    ]
    problems = validate_filters(raw)
    assert {problem.severity for problem in problems} == {"warning"}
    assert [problem.path for problem in problems] == [
        "$[0].if",
        "$[0].actions[0].percent",
        "$[1].actions[0].fields",
    ]
    assert compile_filters(raw).apply(EVENT)[0] is EVENT


KEYS = ["a", "b", "a.b", "type", "messageId", "properties"]
values = st.recursive(
    st.sampled_from([None, True, 0, 1.5, "", "a", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=15,
)
paths = st.lists(st.sampled_from(["a", "b", "0"]), min_size=1, max_size=3).map(".".join)
places = st.sampled_from(["", "a", "properties", "properties.a", "a.b"])
changes = st.builds(
    lambda kind, fields: {"type": kind, "fields": fields},
    st.sampled_from(["DROP_PROPERTIES", "ALLOW_PROPERTIES"]),
    st.dictionaries(places, st.lists(paths, max_size=3), max_size=3),
)
samples = st.builds(
    lambda percent, path: {"type": "SAMPLE", "percent": percent, "path": path}, st.floats(0, 1), paths
)


@settings(deadline=None, derandomize=True, max_examples=examples(120))
@given(
    st.lists(changes | samples, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(KEYS), values, max_size=5),
)
def test_any_event(actions: list[dict[str, Any]], event: dict[str, Any]) -> None:
    """Whatever stands in an event: it is not changed, keeps its type and gains nothing."""
    event = {**event, "type": "track", "messageId": "m"}
    before = copy.deepcopy(event)
    filters = compile_filters([{"if": ALL, "actions": actions}])
    after, reason = filters.apply(event)
    assert event == before
    assert filters.apply(event) == (after, reason)
    if after is None:
        assert reason
    else:
        assert after["type"] == "track"
        assert len(json.dumps(after)) <= len(json.dumps(event))
        assert (after == event) is (after is event)
        assert filters.apply(after)[0] == after or any(action["type"] == "SAMPLE" for action in actions)
