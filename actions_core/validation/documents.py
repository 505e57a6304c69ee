"""The schemas of the files that users write, and the check of a document against one.

jsonschema finds what is wrong; its own wording speaks of schemas, so each keyword has a sentence here.
`null` is left out of what is expected: in our files it stands for what is absent.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from actions_core.errors import DefinitionError, Problem, child_path
from actions_core.values.json_faults import json_problems
from actions_core.values.json_files import read_json
from actions_core.values.wording import TYPE_WORDS, counted, either, kind, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from actions_core.values.types import Json, JsonObject

    Sentence: TypeAlias = Callable[[Any, Json], str]
    #: jsonschema's ValidationError; its stubs have every attribute as possibly not set.
    ValidationError: TypeAlias = Any

SCHEMAS: Final = ("destination", "workspace", "mapping", "event", "test")

_MOST_LISTED: Final = 12
_LONGEST_SHOWN: Final = 60


@functools.cache
def schema(name: str) -> JsonObject:
    """Return the JSON Schema of that name: `destination`, `workspace`, `mapping`, `event` or `test`.

    All callers share the one dictionary: it must not be changed.
    """
    if name not in SCHEMAS:
        raise DefinitionError(f"there is no schema {shown(name)}; there are {', '.join(SCHEMAS)}")
    from importlib.resources import files  # costly to import, and only needed while starting

    package = Path(str(files(__name__.partition(".")[0])))
    # A wheel carries the schemas inside the package; in a working tree they lie beside it.
    inside, beside = package / "schemas", package.parent / "schemas"
    document: JsonObject = read_json((inside if inside.is_dir() else beside) / f"{name}.schema.json")
    return document


def check_document(data: Json, schema: JsonObject) -> list[Problem]:
    """Return everything in which a document does not fit its schema, in the document's order."""
    problems = json_problems(data)
    if problems:
        return problems
    try:
        errors = sorted(_validator(_Held(schema)).iter_errors(data), key=lambda error: _order(error, data))
        found = [problem for error in errors for problem in _problems(error)]
    except RecursionError:
        return [Problem("$", "is nested too deeply")]
    return list(dict.fromkeys(found))


class _Held:
    """A schema as the key of a cache: the same dictionary is the same schema."""

    def __init__(self, schema: JsonObject) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.schema is self.schema


@functools.lru_cache(maxsize=16)
def _validator(held: _Held) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    # A number with a point is not an integer: it would come out as a float where a count is needed.
    checker = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    made: Any = extend(Draft202012Validator, {"pattern": _whole_pattern}, type_checker=checker)  # type: ignore[no-untyped-call] # as its stubs have it
    return made(_resolved(held.schema, held.schema, {}))


def _resolved(part: Json, whole: JsonObject, known: dict[str, JsonObject]) -> Any:
    """Return a part of a schema with what its references name in their place.

    jsonschema looks a reference up whenever it comes to one, which is half of its work. A schema that names
    itself becomes a dictionary that contains itself.
    """
    if isinstance(part, list):
        return [_resolved(item, whole, known) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" not in part:
        return {key: _resolved(value, whole, known) for key, value in part.items()}
    others = {key: _resolved(value, whole, known) for key, value in part.items() if key != "$ref"}
    target = _target(str(part["$ref"]), whole, known)
    return {"allOf": [target], **others} if others else target


def _target(reference: str, whole: JsonObject, known: dict[str, JsonObject]) -> JsonObject:
    if not reference.startswith("#/"):
        return {}  # what lies in another file (mappings) has a check of its own, which knows more
    if reference not in known:
        target: Any = whole
        for name in reference[2:].split("/"):
            target = target[name]
        known[reference] = {}  # before its parts, which may name it
        known[reference].update(_resolved(target, whole, known))
    return known[reference]


def _whole_pattern(_: Any, pattern: str, instance: Json, __: JsonObject) -> Iterator[Any]:
    """Match `$` as JSON Schema means it: at the very end. Python's also matches before a last line break."""
    from jsonschema.exceptions import ValidationError

    if isinstance(instance, str) and not re.search(
        pattern.removesuffix("$") + r"\Z" * pattern.endswith("$"), instance
    ):
        yield ValidationError(pattern)


def _order(error: ValidationError, data: Json) -> list[int]:
    """Return where in the document the error is: the place of each key and item on the way to it."""
    places = []
    for step in error.absolute_path:
        places.append(step if isinstance(data, list) else list(data).index(step))
        data = data[step]
    return places


def _problems(error: ValidationError) -> Iterator[Problem]:
    path = functools.reduce(child_path, error.absolute_path, "$")
    keyword = str(error.validator)
    if keyword in ("additionalProperties", "unevaluatedProperties") and isinstance(error.instance, dict):
        yield from _unknown(error, path)
    elif keyword in ("anyOf", "oneOf"):
        yield from _best_branch(error, path)
    elif keyword == "required":
        yield Problem(path, f"the key {shown(_absent(error))} is missing")
    elif keyword in _SENTENCES:
        message = _SENTENCES[keyword](error.validator_value, error.instance)
        yield Problem(path, message + _example(error))
    else:
        yield Problem(path, f"{_show(error.instance)} does not fit {shown(keyword)}")


def _unknown(error: ValidationError, path: str) -> Iterator[Problem]:
    known = list(error.schema.get("properties", {}))
    for key in error.instance:
        if key not in known:
            yield Problem(child_path(path, key), f"the key {shown(key)} is not known{suggestion(key, known)}")


def _absent(error: ValidationError) -> str:
    """Return the missing key: jsonschema reports one error for each, and names it only in its message."""
    absent: list[str] = [key for key in error.validator_value if key not in error.instance]
    return next((key for key in absent if error.message.startswith(repr(key))), absent[0])


def _best_branch(error: ValidationError, path: str) -> Iterator[Problem]:
    """Yield the problems of the branch that was probably meant: of the right type, with the fewest errors."""
    branches: dict[object, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [inner for inner in branches.values() if not any(_is_wrong_type(one) for one in inner)]
    if fitting:
        for inner in min(fitting, key=len):
            yield from _problems(inner)
    elif branches:
        types = [one.validator_value for inner in branches.values() for one in inner if _is_wrong_type(one)]
        yield Problem(path, _type(_flat(types), error.instance))
    else:
        yield Problem(path, f"{_show(error.instance)} fits more than one of the forms it may have")


def _is_wrong_type(error: ValidationError) -> bool:
    return error.validator == "type" and not error.relative_path


def _flat(types: Iterable[str | Sequence[str]]) -> list[str]:
    listed = [name for one in types for name in ([one] if isinstance(one, str) else one)]
    return list(dict.fromkeys(listed))


def _type(expected: str | Sequence[str], instance: Json) -> str:
    names = [expected] if isinstance(expected, str) else list(expected)
    words = [TYPE_WORDS[name] for name in names if name != "null" or len(names) == 1]
    return f"must be {either(words)}, but it is {_found(instance)}"


def _found(value: Json) -> str:
    """Name a value by its kind, and a scalar by its value as well."""
    if value is None or isinstance(value, (bool, list, dict)):
        return json.dumps(value) if isinstance(value, bool) else kind(value)
    return f"{kind(value).replace('a ', 'the ', 1)} {_show(value)}"


def _enum(choices: Sequence[Json], instance: Json) -> str:
    listed = [choice for choice in choices if choice is not None]
    near = suggestion(instance, [choice for choice in listed if isinstance(choice, str)])
    words = [_show(choice) for choice in listed[:_MOST_LISTED]]
    if len(listed) > _MOST_LISTED:
        words.append(f"one of {len(listed) - _MOST_LISTED} more")
    return f"must be {either(words)}, but it is {_show(instance)}{near}"


def _show(value: Json) -> str:
    """Write a value as JSON, a string in single quotes as everywhere else, never longer than a line."""
    if isinstance(value, str):
        return shown(value)
    text = json.dumps(value)
    if len(text) <= _LONGEST_SHOWN:
        return text
    return kind(value) if isinstance(value, (dict, list)) else text[:_LONGEST_SHOWN] + "…"


def _example(error: ValidationError) -> str:
    examples = error.schema.get("examples") if error.validator == "pattern" else None
    return f", such as {_show(examples[0])}" if examples else ""


#: A sentence for each keyword, made of the keyword's value and the instance.
_SENTENCES: Final[dict[str, Sentence]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda wanted, instance: f"must be {_show(wanted)}, but it is {_show(instance)}",
    "pattern": lambda pattern, instance: f"{_show(instance)} does not have the form {pattern}",
    "minLength": lambda least, _: (
        "must not be empty" if least == 1 else f"must have at least {counted(least, 'character')}"
    ),
    "maxLength": lambda most, instance: (
        f"must have at most {counted(most, 'character')}, but it has {len(instance)}"
    ),
    "minItems": lambda least, _: (
        "must not be empty" if least == 1 else f"must have at least {counted(least, 'item')}"
    ),
    "maxItems": lambda most, instance: (
        f"must have at most {counted(most, 'item')}, but it has {len(instance)}"
    ),
    "minProperties": lambda least, _: f"must have at least {counted(least, 'key')}",
    "maxProperties": lambda most, _: f"must have at most {counted(most, 'key')}",
    "minimum": lambda least, instance: f"must be at least {_show(least)}, but it is {_show(instance)}",
    "maximum": lambda most, instance: f"must be at most {_show(most)}, but it is {_show(instance)}",
    "exclusiveMinimum": lambda least, instance: (
        f"must be more than {_show(least)}, but it is {_show(instance)}"
    ),
    "exclusiveMaximum": lambda most, instance: (
        f"must be less than {_show(most)}, but it is {_show(instance)}"
    ),
    "multipleOf": lambda unit, instance: f"must be a multiple of {_show(unit)}, but it is {_show(instance)}",
    "uniqueItems": lambda _, __: "must not contain the same item twice",
}
