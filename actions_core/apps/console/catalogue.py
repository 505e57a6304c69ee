"""The destinations that there are, and those that a word finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actions_core.destination.registry import Registry
    from actions_core.destination.specs import DestinationSpec


@attrs.frozen
class Entry:
    """A destination in the catalogue. `haystack` is everything by which it is found."""

    slug: str
    name: str
    description: str
    actions: int
    haystack: str

    def has(self, words: Sequence[str]) -> bool:
        """Return whether each of the words stands somewhere in it."""
        return all(word in self.haystack for word in words)


def list_entries(registry: Registry) -> list[Entry]:
    """List the destinations by name; one that cannot be loaded is among the registry's problems."""
    return sorted(
        (make_entry(destination.spec) for destination in registry), key=lambda one: one.name.lower()
    )


def make_entry(spec: DestinationSpec) -> Entry:
    """Return the entry of a destination."""
    shown = [action for action in spec.actions.values() if not action.hidden]
    texts: Iterable[str | None] = (
        spec.slug,
        spec.name,
        spec.description,
        *spec.aliases,
        *(text for action in shown for text in (action.title, action.description)),
        *(preset.name for preset in spec.presets),
    )
    haystack = "\n".join(text for text in texts if text).casefold()
    return Entry(spec.slug, spec.name, spec.description or "", len(shown), haystack)


def words_of(query: str) -> list[str]:
    """Return the words of a search."""
    return query.casefold().split()
