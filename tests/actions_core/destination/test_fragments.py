"""Fragments of a definition: put in their places before it is read, and what may be wrong with them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core import DefinitionError, load_destination
from actions_core.destination.loading import check_definition
from actions_core.destination.loading.fragments import fill_in
from tests.trials import examples

ROOT = Path(__file__).parents[3]

EMAIL = {"label": "Email", "type": "string", "format": "email", "default": {"@path": "$.traits.email"}}
BODY = {"user": {"email": {"@path": "$.payload.email"}}}
REQUEST = {"method": "POST", "url": "https://api.example.com", "json": {"$fragment": "body"}}
SHARED: dict[str, Any] = {
    "slug": "shared",
    "name": "Shared",
    "fragments": {
        "email": EMAIL,
        "body": {"user": {"$fragment": "user"}},
        "user": BODY["user"],
        "post": REQUEST,
    },
    "actions": {
        "add": {
            "title": "Add",
            "fields": {"email": {"$fragment": "email", "required": True}},
            "request": {"$fragment": "post"},
        },
        "remove": {
            "title": "Remove",
            "fields": {"email": {"$fragment": "email"}},
            "request": {"$fragment": "post", "method": "DELETE", "json": {"all": [{"$fragment": "user"}]}},
        },
    },
}
WRITTEN_OUT: dict[str, Any] = {
    "slug": "shared",
    "name": "Shared",
    "actions": {
        "add": {
            "title": "Add",
            "fields": {"email": {**EMAIL, "required": True}},
            "request": {**REQUEST, "json": BODY},
        },
        "remove": {
            "title": "Remove",
            "fields": {"email": EMAIL},
            "request": {**REQUEST, "method": "DELETE", "json": {"all": [BODY["user"]]}},
        },
    },
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all that stands in a value, what contains others first."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


FULLSTORY = json.loads((ROOT / "destinations/actions_fullstory/destination.json").read_text("utf-8"))
PLACES = list(places(FULLSTORY))
WORDS = st.sampled_from(["email", "body", "user", "post", "five", "fragments", "$fragment", ""])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS, inner, max_size=3)
        | st.builds(lambda name: {"$fragment": name}, WORDS)
    ),
    max_leaves=12,
)


@settings(max_examples=examples(100))
@given(st.lists(st.sampled_from(PLACES), min_size=1, max_size=12, unique=True))
def test_whatever_becomes_a_fragment_the_definition_stays_the_same(chosen: list[tuple[Any, ...]]) -> None:
    """Any parts of a definition, also of each other, may be written elsewhere."""
    definition: Any = copy.deepcopy(FULLSTORY)
    fragments = {}
    for number, path in enumerate(sorted(chosen, key=len, reverse=True)):
        around = definition
        for key in path[:-1]:
            around = around[key]
        fragments[f"f{number}"] = around[path[-1]]
        around[path[-1]] = {"$fragment": f"f{number}"}
    assert fill_in({**definition, "fragments": fragments}).definition == FULLSTORY


@settings(max_examples=examples(200))
@given(ANYTHING, ANYTHING)
def test_whatever_stands_for_a_fragment_is_refused_or_filled_in(used: Any, fragments: Any) -> None:
    """No name of a fragment is left over, and nothing but problems comes of what makes no sense."""
    definition: Any = {**SHARED, "actions": {"a": used}, "fragments": fragments}
    before = json.dumps(definition)
    filled = fill_in(definition)
    assert "$fragment" not in [path[-1] for path in places(filled.definition)]
    assert json.dumps(definition) == before
    check_definition(definition)


def faults(**changes: Any) -> list[str]:
    """Return what is said of the definition with other fragments, and its warnings."""
    definition = copy.deepcopy(SHARED)
    definition["fragments"] |= changes
    return [str(problem) for problem in check_definition(definition)[1]]


def test_a_fragment_is_a_copy_of_what_is_written_once() -> None:
    """A definition with fragments is the one in which all is written out; what was given stays as it is."""
    before = json.dumps(SHARED)
    assert load_destination(SHARED).spec == load_destination(WRITTEN_OUT).spec
    assert check_definition(SHARED)[1] == []
    assert json.dumps(SHARED) == before


def test_a_fault_in_a_fragment_is_told_once_at_the_fragment() -> None:
    """The path leads to what has to be changed, and one of the places that use it is named."""
    assert faults(email={**EMAIL, "formt": "email"}) == [
        (
            "$.fragments.email.formt: the key 'formt' is not known; did you mean 'format'? "
            "(used in $.actions.add.fields.email)"
        )
    ]
    assert faults(user={"email": {"@path": "$.payload.emial"}}) == [
        (
            "$.fragments.user.email: reads 'emial' of the payload, which there is not; did you mean 'email'? "
            "(used in $.actions.add.request.json.user)"
        )
    ]


def test_a_missing_fragment_in_a_fragment() -> None:
    """It is told once, where its name stands, however often the fragment around it is used."""
    (said,) = faults(email={**EMAIL, "default": {"$fragment": "traits"}})
    assert said == (
        "$.fragments.email.default.$fragment: there is no fragment 'traits' "
        "(used in $.actions.add.fields.email)"
    )


def test_a_fault_in_what_is_laid_over_is_told_where_it_stands() -> None:
    """Keys beside the name of a fragment have their own path."""
    definition = copy.deepcopy(SHARED)
    definition["actions"]["add"]["fields"]["email"]["required"] = 5
    (problem,) = check_definition(definition)[1]
    assert problem.path == "$.actions.add.fields.email.required"


@pytest.mark.parametrize(
    ("used", "said"),
    [
        (5, "must be the name of a fragment, a string, but is a number"),
        ("emial", "there is no fragment 'emial'; did you mean 'email'?"),
        ("loop", "the fragment contains itself: loop → other → loop"),
    ],
)
def test_names_of_fragments(used: Any, said: str) -> None:
    """What cannot be put in its place is told first, with its reason."""
    definition = copy.deepcopy(SHARED)
    definition["fragments"] |= {"loop": {"a": {"$fragment": "other"}}, "other": [{"$fragment": "loop"}]}
    definition["actions"]["add"]["fields"]["email"] = {"$fragment": used}
    problem = check_definition(definition)[1][0]
    assert problem.message.startswith(said)
    assert problem.path.startswith(("$.actions.add.fields.email.$fragment", "$.fragments.other[0].$fragment"))


def test_keys_are_laid_over_objects_only() -> None:
    """A list or a number has no keys."""
    definition = copy.deepcopy(SHARED)
    definition["fragments"]["five"] = 5
    definition["actions"]["add"]["request"] = {"$fragment": "five", "method": "PUT"}
    assert [str(problem) for problem in check_definition(definition)[1]] == [
        "$.actions.add.request.$fragment: keys can be laid over an object only, but 'five' is a number"
    ]


def test_an_unused_fragment_is_a_warning() -> None:
    """Nobody would see the faults of what nothing uses."""
    assert faults(spare={"label": 5}) == ["$.fragments.spare: is used nowhere"]
    assert load_destination({**SHARED, "fragments": {**SHARED["fragments"], "spare": 1}}).slug == "shared"


def test_fragments_must_be_an_object() -> None:
    """What is no object has no names."""
    with pytest.raises(DefinitionError) as caught:
        load_destination({**WRITTEN_OUT, "fragments": [EMAIL]})
    assert [str(problem) for problem in caught.value.problems] == [
        "$.fragments: must be an object but is a list"
    ]


def test_fragments_that_grow_without_end_are_refused() -> None:
    """Each uses the one before it twice over: nobody writes such a definition, and nothing waits for it."""
    grown = {f"f{number}": [{"$fragment": f"f{number - 1}"}] * 10 for number in range(1, 12)}
    (problem,) = check_definition(
        {
            **WRITTEN_OUT,
            "fragments": {"f0": 1, **grown},
            "actions": {
                "add": {
                    **WRITTEN_OUT["actions"]["add"],
                    "request": {**REQUEST, "json": {"$fragment": "f11"}},
                }
            },
        }
    )[1]
    assert problem.message.startswith("with this fragment, the definition has more than 100,000 values")
