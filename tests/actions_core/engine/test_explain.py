"""Explanations: what decided about an event, for each instance and subscription."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import attrs

from actions_core.destination import Destination, load_destination
from actions_core.destination.client import Client
from actions_core.destination.context import Context
from actions_core.destination.registry import Registry
from actions_core.engine import Engine, SubscriptionExplanation
from actions_core.engine.workspace import Workspace
from actions_core.http.requests import Request
from actions_core.testing import RecordingTransport, make_event

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject

KEY = "s3cret"
TRACK = 'type = "track"'
MAPPING = {
    "name": {"@if": {"exists": {"@path": "$.properties.title"}, "then": {"@path": "$.event"}}},
    "total": {"@path": "$.properties.total"},
    "fixed": "text",
    "absent": {"@path": "$.properties.nothing"},
}


def definition(slug: str) -> JsonObject:
    """A destination with one action, which takes anything as `name`."""
    fields = {key: {"label": key, "type": "string"} for key in ("name", "fixed", "absent")}
    fields["total"] = {"label": "Total", "type": "number"}
    return {
        "slug": slug,
        "name": slug,
        "authentication": {
            "scheme": "custom",
            "fields": {"key": {"label": "Key", "type": "password", "required": True}},
        },
        "actions": {key: {"title": key, "fields": fields} for key in ("plain", "twice")},
    }


def sample() -> Destination:
    """A destination that can send, twice too, and delete."""
    made = load_destination(definition("sample"))

    @made.prepare
    def prepare(request: Request, context: Context) -> Request:
        return request.with_base("https://sample.test", {"x-key": context.settings["key"]})

    @made.on_delete
    def delete(user_id: str | None) -> Request:
        return Request("DELETE", "/users", params={"uid": user_id})

    @made.action("plain")
    def plain(
        context: Context,
        *,
        name: str = "",
        fixed: str = "",
        absent: str = "",
        total: float | None = None,
    ) -> Request:
        if name == "refused":
            context.warn("$.name", f"is close to {context.settings['key']}")
        return Request("POST", "/plain", json={"name": name, "total": total})

    @made.action("twice")
    async def twice(
        client: Client, *, name: str = "", fixed: str = "", absent: str = "", total: float | None = None
    ) -> None:
        if name == "hang":
            await asyncio.sleep(60)
        await client.send(Request("GET", "/first"))
        await client.send(Request("POST", "/second"))

    return made


def explain(
    event: JsonObject, *subscriptions: JsonObject, **instance: Any
) -> tuple[SubscriptionExplanation, ...]:
    """The deliveries of one instance of the sample, or of a definition alone."""
    registry = Registry()
    registry.register(sample())
    registry.register(load_destination(definition("bare")))
    shared = {"partnerAction": "plain", "subscribe": TRACK, "mapping": MAPPING}
    configured = {
        "id": "one",
        "destination": "sample",
        "settings": {"key": KEY},
        "subscriptions": [{**shared, **changes} for changes in subscriptions],
        **instance,
    }

    async def main() -> tuple[SubscriptionExplanation, ...]:
        workspace = Workspace.from_dict({"destinations": [configured]})
        transport = RecordingTransport()
        async with Engine(workspace, registry=registry, transport=transport) as engine:
            explanation = await engine.explain(event)
            assert transport.requests == []
            report = await engine.send(event)
        if configured.get("enabled") is not False:
            assert len(report.results) == len(explanation.deliveries)
        json.dumps(explanation.to_dict(), allow_nan=False)
        return explanation.deliveries

    return asyncio.run(main())


def test_each_field_names_the_path_that_gave_it() -> None:
    """Not those that were only looked at; a literal has none; what is not there says where it was sought."""
    event = make_event(event="Sold", properties={"title": "x", "total": "42"})
    (delivery,) = explain(event, {})
    shown = delivery.to_dict()
    assert shown["fields"] == [
        {"field": "name", "paths": ["event"], "missed": [], "value": "Sold"},
        {"field": "total", "paths": ["properties.total"], "missed": [], "value": "42"},
        {"field": "fixed", "paths": [], "missed": [], "value": "text"},
        {"field": "absent", "paths": [], "missed": ["properties.nothing"]},
    ]
    assert shown["payload"] == {"name": "Sold", "total": 42, "fixed": "text"}
    assert shown["curl"].startswith("curl --request POST")


def test_each_condition_has_its_value_and_verdict() -> None:
    """Also those that no longer decide anything."""
    condition = 'type = "page" and (event = "A" or properties.total > 5)'
    (delivery,) = explain(make_event(event="A", properties={}), {"subscribe": condition})
    assert (delivery.matched, delivery.request, delivery.payload) == (False, None, None)
    assert delivery.to_dict()["condition"]["parts"] == [
        {"condition": 'type = "page"', "matched": False, "value": "track"},
        {
            "condition": 'event = "A" or properties.total > 5',
            "matched": True,
            "parts": [
                {"condition": 'event = "A"', "matched": True, "value": "A"},
                {"condition": "properties.total > 5", "matched": False},
            ],
        },
    ]


def test_filters_say_what_they_did() -> None:
    """Each filter has its outcome; the one that drops an event is the reason, and the last."""
    filters = [
        {"name": "Lean", "if": TRACK, "actions": [{"type": "DROP_PROPERTIES", "fields": {"": ["context"]}}]},
        {"name": "Pages", "if": 'type = "page"', "actions": [{"type": "DROP"}]},
    ]
    event = make_event(properties={"total": 1}, context={"ip": "::1"})
    (kept,) = explain(event, {}, filters=filters)
    assert [(found.name, found.outcome) for found in kept.filters] == [
        ("Pages", "does not match"),
        ("Lean", "removes properties"),
    ]
    assert kept.matched
    (dropped,) = explain(make_event(type="page"), {}, filters=filters)
    assert (dropped.matched, dropped.reason) == (False, "the filter Pages drops the event")
    assert [found.outcome for found in dropped.filters] == ["drops the event"]


def test_what_is_disabled_says_so() -> None:
    """A disabled subscription, and every subscription of a disabled instance."""
    (delivery,) = explain(make_event(), {"enabled": False})
    assert (delivery.matched, delivery.reason) == (False, "the subscription is disabled")
    assert delivery.trace is not None
    assert delivery.trace.matched
    deliveries = explain(make_event(), {}, {}, enabled=False)
    assert [delivery.reason for delivery in deliveries] == ["the instance is disabled"] * 2


def test_a_definition_alone_shows_the_payload() -> None:
    """Without a handler there is a payload and no request, and the note says why."""
    event = make_event(properties={"total": 3})
    (delivery,) = explain(event, {}, destination="bare")
    assert delivery.payload == {"total": 3, "fixed": "text"}
    assert delivery.request is None
    assert "no handler exists" in delivery.note


def test_a_deletion_is_explained_too() -> None:
    """An event of type delete goes to the subscriptions, and to the deletion beside them."""
    skipped, deletion = explain({"type": "delete", "userId": "u/1"}, {})
    assert not skipped.matched
    assert deletion.request is not None
    assert (deletion.request.method, deletion.request.url) == (
        "DELETE",
        "https://sample.test/users?uid=u%2F1",
    )
    drop = {"if": 'type = "delete"', "actions": [{"type": "DROP"}]}
    assert [delivery.matched for delivery in explain({"type": "delete"}, {}, filters=[drop])] == [False] * 2


def test_only_the_first_of_several_requests_is_known() -> None:
    """An asynchronous handler is stopped at its first request, and the note says so."""
    (delivery,) = explain(make_event(), {"partnerAction": "twice"})
    assert delivery.request is not None
    assert delivery.request.url == "https://sample.test/first"
    assert delivery.note == "the first request; the rest depends on its response"


def test_a_handler_that_hangs_is_explained_within_its_time() -> None:
    """As in a delivery: the limit is that of the instance's requests."""
    mapping = {"name": "hang"}
    delivery = {"timeout": 0.05, "retry": {"within": 0}}
    (hanging,) = explain(make_event(), {"partnerAction": "twice", "mapping": mapping}, delivery=delivery)
    assert "not done within" in hanging.reason
    assert hanging.request is None


def test_problems_stand_where_they_are() -> None:
    """A mapping that fails and a payload that does not fit name their place; the other fields are there."""
    failing = {**MAPPING, "name": {"@path": {"@path": "$.properties"}}}
    event = make_event(properties={"total": "many"})
    mapped, checked = explain(event, {"mapping": failing}, {})
    assert [problem.path for problem in mapped.problems] == ["$.name.@path"]
    assert mapped.payload is None
    assert [field.error is not None for field in mapped.fields] == [True, False, False, False]
    assert [problem.path for problem in checked.problems] == ["$.total"]
    assert json.dumps(mapped.to_dict()["fields"][0]["problems"])


def test_no_part_shows_a_secret() -> None:
    """An event that holds the key, a warning that says it, and the header that carries it are masked."""
    mapping = {"name": "refused", "fixed": {"@path": "$.properties.leak"}}
    event = make_event(properties={"leak": f"<{KEY}>"})
    condition = 'type = "track" and properties.leak != null'
    (delivery,) = explain(event, {"mapping": mapping, "subscribe": condition})
    assert [str(warning) for warning in delivery.warnings] == ["$.name: is close to ***"]
    shown = json.dumps(delivery.to_dict()) + repr(attrs.asdict(delivery))
    assert KEY not in shown
    assert delivery.payload is not None
    assert delivery.payload["fixed"] == "<***>"
