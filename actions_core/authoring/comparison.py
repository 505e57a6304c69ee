"""Compare two versions of a definition: what changes for workspaces that use it.

A workspace contains the slug, settings, keys of actions, mappings, or the word "presets". What it does
not contain (titles, descriptions, the order of fields) changes nothing for it.

Of fields, what matters is which values passed before and no longer do, coercion included: a number
becomes text by itself, a single value becomes a list of one. `FieldOwner` tells the fields of an action
from settings, because defaults fill settings whenever they are read, but mappings only when they are
written.
"""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.errors import child_path
from actions_core.validation.fields import ConditionSet, FieldSpec, format_of
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TypeVar

    from actions_core.destination.specs import ActionSpec, DestinationSpec, HookSpec, PresetSpec, SyncModeSpec
    from actions_core.values.types import Json

    T = TypeVar("T")
    Fields = Mapping[str, FieldSpec]


_TEXTS: Final = frozenset({"string", "text", "password"})
#: By type, the types that accept the same values and more.
_WIDER: Final[Mapping[str, frozenset[str]]] = {
    "integer": frozenset({"number"}) | _TEXTS,
    "number": _TEXTS,
    "boolean": _TEXTS,
    "datetime": _TEXTS,
    **dict.fromkeys(_TEXTS, _TEXTS),
}
_BOUNDED: Final = ("string", "number", "integer")
#: Formats that accept any text.
_OPEN: Final = frozenset({None, "text", "password"})


class Level(enum.StrEnum):
    """The effect of a change on a workspace that works with the old version."""

    BREAKING = "breaking"  #: it stops working, or data that it sent is lost
    WARNING = "warning"  #: it keeps working, but other data may be sent
    NOTE = "note"  #: no effect


class FieldOwner(enum.Enum):
    """The owner of fields."""

    MAPPING = "field"
    SETTINGS = "setting"
    CHILD = "field of an object"


@attrs.frozen
class Change:
    """A difference between two versions; `path` is in the new one, or in the old one for what was removed."""

    path: str
    message: str
    level: Level

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def breaking(path: str, message: str) -> Change:
    """Return a change that breaks workspaces."""
    return Change(path, message, Level.BREAKING)


def warning(path: str, message: str) -> Change:
    """Return a change with which workspaces may send other data."""
    return Change(path, message, Level.WARNING)


def note(path: str, message: str) -> Change:
    """Return a change that has no effect on workspaces."""
    return Change(path, message, Level.NOTE)


def only_in(first: Mapping[str, T], second: Mapping[str, T], path: str) -> Iterator[tuple[str, T]]:
    """Return what only the first mapping has, with its path."""
    return ((child_path(path, key), value) for key, value in first.items() if key not in second)


def common(old: Mapping[str, T], new: Mapping[str, T], path: str) -> Iterator[tuple[str, T, T]]:
    """Yield what both mappings have: its path, its old value and its new value."""
    for key, value in new.items():
        if key in old:
            yield child_path(path, key), old[key], value


def compare_definitions(old: DestinationSpec, new: DestinationSpec) -> tuple[Change, ...]:
    """Return every change that affects a workspace, and what is new; breaking changes come first."""
    found = [
        *_destination(old, new),
        *_authentication(old, new),
        *_audience(old, new),
        *_actions(old, new),
        *_presets(old, new),
    ]
    order = list(Level)
    return tuple(sorted(found, key=lambda change: order.index(change.level)))


def _destination(old: DestinationSpec, new: DestinationSpec) -> Iterator[Change]:
    if old.slug != new.slug:
        yield breaking("$.slug", f"the slug was {old.slug} and is {new.slug}: workspaces name the old one")
    lost = [alias for alias in old.aliases if alias not in (*new.aliases, new.slug)]
    if lost:
        yield breaking("$.aliases", f"no longer among the aliases: {', '.join(lost)}")
    if old.name != new.name:
        yield note("$.name", f"the name was {old.name} and is {new.name}")
    if old.mode != new.mode:
        level = breaking if old.mode == "cloud" else warning
        yield level("$.mode", f"the mode was {old.mode} and is {new.mode}")
    if new.public_addresses_only and not old.public_addresses_only:
        message = "only public addresses are reached now, unless an instance allows private ones"
        yield warning("$.urlsFromUsers", message)
    if old.tries_by_status != new.tries_by_status:
        yield note("$.triesByStatus", "the number of tries has changed")


def _authentication(old: DestinationSpec, new: DestinationSpec) -> Iterator[Change]:
    before = old.authentication.scheme if old.authentication else "none"
    after = new.authentication.scheme if new.authentication else "none"
    if before != after:
        path = "$.authentication.scheme"
        message = f"the scheme was {before} and is {after}"
        yield breaking(path, message) if "oauth" in before + after else warning(path, message)
    yield from compare_fields(old.settings, new.settings, "$.authentication.fields", FieldOwner.SETTINGS)


def _audience(old: DestinationSpec, new: DestinationSpec) -> Iterator[Change]:
    path = "$.audienceConfig"
    before, after = old.audience, new.audience
    if before is None and after is not None:
        yield note(path, "audiences are supported now")
    if before is None:
        return
    if after is None:
        yield breaking(path, "audiences are no longer supported")
        return
    if before.mode != after.mode:
        yield breaking(f"{path}.mode", "the mode of audiences has changed")
    if before.supports_audience_functions and not after.supports_audience_functions:
        yield breaking(f"{path}.supportsAudienceFunctions", "audiences can no longer be created")
    yield from compare_fields(before.fields, after.fields, f"{path}.audienceFields", FieldOwner.SETTINGS)


def _actions(old: DestinationSpec, new: DestinationSpec) -> Iterator[Change]:
    for path, _ in only_in(old.actions, new.actions, "$.actions"):
        yield breaking(path, "the action is gone: subscriptions name it")
    for path, _ in only_in(new.actions, old.actions, "$.actions"):
        yield note(path, "a new action")
    for path, before, after in common(old.actions, new.actions, "$.actions"):
        yield from _action(path, before, after)


def _action(path: str, old: ActionSpec, new: ActionSpec) -> Iterator[Change]:
    if old.platform != new.platform:
        level = breaking if old.platform == "cloud" else warning
        yield level(f"{path}.platform", f"the platform was {old.platform} and is {new.platform}")
    if old.default_subscription != new.default_subscription:
        yield note(f"{path}.defaultSubscription", "new subscriptions start with another condition")
    if new.superseded_by and not old.superseded_by:
        yield warning(f"{path}.supersededBy", f"the action is superseded by {new.superseded_by}")
    if old.has_perform_batch and not new.has_perform_batch:
        yield warning(
            f"{path}.hasPerformBatch", "batches are no longer supported: events are sent one by one"
        )
    yield from compare_fields(old.fields, new.fields, f"{path}.fields", FieldOwner.MAPPING)
    yield from _sync_mode(f"{path}.syncMode", old.sync_mode, new.sync_mode)
    yield from _hooks(f"{path}.hooks", old, new)


def _sync_mode(path: str, old: SyncModeSpec | None, new: SyncModeSpec | None) -> Iterator[Change]:
    if old is None:
        if new is not None:
            yield warning(path, "the action has sync modes now, and existing mappings choose none")
        return
    if new is None:
        yield breaking(path, "the action has no sync modes any more: those that mappings choose are ignored")
        return
    left = [choice.value for choice in new.choices]
    lost = [choice.value for choice in old.choices if choice.value not in left]
    if lost:
        yield breaking(f"{path}.choices", f"no longer among the sync modes: {', '.join(map(str, lost))}")
    if old.default != new.default:
        yield note(f"{path}.default", "new mappings start with another sync mode")


def _hooks(path: str, old: ActionSpec, new: ActionSpec) -> Iterator[Change]:
    for where, _ in only_in(old.hooks, new.hooks, path):
        yield breaking(where, "the hook is gone")
    for where, _ in only_in(new.hooks, old.hooks, path):
        yield note(where, "a new hook")
    for where, before, after in common(old.hooks, new.hooks, path):
        yield from _hook(where, before, after)


def _hook(path: str, old: HookSpec, new: HookSpec) -> Iterator[Change]:
    """Compare hooks; a mapping keeps the hook's outputs, so inputs matter only when it is saved again."""
    for change in compare_fields(
        old.input_fields, new.input_fields, f"{path}.inputFields", FieldOwner.SETTINGS
    ):
        level = Level.WARNING if change.level is Level.BREAKING else change.level
        yield attrs.evolve(change, level=level)
    for where, _ in only_in(new.output_fields, old.output_fields, f"{path}.outputFields"):
        yield warning(where, "a new output, which existing mappings do not contain")


def _presets(old: DestinationSpec, new: DestinationSpec) -> Iterator[Change]:
    """Compare presets by name; where nothing but the name has changed, it was renamed."""
    left = list(new.presets)
    lost: list[PresetSpec] = []
    for preset in old.presets:
        same = _take(left, (one for one in left if _key(one) == _key(preset))) or _take(
            left, (one for one in left if one.name == preset.name)
        )
        if same is None:
            lost.append(preset)
        else:
            yield from _preset(_path(new, same), preset, same)
    for preset in lost:
        renamed = _take(left, (one for one in left if attrs.evolve(one, name=preset.name) == preset))
        if renamed is not None:
            yield warning(_path(new, renamed), f"the preset {preset.name!r} is now called {renamed.name!r}")
        elif preset.type == "automatic":
            path = f"$.presets[{old.presets.index(preset)}]"
            yield breaking(
                path, f"the preset {preset.name!r} is gone: workspaces that take presets send less"
            )
        else:
            yield note(f"$.presets[{old.presets.index(preset)}]", f"the preset {preset.name!r} is gone")
    for preset in left:
        if preset.type == "automatic":
            message = f"a new preset, {preset.name!r}: workspaces that take presets send more"
            yield warning(_path(new, preset), message)
        else:
            yield note(_path(new, preset), f"a new preset, {preset.name!r}")


def _preset(path: str, old: PresetSpec, new: PresetSpec) -> Iterator[Change]:
    if old.type != new.type:
        level = breaking if old.type == "automatic" else warning
        yield level(f"{path}.type", f"the type was {old.type} and is {new.type}")
    if old.partner_action != new.partner_action:
        message = f"its events go to {new.partner_action}, no longer to {old.partner_action}"
        yield warning(f"{path}.partnerAction", message)
    if (old.subscribe, old.event_slug) != (new.subscribe, new.event_slug):
        key = "eventSlug" if new.subscribe is None else "subscribe"
        yield warning(f"{path}.{key}", "it takes other events")
    if old.mapping != new.mapping:
        yield warning(f"{path}.mapping", "its mapping has changed")


def _key(preset: PresetSpec) -> tuple[str, str, str]:
    return preset.name, preset.partner_action, preset.type


def _take(left: list[PresetSpec], found: Iterable[PresetSpec]) -> PresetSpec | None:
    """Remove the first that is found from those that are left, and return it."""
    first = next(iter(found), None)
    if first is not None:
        left.remove(first)
    return first


def _path(spec: DestinationSpec, preset: PresetSpec) -> str:
    return f"$.presets[{spec.presets.index(preset)}]"


def compare_fields(old: Fields, new: Fields, path: str, owner: FieldOwner) -> Iterator[Change]:
    """Yield what changes for workspaces that fill these fields."""
    for where, _ in only_in(old, new, path):
        what = (
            "its values are no longer sent"
            if owner is not FieldOwner.SETTINGS
            else "it has no effect any more"
        )
        yield breaking(where, f"the {owner.value} is gone: {what}")
    for where, field in only_in(new, old, path):
        yield _new_field(where, field, owner)
    for where, before, after in common(old, new, path):
        yield from _compare(where, before, after, owner)


def _new_field(path: str, field: FieldSpec, owner: FieldOwner) -> Change:
    if field.required is False and owner is FieldOwner.CHILD:
        return warning(path, "a new optional field: values under that key are sent now, if they are valid")
    if field.required is False:
        return note(path, f"a new optional {owner.value}")
    when = "" if field.required is True else " on conditions"
    if field.default is MISSING or owner is FieldOwner.CHILD:
        return breaking(path, f"a new {owner.value} is required{when}, and nothing fills it")
    if owner is FieldOwner.SETTINGS:
        return note(path, f"a new {owner.value} is required{when}; its default fills it")
    message = f"a new {owner.value} is required{when}: its default fills new mappings, not existing ones"
    return breaking(path, message)


def _compare(path: str, old: FieldSpec, new: FieldSpec, owner: FieldOwner) -> Iterator[Change]:
    yield from _required(path, old, new, owner)
    yield from _default(path, old, new, owner)
    if old.allow_null and not new.allow_null:
        yield breaking(child_path(path, "allowNull"), "null is no longer passed on")
    yield from _multiple(path, old, new)
    if old.type != new.type:
        change = _type(child_path(path, "type"), old.type, new.type)
        yield change
        if change.level == "breaking":
            return
    yield from _choices(child_path(path, "choices"), old, new)
    yield from _format(child_path(path, "format"), old, new)
    yield from _bounds(path, old, new)
    if new.type == "object":
        yield from _object(path, old, new)


def _required(path: str, old: FieldSpec, new: FieldSpec, owner: FieldOwner) -> Iterator[Change]:
    before, after = old.required, new.required
    path = child_path(path, "required")
    if before == after:
        return
    if after is False or before is True or _implies(after, before):
        yield note(path, "it is required less often")
    elif owner is FieldOwner.SETTINGS and new.default is not MISSING:
        yield note(path, "it is required now; its default fills it")
    elif isinstance(after, ConditionSet):
        yield breaking(path, "it is required on conditions under which it was not")
    else:
        yield breaking(path, "it was optional and is required")


def _implies(first: bool | ConditionSet, second: bool | ConditionSet) -> bool:  # noqa: FBT001  # as fields have it
    """Return True if the first is certainly true only where the second is."""
    if not isinstance(first, ConditionSet) or not isinstance(second, ConditionSet):
        return False
    one, other = list(first.conditions), list(second.conditions)
    if first.match == "all" or len(one) == 1:
        every = second.match == "all" or len(other) == 1
        return all(item in one for item in other) if every else any(item in one for item in other)
    return second.match == "any" and all(item in other for item in one)


def _default(path: str, old: FieldSpec, new: FieldSpec, owner: FieldOwner) -> Iterator[Change]:
    path = child_path(path, "default")
    if owner is FieldOwner.CHILD or _canonical(old.default) == _canonical(new.default):
        return
    if old.default is MISSING:
        level = note if owner is FieldOwner.MAPPING else warning
        yield level(path, "it has a default now")
    elif new.default is MISSING and new.required is not False:
        yield breaking(
            path, "its default is gone, and it is required: workspaces that rely on the default lack it"
        )
    elif new.default is MISSING:
        yield warning(path, "its default is gone: workspaces that rely on the default send nothing for it")
    else:
        yield warning(
            path, "its default has changed: workspaces that rely on the default send something else"
        )


def _multiple(path: str, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    if old.multiple == new.multiple:
        return
    path = child_path(path, "multiple")
    if old.multiple:
        yield breaking(path, "it took lists and takes a single value")
    elif new.allow_null and old.allow_null:
        yield breaking(path, "it takes lists now, and a list cannot be null")
    else:
        yield warning(path, "it takes lists now: a single value becomes a list of one")


def _type(path: str, old: str, new: str) -> Change:
    shown = f"the type was {old} and is {new}"
    if new not in _WIDER.get(old, frozenset()):
        return breaking(path, f"{shown}: values that passed are refused")
    if old == "password":
        return warning(path, f"{shown}: the value is no longer masked")
    if old in _TEXTS or new == "number":
        return note(path, f"{shown}, which takes the same and more")
    return warning(path, f"{shown}: values become text")


def _choices(path: str, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    before, after = old.values, new.values
    if after is None and before is None:
        return
    if after is None:
        yield note(path, "any value is taken now")
    elif before is None:
        yield breaking(path, f"only {_listed(after)} are accepted now")
    else:
        allowed, known = set(map(_canonical, after)), set(map(_canonical, before))
        lost = [value for value in before if _canonical(value) not in allowed]
        if lost:
            yield breaking(path, f"no longer taken: {_listed(lost)}")
        more = [value for value in after if _canonical(value) not in known]
        if more:
            yield note(path, f"taken as well: {_listed(more)}")


def _format(path: str, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    before, after = format_of(old), format_of(new)
    if before == after or (before in _OPEN and after in _OPEN):
        return
    if after in _OPEN:
        yield note(path, f"text need not have the format {before} any more")
    elif old.type == new.type == "string":
        yield breaking(path, f"text must have the format {after} now")


def _bounds(path: str, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    if new.type not in _BOUNDED:
        return
    comparable = old.type in _BOUNDED and (old.type == "string") == (new.type == "string")
    for name, sign in (("minimum", 1), ("maximum", -1)):
        before = getattr(old, name) if comparable else None
        after = getattr(new, name)
        if before == after:
            continue
        where = child_path(path, name)
        if after is None:
            yield note(where, f"there is no {name} any more")
        elif before is None or sign * after > sign * before:
            yield breaking(where, f"the {name} is {after}: values that passed are refused")
        else:
            yield note(where, f"the {name} is {after}, which lets more pass")


def _object(path: str, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    here = child_path(path, "properties")
    if new.properties is None:
        if old.properties is not None:
            yield note(here, "it takes any keys now")
        return
    open_before = old.properties is None or old.additional_properties
    if open_before and not new.additional_properties:
        where = here if old.properties is None else child_path(path, "additionalProperties")
        yield breaking(where, "keys that are not declared are no longer sent")
    before = old.properties or {}
    undeclared = {where for where, _ in only_in(before, new.properties, here)}
    for change in compare_fields(before, new.properties, here, FieldOwner.CHILD):
        if new.additional_properties and change.path in undeclared:
            yield note(change.path, "the field of an object is not declared any more, but still sent")
        else:
            yield change


def _canonical(value: Json) -> str:
    """Return a text that is equal for equal values; true is not 1, but 1.0 is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, default=str)


def _listed(values: list[Json]) -> str:
    return ", ".join(json.dumps(value, ensure_ascii=False) for value in values)
