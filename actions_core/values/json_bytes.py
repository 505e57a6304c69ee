"""JSON as it goes over the wire: compact, in UTF-8, written by orjson.

What orjson cannot write is written here in the same spelling: integers beyond 64 bits, strings with half a
surrogate pair, which stay escaped because UTF-8 cannot hold them, keys that are not strings, and nesting
deeper than it goes. NaN and infinities are null, as in JavaScript.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import orjson

from actions_core.values.javascript import quote, to_text

if TYPE_CHECKING:
    from actions_core.values.types import Json

# A time or an object of Python's has no JSON form of its own here: whoever makes the JSON spells it.
_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def json_bytes(value: Json) -> bytes:
    """Write a value as JSON. Raises `TypeError`, `ValueError` or `RecursionError` for what is not JSON."""
    try:
        return orjson.dumps(value, None, _OPTIONS)
    except TypeError:
        return _write(value).encode()


def stored_text(value: Json) -> str:
    """Write a value as text to be kept, which `read_stored` reads back as it was.

    What orjson does not write begins with a blank, since orjson reads some of it as something else.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return " " + json.dumps(value, separators=(",", ":"))


def read_stored(text: str) -> Json:
    """Read what `stored_text` wrote."""
    read: Json = json.loads(text) if text.startswith(" ") else orjson.loads(text)
    return read


def _write(value: object) -> str:
    """Write what orjson does not, in its spelling."""
    if isinstance(value, str):
        return quote(str.__str__(value))
    if isinstance(value, dict):
        return "{" + ",".join([f"{_key(key)}:{_write(item)}" for key, item in value.items()]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_write, value)) + "]"
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__repr__(value)
    if isinstance(value, float):
        value = float(value)  # not of a class of its own, such as numpy's
    try:
        return orjson.dumps(value, None, _OPTIONS).decode()
    except TypeError:
        raise TypeError(f"a {type(value).__name__} is not JSON") from None


def _key(key: object) -> str:
    if isinstance(key, str):
        return quote(str.__str__(key))
    if key is None or isinstance(key, bool | int | float):
        return quote(to_text(key))
    raise TypeError(f"a key that is a {type(key).__name__} is not JSON")
