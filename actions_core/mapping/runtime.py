"""The functions that compiled mappings call for an event: what directives do with values.

Here stand the limits of what they make, too: of texts (`MAX_TEXT`), and of values that hold another
one many times over. Such a value takes no room, but a few steps of doubling make something that
nobody could ever write. Weighing looks at each list and object only once, so it is quick where
writing would not end.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.errors import MappingError, Problem
from actions_core.values.javascript import WHITESPACE, number_text, stringify, to_text
from actions_core.values.paths import parse_path, read
from actions_core.values.types import MISSING, Json, JsonObject, Missing
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_BASIC_PLANE_END: Final = 0xFFFF
_ASCII_END: Final = 0x80
_REPLACEMENT_SIGN: Final = re.compile(r"\$([$&`'])")

#: The most characters in a text that a directive makes: nested directives could multiply it without end.
MAX_TEXT: Final = 1_000_000
#: The most values in one value, each counted as often as it stands there.
MAX_WEIGHT: Final = 1_000_000
#: A text weighs one, and one more for each of so many characters.
_CHARACTERS: Final = 50


def fail(path: str, message: str) -> MappingError:
    """Return the error of the directive at `path`, which cannot do its work."""
    return MappingError(problems=[Problem(path, message)])


def is_filled(value: Json | Missing) -> bool:
    """Tell whether a value is there and not loosely equal to the empty text, as JavaScript's `!=` sees it."""
    while isinstance(value, list):
        if len(value) != 1:
            return bool(value)
        value = value[0]
        if isinstance(value, bool) or (isinstance(value, int | float) and value == 0):
            return True  # inside a list it counts as its text, "false" or "0"
    return bool(value) or isinstance(value, dict)


def require_text(value: Json | Missing, path: str) -> str:
    """Return a string as it is; raise an error of the directive at `path` for anything else."""
    if isinstance(value, str):
        return value
    raise fail(path, f"must give a string, but its value is {kind(value)}")


def read_dynamic(event: Json, path: Json | Missing, place: str) -> Json | Missing:
    """Return the value at a path that is itself the result of a directive."""
    return read(event, parse_path(require_text(path, place)))


def template_text(value: Json | Missing, place: str) -> str:
    """Return the text of a value in a template, empty for null and for what is missing."""
    if isinstance(value, list):
        check_size(written_size(value, {}), place)
    return "" if value is None or value is MISSING else to_text(value)


def placeholders(text: str, braces: int) -> Iterator[tuple[int, int, str]]:
    """Yield the start, the end and the path of each placeholder with so many braces, two or three.

    This is one pass over the text, however many braces it has.
    """
    opening, closing = "{" * braces, "}" * braces
    start = 0
    while (end := text.find("}", start)) >= 0:
        found = text.find(opening, start, end - 1)
        if found >= 0 and text.startswith(closing, end):
            yield found, end + braces, text[found + braces : end].strip(WHITESPACE)
            start = end + braces
        else:
            start = end + 1


def fill_template(text: str, event: Json, place: str, braces: int) -> str:
    """Return the template with every placeholder of so many braces replaced."""
    parts = []
    at = size = 0
    for start, end, path in placeholders(text, braces):
        value = template_text(read(event, parse_path(path)), place)
        parts += [text[at:start], value]
        at = end
        size += len(value)
        check_size(size, place)
    return "".join([*parts, text[at:]])


def fill_twice(text: Json | Missing, event: Json, place: str) -> str:
    """Fill a template in two passes, of which the second also sees what the first has put in."""
    return fill_template(fill_template(require_text(text, place), event, place, 3), event, place, 2)


def check_size(size: int, place: str) -> None:
    """Raise the error of a directive whose text has grown too long."""
    if size > MAX_TEXT:
        raise fail(place, f"makes a text of more than {MAX_TEXT:,} characters")


def fold_case(text: str) -> str:
    """Return a text of the same length in which letters that differ only in case are the same."""
    if text.isascii():
        return text.upper()
    return "".join(map(_fold_character, text))


def _fold_character(character: str) -> str:
    upper = character.upper()
    if ord(character) > _BASIC_PLANE_END or len(upper) != 1:
        return character
    return character if ord(character) >= _ASCII_END > ord(upper) else upper


@attrs.frozen
class Substitution:
    """A plain text to search for, and the text that replaces it.

    The replacement may contain JavaScript's `$&`, `$$`, `` $` `` and `$'`.
    """

    pattern: str
    replacement: str
    ignore_case: bool
    every: bool
    place: str

    def apply(self, text: str) -> str:
        """Return the text with what is found replaced."""
        plain = "$" not in self.replacement
        if plain and not self.ignore_case and len(text) * len(self.replacement) <= MAX_TEXT:
            return text.replace(self.pattern, self.replacement, -1 if self.every else 1)
        searched, pattern = text, self.pattern
        if self.ignore_case:
            searched, pattern = fold_case(text), fold_case(pattern)
        parts = []
        at = size = 0
        while (found := searched.find(pattern, at)) >= 0:
            end = found + len(pattern)
            new = self.replacement if plain else _expand(self.replacement, text, found, end)
            parts += [text[at:found], new]
            at = end
            size += len(new)
            check_size(size, self.place)
            if not self.every:
                break
        return "".join([*parts, text[at:]])


def _expand(replacement: str, text: str, start: int, end: int) -> str:
    meanings = {"$": "$", "&": text[start:end], "`": text[:start], "'": text[end:]}
    return _REPLACEMENT_SIGN.sub(lambda found: meanings[found[1]], replacement)


def searched_text(value: Json | Missing) -> str:
    """Return the text in which `@replace` searches: numbers and booleans as spelled, others empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, int | float) else ""


def flatten(value: Json | Missing, separator: str, place: str, *, omit_arrays: bool) -> JsonObject:
    """Return an object of one level, with the keys of all levels joined."""
    flat = _Flat(separator, (dict,) if omit_arrays else (dict, list), place)
    flat.add("", value)
    return flat.found


class _Flat:
    """The object of one level that `@flatten` makes, and the length of its keys, which is bounded."""

    def __init__(self, separator: str, flattened: tuple[type, ...], place: str) -> None:
        self.found: JsonObject = {}
        self._separator = separator
        self._flattened = flattened
        self._place = place
        self._size = 0

    def add(self, prefix: str, value: Any) -> None:
        """Add a value under the keys above it."""
        if not isinstance(value, self._flattened):
            if value is not MISSING:
                self._size += len(prefix)
                if self._size > MAX_TEXT:
                    raise fail(self._place, f"makes keys of more than {MAX_TEXT:,} characters")
                self.found[prefix] = value
            return
        inner: Any = value
        pairs: Iterable[tuple[Any, Json]] = inner.items() if isinstance(inner, dict) else enumerate(inner)
        for key, item in pairs:
            self.add(f"{prefix}{self._separator}{key}" if prefix else str(key), item)


def merge(objects: list[Json | Missing], *, leftmost_wins: bool) -> JsonObject:
    """Return one object with the keys of all; what is not an object counts as empty."""
    merged: JsonObject = {}
    for item in reversed(objects) if leftmost_wins else objects:
        if isinstance(item, dict):
            merged.update(item)
    return merged


def drop_nulls(value: Json | Missing) -> Json | Missing:
    """Return the value without nulls in objects at any depth.

    Nulls in lists stay; a null by itself is missing.
    """
    if value is None:
        return MISSING
    if isinstance(value, dict):
        return {key: drop_nulls(item) for key, item in value.items() if item is not None}
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not JSON")
    return number


_DECODER: Final = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)


def decode(value: Json | Missing) -> Json | Missing:
    """Return the value of a JSON text; a text that is not JSON, and anything but text, as it is."""
    if not isinstance(value, str):
        return value
    try:
        return _DECODER.decode(value)
    except ValueError:
        return value


def shape_items(value: Json | Missing, shape: Callable[[Json], Json | Missing]) -> Json | Missing:
    """Shape each item of a list; an object counts as a list of one, anything else stays as it is."""
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return value
    shaped = [shape(item) for item in value]
    return [None if item is MISSING else item for item in shaped]


def weigh(value: Json, known: dict[int, int]) -> int:
    """Count the values in a value, long texts as several.

    `known` has the weights of lists and objects by their identity; these must still be in use.
    """
    if isinstance(value, str):
        return 1 + len(value) // _CHARACTERS
    if not isinstance(value, list | dict):
        return 1
    weight = known.get(id(value))
    if weight is None:
        inner = value.values() if isinstance(value, dict) else value
        weight = known[id(value)] = 1 + sum([weigh(item, known) for item in inner])
    return weight


def written_size(value: Json | Missing, known: dict[int, int]) -> int:
    """Return about how many characters a value has once it is written as text.

    `known` has the sizes of lists and objects by their identity; these must still be in use.
    """
    if isinstance(value, str):
        return len(value) + 2
    if not isinstance(value, list | dict):
        return 4
    size = known.get(id(value))
    if size is None:
        inner = value.values() if isinstance(value, dict) else value
        size = 2 + len(value) + sum([written_size(item, known) for item in inner])
        if isinstance(value, dict):
            size += sum(map(len, value))
        known[id(value)] = size
    return size


def encode(value: Json, place: str) -> str:
    """Write a value as JSON, within bounds; its size is looked at before, so that nothing huge is made."""
    if isinstance(value, list | dict):
        check_size(written_size(value, {}), place)
    text = stringify(value)
    check_size(len(text), place)
    return text


def check_weight(value: Json, place: str) -> None:
    """Raise the error of a directive whose value has been multiplied too often."""
    if weigh(value, {}) > MAX_WEIGHT:
        raise fail(place, f"makes more than {MAX_WEIGHT:,} values")
