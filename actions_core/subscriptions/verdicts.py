"""The verdicts of destination filters: what their operands give, and which tests hold.

They differ from those of subscriptions: both sides of `=` must be of one type, whatever the field on the
left; what is negated holds wherever the plain test does not; a missing value is null everywhere. Most
tests are of one field and one literal, and become a check as those of subscriptions do; the others are
functions of the event, put together once.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from actions_core.errors import DefinitionError
from actions_core.subscriptions.globs import compile_glob
from actions_core.subscriptions.operands import Call, Constant, Field, Items
from actions_core.values.javascript import stringify, to_number, to_text
from actions_core.values.paths import read
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.subscriptions.operands import FilterTerm, Operand
    from actions_core.values.types import Json, JsonObject

    Getter: TypeAlias = Callable[[JsonObject], Json]

_BLANKS: Final = " \t\n\r\f\v"
_ORDERS: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_FALSE_TEXTS: Final = ("", "false", "0")
#: The characters of a pattern that mean something else than themselves.
_GLOB_SIGNS: Final = "*?[\\"


def simple_check(test: FilterTerm) -> tuple[tuple[str, ...], str, Any] | None:
    """Return the path, the kind of check and its operand, where a test is of one field and one literal."""
    if isinstance(test.left, Call) and test.operator == "is true":
        return _simple_call(test.left)
    if not isinstance(test.left, Field):
        return None
    kind = ""
    operand: Any = None
    if test.operator == "is true":
        kind, operand = "is", True
    elif isinstance(test.right, Constant):
        kind, operand = _kind(test.operator, test.right.value), test.right.value
    elif isinstance(test.right, Items) and test.operator == "in" and test.right.items:
        texts = [item.value for item in test.right.items if isinstance(item, Constant)]
        if len(texts) == len(test.right.items) and all(isinstance(text, str) for text in texts):
            kind, operand = "one_of", tuple(texts)
    return (test.left.path, kind, operand) if kind else None


def _kind(relation: str, value: Json) -> str:
    if relation == "in":
        return ""
    if relation not in ("=", "!="):
        return relation if isinstance(value, (int, float)) and not isinstance(value, bool) else "never"
    equal = relation == "="
    if value is None:
        return "absent" if equal else "present"
    if isinstance(value, bool):
        return "is" if equal else "is_not"
    if isinstance(value, str):
        return "text" if equal else "other_text"
    return "number" if equal else "unequal_number"


def _simple_call(call: Call) -> tuple[tuple[str, ...], str, Any] | None:
    if call.function not in ("contains", "match"):
        return None
    field, wanted = call.arguments
    if not isinstance(field, Field) or not isinstance(wanted, Constant) or not isinstance(wanted.value, str):
        return None
    text = wanted.value
    if call.function == "contains":
        return field.path, "contains", text
    head, tail = text[:-1], text[1:]
    if text[-1:] == "*" and not any(sign in head for sign in _GLOB_SIGNS):
        return field.path, "starts_with", head
    if text[:1] == "*" and not any(sign in tail for sign in _GLOB_SIGNS):
        return field.path, "ends_with", tail
    return None


def term_function(test: FilterTerm) -> Callable[[JsonObject], bool]:
    """Return a function that tells whether a test holds for an event."""
    left = getter(test.left)
    if test.operator == "is true":
        return lambda event: left(event) is True
    right = getter(test.right)
    compare = _comparison(test.operator)
    return lambda event: compare(left(event), right(event))


def _comparison(relation: str) -> Callable[[Json, Json], bool]:
    if relation == "=":
        return same
    if relation == "!=":
        return lambda left, right: not same(left, right)
    if relation == "in":
        return lambda left, right: isinstance(right, list) and any(same(left, one) for one in right)
    order = _ORDERS[relation]
    return lambda left, right: is_number(left) and is_number(right) and order(left, right)


def is_number(value: Json) -> bool:
    """Tell whether a value is a number, which a boolean is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def same(left: Json, right: Json) -> bool:
    """Tell whether two values are of one type and equal."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(same(one, right[key]) for key, one in left.items())
        )
    return bool(left == right)


def getter(operand: Operand) -> Getter:
    """Return a function that gives the value of an operand for an event; what is missing is null."""
    if isinstance(operand, Field):
        path = operand.path
        return lambda event: _found(event, path)
    if isinstance(operand, Constant):
        value = operand.value
        return lambda _: value
    if isinstance(operand, Items):
        inner = [getter(item) for item in operand.items]
        return lambda event: [get(event) for get in inner]
    function, arguments = _FUNCTIONS[operand.function], [getter(one) for one in operand.arguments]
    return lambda event: function(*[get(event) for get in arguments])


def _found(event: JsonObject, path: tuple[str, ...]) -> Json:
    value = read(event, path)
    return None if value is MISSING else value


# The functions


def _contains(text: Json, part: Json) -> bool:
    return isinstance(text, str) and isinstance(part, str) and part in text


def _match(text: Json, pattern: Json) -> bool:
    """Match a glob; a pattern of the event that cannot be read matches nothing."""
    if not isinstance(text, str) or not isinstance(pattern, str):
        return False
    try:
        return compile_glob(pattern).matches(text)
    except DefinitionError:
        return False


def _length(value: Json) -> Json:
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    return len(value) if isinstance(value, list) else None


def _of_text(function: Callable[[str], str]) -> Callable[[Json], Json]:
    return lambda value: function(value) if isinstance(value, str) else None


def _with_blanks(sign: str) -> Callable[[str], str]:
    blanks = str.maketrans(dict.fromkeys(_BLANKS, sign))
    return lambda text: text.translate(blanks)


def _titlecase(text: str) -> str:
    """Write the first letter of each word large."""
    letters = list(text)
    for index, letter in enumerate(letters):
        if not index or letters[index - 1] in _BLANKS:
            letters[index] = letter.upper()
    return "".join(letters)


def _typeof(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "list"
    return "object" if isinstance(value, dict) else "number"


def _to_bool(value: Json) -> bool:
    if isinstance(value, str):
        return value.lower() not in _FALSE_TEXTS
    return bool(value)


def _to_string(value: Json) -> str:
    if value is None:
        return ""
    return stringify(value) if isinstance(value, (list, dict)) else to_text(value)


def _to_number(value: Json) -> Json:
    if isinstance(value, str):
        number = to_number(value)
        return None if number is None or not math.isfinite(number) else number
    return value if is_number(value) else None


_FUNCTIONS: Final[dict[str, Callable[..., Json]]] = {
    "bool": _to_bool,
    "contains": _contains,
    "kebabcase": _of_text(_with_blanks("-")),
    "length": _length,
    "lowercase": _of_text(str.lower),
    "match": _match,
    "number": _to_number,
    "snakecase": _of_text(_with_blanks("_")),
    "string": _to_string,
    "titlecase": _of_text(_titlecase),
    "typeof": _typeof,
    "uppercase": _of_text(str.upper),
}
