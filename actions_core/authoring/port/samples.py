"""Recorded calls of a published destination, with the values that its function saw, by their paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions_core.authoring.port.requests import PlainRequest
    from actions_core.values.types import Json, JsonObject

_DEEPEST: Final = 4
#: An object with more keys than these, through all calls, has any keys.
_MOST_KEYS: Final = 25
#: Parts of an event that requests are often made of; the rest of it comes through the fields.
_EVENT_KEYS: Final = ("userId", "anonymousId", "messageId", "timestamp", "type", "event", "receivedAt")

Label = Literal["sent", "refused", "nothing"]


@attrs.frozen(eq=False)
class Sample:
    """One call: what the function saw, and what it did.

    `values` has every value of the scope by its path, the nested ones of objects included.
    """

    label: Label
    values: Mapping[str, Json]
    request: PlainRequest | None = None
    message: str = ""  #: why it was refused


def make_sample(
    seen: JsonObject, settings: JsonObject, event: JsonObject, label: Label, request: PlainRequest | None
) -> Sample:
    """Return the sample of a call, with the scope that a request of a definition has."""
    token = settings.get("oauth", {}).get("access_token")
    scope: dict[str, Any] = {
        "payload": seen.get("payload") or {},
        "settings": {key: value for key, value in settings.items() if key != "oauth"},
        "auth": {} if token is None else {"accessToken": token},
        "event": {key: event[key] for key in _EVENT_KEYS if key in event},
        "hooks": {name: hook.get("outputs", {}) for name, hook in (seen.get("hooks") or {}).items() if hook},
    }
    for key in ("syncMode", "membership"):
        if seen.get(key) is not None:
            scope[key] = seen[key]
    return Sample(label, dict(flat_values(scope, "$", 0)), request)


def flat_values(value: Json, path: str, depth: int) -> Iterator[tuple[str, Json]]:
    """Yield the values of an object by their paths, as `@path` spells them: objects, then what is in them."""
    for key, item in value.items():
        below = f"{path}.{key}" if key.replace("_", "a").isalnum() else f"{path}['{key}']"
        if depth or key not in ("settings", "auth", "event", "hooks"):
            yield below, item
        if isinstance(item, dict) and depth < _DEEPEST:
            yield from flat_values(item, below, depth + 1)


def without_free_keys(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples without the values in objects that may have any keys: those are no rule's."""
    children: dict[str, set[str]] = {}
    for sample in samples:
        for path in sample.values:
            children.setdefault(_parent(path), set()).add(path)
    free = {parent for parent, below in children.items() if parent.count(".") > 1 and len(below) > _MOST_KEYS}
    if not free:
        return list(samples)
    return [
        attrs.evolve(
            sample,
            values={
                path: value
                for path, value in sample.values.items()
                if not any(path.startswith((f"{parent}.", f"{parent}[")) for parent in free)
            },
        )
        for sample in samples
    ]


def _parent(path: str) -> str:
    if path.endswith("']"):
        return path.rpartition("['")[0]
    return path.rpartition(".")[0]
