"""What each directive gives, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core import MISSING, compile_mapping
from actions_core.errors import MappingError

EVENT: dict[str, Any] = {
    "type": "track",
    "userId": "u1",
    "nothing": None,
    "no": False,
    "zero": 0,
    "empty": "",
    "five": 5,
    "text": "Text",
    "where": "text",
    "is.active": True,
    "$": "dollar",
    "it's": 1,
    "properties": {
        "first-name": "Ann",
        "last name": "Lee",
        "[abc]": "brackets",
        "list": [1, None, {"c": "x"}],
        "products": [{"id": "p0", "price": 1.0}, {"id": "p1"}, 3, None],
        "is": {"active": False},
    },
}

PATHS: dict[str, Any] = {
    "": EVENT,
    ".": EVENT,
    "$.": EVENT,
    "$": "dollar",
    "$.$": "dollar",
    "$.text": "Text",
    "text": "Text",
    "properties.list[0]": 1,
    "properties.list.0": 1,
    "properties.list[2].c": "x",
    "properties.list[2]['c']": "x",
    "properties.list[1]": None,
    "properties.list[1].deep": None,
    "properties.list[9]": MISSING,
    "properties.list[-1]": MISSING,
    "properties.list[01]": MISSING,
    "properties.list.length": 3,
    "text.length": 4,
    "text[0]": "T",
    "properties.first-name": "Ann",
    "properties.last name": "Lee",
    "properties['last name']": "Lee",
    'properties["last name"]': "Lee",
    "properties.[abc]": "brackets",
    "['is.active']": True,
    "is.active": MISSING,
    "properties.is.active": False,
    '["it\'s"]': 1,
    "zero.deep": 0,
    "no.deep": False,
    "empty.length": "",
    "nothing.a.b": None,
    "five.deep": MISSING,
    "five.length": MISSING,
    "properties..text": MISSING,
    "..text": "Text",
    "nope.deep": MISSING,
    "__proto__": MISSING,
    "constructor": MISSING,
    "text.upper": MISSING,
    "properties.keys": MISSING,
    "properties.list.append": MISSING,
}

ITEMS = {"@path": "properties.products"}
NOPE = {"@path": "nope"}
CASES: list[tuple[Any, Any]] = [
    *[({"@path": path}, found) for path, found in PATHS.items()],
    ({"@path": {"@path": "where"}}, "Text"),
    ({"@path": {"@template": "properties.list[{{zero}}]"}}, 1),
    ({"@template": "{{text}}-{{ five }}-{{nothing}}-{{nope}}-{{{no}}}"}, "Text-5---false"),
    ({"@template": "{{properties.list}}"}, "1,,[object Object]"),
    ({"@template": "{{$.text}}{{['is.active']}}"}, "Texttrue"),
    ({"@template": "{{}} {{ }} { x } {{x} {text}}"}, "{{}} [object Object] { x } {{x} {text}}"),
    ({"@template": "plain {braces}"}, "plain {braces}"),
    ({"@template": "'{{text}}' \"{{five}}\" \\n {{{{text}}}}"}, "'Text' \"5\" \\n }"),
    ({"@template": {"@literal": "{{text}}!"}}, "Text!"),
    ({"@literal": {"a": [1, {"@path": "text"}, {"@path": "nope"}]}}, {"a": [1, "Text", None]}),
    ({"@literal": {"a": {"@path": "nope"}}}, {}),
    ({"@if": {"exists": {"@path": "text"}, "then": 1, "else": 2}}, 1),
    ({"@if": {"exists": {"@path": "nothing"}, "then": 1, "else": 2}}, 2),
    ({"@if": {"exists": {"@path": "zero"}, "then": {"@path": "text"}}}, "Text"),
    ({"@if": {"exists": {"@path": "nope"}, "then": 1}}, MISSING),
    ({"@if": {"exists": {"@path": "nope"}, "then": 1, "else": 0}}, MISSING),
    ({"@if": {"exists": {"@path": "text"}, "else": 1}}, MISSING),
    ({"@if": {"exists": 5, "then": None}}, None),
    *[
        ({"@if": {"blank": {"@literal": value}, "then": 1, "else": 2}}, 2)
        for value in (0, "", False, None, [], [None], [""], [[]])
    ],
    *[
        ({"@if": {"blank": {"@literal": value}, "then": 1, "else": 2}}, 1)
        for value in (1, " ", "0", True, {}, [0], [False], [1], ["", ""])
    ],
    ({"@if": {"blank": {"@path": "nope"}, "then": 1, "else": 2}}, 2),
    ({"@if": {"exists": {"@path": "text"}, "blank": {"@path": "nope"}, "then": 1, "else": 2}}, 1),
    ({"@case": {"operator": "lower", "value": {"@path": "text"}}}, "text"),
    ({"@case": {"operator": "upper", "value": "straße"}}, "STRASSE"),
    ({"@case": {"operator": "upper", "value": {"@path": "five"}}}, 5),
    ({"@case": {"operator": "title", "value": {"@path": "five"}}}, 5),
    ({"@case": {"operator": "lower", "value": ""}}, MISSING),
    ({"@case": {"operator": "lower"}}, MISSING),
    (
        {"@arrayPath": ["properties.products", {"v": {"@path": "$.id"}}]},
        [{"v": "p0"}, {"v": "p1"}, {}, {"v": None}],
    ),
    ({"@arrayPath": ["properties.products", {"@path": "id"}]}, ["p0", "p1", None, None]),
    ({"@arrayPath": [ITEMS, {"k": 1}]}, [{"k": 1}] * 4),
    ({"@arrayPath": ["properties.is", {"v": {"@path": "active"}}]}, [{"v": False}]),
    ({"@arrayPath": ["text", {"k": 1}]}, "Text"),
    ({"@arrayPath": [{"@path": "where"}, {"k": 1}]}, "text"),
    ({"@arrayPath": ["properties.list", {}]}, [1, None, {"c": "x"}]),
    ({"@arrayPath": ["properties.list"]}, [1, None, {"c": "x"}]),
    ({"@arrayPath": ["nope", {"k": 1}]}, MISSING),
    (
        {"@flatten": {"value": {"a": {"b": 1}, "c": [2, {"d": 3}], "e": {}, "f": []}, "separator": "."}},
        {"a.b": 1, "c.0": 2, "c.1.d": 3},
    ),
    (
        {"@flatten": {"value": {"a": [1], "b": {"c": [2]}}, "separator": "_", "omitArrays": True}},
        {"a": [1], "b_c": [2]},
    ),
    (
        {"@flatten": {"value": {"a": [NOPE, [NOPE, 2]], "b": None}, "separator": "."}},
        {"a.1.1": 2, "b": None},
    ),
    (
        {"@flatten": {"value": {"a": [NOPE, 1]}, "separator": ".", "omitArrays": True}},
        {"a": [None, 1]},
    ),
    ({"@flatten": {"value": {"@path": "text"}, "separator": "."}}, {"": "Text"}),
    ({"@flatten": {"value": {"@path": "nothing"}, "separator": "."}}, {"": None}),
    ({"@flatten": {"value": {"@path": "nope"}, "separator": "."}}, {}),
    (
        {"@json": {"mode": "encode", "value": {"a": [1.0, {"@path": "nope"}], "b": {"@path": "nope"}}}},
        '{"a":[1,null]}',
    ),
    ({"@json": {"mode": "encode", "value": {"@path": "nope"}}}, MISSING),
    ({"@json": {"mode": "decode", "value": '{"a": [1, 2]}'}}, {"a": [1, 2]}),
    *[
        ({"@json": {"mode": "decode", "value": text}}, text)
        for text in ("[1,", "NaN", "1e400", "01", "\ufeff1", "'a'")
    ],
    ({"@json": {"mode": "decode", "value": {"@path": "five"}}}, 5),
    ({"@merge": {"objects": [{"a": 1, "b": 1}, {"b": 2}], "direction": "right"}}, {"a": 1, "b": 2}),
    ({"@merge": {"objects": [{"a": 1, "b": 1}, {"b": 2}], "direction": "left"}}, {"a": 1, "b": 1}),
    (
        {
            "@merge": {
                "objects": [{"@path": "nope"}, {"@path": "text"}, {"@path": "properties.is"}],
                "direction": "left",
            }
        },
        {"active": False},
    ),
    (
        {
            "@transform": {
                "apply": {"foo": {"@path": "properties"}},
                "mapping": {"out": {"@path": "foo.list[0]"}, "k": 1},
            }
        },
        {"out": 1, "k": 1},
    ),
    (
        {
            "@transform": {
                "apply": {"@path": "nothing"},
                "mapping": {"a": {"@path": "x"}, "b": {"@template": "[{{x}}]"}},
            }
        },
        {"a": None, "b": "[]"},
    ),
    ({"@transform": {"apply": {"@path": "nope"}, "mapping": {"a": {"@path": ""}}}}, {}),
    (
        {"@excludeWhenNull": {"a": None, "b": {"c": None, "d": [None, {"e": None}]}}},
        {"b": {"d": [None, {"e": None}]}},
    ),
    ({"@excludeWhenNull": {"@path": "nothing"}}, MISSING),
    ({"@excludeWhenNull": {"@path": "nope"}}, MISSING),
    ({"@jmespath": "properties.products[?id=='p1'].id | [0]"}, "p1"),
    ({"@path": "text", "_metadata": {"@anything": 1}}, "Text"),
    ([{"@path": "text"}, {"@path": "nope"}, 1], ["Text", None, 1]),
    ({"_metadata": {"@path": "text"}}, {"_metadata": "Text"}),
]


@pytest.mark.parametrize(("value", "expected"), CASES, ids=lambda value: str(value)[:60])
def test_value(value: Any, expected: Any) -> None:
    """A directive gives this value; a key whose value is missing is left out."""
    result = compile_mapping({"v": value}).resolve(EVENT)
    assert result == ({} if expected is MISSING else {"v": expected})


REPLACEMENTS: list[tuple[dict[str, Any], Any, str]] = [
    ({"pattern": "a"}, "banana", "bnn"),
    ({"pattern": "a", "replacement": "_", "global": False}, "banana", "b_nana"),
    ({"pattern": "A", "replacement": "_", "ignorecase": True}, "banAna", "b_n_n_"),
    ({"pattern": ".", "replacement": "\\1"}, "a.b", "a\\1b"),
    ({"pattern": "(", "replacement": "["}, "a(b", "a[b"),
    ({"pattern": "a", "replacement": "$&$&"}, "ba", "baa"),
    ({"pattern": "a", "replacement": "$$"}, "ba", "b$"),
    ({"pattern": "b", "replacement": "$`$'"}, "abc", "aacc"),
    ({"pattern": "a", "replacement": "$1$"}, "a", "$1$"),
    ({"pattern": "an", "replacement": "n", "pattern2": "nn", "replacement2": "[$&]"}, "banana", "b[nn]a"),
    ({"pattern": "a", "pattern2": "b"}, "abc", "c"),
    ({"pattern": "a", "pattern2": None, "replacement2": "x"}, "abc", "bc"),
    ({"pattern": "ß", "replacement": "_", "ignorecase": True}, "SSß", "SS_"),
    ({"pattern": "k", "replacement": "_", "ignorecase": True}, "\u212aK", "\u212a_"),
    ({"pattern": "\u03c3", "replacement": "_", "ignorecase": True}, "\u03c2\u03a3", "__"),
    ({"pattern": "e", "replacement": "_"}, True, "tru_"),
    ({"pattern": "+", "replacement": "_"}, 1e21, "1e_21"),
    ({"pattern": "1", "replacement": "_"}, 1.0, "_"),
    ({"pattern": "a"}, None, ""),
    ({"pattern": "a"}, ["a"], ""),
    ({"pattern": "a"}, {"a": 1}, ""),
]


@pytest.mark.parametrize(("options", "value", "expected"), REPLACEMENTS)
def test_replace(options: dict[str, Any], value: Any, expected: str) -> None:
    """`@replace` searches for plain text, never for a pattern, in the text of a scalar."""
    mapping = {"v": {"@replace": {**options, "value": {"@literal": value}}}}
    assert compile_mapping(mapping).resolve({}) == {"v": expected}


@pytest.mark.parametrize(
    "value",
    [
        {"@path": {"@path": "five"}},
        {"@path": {"@path": "nope"}},
        {"@template": {"@path": "five"}},
        {"@if": {}},
        {"@if": {"exists": 0, "blank": "", "then": 1}},
        {"@case": {"operator": "title", "value": {"@path": "text"}}},
        {"@case": {"value": {"@path": "text"}}},
        {"@json": {"mode": "encode", "value": 0}},
        {"@merge": {"objects": []}},
        {"@flatten": {"value": {}}},
        {"@replace": {"pattern": "a", "pattern2": "12345678901", "value": {"@path": "text"}}},
        {"@jmespath": "sum(text)"},
        [{"@nope": 1}],
        [{"@path": 5}],
    ],
    ids=str,
)
def test_failing_when_run(value: Any) -> None:
    """These can be loaded, with a warning or none, and fail when an event reaches them, with their path."""
    mapping = compile_mapping({"v": value, "w": {"@if": {"exists": {"@path": "nope"}, "then": value}}})
    with pytest.raises(MappingError) as caught:
        mapping.resolve(EVENT)
    assert caught.value.problems[0].path.startswith("$.v")
    assert compile_mapping({"v": {"@if": {"exists": {"@path": "nope"}, "then": value}}}).resolve(EVENT) == {}


def test_the_root_directive_takes_the_other_keys() -> None:
    """`__segment_internal_directive` holds a directive whose `mapping` option the other keys become."""
    mapping = {
        "__segment_internal_directive": {"@transform": {"apply": {"q": {"@path": "text"}}}, "_metadata": 1},
        "v": {"@path": "q"},
        "k": 1,
    }
    assert compile_mapping(mapping).resolve(EVENT) == {"v": "Text", "k": 1}


@pytest.mark.parametrize("root", [5, None, {}, {"a": 1}, {"@transform": 5}, {"@transform": {}, "@if": {}}])
def test_a_faulty_root_directive(root: Any) -> None:
    """The root directive is an object with one directive, whose option is an object."""
    with pytest.raises(MappingError, match="__segment_internal_directive"):
        compile_mapping({"__segment_internal_directive": root, "v": 1})
