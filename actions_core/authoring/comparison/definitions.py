"""Two versions of a definition: slug, settings, actions, presets, audiences.

A workspace holds the slug, settings, the keys of actions, mappings, or the word "presets": what it
does not hold (titles, descriptions, the order of fields) changes nothing for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.authoring.comparison.changes import Level, breaking, gone, kept, note, warning
from actions_core.authoring.comparison.fields import Place, compare_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions_core.authoring.comparison.changes import Change
    from actions_core.destination.specs import ActionSpec, DestinationSpec, HookSpec, PresetSpec, SyncModeSpec


def compare_definitions(old: DestinationSpec, new: DestinationSpec) -> tuple[Change, ...]:
    """Every change that a live workspace may feel, and what is new; what breaks it comes first."""
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
        yield note("$.triesByStatus", "requests are tried another number of times")


def _authentication(old: DestinationSpec, new: DestinationSpec) -> Iterator[Change]:
    before = old.authentication.scheme if old.authentication else "none"
    after = new.authentication.scheme if new.authentication else "none"
    if before != after:
        path = "$.authentication.scheme"
        message = f"the scheme was {before} and is {after}"
        yield breaking(path, message) if "oauth" in before + after else warning(path, message)
    yield from compare_fields(old.settings, new.settings, "$.authentication.fields", Place.SETTINGS)


def _audience(old: DestinationSpec, new: DestinationSpec) -> Iterator[Change]:
    path = "$.audienceConfig"
    before, after = old.audience, new.audience
    if before is None and after is not None:
        yield note(path, "audiences are taken now")
    if before is None:
        return
    if after is None:
        yield breaking(path, "audiences are no longer taken")
        return
    if before.mode != after.mode:
        yield breaking(f"{path}.mode", "audiences come in another way")
    if before.supports_audience_functions and not after.supports_audience_functions:
        yield breaking(f"{path}.supportsAudienceFunctions", "audiences can no longer be created")
    yield from compare_fields(before.fields, after.fields, f"{path}.audienceFields", Place.SETTINGS)


def _actions(old: DestinationSpec, new: DestinationSpec) -> Iterator[Change]:
    for path, _ in gone(old.actions, new.actions, "$.actions"):
        yield breaking(path, "the action is gone: subscriptions name it")
    for path, _ in gone(new.actions, old.actions, "$.actions"):
        yield note(path, "a new action")
    for path, before, after in kept(old.actions, new.actions, "$.actions"):
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
        yield warning(f"{path}.hasPerformBatch", "batches are no longer taken: events go out one by one")
    yield from compare_fields(old.fields, new.fields, f"{path}.fields", Place.MAPPING)
    yield from _sync_mode(f"{path}.syncMode", old.sync_mode, new.sync_mode)
    yield from _hooks(f"{path}.hooks", old, new)


def _sync_mode(path: str, old: SyncModeSpec | None, new: SyncModeSpec | None) -> Iterator[Change]:
    if old is None:
        if new is not None:
            yield warning(path, "the action has sync modes now, and mappings that exist choose none")
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
    for where, _ in gone(old.hooks, new.hooks, path):
        yield breaking(where, "the hook is gone")
    for where, _ in gone(new.hooks, old.hooks, path):
        yield note(where, "a new hook")
    for where, before, after in kept(old.hooks, new.hooks, path):
        yield from _hook(where, before, after)


def _hook(path: str, old: HookSpec, new: HookSpec) -> Iterator[Change]:
    """A mapping keeps what the hook gave: its inputs matter only when the mapping is saved again."""
    for change in compare_fields(old.input_fields, new.input_fields, f"{path}.inputFields", Place.SETTINGS):
        level = Level.WARNING if change.level is Level.BREAKING else change.level
        yield attrs.evolve(change, level=level)
    for where, _ in gone(new.output_fields, old.output_fields, f"{path}.outputFields"):
        yield warning(where, "a new output, which mappings that exist do not hold")


def _presets(old: DestinationSpec, new: DestinationSpec) -> Iterator[Change]:
    """Presets are known by their names; one that changed nothing else has been renamed."""
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
            yield warning(_path(new, renamed), f"the preset {preset.name!r} is called {renamed.name!r}")
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
        yield warning(f"{path}.mapping", "its mapping is another")


def _key(preset: PresetSpec) -> tuple[str, str, str]:
    return preset.name, preset.partner_action, preset.type


def _take(left: list[PresetSpec], found: Iterable[PresetSpec]) -> PresetSpec | None:
    """The first that is found, taken out of those that are left."""
    first = next(iter(found), None)
    if first is not None:
        left.remove(first)
    return first


def _path(spec: DestinationSpec, preset: PresetSpec) -> str:
    return f"$.presets[{spec.presets.index(preset)}]"
