"""JSON that cannot be changed: what all events share, handed to code that is not ours.

The classes are subclasses of dict and list, so that whatever reads or writes JSON takes them. A copy
(`dict(…)`, `copy.deepcopy`) is an ordinary, changeable one.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Never

if TYPE_CHECKING:
    from actions_core.values.types import Json


def frozen(value: Json) -> Json:
    """Return the value as it cannot be changed, nor anything inside it."""
    if isinstance(value, dict):
        return FrozenDict({key: frozen(item) for key, item in value.items()})
    if isinstance(value, list):
        return FrozenList([frozen(item) for item in value])
    return value


def _refuse(self: object, *_given: Any, **_named: Any) -> Never:
    what = "dict" if isinstance(self, dict) else "list"
    raise TypeError(f"all events share this {what}, so it cannot be changed: change a copy, {what}(…)")


class FrozenDict(dict[str, Any]):
    """A dict that refuses changes."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: copy.deepcopy(item, memo) for key, item in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (list(self.items()),)


class FrozenList(list[Any]):
    """A list that refuses changes."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [copy.deepcopy(item, memo) for item in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)
