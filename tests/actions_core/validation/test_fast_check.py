"""The compiled check: what passes at once, and what has to take the slow path."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core.validation.fast_check import compile_check
from actions_core.validation.fields import Choice, FieldSpec, read_fields

PASSES: list[tuple[Any, list[Any]]] = [
    ({"type": "string"}, ["a", " ", "\ud800"]),
    ({"type": "string", "minimum": 2, "maximum": 3}, ["ab", "abc"]),
    ({"type": "string", "choices": ["a", {"value": "b"}]}, ["a", "b"]),
    ({"type": "string", "format": "email"}, ["a@b.cd"]),
    ({"type": "string", "allowNull": True}, [None, "a"]),
    ({"type": "number"}, [0, -1.5, 10**300]),
    ({"type": "number", "minimum": 0, "maximum": 1.5}, [0, 1.5]),
    ({"type": "integer", "minimum": 1}, [1, 5.0]),
    ({"type": "integer", "choices": [1, 2]}, [1, 2.0]),
    ({"type": "boolean", "choices": [True]}, [True]),
    ({"type": "datetime"}, ["2026-01-02", "1700000000", 1.5]),
    ({"type": "object"}, [{}, {"a": None}]),
    (FieldSpec("object", choices=(Choice({"a": 1}),)), [{"a": 1.0}]),
    ({"type": "object", "properties": {"a": {"type": "string"}}}, [{}, {"a": ""}]),
    ({"type": "string", "multiple": True, "minimum": 3, "format": "email"}, [[], ["", "a"]]),
    ({"type": "object", "multiple": True, "properties": {"a": {"type": "number"}}}, [[{"a": 1}, {}]]),
]
DOES_NOT: list[tuple[Any, list[Any]]] = [
    ({"type": "string"}, ["", None, 1, ["a"]]),
    ({"type": "string", "minimum": 2, "maximum": 3}, ["a", "abcd"]),
    ({"type": "string", "choices": ["a"]}, ["b"]),
    ({"type": "number"}, [True, "1", float("nan"), float("inf"), 10**400]),
    ({"type": "number", "minimum": 0, "maximum": 1.5}, [-1, 2]),
    ({"type": "integer"}, [1.5, float("nan"), float("inf"), True]),
    ({"type": "integer", "choices": [1, 2]}, [3, True]),
    ({"type": "boolean", "choices": [1]}, [True]),
    ({"type": "datetime"}, ["nope", None, True]),
    (FieldSpec("object", choices=(Choice({"a": 1}),)), [{"a": True}, {}]),
    ({"type": "object", "properties": {"a": {"type": "string", "required": True}}}, [{}, {"a": "x", "b": 1}]),
    ({"type": "string", "multiple": True}, ["a", [None], [1]]),
]


@pytest.mark.parametrize(("field", "values"), PASSES, ids=[str(field) for field, _ in PASSES])
def test_passes(field: Any, values: list[Any]) -> None:
    """A value that fits its field passes at once, at its bounds too."""
    check = compile_check(read_fields({"f": field}), additional=False)
    assert [value for value in values if not check({"f": value}, None, False)] == []


@pytest.mark.parametrize(("field", "values"), DOES_NOT, ids=[str(field) for field, _ in DOES_NOT])
def test_does_not_pass(field: Any, values: list[Any]) -> None:
    """A value that does not fit, or that has to be changed first, does not pass."""
    check = compile_check(read_fields({"f": field}), additional=False)
    assert [value for value in values if check({"f": value}, None, False)] == []


def test_settled() -> None:
    """Blank text at the root passes only once it is settled that it is to stay."""
    check = compile_check(read_fields({"f": {"type": "string"}}), additional=False)
    assert [check({"f": ""}, None, settled) for settled in (False, True)] == [False, True]


def test_names_as_literals() -> None:
    """A field's name reaches the generated source as a literal, whatever it holds."""
    name = "'\"\\\n{0}%s\ud800'); raise SystemExit('"
    condition = {"conditions": [{"fieldKey": name, "operator": "is", "value": name}]}
    fields = {name: {"type": "string", "choices": [name]}, "f": {"type": "string", "required": condition}}
    check = compile_check(read_fields(fields), additional=False, keep=frozenset({f"{name}2"}))
    assert check({name: name, "f": "x", f"{name}2": 1}, None, False) is True
    assert check({name: name}, None, False) is False
