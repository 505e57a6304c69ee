"""What directives do with values when an event runs."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.mapping.codegen import fail
from actions_core.mapping.reader import kind
from actions_core.values.javascript import WHITESPACE, number_text, to_text
from actions_core.values.paths import parse_path, read
from actions_core.values.types import MISSING, Json, JsonObject, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_BASIC_PLANE_END: Final = 0xFFFF
_ASCII_END: Final = 0x80
_SAID: Final = re.compile(r"\$([$&`'])")

#: A text that a directive makes may not grow beyond this: nested directives could multiply it without end.
MAX_TEXT: Final = 1_000_000


def filled(value: Json | Missing) -> bool:
    """Whether a value is there and not loosely equal to the empty text, as JavaScript's `!=` sees it."""
    while isinstance(value, list):
        if len(value) != 1:
            return bool(value)
        value = value[0]
        if isinstance(value, bool) or (isinstance(value, int | float) and value == 0):
            return True  # inside a list it counts as its text, "false" or "0"
    return bool(value) or isinstance(value, dict)


def demand_text(value: Json | Missing, path: str) -> str:
    """The value where it is text; an error of the directive at `path` where it is not."""
    if isinstance(value, str):
        return value
    came = "nothing" if value is MISSING else kind(value)
    raise fail(path, f"must come out as text, but {came} came out")


def read_dynamic(event: Json, path: Json | Missing, place: str) -> Json | Missing:
    """What stands at a path that is itself the result of a directive."""
    return read(event, parse_path(demand_text(path, place)))


def template_text(value: Json | Missing) -> str:
    """A value inside a template: nothing and null are the empty text."""
    return "" if value is None or value is MISSING else to_text(value)


def holes(text: str, braces: int) -> Iterator[tuple[int, int, str]]:
    """Where a template's placeholders of two or three braces begin and end, and the paths in them.

    One pass over the text, however many braces it has.
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
    """The template with every placeholder of that many braces replaced."""
    parts = []
    at = size = 0
    for start, end, path in holes(text, braces):
        value = template_text(read(event, parse_path(path)))
        parts += [text[at:start], value]
        at = end
        size += len(value)
        check_size(size, place)
    return "".join([*parts, text[at:]])


def fill_both(text: Json | Missing, event: Json, place: str) -> str:
    """A template's two passes: the second also sees what the first has put in."""
    return fill_template(fill_template(demand_text(text, place), event, place, 3), event, place, 2)


def check_size(size: int, place: str) -> None:
    """Refuse a text that has grown beyond all measure."""
    if size > MAX_TEXT:
        raise fail(place, f"makes a text of more than {MAX_TEXT:,} characters")


def fold(text: str) -> str:
    """A text of the same length in which letters that differ only in case are the same."""
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
    """A plain text to search for, and what stands in its place.

    The replacement may hold JavaScript's `$&`, `$$`, `` $` `` and `$'`.
    """

    pattern: str
    replacement: str
    ignore_case: bool
    every: bool
    place: str

    def apply(self, text: str) -> str:
        """The text with what is found replaced."""
        plain = "$" not in self.replacement
        if plain and not self.ignore_case and len(text) * len(self.replacement) <= MAX_TEXT:
            return text.replace(self.pattern, self.replacement, -1 if self.every else 1)
        searched, sought = (fold(text), fold(self.pattern)) if self.ignore_case else (text, self.pattern)
        parts = []
        at = size = 0
        while (found := searched.find(sought, at)) >= 0:
            end = found + len(sought)
            new = self.replacement if plain else _expand(self.replacement, text, found, end)
            parts += [text[at:found], new]
            at = end
            size += len(new)
            check_size(size, self.place)
            if not self.every:
                break
        return "".join([*parts, text[at:]])


def _expand(replacement: str, text: str, start: int, end: int) -> str:
    said = {"$": "$", "&": text[start:end], "`": text[:start], "'": text[end:]}
    return _SAID.sub(lambda found: said[found[1]], replacement)


def replaceable(value: Json | Missing) -> str:
    """The text in which `@replace` searches: numbers and booleans in their spelling, others empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, int | float) else ""


def flatten(value: Json | Missing, separator: str, *, omit_arrays: bool) -> JsonObject:
    """An object of one level, with the keys of all levels joined."""
    flat: JsonObject = {}
    _flatten_into(flat, "", value, separator, (dict,) if omit_arrays else (dict, list))
    return flat


def _flatten_into(
    flat: JsonObject, prefix: str, value: Any, separator: str, taken_apart: tuple[type, ...]
) -> None:
    whole = not isinstance(value, taken_apart)
    if whole:
        if value is not MISSING:
            flat[prefix] = value
        return
    pairs: Iterable[tuple[str | int, Json]] = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in pairs:
        joined = f"{prefix}{separator}{key}" if prefix else str(key)
        _flatten_into(flat, joined, item, separator, taken_apart)


def merge(objects: list[Json | Missing], *, leftmost_wins: bool) -> JsonObject:
    """One object of all keys; what is no object counts as empty."""
    merged: JsonObject = {}
    for item in reversed(objects) if leftmost_wins else objects:
        if isinstance(item, dict):
            merged.update(item)
    return merged


def drop_nulls(value: Json | Missing) -> Json | Missing:
    """The value without nulls in objects at any depth; lists are not entered, a lone null is missing."""
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
    """What a JSON text says; a text that is not JSON, and anything but text, as it is."""
    if not isinstance(value, str):
        return value
    try:
        return _DECODER.decode(value)
    except ValueError:
        return value


def shape_items(value: Json | Missing, shape: Callable[[Json], Json | Missing]) -> Json | Missing:
    """Each item of a list given its shape; an object counts as a list of one, anything else passes."""
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return value
    shaped = [shape(item) for item in value]
    return [None if item is MISSING else item for item in shaped]
