"""Fields: reading raw ones, their faults, and the JSON Schema that says the same."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core.errors import DefinitionError
from actions_core.validation.fields import (
    Choice,
    ConditionSet,
    FieldCondition,
    FieldSpec,
    field_problems,
    fields_to_json_schema,
    read_fields,
    unstructure,
)
from actions_core.values.types import MISSING


def schema_of(**field: Any) -> dict[str, Any]:
    """The schema of one field."""
    schema: dict[str, Any] = fields_to_json_schema({"f": {"type": "string", **field}})["properties"]["f"]
    return schema


def rule_for(*conditions: dict[str, Any], match: str = "all") -> Any:
    """The `if` that stands for conditions under which a field is required; None where there is none."""
    fields = {
        "f": {"type": "string", "required": {"match": match, "conditions": list(conditions)}},
        "k": {"type": "string"},
        "k.d": {"type": "string"},
        "o": {"type": "object"},
    }
    rules = fields_to_json_schema(fields).get("allOf")
    return None if rules is None else rules[0]["if"]


def test_null_means_absent() -> None:
    """A null in a raw field is as if the key were not there, as in Segment's published definitions."""
    keys = [
        "label",
        "default",
        "choices",
        "properties",
        "depends_on",
        "minimum",
        "hidden",
        "format",
        "readOnly",
    ]
    assert read_fields({"f": {"type": "string", **dict.fromkeys(keys)}}) == {"f": FieldSpec("string")}
    assert read_fields({"f": {"type": "string"}})["f"].default is MISSING


def test_every_option() -> None:
    """Every option of a field is read under Segment's name."""
    raw = {
        "type": "object",
        "label": "L",
        "description": "D",
        "required": {"conditions": [{"fieldKey": "k", "operator": "is", "value": ["a", "b"]}]},
        "multiple": True,
        "allowNull": True,
        "additionalProperties": True,
        "properties": {"a": {"type": "integer", "unsafe_hidden": True}},
        "choices": ["a", {"label": "B", "value": "b"}],
        "default": {"@path": "$.a"},
        "depends_on": {
            "match": "any",
            "conditions": [{"type": "syncMode", "operator": "is_not", "value": "add"}],
        },
        "dynamic": True,
        "hidden": False,
        "readOnly": True,
        "placeholder": "P",
        "category": "hashedPII",
        "displayMode": "collapsed",
        "defaultObjectUI": "keyvalue",
        "disabledInputMethods": ["literal"],
    }
    spec = read_fields({"f": raw})["f"]
    assert spec == FieldSpec(
        type="object",
        label="L",
        description="D",
        required=ConditionSet((FieldCondition("is", "k", ["a", "b"]),)),
        multiple=True,
        allow_null=True,
        additional_properties=True,
        properties={"a": FieldSpec("integer", hidden=True)},
        choices=(Choice("a"), Choice("b", "B")),
        default={"@path": "$.a"},
        depends_on=ConditionSet((FieldCondition("is_not", None, "add", "syncMode"),), "any"),
        dynamic=True,
        read_only=True,
        placeholder="P",
        category="hashedPII",
        display_mode="collapsed",
        default_object_ui="keyvalue",
        disabled_input_methods=("literal",),
    )
    assert read_fields({"f": spec}) == {"f": spec}


def test_built_parts() -> None:
    """Parts that are built already pass as they are, among raw ones."""
    condition = FieldCondition("is", "k")
    raw = {
        "type": "string",
        "choices": [Choice("a", "A")],
        "required": {"conditions": [condition]},
        "depends_on": ConditionSet((condition,)),
    }
    conditions = ConditionSet((condition,))
    assert read_fields({"f": raw}) == {
        "f": FieldSpec("string", choices=(Choice("a", "A"),), required=conditions, depends_on=conditions)
    }


FAULTS = [
    (None, "$.f"),
    ({}, "$.f"),
    ({"type": "text "}, "$.f.type"),
    ({"type": ["string"]}, "$.f.type"),
    ({"type": "string", "requried": True}, "$.f.requried"),
    ({"type": "string", "required": "yes"}, "$.f.required"),
    ({"type": "string", "multiple": 1}, "$.f.multiple"),
    ({"type": "string", "minimum": True}, "$.f.minimum"),
    ({"type": "string", "format": 3}, "$.f.format"),
    ({"type": "string", "choices": "a"}, "$.f.choices"),
    ({"type": "string", "choices": [{"label": "A"}]}, "$.f.choices[0]"),
    ({"type": "string", "disabledInputMethods": [1]}, "$.f.disabledInputMethods[0]"),
    ({"type": "object", "properties": []}, "$.f.properties"),
    ({"type": "object", "properties": {"a.b": {}}}, "$.f.properties.a\\.b"),
    ({"type": "string", "required": {"conditions": []}}, "$.f.required.conditions"),
    ({"type": "string", "required": {"match": "one", "conditions": [{}]}}, "$.f.required.match"),
    ({"type": "string", "depends_on": {"conditions": [3]}}, "$.f.depends_on.conditions[0]"),
    (
        {"type": "string", "required": {"conditions": [{"fieldKey": "k", "operator": "=="}]}},
        "$.f.required.conditions[0].operator",
    ),
    (
        {"type": "string", "required": {"mach": "any", "conditions": [{"fieldKey": "k", "operator": "is"}]}},
        "$.f.required.mach",
    ),
    (
        {"type": "string", "required": {"conditions": [{"fieldKey": "k", "operator": "is", "vale": 1}]}},
        "$.f.required.conditions[0].vale",
    ),
    (
        {"type": "string", "required": {"conditions": [{"operator": "is", "type": "syncMode"}]}},
        "$.f.required.conditions[0]",
    ),
    (
        {"type": "string", "required": {"conditions": [{"operator": "is", "type": "mood"}]}},
        "$.f.required.conditions[0].type",
    ),
]


@pytest.mark.parametrize(("raw", "path"), FAULTS, ids=[f"{path} {raw}"[:60] for raw, path in FAULTS])
def test_faults(raw: Any, path: str) -> None:
    """A faulty field is refused when it is read, with the path of the fault."""
    with pytest.raises(DefinitionError) as caught:
        read_fields({"f": raw})
    assert path in {problem.path for problem in caught.value.problems}


def test_all_faults_at_once() -> None:
    """All faults of all fields are reported together."""
    fields: Any = {f"f{index}": raw for index, (raw, _) in enumerate(FAULTS)}
    with pytest.raises(DefinitionError) as caught:
        read_fields(fields)
    assert {problem.path.split(".")[1] for problem in caught.value.problems} == set(fields)


@pytest.mark.parametrize("fields", [None, [], "f", {1: {"type": "string"}}])
def test_no_fields(fields: Any) -> None:
    """What is no object of fields is refused as a faulty definition."""
    with pytest.raises(DefinitionError):
        read_fields(fields)


def test_deep_fields() -> None:
    """Fields that are nested without end are refused, not followed."""
    field: dict[str, Any] = {"type": "object"}
    for _ in range(100_000):
        field = {"type": "object", "properties": {"f": field}}
    with pytest.raises(DefinitionError, match="deep"):
        read_fields({"f": field})


def test_the_way_back() -> None:
    """Specs written as JSON are the definition that they were read from, without what says nothing."""
    raw = {
        "a": {"type": "string", "unsafe_hidden": True, "defaultObjectUI": "object", "label": None},
        "b": {"type": "object", "properties": {"c": {"type": "number", "choices": [1, {"value": 2}]}}},
    }
    fields = read_fields(raw)
    written = unstructure(fields)
    assert written["a"]["hidden"] is True
    assert written["a"]["defaultObjectUI"] == "object"
    assert "label" not in written["a"]
    assert read_fields(written) == fields


SCHEMAS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"label": "L", "default": False}, {"type": "string", "title": "L", "default": False}),
    ({"type": "text", "format": "email"}, {"type": "string", "format": "text"}),
    ({"type": "password"}, {"type": "string", "format": "password"}),
    ({"type": "datetime", "allowNull": True}, {"type": ["string", "number", "null"], "format": "date-like"}),
    ({"minimum": 0, "maximum": 5}, {"type": "string", "maxLength": 5}),
    ({"type": "number", "minimum": -1}, {"type": "number", "minimum": -1}),
    ({"type": "integer", "minimum": 1}, {"type": "integer"}),
    ({"choices": []}, {"type": "string"}),
    ({"choices": ["a"], "allowNull": True}, {"type": ["string", "null"], "enum": ["a", None]}),
    (
        {"multiple": True, "choices": ["a"], "allowNull": True, "format": "email", "minimum": 2},
        {
            "type": "array",
            "format": "email",
            "minLength": 2,
            "items": {"type": "string", "enum": ["a", None]},
        },
    ),
    ({"type": "object", "additionalProperties": True}, {"type": "object"}),
    ({"properties": {"a": {"type": "string"}}}, {"type": "string"}),
]


@pytest.mark.parametrize(("field", "schema"), SCHEMAS, ids=[str(field)[:60] for field, _ in SCHEMAS])
def test_schema(field: dict[str, Any], schema: dict[str, Any]) -> None:
    """The schema of a field holds what its type and marks say, and nothing else."""
    assert schema_of(**field) == schema


def test_nested_schema() -> None:
    """An object with fields, alone or as item, is a whole schema; null changes neither."""
    inner = {
        "$schema": "http://json-schema.org/schema#",
        "type": "object",
        "additionalProperties": True,
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
    }
    field = {"type": "object", "properties": {"a": {"type": "string", "required": True}}, "allowNull": True}
    assert schema_of(**field, additionalProperties=True) == inner
    assert schema_of(**field, additionalProperties=True, multiple=True) == {"type": "array", "items": inner}


def test_fields_of_a_conditional_child() -> None:
    """A child required on conditions is asked for at the root, before its owner, whose `required` goes."""
    conditions = {"conditions": [{"fieldKey": "k", "operator": "is", "value": 1}]}
    children = {"a": {"type": "string", "required": conditions}, "b": {"type": "string", "required": True}}
    schema = fields_to_json_schema(
        {"o": {"type": "object", "properties": children, "required": conditions}, "k": {"type": "number"}}
    )
    holds = {"required": ["k"], "properties": {"k": {"const": 1}}}
    assert "required" not in schema["properties"]["o"]
    assert schema["allOf"] == [
        {"if": holds, "then": {"required": ["o"], "properties": {"o": {"required": ["a"]}}}},
        {"if": holds, "then": {"required": ["o"]}},
    ]


IS_A = {"fieldKey": "k", "operator": "is", "value": "a"}
K_IS_A = {"required": ["k"], "properties": {"k": {"const": "a"}}}
NO_K = {"not": {"required": ["k"]}}
ADD = {"type": "syncMode", "operator": "is", "value": "add"}
MODE_KEY = "__segment_internal_sync_mode"
MODE_IS_ADD = {"fieldKey": MODE_KEY, "operator": "is", "value": "add"}
MODE_KEY_IS_ADD = {"required": [MODE_KEY], "properties": {MODE_KEY: {"const": "add"}}}


@pytest.mark.parametrize(
    ("conditions", "match", "expected"),
    [
        ([IS_A], "all", K_IS_A),
        ([IS_A, IS_A], "any", {"anyOf": [K_IS_A, K_IS_A]}),
        (
            [{"fieldKey": "k", "operator": "is_not", "value": ["a", "b"]}],
            "all",
            {"required": ["k"], "properties": {"k": {"not": {"enum": ["a", "b"]}}}},
        ),
        (
            [{"fieldKey": "k.d", "operator": "is", "value": False}],
            "all",
            {"required": ["k.d"], "properties": {"k.d": {"const": False}}},
        ),
        ([{"fieldKey": "k", "operator": "is", "value": None}, IS_A], "all", {"allOf": [NO_K, K_IS_A]}),
        (
            [{"fieldKey": "o.c", "operator": "is", "value": "a"}],
            "all",
            {
                "required": ["o"],
                "properties": {"o": {"required": ["c"], "properties": {"c": {"const": "a"}}}},
            },
        ),
        (
            [{"fieldKey": "o.c", "operator": "is_not"}, IS_A],
            "all",
            {"allOf": [{"required": ["o"], "properties": {"o": {"required": ["c"]}}}, K_IS_A]},
        ),
        ([MODE_IS_ADD], "all", MODE_KEY_IS_ADD),
        ([MODE_IS_ADD, IS_A], "all", {"allOf": [MODE_KEY_IS_ADD, K_IS_A]}),
        ([ADD], "all", None),
        ([ADD, IS_A], "all", None),
        ([ADD, IS_A], "any", {"anyOf": [K_IS_A]}),
    ],
)
def test_condition_schema(conditions: list[dict[str, Any]], match: str, expected: Any) -> None:
    """Conditions stand in the schema where it can say them: lists, dotted names, the sync mode by its key."""
    assert rule_for(*conditions, match=match) == expected


def test_problems_of_fields() -> None:
    """What no event should have to find is found when fields are compared; what may be meant is a warning."""
    fields = read_fields(
        {
            "a": FieldSpec("string", format="emial"),
            "b": {"type": "number", "minimum": 3, "maximum": 1},
            "c": FieldSpec("number", minimum=float("nan")),
            "d": {"type": "boolean", "minimum": 1},
            "e": {"type": "string", "properties": {}},
            "f": {
                "type": "object",
                "properties": {
                    "x": {
                        "type": "string",
                        "required": {
                            "conditions": [
                                {"fieldKey": "y", "operator": "is"},
                                {"fieldKey": "f.y", "operator": "is"},
                                {"fieldKey": "g.anything", "operator": "is"},
                                {
                                    "fieldKey": "__segment_internal_sync_mode",
                                    "operator": "is",
                                    "value": "add",
                                },
                            ]
                        },
                    },
                    "y": {
                        "type": "string",
                        "depends_on": {
                            "conditions": [
                                {"fieldKey": "x", "operator": "is"},
                                {"fieldKey": "g", "operator": "is"},
                                {"fieldKey": "z", "operator": "is"},
                            ]
                        },
                    },
                },
            },
            "g": {"type": "object"},
        }
    )
    assert [(problem.path, problem.severity) for problem in field_problems(fields)] == [
        ("$.a.format", "error"),
        ("$.b.minimum", "error"),
        ("$.c.minimum", "error"),
        ("$.d", "warning"),
        ("$.e.properties", "warning"),
        ("$.f.properties.x.required.conditions[0]", "warning"),
        ("$.f.properties.y.depends_on.conditions[2]", "warning"),
    ]
