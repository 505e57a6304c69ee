"""What tests of the console share: a workspace file, and events."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Final

from actions_core import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from actions_core.values.types import JsonObject

TRACK: Final[JsonObject] = {
    "name": "Track",
    "partnerAction": "trackEventV2",
    "subscribe": 'type = "track"',
    "mapping": {
        "userId": {"@path": "$.userId"},
        "name": {"@path": "$.event"},
        "properties": {"@path": "$.properties"},
    },
}
IDENTIFY: Final[JsonObject] = {
    "name": "Identify",
    "partnerAction": "identifyUserV2",
    "subscribe": 'type = "identify"',
    "mapping": {"uid": {"@path": "$.userId"}, "email": {"@path": "$.traits.email"}},
}
INSTANCE: Final[JsonObject] = {
    "id": "fullstory",
    "destination": "actions-fullstory-cloud",
    "settings": {"apiKey": {"$env": "FULLSTORY_API_KEY"}},
    "subscriptions": [TRACK, IDENTIFY],
}
WORKSPACE: Final[JsonObject] = {"destinations": [INSTANCE]}
SOLD: Final[JsonObject] = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u-1",
    "messageId": "m-1",
    "timestamp": "2026-01-02T03:04:05.000Z",
    "receivedAt": "2026-01-02T03:04:05.000Z",
    "properties": {"total": 19.99, "coupon": "WELCOME"},
}


def changed(value: JsonObject, **parts: Any) -> JsonObject:
    """Return a copy of an object with other parts."""
    return {**copy.deepcopy(value), **parts}


def workspace_file(folder: Path, data: JsonObject = WORKSPACE, indent: int = 2) -> Path:
    """Write a workspace into a folder."""
    file = folder / "workspace.json"
    file.write_text(json.dumps(data, indent=indent) + "\n")
    return file


def registry() -> Registry:
    """Return the installed destinations."""
    return Registry().discover()
