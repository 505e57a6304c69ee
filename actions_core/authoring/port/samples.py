"""Recorded calls of a published destination, with the values that its function saw, by their paths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions_core.authoring.port.requests import PlainRequest
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

_DEEPEST: Final = 4
#: An object with more keys than these, through all calls, has any keys.
_MOST_KEYS: Final = 25
#: Parts of an event that requests are often made of; the rest of it comes through the fields.
_EVENT_KEYS: Final = ("userId", "anonymousId", "messageId", "timestamp", "type", "event", "receivedAt")

#: Texts that stand for any other: secrets and settings of trials, and what is made to be told from all else.
_MADE_UP: Final = re.compile(r"secret\..*|sample\d*(-.*)?|.*placeholder\.example.*|.*-[0-9a-f]{8}", re.DOTALL)

Label = Literal["sent", "refused", "nothing"]


@attrs.frozen(eq=False)
class Sample:
    """One call: what the function saw, and what it did.

    `values` has every value of the scope by its path, the nested ones of objects included.
    """

    label: Label
    values: Mapping[str, Json]
    scope: JsonObject
    request: PlainRequest | None = None
    message: str = ""  #: why it was refused


def is_made_up(value: Json) -> bool:
    """Return whether a value stands for any other in trials, so that no rule names it."""
    return isinstance(value, str) and _MADE_UP.fullmatch(value) is not None


def make_sample(
    seen: JsonObject,
    settings: JsonObject,
    event: JsonObject,
    label: Label,
    request: PlainRequest | None,
    *,
    now: str | None = None,
) -> Sample:
    """Return the sample of a call at the time `now`, with the scope that a request of a definition has."""
    token = settings.get("oauth", {}).get("access_token")
    scope: dict[str, Any] = {
        "payload": seen.get("payload") or {},
        # An empty setting counts as none that is given.
        "settings": {key: value for key, value in settings.items() if key != "oauth" and value != ""},
        "auth": {} if token is None else {"accessToken": token},
        "event": {key: event[key] for key in _EVENT_KEYS if key in event},
        "hooks": {name: hook.get("outputs", {}) for name, hook in (seen.get("hooks") or {}).items() if hook},
    }
    for key in ("syncMode", "membership"):
        if seen.get(key) is not None:
            scope[key] = seen[key]
    if now is not None:
        scope["now"] = now
    return Sample(label, dict(flat_values(scope, "$", 0)), scope, request)


def flat_values(value: Json, path: str, depth: int) -> Iterator[tuple[str, Json]]:
    """Yield the values of an object by their paths, as `@path` spells them: objects, then what is in them."""
    for key, item in value.items():
        below = f"{path}.{key}" if key.replace("_", "a").isalnum() else f"{path}['{key}']"
        if depth or key not in ("settings", "auth", "event", "hooks"):
            yield below, item
        if isinstance(item, dict) and depth < _DEEPEST:
            yield from flat_values(item, below, depth + 1)


def open_objects(fields: Mapping[str, FieldSpec], path: str = "$.payload") -> dict[str, frozenset[str]]:
    """Return the paths of the objects that may have any keys, each with the keys that are declared."""
    found: dict[str, frozenset[str]] = {}
    for key, field in fields.items():
        if field.type != "object" or field.multiple:
            continue
        below = f"{path}.{key}" if key.replace("_", "a").isalnum() else f"{path}['{key}']"
        declared = field.properties or {}
        if not declared or field.additional_properties:
            found[below] = frozenset(declared)
        found.update(open_objects(declared, below))
    return found


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
