"""Whether both sides of a check have the same value, where each makes some of it anew at each run.

The present time and random ids are the same if both sides have one.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from actions_core.values.types import Json

_UUID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-9a-f][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
#: How far from the present a time may be that a side has read from its clock.
_PRESENT_S: Final = 300


def same(published: Json, ours: Json, given: str) -> bool:
    """Return whether two values are the same; `given` is the text in which ids may stand that were given."""
    if isinstance(published, dict) and isinstance(ours, dict):
        return published.keys() == ours.keys() and all(
            same(value, ours[key], given) for key, value in published.items()
        )
    if isinstance(published, list) and isinstance(ours, list):
        return len(published) == len(ours) and all(
            same(one, other, given) for one, other in zip(published, ours, strict=True)
        )
    return same_leaf(published, ours, given)


def same_leaf(published: Json, ours: Json, given: str) -> bool:
    """Return whether two values are the same that are not both objects, nor both lists."""
    if published is MISSING or ours is MISSING:
        return published is ours
    if isinstance(published, bool) or isinstance(ours, bool):
        return published is ours
    if isinstance(published, int | float) and isinstance(ours, int | float):
        return published == ours or (_is_present(published) and _is_present(ours))
    if isinstance(published, str) and isinstance(ours, str):
        return published == ours or _same_text(published, ours, given)
    return bool(published == ours)


def difference_of(published: Json, ours: Json, given: str) -> float:
    """Return how much two values differ: the part of their leaves that is not the same, from 0 to 1."""
    different, total = _counted(published, ours, given)
    return different / total if total else 0.0


def overlap_of(published: Json, ours: Json, given: str) -> float:
    """Return which part of the leaves of the smaller value the other one has, too, from 0 to 1."""
    different, total = _counted(published, ours, given)
    return (total - different) / min(_leaves_in(published), _leaves_in(ours))


def _counted(published: Json, ours: Json, given: str) -> tuple[int, int]:
    if isinstance(published, dict) and isinstance(ours, dict):
        keys = dict.fromkeys((*published, *ours))
        pairs = [(published.get(key, MISSING), ours.get(key, MISSING)) for key in keys]
    elif isinstance(published, list) and isinstance(ours, list):
        length = max(len(published), len(ours))
        pairs = [
            (published[at] if at < len(published) else MISSING, ours[at] if at < len(ours) else MISSING)
            for at in range(length)
        ]
    elif same_leaf(published, ours, given):
        return 0, 1
    else:
        leaves = max(_leaves_in(published), _leaves_in(ours))
        return leaves, leaves
    counts = [_counted(one, other, given) for one, other in pairs]
    return sum(different for different, _ in counts), sum(total for _, total in counts)


def _leaves_in(value: Json) -> int:
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return max(1, sum(map(_leaves_in, items)))
    return 1


def _same_text(published: str, ours: str, given: str) -> bool:
    if published.isdigit() and ours.isdigit():
        return _is_present(int(published)) and _is_present(int(ours))
    if _steady(published, given) == _steady(ours, given):
        return True
    # A body within the text, such as JSON in a form, may contain the present time.
    if published[:1] in "{[" and ours[:1] in "{[":
        try:
            return same(json.loads(published), json.loads(ours), given)
        except (ValueError, RecursionError):
            return False
    return False


def _steady(text: str, given: str) -> str:
    """Replace what is made anew at each run: ids that nobody gave, and the present time."""
    text = _UUID.sub(lambda found: found[0] if found[0] in given else "<new id>", text)
    return _ISO.sub(lambda found: "<now>" if _is_now(found[0]) and found[0] not in given else found[0], text)


def _is_now(text: str) -> bool:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return abs((moment - datetime.now(UTC)).total_seconds()) < _PRESENT_S


def _is_present(number: float) -> bool:
    now = datetime.now(UTC).timestamp()
    return any(abs(number / unit - now) < _PRESENT_S for unit in (1, 1e3, 1e6, 1e9))
