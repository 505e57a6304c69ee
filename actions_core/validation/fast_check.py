"""A fast check of payloads: one function, compiled for a set of fields.

A payload passes when it has its shape already and fits the schema of `json_schema`. What does not
pass takes the slow path, where it gets its shape, and jsonschema says what is wrong with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.validation.coercion import LARGEST, is_number, same_json
from actions_core.validation.fields import format_of
from actions_core.validation.fields.conditions import any_of, asks_sync_mode, split_key
from actions_core.validation.fields.schema import bounds_of, rules
from actions_core.validation.formats import CHECKS
from actions_core.values.codegen import Source
from actions_core.values.types import MISSING, Json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions_core.validation.fields import ConditionSet, FieldCondition, FieldSpec

#: `(payload, sync_mode, settled)`. Unless the payload is settled, an empty str at its root does not pass,
#: because it has to be dropped first.
FastCheck: TypeAlias = "Callable[[Json, str | None, bool], bool]"

_NUMBER: Final = "(({0}.__class__ is int or {0}.__class__ is float) and low <= {0} <= high)"
_INTEGER: Final = (
    "({0}.__class__ is int and low <= {0} <= high or {0}.__class__ is float and {0}.is_integer())"
)
_TESTS: Final[Mapping[str, str]] = {
    "number": _NUMBER,
    "integer": _INTEGER,
    "boolean": "({0} is True or {0} is False)",
    "object": "{0}.__class__ is dict",
}
_PARAMETERS: Final = "payload, sync_mode, settled"
_LENGTHS: Final = frozenset({"minLength", "maxLength"})
_LOWER: Final = frozenset({"minLength", "minimum"})


def compile_check(
    fields: Mapping[str, FieldSpec], *, additional: bool, keep: frozenset[str] = frozenset()
) -> FastCheck:
    """Compile the function that tells whether a payload has its shape and is valid."""
    writer = _Writer()
    writer.check_object(fields, additional=additional, keep=keep, root=True)
    check: FastCheck = writer.source.build()["check"]
    return check


class _Writer:
    """Writes a function for each object with declared properties, and one for each list."""

    def __init__(self) -> None:
        self.source = Source(
            "fields", MISSING=MISSING, low=-LARGEST, high=LARGEST, reach=_reach, same_json=same_json
        )

    def check_object(
        self,
        fields: Mapping[str, FieldSpec],
        *,
        additional: bool,
        keep: frozenset[str] = frozenset(),
        root: bool = False,
    ) -> str:
        """Write the check of an object with these fields; return the function's name."""
        source, constant = self.source, self.source.constant
        fields = {key: spec for key, spec in fields.items() if key not in keep}
        with source.function(_PARAMETERS, "check" if root else None) as name:
            self._refuse_if("payload.__class__ is not dict")
            source.put("get = payload.get")
            source.put(f"known = {sum(spec.required is True for spec in fields.values())}")
            for key, spec in fields.items():
                self._check_field(key, spec, root=root)
            if not additional:
                for key in sorted(keep):
                    source.put(f"known += {constant(key)} in payload")
                self._refuse_if("known != len(payload)")
            elif root:
                self._refuse_if("not settled and '' in payload.values()")
            for steps, conditions in rules(fields, root=root):
                required = self._conditions(conditions, fields)
                self._refuse_if(f"{required} and not ({self._there(steps, fields)})")
            source.put("return True")
        return name

    def _refuse_if(self, test: str) -> None:
        with self.source.block(f"if {test}:"):
            self.source.put("return False")

    def _check_field(self, key: str, spec: FieldSpec, *, root: bool) -> None:
        """Write the lines that check one field, where it is there or has to be."""
        source = self.source
        test = self._field(spec, root=root)
        source.put(f"value = get({source.constant(key)}, MISSING)")
        if spec.required is True:
            self._refuse_if(f"not ({test})")
            return
        with source.block("if value is not MISSING:"):
            self._refuse_if(f"not ({test})")
            source.put("known += 1")

    def _field(self, spec: FieldSpec, *, root: bool) -> str:
        if not spec.multiple:
            return self._value(spec, "value", root=root)
        test = self._value(spec, "item", root=False)
        with self.source.function("value, sync_mode, settled") as items:
            with self.source.block("for item in value:"):
                self._refuse_if(f"not ({test})")
            self.source.put("return True")
        return f"value.__class__ is list and {items}(value, sync_mode, settled)"

    def _value(self, spec: FieldSpec, value: str, *, root: bool) -> str:
        enum = self._enum(spec, value)
        if spec.type == "object" and spec.properties is not None:
            name = self.check_object(spec.properties, additional=spec.additional_properties)
            return f"{name}({value}, sync_mode, settled){'' if spec.multiple else enum}"
        test = _TESTS[spec.type].format(value) if spec.type in _TESTS else self._text(spec, value, root=root)
        if spec.type == "datetime":
            test = f"({test} or {_NUMBER.format(value)})"
        test += "".join(self._bound(name, bound, value) for name, bound in bounds_of(spec).items()) + enum
        return f"({value} is None or {test})" if spec.allow_null and not spec.multiple else test

    def _text(self, spec: FieldSpec, value: str, *, root: bool) -> str:
        test = f"{value}.__class__ is str"
        if root:
            test += f" and ({value} or settled)"
        check = CHECKS.get(format_of(spec) or "")
        if check is not None and not spec.multiple:
            test += f" and {self.source.keep(check)}({value})"
        return test

    def _bound(self, name: str, bound: float, value: str) -> str:
        measured = f"len({value})" if name in _LENGTHS else value
        return f" and {measured} {'>=' if name in _LOWER else '<='} {self.source.constant(bound)}"

    def _enum(self, spec: FieldSpec, value: str) -> str:
        if spec.values is None:
            return ""
        if spec.type == "object":
            allowed = self.source.keep(spec.values)
            return f" and any(same_json({value}, other) for other in {allowed})"
        return f" and {value} in {self.source.keep(_of_type(spec))}"

    def _conditions(self, conditions: ConditionSet, fields: Mapping[str, FieldSpec]) -> str:
        alone = len(conditions.conditions) == 1
        tests = (self._condition(condition, fields, alone=alone) for condition in conditions.conditions)
        return "(" + f" {'or' if conditions.match == 'any' else 'and'} ".join(tests) + ")"

    def _condition(self, condition: FieldCondition, fields: Mapping[str, FieldSpec], *, alone: bool) -> str:
        is_not = condition.operator == "is_not"
        if asks_sync_mode(condition, fields):
            value = "sync_mode"
            missing = there = "sync_mode is None"
        else:
            steps = split_key(condition.field_key or "", fields)
            value = f"payload.get({self.source.constant(steps[0])}, MISSING)"
            if len(steps) > 1:
                value = f"reach(payload, {self.source.constant(steps)})"
            there = f"{value} is not MISSING"
            missing = f"{value} in (MISSING, None)" if alone else f"{value} is MISSING"
        if condition.value is MISSING:
            return f"(not {missing})" if is_not else f"({missing})"
        named = " or ".join(self._same(value, other) for other in any_of(condition)) or "False"
        if not is_not:
            return f"({named})"
        return f"(not ({named}))" if value == "sync_mode" else f"({there} and not ({named}))"

    def _same(self, value: str, other: Json) -> str:
        if other is None or isinstance(other, bool):
            return f"{value} is {self.source.constant(other)}"
        if isinstance(other, str):
            return f"{value} == {self.source.constant(other)}"
        return f"same_json({value}, {self.source.keep(other)})"

    def _there(self, steps: tuple[str, ...], fields: Mapping[str, FieldSpec]) -> str:
        """Return the expression that finds a required field; its parents have the right type by then."""
        constants = [self.source.constant(step) for step in steps]
        key = constants[0]
        if len(steps) == 1:
            return f"{key} in payload"
        child = constants[1]
        if fields[steps[0]].multiple:
            return f"{key} in payload and all({child} in item for item in payload[{key}])"
        return f"{key} in payload and {child} in payload[{key}]"


def _of_type(spec: FieldSpec) -> frozenset[Json]:
    """Return those choices that a value of the field's type can be: `1` must not pass for `true`."""
    values = spec.values or []
    if spec.type == "boolean":
        return frozenset(value for value in values if isinstance(value, bool))
    texts = frozenset(value for value in values if isinstance(value, str))
    numbers = frozenset(value for value in values if is_number(value))
    if spec.type == "datetime":
        return texts | numbers
    return numbers if spec.type in ("number", "integer") else texts


def _reach(payload: Json, steps: tuple[str, ...]) -> Json:
    """Return what stands at the end of the steps, through objects only."""
    for step in steps:
        if not isinstance(payload, dict) or step not in payload:
            return MISSING
        payload = payload[step]
    return payload
