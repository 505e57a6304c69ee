"""Where the parts of an export are: the Public API wraps them, pages them and nests them in many ways.

A file may be one response or a list of them, whole or only what stands under `data`. Parts are told apart
by the keys that only they have, because a bare list says nothing of what it contains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.errors import child_path

if TYPE_CHECKING:
    from actions_core.values.types import Json, JsonObject

#: The keys under which responses have each kind of part, alone or in a list.
_KINDS: Final = {
    "destinations": "destination",
    "destination": "destination",
    "subscriptions": "subscription",
    "subscription": "subscription",
    "destinationSubscriptions": "subscription",
    "destinationSubscription": "subscription",
    "filters": "filter",
    "filter": "filter",
    "destinationFilters": "filter",
    "destinationsCatalog": "definition",
    "destinationMetadata": "definition",
}
_DEEPEST: Final = 8


@attrs.frozen
class Part:
    """A part of an export: its kind, where it stands, and the destination around it (its key), if any."""

    kind: str
    path: str
    value: Json
    owner: str | None = None


def find_parts(data: Json, file: str = "") -> list[Part]:
    """Return every part of an export, in the order of the file."""
    collector = _Collector(file)
    collector.collect(data, "$", None, _DEEPEST)
    return collector.found


def destination_key(raw: JsonObject, place: str) -> str:
    """Return what identifies an exported destination: Segment's id, else its place in the file."""
    identifier = raw.get("id")
    return identifier if isinstance(identifier, str) and identifier else place


def kind_of(data: JsonObject) -> str | None:
    """Return the kind of an object that says by its keys what it is."""
    if "if" in data and "actions" in data:
        return "filter"
    if isinstance(data.get("metadata"), dict):
        return "destination"
    if "actions" in data and ("slug" in data or "name" in data):
        return "definition"
    if {"partnerAction", "actionSlug", "actionId"} & data.keys():
        return "subscription"
    return None


@attrs.define
class _Collector:
    """Walks through an export; `file` makes the keys of destinations without an id unique."""

    file: str
    found: list[Part] = attrs.field(factory=list)

    def collect(self, data: Json, path: str, owner: str | None, depth: int) -> None:
        """Collect the parts in any JSON value."""
        if not depth:
            return
        if isinstance(data, list):
            for index, item in enumerate(data):
                self._item(item, child_path(path, index), owner, depth)
        elif isinstance(data, dict):
            kind = kind_of(data)
            if kind is None:
                self._object(data, path, owner, depth)
            else:
                self._add(kind, data, path, owner, depth)

    def _item(self, item: Json, path: str, owner: str | None, depth: int) -> None:
        kind = kind_of(item) if isinstance(item, dict) else None
        if kind is None and isinstance(item, dict) and {*_KINDS, "data"} & item.keys():
            self.collect(item, path, owner, depth - 1)  # one page of several
        else:
            self._add(kind or "subscription", item, path, owner, depth)

    def _object(self, data: JsonObject, path: str, owner: str | None, depth: int) -> None:
        for key, value in data.items():
            below = child_path(path, key)
            if key == "data":
                self.collect(value, below, owner, depth - 1)
            elif key == "settings":
                self.collect(_lists(value), below, owner, depth - 1)
            elif key in _KINDS and isinstance(value, list):
                for index, item in enumerate(value):
                    self._add(_KINDS[key], item, child_path(below, index), owner, depth)
            elif key in _KINDS and isinstance(value, dict):
                self._add(_KINDS[key], value, below, owner, depth)

    def _add(self, kind: str, value: Json, path: str, owner: str | None, depth: int) -> None:
        self.found.append(Part(kind, path, value, owner))
        if kind == "destination" and isinstance(value, dict):
            own = destination_key(value, f"{self.file}{path}")
            inner = {key: part for key, part in value.items() if key in _KINDS or key == "settings"}
            self._object(inner, path, own, depth - 1)


def _lists(settings: Json) -> JsonObject:
    """Return the parts that old exports have among the settings, where any other key is a setting's."""
    if not isinstance(settings, dict):
        return {}
    return {key: settings[key] for key in ("subscriptions", "filters") if isinstance(settings.get(key), list)}
