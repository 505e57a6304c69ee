"""Which changes of a field break those who fill it: examples, and the check of payloads as the judge."""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any

import attrs
import pytest

from actions_core.authoring.comparison import FieldOwner, compare_fields
from actions_core.errors import PayloadError
from actions_core.validation import PayloadValidator
from actions_core.validation.fields import FIELD_TYPES, read_fields

REQUIRED_IF = {"conditions": [{"fieldKey": "b", "operator": "is", "value": 1}]}
REQUIRED = {"type": "string", "required": True}
TWO = [*REQUIRED_IF["conditions"], {"fieldKey": "c", "operator": "is_not"}]

#: old field, new field, then the level and the path of what is found
CASES: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    ({}, {"label": "Another", "description": "Said anew."}, []),
    ({}, {"required": True}, [("breaking", "$.a.required")]),
    ({}, {"required": REQUIRED_IF}, [("breaking", "$.a.required")]),
    ({"required": True}, {"required": REQUIRED_IF}, [("note", "$.a.required")]),
    ({"required": True}, {}, [("note", "$.a.required")]),
    ({"required": REQUIRED_IF}, {"required": {"conditions": TWO}}, [("note", "$.a.required")]),
    (
        {"required": REQUIRED_IF},
        {"required": {"match": "any", "conditions": TWO}},
        [("breaking", "$.a.required")],
    ),
    (
        {"required": {"match": "any", "conditions": TWO}},
        {"required": REQUIRED_IF},
        [("note", "$.a.required")],
    ),
    ({"type": "number"}, {"type": "integer"}, [("breaking", "$.a.type")]),
    ({"type": "integer"}, {"type": "number"}, [("note", "$.a.type")]),
    ({"type": "number"}, {"type": "string"}, [("warning", "$.a.type")]),
    ({"type": "string"}, {"type": "text"}, [("note", "$.a.type")]),
    ({"type": "password"}, {"type": "string"}, [("warning", "$.a.type")]),
    ({"type": "string"}, {"type": "datetime"}, [("breaking", "$.a.type")]),
    ({"type": "object"}, {"type": "string"}, [("breaking", "$.a.type")]),
    ({"multiple": True}, {}, [("breaking", "$.a.multiple")]),
    ({}, {"multiple": True}, [("warning", "$.a.multiple")]),
    (
        {"allowNull": True},
        {"allowNull": True, "multiple": True},
        [("breaking", "$.a.multiple")],
    ),
    ({"allowNull": True}, {}, [("breaking", "$.a.allowNull")]),
    ({}, {"allowNull": True}, []),
    ({"choices": ["x", "y"]}, {"choices": [{"label": "X", "value": "x"}]}, [("breaking", "$.a.choices")]),
    ({"choices": ["x"]}, {"choices": ["x", "y"]}, [("note", "$.a.choices")]),
    ({"choices": ["x"]}, {}, [("note", "$.a.choices")]),
    ({}, {"choices": ["x"]}, [("breaking", "$.a.choices")]),
    ({"choices": [1]}, {"choices": [1.0]}, []),
    ({}, {"format": "email"}, [("breaking", "$.a.format")]),
    ({"format": "email"}, {}, [("note", "$.a.format")]),
    ({"format": "text"}, {"format": "password"}, []),
    ({}, {"maximum": 5}, [("breaking", "$.a.maximum")]),
    ({"maximum": 5}, {"maximum": 6}, [("note", "$.a.maximum")]),
    ({"minimum": 5}, {"minimum": 6}, [("breaking", "$.a.minimum")]),
    ({"minimum": 5}, {}, [("note", "$.a.minimum")]),
    ({"type": "object"}, {"type": "object", "properties": {}}, [("breaking", "$.a.properties")]),
    ({"type": "object", "properties": {}}, {"type": "object"}, [("note", "$.a.properties")]),
    (
        {"type": "object", "properties": {"x": {"type": "string"}}},
        {"type": "object", "properties": {"x": {"type": "integer"}}},
        [("breaking", "$.a.properties.x.type")],
    ),
    (
        {"type": "object", "properties": {"x": {"type": "string"}}},
        {
            "type": "object",
            "properties": {"x": {"type": "string"}, "y": {"type": "string", "required": True}},
        },
        [("breaking", "$.a.properties.y")],
    ),
    (
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"x": {"type": "string"}}},
        [("warning", "$.a.properties.x")],
    ),
    (
        {"type": "object", "additionalProperties": True, "properties": {}},
        {"type": "object", "properties": {}},
        [("breaking", "$.a.additionalProperties")],
    ),
    (
        {"type": "object", "additionalProperties": True, "properties": {"x": {"type": "string"}}},
        {"type": "object", "additionalProperties": True, "properties": {}},
        [("note", "$.a.properties.x")],
    ),
    ({"default": "x"}, {"default": "y"}, [("warning", "$.a.default")]),
    ({"default": "x"}, {}, [("warning", "$.a.default")]),
    ({}, {"default": "x"}, [("note", "$.a.default")]),
    (
        {"required": True, "default": "x"},
        {"required": True},
        [("breaking", "$.a.default")],
    ),
]


def found(
    old: dict[str, Any], new: dict[str, Any], place: FieldOwner = FieldOwner.MAPPING
) -> list[tuple[str, str]]:
    """Level and path of each change."""
    changes = compare_fields(read_fields(old), read_fields(new), "$", place)
    return [(str(change.level), change.path) for change in changes]


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_a_change_has_its_level(
    old: dict[str, Any], new: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """One difference between two fields is one change, at the path of the option."""
    standard = {"type": "string"}
    assert found({"a": {**standard, **old}}, {"a": {**standard, **new}}) == expected


def test_a_new_field_breaks_when_it_is_required() -> None:
    """A default fills settings at once, but of mappings only new ones."""
    optional, required = {"type": "string"}, {"type": "string", "required": True}
    filled = {**required, "default": "x"}
    assert found({}, {"a": optional}) == [("note", "$.a")]
    assert found({}, {"a": required}) == [("breaking", "$.a")]
    assert found({}, {"a": filled}) == [("breaking", "$.a")]
    assert found({}, {"a": required}, FieldOwner.SETTINGS) == [("breaking", "$.a")]
    assert found({}, {"a": filled}, FieldOwner.SETTINGS) == [("note", "$.a")]
    assert found({"a": optional}, {"a": filled}, FieldOwner.SETTINGS) == [
        ("note", "$.a.required"),
        ("warning", "$.a.default"),
    ]


def test_a_field_that_is_gone_breaks() -> None:
    """What was sent under it, or set with it, is lost without a word."""
    assert found({"a.b": {"type": "string"}}, {}) == [("breaking", r"$.a\.b")]
    assert found({"a": {"type": "string"}}, {}, FieldOwner.SETTINGS) == [("breaking", "$.a")]


SCALARS: list[Any] = [None, True, False, 0, 1, 2, 4, 5, 7, 12, 0.5, 5.0]
SCALARS += ["", "x", "y", "xy", "5", "5.0", "1e1", "true", "a@b.co", "2026-01-02", "longer text"]
OBJECTS: list[Any] = [{}, {"x": "x"}, {"x": 5}, {"x": None}, {"y": "longer text"}, {"x": "y", "y": True}]
VALUES = [*SCALARS, *OBJECTS, [], *([value] for value in SCALARS), ["x", "y"], [5, 7], [{"x": 5}]]
PAYLOADS = [*({"a": value} for value in VALUES), {}, {"b": "x"}, {"b": "y"}, {"a": "x", "b": "y"}]

X_OR_Y = [
    {"fieldKey": "b", "operator": operator, "value": value} for operator in ("is", "is_not") for value in "xy"
]
THERE = {"fieldKey": "b", "operator": "is_not"}
STRING, NUMBER = {"type": "string"}, {"type": "number"}
#: option → its values; MISSING leaves it out
OPTIONS: dict[str, list[Any]] = {
    "type": list(FIELD_TYPES),
    "required": [
        True,
        *({"conditions": [condition]} for condition in X_OR_Y),
        {"match": "any", "conditions": X_OR_Y[:2]},
        {"match": "any", "conditions": [*X_OR_Y[:2], THERE]},
        {"match": "all", "conditions": [X_OR_Y[0], THERE]},
        {"match": "all", "conditions": X_OR_Y[2:]},
    ],
    "multiple": [True],
    "allowNull": [True],
    "choices": [["x"], ["x", "y"], ["5"], [5, 7], [True], ["x", 5]],
    "format": ["text", "password", "email", "date", "date-like"],
    "minimum": [0, 1, 4],
    "maximum": [1, 4, 8],
    "properties": [{}, {"x": STRING}, {"x": NUMBER}, {"x": REQUIRED}, {"x": STRING, "y": STRING}],
    "additionalProperties": [True],
}
SETTINGS: list[dict[str, Any]] = [{}, {"multiple": True}, {"allowNull": True}, {"required": True}]
BASES = [{"type": kind, **more} for kind in FIELD_TYPES for more in SETTINGS]
BASES += [{"type": "object", "properties": {"x": STRING}, "additionalProperties": True}]


@functools.cache
def accepted(field: str) -> tuple[bool, ...]:
    """Which of the payloads pass the check of the field, given as JSON."""
    validator = PayloadValidator({"a": json.loads(field), "b": STRING})
    return tuple(passes(validator, payload) for payload in PAYLOADS)


def passes(validator: PayloadValidator, payload: dict[str, Any]) -> bool:
    """Whether one payload passes."""
    try:
        validator.check(payload)
    except PayloadError:
        return False
    return True


@pytest.mark.parametrize("option", OPTIONS)
def test_what_is_refused_now_and_was_not_is_a_breaking_change(option: str) -> None:
    """The check of payloads is the judge: where it refuses what it took before, the comparison says so."""
    missed = []
    broken = 0
    for base in BASES:
        plain = {key: value for key, value in base.items() if key != option}
        versions = [{**plain, option: value} for value in OPTIONS[option]]
        versions += [] if option == "type" else [plain]
        for old, new in itertools.permutations(versions, 2):
            before, after = accepted(json.dumps(old)), accepted(json.dumps(new))
            if all(late or not early for early, late in zip(before, after, strict=True)):
                continue
            broken += 1
            # A key that had been left out may now be there and not fit: likely enough for a warning.
            enough = {"breaking", "warning"} if option == "properties" else {"breaking"}
            if not enough & {level for level, _ in found({"a": old}, {"a": new})}:
                missed.append((old, new))
    assert missed == []
    assert broken or option == "additionalProperties"  # unknown keys are left out, not refused


@pytest.mark.parametrize("field", BASES, ids=str)
def test_nothing_changes_where_nothing_changed(field: dict[str, Any]) -> None:
    """A field does not differ from itself, nor from one that only reads otherwise."""
    spec = read_fields({"a": field})["a"]
    said = attrs.evolve(spec, label="Said", description="Otherwise", hidden=True, placeholder="here")
    assert list(compare_fields({"a": spec}, {"a": said}, "$", FieldOwner.MAPPING)) == []
