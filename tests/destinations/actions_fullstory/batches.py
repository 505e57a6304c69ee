"""Events of batches, the workspace that takes them, and what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions_fullstory import destination

from actions_core import Workspace

if TYPE_CHECKING:
    from actions_core import Engine, Node

MAPPINGS: dict[str, dict[str, Any]] = {
    "track": {
        "name": {"@path": "$.event"},
        "userId": {"@path": "$.userId"},
        "properties": {"@path": "$.properties"},
        "timestamp": {"@path": "$.timestamp"},
        "sessionUrl": {"@path": "$.context.session"},
    },
    "identify": {
        "uid": {"@path": "$.userId"},
        "email": {"@path": "$.traits.email"},
        "properties": {"@path": "$.traits"},
    },
}


def track(number: int, **changes: Any) -> dict[str, Any]:
    """An event that FullStory takes."""
    event = {"type": "track", "messageId": f"m-{number}", "userId": f"u{number}", "event": f"Event {number}"}
    return {**event, "timestamp": "2026-01-02T03:04:05.000Z", **changes}


def too_long(number: int) -> dict[str, Any]:
    """An event that is not worth uploading: FullStory is known to refuse its uid."""
    return track(number, userId="u" * 257)


def identify(number: int, **traits: Any) -> dict[str, Any]:
    """A user that FullStory takes."""
    return {"type": "identify", "messageId": f"i-{number}", "userId": f"u{number}", "traits": traits}


def workspace(url: str, key: str, mapping: dict[str, Any], delivery: dict[str, Any]) -> Workspace:
    """One instance that takes both kinds of events in batches."""
    subscriptions = [
        {
            "name": kind,
            "partnerAction": action,
            "subscribe": f'type = "{kind}"',
            "mapping": {**MAPPINGS[kind], **mapping},
        }
        for kind, action in (("track", "trackEventV2"), ("identify", "identifyUserV2"))
    ]
    quick = {"timeout": 10, "retry": {"base": 0.01}, "poll": {"base": 0.01, "cap": 0.05, "within": 5}}
    instance = {
        "id": "fullstory",
        "destination": destination.slug,
        "settings": {"apiKey": key, "baseUrl": url},
        "subscriptions": subscriptions,
        "delivery": {**quick, **delivery},
    }
    return Workspace.from_dict({"destinations": [instance]})


async def nodes_of(engine: Engine, events: list[dict[str, Any]], kind: str = "track") -> tuple[Node, ...]:
    """What became of each event in the subscription of one kind."""
    report = await engine.send_batch(events)
    (nodes,) = [result.nodes for result in report.results if result.subscription == kind]
    return nodes
