"""What holds events back from an instance: permissions, and destination filters.

Permissions come first, and look at the event as it came in: its `integrations` and its consent. A request
for privacy must arrive, so they never hold a `delete` event back. Destination filters are what an
instance's events go through before any subscription sees them.

Whatever their order in the file, first all samples are taken, then events are dropped, then properties
are dropped, then all properties but the allowed ones. Every condition looks at the event as it came
in, so no filter hides a property from another one's condition. The event itself is never changed: what
has to differ is copied, the rest is shared.

A sample depends on the event alone, so it is the same on every machine, in a second try and in an
explanation: SHA-256 of the sampled value as UTF-8 (a str as it is, other scalars as JavaScript
writes them, objects and lists as JSON), its first 8 bytes as a big-endian number, divided by 2^64, is
kept when it is less than `percent`. Without a path, or where it leads to null or nothing,
the messageId is sampled, which is as good as random.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from actions_core.errors import DefinitionError, FqlError, Problem, child_path, is_within
from actions_core.subscriptions import never_matches, parse_filter
from actions_core.validation.documents import check_document, schema
from actions_core.values.javascript import stringify, to_text
from actions_core.values.json_faults import MAX_DEPTH, json_problems
from actions_core.values.paths import parse_path, read
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_core.subscriptions import Condition, Trace
    from actions_core.values.types import Json, JsonObject

#: The order in which actions run, by their kind.
ORDER: Final = ("SAMPLE", "DROP", "DROP_PROPERTIES", "ALLOW_PROPERTIES")
#: The keys that an event needs; no filter removes them.
KEPT: Final = ("type", "messageId")
#: The name in `integrations` of every instance that is not named.
_ALL: Final = "All"
#: How many keys a path may have: as deep as an event may be.
MAX_KEYS: Final = MAX_DEPTH

#: Keys to drop or to keep: None is for the whole value, a tree for something inside it.
Tree: TypeAlias = "dict[str, Tree | None]"

_OPTIONS: Final = {"SAMPLE": {"percent", "path"}, "DROP": set[str]()}
_RANGE: Final = 2**64
#: The condition of a filter for every event, in Segment's words and in FQL.
_EVERY_EVENT: Final = ("all", "true")


@attrs.frozen
class Permissions:
    """What an event itself must allow: the instance's names in `integrations`, and its consent categories.

    `names` go from the most specific to the least: the instance's id, the destination's slug, its name.
    """

    names: tuple[str, ...]
    categories: tuple[str, ...] = ()

    def refusal(self, event: JsonObject) -> str:
        """Return why the event may not go to the instance; the empty str where it may."""
        if event["type"] == "delete":
            return ""
        return self._excluded(event.get("integrations")) or self._not_granted(event.get("context"))

    def _excluded(self, integrations: Json) -> str:
        """Let the most specific name that says something decide, then `All`; an object counts as true."""
        if not isinstance(integrations, dict):
            return ""
        for name in (*self.names, _ALL):
            said = integrations.get(name)
            if said is False:
                return f"the event's integrations have {name!r} false"
            if said is True or isinstance(said, dict):
                return ""
        return ""

    def _not_granted(self, context: Json) -> str:
        consent = context.get("consent") if self.categories and isinstance(context, dict) else None
        if consent is None:
            return ""
        granted = consent.get("categoryPreferences") if isinstance(consent, dict) else None
        if not isinstance(granted, dict):
            granted = {}
        lacking = [category for category in self.categories if granted.get(category) is not True]
        return f"the event's consent does not grant {', '.join(map(repr, lacking))}" if lacking else ""


@attrs.frozen
class FilterTrace:
    """The effect of one action of a filter on an event; `name` is the filter's, or its condition.

    Where `matched` is false, the filter was not meant for the event.
    """

    name: str
    kind: str
    matched: bool
    dropped: bool = False
    changed: bool = False
    #: Each comparison of the condition, with the value that it found.
    condition: Trace | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def outcome(self) -> str:
        """The effect, in words."""
        if not self.matched:
            return "does not match"
        if self.dropped:
            return "drops the event"
        return "removes properties" if self.changed else "leaves the event as it is"


@attrs.frozen
class _Action:
    """One action of a filter: `change` returns the changed event, None to drop it for the `reason`."""

    name: str
    kind: str
    condition: Condition
    change: Callable[[JsonObject], JsonObject | None]
    reason: str = ""


@attrs.frozen
class Filters:
    """An instance's filters, compiled."""

    _actions: tuple[_Action, ...]

    def apply(self, event: JsonObject) -> tuple[JsonObject | None, str]:
        """Return the event as the subscriptions see it and `""`; or None, and why it is dropped."""
        seen = event
        for action in self._actions:
            if action.condition.matches(event):
                changed = action.change(seen)
                if changed is None:
                    return None, action.reason
                seen = changed
        return seen, ""

    def trace(self, event: JsonObject) -> tuple[FilterTrace, ...]:
        """Return what each action did with the event, in the order in which they run, until one drops it."""
        seen = event
        traces = []
        for action in self._actions:
            condition = action.condition.trace(event)
            if not condition.matched:
                traces.append(FilterTrace(action.name, action.kind, matched=False, condition=condition))
                continue
            left = action.change(seen)
            changed = left is not None and left is not seen
            traces.append(
                FilterTrace(
                    action.name,
                    action.kind,
                    matched=True,
                    dropped=left is None,
                    changed=changed,
                    condition=condition,
                )
            )
            if left is None:
                break
            seen = left
        return tuple(traces)


def compile_filters(raw: list[Json]) -> Filters:
    """Compile filters from their JSON. Raises `DefinitionError` with every error of `validate_filters`."""
    errors = [problem for problem in validate_filters(raw) if problem.is_error]
    if errors:
        raise DefinitionError("the filters are faulty:", problems=errors)
    actions = [
        _compile_action(item, action)
        for item in raw
        if item.get("enabled") is not False
        for action in item["actions"]
    ]
    return Filters(tuple(sorted(actions, key=lambda action: ORDER.index(action.kind))))


def validate_filters(raw: Json) -> list[Problem]:
    """Find every problem in the JSON of filters; paths begin at the list (`$[0].if`)."""
    form = {"type": "array", "items": {"$ref": "#/$defs/filter"}, "$defs": schema("workspace")["$defs"]}
    problems = check_document(raw, form)
    faulty = {problem.path for problem in problems}
    if "$" in faulty or (faulty and json_problems(raw)):
        return problems
    for index, item in enumerate(raw):
        path = f"$[{index}]"
        if isinstance(item, dict) and isinstance(item.get("if"), str):
            problems += _condition_problems(item["if"], f"{path}.if")
        listed = item.get("actions") if isinstance(item, dict) else None
        for place, action in enumerate(listed if isinstance(listed, list) else ()):
            here = f"{path}.actions[{place}]"
            # What does not fit its form is not looked into, but hides nothing beside it.
            if not any(is_within(fault, here) for fault in faulty):
                problems += _action_problems(action, here)
    return problems


def _parse(text: str) -> Condition:
    """Parse the condition of a filter; the word `all` alone means every event."""
    word, condition = _EVERY_EVENT
    return parse_filter(condition if text.strip() == word else text)


def _condition_problems(text: str, path: str) -> list[Problem]:
    try:
        condition = _parse(text)
    except FqlError as error:
        return [Problem(path, str(error))]
    found = list(condition.warnings)
    if never_matches(condition):
        found.append("no event can match this condition")
    return [Problem(path, message, "warning") for message in found]


def _action_problems(action: JsonObject, path: str) -> Iterator[Problem]:
    kind = action["type"]
    for option in sorted(action.keys() - _OPTIONS.get(kind, {"fields"}) - {"type"}):
        if action[option] is not None:
            yield Problem(child_path(path, option), f"{kind} has no such option; it is ignored", "warning")
    if len(parse_path(action.get("path") or "")) > MAX_KEYS:
        yield Problem(child_path(path, "path"), f"a path has at most {MAX_KEYS} keys")
    if "fields" in _OPTIONS.get(kind, {"fields"}):
        for place, named in action["fields"].items():
            yield from _fields_problems(
                kind, place, _names(named), child_path(child_path(path, "fields"), place)
            )


def _fields_problems(kind: str, place: str, names: list[str], path: str) -> Iterator[Problem]:
    above = parse_path(place)
    for index, name in enumerate(names):
        keys = (*above, *parse_path(name))
        if not parse_path(name):
            yield Problem(f"{path}.fields[{index}]", "a key is missing here")
        elif len(keys) > MAX_KEYS:
            yield Problem(f"{path}.fields[{index}]", f"a path has at most {MAX_KEYS} keys")
        elif kind == "DROP_PROPERTIES" and keys[0] in KEPT:
            yield Problem(f"{path}.fields[{index}]", f"an event cannot be without its {keys[0]}")


def _names(named: Json) -> list[str]:
    """Return the keys in an entry of `fields`: `{"fields": [...]}`, or the bare list of Segment's API."""
    names: list[str] = named["fields"] if isinstance(named, dict) else named
    return names


def _compile_action(item: JsonObject, action: JsonObject) -> _Action:
    kind, condition = action["type"], _parse(item["if"])
    name = item.get("name") or item["if"]
    label = f"the filter {name}"
    if kind == "DROP":
        return _Action(name, kind, condition, _nothing, f"{label} drops the event")
    if kind == "SAMPLE":
        share = action["percent"]
        reason = f"{label} keeps {share * 100:g}% of the events, and not this one"
        return _Action(name, kind, condition, _sampler(share, parse_path(action.get("path") or "")), reason)
    if kind == "DROP_PROPERTIES":
        return _Action(name, kind, condition, _dropper(action["fields"]))
    return _Action(name, kind, condition, _allower(action["fields"]))


def _nothing(_event: JsonObject) -> None:
    return None


def _sampler(share: float, path: tuple[str, ...]) -> Callable[[JsonObject], JsonObject | None]:
    bound = int(share * _RANGE)

    def sample(event: JsonObject) -> JsonObject | None:
        value = read(event, path) if path else None
        if value is None or value is MISSING:
            value = event.get("messageId")
        if value is None:
            return event if random.random() < share else None  # noqa: S311 - a sample is no secret
        return event if _place(value) < bound else None

    return sample


def _place(value: Json) -> int:
    """Return the place of a value between 0 and 2^64; see the module's docstring."""
    text = stringify(value) if isinstance(value, (dict, list)) else to_text(value)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def _dropper(fields: JsonObject) -> Callable[[JsonObject], JsonObject]:
    tree: Tree = {}
    for place, named in fields.items():
        for name in _names(named):
            _grow(tree, *parse_path(place), *parse_path(name))
            _grow(tree, *parse_path(place), name)

    def drop(event: JsonObject) -> JsonObject:
        left: JsonObject = _drop(event, tree)
        return left

    return drop


def _allower(fields: JsonObject) -> Callable[[JsonObject], JsonObject]:
    allowed: list[tuple[tuple[str, ...], Tree]] = []
    for place, named in fields.items():
        tree: Tree = {} if parse_path(place) else dict.fromkeys(KEPT)
        for name in _names(named):
            _grow(tree, *parse_path(name))
            _grow(tree, name)
        allowed.append((parse_path(place), tree))

    def allow(event: JsonObject) -> JsonObject:
        for path, tree in allowed:
            event = _inside(event, path, tree)
        return event

    return allow


def _grow(tree: Tree, *keys: str) -> None:
    """Add a path to a tree; a name with dots is added twice, as a path and as one key."""
    *above, last = keys
    for key in above:
        below = tree.setdefault(key, {})
        if below is None:
            return
        tree = below
    tree[last] = None


def _drop(value: Json, tree: Tree) -> Json:
    """Return the value without what the tree names; a list stands for its items."""
    if isinstance(value, list):
        return _each(value, lambda item: _drop(item, tree))
    if not isinstance(value, dict):
        return value
    copy: dict[str, Any] | None = None
    for key in tree.keys() & value.keys():
        below = tree[key]
        inner = MISSING if below is None else _drop(value[key], below)
        if inner is not value[key]:
            copy = dict(value) if copy is None else copy
            if inner is MISSING:
                del copy[key]
            else:
                copy[key] = inner
    return value if copy is None else copy


def _inside(value: Json, path: tuple[str, ...], tree: Tree) -> Json:
    """Return the value, with only what the tree names left in the value at the path."""
    if isinstance(value, list):
        return _each(value, lambda item: _inside(item, path, tree))
    if not isinstance(value, dict):
        return value
    if not path:
        return _allow(value, tree)
    if path[0] not in value:
        return value
    inner = _inside(value[path[0]], path[1:], tree)
    return value if inner is value[path[0]] else {**value, path[0]: inner}


def _allow(value: Json, tree: Tree) -> Json:
    """Return an object or a list with only what the tree names; no other value has keys."""
    if isinstance(value, list):
        kept = [_allow(item, tree) for item in value if isinstance(item, (dict, list))]
        return value if len(kept) == len(value) and all(map(_same, kept, value)) else kept
    copy = {}
    for key, item in value.items():
        if key in tree:
            below = tree[key]
            if below is None:
                copy[key] = item
            elif isinstance(item, (dict, list)):
                copy[key] = _allow(item, below)
    return value if len(copy) == len(value) and all(map(_same, copy.values(), value.values())) else copy


def _each(items: list[Json], change: Callable[[Json], Json]) -> list[Json]:
    changed = [change(item) for item in items]
    return items if all(map(_same, changed, items)) else changed


def _same(one: Json, other: Json) -> bool:
    return one is other
