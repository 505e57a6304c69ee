"""Recorded calls of a published destination, with the values that its function saw, by their paths."""

from __future__ import annotations

import re
from collections import Counter
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
#: In so many calls, such a key may be one that the action reads.
_OFTEN: Final = 3
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


def is_free(path: str, opened: Mapping[str, frozenset[str]]) -> bool:
    """Return whether a path leads to what just happens to be in an object that may have any keys."""
    return any(
        path.startswith((f"{parent}.", f"{parent}["))
        and re.split(r"[.\[]", path[len(parent) + 1 :])[0].strip("']") not in declared
        for parent, declared in opened.items()
    )


def without_free_keys(
    samples: Sequence[Sample], opened: Mapping[str, frozenset[str]] | None = None
) -> list[Sample]:
    """Return the samples without the values in objects that may have any keys: those are no rule's.

    `opened` has the paths of these objects, each with its declared keys, which stay. Without it, an object
    with many keys counts as one.
    """
    children: dict[str, set[str]] = {}
    often = Counter(path for sample in samples for path in sample.values)
    for path in often:
        children.setdefault(_parent(path), set()).add(path)
    gone: set[str] = set()
    for parent, below in children.items():
        declared = frozenset[str]() if opened is None else opened.get(parent)
        if declared is None or parent.count(".") < 2:  # noqa: PLR2004  # the payload itself has fields
            continue
        free = {path for path in below if _key(path, parent) not in declared}
        if len(free) > _MOST_KEYS:
            gone |= {path for path in free if opened is None or often[path] < _OFTEN}
    if not gone:
        return list(samples)
    return [
        attrs.evolve(
            sample, values={path: value for path, value in sample.values.items() if not _is_in(path, gone)}
        )
        for sample in samples
    ]


def _key(path: str, parent: str) -> str:
    return path[len(parent) :].removeprefix(".").removeprefix("['").removesuffix("']")


def _is_in(path: str, gone: set[str]) -> bool:
    """Return whether a path, or an object that it is in, is one of those."""
    while path:
        if path in gone:
            return True
        path = _parent(path)
    return False


def _parent(path: str) -> str:
    if path.endswith("']"):
        return path.rpartition("['")[0]
    return path.rpartition(".")[0]
