"""A mapping beside the fields of its action."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core.authoring.advice import mapping_advice
from actions_core.validation.fields import FieldSpec
from actions_core.validation.fields.spec import Choice

ITEM = {"sku": FieldSpec("string", required=True), "price": FieldSpec("number")}
FIELDS = {
    "name": FieldSpec("string", required=True, default={"@path": "$.event"}),
    "email": FieldSpec("string", format="email"),
    "kind": FieldSpec("string", choices=(Choice("new"), Choice("old"))),
    "total": FieldSpec("number", minimum=1),
    "flag": FieldSpec("boolean"),
    "tags": FieldSpec("string", multiple=True),
    "items": FieldSpec("object", multiple=True, properties=ITEM),
    "open": FieldSpec("object", properties=ITEM, additional_properties=True),
    "any": FieldSpec("object"),
    "nothing": FieldSpec("string", required=True, allow_null=True),
}
GOOD = {"name": {"@path": "$.event"}, "nothing": None}


@pytest.mark.parametrize(
    "mapping",
    [
        {
            "email": "a@b.example",
            "kind": "new",
            "total": "5",
            "flag": "true",
            "tags": "one",
            "any": {"x": [1]},
        },
        {"tags": ["a", {"@path": "$.tag"}], "items": {"sku": "a"}, "open": {"sku": 5, "more": True}},
        {"items": {"@arrayPath": ["$.items", {"sku": {"@path": "$.sku"}, "price": "5"}]}},
        {"items": [{"sku": {"@path": "$.sku"}}], "email": None, "kind": "", "total": {"@path": "$.total"}},
        {"kind": {"@if": {"exists": {"@path": "$.x"}, "then": "new", "else": ""}}},
        {"__segment_internal_sync_mode": "add", "onMappingSave": {"outputs": {}}},
        {"total": {"@template": "{{x}}"}, "flag": {"@literal": True}},
    ],
)
def test_what_can_work_is_not_warned_of(mapping: dict[str, Any]) -> None:
    """Coercion counts: what validation takes for good is good here."""
    assert list(mapping_advice({**GOOD, **mapping}, FIELDS, "$", action="act")) == []


@pytest.mark.parametrize(
    ("mapping", "path", "said"),
    [
        ({"nmae": 1}, "$.nmae", "the action act has no field 'nmae'; did you mean 'name'?"),
        ({"zzzzzz": 1}, "$.zzzzzz", "it is left out"),
        ({"name": ""}, "$.name", "every event is refused"),
        ({"name": {"@literal": None}}, "$.name.@literal", "every event is refused"),
        ({"email": "nobody"}, "$.email", "email"),
        ({"kind": "middle"}, "$.kind", ""),
        ({"kind": {"@if": {"exists": 1, "then": "n", "else": "new"}}}, "$.kind.@if.then", ""),
        ({"total": 0}, "$.total", "1"),
        ({"total": {"@template": "many"}}, "$.total.@template", "number"),
        ({"flag": "yes"}, "$.flag", "boolean"),
        ({"flag": {"@excludeWhenNull": "yes"}}, "$.flag.@excludeWhenNull", "boolean"),
        ({"tags": ["a", {"b": 1}]}, "$.tags[1]", "string"),
        ({"items": [{"sku": "a", "prise": 1}]}, "$.items[0].prise", "did you mean 'price'?"),
        ({"items": {"price": {"@path": "$.p"}}}, "$.items", "'sku' has no mapping"),
        (
            {"items": {"@arrayPath": ["$.i", {"sku": "a", "price": {}}]}},
            "$.items.@arrayPath[1].price",
            "number",
        ),
        ({"open": {"sku": {"x": 1}}}, "$.open.sku", "string"),
        ({"any": "text"}, "$.any", "object"),
    ],
)
def test_what_can_never_work_is_warned_of(mapping: dict[str, Any], path: str, said: str) -> None:
    """One warning, where the mapping says it, in the words of validation where they are its."""
    (problem,) = mapping_advice({**GOOD, **mapping}, FIELDS, "$", action="act")
    assert (problem.path, problem.severity) == (path, "warning")
    assert said in problem.message


def test_a_required_field_without_a_mapping_names_its_default() -> None:
    """Defaults are suggestions: they are not filled in when events run."""
    first, second = mapping_advice({}, FIELDS, "$.mapping", action="act")
    assert (first.path, second.path) == ("$.mapping", "$.mapping")
    assert first.message.startswith("the required field 'name' has no mapping: every event is refused")
    assert '{"@path": "$.event"}' in first.message
    assert "'nothing'" in second.message


@pytest.mark.parametrize(
    "mapping", [{"@path": "$."}, {"__segment_internal_directive": {"@merge": {}}, "odd": 1}, None]
)
def test_what_is_known_only_when_an_event_comes_is_left_alone(mapping: Any) -> None:
    """A directive at the root makes the whole payload."""
    assert list(mapping_advice(mapping, FIELDS, "$", action="act")) == []
