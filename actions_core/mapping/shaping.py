"""The functions that compiled mappings call for the directives of our own: what they do with values.

Each takes whatever an event can have there; what a function cannot take fails at the place of its directive.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from actions_core.errors import ActionsError
from actions_core.mapping.runtime import check_size, encode, fail
from actions_core.values.hashing import hash_personal
from actions_core.values.javascript import number_text, to_text
from actions_core.values.naming import camel_case, snake_case
from actions_core.values.times import format_time, read_time
from actions_core.values.types import MISSING, Json, JsonObject, Missing
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from actions_core.values.hashing import HashAlgorithm, HashEncoding


def _camel(key: str) -> str:
    return camel_case(snake_case(key))


#: How keys are spelled anew.
SPELLINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "snake": snake_case,
    "camel": _camel,
    "lower": str.lower,
    "upper": str.upper,
}


def _microseconds(moment: datetime) -> int:
    since = moment.astimezone(UTC).replace(tzinfo=None) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _epoch() -> datetime:
    return read_time("1970-01-01").replace(tzinfo=None)


_EPOCH: Final = _epoch()
#: The forms in which a time is written.
TIMES: Final[Mapping[str, Callable[[datetime], Json]]] = {
    "s": lambda moment: _microseconds(moment) // 1_000_000,
    "ms": lambda moment: _microseconds(moment) // 1000,
    "us": _microseconds,
    "iso": format_time,
    "date": lambda moment: format_time(moment)[:-14],
}


def time_as(value: Json | Missing, form: str, place: str, *otherwise: Json | Missing) -> Json | Missing:
    """Write a time in another form; null, empty text and what is missing stay out.

    For what is no time, the value in `otherwise` is returned, if there is one.
    """
    if value is MISSING or value is None or value == "":
        return MISSING
    try:
        return TIMES[form](read_time(value))
    except (ActionsError, OverflowError):
        if otherwise:
            return otherwise[0]
        raise fail(place, f"must give a time, but its value is {kind(value)} that is none") from None


def hashed(
    value: Json | Missing,
    algorithm: HashAlgorithm,
    encoding: HashEncoding,
    normalize: Callable[[str], str] | None,
    place: str,
) -> Json | Missing:
    """Hash text, numbers and booleans, and each item of a list; what has nothing in it has no hash."""
    if isinstance(value, list):
        found = [hashed(item, algorithm, encoding, normalize, place) for item in value]
        return [item for item in found if item is not MISSING]
    if value is MISSING or value is None:
        return MISSING
    if isinstance(value, dict):
        raise fail(place, "must give text to hash, but its value is an object")
    try:
        made = hash_personal(to_text(value), algorithm, encoding, normalize=normalize)
    except ActionsError as error:
        raise fail(place, error.message) from None
    return MISSING if made is None else made


def _names(keys: Json, place: str) -> list[str]:
    if isinstance(keys, list) and all(isinstance(key, str) for key in keys):
        return keys
    raise fail(place, f"must have a list of keys, but its keys are {kind(keys)}")


def omit(
    value: Json | Missing, keys: Json | Missing, values: list[Json], place: str, *, deep: bool = False
) -> Json | Missing:
    """Return an object without some keys, and without keys of some values; of a list, each object in it.

    With `deep`, what lies deeper loses its keys first: an object that becomes empty may be one of the values.
    """
    below = (dict, list) if deep else (dict,)
    items = value if isinstance(value, list) else [value]
    is_needed = keys is not MISSING and any(isinstance(item, below) for item in items)
    left = frozenset(_names(keys, place) if is_needed else ())

    def without(here: Any) -> Any:
        if isinstance(here, list):
            return [without(item) if isinstance(item, below) else item for item in here]
        kept = {
            key: without(item) if deep and isinstance(item, below) else item
            for key, item in here.items()
            if key not in left
        }
        return {key: item for key, item in kept.items() if not _is_one_of(item, values)}

    return without(value) if isinstance(value, dict | list) else value


def _is_one_of(item: Json, values: list[Json]) -> bool:
    return any(item == one and type(item) is type(one) for one in values)


def pick(value: Json | Missing, keys: Json | Missing, place: str) -> Json | Missing:
    """Return an object of some keys only, under new names where `keys` is an object; lists as `omit`."""
    if isinstance(value, list):
        return [pick(item, keys, place) if isinstance(item, dict) else item for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(keys, dict):
        pairs = [(new, old) for new, old in keys.items() if isinstance(old, str)]
    else:
        pairs = [(key, key) for key in _names(keys, place)]
    return {new: value[old] for new, old in pairs if old in value}


def choice_key(value: Json | Missing) -> str | None:
    """Return the text by which a value chooses; None for what chooses nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, int | float) else None


def as_text(value: Json, place: str) -> Json:
    """Return text and null as they are, anything else as text; lists and objects are written as JSON."""
    if value is None or isinstance(value, str):
        return value
    return encode(value, place) if isinstance(value, list | dict) else to_text(value)


def change_values(
    value: Json | Missing,
    spelling: Callable[[str], str] | None,
    each: Callable[[JsonObject], Json | Missing] | None,
    place: str,
    *,
    text: bool,
    listed: bool,
) -> Json | Missing:
    """Return an object with its keys spelled anew and its values changed, or the list of these values."""
    if not isinstance(value, dict):
        return value
    made: JsonObject = {}
    size = 0
    for key, item in value.items():
        new = item if each is None else each({"key": key, "value": item})
        if new is MISSING:
            continue
        made[key if spelling is None else spelling(key)] = as_text(new, place) if text else new
        if text and isinstance(new, list | dict):
            size += len(made[key if spelling is None else spelling(key)])
            check_size(size, place)
    return list(made.values()) if listed else made


def split(value: Json | Missing, by: str, place: str, *, trim: bool) -> Json | Missing:
    """Cut text into its parts, of which empty ones are left out; of a list, each item."""
    if value is MISSING or value is None:
        return MISSING
    if isinstance(value, dict):
        raise fail(place, "must give text to split, but its value is an object")
    parts: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        if item is None or isinstance(item, list | dict):
            continue
        pieces = to_text(item).split(by)
        parts += [piece for piece in (map(str.strip, pieces) if trim else pieces) if piece]
    return parts
