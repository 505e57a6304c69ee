"""From checked JSON to specs and back: the only door to cattrs.

What comes here has passed its schema, so that structuring finds no fault; it only bridges the two
spellings. null means absent, except where it is a value: of a choice.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from actions_core.destination import specs
from actions_core.validation import fields as field_specs
from actions_core.values.naming import camel_case
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cattrs import Converter

    from actions_core.values.types import Json, JsonObject

    T = TypeVar("T")

#: Attributes whose key is not simply their name in camelCase.
_KEYS: Final = {
    specs.DestinationSpec: {"audience": "audienceConfig"},
    specs.AudienceSpec: {"fields": "audienceFields"},
    specs.AudienceMode: {"full_audience_sync": "full_audience_sync"},
    field_specs.FieldSpec: {
        attribute: key for key, attribute in field_specs.FIELD_KEYS.items() if key != "unsafe_hidden"
    },
}


def structure(data: JsonObject, cls: type[T]) -> T:
    """Build the spec of data that has passed its schema."""
    return _converter().structure(data, cls)


def definition_json(spec: specs.DestinationSpec) -> JsonObject:
    """Return a definition in the spelling of its file, which loads as the same spec."""
    definition: JsonObject = _unstructured(spec)
    return definition


def _unstructured(value: Any) -> Json:
    import attrs

    cls = type(value)
    if attrs.has(cls):
        return {
            _key(cls, attribute.name): _unstructured(part)
            for attribute in attrs.fields(cls)
            if (part := getattr(value, attribute.name)) is not MISSING
            and (part is not None or attribute.default is attrs.NOTHING)
        }
    if isinstance(value, Mapping):
        return {str(key): _unstructured(part) for key, part in value.items()}
    return [_unstructured(part) for part in value] if isinstance(value, (list, tuple)) else value


def _key(cls: type[Any], attribute: str) -> str:
    """Return the key in JSON of an attribute."""
    return _KEYS.get(cls, {}).get(attribute, camel_case(attribute))


@functools.cache
def _converter() -> Converter:
    import attrs
    import cattrs

    converter = cattrs.Converter()
    for kind in (str, bool, int, float):
        converter.register_structure_hook(kind, _exactly)
    converter.register_structure_hook(field_specs.Choice, _choice)
    converter.register_structure_hook(
        bool | field_specs.ConditionSet,
        lambda value, _: (
            value if isinstance(value, bool) else converter.structure(value, field_specs.ConditionSet)
        ),
    )
    converter.register_structure_hook_factory(attrs.has, functools.partial(_hook, converter))
    converter.register_structure_hook(field_specs.Choice, _choice)
    return converter


def _hook(converter: Converter, cls: type[Any]) -> Callable[[Json, Any], Any]:
    """Return the hook that structures a dictionary as a `cls`."""
    from attrs import fields_dict
    from cattrs.gen import make_dict_structure_fn, override

    renames = {name: override(rename=_key(cls, name)) for name in fields_dict(cls)}
    build = make_dict_structure_fn(cls, converter, **renames)  # type: ignore[arg-type] # names come from the class
    before = _BEFORE.get(cls)

    def hook(data: Json, _: Any) -> Any:
        present = {key: value for key, value in data.items() if value is not None}
        return build(before(present) if before is not None else present, cls)

    return hook


def _exactly(value: Json, kind: type[Any]) -> Json:
    """Return the value unchanged (1 stays 1 where a float may be); raise where cattrs would coerce it."""
    if kind is int and isinstance(value, str):
        return int(value)  # a status, which as a key of JSON is text
    if isinstance(value, bool) is not (kind is bool) or not isinstance(
        value, (int, kind) if kind is float else kind
    ):
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value


def _choice(data: Json, _: Any) -> field_specs.Choice:
    """Structure a choice, which is a value with a label, or the bare value."""
    if isinstance(data, dict):
        return field_specs.Choice(value=data["value"], label=data.get("label"))
    return field_specs.Choice(value=data)


def _field(data: JsonObject) -> JsonObject:
    """Segment's catalogue writes `hidden`, its sources write `unsafe_hidden`: either hides."""
    if "unsafe_hidden" not in data:
        return data
    return {**data, "hidden": bool(data["unsafe_hidden"] or data.get("hidden"))}


def _action(data: JsonObject) -> JsonObject:
    """Published definitions name each hook that there could be, and null is none."""
    hooks = {key: hook for key, hook in data.get("hooks", {}).items() if hook is not None}
    return {**data, "hooks": hooks}


def _destination(data: JsonObject) -> JsonObject:
    """Move the audience's fields into its configuration; Segment's sources have them beside it."""
    if not data.get("audienceFields") or "audienceConfig" not in data:
        return data
    config = data["audienceConfig"]
    return {
        **data,
        "audienceConfig": {
            **config,
            "audienceFields": {**data["audienceFields"], **(config.get("audienceFields") or {})},
        },
    }


_BEFORE: Final[dict[type[Any], Callable[[JsonObject], JsonObject]]] = {
    field_specs.FieldSpec: _field,
    specs.ActionSpec: _action,
    specs.DestinationSpec: _destination,
}
