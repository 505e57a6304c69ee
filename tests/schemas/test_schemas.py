"""The schemas: they complete and explain in an editor, and they say what the code says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from actions_core.destination import specs
from actions_core.errors import DefinitionError
from actions_core.validation.documents import check_document, schema
from actions_core.validation.fields import FIELD_TYPES, Choice, ConditionSet, FieldCondition, FieldSpec
from actions_core.validation.fields.structuring import key_of
from actions_core.validation.formats import FORMATS
from actions_core.values.events import EVENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.values.types import JsonObject

ROOT = Path(__file__).parents[2]
NAMES = ("destination", "workspace", "mapping", "event", "test")
PUBLISHED = ROOT / "tests" / "actions_core" / "destination" / "data" / "published.json"


#: Where a schema holds others: by name, in a list, or one.
BY_NAME = ("properties", "$defs")
LISTS = ("allOf", "prefixItems")
SINGLE = ("items", "additionalProperties", "then", "else")


def walk(part: Any, path: str = "$") -> Iterator[tuple[str, JsonObject]]:
    """Every schema inside a schema, with its path."""
    if not isinstance(part, dict):
        return
    yield path, part
    for keyword in BY_NAME:
        for key, item in part.get(keyword, {}).items():
            yield from walk(item, f"{path}.{keyword}.{key}")
    for keyword in LISTS:
        for index, item in enumerate(part.get(keyword, ())):
            yield from walk(item, f"{path}.{keyword}[{index}]")
    for keyword in SINGLE:
        yield from walk(part.get(keyword), f"{path}.{keyword}")


def declaring(name: str) -> list[tuple[str, JsonObject]]:
    """The schemas that declare options; those of a condition only look at options declared elsewhere."""
    return [
        (path, part)
        for path, part in walk(schema(name))
        if "properties" in part and part.get("type") in ("object", ["object", "null"])
    ]


def options(name: str) -> list[tuple[str, JsonObject]]:
    """Every option that a schema declares."""
    return [
        (f"{path}.{key}", option)
        for path, part in declaring(name)
        for key, option in part["properties"].items()
    ]


def definition(name: str, *, of: str = "destination") -> JsonObject:
    """One of the `$defs` of a schema."""
    found: JsonObject = schema(of)["$defs"][name]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_2020_12_with_a_stable_id(name: str) -> None:
    """Each file is a valid schema of that draft, and its `$id` is the one that editors have stored."""
    document = schema(name)
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"https://actions-core.example/schemas/{name}.schema.json"
    assert document["title"]
    assert document["description"]


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_described(name: str) -> None:
    """An editor has a sentence to show for every option."""
    resolved = [(path, resolve(name, option)) for path, option in options(name)]
    assert [
        path for path, option in resolved if not option.get("description", "").endswith((".", "}."))
    ] == []
    assert resolved


def resolve(name: str, option: JsonObject) -> JsonObject:
    """The option, or what it refers to."""
    reference = option.get("$ref", "")
    if "description" in option or not reference.startswith("#/$defs/"):
        return option
    found: JsonObject = schema(name)["$defs"][reference.removeprefix("#/$defs/")]
    return found


@pytest.mark.parametrize("name", ["destination", "workspace"])
def test_every_key_is_known(name: str) -> None:
    """No object with named keys takes others, `settings` and maps by key aside."""
    declared = declaring(name)
    assert [path for path, part in declared if part.get("additionalProperties") is not False] == []
    assert len(declared) > 5


def test_references_between_the_files_lead_somewhere() -> None:
    """A validator that is given all four files checks mappings inside workspaces and definitions."""
    registry: Any = Registry().with_resources(
        [(schema(name)["$id"], Resource.from_contents(schema(name))) for name in NAMES]
    )
    validator = Draft202012Validator(schema("workspace"), registry=registry)

    def workspace(mapping: Any) -> JsonObject:
        subscription = {"partnerAction": "a", "subscribe": 'type = "track"', "mapping": mapping}
        return {"destinations": [{"destination": "sample", "subscriptions": [subscription]}]}

    assert validator.is_valid(
        workspace({"name": {"@case": {"operator": "lower", "value": {"@path": "$.x"}}}})
    )
    assert not validator.is_valid(workspace({"name": {"@case": {"operator": 5}}}))
    published = Draft202012Validator(schema("destination"), registry=registry)
    assert list(published.iter_errors(json.loads(PUBLISHED.read_text("utf-8")))) == []


def test_the_mapping_schema_takes_what_runs() -> None:
    """No mapping that gives a result is marked in an editor."""
    vectors = json.loads((ROOT / "tests" / "conformance" / "mapping.json").read_text("utf-8"))["mapping"]
    validator = Draft202012Validator(schema("mapping"))
    running = [vector["mapping"] for vector in vectors if "error" not in vector]
    assert [mapping for mapping in running if not validator.is_valid(mapping)] == []
    assert running


@pytest.mark.parametrize(
    ("cls", "declared", "beside"),
    [
        (FieldSpec, definition("field"), {"unsafe_hidden"}),
        (ConditionSet, definition("conditionSet"), set()),
        (FieldCondition, definition("condition"), set()),
        (Choice, definition("choice")["then"], set()),
        (specs.ActionSpec, definition("action"), set()),
        (specs.PresetSpec, definition("preset"), set()),
        (specs.HookSpec, definition("hook"), set()),
        (specs.SyncModeSpec, definition("syncMode"), set()),
        (specs.AuthenticationSpec, definition("authentication"), set()),
        (specs.DestinationSpec, schema("destination"), {"$schema", "audienceFields", "fragments"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_specs_and_schema_have_the_same_keys(cls: type, declared: JsonObject, beside: set[str]) -> None:
    """What the schema lets in, a spec holds, once fragments are in their places; and the other way round."""
    assert {key_of(field) for field in attrs.fields(cls)} | beside == {*declared["properties"]} - {
        "$fragment"
    }


def test_fields_and_schema_agree() -> None:
    """Types and formats of fields are those of the code."""
    declared = definition("field")["properties"]
    assert declared["type"]["enum"] == list(FIELD_TYPES)
    assert {*declared["format"]["enum"]} == {*FORMATS, None}


def test_types_of_events_agree() -> None:
    """The event schema knows the types that the engine takes."""
    assert schema("event")["properties"]["type"]["enum"] == list(EVENT_TYPES)


def objects(value: Any) -> Iterator[JsonObject]:
    """Every object inside a JSON value."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(item)


def test_the_published_sample_uses_every_key_of_a_field() -> None:
    """The sample of a published definition leaves out only what the generator does not write."""
    used = {
        key
        for part in objects(json.loads(PUBLISHED.read_text("utf-8")))
        if "allowNull" in part
        for key in part
    }
    assert used == set(definition("field")["properties"]) - {"unsafe_hidden", "$fragment"}


def test_a_schema_that_is_not_there_is_an_error_of_ours() -> None:
    """Asking for another name says which there are, and a schema is read once."""
    with pytest.raises(DefinitionError, match="destination, workspace, mapping, event"):
        schema("nothing")
    assert schema("event") is schema("event")


INSTANCE = {"destination": "sample"}
WORKSPACE = {
    "$schema": "workspace.schema.json",
    "destinations": [
        {
            "id": "one",
            "destination": "sample",
            "enabled": True,
            "settings": {"apiKey": {"$env": "KEY"}, "nested": {"list": [{"$env": "OTHER"}, 1]}, "none": None},
            "subscriptions": [
                {
                    "name": "Track",
                    "partnerAction": "track",
                    "subscribe": 'type = "track"',
                    "mapping": {"name": {"@jmespath": "event"}},
                    "enabled": False,
                },
                {"partnerAction": "track", "subscribe": 'type = "track"', "mapping": None},
            ],
            "filters": [
                {"if": 'event = "Secret"', "actions": [{"type": "DROP"}], "enabled": True},
                {
                    "name": "Some",
                    "if": 'type = "track"',
                    "actions": [
                        {"type": "SAMPLE", "percent": 0.5, "path": "userId"},
                        {"type": "ALLOW_PROPERTIES", "fields": {"properties": {"fields": ["a"]}}},
                    ],
                },
            ],
            "delivery": {
                "concurrency": 5,
                "timeout": 0.5,
                "retry": {"tries": 1, "within": 0, "base": 1, "cap": 2.5},
            },
        },
        {"destination": "sample", "id": None, "subscriptions": "presets", "delivery": None},
    ],
}
REFUSED: list[tuple[JsonObject, str]] = [
    ({"id": ""}, "$.destinations[0].id: must not be empty"),
    ({"subscriptions": "preset"}, "$.destinations[0].subscriptions: must be 'presets', but it is 'preset'"),
    (
        {"subscriptions": {}},
        "$.destinations[0].subscriptions: must be a list or a string, but it is an object",
    ),
    (
        {"subscriptions": [{"partnerAction": "a", "subscribe": "x"}] * 51},
        "$.destinations[0].subscriptions: must have at most 50 items, but it has 51",
    ),
    (
        {"subscriptions": [{"subscribe": "x"}]},
        "$.destinations[0].subscriptions[0]: the key 'partnerAction' is missing",
    ),
    ({"settings": {"key": {"$env": 5}}}, "$.destinations[0].settings.key.$env: must be a string"),
    (
        {"settings": {"key": {"$env": "A", "b": 1}}},
        "$.destinations[0].settings.key.b: the key 'b' is not known",
    ),
    ({"settings": {"a": [{"b": {"$env": ""}}]}}, "$.destinations[0].settings.a[0].b.$env: must not be empty"),
    ({"delivery": {"concurrency": 0}}, "$.destinations[0].delivery.concurrency: must be at least 1"),
    ({"delivery": {"concurrency": 1.0}}, "$.destinations[0].delivery.concurrency: must be an integer"),
    ({"delivery": {"timeout": 0}}, "$.destinations[0].delivery.timeout: must be more than 0"),
    (
        {"delivery": {"retry": {"trys": 1}}},
        "$.destinations[0].delivery.retry.trys: the key 'trys' is not known; did",
    ),
    (
        {"delivery": {"retry": {"tries": None}}},
        "$.destinations[0].delivery.retry.tries: must be an integer",
    ),
    ({"enabeld": True}, "$.destinations[0].enabeld: the key 'enabeld' is not known; did you mean 'enabled'?"),
    ({"filters": [{"if": "x", "actions": []}]}, "$.destinations[0].filters[0].actions: must not be empty"),
    (
        {"filters": [{"if": "x", "actions": [{"type": "SAMPLE"}]}]},
        "$.destinations[0].filters[0].actions[0]: the key 'percent' is missing",
    ),
    (
        {"filters": [{"if": "x", "actions": [{"type": "DROPP"}]}]},
        "$.destinations[0].filters[0].actions[0].type: must be 'DROP', 'SAMPLE'",
    ),
]


def test_a_workspace_that_uses_every_option_passes() -> None:
    """What the design promises, and null for what is not said."""
    assert check_document(WORKSPACE, schema("workspace")) == []


@pytest.mark.parametrize(("change", "said"), REFUSED)
def test_a_faulty_workspace_is_refused(change: JsonObject, said: str) -> None:
    """One fault, one sentence at its path."""
    problems = check_document({"destinations": [{**INSTANCE, **change}]}, schema("workspace"))
    assert [str(problem)[: len(said)] for problem in problems] == [said]
