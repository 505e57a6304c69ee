"""One more key in a JSON file, and all that stands there left as it is: blanks, order, line ends.

The text is known to be JSON; what is looked for is only where its parts begin and end.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.values.types import Json

_DECODER: Final = json.JSONDecoder()
_BLANKS: Final = " \t\r\n"


@attrs.frozen
class _Member:
    """A key of an object: where it begins, and where its value begins and ends."""

    key: str
    start: int
    value: int
    end: int


def add_member(text: str, parent: str, key: str, value: Json) -> str:
    """Add a key at the end of the object that the root has under `parent`.

    Raises `ValueError` where there is no such object.
    """
    found = next((member for member in _members(text, _skip(text, 0)) if member.key == parent), None)
    if found is None or text[found.value] != "{":
        raise ValueError(f"there is no object {parent!r} at the root")
    members = list(_members(text, found.value))
    newline = "\r\n" if "\r\n" in text else "\n"
    outer = _indent(text, found.start)
    if outer is None or (members and _indent(text, members[0].start) is None):
        at = members[-1].end if members else found.value + 1
        return f"{text[:at]}{', ' if members else ''}{_written(key)}: {_written(value)}{text[at:]}"
    inner = _indent(text, members[0].start) if members else None
    inner = outer + "  " if inner is None else inner
    lines = json.dumps(value, indent=inner.removeprefix(outer) or "  ", ensure_ascii=False).split("\n")
    added = f"{newline}{inner}{_written(key)}: {f'{newline}{inner}'.join(lines)}"
    if members:
        return f"{text[: members[-1].end]},{added}{text[members[-1].end :]}"
    return f"{text[: found.value + 1]}{added}{newline}{outer}{text[found.end - 1 :]}"


def _members(text: str, at: int) -> Iterator[_Member]:
    """Yield the keys of the object that begins at a position."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        start = at
        key, at = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, value)
        yield _Member(key, start, value, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANKS:
        at += 1
    return at


def _indent(text: str, at: int) -> str | None:
    """Return the blanks before a key that begins its line; None for one that does not."""
    line = text[:at].rpartition("\n")
    return line[2] if line[1] and not line[2].strip() else None


def _written(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
