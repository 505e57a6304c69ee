"""Payloads: the shape that they get, what is refused and in which words, and hostile ones."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections import OrderedDict
from typing import Any

import pytest

from actions_core.errors import DefinitionError, PayloadError
from actions_core.validation import PayloadValidator
from actions_core.validation.fields import FieldSpec


def check(field: dict[str, Any], value: Any) -> Any:
    """The value of one field after the check."""
    return PayloadValidator({"f": field}).check({"f": value}).get("f", "gone")


def problems_of(fields: dict[str, Any], payload: Any, sync_mode: str | None = None) -> list[tuple[str, str]]:
    """Path and sentence of each problem; none for a payload that passes."""
    try:
        PayloadValidator(fields).check(payload, sync_mode)
    except PayloadError as error:
        return [(problem.path, problem.message) for problem in error.problems]
    return []


STRING, NUMBER, INTEGER, BOOLEAN, TIME, OBJECT = (
    {"type": name, "label": "L"} for name in ("string", "number", "integer", "boolean", "datetime", "object")
)
NULL = {"allowNull": True}
LIST = {"multiple": True}

COERCED: list[tuple[dict[str, Any], Any, Any]] = [
    (STRING, 5, "5"),
    (STRING, 1.0, "1"),
    (STRING, 1e21, "1e+21"),
    (STRING, True, "true"),
    (STRING, [False], "false"),
    (STRING, [None], ""),
    (STRING, [""], ""),
    (STRING | NULL, None, None),
    (STRING | NULL, 0, "0"),
    (STRING | NULL, [None], None),
    (NUMBER, " 5 ", 5),
    (NUMBER, "5.", 5),
    (NUMBER, "1e3", 1000),
    (NUMBER, "0x10", 16),
    (NUMBER, True, 1),
    (NUMBER, [None], 0),
    (NUMBER, ["4.5"], 4.5),
    (NUMBER | NULL, False, 0),
    (NUMBER | NULL, [100], 100),
    (INTEGER, "5.0", 5),
    (INTEGER, 5.0, 5.0),
    (BOOLEAN, "true", True),
    (BOOLEAN, 0.0, False),
    (BOOLEAN, [1], True),
    (BOOLEAN | NULL, "", "gone"),
    (BOOLEAN | NULL, [""], None),
    (NUMBER | NULL, [""], None),
    (TIME, 1700000000, 1700000000),
    (TIME, "1700000000", "1700000000"),
    (TIME, ["2026-01-02"], "2026-01-02"),
    (OBJECT | NULL, 0, None),
    (OBJECT | NULL, False, None),
    (OBJECT, {"a": [None, ""]}, {"a": [None, ""]}),
    (STRING | LIST, "a", ["a"]),
    (STRING | LIST, [["a"], 1, None, ""], ["a", "1", ""]),
    (NUMBER | LIST, ["", "3", None], [3]),
    (OBJECT | LIST, {}, [{}]),
    (STRING, "", "gone"),
    (STRING, None, "gone"),
    (TIME | LIST, ["any text"], ["any text"]),
]


@pytest.mark.parametrize(("field", "value", "expected"), COERCED, ids=[str(case)[:70] for case in COERCED])
def test_coercion(field: dict[str, Any], value: Any, expected: Any) -> None:
    """A value takes the type of its field where JavaScript leaves no doubt; what fits stays as it is."""
    coerced = check(field, value)
    assert coerced == expected
    assert type(coerced) is type(expected)


REFUSED: list[tuple[dict[str, Any], Any, str]] = [
    (STRING, {}, "$.f: L must be a string but it was an object."),
    (STRING, ["a", "b"], "$.f: L must be a string but it was a list."),
    (STRING | NULL, [["a"]], "$.f: L must be a string or null but it was a list."),
    (NUMBER, "five", "$.f: L must be a number but it was a string."),
    (NUMBER, " ", "$.f: L must be a number but it was a string."),
    (NUMBER, "Infinity", "$.f: L must be a number but it was a string."),
    (NUMBER, "1e999", "$.f: L must be a number but it was a string."),
    (NUMBER, float("nan"), "$.f: L must be a number but it was a number that JSON cannot hold."),
    (NUMBER, 10**5000, "$.f: L must be a number but it was a number that JSON cannot hold."),
    (STRING, 10**5000, "$.f: L must be a string but it was a number that JSON cannot hold."),
    (INTEGER, "9" * 5000, "$.f: L must be an integer but it was a string."),
    (INTEGER, 3.5, "$.f: L must be an integer but it was a number."),
    (BOOLEAN, "yes", "$.f: L must be a boolean but it was a string."),
    (BOOLEAN, 2, "$.f: L must be a boolean but it was a number."),
    (BOOLEAN, "True", "$.f: L must be a boolean but it was a string."),
    (TIME, True, "$.f: L must be a date or a time but it was not."),
    (TIME, {}, "$.f: L must be a string or a number but it was an object."),
    (OBJECT, [{}], "$.f: L must be an object but it was a list."),
    (OBJECT | {"properties": {}}, [{}], "$.f: L must be an object but it was a list."),
    (NUMBER | LIST, [1, "x"], "$.f[1]: An item of L must be a number but it was a string."),
    (
        {"type": "number", "multiple": True},
        ["x"],
        "$.f[0]: The value at $.f[0] must be a number but it was a string.",
    ),
    (STRING | {"choices": ["a", "b", "c"]}, "d", '$.f: L must be one of "a", "b" or "c".'),
    (STRING | {"choices": ["a"]}, "d", '$.f: L must be "a".'),
    (NUMBER | {"choices": [1, 2]}, 3, "$.f: L must be one of 1 or 2."),
    (STRING | {"minimum": 2}, "\U0001f600", "$.f: L must be 2 characters or more but it was 1 character."),
    (STRING | {"maximum": 1}, "ab", "$.f: L must be 1 character or fewer but it was 2 characters."),
    (NUMBER | {"minimum": 0}, -0.5, "$.f: L must be 0 or more."),
    (INTEGER | {"maximum": 5}, "6", "$.f: L must be 5 or less."),
    (STRING | {"format": "email"}, "x", "$.f: L must be an email address but it was not."),
]


@pytest.mark.parametrize(("field", "value", "problem"), REFUSED, ids=range(len(REFUSED)))
def test_refusal(field: dict[str, Any], value: Any, problem: str) -> None:
    """What does not fit is refused with its path and a sentence of kinds and sizes, never the value."""
    with pytest.raises(PayloadError) as caught:
        check(field, value)
    assert [str(found) for found in caught.value.problems] == [problem]


def test_many_choices() -> None:
    """Of many choices only the first are listed."""
    fields = {"f": STRING | {"choices": [str(number) for number in range(50)]}}
    assert problems_of(fields, {"f": "x"})[0][1].endswith('"19" and 30 more.')


def test_very_many_problems() -> None:
    """Of very many problems the first are listed, and that there are more is said."""
    found = problems_of({"f": NUMBER | LIST}, {"f": ["x"] * 10_000})
    assert len(found) == 101
    assert found[-1] == ("$", "There are more problems than are listed here.")


def test_everything_at_once() -> None:
    """All problems of a payload are reported together, each at its path; a missing field at what lacks it."""
    child = {"a.b": INTEGER, "c": STRING | {"required": True}}
    fields = {
        "name": STRING | {"required": True},
        "o": OBJECT | {"properties": child},
        "items": OBJECT | LIST | {"properties": child},
    }
    payload = {"o": {"a.b": "x"}, "items": [{"c": "y"}, {"a.b": 1.5}]}
    assert problems_of(fields, payload) == [
        ("$.o.a\\.b", "L must be an integer but it was a string."),
        ("$.o", "L is missing the required field 'c'."),
        ("$.items[1].a\\.b", "L must be an integer but it was a number."),
        ("$.items[1]", "An item of L is missing the required field 'c'."),
        ("$", "The root value is missing the required field 'name'."),
    ]
    with pytest.raises(PayloadError, match="missing the required field 'name'") as caught:
        PayloadValidator(fields).check(payload)
    assert (caught.value.status, caught.value.retryable) == (400, False)


NESTED = {
    "o": OBJECT | {"properties": {"n": NUMBER, "s": STRING, "t": NUMBER | NULL}},
    "l": OBJECT | LIST | {"properties": {"n": NUMBER, "s": STRING}},
    "free": OBJECT,
}
EMPTIES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"unknown": "", "free": ""}, {}),
    ({"unknown": None, "free": None}, {"unknown": None}),
    ({"o": {"n": "", "s": "", "t": None, "x": ""}}, {"o": {"s": "", "t": None, "x": ""}}),
    ({"l": [None, "", {"n": None, "s": ""}]}, {"l": [{"s": ""}]}),
    ({"free": {"a": None, "b": ""}}, {"free": {"a": None, "b": ""}}),
    ({"l": {"n": None}}, {"l": {"n": None}}),
    ({"l": None, "o": []}, {"o": []}),
]


@pytest.mark.parametrize(("payload", "cleaned"), EMPTIES, ids=[str(payload) for payload, _ in EMPTIES])
def test_empties(payload: dict[str, Any], cleaned: dict[str, Any]) -> None:
    """Empty values go where no field takes them, and only there."""
    assert PayloadValidator(NESTED).clean(payload) == cleaned


def test_required_fields_that_came_empty() -> None:
    """A required field that is gone since it came as an empty str is called empty, any other is missing."""
    inner = {"a": NUMBER | {"required": True}}
    fields = inner | {"o": OBJECT | {"properties": inner}, "l": OBJECT | LIST | {"properties": inner}}
    validator = PayloadValidator(fields)
    given = {"a": "", "o": {"a": ""}, "l": [{"a": 1}, {"a": ""}, {"b": ""}]}
    with pytest.raises(PayloadError) as raised:
        validator.check(validator.clean(given), given=given)
    empty, missing = "has an empty value for the required field 'a'.", "is missing the required field 'a'."
    assert sorted((problem.path, problem.message) for problem in raised.value.problems) == [
        ("$", f"The root value {empty}"),
        ("$.l[1]", f"An item of L {empty}"),
        ("$.l[2]", f"An item of L {missing}"),
        ("$.o", f"L {empty}"),
    ]


def test_unknown_keys() -> None:
    """Unknown keys go at each level that does not allow them, in items too."""
    inner = {"a": STRING}
    fields = {
        "open": OBJECT | {"properties": inner, "additionalProperties": True},
        "shut": OBJECT | LIST | {"properties": inner},
    }
    payload = {"open": {"x": 1}, "shut": [{"x": 1, "a": "s"}], "__proto__": {}}
    assert PayloadValidator(fields).check(payload) == {"open": {"x": 1}, "shut": [{"a": "s"}]}


def test_nulls_of_a_lone_item() -> None:
    """A lone object that becomes an item loses its nulls, as an item would: null is never read as 0."""
    assert PayloadValidator(NESTED).check({"l": {"n": None, "s": "x"}}) == {"l": [{"s": "x"}]}


def test_lone_values_of_nested_lists() -> None:
    """A lone value becomes a list at any depth, objects included."""
    fields = {"o": OBJECT | {"properties": {"l": OBJECT | LIST, "n": NUMBER | LIST}}}
    assert PayloadValidator(fields).check({"o": {"l": {}, "n": "3"}}) == {"o": {"l": [{}], "n": [3]}}


def test_kept_keys() -> None:
    """Keys to keep stay as they are, known or not; with additional properties all stay but blank text."""
    payload = {"a": "x", "dynamicAuthSettings": {"b": None}, "c": "", "d": 1}
    fields = {"a": STRING}
    assert PayloadValidator(fields, keep=["dynamicAuthSettings"]).check(payload) == {
        "a": "x",
        "dynamicAuthSettings": {"b": None},
    }
    assert PayloadValidator(fields | {"c": NUMBER}, keep=["c"]).check({"a": "x", "c": "y"}) == {
        "a": "x",
        "c": "y",
    }
    assert PayloadValidator(fields, additional_properties=True).check(payload) == {
        "a": "x",
        "dynamicAuthSettings": {"b": None},
        "d": 1,
    }


def test_right_payload_is_passed_on() -> None:
    """A payload to which nothing has to be done comes back itself; any other is copied, never changed."""
    validator = PayloadValidator({"s": STRING, "o": OBJECT | {"properties": {"l": NUMBER | LIST}}})
    right = {"s": "x", "o": {"l": [1]}}
    assert validator.check(right) is right
    assert validator.clean(right) is right
    wrong = {"s": 1, "o": {"l": ["1", None], "x": 1}, "y": ""}
    before = copy.deepcopy(wrong)
    assert validator.check(wrong) == {"s": "1", "o": {"l": [1]}}
    assert wrong == before


def test_kinds_of_our_own() -> None:
    """Values whose classes extend those of JSON pass as what they are."""

    class Text(str):
        __slots__ = ()

    payload = OrderedDict(s=Text("x"), o=OrderedDict(l=[1]))
    assert (
        PayloadValidator({"s": STRING, "o": OBJECT | {"properties": {"l": NUMBER | LIST}}}).check(payload)
        is payload
    )


def _if(*conditions: dict[str, Any], match: str = "all") -> dict[str, Any]:
    return {"required": {"match": match, "conditions": list(conditions)}}


def _is(key: str, *value: Any) -> dict[str, Any]:
    return {"fieldKey": key, "operator": "is", **({"value": value[0]} if value else {})}


def _is_not(key: str, *value: Any) -> dict[str, Any]:
    return {**_is(key, *value), "operator": "is_not"}


ADD = {"type": "syncMode", "operator": "is", "value": ["add", "upsert"]}
CONDITIONS: list[tuple[dict[str, Any], dict[str, Any], str | None, bool]] = [
    (_if(_is("k", "a")), {"k": "a"}, None, True),
    (_if(_is("k", "a")), {"k": ["a"]}, None, True),
    (_if(_is("k", "a")), {"k": "b"}, None, False),
    (_if(_is("k", "a")), {}, None, False),
    (_if(_is_not("k", "a")), {"k": "b"}, None, True),
    (_if(_is_not("k", "a")), {}, None, False),
    (_if(_is("k", ["a", "b"])), {"k": "b"}, None, True),
    (_if(_is_not("k", ["a", "b"])), {"k": "b"}, None, False),
    (_if(_is("k")), {}, None, True),
    (_if(_is("k")), {"k": "x"}, None, False),
    (_if(_is("n")), {"n": None}, None, True),
    (_if(_is("n")), {"n": 0}, None, False),
    (_if(_is_not("n")), {"n": None}, None, False),
    (_if(_is_not("n")), {"n": 0}, None, True),
    (_if(_is("n"), _is("k", "a")), {"n": None, "k": "a"}, None, False),
    (_if(_is_not("n"), _is("k", "a")), {"n": None, "k": "a"}, None, True),
    (_if(_is("n", 1)), {"n": 1.0}, None, True),
    (_if(_is("n", [True])), {"n": 1}, None, False),
    (_if(_is("n", None)), {"n": None}, None, True),
    (_if(_is("k", "a"), _is("n", 1)), {"k": "a"}, None, False),
    (_if(_is("k", "a"), _is("n", 1), match="any"), {"k": "a"}, None, True),
    (_if(_is("o.c", "x")), {"o": {"c": "x"}}, None, True),
    (_if(_is("o.c", "x")), {"o": {}}, None, False),
    (_if(_is_not("o.c")), {"o": {"c": "x"}}, None, True),
    (_if(_is("o.c")), {"o": {}}, None, True),
    (_if(_is("o.c")), {}, None, True),
    (_if(_is("k.d", "x")), {"k.d": "x"}, None, True),
    (_if(_is("l.c", "x")), {"l": [{"c": "x"}]}, None, False),
    (_if(ADD), {}, "add", True),
    (_if(ADD), {}, "delete", False),
    (_if(ADD), {}, None, False),
    (_if(ADD | {"operator": "is_not"}), {}, "delete", True),
    (_if(ADD | {"operator": "is_not"}), {}, "upsert", False),
    (_if(ADD, _is("k", "a")), {"k": "a"}, "add", True),
    (_if(ADD, _is("k", "a")), {"k": "a"}, "mirror", False),
    (_if(ADD, _is("k", "a"), match="any"), {"k": "a"}, "mirror", True),
    (_if(_is("__segment_internal_sync_mode", "add")), {}, "add", True),
]


@pytest.mark.parametrize(
    ("marks", "payload", "sync_mode", "required"), CONDITIONS, ids=[str(case)[:90] for case in CONDITIONS]
)
def test_conditions(
    marks: dict[str, Any], payload: dict[str, Any], sync_mode: str | None, *, required: bool
) -> None:
    """A field is required exactly when its conditions hold, on the values after coercion."""
    children = {"properties": {"c": STRING}}
    fields = {
        "f": STRING | marks,
        "k": STRING,
        "k.d": STRING,
        "n": NUMBER | NULL,
        "o": OBJECT | children,
        "l": OBJECT | LIST | children,
    }
    missing = [("$", "The root value is missing the required field 'f'.")] if required else []
    assert problems_of(fields, payload, sync_mode) == missing
    assert problems_of(fields, {**payload, "f": "there"}, sync_mode) == []


def test_conditional_children() -> None:
    """A child may be required on conditions beside its owner; its siblings' marks count; items too."""
    child = {"a": STRING | _if(_is("k", "x")), "b": STRING | {"required": True}}
    one, many = (
        {"k": STRING, "o": OBJECT | {"properties": child}},
        {"k": STRING, "o": OBJECT | LIST | {"properties": child}},
    )
    assert problems_of(one, {"k": "y"}) == problems_of(many, {"k": "y"}) == []
    assert [path for path, _ in problems_of(one, {"k": "x"})] == ["$"]
    assert problems_of(one, {"k": "x", "o": {}}) == [
        ("$.o", "L is missing the required field 'b'."),
        ("$.o", "L is missing the required field 'a'."),
    ]
    assert [path for path, _ in problems_of(many, {"k": "x", "o": [{"a": "s", "b": "t"}, {"b": "t"}]})] == [
        "$.o[1]"
    ]
    assert problems_of(many, {"k": "x", "o": [{"a": "s", "b": "t"}]}) == []


def test_conditions_do_not_look_inside() -> None:
    """The conditions of a child name the fields beside its owner, even where a sibling has the same name."""
    child = {"a": STRING | _if(_is("k", "x")), "k": STRING}
    fields = {"k": STRING, "o": OBJECT | {"properties": child}}
    assert problems_of(fields, {"k": "y", "o": {"k": "x"}}) == []
    assert [path for path, _ in problems_of(fields, {"k": "x", "o": {"k": "y"}})] == ["$.o"]


def test_conditions_of_inner_children() -> None:
    """The conditions of a child's child name the fields beside the inner object."""
    inner = {"p": OBJECT | {"properties": {"q": STRING | _if(_is("r", "x"))}}, "r": STRING}
    fields = {"o": OBJECT | {"properties": inner}}
    assert [path for path, _ in problems_of(fields, {"o": {"r": "x", "p": {}}})] == ["$.o.p"]
    assert problems_of(fields, {"o": {"r": "y", "p": {}}}) == []


def test_faulty_fields() -> None:
    """Faulty fields are refused when the validator is made, not when an event comes."""
    for field in ({"type": "strin"}, {"type": "string", "format": "emial"}):
        with pytest.raises(DefinitionError):
            PayloadValidator({"f": field})


def test_specs_as_fields() -> None:
    """Specs serve as well as raw fields, also beside them."""
    validator = PayloadValidator({"a": FieldSpec("number"), "b": {"type": "boolean"}})
    assert validator.check({"a": "1", "b": "true"}) == {"a": 1, "b": True}


def _deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"v": [value]}
    return value


@pytest.mark.parametrize("payload", [None, [], "x", 5, True])
def test_no_object(payload: Any) -> None:
    """What is no object is refused as a payload."""
    validator = PayloadValidator({"f": STRING})
    for ask in (validator.check, validator.clean):
        with pytest.raises(PayloadError):
            ask(payload)


HOSTILE = {
    "nan": float("nan"),
    "infinity": float("-inf"),
    "huge": 10**5000,
    "huge text": "9" * 100_000,
    "surrogate": "\ud800\udc00\ud800",
    "nul": "\x00",
    "deep": _deep(100_000),
    "wide": list(range(10_000)),
    "proto": {"__proto__": {"f": 1}, "constructor": None, "__class__": 1},
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["string", "number", "integer", "boolean", "datetime", "object", "password"])
@pytest.mark.parametrize(
    "marks", [{}, LIST, NULL, {"choices": [1, "a", {"value": True}]}, {"format": "uri"}], ids=str
)
def test_hostile_values(name: str, kind: str, marks: dict[str, Any]) -> None:
    """A hostile value is carried unharmed or refused with a PayloadError; its text is not told."""
    fields = {
        "f": {"type": kind, "label": "L", **marks},
        "g": STRING | _if(_is_not("f", {"v": [{"v": []}]})),
        "h": OBJECT | {"properties": {"f": {"type": kind, **marks}}},
    }
    value = HOSTILE[name]
    for payload in ({"f": value}, {"f": [value]}, {"h": {"f": value, name: value}}, {"x": value}):
        try:
            PayloadValidator(fields).check(payload)
        except PayloadError as error:
            assert len(str(error)) < 10_000  # noqa: PT017  # an error is one of two right outcomes


def test_jsonschema_loads_late() -> None:
    """jsonschema, which is slow to import, loads with the first problem and not before."""
    program = (
        "import sys; from actions_core import FieldSpec\n"
        "from actions_core.validation import PayloadValidator\n"
        "v = PayloadValidator({'f': FieldSpec('number')}); v.check({'f': '5'})\n"
        "print('jsonschema' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603  # our own words
    assert json.loads(ran.stdout.lower()) is False
