"""Events that reached a request, from which further ones are made by a few changes.

Where rules look at several fields at once, values drawn one by one are mostly refused. What was taken once
is mostly taken again with another value here and there, whatever the rules are. The fewer events drawn anew
are taken, the more are made from those that were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from actions_core.values.types import JsonObject

_MOST: Final = 200
#: How many of the events are made from others where none that is drawn anew is taken.
_CHANGED: Final = 0.85


@attrs.frozen(eq=False)
class Frame:
    """What surrounds the events of a trial: which settings, and what the mapping has beside the fields.

    `mode` is a word for the latter.
    """

    settings: int
    extra: JsonObject
    mode: str


@attrs.frozen(eq=False)
class Start:
    """An event that reached a request, with its frame.

    Its payload is in the event as it is, or where the default mappings read it.
    """

    event: JsonObject
    frame: Frame
    by_default: bool
    #: whether nothing was refused, by the response neither
    has_succeeded: bool = True


class Accepted:
    """The events of an action that reached a request, and what part of those drawn anew does."""

    def __init__(self) -> None:
        self._starts: dict[bool, list[Start]] = {False: [], True: []}
        self._drawn = 0
        self._reached = 0

    def add(self, outcomes: Iterable[tuple[Start, bool, bool]], random: Random) -> None:
        """Take events, each with whether it was drawn anew, and whether it reached a request."""
        for start, is_new, has_reached in outcomes:
            self._drawn += is_new
            self._reached += is_new and has_reached
            if not has_reached:
                continue
            kept = self._starts[start.by_default]
            if len(kept) < _MOST:
                kept.append(start)
            else:
                kept[random.randrange(_MOST)] = start

    def draw(self, random: Random, *, by_default: bool, mode: str | None = None) -> Start | None:
        """Return an event to change, or None where a new one is to be drawn.

        With `mode`, one of that mode is preferred.
        """
        if random.random() >= _CHANGED * (1 - self._reached / max(self._drawn, 1)):
            return None
        return self.any_of(random, by_default=by_default, mode=mode)

    def any_of(self, random: Random, *, by_default: bool, mode: str | None = None) -> Start | None:
        """Return one of the events, or None where there is none; with `mode`, one of it is preferred."""
        kept = self._starts[by_default]
        return _one_of(kept, kept, random, mode)

    def success(self, random: Random, *, mode: str | None = None) -> Start | None:
        """Return as `any_of` does an event with its payload, preferably one that has succeeded."""
        kept = self._starts[False]
        return _one_of([start for start in kept if start.has_succeeded], kept, random, mode)


def _one_of(
    preferred: Sequence[Start], others: Sequence[Start], random: Random, mode: str | None
) -> Start | None:
    for starts in (preferred, others):
        fitting = starts if mode is None else [start for start in starts if start.frame.mode == mode]
        if fitting or starts:
            return random.choice(fitting or starts)
    return None
