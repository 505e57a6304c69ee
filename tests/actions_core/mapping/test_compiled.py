"""How mappings are checked, compiled, and asked about themselves."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from actions_core import MISSING, compile_mapping, register_directive, validate_mapping
from actions_core.errors import MappingError, Problem

TEN = "longer than ten"


@pytest.mark.parametrize(
    ("mapping", "paths"),
    [
        ({"a": {"@nope": 1}}, ["$.a"]),
        ({"a": {"@path": "x", "b": 1}}, ["$.a"]),
        ({"a": {"@path": "x", "@case": 1}}, ["$.a"]),
        ({"a": {"@path": 5}, "b": {"@template": {}}}, ["$.a.@path", "$.b.@template"]),
        (
            {"items": {"@if": {"exists": 1, "then": {"@path": 5}, "else": {"@nope": 1}}}},
            ["$.items.@if.then.@path", "$.items.@if.else"],
        ),
        (
            {
                "a": {
                    "@case": {
                        "operator": "lower",
                        "value": {"@replace": {"pattern": "a", "replacement": TEN, "value": ""}},
                    }
                }
            },
            ["$.a.@case.value.@replace.replacement"],
        ),
        ({"a": {"@replace": {"pattern": "", "value": 5}}}, ["$.a.@replace.pattern", "$.a.@replace.value"]),
        ({"a": {"@replace": {"pattern": "a", "global": 1, "value": "x"}}}, ["$.a.@replace.global"]),
        ({"a": {"@replace": {}}}, ["$.a.@replace", "$.a.@replace"]),
        ({"a": {"@json": {"mode": "zip", "value": 1}}}, ["$.a.@json.mode"]),
        (
            {"a": {"@merge": {"objects": [{}, 5, {"x": {"@nope": 1}}], "direction": "up"}}},
            ["$.a.@merge.objects[1]", "$.a.@merge.objects[2].x", "$.a.@merge.direction"],
        ),
        ({"a": {"@merge": {"objects": {}}}}, ["$.a.@merge.objects"]),
        ({"a": {"@arrayPath": ["x", {"v": {"@nope": 1}}]}}, ["$.a.@arrayPath[1].v"]),
        (
            {"a": {"@arrayPath": []}, "b": {"@arrayPath": "x"}, "c": {"@arrayPath": [5]}},
            ["$.a.@arrayPath", "$.b.@arrayPath", "$.c.@arrayPath[0]"],
        ),
        (
            {"a": {"@transform": {"apply": 1, "mapping": []}}},
            ["$.a.@transform.apply", "$.a.@transform.mapping"],
        ),
        ({"a": {"@flatten": {"separator": 5, "value": 1}}}, ["$.a.@flatten.separator"]),
        ({"a": {"@jmespath": "a..b"}, "b": {"@jmespath": 5}}, ["$.a.@jmespath", "$.b.@jmespath"]),
        (
            {"a": {"@liquid": "{{ x"}, "b": {"@liquid": "x" * 1001}, "c": {"@liquid": {"@path": "x"}}},
            ["$.a.@liquid", "$.b.@liquid", "$.c.@liquid"],
        ),
        ({"a.b": {"c": {"@nope": 1}}}, ["$.a\\.b.c"]),
        ({"a": {1: 2}, "b": b"bytes"}, ["$.a", "$.b"]),
        ([], ["$"]),
        ("x", ["$"]),
        (None, ["$"]),
    ],
    ids=str,
)
def test_every_fault_with_its_path(mapping: Any, paths: list[str]) -> None:
    """All faults are found at once, each where it stands; compiling raises them together."""
    assert [p.path for p in validate_mapping(mapping) if p.severity == "error"] == paths
    with pytest.raises(MappingError) as caught:
        compile_mapping(mapping)
    assert [problem.path for problem in caught.value.problems] == paths


@pytest.mark.parametrize(
    ("mapping", "paths"),
    [
        ({"a": [{"@nope": 1}, [{"@path": 5}]]}, ["$.a[0]", "$.a[1][0].@path"]),
        ({"a": [{"@if": {"exists": 1, "then": {"@nope": 1}}}]}, ["$.a[0].@if.then"]),
        ({"a": {"@if": {"exists": 1, "other": 1}}}, ["$.a.@if.other"]),
        ({"a": {"@case": {"operator": "title", "value": "x"}}}, ["$.a.@case.operator"]),
        ({"a": {"@replace": {"pattern": "a", "value": "x", "pattern2": 5}}}, ["$.a.@replace.pattern2"]),
        ({"a": {"@arrayPath": ["x", 5, 6]}}, ["$.a.@arrayPath[1]", "$.a.@arrayPath"]),
        ({"a": {"@if": {}}}, ["$.a.@if"]),
    ],
    ids=str,
)
def test_warnings(mapping: Any, paths: list[str]) -> None:
    """Faults in plain lists, unknown options and what fails only when it runs are warnings."""
    found = compile_mapping(mapping).warnings
    assert [problem.path for problem in found] == paths
    assert found == tuple(validate_mapping(mapping))
    assert {problem.severity for problem in found} == {"warning"}


def test_a_fault_in_a_list_stays_its_own() -> None:
    """What stands around a faulty directive in a list runs until an event reaches the fault."""
    mapping = compile_mapping({"a": [{"@if": {"exists": {"@path": "x"}, "then": {"@nope": 1}, "else": 7}}]})
    assert mapping.resolve({}) == {"a": [7]}
    with pytest.raises(MappingError, match="@nope"):
        mapping.resolve({"x": 1})


def test_results_share_nothing_with_the_mapping() -> None:
    """Changing a result changes neither the next one nor the raw mapping."""
    raw = {
        "a": {"b": [1, {"c": 2}]},
        "big": list(range(2000)),
        "l": {"@literal": {"x": []}},
        "m": {"@merge": {"objects": [{"k": []}], "direction": "left"}},
        "s": {"@arrayPath": ["x", {"k": []}]},
    }
    before = copy.deepcopy(raw)
    mapping = compile_mapping(raw)
    first = mapping.resolve({"x": [1]})
    expected = copy.deepcopy(first)
    first["a"]["b"][1]["c"] = first["big"][0] = 9
    for made in (first["l"]["x"], first["m"]["k"], first["s"][0]["k"]):
        made.append(9)
    assert mapping.resolve({"x": [1]}) == expected
    assert raw == before
    raw["a"]["b"][0] = 5  # type: ignore[index]  # a raw mapping has no declared form
    assert mapping.resolve({"x": [1]}) == expected


@pytest.mark.parametrize("event", [None, 5, "x", [], True])
def test_an_event_is_an_object(event: Any) -> None:
    """Anything but an object is refused, whatever the mapping reads."""
    with pytest.raises(MappingError, match="object"):
        compile_mapping({"k": 1}).resolve(event)


@pytest.mark.parametrize(
    ("mapping", "keys"),
    [
        ({"a": {"@path": "$.traits.email"}, "b": {"@jmespath": "traits.email"}}, ["traits.email"]),
        ({"a": {"@path": "['a.b'].c[0]"}, "b": {"@path": "$.$"}}, ["['$']", "['a.b'].c[0]"]),
        ({"a": {"@path": ""}}, ["$."]),
        ({"a": {"@template": "{{a.b}} {{{c}}}"}}, ["a.b", "c"]),
        (
            {"a": {"@if": {"exists": {"@path": "a"}, "then": {"@path": "b"}, "else": {"@path": "c"}}}},
            ["a", "b", "c"],
        ),
        ({"a": {"@arrayPath": ["$.items", {"v": {"@path": "id"}}]}}, ["items", "items[].id"]),
        ({"a": {"@transform": {"apply": {"@path": "a"}, "mapping": {"v": {"@path": "b"}}}}}, ["a", "a.b"]),
        ({"a": {"@transform": {"apply": {"f": {"@path": "a"}}, "mapping": {"v": {"@path": "f"}}}}}, ["a"]),
        (
            {"a": {"@merge": {"objects": [{"@path": "a"}, {"k": {"@path": "b"}}], "direction": "left"}}},
            ["a", "b"],
        ),
        ({"a": {"@json": {"mode": "encode", "value": [{"@path": "a"}]}}}, ["a"]),
        (
            {"a": {"@liquid": "{% assign x = a.b %}{{ x }}{% if c %}{{ d[0].e | append: f }}{% endif %}"}},
            ["a.b", "c", "d[0].e", "f"],
        ),
        ({"a": {"@jmespath": "a[?b > `1`].c | [0]"}}, ["a[].b", "a[].c[0]"]),
        ({"a": {"@jmespath": "a || b.c"}}, ["a", "b.c"]),
        ({"a": {"@jmespath": "{x: a, y: join('', b[*].c)}"}}, ["a", "b[].c"]),
        ({"a": {"@path": {"@path": "a"}}}, ["$.", "a"]),
        ({"a": {"@literal": 1}}, []),
    ],
    ids=str,
)
def test_keys(mapping: Any, keys: list[str]) -> None:
    """A mapping tells which paths of the event it reads, through every directive."""
    assert sorted(compile_mapping(mapping).keys()) == sorted(keys)


def test_trace() -> None:
    """The trace names the path that gave each field, not the condition, nor the branch not taken."""
    mapping = compile_mapping(
        {
            "id": {
                "@if": {
                    "exists": {"@path": "userId"},
                    "then": {"@path": "userId"},
                    "else": {"@path": "anonymousId"},
                }
            },
            "name": {"@template": "{{first}} {{last}}"},
            "none": {"@path": "nope"},
            "fixed": 1,
            "expression": {"@jmespath": "a || b"},
            "liquid": {"@liquid": "{{ first | upcase }}"},
            "broken": {"@if": {}},
        }
    )
    event = {"anonymousId": "x", "first": "A", "b": 2}
    traces = {trace.field: trace for trace in mapping.trace(event)}
    assert {field: trace.paths for field, trace in traces.items()} == {
        "id": ("anonymousId",),
        "name": ("first",),
        "none": (),
        "fixed": (),
        "expression": ("b",),
        "liquid": ("first",),
        "broken": (),
    }
    assert [traces[field].value for field in ("id", "name", "none", "fixed")] == ["x", "A ", MISSING, 1]
    assert isinstance(traces["broken"].error, MappingError)


def test_a_registered_directive() -> None:
    """A directive of one's own gets its option resolved, and the event; its check runs at load."""
    seen: list[Any] = []

    def joined(option: Any, event: Any) -> Any:
        seen.append(event)
        return MISSING if option is MISSING else "+".join(option["parts"])

    register_directive(
        "@joined", joined, check=lambda option: None if "parts" in option else "must have the option 'parts'"
    )
    event = {"a": "x"}
    mapping = compile_mapping({"v": {"@joined": {"parts": [{"@path": "a"}, "y"]}}})
    assert mapping.resolve(event) == {"v": "x+y"}
    assert seen == [event]
    assert "a" in mapping.keys()  # noqa: SIM118  # `keys` is a method of mappings, which are no dictionaries
    assert validate_mapping({"v": {"@joined": {}}}) == [
        Problem("$.v.@joined", "must have the option 'parts'")
    ]
    with pytest.raises(MappingError, match=r"\$\.v\.@joined: @joined failed: TypeError"):
        compile_mapping({"v": {"@joined": {"parts": [{"@literal": 5}]}}}).resolve(event)


@pytest.mark.parametrize("name", ["path", "@", "@a", "@Path", "@1a", "@a-b", "@path", "@path\n", 5])
def test_names_that_cannot_be_registered(name: Any) -> None:
    """A directive's name has a form, and is given only once."""
    with pytest.raises(MappingError):
        register_directive(name, lambda option, _: option)


def test_a_misspelt_directive_gets_a_suggestion() -> None:
    """The error of a directive that nobody has names the nearest one."""
    with pytest.raises(MappingError, match="unknown directive: @pth; did you mean '@path'"):
        compile_mapping({"a": {"@pth": "$.a"}})


@pytest.mark.parametrize(
    ("template", "count"),
    [
        ("{{a", 1),
        ("{{a}", 1),
        ("{{}}", 1),
        ("{{a}} {{{b}}} {{ c", 1),
        ("{{a}} {{{b}}}", 0),
        ("{a}", 0),
        ('{"x":{{a}}}', 0),
    ],
)
def test_a_placeholder_without_an_end_is_a_warning(template: str, count: int) -> None:
    """What looks like a placeholder and is none goes out as it stands, with a warning when it is loaded."""
    mapping = compile_mapping({"v": {"@template": template}})
    assert [str(problem).partition(":")[0] for problem in mapping.warnings] == ["$.v.@template"] * count
