"""How a field's value is found in an event.

The rules are those of paths in a mapping: only data can be reached, a step into null, false, 0 or
empty text yields that value, and lists have items (by number) and, like text, a `length`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.types import MISSING, Json

if TYPE_CHECKING:
    from collections.abc import Iterable


def read(event: Json, path: Iterable[str]) -> Json:
    """The value at `path`, or `MISSING`."""
    value = event
    for key in path:
        value = step(value, key)
    return value


def step(value: Json, key: str) -> Json:
    """The value one key further, or `MISSING`."""
    if isinstance(value, dict):
        return value.get(key, MISSING)
    if isinstance(value, list):
        if key == "length":
            return len(value)
        return value[int(key)] if _is_index(key, len(value)) else MISSING
    if not value:
        return value
    if isinstance(value, str) and key == "length":
        # JavaScript counts UTF-16 units.
        return len(value.encode("utf-16-le", "surrogatepass")) // 2
    return MISSING


def _is_index(key: str, length: int) -> bool:
    if not (key.isascii() and key.isdigit()) or len(key) > len(str(length)):
        return False
    return (key == "0" or key[0] != "0") and int(key) < length
