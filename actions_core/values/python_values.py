"""What Python programs hold, one step closer to JSON.

`simplify` knows every kind of value that is taken: times, numbers, sets, data classes, the scalars of numpy
and pandas, models of pydantic. Those libraries are never imported here: a value of theirs can only exist
where the program has imported them already, so they are looked up among the loaded modules.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections import UserString
from collections.abc import Awaitable, Iterator, Mapping, Sequence, Sized
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import attrs

from actions_core.errors import PayloadError
from actions_core.values.javascript import number_text
from actions_core.values.json_faults import LONGEST_INTEGER
from actions_core.values.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.values.types import Json

#: Nothing with more items fits into an event; a `range` or an array may claim billions.
_MOST_ITEMS: Final = 1_000_000
_BEYOND: Final = 10**LONGEST_INTEGER
#: A value that needs more steps only ever turns into others like it.
MOST_STEPS: Final = 20
_NOTHING: Final = object()
_TEXT_FORMATS: Final = frozenset("Bbc")


#: What to do with a value that has no JSON form, by its kind and by a method that it has.
_HINTS: Final[tuple[tuple[Any, str], ...]] = (
    (time | timedelta, "; write it as a string or a number"),
    (Awaitable, "; await it first"),
    (Iterator, "; make a list of it"),
)
_METHOD_HINTS: Final = (
    ("get_secret_value", "; it is a secret: leave it out, or use what its get_secret_value() returns"),
    ("to_dict", "; use what its to_dict() returns"),
)


class UnfitError(Exception):
    """A value has no JSON form; the message continues a sentence whose subject is the value."""


def simplify(value: object) -> Json:
    """Return the value one step closer to JSON: a scalar, or a list or dict whose items may need steps too.

    Raises `UnfitError` for a value that has no JSON form; what the value's own methods raise gets through.
    """
    exact = _EXACTLY.get(type(value))
    if exact is not None:
        return exact(value)
    for kind, convert in _KINDS:
        if isinstance(value, kind):
            return convert(value)
    if (numpy_form := _numpy_form(value)) is not None:
        return numpy_form[0]
    if value is getattr(sys.modules.get("pandas"), "NA", _NOTHING):
        return None
    if (members := _members(value)) is not None:
        return members
    # The abstract classes come last: to ask them is slow, and much that has members registers with them.
    for kind, convert in _ABSTRACT:
        if isinstance(value, kind):
            return convert(value)
    raise UnfitError(f"is a Python {type(value).__name__}, which has no JSON form{_hint(value)}")


def key_text(key: object) -> str:
    """Return a key of a dict as JavaScript spells it: `1`, `true` and `null` for 1, True and None.

    Enums, UUIDs, times and the like are spelled as they are when they are values. Raises `UnfitError` for a
    key that has items of its own.
    """
    steps = 0
    text: Json = key
    while type(text) is not str:
        if text is None or isinstance(text, bool):
            return "null" if text is None else str(text).lower()
        if type(text) is int:
            return str(checked_integer(text))
        if type(text) is float:
            return number_text(text)
        if isinstance(text, list | dict | tuple) or steps > MOST_STEPS:
            raise UnfitError(f"has a key that is a Python {type(key).__name__}; keys are strings")
        text = simplify(text)
        steps += 1
    return text


def checked_integer(number: int) -> int:
    """Return the number; raises `UnfitError` if it has more digits than Python writes."""
    if not -_BEYOND < number < _BEYOND:
        raise UnfitError(f"is a number with more than {LONGEST_INTEGER:,} digits")
    return number


def _datetime(moment: datetime) -> str | None:
    if moment != moment:  # noqa: PLR0124 - pandas' NaT calls itself a datetime, and differs from itself
        return None
    if moment.utcoffset() is None:  # naive, even if it has a tzinfo
        moment = moment.replace(tzinfo=None)
    try:
        return format_time(moment)
    except PayloadError:
        raise UnfitError("is a time that falls outside the years 1 to 9999 in UTC") from None


def _decimal(number: Decimal) -> float | None:
    if not number.is_finite():
        return None
    if number.adjusted() >= LONGEST_INTEGER:
        raise UnfitError(f"is a number with more than {LONGEST_INTEGER:,} digits")
    whole = number.to_integral_value()
    if whole == number:
        return int(whole)
    near = float(number)
    if math.isinf(near):
        raise UnfitError("is a number with a fraction that is too large for a float")
    return near


def _text(data: bytes | bytearray | memoryview) -> str:
    if isinstance(data, memoryview) and data.format not in _TEXT_FORMATS:
        raise UnfitError("is a memoryview of something other than bytes")
    try:
        return bytes(data).decode()
    except UnicodeDecodeError as error:
        bad = error.object[error.start]
        raise UnfitError(f"is bytes that are not UTF-8 text (byte 0x{bad:02x} at {error.start:,})") from None


def _items(items: Sequence[object]) -> list[Json]:
    _check_size(items)
    return list(items)


def _sorted(items: AbstractSet[object]) -> list[Json]:
    """Return the items of a set in an order that does not change from process to process."""
    _check_size(items)
    try:
        return sorted(items)
    except Exception:  # noqa: BLE001 - the comparison is the items' own
        return sorted(items, key=lambda item: (type(item).__name__, str(item)))


def _mapping(value: Mapping[object, object]) -> dict[Any, Json]:
    _check_size(value)
    return dict(value.items())


def _check_size(items: Sized) -> None:
    if len(items) > _MOST_ITEMS:
        raise UnfitError(f"has {len(items):,} items; at most {_MOST_ITEMS:,} are allowed")


#: Looked through in this order: an Enum may be a str too, a datetime is a date, bool never gets here.
_KINDS: Final[tuple[tuple[type, Callable[[Any], Json]], ...]] = (
    (Enum, lambda member: member.value),
    (str, str.__str__),
    (datetime, _datetime),
    (Decimal, _decimal),
    (date, lambda day: day.isoformat()),
    (int, int.__int__),
    (float, float.__float__),
    (dict, _mapping),
    (list, _items),
    (tuple, _items),
    (set, _sorted),
    (frozenset, _sorted),
    (bytes, _text),
    (bytearray, _text),
    (memoryview, _text),
    (UUID, str),
)
_EXACTLY: Final[dict[type, Callable[[Any], Json]]] = dict(_KINDS)
_ABSTRACT: Final[tuple[tuple[type, Callable[[Any], Json]], ...]] = (
    (UserString, lambda text: text.data),
    (Mapping, _mapping),
    (AbstractSet, _sorted),
    (Sequence, _items),
)


def _members(value: object) -> Json | None:
    """Return what a data class, an attrs class, a pydantic model or URL holds; None for anything else."""
    kind = type(value)
    if hasattr(kind, "__pydantic_serializer__") and hasattr(kind, "model_dump"):
        return value.model_dump()  # type: ignore[attr-defined]  # asked one line above
    if hasattr(kind, "__validators__") and hasattr(kind, "__fields__") and hasattr(kind, "dict"):
        return value.dict()  # type: ignore[attr-defined]  # pydantic 1
    if dataclasses.is_dataclass(kind):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(kind)}
    if attrs.has(kind):
        return {field.name: getattr(value, field.name) for field in attrs.fields(kind)}
    return str(value) if isinstance(value, _url_kinds()) else None


def _url_kinds() -> tuple[type, ...]:
    """Return the classes of pydantic's URLs: those of 2.10 and later, and those of before."""
    networks, core = sys.modules.get("pydantic.networks"), sys.modules.get("pydantic_core")
    found = (
        getattr(networks, "_BaseUrl", None),
        getattr(networks, "_BaseMultiHostUrl", None),
        getattr(core, "Url", None),
        getattr(core, "MultiHostUrl", None),
    )
    return tuple(kind for kind in found if isinstance(kind, type))


def _numpy_form(value: Any) -> tuple[Json] | None:
    """Return what an array or a scalar of numpy holds, in a tuple since that may be None; else None."""
    numpy: Any = sys.modules.get("numpy")
    scalar = getattr(numpy, "generic", None)
    if not isinstance(scalar, type):
        return None
    if isinstance(value, numpy.ndarray):
        if value.size > _MOST_ITEMS:
            raise UnfitError(f"has {value.size:,} items; at most {_MOST_ITEMS:,} are allowed")
        if value.dtype.kind in "mM":  # `tolist` makes bare integers of some times
            return (list(value) if value.ndim else value[()],)
        return (value.tolist(),)
    if not isinstance(value, scalar):
        return None
    if isinstance(value, numpy.datetime64 | numpy.timedelta64):
        return (_numpy_time(numpy, value),)
    item: Any = value.item()  # type: ignore[attr-defined]  # numpy is not imported here
    if isinstance(item, numpy.floating):  # a longdouble stays one
        item = float(item)
    if isinstance(item, scalar):
        raise UnfitError(f"is a numpy {type(value).__name__}, which has no JSON form")
    return (item,)


def _numpy_time(numpy: Any, value: Any) -> Json:
    if numpy.isnat(value):
        return None
    if isinstance(value, numpy.timedelta64):
        raise UnfitError("is a numpy timedelta64, which has no JSON form; write it as a number")
    unit = numpy.datetime_data(value.dtype)[0]
    item = value.astype("datetime64[D]" if unit in "YMWD" else "datetime64[ms]").item()
    if not isinstance(item, date):
        raise UnfitError("is a time outside the years 1 to 9999")
    return item


def _hint(value: object) -> str:
    """Say what to do with a value that has no JSON form."""
    for kind, hint in _HINTS:
        if isinstance(value, kind):
            return hint
    for method, hint in _METHOD_HINTS:
        if hasattr(value, method) and not isinstance(value, type):
            return hint
    return "; use what it returns" if callable(value) else "; make a string or a number of it"
