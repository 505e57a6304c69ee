"""A workspace, instance by instance: secrets in clear, and subscriptions that cannot be meant."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from actions_core.authoring.advice.mappings import mapping_advice
from actions_core.destination.destination import fields_of
from actions_core.destination.specs import MAPPING_EXTRAS
from actions_core.errors import FqlError, MappingError, Problem, child_path
from actions_core.mapping import compile_mapping
from actions_core.mapping.compiled import ROOT_DIRECTIVE
from actions_core.mapping.reader import is_directive
from actions_core.subscriptions import never_matches, normal_form, parse_fql
from actions_core.values.naming import snake_case
from actions_core.values.wording import shown

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

    from actions_core.authoring.advice.samples import Samples
    from actions_core.destination import Destination
    from actions_core.engine.workspace import InstanceSpec, SubscriptionSpec, Workspace
    from actions_core.subscriptions import Condition
    from actions_core.values.types import Json, JsonObject

#: Settings that no definition declares, but which hold secrets under these names.
_OTHER_SETTINGS: Final = ("oauth", "dynamicAuthSettings")
_SECRET_KEY: Final = re.compile(r"token$|secret|password|api-?key", re.IGNORECASE)


def advise(
    workspace: Workspace, destinations: Mapping[str, Destination], samples: Samples | None = None
) -> list[Problem]:
    """Everything that is likely to be a mistake, as warnings with their paths.

    `destinations` are those that the workspace may use, by slug. With `samples`, also the keys that
    mappings and conditions read and no sample has. What is an error is left to the engine.
    """
    problems: list[Problem] = []
    for index, instance in enumerate(workspace.destinations):
        path = f"$.destinations[{index}]"
        problems += _filters(instance, path, samples)
        destination = destinations.get(instance.destination)
        if destination is not None:
            problems += _secrets(instance, destination, f"{path}.settings")
            problems += _subscriptions(instance, destination, f"{path}.subscriptions", samples)
    return problems


def _filters(instance: InstanceSpec, path: str, samples: Samples | None) -> Iterator[Problem]:
    for index, item in enumerate(instance.filters if samples else ()):
        condition = _condition(item.get("if"))
        if condition is not None:
            yield from _unseen(condition.keys(), f"{path}.filters[{index}].if", samples)


def _secrets(instance: InstanceSpec, destination: Destination, path: str) -> Iterator[Problem]:
    for key, field in destination.spec.settings.items():
        if field.type == "password" or field.format == "password":
            yield from _in_clear(instance, instance.settings.get(key), key, child_path(path, key))
    for key in _OTHER_SETTINGS:
        yield from _nested_secrets(instance, instance.settings.get(key), child_path(path, key))


def _nested_secrets(instance: InstanceSpec, value: Json, path: str) -> Iterator[Problem]:
    for key, item in value.items() if isinstance(value, dict) else ():
        here = child_path(path, key)
        if _SECRET_KEY.search(key):
            yield from _in_clear(instance, item, key, here)
        else:
            yield from _nested_secrets(instance, item, here)


def _in_clear(instance: InstanceSpec, value: Json, key: str, path: str) -> Iterator[Problem]:
    if isinstance(value, str) and value:
        words = f"{snake_case(instance.id)}_{snake_case(key)}".upper()
        name = json.dumps({"$env": re.sub(r"[^A-Z0-9]+", "_", words).strip("_")})
        message = f"a secret stands here in clear; write {name} and keep it in the environment"
        yield Problem(path, message, "warning")


def _subscriptions(
    instance: InstanceSpec, destination: Destination, path: str, samples: Samples | None
) -> Iterator[Problem]:
    if instance.subscriptions == "presets":
        yield from _presets(destination, path, samples)
        return
    first: dict[Hashable, int] = {}
    for index, spec in enumerate(instance.subscriptions):
        here = f"{path}[{index}]"
        action = destination.spec.actions.get(spec.partner_action)
        if action is None:
            continue
        if action.superseded_by is not None:
            message = f"{spec.partner_action} is superseded by {action.superseded_by}"
            yield Problem(f"{here}.partnerAction", message, "warning")
        condition = _condition(spec.subscribe)
        if condition is not None:
            yield from _condition_advice(condition, f"{here}.subscribe", samples)
            if spec.enabled:
                yield from _repeated(spec, action.default_mapping, condition, index, first, here)
        yield from _mapping(spec, destination, here, samples)


def _presets(destination: Destination, path: str, samples: Samples | None) -> Iterator[Problem]:
    """Presets are the definition's own, so that only the samples can say something new of them."""
    for preset in destination.spec.presets if samples else ():
        condition = _condition(preset.subscribe)
        if preset.type == "automatic" and condition is not None:
            mapping = destination.spec.preset_mapping(preset)
            found = [*_unseen(condition.keys(), path, samples), *_unseen_fields(mapping, path, samples)]
            for problem in found:
                yield Problem(path, f"the preset {shown(preset.name)}: {problem.message}", "warning")


def _condition(text: Json) -> Condition | None:
    try:
        return parse_fql(text) if isinstance(text, str) else None
    except FqlError:
        return None


def _condition_advice(condition: Condition, path: str, samples: Samples | None) -> Iterator[Problem]:
    if never_matches(condition):
        yield Problem(path, "no event can match this condition", "warning")
    yield from _unseen(condition.keys(), path, samples)


def _repeated(
    spec: SubscriptionSpec,
    default: JsonObject,
    condition: Condition,
    index: int,
    first: dict[Hashable, int],
    path: str,
) -> Iterator[Problem]:
    mapping = default if spec.mapping is None else spec.mapping
    what = (spec.partner_action, json.dumps(mapping, sort_keys=True), normal_form(condition))
    before = first.setdefault(what, index)
    if before != index:
        message = (
            f"has the condition, the action and the mapping of subscription {before}: "
            "each event that matches is delivered twice"
        )
        yield Problem(path, message, "warning")


def _mapping(
    spec: SubscriptionSpec, destination: Destination, path: str, samples: Samples | None
) -> Iterator[Problem]:
    raw = spec.mapping
    if raw is None:
        raw = destination.spec.actions[spec.partner_action].default_mapping
    else:
        path = child_path(path, "mapping")
    fields = fields_of(destination, spec.partner_action)
    yield from mapping_advice(raw, fields, path, action=spec.partner_action)
    yield from _unseen_fields(raw, path, samples)


def _unseen_fields(raw: Json, path: str, samples: Samples | None) -> Iterator[Problem]:
    """Field by field, so that a warning stands where the path is read."""
    if samples is None or not isinstance(raw, dict):
        return
    own = {key: value for key, value in raw.items() if key not in MAPPING_EXTRAS}
    whole = ROOT_DIRECTIVE in own or is_directive(own)
    parts = {path: own} if whole else {child_path(path, key): {key: own[key]} for key in own}
    for place, part in parts.items():
        try:
            keys = compile_mapping(part).keys()
        except MappingError:  # an error, and not ours to tell
            continue
        yield from _unseen(keys, place, samples)


def _unseen(keys: tuple[str, ...], path: str, samples: Samples | None) -> Iterator[Problem]:
    if samples is not None:
        messages = (samples.missing(key) for key in keys)
        yield from (Problem(path, message, "warning") for message in messages if message)
