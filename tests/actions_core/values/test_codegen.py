"""Generated source: constants from outside stay constants, for everything that is compiled."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions_core import MISSING, compile_mapping
from actions_core.destination.handler import compile_handler
from actions_core.destination.roles import ROLES
from actions_core.subscriptions import Comparison, Condition, Group
from actions_core.validation.fast_check import compile_check
from actions_core.validation.fields import ConditionSet, read_fields
from actions_core.values.codegen import Source, identifier
from actions_core.values.naming import parameter_names

TEXTS = [
    "",
    "'",
    '"',
    "'\"",
    "'''\"\"\"",
    "\\",
    "\\'",
    "\\\\'); raise SystemExit(1)  # ",
    "' + __import__('os').getcwd() + '",
    "\n",
    "\r\n\tx",
    "\0",
    "\x7f\x85\xa0",
    "\u2028\u2029",
    "\ud800",
    "\udfff\ud800",
    "\ufeff",
    "😀é",
    "{}",
    "{0}{v}{{x}}{1/0}",
    "\\N{BULLET}",
    "%s%(v)s",
    "k1",
    "MISSING",
    "x" * 199 + "'",
    "x" * 5000 + "'\\\n",
]
NUMBERS = [
    0,
    -1,
    2**63 - 1,
    2**63,
    -(2**64),
    10**5000,
    0.5,
    -0.0,
    1e22,
    5e-324,
    math.nan,
    math.inf,
    -math.inf,
]
NESTED = [
    [],
    {},
    [None, True, False, *NUMBERS, *TEXTS],
    dict(zip(TEXTS, reversed(TEXTS), strict=True)),
    [[[["'"]], {"'": [{"\\": ["\n"]}]}]],
    list(range(5000)),
]


class Liar(str):
    """A str whose spelling is code."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "1/0"

    __str__ = __repr__

    def __format__(self, form: str) -> str:
        return "1/0"


def deep(levels: int) -> Any:
    """A list in so many lists."""
    value: Any = "'"
    for _ in range(levels):
        value = [value]
    return value


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same in kind and content; NaN and the sign of a zero count."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return left.hex() == right.hex()
    return bool(left == right)


def evaluated(expression: Callable[[Source], str]) -> Callable[..., Any]:
    """The function of `x` that returns an expression."""
    source = Source("test")
    with source.function("x=None", "run"):
        source.put(f"return {expression(source)}")
    run: Callable[..., Any] = source.build()["run"]
    return run


OF_ANY_KIND = [None, True, *NUMBERS, *TEXTS, *NESTED]
OTHERS = [deep(90), deep(300), ("'", "\n"), ("x",), (), ({"a"}, [1]), {1}]


def each(values: list[Any]) -> pytest.MarkDecorator:
    """Run the test for each value, under its number: some have no text that a test could be named by."""
    return pytest.mark.parametrize("value", values, ids=range(len(values)))


@each(OF_ANY_KIND + OTHERS)
def test_constant(value: Any) -> None:
    """A constant is the same value when it comes out of the source, whatever it is made of."""
    assert same(evaluated(lambda source: source.constant(value))(), value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(exclude_categories=[])), inner)
        | st.tuples(inner)
    ),
)


@given(JSON)
def test_any_constant(value: Any) -> None:
    """A constant of any kind, at any depth, comes out as it went in."""
    assert same(evaluated(lambda source: source.constant(value))(), value)


@pytest.mark.parametrize(
    "value", [[], {}, [[1], {"a": []}], list(range(5000))], ids=["[]", "{}", "nested", "long"]
)
def test_constants_are_made_anew(value: Any) -> None:
    """A list or an object is a new one each time, at every depth, so that nobody can change the constant."""
    run = evaluated(lambda source: source.constant(value))
    first, second = run(), run()
    assert first == second == value
    assert first is not second
    assert first is not value
    if value and isinstance(value[0], list):
        assert first[0] is not second[0]


def test_kept_objects_are_themselves() -> None:
    """An object under a name is this very object."""
    value: list[Any] = []
    assert evaluated(lambda source: source.keep(value))() is value


def test_spelling_of_a_class_is_not_code() -> None:
    """A class derived from a plain one cannot write code with its own `repr`."""
    assert evaluated(lambda source: source.constant(Liar("a")))() == "a"
    assert evaluated(lambda source: source.constant([Liar("a"), {Liar("b"): 1}]))() == ["a", {"b": 1}]
    with pytest.raises(ValueError, match="not a name"):
        identifier(Liar("a"))


@each(TEXTS)
def test_formatted(value: str) -> None:
    """A text in an f-string is itself, and only the caller's expression is filled in."""
    text = value
    run = evaluated(lambda source: source.formatted([(text, "x"), (text, "x"), (text, "")]))
    assert run("{1}") == f"{text}{{1}}{text}{{1}}{text}"


@pytest.mark.parametrize("name", ["", "a b", "a=1", "1a", "a,b", "class", "None", "a\n", "a'", "é b", "x:=1"])
def test_identifier(name: str) -> None:
    """What is not a name in Python does not get into the source as one."""
    with pytest.raises(ValueError, match="is not a name in Python"):
        identifier(name)
    with pytest.raises(ValueError, match="is not a name in Python"):
        Source("test", **{name: 1})
    with pytest.raises(ValueError, match="is not a name in Python"), Source("test").function("x", name):
        pass


def test_names_mean_one_thing() -> None:
    """Two helpers of the same name cannot stand in one source."""

    def len(_: Any) -> int:  # noqa: A001  # the name is the point
        return 0

    source = Source("test", read=1)
    source.use(len, len)
    with pytest.raises(ValueError, match="len means something else"):
        source.use(builtins.len)


def test_origin() -> None:
    """An origin that no file could be named by does no harm."""
    source = Source("call of \0\ud800\n")
    with source.function("", "run"):
        source.put("return 1")
    run = source.build()["run"]
    assert run() == 1
    assert run.__code__.co_filename == "<call of \\x00\\ud800\\n>"


def test_shared_expressions() -> None:
    """An expression is computed once for a key, but not beyond the block in which it stands."""
    source = Source("test")
    with source.function("x", "run"):
        outer = source.once("a", "x.pop()")
        with source.block("if x:"):
            assert source.once("a", "x.pop()") == outer
            inner = source.once("b", "x.pop()")
        with source.loop("for _ in range(2):"):
            again = source.once("b", "x.pop()")
            assert source.loops == 1
        with source.function("x") as helper:
            assert source.loops == 0
            source.put(f"return [{source.once('a', 'x.pop()')}]")
        source.put(f"return {outer}, {again}, {helper}(x)")
    assert inner != again
    assert source.build()["run"]([1, 2, 3, 4, 5]) == (5, 2, [1])


@each(OF_ANY_KIND)
def test_constants_of_mappings(value: Any) -> None:
    """A mapping carries every constant, key, path, separator and template text unharmed."""
    mapping = compile_mapping(
        {"v": value, "l": [value, {"@path": "a"}], "o": {"k": value, "p": {"@path": "a"}}}
    )
    result = mapping.resolve({"a": 1})
    assert isinstance(result, dict)
    assert same(result, {"v": value, "l": [value, 1], "o": {"k": value, "p": 1}})


@each(TEXTS)
def test_texts_of_mappings(value: str) -> None:
    """A mapping takes keys, template texts, patterns and separators as text, never as code."""
    text = value
    mapping = compile_mapping(
        {
            text or "k": {"@path": "a"},
            "t": {"@template": f"{text}|{{{{a}}}}|{text}"},
            "f": {"@flatten": {"value": {"a": {"@path": "a"}}, "separator": text or "."}},
            "i": {"@if": {"exists": {"@path": "a"}, "then": text, "else": 0}},
            "m": {"@merge": {"objects": [{text: {"@path": "a"}}, {text: text}], "direction": "right"}},
        }
    )
    event = {"a": "x"}
    result = mapping.resolve(event)
    assert isinstance(result, dict)
    assert result[text or "k"] == "x" or text in ("t", "f", "i", "m")
    assert result["t"] == f"{text.replace('{{x}}', '')}|x|{text.replace('{{x}}', '')}"
    assert result["f"] == {"a": "x"}
    assert result["i"] == text
    assert result["m"] == {text: text}
    assert {trace.field: trace.value for trace in mapping.trace(event)} == result


@each([None, True, *NUMBERS, *TEXTS])
def test_constants_of_conditions(value: Any) -> None:
    """A condition compares with every value and under every key as they are."""
    if isinstance(value, float) and not math.isfinite(value):
        pytest.skip("FQL has no such number")
    if isinstance(value, int) and value > 10**400:
        pytest.skip("refused by the condition itself")
    if isinstance(value, str) and "'" in value and '"' in value:
        pytest.skip("FQL cannot say such a text")
    key = value if isinstance(value, str) and value else "k"
    one = Comparison(("properties", key), "=", value)
    other = Comparison(("properties", key), "=", "other")
    deep_path = ("properties", *[key] * 12)
    for tree in (one, Group("or", [one, other]), Group("and", [one, Comparison(deep_path, "!=", "x")])):
        condition = Condition(tree)
        assert condition.matches({"properties": {key: value}})
        assert not condition.matches({"properties": {key: ["x"]}})
        assert condition.trace({"properties": {key: value}}).matched


@each(OF_ANY_KIND)
def test_constants_of_payload_checks(value: Any) -> None:
    """A payload check takes keys, choices, bounds and values of conditions as they are."""
    key = value if isinstance(value, str) and value else "k"
    condition = {"conditions": [{"fieldKey": key, "operator": "is", "value": "placeholder"}]}
    fields: dict[str, Any] = {key: {"type": "string"}, "needed": {"type": "string", "required": condition}}
    if isinstance(value, str):
        fields[key]["choices"] = [value, "other"]
    elif value is None or value is True:
        fields[key] = {"type": "boolean", "allowNull": True}
    elif isinstance(value, int | float):
        fields[key] = {"type": "number"}
    else:
        fields[key] = {"type": "object"} if isinstance(value, dict) else {"type": "string", "multiple": True}
    specs = dict(read_fields(fields))
    # Set by hand: a definition is refused with numbers that JSON does not have.
    required = specs["needed"].required
    assert isinstance(required, ConditionSet)
    conditions = (attrs.evolve(required.conditions[0], value=[value]),)
    specs["needed"] = attrs.evolve(specs["needed"], required=attrs.evolve(required, conditions=conditions))
    check = compile_check(specs, additional=False, keep=frozenset({f"{key}2"}))
    payload = {key: value, "needed": "x", f"{key}2": 1}
    carried = not isinstance(value, int | float) or abs(value) < 1e300
    strings = not isinstance(value, list) or all(isinstance(item, str) for item in value)
    assert check(payload, None, True) is (carried and strings)
    assert check({key: value}, None, True) is False
    if carried and strings and isinstance(value, str):
        assert check({key: "other"}, None, True) is True
        assert check({key: f"{value}?", "needed": "x"}, None, True) is False


@each(TEXTS)
def test_constants_of_calls(value: str) -> None:
    """A call of a handler takes keys and defaults as they are."""
    default = Liar("d")
    parameter = parameter_names(["k", "other", value])[value]
    function: dict[str, Any] = {"default": default}
    source = f"def handler(k=None, *, other=default, {parameter}=None): return k, other, {parameter}"
    exec(source, function)  # noqa: S102 - the parameter's name is an identifier, as `parameter_names` makes them
    handler = function["handler"]
    handler.__qualname__ = f"handler{value}"
    fields = {"k": False, "other": False, value: False}
    compiled, problems = compile_handler(ROLES["action"], ("a",), handler, fields=fields, path="$")
    assert compiled is not None, problems
    k, other, given = compiled.call({"k": 1, value: value})
    assert (k, given) == (1, value)
    assert other is default
    assert compiled.bind({"k": value, "other": [value]})["other"] == [value]
    assert MISSING not in compiled.bind({"k": 1}).values()
