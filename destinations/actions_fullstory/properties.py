"""Traits and properties as FullStory accepts them: changed names, type suffixes for v1.

Three ways to change a name, one for each kind of call: `USER_V1` joins words as camelCase and adds
suffixes, `EVENT_V1` drops characters and adds suffixes, `V2` drops characters.

FullStory takes a call whose properties it cannot keep, and drops those; what is known to be dropped
comes back as warnings. Every event passes here, so the way of a property without faults is short, and
an object is looked at more closely only when there may be something to say about it.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from actions_core import Problem, child_path, to_text
from actions_fullstory.lodash import camel_case

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core import Json, JsonObject

LEVELS: Final = 5
MOST_PROPERTIES: Final = 500
LONGEST_NAME: Final = 512
LARGEST_VALUE: Final = 8192

SUFFIXES: Final = frozenset(
    kind + plural for kind in ("str", "int", "real", "date", "bool", "obj") for plural in ("", "s")
)

#: The suffix that v1 gives a value of each type; lists have their own, null and objects none.
_SUFFIX_OF: Final[dict[type, str]] = {
    str: "_str",
    int: "_real",
    float: "_real",
    bool: "_bool",
    type(None): "",
}
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
#: A text this short is within the limit, whatever its characters: no need to encode it.
_SURELY_SMALL: Final = LARGEST_VALUE // 4
#: Names this short are within the limit, even with those of all the levels above them.
_SURELY_SHORT: Final = LONGEST_NAME // LEVELS - 1

# Names come from events, so there are limits to how many are remembered, and to how long those are.
_REMEMBERED: Final = 2048
_LONGEST_REMEMBERED: Final = 128


@attrs.define(eq=False)
class _Doubts:
    """A counter of names that FullStory may not keep; they are not cached, so each occurrence counts."""

    count: int = 0


class _Names(dict[str, str]):
    """A cache of how each name is sent, with a suffix if it has none; missing names are computed.

    A name is sent as "" when it has no character that FullStory takes.
    """

    def __init__(self, change: Callable[[str], str], suffix: str, doubts: _Doubts) -> None:
        super().__init__()
        self._change = change
        self._suffix = suffix
        self._doubts = doubts

    def __missing__(self, name: str) -> str:
        head, last = split_suffix(name)
        changed = self._change(head)
        sent = changed + (last or self._suffix) if changed else ""
        if not sent[:1].isalpha() or len(sent) > _SURELY_SHORT:
            self._doubts.count += 1
        elif len(name) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[name] = sent
        return sent


def split_suffix(name: str) -> tuple[str, str]:
    """Split a name from its suffix, which is "" if FullStory does not know its last part."""
    head, mark, last = name.rpartition("_")
    return (head, f"_{last}") if mark and last in SUFFIXES else (name, "")


def _stripped(name: str) -> str:
    return _DROPPED.sub("", name)


def _camel_cased(name: str) -> str:
    return _stripped(camel_case(name))


@attrs.frozen(eq=False)
class Style:
    """The rules for the names of one kind of call.

    `scalars` has the names that go with each type of value, `lists` those with each suffix of a list,
    `objects` those of objects.
    """

    typed: bool
    scalars: dict[type, _Names]
    lists: dict[str, _Names]
    objects: _Names
    doubts: _Doubts


def _style(change: Callable[[str], str], *, typed: bool) -> Style:
    doubts = _Doubts()
    suffixes = {*_SUFFIX_OF.values(), *_LIST_SUFFIX_OF.values()} if typed else {""}
    names = {suffix: _Names(change, suffix, doubts) for suffix in suffixes}
    scalars = {kind: names[suffix if typed else ""] for kind, suffix in _SUFFIX_OF.items()}
    return Style(typed, scalars, names, names[""], doubts)


USER_V1: Final = _style(_camel_cased, typed=True)
EVENT_V1: Final = _style(_stripped, typed=True)
V2: Final = _style(_stripped, typed=False)


#: The keys that lead to an object, innermost first; a path is made of them when there is something to say.
_Trail: TypeAlias = "tuple[_Trail, str] | None"
_Notes: TypeAlias = list[tuple[_Trail, str]]


def change_names(
    source: JsonObject, style: Style, root: str
) -> tuple[JsonObject, Callable[[], list[Problem]] | None]:
    """Return `source` as it is sent, and what tells what FullStory will drop, with paths below `root`.

    That is None where there is nothing to tell; hardly any warning is ever read, so none is worded yet.
    """
    notes: _Notes = []
    changed, count = _change(source, style, None, 1, notes, style.doubts.count)
    if count > MOST_PROPERTIES:
        notes.append((None, f"There are {count} properties; FullStory keeps {MOST_PROPERTIES} at most."))
    return changed, partial(_warnings, root, notes) if notes else None


def _warnings(root: str, notes: _Notes) -> list[Problem]:
    return [Problem(_path(root, trail), message, "warning") for trail, message in notes]


def _path(root: str, trail: _Trail) -> str:
    if trail is None:
        return root
    above, key = trail
    return child_path(_path(root, above), key)


def _change(
    source: JsonObject, style: Style, trail: _Trail, level: int, notes: _Notes, doubts: int
) -> tuple[JsonObject, int]:
    """Return one object as it is sent, and the number of values in it and below.

    `doubts` is how many there were before. One in a name above counts, for it lengthens those below.
    """
    changed: JsonObject = {}
    below = 0
    typed, names = style.typed, style.objects
    for key, value in source.items():
        kind = type(value)
        if kind is dict and level < LEVELS:
            name = names[key]
            changed[name], inside = _change(value, style, (trail, key), level + 1, notes, doubts)
            below += inside - 1
        elif kind is list:
            name, sent = _change_list(key, value, style)
            changed[name] = sent
            _check_items(value, style, trail, key, notes)
        else:
            changed[(style.scalars.get(kind, names) if typed else names)[key]] = value
            if kind is str and len(value) > _SURELY_SMALL:
                _check_size(value, trail, key, notes)
    if len(changed) < len(source) or style.doubts.count != doubts:
        _check_names(source, style, trail, notes)
        changed.pop("", None)
    return changed, below + len(changed)


def _change_list(key: str, items: list[Json], style: Style) -> tuple[str, list[Json]]:
    """Return the name and the items of a list as they are sent."""
    if not style.typed:
        return style.objects[key], items
    suffix = _LIST_SUFFIX_OF.get(frozenset(map(type, items)))
    if suffix is None:
        items, suffix = _unmixed(items, split_suffix(key)[1])
    return style.lists[suffix][key], items


def _unmixed(items: list[Json], chosen: str) -> tuple[list[Json], str]:
    """Convert a list of mixed values to one kind, as v1 wants it, and return its suffix too.

    Nulls go; then an object or a list makes it a list of objects, and anything else a list of texts. A
    suffix that the sender has `chosen` stays, and only items that are to be texts become texts then.
    """
    items = [item for item in items if item is not None]
    kinds = frozenset(map(type, items))
    suffix = _LIST_SUFFIX_OF.get(kinds)
    if suffix is not None:
        return items, suffix
    if kinds & _COMPOUND or chosen not in {"", "_strs"}:
        return items, "_objs"
    return [to_text(item) for item in items], "_strs"


def _check_items(items: list[Json], style: Style, trail: _Trail, key: str, notes: _Notes) -> None:
    has_objects = False
    for item in items:
        kind = type(item)
        if kind is str and len(item) > _SURELY_SMALL:
            _check_size(item, trail, key, notes)
        elif kind is dict:
            has_objects = True
    if has_objects and not style.typed:
        notes.append(((trail, key), f"{key!r} is a list with objects in it, which FullStory does not keep."))


def _check_size(text: str, trail: _Trail, key: str, notes: _Notes) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > LARGEST_VALUE:
        notes.append(
            ((trail, key), f"{key!r} has {size} bytes; FullStory drops values of more than {LARGEST_VALUE}.")
        )


def _check_names(source: JsonObject, style: Style, trail: _Trail, notes: _Notes) -> None:
    """Add warnings about the names of one object."""
    above = _length(style, trail)
    seen: dict[str, str] = {}
    for key, value in source.items():
        sent = _sent_name(key, value, style)
        if not sent:
            fault = f"{key!r} has no character that FullStory takes in a name, so it is left out."
        elif sent in seen:
            fault = f"{seen[sent]!r} and {key!r} both become {sent!r}; the later one is sent."
        elif not sent[0].isalpha():
            fault = f"{sent!r} does not begin with a letter, so FullStory drops it."
        elif above + len(sent) > LONGEST_NAME:
            fault = f"{key!r} with the names above it is over {LONGEST_NAME} characters; FullStory drops it."
        else:
            fault = ""
        if fault:
            notes.append(((trail, key), fault))
        seen[sent] = key


def _sent_name(key: str, value: Json, style: Style) -> str:
    if isinstance(value, list):
        return _change_list(key, value, style)[0]
    return style.scalars.get(type(value), style.objects)[key]


def _length(style: Style, trail: _Trail) -> int:
    """Return the length of the dotted names above an object, dots included."""
    if trail is None:
        return 0
    above, key = trail
    return _length(style, above) + len(style.objects[key]) + 1
