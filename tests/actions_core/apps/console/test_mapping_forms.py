"""The form of a mapping: which editor shows which value, and that an edit changes one field alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions_core.apps.console.mapping_forms import (
    Editor,
    editor_of,
    effective_mapping,
    form_of,
    has_form,
    modes_of,
    paths_of,
    raw_of,
    switched,
    with_field,
)
from actions_core.errors import DefinitionError
from actions_core.validation.fields import Choice, FieldSpec
from actions_core.values.paths import parse_path, read
from actions_core.values.types import MISSING
from actions_core.values.wording import brief
from tests.actions_core.apps.console.support import SOLD, TRACK, registry

TEXT, NUMBER, FLAG = FieldSpec("string"), FieldSpec("number"), FieldSpec("boolean")
OBJECT = FieldSpec("object", properties={"count": NUMBER, "label": TEXT})
SHOWN: list[tuple[Any, FieldSpec | None, Editor]] = [
    (MISSING, TEXT, Editor()),
    ({"@path": "$.properties.total"}, TEXT, Editor("path", "properties.total")),
    ({"@path": "$."}, OBJECT, Editor("path", "$.")),
    ({"@jmespath": "traits.email"}, TEXT, Editor("path", "traits.email", "@jmespath")),
    ({"@jmespath": "a || b"}, TEXT, Editor("json", '{\n  "@jmespath": "a || b"\n}')),
    ({"@template": "Hi {{event}}"}, TEXT, Editor("template", "Hi {{event}}")),
    ("plain", TEXT, Editor("fixed", "plain")),
    (5.5, NUMBER, Editor("fixed", "5.5")),
    (True, FLAG, Editor("fixed", "true")),
    ([1], TEXT, Editor("json", "[\n  1\n]")),
    (None, TEXT, Editor("json", "null")),
    ({"@if": {"exists": {"@path": "$.a"}, "then": 1}}, TEXT, None),  # type: ignore[list-item]  # any JSON
    (
        {"count": 5, "label": {"@path": "$.event"}, "other": "x"},
        OBJECT,
        Editor(
            "object",
            entries=(
                ("count", Editor("fixed", "5")),
                ("label", Editor("path", "event")),
                ("other", Editor("fixed", "x")),
            ),
        ),
    ),
]


@pytest.mark.parametrize(("raw", "spec", "editor"), SHOWN)
def test_each_value_has_its_editor_and_comes_back(raw: Any, spec: FieldSpec, editor: Editor | None) -> None:
    """The editor shows the value in its simplest form, and reading it back gives the same value."""
    shown = editor_of(raw, spec)
    assert shown == editor or (editor is None and shown.mode == "json")
    assert raw_of(shown, spec) == raw


@pytest.mark.parametrize(
    ("editor", "spec", "why"),
    [
        (Editor("path", " "), TEXT, "choose a field"),
        (Editor("fixed", "many"), NUMBER, "needs a number"),
        (Editor("fixed", "true"), NUMBER, "needs a number"),
        (Editor("fixed", ""), FLAG, "true or false"),
        (Editor("json", '{"a": '), TEXT, "ends too early"),
        (Editor("json", '{"a": 1, "a": 2}'), TEXT, "not plain JSON"),
        (Editor("object", entries=(("", Editor("fixed", "x")),)), OBJECT, "no name"),
        (Editor("object", entries=(("count", Editor("fixed", "x")),)), OBJECT, "needs a number"),
    ],
)
def test_what_cannot_be_read_says_why(editor: Editor, spec: FieldSpec, why: str) -> None:
    """An unfinished text gives a sentence for the field."""
    with pytest.raises(DefinitionError, match=why):
        raw_of(editor, spec)


def test_a_choice_is_its_value_not_its_text() -> None:
    """What is chosen from a list keeps its type."""
    spec = FieldSpec("string", choices=(Choice(5, "Five"), Choice("six")))
    assert raw_of(Editor("fixed", "5"), spec) == 5
    assert raw_of(Editor("fixed", "six"), spec) == "six"


def test_an_edited_path_keeps_its_directive_where_it_can() -> None:
    """A path that was JMESPath stays so as long as JMESPath spells it; any other becomes `@path`."""
    assert raw_of(Editor("path", "traits.mail", "@jmespath")) == {"@jmespath": "traits.mail"}
    assert raw_of(Editor("path", "items[0].sku", "@jmespath")) == {"@path": "$.items[0].sku"}
    assert raw_of(Editor("path", "$.event")) == {"@path": "$.event"}


@pytest.mark.parametrize(
    ("editor", "mode", "expected"),
    [
        (Editor("path", "event"), "template", Editor("template", "{{event}}")),
        (Editor("fixed", "Hi"), "template", Editor("template", "Hi")),
        (Editor("path", "event"), "json", Editor("json", '{\n  "@path": "$.event"\n}')),
        (Editor("json", '{"@path": "$.event"}'), "path", Editor("path", "event")),
        (Editor("json", "{"), "path", Editor("path")),
        (Editor(), "json", Editor("json", "")),
        (Editor("path", "event"), "unset", Editor()),
        (Editor("path", "event"), "path", Editor("path", "event")),
    ],
)
def test_another_mode_takes_what_makes_sense_there(editor: Editor, mode: Any, expected: Editor) -> None:
    """Switching the editor carries the value over where both can say it."""
    assert switched(editor, mode, TEXT) == expected


def test_modes_fit_the_kind_of_field() -> None:
    """Nothing is offered that the field cannot take."""
    assert modes_of(TEXT) == ("unset", "path", "fixed", "template", "json")
    assert modes_of(NUMBER) == ("unset", "path", "fixed", "json")
    assert modes_of(OBJECT) == ("unset", "path", "object", "json")
    assert modes_of(FieldSpec("string", multiple=True)) == ("unset", "path", "json")


def test_required_and_mapped_fields_come_first() -> None:
    """What is required leads, what is mapped follows, the rest waits; what is no field is marked."""
    destination = registry().get("fullstory")
    mapping = {**TRACK["mapping"], "nonsense": 1, "batch_size": 10}
    form = form_of(destination, "trackEventV2", mapping)
    assert [(field.key, field.required) for field in form.first] == [
        ("name", True),
        ("userId", False),
        ("properties", False),
        ("nonsense", False),
    ]
    assert not form.first[-1].known
    assert {"timestamp", "sessionUrl", "batch_size"} <= {field.key for field in form.rest}
    assert all(field.label and field.kind for field in form.rest)
    assert [field.known for field in form_of(destination, "gone", {"a": 1}).first] == [False]


def test_a_mapping_of_its_own_or_the_defaults() -> None:
    """Without a mapping the defaults of the action's fields hold."""
    destination = registry().get("fullstory")
    assert effective_mapping(destination, "trackEventV2", {"a": 1}) == {"a": 1}
    assert effective_mapping(destination, "trackEventV2", None)["name"] == {"@jmespath": "event"}
    assert effective_mapping(destination, "gone", None) == {}


@pytest.mark.parametrize(
    ("mapping", "form"),
    [
        (None, True),
        ({}, True),
        ({"a": 1}, True),
        ({"@path": "$."}, False),
        ({"__segment_internal_directive": {"@merge": {}}}, False),
        ([], False),
    ],
)
def test_a_mapping_that_is_a_directive_has_no_form(mapping: Any, form: object) -> None:
    """What has no fields of its own is shown as JSON only."""
    assert has_form(mapping) is form


def test_a_field_keeps_its_place() -> None:
    """Editing changes one value, and removing takes one away: the order of the others stays."""
    mapping = {"a": 1, "b": 2, "c": 3}
    assert list(with_field(mapping, "b", 9).items()) == [("a", 1), ("b", 9), ("c", 3)]
    assert list(with_field(mapping, "b", MISSING)) == ["a", "c"]
    assert mapping == {"a": 1, "b": 2, "c": 3}


def test_paths_of_a_sample_lead_to_its_values() -> None:
    """Each path that is offered finds a value in the sample, and shows it in short."""
    found = {item.path: item.value for item in paths_of(SOLD)}
    assert found["properties.total"] == "19.99"
    assert found["event"] == '"Order Completed"'
    event = {"type": "track", "properties": {"a.b": 1, "items": [{"sku": "x"}], "empty": [], "'\"": 1}}
    found = {item.path: item.value for item in paths_of(event)}
    assert found["properties['a.b']"] == "1"
    assert found["properties.items[0].sku"] == '"x"'
    assert len(paths_of({"properties": {f"k{number}": 1 for number in range(1000)}})) == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "$.b", "{{c}}"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["a", "@path", "@jmespath", "@template", "@if", "x.y"]), inner, max_size=2
        )
    ),
    max_leaves=6,
)


@given(JSON, st.sampled_from([None, TEXT, NUMBER, FLAG, OBJECT, FieldSpec("string", multiple=True)]))
def test_any_value_is_shown_and_comes_back_unless_it_is_faulty(raw: Any, spec: FieldSpec | None) -> None:
    """Whatever stands in a mapping has an editor, which says the same value where it can be read."""
    shown = editor_of(raw, spec)
    try:
        back = raw_of(shown, spec)
    except DefinitionError:
        return
    if shown.mode == "path":
        assert parse_path(next(iter(back.values()))) == parse_path(next(iter(raw.values())))
    elif shown.mode in ("json", "template"):
        assert back == raw


@given(JSON)
def test_paths_of_any_event_can_be_read(event: Any) -> None:
    """Every path that is offered leads somewhere, and every value has a short text."""
    for item in paths_of(event):
        assert brief(read(event, parse_path(item.path))) == item.value
        assert len(item.value) <= 40
