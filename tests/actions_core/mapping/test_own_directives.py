"""Directives that Segment does not know: what they give, and which of their options are refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.errors import MappingError
from actions_core.mapping import compile_mapping, mapping_reads, validate_mapping
from actions_core.mapping.directives import DIRECTIVES, OF_OUR_OWN

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject

EVENT: JsonObject = {
    "name": "Ann",
    "email": " Ann@X.example ",
    "phone": "+1 (555) 010-9999",
    "time": "2026-01-02T03:04:05.678Z",
    "empty": "",
    "yes": True,
    "keys": ["a"],
    "object": {"a": 1, "bC": None, "d": "", "e": [1]},
    "people": {"Ann": {"age": 5}, "Bob": {}},
}
CASES: list[JsonObject] = json.loads((Path(__file__).parent / "own_directives.json").read_text("utf-8"))


def of_kind(*kinds: str) -> list[Any]:
    """The cases that have one of these keys, or none of them all."""
    return [
        pytest.param(case, id=case["title"])
        for case in CASES
        if any(kind in case for kind in kinds) or (not kinds and not {"gives", "fails", "faults"} & {*case})
    ]


@pytest.mark.parametrize("case", of_kind("gives"))
def test_a_directive_gives_a_value(case: JsonObject) -> None:
    """The value is the case's, the event stays as it was, and a trace gives the same."""
    event = copy.deepcopy(EVENT)
    mapping = compile_mapping({"v": case["mapping"]})
    assert mapping.resolve(event) == {"v": case["gives"]}
    assert event == EVENT
    (trace,) = mapping.trace(event)
    assert trace.value == case["gives"]


@pytest.mark.parametrize("case", of_kind())
def test_a_directive_gives_nothing(case: JsonObject) -> None:
    """A key whose value is missing is left out."""
    assert compile_mapping({"v": case["mapping"]}).resolve(EVENT) == {}


@pytest.mark.parametrize("case", of_kind("fails"))
def test_a_directive_fails_for_an_event(case: JsonObject) -> None:
    """What an event has there cannot be taken: the error has the directive's path."""
    with pytest.raises(MappingError, match=case["fails"]) as caught:
        compile_mapping({"v": case["mapping"]}).resolve(EVENT)
    assert caught.value.problems[0].path == f"$.v.{next(iter(case['mapping']))}"


@pytest.mark.parametrize("case", of_kind("faults"))
def test_faulty_options_are_found_at_load(case: JsonObject) -> None:
    """Each has its path and a sentence, all at once."""
    found = {problem.path: problem.message for problem in validate_mapping({"v": case["mapping"]})}
    assert list(found) == list(case["faults"])
    assert [path for path, said in case["faults"].items() if said not in found[path]] == []


def test_what_a_directive_reads_is_known() -> None:
    """Paths are found through each of them, in every branch."""
    read = {"@path": "$.a.b"}
    chosen = {"@choose": {"by": read, "of": {"x": {"@path": "$.c"}}, "else": {"@path": "$.d"}}}
    assert mapping_reads({"v": chosen}) == ("a.b", "c", "d")
    for name, options in {
        "@hash": {},
        "@time": {"as": "s"},
        "@omit": {"keys": []},
        "@pick": {"keys": []},
        "@values": {"as": "text"},
        "@split": {"by": ","},
    }.items():
        assert mapping_reads({"v": {name: {"value": read, **options}}}) == ("a.b",)


def test_ours_are_among_all() -> None:
    """What is said to be unknown to Segment is a directive."""
    assert {*DIRECTIVES} > OF_OUR_OWN
