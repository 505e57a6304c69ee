"""The functions of JMESPath, where the library's own show Python or grow without a bound.

`true` is not 1; numbers are read and written as JSON has them, and one that no double can hold is null. What
a function cannot take is said in the words of JSON, without the value, which may be long or private.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from jmespath.functions import Functions, signature

from actions_core.mapping.runtime import written_size
from actions_core.values.javascript import stringify
from actions_core.values.wording import TYPE_WORDS, either, kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: The most characters in a text that a function writes.
MAX_TEXT: Final = 1_000_000
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
#: A longer text is no number that a double can hold.
_LONGEST_NUMBER: Final = 400
#: From here on every double is an integer, and Python would write all the digits of what it stands for.
_ALL_INTEGERS: Final = 2.0**53
_ORDERED: Final = ("a number", "a string")


class LimitExceeded(Exception):  # noqa: N818  # an expression's evaluation ends with it, as with a signal
    """The expression takes too long, or its value is too large."""


class UnfitArgument(Exception):  # noqa: N818  # as above; it becomes a `MappingError` where the expression is known
    """A function gets a value that it cannot take; the message is a whole clause."""


def same(left: Any, right: Any, tick: Callable[[], None]) -> bool:
    """Tell whether two JSON values are equal: booleans are not numbers, at any depth."""
    if left is right:
        return True
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, list):
        tick()
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(same(one, other, tick) for one, other in zip(left, right, strict=True))
        )
    if isinstance(left, dict):
        tick()
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(same(one, right[key], tick) for key, one in left.items())
        )
    return bool(left == right)


class JsonFunctions(Functions):
    """JMESPath's functions over JSON. `tick` is called in long loops, and raises where time is up."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick

    def _type_check(
        self, actual: list[Any], signature: tuple[dict[str, Any], ...], function_name: str
    ) -> None:
        last = len(signature) - 1
        for place, value in enumerate(actual):
            types = signature[min(place, last)]["types"]  # the last one holds for all that follow
            if types and not _fits(value, types):
                which = "" if len(actual) == 1 else f" as its argument {place + 1}"
                raise UnfitArgument(f"{function_name} takes {_forms(types)}{which}, not {_described(value)}")
            if types and isinstance(value, list):
                _check_items(value, types, function_name)

    def _create_key_func(self, expref: Any, _types: list[str], function_name: str) -> Any:
        """Return the function that gives what an item is ordered by: numbers only, or strings only."""
        first: list[str] = []

        def key(item: Any) -> Any:
            value = expref.visit(expref.expression, item)
            found = _described(value)
            if found not in _ORDERED:
                raise UnfitArgument(
                    f"{function_name} orders by numbers or by strings, not by {_described(value)}"
                )
            if found not in (first or [found]):
                raise UnfitArgument(f"{function_name} cannot order {first[0]} and {found}")
            first[:] = [found]
            return value

        return key

    @signature({"types": ["array"]}, {"types": ["expref"]})
    def _func_sort_by(self, array: list[Any], expref: Any) -> list[Any]:
        return sorted(array, key=self._create_key_func(expref, [], "sort_by"))

    @signature({"types": ["array-number"]})
    def _func_sum(self, numbers: list[float]) -> float | None:
        return _finite(lambda: sum(numbers))

    @signature({"types": ["array-number"]})
    def _func_avg(self, numbers: list[float]) -> float | None:
        return _finite(lambda: sum(numbers) / len(numbers)) if numbers else None

    @signature({"types": ["number"]})
    def _func_ceil(self, number: float) -> float:
        return number if abs(number) >= _ALL_INTEGERS else math.ceil(number)

    @signature({"types": ["number"]})
    def _func_floor(self, number: float) -> float:
        return number if abs(number) >= _ALL_INTEGERS else math.floor(number)

    @signature({"types": []})
    def _func_to_string(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if written_size(value, {}) > MAX_TEXT:
            raise LimitExceeded(f"makes a text of more than {MAX_TEXT:,} characters")
        return stringify(value)

    @signature({"types": []})
    def _func_to_number(self, value: Any) -> float | None:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        if not isinstance(value, str) or len(value) > _LONGEST_NUMBER or not _NUMBER.fullmatch(value):
            return None
        if value.removeprefix("-").isdigit():
            return int(value)
        return _finite(lambda: float(value))

    @signature({"types": ["array", "string"]}, {"types": []})
    def _func_contains(self, subject: Any, search: Any) -> bool:
        if isinstance(subject, str):
            return isinstance(search, str) and search in subject
        self._tick()
        return any(same(one, search, self._tick) for one in subject)

    @signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, texts: list[str]) -> str:
        if len(separator) * len(texts) + sum(map(len, texts)) > MAX_TEXT:
            raise LimitExceeded(f"makes a text of more than {MAX_TEXT:,} characters")
        return separator.join(texts)


def _finite(compute: Callable[[], float]) -> float | None:
    """Return a number, or None where it is none that a double can hold, as JSON writes such numbers."""
    try:
        number = compute()
    except OverflowError:  # Python's integers have no bound, its doubles do
        return None
    return number if isinstance(number, int) or math.isfinite(number) else None


def _fits(value: Any, types: Iterable[str]) -> bool:
    """Return whether a value is of one of JMESPath's types, whatever the items of a list are."""
    found = _described(value)
    # Loading has seen to it that expressions after & stand where they are wanted, and nowhere else.
    return any(one == "expref" or found == _word(one) for one in types)


def _check_items(items: list[Any], types: Iterable[str], function_name: str) -> None:
    """Raise where the items of a list are not all of one type that the function takes."""
    wanted = {_item_word(one) for one in types if "-" in one}
    if not wanted or not items:
        return
    first = _described(items[0])
    for place, item in enumerate(items):
        found = _described(item)
        if found not in wanted:
            raise UnfitArgument(
                f"{function_name} takes {_forms(types)}, but [{place}] of its list is {found}"
            )
        if found != first:
            raise UnfitArgument(
                f"{function_name} takes {_forms(types)}, but [0] of its list is {first} and [{place}] {found}"
            )


def _word(one: str) -> str:
    return TYPE_WORDS[one.partition("-")[0]]


def _item_word(one: str) -> str:
    return TYPE_WORDS[one.partition("-")[2]]


def _described(value: Any) -> str:
    """Say what kind of value this is; integers that no double holds are numbers here."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return TYPE_WORDS["number"]
    return kind(value)


def _forms(types: Iterable[str]) -> str:
    """Say what a function takes: `a list of numbers or a list of strings`."""
    return either([f"a list of {one.partition('-')[2]}s" if "-" in one else _word(one) for one in types])
