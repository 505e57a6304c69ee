"""Published definitions, as their package has them, in the form of ours.

Functions are gone from them: what they were is said by `hasPerformBatch` and `dynamicFields`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core.destination.specs import HOOKS
from actions_core.errors import Problem, child_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions_core.values.types import Json, JsonObject

_BATCH: Final = "performBatch"
_DYNAMIC: Final = "dynamicFields"
#: Before a text of others, which is to be replaced.
MARK: Final = "Rewrite: "
#: Keys below which `description` would be a key of data.
_DATA: Final = ("default", "mapping", "request", "batchRequest")
_HOOK_KEYS: Final = ("label", "description", "inputFields", "outputFields")


def published_definition(data: JsonObject, functions: Sequence[str]) -> JsonObject:
    """Return a definition that can be loaded, of one without its functions, whose places are given."""
    actions = {key: _action(key, action, functions) for key, action in data["actions"].items()}
    presets = [preset for preset in data.get("presets") or [] if preset.get("partnerAction") in actions]
    return {**data, "actions": actions, "presets": presets}


def _action(key: str, action: JsonObject, functions: Sequence[str]) -> JsonObject:
    made = {name: value for name, value in action.items() if name not in (_DYNAMIC, "hooks")}
    prefix = f"actions.{key}."
    own = [place.removeprefix(prefix) for place in functions if place.startswith(prefix)]
    if _BATCH in own:
        made["hasPerformBatch"] = True
    dynamic: dict[str, Any] = {}
    for place in own:
        first, _, name = place.partition(".")
        if first == _DYNAMIC:
            field, _, child = name.partition(".")
            dynamic.setdefault(field, [])
            if child:
                dynamic[field].append(child)
    if dynamic:
        made[_DYNAMIC] = dynamic
    given = action.get("hooks") or {}
    hooks = {name: _hook(hook) for name, hook in given.items() if name in HOOKS and hook}
    if hooks:
        made["hooks"] = hooks
    return made


def _hook(hook: JsonObject) -> JsonObject:
    """Return a hook with its outputs under the key of catalogues; sources have them as `outputTypes`."""
    outputs = hook.get("outputFields") or hook.get("outputTypes")
    made = {**hook, **({"outputFields": outputs} if outputs else {})}
    return {name: value for name, value in made.items() if name in _HOOK_KEYS}


def marked_texts(definition: Json) -> list[Problem]:
    """Return a warning where a definition still has texts that are marked, at the first one."""

    def places(value: Any, path: str) -> Iterator[str]:
        parts = value.items() if isinstance(value, dict) else ()
        for key, part in parts:
            if key == "description" and isinstance(part, str) and part.startswith(MARK):
                yield child_path(path, key)
            elif key not in _DATA:
                yield from places(part, child_path(path, key))

    found = list(places(definition, "$"))
    if not found:
        return []
    many = "1 description is" if len(found) == 1 else f"{len(found)} descriptions are"
    message = f"{many} still the publisher's, marked {MARK.strip()!r}: write your own before you ship them"
    return [Problem(found[0], message, "warning")]


def with_marked_texts(definition: JsonObject) -> JsonObject:
    """Return a definition in which each description is marked: it is its publisher's, to be written anew."""

    def marked(value: Any, key: str = "") -> Any:
        if key == "description" and isinstance(value, str):
            return value if value.startswith(MARK) else f"{MARK}{value}"
        if isinstance(value, dict):
            return {name: item if name in _DATA else marked(item, name) for name, item in value.items()}
        return [marked(item) for item in value] if isinstance(value, list) else value

    found: JsonObject = marked(definition)
    return found
