"""Traits and properties as FullStory accepts them: changed names, type suffixes for v1.

Three ways to change a name, one for each kind of call: `USER_V1` joins words as camelCase and adds
suffixes, `EVENT_V1` drops characters and adds suffixes, `V2` drops characters.

FullStory takes a call whose properties it cannot keep, and drops those. `find_dropped` warns of what is
known to be dropped. It goes through all properties once more, so call it only for somebody who reads the
warnings. `change_names` does no more than an event needs: every event passes there.
"""

from __future__ import annotations

import re
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
# Names come from events, so there are limits to how many are remembered, and to how long those are.
_REMEMBERED: Final = 2048
_LONGEST_REMEMBERED: Final = 128
#: The same for objects, whose names are remembered together.
_REMEMBERED_OBJECTS: Final = 512
_MOST_REMEMBERED_NAMES: Final = 100


class _Names(dict[str, str]):
    """A cache of how each name is sent, with a suffix if it has none; missing names are computed.

    A name is sent as "" when it has no character that FullStory takes.
    """

    def __init__(self, change: Callable[[str], str], suffix: str) -> None:
        super().__init__()
        self._change = change
        self._suffix = suffix

    def __missing__(self, name: str) -> str:
        head, last = split_suffix(name)
        changed = self._change(head)
        sent = changed + (last or self._suffix) if changed else ""
        if len(name) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[name] = sent
        return sent


class _Shapes(dict[tuple[str, ...], "tuple[str, ...] | None"]):
    """A cache of how all names of an object are sent, by its keys.

    It has None for names of which one is lost, and an empty tuple for those that stay as they are.
    """

    def __init__(self, names: _Names) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, keys: tuple[str, ...]) -> tuple[str, ...] | None:
        sent = tuple([self._names[key] for key in keys])
        known = sent if "" not in sent and len({*sent}) == len(sent) else None
        if len(keys) <= _MOST_REMEMBERED_NAMES and max(map(len, keys), default=0) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED_OBJECTS:
                self.clear()
            self[keys] = () if known == keys else known
        return known


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
    `objects` those of objects. Where types have no say, `shapes` has all names of an object at once.
    """

    typed: bool
    scalars: dict[type, _Names]
    lists: dict[str, _Names]
    objects: _Names
    shapes: _Shapes | None


def _style(change: Callable[[str], str], *, typed: bool) -> Style:
    suffixes = {*_SUFFIX_OF.values(), *_LIST_SUFFIX_OF.values()} if typed else {""}
    names = {suffix: _Names(change, suffix) for suffix in suffixes}
    scalars = {kind: names[suffix if typed else ""] for kind, suffix in _SUFFIX_OF.items()}
    return Style(typed, scalars, names, names[""], None if typed else _Shapes(names[""]))


USER_V1: Final = _style(_camel_cased, typed=True)
EVENT_V1: Final = _style(_stripped, typed=True)
V2: Final = _style(_stripped, typed=False)


def change_names(source: JsonObject, style: Style, level: int = 1) -> JsonObject:
    """Return one object as it is sent, with what is in it, down to five levels."""
    names = None if style.shapes is None else style.shapes[tuple(source)]
    if names is None:
        return _change_each(source, style, level)
    values = source.values()
    changed = dict(zip(names, values, strict=True)) if names else source.copy()
    if level < LEVELS and dict in map(type, values):
        for name, value in changed.items():
            if type(value) is dict:
                changed[name] = change_names(value, style, level + 1)
    return changed


def _change_each(source: JsonObject, style: Style, level: int) -> JsonObject:
    changed: JsonObject = {}
    for key, value in source.items():
        if type(value) is dict and level < LEVELS:
            changed[style.objects[key]] = change_names(value, style, level + 1)
        else:
            name, changed_value = _sent(key, value, style)
            changed[name] = changed_value
    changed.pop("", None)
    return changed


def _sent(key: str, value: Json, style: Style) -> tuple[str, Json]:
    """Return the name and the value of one property as they are sent."""
    if isinstance(value, list):
        return _change_list(key, value, style)
    names = style.scalars.get(type(value), style.objects) if style.typed else style.objects
    return names[key], value


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


#: The keys that lead to an object, innermost first; a path is made of them when there is something to say.
_Trail: TypeAlias = "tuple[_Trail, str] | None"
_Notes: TypeAlias = list[tuple[_Trail, str]]


def find_dropped(source: JsonObject, style: Style, root: str) -> list[Problem]:
    """Return warnings of what FullStory will drop of `source`, with paths below `root`."""
    notes: _Notes = []
    count = _check_object(source, style, None, 1, notes)
    if count > MOST_PROPERTIES:
        notes.append((None, f"There are {count} properties; FullStory keeps {MOST_PROPERTIES} at most."))
    return [Problem(_path(root, trail), message, "warning") for trail, message in notes]


def _path(root: str, trail: _Trail) -> str:
    if trail is None:
        return root
    above, key = trail
    return child_path(_path(root, above), key)


def _check_object(source: JsonObject, style: Style, trail: _Trail, level: int, notes: _Notes) -> int:
    """Add what is dropped of an object, and return the number of values in it and below."""
    below = 0
    for key, value in source.items():
        if isinstance(value, dict) and level < LEVELS:
            below += _check_object(value, style, (trail, key), level + 1, notes) - 1
        elif isinstance(value, list):
            _check_items(value, style, trail, key, notes)
        elif isinstance(value, str):
            _check_size(value, trail, key, notes)
    return below + _check_names(source, style, trail, notes)


def _check_items(items: list[Json], style: Style, trail: _Trail, key: str, notes: _Notes) -> None:
    for item in items:
        if isinstance(item, str):
            _check_size(item, trail, key, notes)
    if not style.typed and any(isinstance(item, dict) for item in items):
        notes.append(((trail, key), f"{key!r} is a list with objects in it, which FullStory does not keep."))


def _check_size(text: str, trail: _Trail, key: str, notes: _Notes) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > LARGEST_VALUE:
        notes.append(
            ((trail, key), f"{key!r} has {size} bytes; FullStory drops values of more than {LARGEST_VALUE}.")
        )


def _check_names(source: JsonObject, style: Style, trail: _Trail, notes: _Notes) -> int:
    """Add warnings about the names of one object, and return how many names are sent."""
    above = _length(style, trail)
    seen: dict[str, str] = {}
    for key, value in source.items():
        sent = _sent(key, value, style)[0]
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
    return len(seen.keys() - {""})


def _length(style: Style, trail: _Trail) -> int:
    """Return the length of the dotted names above an object, dots included."""
    if trail is None:
        return 0
    above, key = trail
    return _length(style, above) + len(style.objects[key]) + 1
