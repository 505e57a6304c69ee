"""`@jmespath`: plain paths at the price of a path, all else within bounds."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core import MISSING, compile_mapping
from actions_core.errors import MappingError
from actions_core.mapping.jmespath_bounded import parse
from tests.timing import takes_at_most

NAMES = st.sampled_from(["a", "b", "c", '"a b"', '"ü"', "length", "keys"])
VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2.5, "", "text"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", "c", "a b", "ü", "length", "keys"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(deadline=None, derandomize=True)
@given(st.lists(NAMES, min_size=1, max_size=4).map(".".join), st.dictionaries(st.sampled_from("abc"), VALUES))
def test_plain_paths(path: str, event: dict[str, Any]) -> None:
    """A path of names and dots runs without JMESPath, and gives what that gives; null is missing."""
    parsed = parse(path)
    assert not isinstance(parsed, str)
    assert parsed.fields
    expected = jmespath.search(path, event)
    assert compile_mapping({"v": {"@jmespath": path}}).resolve(event) == (
        {} if expected is None else {"v": expected}
    )


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a.b[0]", 1),
        ("a.b[-1]", 2),
        ("a.b | length(@)", 2),
        ("a.c || d", "x"),
        ("a.b[?@ > `1`]", [2]),
        ("{k: a.b[0], n: nope}", {"k": 1, "n": None}),
        ("to_string(a)", '{"b":[1,2]}'),
        ("nope", MISSING),
        ("a.b.c", MISSING),
        ("`null`", MISSING),
        ("`false`", False),
        ("@", {"a": {"b": [1, 2]}, "d": "x"}),
    ],
)
def test_expressions(expression: str, value: Any) -> None:
    """Everything that JMESPath can say is understood."""
    result = compile_mapping({"v": {"@jmespath": expression}}).resolve({"a": {"b": [1, 2]}, "d": "x"})
    assert result == ({} if value is MISSING else {"v": value})


@pytest.mark.parametrize(
    "expression", ["", "a..b", "a[", "nosuch(a)", "length(a, b)", "(" * 5000 + "a" + ")" * 5000]
)
def test_bad_expressions(expression: str) -> None:
    """What cannot be parsed is refused at load; what can only be seen to fail when it runs, then."""
    with pytest.raises(MappingError):
        compile_mapping({"v": {"@jmespath": expression}}).resolve({})


@pytest.mark.parametrize("expression", ["sum(a)", "length(b)", "a < b | nosuch(@)", "join(a, b)"])
def test_expressions_that_fail(expression: str) -> None:
    """A function that gets what it cannot use fails for that event."""
    with pytest.raises(MappingError, match=r"\$\.v\.@jmespath"):
        compile_mapping({"v": {"@jmespath": expression}}).resolve({"a": "x", "b": 1})


@pytest.mark.parametrize(
    "expression",
    [
        " | ".join(["[@,@][]"] * 40),
        "[s,s] | " + " | ".join(["[join('',@),join('',@)]"] * 40),
        " | ".join(["[@,@]"] * 40) + " | to_string(@)",
        " | ".join(["[@,@]"] * 40),
        "(" + " | ".join(["[@,@]"] * 40) + ") == (" + " | ".join(["{a:@,b:@}"] * 40) + ")",
    ],
)
def test_growth_is_stopped(expression: str) -> None:
    """An expression that doubles its data again and again fails soon."""
    mapping = compile_mapping({"v": {"@jmespath": expression}})
    with takes_at_most(3), pytest.raises(MappingError, match="makes more than|takes longer"):
        mapping.resolve({"s": "abc"})


def resolve(expression: str, event: dict[str, Any]) -> Any:
    """The value that an expression gives for an event."""
    result = compile_mapping({"v": {"@jmespath": expression}}).resolve(event)
    assert isinstance(result, dict)
    return result.get("v")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("lenght(x)", "at position 0, there is no function 'lenght'; did you mean 'length'?"),
        ("a[?lenght(b)].foo(c)", "at position 3, there is no function 'lenght'"),
        ("a[?lenght(b)].foo(c)", "at position 14, there is no function 'foo'"),
        ("a | length(x, y)", "at position 4, length takes 1 argument, not 2"),
        ("not_null()", "not_null takes at least 1 argument, not 0"),
        ("map(a, b)", "map takes an expression after & as its argument 1"),
        ("not_null(&a)", "not_null takes a value, not an expression after & as its argument 1"),
        *(
            (text, "& may only stand before an argument")
            for text in ("&a", "[&a]", "{a: &b}", "&a || b", "&a == `1`")
        ),
        ("a[::0]", "the step of a slice cannot be 0"),
        ("a[" + "9" * 4301 + "]", "the number at position 2 has more than 4,300 digits"),
        ("a[:-" + "9" * 4301 + "]", "the number at position 4 has more than 4,300 digits"),
        ("9" * 4301, "the number at position 0 has more than 4,300 digits"),
        ("`" + "9" * 4301 + "`", "the number at position 1 has more than 4,300 digits"),
        *(
            (text, "a number in a literal is not JSON")
            for text in ("`NaN`", "`1e999`", '`[{"a": -Infinity}]`')
        ),
    ],
)
def test_what_can_never_work_is_refused_at_load(expression: str, message: str) -> None:
    """Unknown functions, wrong arguments and what is not JSON are errors when the mapping is loaded."""
    with pytest.raises(MappingError) as raised:
        compile_mapping({"v": {"@jmespath": expression}})
    assert message in str(raised.value)


def test_long_digits_in_texts_are_no_numbers() -> None:
    """Digits inside quotes, and old literals without quotes, are texts however long, and nobody is warned."""
    assert resolve(f"'{'9' * 5000}'", {}) == "9" * 5000
    assert resolve("`foo`", {}) == "foo"


@pytest.mark.parametrize(
    ("expression", "event", "value"),
    [
        ("l[?a > `10`]", {"l": [{"a": "20"}, {"a": 20}, {"a": True}]}, [{"a": 20}]),
        ("a < b", {"a": "x", "b": "y"}, None),
        ("a < b", {"a": 1, "b": "2"}, None),
        ("a >= b", {"a": True, "b": 1}, None),
        ("a == `[1]`", {"a": [True]}, False),
        ('a == `{"x": [0]}`', {"a": {"x": [False]}}, False),
        ('a == `{"x": [1]}`', {"a": {"x": [1.0]}}, True),
        ("a != `1`", {"a": True}, True),
        ("contains(a, `1`)", {"a": [True, "1"]}, False),
        ("contains(a, `true`)", {"a": [1, True]}, True),
        ("contains(a, `[1]`)", {"a": [[True]]}, False),
        ("contains(a, `1`)", {"a": "1"}, False),
        ("a[]", {"a": [[1], [2, [3]], 4]}, [1, 2, [3], 4]),
        *(
            ("to_number(a)", {"a": text}, number)
            for text, number in (
                ("5", 5), ("-1.5", -1.5), ("1e3", 1000.0), ("12345678901234567890", 12345678901234567890),
                ("1_000", None), (" 5 ", None), ("+5", None), ("05", None), ("inf", None), ("nan", None),
                ("1e999", None), ("0x10", None), ("٣", None), ("9" * 5000, None), (True, None), (1.5, 1.5),
            )
        ),
        *(
            ("to_string(a)", {"a": plain}, text)
            for plain, text in (
                (1.0, "1"), (1e21, "1e+21"), (1e-7, "1e-7"), (True, "true"), ("x", "x"),
                ([1.0, True, None, "é"], '[1,true,null,"é"]'), ({"a": 2.0}, '{"a":2}'),
            )
        ),
    ],
)  # fmt: skip
def test_json_not_python(expression: str, event: dict[str, Any], value: Any) -> None:
    """Values are compared, read and written as JSON has them, never as Python."""
    found = resolve(expression, event)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("sum(`[1e308, 1e308]`)", None),
        ("avg(`[1e308, 1e308]`)", None),
        ("sum(a)", None),
        ("avg(a)", None),
        ("ceil(`1e300`)", 1e300),
        ("floor(`1e300`)", 1e300),
        ("ceil(`1.5`)", 2),
        ("floor(`-1.5`)", -2),
        ("sum(`[1, 2]`)", 3),
        ("avg(`[]`)", None),
        ("sort_by(`[]`, &a)", []),
    ],
)
def test_numbers_that_no_double_holds_are_null(expression: str, value: Any) -> None:
    """A number beyond those of JSON is null, and a large one is not written out digit by digit."""
    found = resolve(expression, {"a": [10**400, 1.5]})
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("max_by(l, &p)", "max_by cannot order a number and a string"),
        ("min_by(l, &p)", "min_by cannot order a number and a string"),
        ("sort_by(l, &p)", "sort_by cannot order a number and a string"),
        ("sort_by(l, &nope)", "sort_by orders by numbers or by strings, not by null"),
        ("max_by(l, &@)", "max_by orders by numbers or by strings, not by an object"),
        ("merge(o, s)", "merge takes an object as its argument 2, not a string"),
        ("merge(o, o, nope)", "merge takes an object as its argument 3, not null"),
        ("join(',', n)", "join takes a list of strings, but [0] of its list is a number"),
        ("join(',', nope)", "join takes a list of strings as its argument 2, not null"),
        ("sum(mixed)", "sum takes a list of numbers, but [1] of its list is a string"),
        ("avg(`[true]`)", "avg takes a list of numbers, but [0] of its list is a boolean"),
        ("sort(mixed)", "but [0] of its list is a number and [1] a string"),
        ("max(`[null]`)", "[0] of its list is null"),
        ("length(`5`)", "length takes a string, a list or an object, not a number"),
        ("abs(`true`)", "abs takes a number, not a boolean"),
        ("abs(big)", "abs takes a number, not a list"),
        ("keys(s)", "keys takes an object, not a string"),
        ("map(&a, o)", "map takes a list as its argument 2, not an object"),
        ("map(&length(@), n)", "length takes a string, a list or an object, not a number"),
    ],
)
def test_what_a_function_cannot_take(expression: str, message: str) -> None:
    """A function that gets what it cannot take says so in the words of JSON, without the value."""
    event = {
        "l": [{"p": 1}, {"p": "20"}], "o": {"secret": "s"}, "s": "secret", "n": [1], "mixed": [1, "secret"],
        "big": [10**4400],
    }  # fmt: skip
    with pytest.raises(MappingError) as raised:
        resolve(expression, event)
    assert str(raised.value).endswith(message)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "it is empty"),
        ("a b", "at position 2, 'b' is not expected"),
        ("a.'x'", "at position 2, 'x' is not expected"),
        ("a[?b = 'c']", "at position 5, '=' is not expected; compare with =="),
        ("a\ud800", "at position 1, '\\ud800' is not expected"),
        ("a[-]", "at position 2, '-' is not expected"),
        ("a[?b == 'c]", "the quote at position 8 is not closed"),
        ('"\\u12"', "the quoted text at position 0 has an escape that JSON does not know"),
        ("`'`|a[" + "9" * 4301 + "]", "a number has more than 4,300 digits"),
        *(
            (text, "it ends where something more is expected")
            for text in ("a.", "a[", "foo(", "a ||", "*.", " ")
        ),
    ],
)
def test_what_cannot_be_parsed(expression: str, message: str) -> None:
    """An expression that cannot be parsed is refused in plain words, with the position."""
    with pytest.raises(MappingError) as raised:
        compile_mapping({"v": {"@jmespath": expression}})
    assert str(raised.value).endswith(f"$.v.@jmespath: is not JMESPath: {message}")
