"""Conditions as JSON Schema, in Segment's shapes, and the reading of the keys that they name.

A key names a field beside the one that carries the condition; for a child of an object, a field
beside that object. `object.child` names a child, unless a field of that very name exists.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - attrs keeps the annotations
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.validation.fields.spec import ConditionSet, FieldCondition, FieldSpec
from actions_core.values.types import MISSING, Json, JsonObject, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A mapping keeps its sync mode under this key, and some definitions name it as if it were a field.
SYNC_MODE_KEY: Final = "__segment_internal_sync_mode"

_NULL: Final = {"type": "null"}


def split_key(field_key: str, fields: Mapping[str, FieldSpec]) -> tuple[str, ...]:
    """Return the steps that lead to the field which a condition names."""
    return (field_key,) if field_key in fields else tuple(field_key.split("."))


def asks_sync_mode(condition: FieldCondition, fields: Mapping[str, FieldSpec]) -> bool:
    """Return whether the condition looks at the sync mode, not at a field."""
    if condition.type == "syncMode" or condition.field_key is None:
        return True
    return condition.field_key == SYNC_MODE_KEY and SYNC_MODE_KEY not in fields


def any_of(condition: FieldCondition) -> list[Json]:
    """Return the values that the condition names: a list stands for any of its items."""
    return list(condition.value) if isinstance(condition.value, list | tuple) else [condition.value]


def sync_mode_holds(condition: FieldCondition, sync_mode: str | None) -> bool:
    """Return whether a condition on the sync mode is true under this one."""
    named = sync_mode is None if condition.value is MISSING else sync_mode in any_of(condition)
    return named == (condition.operator == "is")


def conditional(fields: Mapping[str, FieldSpec]) -> Iterator[tuple[tuple[str, ...], ConditionSet]]:
    """Yield the fields that are required on conditions: children before the object that contains them."""
    for key, spec in fields.items():
        if spec.type == "object" and spec.properties is not None:
            for child, child_spec in spec.properties.items():
                if isinstance(child_spec.required, ConditionSet):
                    yield (key, child), child_spec.required
        if isinstance(spec.required, ConditionSet):
            yield (key,), spec.required


@attrs.frozen
class ConditionWriter:
    """Writes conditions on `fields` as schemas.

    A schema cannot see the sync mode: as long as it is MISSING, a condition of that type cannot be said.
    `exact` asks of the way to a child that it be an object, which Segment's shapes leave open.
    """

    fields: Mapping[str, FieldSpec]
    sync_mode: str | Missing | None = MISSING
    exact: bool = False

    def write(self, conditions: ConditionSet) -> Json:
        """Return the schema of a payload that meets the conditions; None where no schema can express it."""
        alone = len(conditions.conditions) == 1
        listed = [self._condition(condition, alone=alone) for condition in conditions.conditions]
        said = [schema for schema in listed if schema is not None]
        if not said or (len(said) < len(listed) and conditions.match == "all"):
            return None
        return said[0] if alone else {"anyOf" if conditions.match == "any" else "allOf": said}

    def _condition(self, condition: FieldCondition, *, alone: bool) -> Json:
        if asks_sync_mode(condition, self.fields):
            if self.sync_mode is not MISSING:
                return sync_mode_holds(condition, self.sync_mode)
            if condition.type == "syncMode":
                return None
            # In Segment's schema a condition on the mapping's own key reads like one on any field.
        steps = split_key(condition.field_key or "", self.fields)
        is_not = condition.operator == "is_not"
        if condition.value is not MISSING:
            named = _value_schema(condition.value)
            return self.at(steps, {"not": named} if is_not else named)
        there = self.at(steps, None)
        if not alone:
            return there if is_not else {"not": there}
        null = self.at(steps, _NULL, required=False)
        return {"allOf": [there, {"not": null}]} if is_not else {"anyOf": [{"not": there}, null]}

    def at(self, steps: tuple[str, ...], schema: JsonObject | None, *, required: bool = True) -> JsonObject:
        """Return the schema of an object that contains something at the end of the steps."""
        key, *rest = steps
        inner = schema
        if rest:
            inner = self.at(tuple(rest), schema, required=required)
            if self.exact:
                inner["type"] = "object"
        result: JsonObject = {"required": [key]} if required else {}
        if inner is not None:
            result["properties"] = {key: inner}
        return result


def _value_schema(value: Json) -> JsonObject:
    return {"enum": list(value)} if isinstance(value, list | tuple) else {"const": value}
