"""A mapping beside the fields that it is for: what is not there, what is missing, what can never fit.

Only what holds for every event is said: values that are written in the mapping itself, branches of
conditions too, and keys. What a directive takes from the event is the business of validation.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.destination.specs import INTERNAL_PREFIX, MAPPING_EXTRAS
from actions_core.errors import DefinitionError, PayloadError, Problem, child_path
from actions_core.mapping.compiled import ROOT_DIRECTIVE
from actions_core.mapping.reader import METADATA, is_directive
from actions_core.validation import PayloadValidator
from actions_core.values.types import MISSING
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

_LONGEST_DEFAULT: Final = 80


def mapping_advice(
    raw: Json, fields: Mapping[str, FieldSpec], path: str, *, action: str
) -> Iterator[Problem]:
    """What is likely to be wrong with a mapping for an action with these fields; paths begin with `path`."""
    if not isinstance(raw, dict) or is_directive(raw) or ROOT_DIRECTIVE in raw:
        # A directive makes the whole payload: its keys are known only when an event comes.
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
    """The required fields that the object does not have."""
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
    """What a value in the mapping can be, beside the field that gets it."""
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
    """Only the directives that may give what is written inside them."""
    name = next((name for name in raw if name.startswith("@")), "")
    option, here = raw[name], child_path(path, name)
    if name in ("@literal", "@excludeWhenNull"):
        yield from _value(option, key, field, here)
    elif name == "@if" and isinstance(option, dict):
        # A branch may give nothing on purpose.
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
    """The check that a payload goes through, for a value that is the same for every event."""
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
    except DefinitionError:  # the field itself is faulty, and that is said of the definition
        return


def _warning(path: str, message: str) -> Problem:
    return Problem(path, message, "warning")
