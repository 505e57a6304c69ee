"""From checked JSON to specs and back: the only door to cattrs.

The specs themselves say how they look in JSON: an attribute's key is its name in camelCase, or the
`key` of its metadata; under the key in its `or`, the same mark may be given too. null means absent,
except where it is a value: of a choice.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from actions_core.errors import DefinitionError, Problem
from actions_core.validation.documents import check_document, schema
from actions_core.validation.fields.spec import Choice, ConditionSet, FieldSpec
from actions_core.values.naming import camel_case
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cattrs import Converter

    from actions_core.values.types import Json, JsonObject

    T = TypeVar("T")
    Preparation = Callable[[JsonObject], JsonObject]

_PREPARATIONS: Final[dict[type[Any], Preparation]] = {}


def prepares(cls: type[Any]) -> Callable[[Preparation], Preparation]:
    """Register a function that rewrites the JSON of a `cls` before it is structured."""

    def register(function: Preparation) -> Preparation:
        _PREPARATIONS[cls] = function
        return function

    return register


def read_fields(fields: Mapping[str, Json]) -> dict[str, FieldSpec]:
    """Return the specs of raw fields, of specs, or of both; parts of a raw field may be built already.

    Raises `DefinitionError` with everything that the schema of definitions refuses.
    """
    raw = fields
    if isinstance(fields, Mapping):
        raw = {key: field for key, field in fields.items() if not isinstance(field, FieldSpec)}
        if not raw:
            return dict(fields)
    try:
        problems = check_document(unstructure(raw), _fields_schema())
    except RecursionError:
        problems = [Problem("$", "is nested too deeply")]
    if problems:
        raise DefinitionError("The fields are faulty:", problems=problems)
    return {key: structure(field, FieldSpec) for key, field in fields.items()}


@functools.cache
def _fields_schema() -> JsonObject:
    """Return the schema of an object of fields, as it stands in a definition whose fragments are in place."""
    parts = schema("destination")["$defs"]
    field = parts["field"]
    keys = {key: value for key, value in field["properties"].items() if key != "$fragment"}
    complete = {
        **{key: value for key, value in field.items() if key not in ("if", "else")},
        **field["else"],
        "properties": keys,
    }
    return {
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/field"},
        "$defs": {**parts, "field": complete},
    }


def structure(data: JsonObject | T, cls: type[T]) -> T:
    """Return the `cls` of JSON that fits its schema; parts that are built already pass as they are."""
    return _converter().structure(data, cls)


def unstructure(value: Any, *, defaults: bool = True) -> Json:
    """Return a spec, or anything with specs in it, as JSON in Segment's spelling, without what is absent.

    Without `defaults`, what a spec has by default is left out too: loaded again, it is the same.
    """
    if attrs.has(type(value)):
        given = [(field, getattr(value, field.name)) for field in attrs.fields(type(value))]
        null = isinstance(value, Choice)
        return {
            key_of(field): unstructure(_with_str_keys(part), defaults=defaults)
            for field, part in given
            if part is not MISSING
            and (null or part is not None)
            and (defaults or not _is_default(field, part))
        }
    if isinstance(value, Mapping):
        return {key: unstructure(part, defaults=defaults) for key, part in value.items()}
    return (
        [unstructure(item, defaults=defaults) for item in value] if isinstance(value, list | tuple) else value
    )


def _is_default(field: attrs.Attribute[Any], part: Any) -> bool:
    default: Any = field.default
    if hasattr(default, "factory"):
        default = default.factory()
    return type(part) is type(default) and bool(part == default)


def _with_str_keys(part: Any) -> Any:
    """Return statuses, which are keys of some specs, as JSON has them."""
    return {str(key): item for key, item in part.items()} if isinstance(part, Mapping) else part


def key_of(field: attrs.Attribute[Any]) -> str:
    """Return the key in JSON of an attribute of a spec."""
    key: str = field.metadata.get("key") or camel_case(field.name)
    return key


@functools.cache
def _converter() -> Converter:
    import cattrs

    converter = cattrs.Converter()
    for kind in (str, bool, int, float):
        converter.register_structure_hook(kind, _exactly)
    converter.register_structure_hook(
        bool | ConditionSet,
        lambda value, _: value if isinstance(value, bool) else converter.structure(value, ConditionSet),
    )
    converter.register_structure_hook_factory(attrs.has, functools.partial(_hook, converter))
    converter.register_structure_hook(Choice, _choice)
    return converter


def _hook(converter: Converter, cls: type[Any]) -> Callable[[Json, Any], Any]:
    """Return the function that makes a `cls` of a dictionary."""
    from cattrs.gen import make_dict_structure_fn, override

    fields = attrs.fields(cls)
    renames = {field.name: override(rename=key_of(field)) for field in fields}
    build = make_dict_structure_fn(cls, converter, **renames)  # type: ignore[arg-type] # names come from the class
    doubled = [(key_of(field), field.metadata["or"]) for field in fields if "or" in field.metadata]
    prepare = _PREPARATIONS.get(cls)

    def hook(data: Json, _: Any) -> Any:
        if isinstance(data, cls):
            return data
        present = {key: value for key, value in data.items() if value is not None}
        for key, other in doubled:
            if other in present:
                present[key] = bool(present[other] or present.get(key))
        return build(present if prepare is None else prepare(present), cls)

    return hook


def _exactly(value: Json, kind: type[Any]) -> Json:
    """Return the value as it is (1 stays 1 where a float may be); raise where cattrs would convert it."""
    if kind is int and isinstance(value, str):
        return int(value)  # a status, which as a key of JSON is a string
    if isinstance(value, bool) is not (kind is bool) or not isinstance(
        value, (int, kind) if kind is float else kind
    ):
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value


def _choice(data: Json, _: Any) -> Choice:
    """Return a choice from a value with a label, or from the bare value."""
    if isinstance(data, Choice):
        return data
    if isinstance(data, Mapping):
        return Choice(value=data["value"], label=data.get("label"))
    return Choice(value=data)
