"""Loading: a definition becomes specs, or every fault of it is named."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions_core.destination import load_destination
from actions_core.destination.loading import (
    check_definition,
    load_definition,
    package_file,
    unreadable_conditions,
)
from actions_core.destination.specs import AudienceMode, BatchSpec
from actions_core.errors import DefinitionError
from actions_core.validation.fields import Choice, ConditionSet, FieldCondition, FieldSpec, unstructure
from actions_core.values.types import MISSING
from tests.trials import examples

DATA = Path(__file__).parent / "data"
PUBLISHED = DATA / "published.json"
CATALOG = Path(__file__).parents[4] / "shared" / "catalog"
SMALL: dict[str, Any] = {
    "slug": "sample",
    "name": "Sample",
    "actions": {"track": {"title": "Track", "fields": {"name": {"type": "string"}}}},
}


def published() -> dict[str, Any]:
    """The published definition, to be changed."""
    data: dict[str, Any] = json.loads(PUBLISHED.read_text("utf-8"))
    return data


def changed(path: str, value: Any, base: dict[str, Any] | None = None) -> dict[str, Any]:
    """A definition with the value at a path (`actions.track.title`) set, or removed where it is MISSING."""
    data = copy.deepcopy(base if base is not None else published())
    *steps, last = path.split(".")
    holder: Any = data
    for step in steps:
        holder = holder[int(step) if isinstance(holder, list) else step]
    key = int(last) if isinstance(holder, list) else last
    if value is MISSING:
        del holder[key]
    else:
        holder[key] = value
    return data


def faults(data: Any) -> list[str]:
    """The problems of a definition, as text."""
    return [str(problem) for problem in check_definition(data)[1]]


def test_a_published_definition_loads_whole() -> None:
    """Every key of the generator arrives, null is absence, and nothing is warned of."""
    spec, problems = check_definition(PUBLISHED)
    assert problems == []
    assert spec is not None
    action = spec.actions["trackThing"]
    assert (spec.slug, spec.mode, list(spec.actions)) == (
        "actions-sample-cloud",
        "cloud",
        ["trackThing", "removeThing"],
    )
    assert spec.authentication is not None
    assert spec.authentication.scheme == "oauth2"
    assert spec.settings["region"] == FieldSpec(
        "string",
        label="Region",
        description="A setting.",
        choices=(Choice("eu", "Europe"), Choice("us", "America")),
        default="eu",
    )
    assert spec.audience is not None
    assert (spec.audience.mode, list(spec.audience.fields)) == (AudienceMode("synced"), ["listId"])
    assert spec.audience.supports_audience_functions
    assert (action.has_perform_batch, action.batch) == (True, BatchSpec(size=500))
    assert action.sync_mode is not None
    assert [choice.value for choice in action.sync_mode.choices] == ["add", "upsert"]
    assert list(action.hooks) == ["onMappingSave"]
    assert list(action.hooks["onMappingSave"].output_fields) == ["id"]
    assert action.dynamic_fields == {"details": ("__keys__", "__values__")}
    assert spec.actions["removeThing"].default_subscription is None
    assert [(preset.type, preset.event_slug) for preset in spec.presets] == [
        ("automatic", None),
        ("specificEvent", "warehouse_entity_added_track"),
    ]


def test_every_option_of_a_field_arrives() -> None:
    """Conditions, bounds, choices and marks are what the file says; a number keeps its kind."""
    fields = load_definition(PUBLISHED).actions["trackThing"].fields
    email, amount = fields["email"], fields["amount"]
    assert email.required == ConditionSet(
        (FieldCondition("is", "plan", "paid"), FieldCondition("is_not", "details.color", "red")), "any"
    )
    assert (email.format, email.category, email.hidden) == ("email", "hashedPII", True)
    assert email.disabled_input_methods == ("literal", "freeform")
    assert (amount.minimum, amount.maximum, amount.allow_null, amount.default) == (0, 250, True, MISSING)
    assert isinstance(amount.maximum, int)
    assert fields["details"].properties is not None
    assert fields["details"].properties["size"].depends_on == ConditionSet(
        (FieldCondition("is_not", "details.color"),)
    )
    assert (fields["notes"].multiple, fields["notes"].default, fields["plan"].dynamic) == (True, [], True)


def test_our_own_keys_are_read() -> None:
    """Hints, tries, successors, bare choices and Segment's word for hidden."""
    data = copy.deepcopy(SMALL)
    data |= {
        "$schema": "x",
        "statusHints": {"403": "Ask."},
        "triesByStatus": {"500": 3},
        "audienceFields": {"a": {"type": "string"}},
    }
    data["audienceConfig"] = {"mode": {"type": "realtime"}}
    data["actions"]["track"] |= {"statusHints": {"404": "Elsewhere."}, "supersededBy": "other"}
    data["actions"]["track"]["fields"]["name"] |= {"choices": ["a", 1], "unsafe_hidden": True}
    data["actions"]["other"] = {"title": "Other", "fields": {}}
    spec = load_definition(data)
    track = spec.actions["track"]
    assert (spec.status_hints, spec.tries_by_status) == ({403: "Ask."}, {500: 3})
    assert (track.status_hints, track.superseded_by) == ({404: "Elsewhere."}, "other")
    assert track.fields["name"].choices == (Choice("a"), Choice(1))
    assert track.fields["name"].hidden
    assert spec.audience is not None
    assert list(spec.audience.fields) == ["a"]


#: What is changed in the published sample (a value set; taken away, where there is none), and what is said.
FAULTS = [case for kind in json.loads((DATA / "faults.json").read_text("utf-8")).values() for case in kind]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case["path"])
def test_a_fault_is_named_with_its_path(case: dict[str, Any]) -> None:
    """One change, one fault: what the schema forbids, and what only the parts together show."""
    found = faults(changed(case["path"], case.get("value", MISSING)))
    assert len(found) == 1, found
    assert found[0].startswith(case["said"])


def test_actions_that_supersede_each_other_are_a_fault() -> None:
    """Following the successors has to end; the fault is where the circle is."""
    data = copy.deepcopy(SMALL)
    data["actions"] = {
        key: {"title": key, "fields": {}, "supersededBy": successor}
        for key, successor in [("a", "b"), ("b", "c"), ("c", "b")]
    }
    assert [problem.path for problem in check_definition(data)[1]] == [
        "$.actions.b.supersededBy",
        "$.actions.c.supersededBy",
    ]


def test_faults_of_every_kind_are_named_at_once() -> None:
    """A definition that does not fit its schema is compared with itself all the same."""
    data = published()
    data["acitons"] = {}
    data["actions"]["trackThing"]["description"] = 5
    data["actions"]["trackThing"]["defaultSubscription"] = "type ="
    data["actions"]["trackThing"]["fields"]["plan"] |= {"type": "strnig", "default": {"@pth": "x"}}
    data["presets"][0] |= {"partnerAction": "nothing", "subscribe": "= 5"}
    data["presets"][1] |= {"type": "x", "mapping": {"userid": 1}}
    assert {problem.path for problem in check_definition(data)[1]} == {
        "$.acitons",
        "$.actions.trackThing.description",
        "$.actions.trackThing.defaultSubscription",
        "$.actions.trackThing.fields.plan.type",
        "$.actions.trackThing.fields.plan.default",
        "$.presets[0].partnerAction",
        "$.presets[0].subscribe",
        "$.presets[1].type",
        "$.presets[1].mapping.userid",
    }


def test_a_warning_does_not_refuse() -> None:
    """A condition on a field that is not there, as published definitions have it, is warned of."""
    condition = {"conditions": [{"fieldKey": "nothing", "operator": "is"}]}
    data = changed("actions.trackThing.fields.plan.depends_on", condition)
    destination = load_destination(data)
    assert [problem.severity for problem in destination.check()] == ["warning"]


def test_the_error_holds_every_problem(tmp_path: Path) -> None:
    """`DefinitionError` names the file, and its problems can be walked."""
    path = tmp_path / "destination.json"
    path.write_text(json.dumps({"slug": 5}), "utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_destination(path)
    assert str(caught.value).startswith(f"{path} is faulty:\n  $: the key 'name' is missing\n")
    assert [problem.path for problem in caught.value.problems] == ["$", "$", "$.slug"]


def nested(depth: int) -> dict[str, Any]:
    """A definition with objects in objects."""
    field: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        field = {"type": "object", "properties": {"a": field}}
    return changed("actions.track.fields.name", field, SMALL)


def test_depth_is_bounded() -> None:
    """Fields some dozens deep load or are refused; deeper ones are refused, and nothing else happens."""
    load_definition(nested(10))
    for depth in (40, 60, 5000):
        try:
            load_definition(nested(depth) if depth < 1000 else endless())
        except DefinitionError as error:
            assert "deep" in str(error)  # noqa: PT017 - either outcome is allowed, another error is not


def endless() -> dict[str, Any]:
    """A definition whose field holds itself."""
    field: dict[str, Any] = {"type": "object"}
    field["properties"] = {"a": field}
    return changed("actions.track.fields.name", field, SMALL)


@pytest.mark.parametrize("given", [None, 5, [], [SMALL], b"{}", "absent.json", "", "{", object()])
def test_what_is_no_definition_is_an_error_of_ours(given: Any) -> None:
    """Anything else than a dictionary or a file with one is refused as such."""
    with pytest.raises(DefinitionError):
        load_destination(given)


@pytest.mark.parametrize("package", [None, "", "no.such.package", ".", "actions_core.values.types"])
def test_a_package_without_a_definition_is_an_error_of_ours(package: str | None) -> None:
    """`from_package` says what it could not find."""
    with pytest.raises(DefinitionError):
        load_definition(package_file(package, "destination.json"))


WORDS = [
    "type",
    "fields",
    "conditions",
    "fieldKey",
    "operator",
    "value",
    "choices",
    "@path",
    "properties",
    "mode",
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.sampled_from(["string", "add", "$.a", "type = ", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inside for place in places(item, (*path, key)))]


@pytest.mark.parametrize(
    "condition", ["type = ", 'type = "track",', "type = track,", "= 5", "", " ", "(", "\0"]
)
def test_a_condition_that_cannot_be_read_is_a_warning(condition: str) -> None:
    """A definition loads without the conditions that subscriptions start with; its author mends them."""
    data = published()
    data["actions"]["trackThing"]["defaultSubscription"] = condition
    data["presets"][0]["subscribe"] = condition
    paths = ["$.actions.trackThing.defaultSubscription", "$.presets[0].subscribe"]
    spec, warnings = check_definition(data)
    assert spec is not None
    assert [(problem.path, problem.severity) for problem in warnings] == [(path, "warning") for path in paths]
    assert all("matches nothing" in problem.message for problem in warnings)
    assert load_destination(data).check() == warnings
    refused, errors = check_definition(data, strict=True)
    assert refused is None
    assert [(problem.path, problem.severity) for problem in errors] == [(path, "error") for path in paths]
    assert unreadable_conditions(spec) == errors


PLACES = places(published())[1:]


@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON), min_size=1, max_size=3))
@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
def test_any_change_is_taken_or_refused(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """Whatever stands in a definition: it loads, or its faults are named; nothing else happens."""
    data = published()
    for (*steps, last), value in changes:
        # An earlier change may have taken away what a later one is about.
        with contextlib.suppress(KeyError, IndexError, TypeError):
            functools.reduce(lambda holder, step: holder[step], steps, data)[last] = value
    spec, problems = check_definition(data)
    assert (spec is None) == any(problem.severity == "error" for problem in problems)


@pytest.mark.skipif(
    not CATALOG.is_dir(), reason="the published catalogue lies beside the repository or nowhere"
)
@pytest.mark.parametrize("path", sorted(CATALOG.glob("*.json")), ids=lambda path: path.stem)
def test_every_published_definition_loads(path: Path) -> None:
    """The definitions that Segment publishes load without a change, and register without a handler."""
    destination = load_destination(path)
    assert [problem for problem in destination.check() if problem.severity == "error"] == []
    assert destination.spec.actions


@pytest.mark.parametrize(
    "definition",
    [
        published(),
        changed("actions.track.fields.name.choices", ["a", {"value": 1, "label": "One"}], SMALL),
        changed("audienceConfig", {"mode": {"type": "synced", "full_audience_sync": True}}, SMALL),
    ],
    ids=["published", "choices with and without labels", "an audience"],
)
def test_a_definition_survives_the_way_back(definition: dict[str, Any]) -> None:
    """A spec as JSON has Segment's keys, fits the schema, and loads as the same spec."""
    spec = load_definition(definition)
    written = json.loads(json.dumps(unstructure(spec)))
    assert load_definition(written) == spec
    assert ("audienceConfig" in written) == ("audienceConfig" in definition)


#: How many times each definition is damaged: more in a long run.
DAMAGES = int(os.environ.get("ACTIONS_DAMAGES", "4"))
VALUES: list[Any] = [None, True, 0, 1.5, "", "x", "type = track,", [], [None], {}, {"@pth": 1}, {"type": "x"}]


@pytest.mark.skipif(
    not CATALOG.is_dir(), reason="the published catalogue lies beside the repository or nowhere"
)
@pytest.mark.parametrize("path", sorted(CATALOG.glob("*.json")), ids=lambda path: path.stem)
def test_a_damaged_published_definition_loads_or_is_refused(path: Path) -> None:
    """Keys dropped, renamed and retyped: a definition or `DefinitionError`, every problem with its path."""
    rng = random.Random(path.stem)
    whole = json.loads(path.read_text("utf-8"))
    everywhere = [place for place in places(whole) if place]
    for _ in range(DAMAGES):
        data = copy.deepcopy(whole)
        for *steps, last in rng.sample(everywhere, rng.randint(1, 3)):
            # What an earlier damage took away cannot be damaged again.
            with contextlib.suppress(AttributeError, KeyError, IndexError, TypeError):
                damage(rng, functools.reduce(lambda holder, step: holder[step], steps, data), last)
        spec, problems = check_definition(data)
        assert all(problem.path.startswith("$") and problem.message for problem in problems)
        assert (spec is None) == any(problem.is_error for problem in problems)
        check_definition(data, strict=True)
        if spec is not None:
            load_destination(data).check()


def damage(rng: random.Random, holder: Any, last: Any) -> None:
    """Drop, rename or retype what stands under a key."""
    kind = rng.choice(["drop", "rename", "retype"])
    if kind == "retype" or isinstance(holder, list):
        holder[last] = rng.choice(VALUES)
    elif kind == "drop":
        del holder[last]
    else:
        holder[rng.choice([last + "x", last[1:], "é", ""])] = holder.pop(last)
