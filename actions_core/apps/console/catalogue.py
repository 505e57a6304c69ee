"""The destinations that there are, and those that a word finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.destination.overview import Overview
    from actions_core.destination.registry import Registry


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
    """List the destinations by name, loading as few as possible.

    One that cannot be loaded may be among them; it says so on its page.
    """
    return sorted(map(make_entry, registry.overviews()), key=lambda one: one.name.lower())


def make_entry(overview: Overview) -> Entry:
    """Return the entry of a destination."""
    haystack = "\n".join(overview.texts).casefold()
    return Entry(overview.slug, overview.name, overview.description, overview.actions, haystack)


def words_of(query: str) -> list[str]:
    """Return the words of a search."""
    return query.casefold().split()
