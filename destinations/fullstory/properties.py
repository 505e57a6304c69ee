"""Turns traits and properties into what FullStory takes: names changed, v1's type suffixes added.

Three ways to change a name, one for each kind of call: `USER_V1` joins words as camelCase and adds
suffixes, `EVENT_V1` drops characters and adds suffixes, `V2` drops characters. FullStory accepts a
call whose properties it cannot keep and drops those; what is known to be dropped is noted as a warning.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.errors import Problem, child_path
from actions_core.javascript import to_text
from destinations.fullstory.words import camel_case

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.types import Json, JsonObject

LEVELS: Final = 5
MOST_PROPERTIES: Final = 500
LONGEST_NAME: Final = 512
LARGEST_VALUE: Final = 8192

SUFFIXES: Final = frozenset(
    kind + plural for kind in ("str", "int", "real", "date", "bool", "obj") for plural in ("", "s")
)

#: The suffix that v1 gives a value of each type; lists have their own, null and objects none.
_SUFFIX_OF: Final = {str: "_str", int: "_real", float: "_real", bool: "_bool"}
_LIST_SUFFIX_OF: Final[dict[frozenset[type], str]] = {
    frozenset(): "_strs",
    frozenset({str}): "_strs",
    frozenset({int}): "_reals",
    frozenset({float}): "_reals",
    frozenset({int, float}): "_reals",
    frozenset({bool}): "_bools",
    frozenset({dict}): "_objs",
    frozenset({list}): "_objs",
    frozenset({dict, list}): "_objs",
}
_COMPOUND: Final = frozenset({dict, list})

_DROPPED: Final = re.compile(r"[^A-Za-z0-9_]+")
#: A text this short cannot be over the limit, whatever its characters: no need to encode it.
_SURELY_SMALL: Final = LARGEST_VALUE // 4
_REMEMBERED: Final = 4096


class _Names(dict[str, tuple[str, bool, str]]):
    """Remembers each name as it is sent, whether it has a suffix, and what is wrong with it.

    A dictionary that fills itself, because it is asked for every property of every event. Names come
    from events, so there is a limit to how many are remembered, and to how long those are.
    """

    def __init__(self, change: Callable[[str], str]) -> None:
        super().__init__()
        self._change = change

    def __missing__(self, name: str) -> tuple[str, bool, str]:
        head, mark, last = name.rpartition("_")
        suffixed = bool(mark) and last in SUFFIXES
        changed = self._change(head if suffixed else name)
        answer = (f"{changed}_{last}" if suffixed and changed else changed, suffixed, _complaint(changed))
        if len(name) <= LONGEST_NAME:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[name] = answer
        return answer


def _complaint(name: str) -> str:
    if not name:
        return "has no character that FullStory takes in a name, so it is left out"
    if not name[0].isalpha():
        return "does not begin with a letter, so FullStory drops it"
    if len(name) > LONGEST_NAME:
        return f"has a name of more than {LONGEST_NAME} characters, so FullStory drops it"
    return ""


def _stripped(name: str) -> str:
    return _DROPPED.sub("", name)


def _camel_cased(name: str) -> str:
    return _stripped(camel_case(name))


@attrs.frozen(eq=False)
class Style:
    """How the names of one kind of call are changed, and whether they get suffixes."""

    names: _Names
    typed: bool


USER_V1: Final = Style(_Names(_camel_cased), typed=True)
EVENT_V1: Final = Style(_Names(_stripped), typed=True)
V2: Final = Style(_Names(_stripped), typed=False)

#: The keys that lead to an object, innermost first; made into a path only when there is something to say.
_Trail = tuple["_Trail", str] | None


@attrs.define
class _Walk:
    root: str
    style: Style
    notes: list[Problem] = attrs.field(factory=list)
    count: int = 0

    def note(self, trail: _Trail, key: str, message: str) -> None:
        keys = [key]
        while trail is not None:
            trail, parent = trail
            keys.append(parent)
        path = self.root
        for name in reversed(keys):
            path = child_path(path, name)
        self.notes.append(Problem(path, message, "warning"))


def change_names(source: JsonObject, style: Style, root: str) -> tuple[JsonObject, list[Problem]]:
    """`source` as FullStory takes it, and warnings about what it will not keep, with paths below `root`."""
    walk = _Walk(root, style)
    changed = _change(walk, source, None, 1, 0)
    if walk.count > MOST_PROPERTIES:
        message = f"There are {walk.count} properties; FullStory keeps {MOST_PROPERTIES} at most."
        walk.notes.append(Problem(root, message, "warning"))
    return changed, walk.notes


def _change(walk: _Walk, source: JsonObject, trail: _Trail, level: int, prefix: int) -> JsonObject:
    """One object of `source`; `prefix` is the length of the dotted names above it."""
    changed: JsonObject = {}
    names, typed = walk.style.names, walk.style.typed
    for key, value in source.items():
        name, suffixed, complaint = names[key]
        if complaint:
            walk.note(trail, key, f"{key!r} {complaint}.")
            if not name:
                continue
        sent = value
        kind = type(value)
        if kind is dict:
            if level < LEVELS:
                sent = _change_object(walk, value, (trail, key), level + 1, prefix + len(name) + 1)
        elif kind is list:
            sent, suffix = _change_list(walk, value, trail, key, name if suffixed else "")
            name += suffix
        elif typed and not suffixed:
            name += _SUFFIX_OF.get(kind, "")
        if kind is str and len(value) > _SURELY_SMALL:
            _check_size(walk, value, trail, key)
        if name in changed:
            walk.note(trail, key, f"{key!r} and another name both become {name!r}; the later value is sent.")
        changed[name] = sent
    walk.count += len(changed)
    return changed


def _change_object(
    walk: _Walk, source: JsonObject, trail: tuple[_Trail, str], level: int, prefix: int
) -> JsonObject:
    """An object below another."""
    walk.count -= 1  # what counts are the values inside
    changed = _change(walk, source, trail, level, prefix)
    if prefix + max(map(len, changed), default=0) > LONGEST_NAME:
        walk.note(
            *trail, f"FullStory drops names of more than {LONGEST_NAME} characters, those above included."
        )
    return changed


def _change_list(
    walk: _Walk, items: list[Json], trail: _Trail, key: str, suffixed_name: str
) -> tuple[list[Json], str]:
    """A list as it is sent, and the suffix that its name gets; `suffixed_name` is a name that has one."""
    _check_items(walk, items, trail, key)
    if not walk.style.typed:
        return items, ""
    sent, suffix = _typed_list(items, suffixed_name)
    return sent, "" if suffixed_name else suffix


def _typed_list(items: list[Json], suffixed_name: str) -> tuple[list[Json], str]:
    """A list as v1 takes it, and the suffix that says what is in it.

    Lists hold one kind of values there. Where kinds are mixed, nulls go; then an object or a list
    makes it a list of objects, and anything else a list of texts. A suffix in `suffixed_name` was
    chosen by the sender and decides what the items may become.
    """
    suffix = _LIST_SUFFIX_OF.get(frozenset(map(type, items)))
    if suffix is not None:
        return items, suffix
    items = [item for item in items if item is not None]
    kinds = frozenset(map(type, items))
    suffix = _LIST_SUFFIX_OF.get(kinds)
    if suffix is not None:
        return items, suffix
    if kinds & _COMPOUND:
        return items, "_objs"
    if suffixed_name and not suffixed_name.endswith("_strs"):
        return items, ""
    return [to_text(item) for item in items], "_strs"


def _check_items(walk: _Walk, items: list[Json], trail: _Trail, key: str) -> None:
    for item in items:
        kind = type(item)
        if kind is str:
            if len(item) > _SURELY_SMALL:
                _check_size(walk, item, trail, key)
        elif kind is dict and not walk.style.typed:
            walk.note(trail, key, f"{key!r} is a list with objects in it, which FullStory does not keep.")
            return


def _check_size(walk: _Walk, text: str, trail: _Trail, key: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > LARGEST_VALUE:
        walk.note(
            trail, key, f"{key!r} has {size} bytes; FullStory drops values of more than {LARGEST_VALUE}."
        )
