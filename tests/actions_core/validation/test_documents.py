"""Documents against schemas: one sentence for each fault, with its path."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core.validation.documents import check_document

SAMPLE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": ["string", "null"], "minLength": 1, "maxLength": 5},
        "kind": {"enum": ["track", "identify", None]},
        "only": {"const": "presets"},
        "slug": {"type": "string", "pattern": "^[a-z]+$", "examples": ["sample"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "step": {"type": "number", "multipleOf": 5},
        "items": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "boolean"}},
        "pairs": {"type": "array", "minItems": 2, "uniqueItems": True},
        "either": {
            "anyOf": [
                {"type": "string", "maxLength": 3},
                {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
            ]
        },
        "one": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
        "keys": {"type": "object", "propertyNames": {"pattern": "^[1-5][0-9][0-9]$", "examples": ["403"]}},
        "sized": {"type": "object", "minProperties": 1, "maxProperties": 2},
        "never": {"not": {}},
        "mapping": {"$ref": "mapping.schema.json"},
    },
    "required": ["id", "name"],
    "additionalProperties": False,
}
BASE = {"name": "a"}
SENTENCES: list[tuple[dict[str, Any], str]] = [
    ({"name": 5}, "$.name: must be a string, but it is the number 5"),
    ({"name": ""}, "$.name: must not be empty"),
    ({"name": "abcdef"}, "$.name: must have at most 5 characters, but it has 6"),
    (
        {"kind": "identfy"},
        "$.kind: must be 'track' or 'identify', but it is 'identfy'; did you mean 'identify'?",
    ),
    ({"kind": {"a": [1]}}, "$.kind: must be 'track' or 'identify', but it is {\"a\": [1]}"),
    ({"only": "preset"}, "$.only: must be 'presets', but it is 'preset'"),
    ({"slug": "A b"}, "$.slug: 'A b' does not have the form ^[a-z]+$, such as 'sample'"),
    ({"slug": "ab\n"}, r"$.slug: 'ab\n' does not have the form ^[a-z]+$, such as 'sample'"),
    ({"count": True}, "$.count: must be an integer, but it is true"),
    ({"count": 2.0}, "$.count: must be an integer, but it is the number 2.0"),
    ({"count": 0}, "$.count: must be at least 1, but it is 0"),
    ({"count": 10}, "$.count: must be at most 9, but it is 10"),
    ({"share": 0}, "$.share: must be more than 0, but it is 0"),
    ({"share": 1}, "$.share: must be less than 1, but it is 1"),
    ({"step": 7}, "$.step: must be a multiple of 5, but it is 7"),
    ({"items": []}, "$.items: must not be empty"),
    ({"items": [True] * 3}, "$.items: must have at most 2 items, but it has 3"),
    ({"items": [True, "x"]}, "$.items[1]: must be a boolean, but it is the string 'x'"),
    ({"pairs": [1]}, "$.pairs: must have at least 2 items"),
    ({"pairs": [1, 1]}, "$.pairs: must not contain the same item twice"),
    ({"either": []}, "$.either: must be a string or an object, but it is a list"),
    ({"either": "long"}, "$.either: must have at most 3 characters, but it has 4"),
    ({"either": {}}, "$.either: the key 'id' is missing"),
    ({"either": {"id": None}}, "$.either.id: must be a string, but it is null"),
    ({"one": 1}, "$.one: 1 fits more than one of the forms it may have"),
    ({"keys": {"40": 1}}, "$.keys: '40' does not have the form ^[1-5][0-9][0-9]$, such as '403'"),
    ({"sized": {}}, "$.sized: must have at least 1 key"),
    ({"sized": {"a": 1, "b": 2, "c": 3}}, "$.sized: must have at most 2 keys"),
    ({"never": 1}, "$.never: 1 does not fit 'not'"),
    ({"nmae": 1}, "$.nmae: the key 'nmae' is not known; did you mean 'name'?"),
    ({"a.b": 1}, r"$.a\.b: the key 'a.b' is not known"),
]


@pytest.mark.parametrize(("data", "said"), SENTENCES)
def test_each_fault_has_a_sentence(data: dict[str, Any], said: str) -> None:
    """Every keyword that our schemas use speaks in words, at the path of what is wrong."""
    document = {"id": 1, **BASE, **data}
    schema = {**SAMPLE, "properties": {**SAMPLE["properties"], "id": {}}}
    assert [str(problem) for problem in check_document(document, schema)] == [said]


def test_every_fault_is_named_in_the_order_of_the_document() -> None:
    """All faults come at once; each missing key is one."""
    problems = check_document({"count": 0, "items": ["x", 1], "zzz": 1}, SAMPLE)
    assert [str(problem).partition(",")[0] for problem in problems] == [
        "$: the key 'id' is missing",
        "$: the key 'name' is missing",
        "$.zzz: the key 'zzz' is not known",
        "$.count: must be at least 1",
        "$.items[0]: must be a boolean",
        "$.items[1]: must be a boolean",
    ]


def test_a_schema_in_another_file_is_left_to_its_own_check() -> None:
    """A reference to another file lets everything pass: mappings have a check that knows more."""
    schema = {**SAMPLE, "required": []}
    assert check_document({"mapping": {"@case": 5}}, schema) == []


def test_what_is_no_json_is_named_before_any_schema_is_asked() -> None:
    """A document made by Python that JSON cannot say is refused as such."""
    assert [problem.path for problem in check_document({"name": {1, 2}}, SAMPLE)] == ["$.name"]


def test_a_schema_that_never_ends_is_no_crash() -> None:
    """Recursion that Python cannot follow comes out as a problem."""
    deep: Any = 1
    for _ in range(99):
        deep = [deep]
    schema: dict[str, Any] = {"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}
    schema["$defs"]["a"]["items"] = {"allOf": [{"allOf": [{"allOf": [{"$ref": "#/$defs/a"}]}]}]}
    problems = check_document(deep, schema)
    assert [problem.message for problem in problems] in ([], ["is nested too deeply"])
