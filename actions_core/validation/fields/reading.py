"""Fields from the raw dictionary of a definition, checked without a schema.

A definition that comes from a file passes through `loading`; this is the door for those who hold a
dictionary of fields and nothing else. Null means absent, as in Segment's published definitions.
Every fault is reported at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from actions_core.errors import DefinitionError, Problem, child_path
from actions_core.validation.fields.spec import (
    CONDITION_KEYS,
    FIELD_KEYS,
    FIELD_TYPES,
    MATCHES,
    OPERATORS,
    Choice,
    ConditionSet,
    FieldCondition,
    FieldSpec,
)
from actions_core.values.types import MISSING, Json

if TYPE_CHECKING:
    from collections.abc import Callable

#: Objects of fields inside objects of fields: published definitions have three levels.
MAX_DEPTH: Final = 32

_TEXT: Final = frozenset(
    {"label", "description", "format", "placeholder", "category", "display_mode", "default_object_ui"}
)
_FLAGS: Final = frozenset(
    {"multiple", "allow_null", "additional_properties", "dynamic", "hidden", "read_only"}
)
_NUMBERS: Final = frozenset({"minimum", "maximum"})


def read_fields(fields: Mapping[str, Json]) -> dict[str, FieldSpec]:
    """The specs of raw fields; specs among them pass as they are. Raises `DefinitionError`."""
    if not isinstance(fields, Mapping):
        raise DefinitionError(problems=[Problem("$", "The fields must be an object.")])
    problems: list[Problem] = []
    specs = _Reader(problems).fields(fields, "$", 0)
    if problems:
        raise DefinitionError("The fields are faulty:", problems=problems)
    return specs


class _Reader:
    """Walks raw fields and gathers what is wrong with them."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._readers: Mapping[str, Callable[[Json, str, int], Json]] = {
            "type": self._type,
            "required": self._required,
            "depends_on": self._conditions,
            "properties": self._properties,
            "choices": self._choices,
            "disabled_input_methods": self._names,
        }

    def _fault(self, path: str, message: str) -> None:
        self._problems.append(Problem(path, message))

    def fields(self, fields: Mapping[str, Json], path: str, depth: int) -> dict[str, FieldSpec]:
        if depth > MAX_DEPTH:
            self._fault(path, f"Fields may be nested {MAX_DEPTH} deep, not more.")
            return {}
        specs: dict[str, FieldSpec] = {}
        for key, raw in fields.items():
            if not isinstance(key, str):
                self._fault(path, "The key of a field must be text.")
                continue
            specs[key] = raw if isinstance(raw, FieldSpec) else self._field(raw, child_path(path, key), depth)
        return specs

    def _field(self, raw: Json, path: str, depth: int) -> FieldSpec:
        if not isinstance(raw, Mapping):
            self._fault(path, "A field must be an object.")
            return FieldSpec("string")
        options: dict[str, Json] = {}
        for key, value in raw.items():
            name = FIELD_KEYS.get(key)
            if name is None:
                self._fault(child_path(path, str(key)), f"'{key}' is not an option of a field.")
            elif value is not None:
                read = self._option(name, value, child_path(path, key), depth)
                options[name] = read or options.get(name, False) if name == "hidden" else read
        if raw.get("type") is None:
            self._fault(path, "A field must have a type.")
            options["type"] = "string"
        return FieldSpec(**options)

    def _option(self, name: str, value: Json, path: str, depth: int) -> Json:
        reader = self._readers.get(name)
        if reader is not None:
            return reader(value, path, depth)
        if name in _FLAGS and not isinstance(value, bool):
            self._fault(path, "This must be true or false.")
        elif name in _TEXT and not isinstance(value, str):
            self._fault(path, "This must be text.")
        elif name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
            self._fault(path, "This must be a number.")
        return value

    def _type(self, value: Json, path: str, _depth: int) -> Json:
        if not isinstance(value, str) or value not in FIELD_TYPES:
            self._fault(path, f"The type of a field must be one of {', '.join(FIELD_TYPES)}.")
            return "string"
        return value

    def _required(self, value: Json, path: str, depth: int) -> Json:
        return value if isinstance(value, bool) else self._conditions(value, path, depth)

    def _properties(self, value: Json, path: str, depth: int) -> Json:
        if not isinstance(value, Mapping):
            self._fault(path, "The properties must be an object of fields.")
            return None
        return self.fields(value, path, depth + 1)

    def _choices(self, value: Json, path: str, _depth: int) -> Json:
        if not isinstance(value, list | tuple):
            self._fault(path, "The choices must be a list.")
            return None
        choices: list[Choice] = []
        for index, item in enumerate(value):
            if isinstance(item, Choice):
                choices.append(item)
            elif not isinstance(item, Mapping):
                choices.append(Choice(item))
            elif "value" in item:
                choices.append(Choice(item["value"], item.get("label")))
            else:
                self._fault(child_path(path, index), "A choice must have a value.")
        return tuple(choices)

    def _names(self, value: Json, path: str, _depth: int) -> Json:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            self._fault(path, "This must be a list of names.")
            return ()
        return tuple(value)

    def _conditions(self, value: Json, path: str, _depth: int) -> Json:
        if isinstance(value, ConditionSet):
            return value
        if not isinstance(value, Mapping):
            self._fault(path, "This must be an object with conditions.")
            return None
        match = "all" if value.get("match") is None else value["match"]
        if not isinstance(match, str) or match not in MATCHES:
            self._fault(child_path(path, "match"), "This must be 'all' or 'any'.")
            match = "all"
        for key in value.keys() - {"match", "conditions"}:
            self._fault(child_path(path, str(key)), f"'{key}' is not an option of conditions.")
        listed = value.get("conditions")
        path = child_path(path, "conditions")
        if not isinstance(listed, list | tuple) or not listed:
            self._fault(path, "The conditions must be a list of at least one.")
            return None
        return ConditionSet(
            tuple(self._condition(item, child_path(path, index)) for index, item in enumerate(listed)),
            "any" if match == "any" else "all",
        )

    def _condition(self, raw: Json, path: str) -> FieldCondition:
        if isinstance(raw, FieldCondition):
            return raw
        if not isinstance(raw, Mapping):
            self._fault(path, "A condition must be an object.")
            return FieldCondition("is")
        for key in raw:
            if key not in CONDITION_KEYS:
                self._fault(child_path(path, str(key)), f"'{key}' is not an option of a condition.")
        operator, kind, field_key = raw.get("operator"), raw.get("type") or "field", raw.get("fieldKey")
        value = raw.get("value", MISSING)
        if not isinstance(operator, str) or operator not in OPERATORS:
            self._fault(child_path(path, "operator"), "The operator must be 'is' or 'is_not'.")
        if kind == "syncMode":
            if value is MISSING:
                self._fault(path, "A condition on the sync mode must have a value.")
        elif kind != "field":
            self._fault(child_path(path, "type"), "The type of a condition must be 'field' or 'syncMode'.")
        elif not isinstance(field_key, str) or not field_key:
            self._fault(path, "A condition must name a field in 'fieldKey'.")
        return FieldCondition(operator, field_key, value, kind)  # type: ignore[arg-type]  # a wrong one was reported
