"""Values that travel through the engine: JSON, and the absence of a value.

JSON has no word for "nothing was there"; a mapping needs one, because a path that leads nowhere
is not the same as a `null` found at its end. `MISSING` is that word.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A JSON value: None, bool, int, float, str, list or dict of such. Typed `Any`, because checking it
#: structurally at every step would cost more casts than it would find faults.
Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]


class Missing(enum.Enum):
    """Type of `MISSING`: an enum, so that type checkers narrow on `is MISSING`.

    Its value is one that no writer of JSON takes: orjson writes an enum as its value.
    """

    MISSING = frozenset({"MISSING"})

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING


def present(values: Mapping[str, Any]) -> JsonObject:
    """Return an object without the keys whose value is None or `MISSING`: `present({"coupon": coupon})`.

    What is in lists and in further objects stays as it is.
    """
    return {key: value for key, value in values.items() if value is not None and value is not MISSING}
