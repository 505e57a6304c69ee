"""The verdict on a payload at the speed of the hot path: Python source, written once for a set of fields.

A payload passes when it has its shape already and fits the schema of `exact`; what does not pass goes
the long way, where it gets its shape, and jsonschema says what is wrong with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from actions_core.validation.coercion import LARGEST, is_number, same_json
from actions_core.validation.fields import format_of
from actions_core.validation.fields.conditions import any_of, asks_sync_mode, split_key
from actions_core.validation.fields.schema import bounds_of, rules
from actions_core.validation.formats import CHECKS
from actions_core.values.types import MISSING, Json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from actions_core.validation.fields import ConditionSet, FieldCondition, FieldSpec

#: `(payload, sync_mode, settled)`. Unless the payload is settled, a blank text at its root is to go first.
Verdict: TypeAlias = "Callable[[Json, str | None, bool], bool]"

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
_LENGTHS: Final = frozenset({"minLength", "maxLength"})
_LOWER: Final = frozenset({"minLength", "minimum"})


def compile_verdict(
    fields: Mapping[str, FieldSpec], *, additional: bool, keep: frozenset[str] = frozenset()
) -> Verdict:
    """The function that says whether a payload has its shape and is right."""
    writer = _Writer()
    name = writer.object(fields, additional=additional, keep=keep, root=True)
    # The source is made of our own words; whatever comes from the definition stands in it as a literal
    # that repr wrote, or as a name for a constant.
    exec(compile("\n".join(writer.lines), "<fields>", "exec"), writer.names)  # noqa: S102  # see above
    verdict: Verdict = writer.names[name]
    return verdict


class _Writer:
    """Writes functions: one for each object with declared properties, and one for each list."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "MISSING": MISSING,
            "low": -LARGEST,
            "high": LARGEST,
            "reach": _reach,
            "same_json": same_json,
        }

    def _constant(self, value: object) -> str:
        name = f"constant_{len(self.names)}"
        self.names[name] = value
        return name

    def _function(self, parameters: str, body: Iterable[str]) -> str:
        # Named by the place where it begins: the functions that it calls have been written before it.
        name = f"check_{len(self.lines)}"
        self.lines += [f"def {name}({parameters}):", *(f"    {line}" for line in body)]
        return name

    def object(
        self,
        fields: Mapping[str, FieldSpec],
        *,
        additional: bool,
        keep: frozenset[str] = frozenset(),
        root: bool = False,
    ) -> str:
        """Writes the check of an object with these fields; returns the function's name."""
        fields = {key: spec for key, spec in fields.items() if key not in keep}
        body = ["if payload.__class__ is not dict:", "    return False", "get = payload.get"]
        body.append(f"known = {sum(spec.required is True for spec in fields.values())}")
        for key, spec in fields.items():
            test = self._field(spec, root=root)
            body.append(f"value = get({key!r}, MISSING)")
            if spec.required is True:
                body += [f"if not ({test}):", "    return False"]
            else:
                body += ["if value is not MISSING:", f"    if not ({test}):", "        return False"]
                body.append("    known += 1")
        if not additional:
            body += [f"known += {key!r} in payload" for key in sorted(keep)]
            body += ["if known != len(payload):", "    return False"]
        elif root:
            body += ["if not settled and '' in payload.values():", "    return False"]
        for steps, conditions in rules(fields, root=root):
            body.append(f"if {self._conditions(conditions, fields)} and not ({_there(steps, fields)}):")
            body.append("    return False")
        return self._function("payload, sync_mode, settled", [*body, "return True"])

    def _field(self, spec: FieldSpec, *, root: bool) -> str:
        if not spec.multiple:
            return self._value(spec, "value", root=root)
        test = self._value(spec, "item", root=False)
        items = self._function(
            "value, sync_mode, settled",
            ["for item in value:", f"    if not ({test}):", "        return False", "return True"],
        )
        return f"value.__class__ is list and {items}(value, sync_mode, settled)"

    def _value(self, spec: FieldSpec, value: str, *, root: bool) -> str:
        enum = self._enum(spec, value)
        if spec.type == "object" and spec.properties is not None:
            name = self.object(spec.properties, additional=spec.additional_properties)
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
            test += f" and {self._constant(check)}({value})"
        return test

    def _bound(self, name: str, bound: float, value: str) -> str:
        measured = f"len({value})" if name in _LENGTHS else value
        return f" and {measured} {'>=' if name in _LOWER else '<='} {self._constant(bound)}"

    def _enum(self, spec: FieldSpec, value: str) -> str:
        if spec.values is None:
            return ""
        if spec.type == "object":
            allowed = self._constant(spec.values)
            return f" and any(same_json({value}, other) for other in {allowed})"
        return f" and {value} in {self._constant(_of_type(spec))}"

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
            value = f"payload.get({steps[0]!r}, MISSING)"
            if len(steps) > 1:
                value = f"reach(payload, {steps!r})"
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
            return f"{value} is {other}"
        if isinstance(other, str):
            return f"{value} == {other!r}"
        return f"same_json({value}, {self._constant(other)})"


def _there(steps: tuple[str, ...], fields: Mapping[str, FieldSpec]) -> str:
    """The expression that finds a required field; its parents have the right type by then."""
    key, *rest = steps
    if not rest:
        return f"{key!r} in payload"
    child = rest[0]
    if fields[key].multiple:
        return f"{key!r} in payload and all({child!r} in item for item in payload[{key!r}])"
    return f"{key!r} in payload and {child!r} in payload[{key!r}]"


def _of_type(spec: FieldSpec) -> frozenset[Json]:
    """The values of the choices that a value of the field's type can be: `1` must not pass for `true`."""
    values = spec.values or []
    if spec.type == "boolean":
        return frozenset(value for value in values if isinstance(value, bool))
    texts = frozenset(value for value in values if isinstance(value, str))
    numbers = frozenset(value for value in values if is_number(value))
    if spec.type == "datetime":
        return texts | numbers
    return numbers if spec.type in ("number", "integer") else texts


def _reach(payload: Json, steps: tuple[str, ...]) -> Json:
    """What stands at the end of the steps, through objects only."""
    for step in steps:
        if not isinstance(payload, dict) or step not in payload:
            return MISSING
        payload = payload[step]
    return payload
