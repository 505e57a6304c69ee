"""Faults of fields that only show when their parts are compared: what no event should have to find."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from actions_core.errors import Problem, child_path
from actions_core.validation.fields.conditions import asks_sync_mode, split_key
from actions_core.validation.fields.spec import ConditionSet, FieldSpec
from actions_core.validation.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BOUNDED: Final = ("string", "number", "integer")


def field_problems(fields: Mapping[str, FieldSpec], path: str = "$") -> list[Problem]:
    """Return what is wrong with fields, and what probably is (warnings)."""
    return list(_problems(fields, path, fields))


def _problems(
    fields: Mapping[str, FieldSpec], path: str, scope: Mapping[str, FieldSpec]
) -> Iterator[Problem]:
    """`scope` holds the fields that conditions name: for the children of an object, those beside it."""
    for key, spec in fields.items():
        here = child_path(path, key)
        yield from _field_problems(spec, here)
        if isinstance(spec.required, ConditionSet):
            yield from _condition_problems(spec.required, child_path(here, "required"), scope, fields)
        if spec.depends_on is not None:
            # What a page shows may depend on a sibling too: published definitions name both.
            nearby = {**fields, **scope}
            yield from _condition_problems(spec.depends_on, child_path(here, "depends_on"), nearby, nearby)
        if spec.properties is not None:
            yield from _problems(spec.properties, child_path(here, "properties"), fields)


def _field_problems(spec: FieldSpec, path: str) -> Iterator[Problem]:
    if spec.format is not None and spec.format not in FORMATS:
        yield Problem(child_path(path, "format"), f"The format must be one of {', '.join(FORMATS)}.")
    if spec.minimum is not None and spec.maximum is not None and spec.minimum > spec.maximum:
        yield Problem(child_path(path, "minimum"), "The minimum is above the maximum: nothing fits.")
    for name, bound in (("minimum", spec.minimum), ("maximum", spec.maximum)):
        if bound is not None and not -sys.float_info.max <= bound <= sys.float_info.max:
            yield Problem(child_path(path, name), "A bound must be a number that JSON can hold.")
    if (spec.minimum is not None or spec.maximum is not None) and spec.type not in _BOUNDED:
        yield Problem(path, f"A field of type {spec.type} has no bounds; they are not checked.", "warning")
    if spec.properties is not None and spec.type != "object":
        yield Problem(
            child_path(path, "properties"), "Only fields of type object have properties.", "warning"
        )


def _condition_problems(
    conditions: ConditionSet, path: str, scope: Mapping[str, FieldSpec], siblings: Mapping[str, FieldSpec]
) -> Iterator[Problem]:
    for index, condition in enumerate(conditions.conditions):
        key = condition.field_key
        if key is None or asks_sync_mode(condition, scope):
            continue
        if not _is_known(split_key(key, scope), scope):
            hint = f"; a child is named as 'object.{key}'" if key in siblings else ""
            message = f"The condition names the field '{key}', which does not exist{hint}."
            yield Problem(child_path(child_path(path, "conditions"), index), message, "warning")


def _is_known(steps: tuple[str, ...], fields: Mapping[str, FieldSpec]) -> bool:
    key, *rest = steps
    spec = fields.get(key)
    if spec is None or not rest:
        return spec is not None
    # An object without declared properties may hold anything.
    return spec.type == "object" and (spec.properties is None or _is_known(tuple(rest), spec.properties))
