"""Warnings about workspaces that work but are likely to be mistaken: what `actions check` adds to the errors.

Secrets in clear, subscriptions that cannot be meant, and mappings beside the fields they are for. Only
what is true for every event is reported: values written in the mapping itself, in branches of conditions
too, and keys. What a directive takes from the event is checked by validation.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.destination.destination import fields_of
from actions_core.destination.specs import INTERNAL_PREFIX, MAPPING_EXTRAS
from actions_core.engine.environment import is_variable
from actions_core.errors import DefinitionError, FqlError, MappingError, PayloadError, Problem, child_path
from actions_core.mapping import compile_mapping
from actions_core.mapping.compiled import ROOT_DIRECTIVE
from actions_core.mapping.directives import OF_OUR_OWN
from actions_core.mapping.reader import METADATA, is_directive
from actions_core.subscriptions import never_matches, normal_form, parse_fql
from actions_core.validation import PayloadValidator
from actions_core.values.naming import snake_case
from actions_core.values.types import MISSING
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

    from actions_core.authoring.sample_keys import SampleKeys
    from actions_core.destination import Destination
    from actions_core.engine.workspace import InstanceSpec, SubscriptionSpec, Workspace
    from actions_core.subscriptions import Condition
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

#: Settings that no definition declares, and that contain secrets.
_OTHER_SETTINGS: Final = ("oauth", "dynamicAuthSettings")
_SECRET_KEY: Final = re.compile(r"token$|secret|password|api-?key", re.IGNORECASE)
_LONGEST_DEFAULT: Final = 80


def advise(
    workspace: Workspace, destinations: Mapping[str, Destination], samples: SampleKeys | None = None
) -> list[Problem]:
    """Return a warning with its path for everything that is likely to be a mistake.

    `destinations` are those that the workspace may use, by slug. With `samples`, there are also warnings
    about keys that mappings and conditions read and no sample has. Errors are left to the engine.
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


def _filters(instance: InstanceSpec, path: str, samples: SampleKeys | None) -> Iterator[Problem]:
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
        message = f"a secret in clear text; write {name} and keep it in the environment"
        yield Problem(path, message, "warning")


def _subscriptions(
    instance: InstanceSpec, destination: Destination, path: str, samples: SampleKeys | None
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
        for key, field in action.fields.items() if isinstance(spec.mapping, dict) else ():
            if field.type == "password":
                yield from _in_clear(instance, spec.mapping.get(key), key, child_path(f"{here}.mapping", key))


def _presets(destination: Destination, path: str, samples: SampleKeys | None) -> Iterator[Problem]:
    """Compare presets with the samples; the rest of them is the definition's own."""
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


def _condition_advice(condition: Condition, path: str, samples: SampleKeys | None) -> Iterator[Problem]:
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
    spec: SubscriptionSpec, destination: Destination, path: str, samples: SampleKeys | None
) -> Iterator[Problem]:
    raw = spec.mapping
    if raw is None:
        raw = destination.spec.actions[spec.partner_action].default_mapping
    else:
        path = child_path(path, "mapping")
    fields = fields_of(destination, spec.partner_action)
    yield from mapping_advice(raw, fields, path, action=spec.partner_action)
    if spec.mapping is not None:
        yield from _unknown_to_segment(raw, path)
    yield from _unseen_fields(raw, path, samples)


def _unknown_to_segment(raw: Json, path: str) -> Iterator[Problem]:
    """Warn of directives of our own, field by field: Segment refuses a mapping with them."""
    for key, value in raw.items() if isinstance(raw, dict) else ():
        found = sorted(set(_directives({key: value})) & OF_OUR_OWN)
        if found:
            message = f"{', '.join(found)} is not known to Segment: there this mapping would be refused"
            yield _warning(child_path(path, key), message)


def _directives(value: Json) -> Iterator[str]:
    """Yield the name of each directive in a value."""
    if isinstance(value, dict):
        yield from (key for key in value if key.startswith("@"))
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _directives(item)


def _unseen_fields(raw: Json, path: str, samples: SampleKeys | None) -> Iterator[Problem]:
    """Check field by field, so that a warning has the path of the field that reads the key."""
    if samples is None or not isinstance(raw, dict):
        return
    own = {key: value for key, value in raw.items() if key not in MAPPING_EXTRAS}
    whole = ROOT_DIRECTIVE in own or is_directive(own)
    parts = {path: own} if whole else {child_path(path, key): {key: own[key]} for key in own}
    for place, part in parts.items():
        try:
            keys = compile_mapping(part).keys()
        except MappingError:  # the engine reports it
            continue
        yield from _unseen(keys, place, samples)


def _unseen(keys: tuple[str, ...], path: str, samples: SampleKeys | None) -> Iterator[Problem]:
    if samples is not None:
        messages = (samples.missing(key) for key in keys)
        yield from (Problem(path, message, "warning") for message in messages if message)


def mapping_advice(
    raw: Json, fields: Mapping[str, FieldSpec], path: str, *, action: str
) -> Iterator[Problem]:
    """Yield what is likely to be wrong with a mapping for these fields; paths begin with `path`."""
    if not isinstance(raw, dict) or is_directive(raw) or ROOT_DIRECTIVE in raw:
        # A directive makes the whole payload: its keys are known only when an event comes in.
        return
    own = {key: value for key, value in raw.items() if not _is_extra(key)}
    for key in own:
        if key not in fields:
            hint = suggestion(key, list(fields))
            message = f"the action {action} has no field {shown(key)}{hint or '; it is left out'}"
            yield _warning(child_path(path, key), message)
    yield from _absent(own, fields, path)
    for key, value in own.items():
        if key in fields:
            yield from _value(value, key, fields[key], child_path(path, key))


def _is_extra(key: str) -> bool:
    return key in MAPPING_EXTRAS or key.startswith(INTERNAL_PREFIX) or key in (METADATA, "$schema")


def _absent(raw: JsonObject, fields: Mapping[str, FieldSpec], path: str) -> Iterator[Problem]:
    """Warn about required fields that the object does not have."""
    for key, field in fields.items():
        if field.required is not True or key in raw:
            continue
        message = f"the required field {shown(key)} has no mapping: every event is refused"
        if field.default is not MISSING:
            default = json.dumps(field.default, ensure_ascii=False)
            if len(default) <= _LONGEST_DEFAULT:
                message += f"; the definition suggests {default}, but does not fill it in"
        yield _warning(path, message)


def _value(value: Json, key: str, field: FieldSpec, path: str) -> Iterator[Problem]:
    """Compare a value in the mapping with its field."""
    if is_variable(value):
        return  # what it is, only the environment knows
    if is_directive(value):
        yield from _directive(value, key, field, path)
    elif isinstance(value, list) and field.multiple:
        item = attrs.evolve(field, multiple=False, required=False)
        for index, part in enumerate(value):
            yield from _value(part, key, item, child_path(path, index))
    elif isinstance(value, dict) and field.type == "object" and field.properties is not None:
        yield from _object(value, field, path)
    elif not _has_directive(value):
        yield from _literal(value, key, field, path)


def _object(value: JsonObject, field: FieldSpec, path: str) -> Iterator[Problem]:
    properties = field.properties or {}
    for key, part in value.items():
        here = child_path(path, key)
        if key in properties:
            yield from _value(part, key, properties[key], here)
        elif not field.additional_properties and key != METADATA:
            hint = suggestion(key, list(properties))
            yield _warning(here, f"the object has no field {shown(key)}{hint or '; it is left out'}")
    yield from _absent(value, properties, path)


def _directive(raw: JsonObject, key: str, field: FieldSpec, path: str) -> Iterator[Problem]:
    """Look into the directives that may result in a value written inside them."""
    name = next((name for name in raw if name.startswith("@")), "")
    option, here = raw[name], child_path(path, name)
    if name in ("@literal", "@excludeWhenNull"):
        yield from _value(option, key, field, here)
    elif name == "@if" and isinstance(option, dict):
        # A branch may be empty on purpose.
        branch = attrs.evolve(field, required=False)
        for side in ("then", "else"):
            if side in option:
                yield from _value(option[side], key, branch, child_path(here, side))
    elif name == "@template" and isinstance(option, str) and "{{" not in option:
        yield from _literal(option, key, field, here)
    elif (
        name == "@arrayPath" and isinstance(option, list) and len(option) > 1 and isinstance(option[1], dict)
    ):
        shape = option[1]
        if shape and field.type == "object" and field.properties is not None and not is_directive(shape):
            yield from _object(shape, field, child_path(here, 1))


def _has_directive(value: Json) -> bool:
    if isinstance(value, dict):
        return is_directive(value) or any(map(_has_directive, value.values()))
    return isinstance(value, list) and any(map(_has_directive, value))


def _literal(value: Json, key: str, field: FieldSpec, path: str) -> Iterator[Problem]:
    """Validate a value that is the same for every event, as a payload is validated."""
    if value is None or value == "":
        if field.required is True and not (value is None and field.allow_null):
            yield _warning(path, f"the required field {shown(key)} is empty: every event is refused")
        return
    lone: Any = attrs.evolve(field, required=False, depends_on=None)
    try:
        PayloadValidator({key: lone}).check({key: value})
    except PayloadError as error:
        start = child_path("$", key)
        for problem in error.problems:
            rest = problem.path.removeprefix(start) if problem.path.startswith(start) else ""
            yield _warning(path + rest, problem.message)
    except DefinitionError:  # an error of the field itself, which is reported for the definition
        return


def _warning(path: str, message: str) -> Problem:
    return Problem(path, message, "warning")
