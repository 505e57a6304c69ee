"""The problems of a payload, in sentences for people.

The keywords are our own: jsonschema's put the value itself into their messages, which costs what the
value costs, fails on what cannot be printed, and tells secrets. Here only names, types and sizes are told.
"""

from __future__ import annotations

import functools
import itertools
import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from actions_core.errors import Problem, child_path
from actions_core.validation.coercion import is_integer, is_number, same_json
from actions_core.validation.formats import CHECKS, NAMES
from actions_core.values.javascript import number_text
from actions_core.values.wording import TYPE_WORDS, either, kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from actions_core.values.types import Json, JsonObject

    #: A keyword of jsonschema: the validator, the keyword's value, what is checked, the schema around it.
    Keyword: TypeAlias = Callable[[Any, Any, Json, JsonObject], Iterator[Any]]

_TYPES: Final[dict[str, Callable[[Json], bool]]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": is_integer,
    "number": is_number,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_MISSING: Final = "is missing the required field '"
_EMPTY: Final = "has an empty value for the required field '"
_MOST_CHOICES: Final = 20
#: A list of ten thousand wrong items is no help to anyone.
_MOST_PROBLEMS: Final = 100


def explain(payload: Json, schema: JsonObject, given: Json) -> list[Problem]:
    """Return every problem of a payload under an exact schema, each once; of very many, the first.

    `given` is the payload before its empty values were removed: a required field that was an empty str there
    is called empty instead of missing.
    """
    errors = _validator_class()(schema).iter_errors(payload)
    first = itertools.islice(errors, _MOST_PROBLEMS)
    found = dict.fromkeys(_problem(error, given) for error in first)
    if next(errors, None) is not None:
        found[Problem("$", "There are more problems than are listed here.")] = None
    return list(found)


def _problem(error: Any, given: Json) -> Problem:
    path = functools.reduce(child_path, error.absolute_path, "$")
    title = error.schema.get("title")
    subject = title or ("The root value" if path == "$" else f"The value at {path}")
    message = _told_empty(error.message, error.absolute_path, given)
    return Problem(path, f"{subject} {message}.")


def missing_field(problem: Problem) -> str | None:
    """Return the path of the field that a problem says is missing or empty; None for any other problem."""
    for phrase in (_MISSING, _EMPTY):
        _, found, key = problem.message.partition(phrase)
        if found:
            return child_path(problem.path, key.removesuffix("'."))
    return None


def _told_empty(message: str, path: Iterable[str | int], given: Json) -> str:
    before, missing, key = message.partition(_MISSING)
    if not missing:
        return message
    for step in path:
        if isinstance(given, dict) and isinstance(step, str):
            given = given.get(step)
        elif isinstance(given, list) and isinstance(step, int) and step < len(given):
            given = given[step]
        else:
            return message
    empty = isinstance(given, dict) and given.get(key.removesuffix("'")) == ""
    return f"{before}{_EMPTY}{key}" if empty else message


@functools.cache
def _validator_class() -> Any:
    """Make the validator with our keywords at the first problem, since jsonschema is slow to import."""
    from jsonschema import Draft202012Validator, validators
    from jsonschema.exceptions import ValidationError

    def keyword(sentences: Callable[[Any, Any, Json], Iterable[str]]) -> Keyword:
        def check(validator: Any, value: Any, instance: Json, _schema: JsonObject) -> Iterator[Any]:
            return map(ValidationError, sentences(validator, value, instance))

        return check

    extend: Callable[..., Any] = validators.extend  # its stub has no types
    return extend(Draft202012Validator, {name: keyword(told) for name, told in _KEYWORDS.items()})


def _told(sentence: Callable[[Any, Json], str | None]) -> Callable[[Any, Any, Json], Iterable[str]]:
    """Make a keyword that has one sentence, or none where the value is right."""

    def sentences(_validator: Any, value: Any, instance: Json) -> Iterable[str]:
        message = sentence(value, instance)
        return () if message is None else (message,)

    return sentences


def _not(validator: Any, schema: Json, instance: Json) -> Iterator[str]:
    """Check `not`, which like `anyOf` stands only in conditions, of which nobody reads the sentence."""
    if validator.evolve(schema=schema).is_valid(instance):
        yield "is what it must not be"


def _any_of(validator: Any, schemas: list[Json], instance: Json) -> Iterator[str]:
    if not any(validator.evolve(schema=schema).is_valid(instance) for schema in schemas):
        yield "is nothing that it may be"


def _required(_validator: Any, keys: list[str], instance: Json) -> Iterator[str]:
    if isinstance(instance, dict):
        yield from (f"{_MISSING}{key}'" for key in keys if key not in instance)


def _type(types: str | list[str], value: Json) -> str | None:
    listed = [types] if isinstance(types, str) else types
    if any(_TYPES[name](value) for name in listed):
        return None
    return f"must be {either([TYPE_WORDS[name] for name in listed])} but it was {kind(value)}"


def _enum(values: list[Json], value: Json) -> str | None:
    if any(same_json(value, other) for other in values):
        return None
    listed = [json.dumps(other, ensure_ascii=False, default=str) for other in values[:_MOST_CHOICES]]
    if len(values) > _MOST_CHOICES:
        return f"must be one of {', '.join(listed)} and {len(values) - _MOST_CHOICES} more"
    return f"must be {'one of ' if len(listed) > 1 else ''}{either(listed)}"


def _const(other: Json, value: Json) -> str | None:
    return None if same_json(value, other) else "is not what it must be"


def _format(name: str, value: Json) -> str | None:
    check = CHECKS.get(name)
    if check is None or not isinstance(value, str) or check(value):
        return None
    return f"must be {NAMES[name]} but it was not"


def _min_length(bound: float, value: Json) -> str | None:
    if not isinstance(value, str) or len(value) >= bound:
        return None
    return f"must be {_characters(bound)} or more but it was {_characters(len(value))}"


def _max_length(bound: float, value: Json) -> str | None:
    if not isinstance(value, str) or len(value) <= bound:
        return None
    return f"must be {_characters(bound)} or fewer but it was {_characters(len(value))}"


def _minimum(bound: float, value: Json) -> str | None:
    return f"must be {number_text(bound)} or more" if is_number(value) and value < bound else None


def _maximum(bound: float, value: Json) -> str | None:
    return f"must be {number_text(bound)} or less" if is_number(value) and value > bound else None


def _characters(number: float) -> str:
    return f"{number_text(number)} character{'' if number == 1 else 's'}"


_KEYWORDS: Final = {
    "type": _told(_type),
    "enum": _told(_enum),
    "const": _told(_const),
    "format": _told(_format),
    "minLength": _told(_min_length),
    "maxLength": _told(_max_length),
    "minimum": _told(_minimum),
    "maximum": _told(_maximum),
    "not": _not,
    "anyOf": _any_of,
    "required": _required,
}
