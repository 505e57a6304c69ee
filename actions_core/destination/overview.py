"""What a destination says of itself in a list of all: read from its definition, without its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject


@attrs.frozen
class Overview:
    """A destination in a list: `actions` counts those that people see, `texts` is what a search looks at."""

    slug: str
    name: str
    description: str
    actions: int
    texts: tuple[str, ...]


def read_overview(definition: JsonObject) -> Overview:
    """Return the overview of a definition that nobody has checked; raise `ValueError` where it has none."""
    try:
        slug, name, description = definition["slug"], definition["name"], definition.get("description") or ""
        actions = [action for action in definition["actions"].values() if not action.get("hidden")]
        texts = [slug, name, description, *definition.get("aliases", ())]
        for action in actions:
            texts += (action["title"], action.get("description") or "")
        texts += [preset["name"] for preset in definition.get("presets", ())]
        "".join(texts)  # which takes nothing but texts
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("it does not have the form of a definition") from error
    return Overview(slug, name, description, len(actions), tuple(filter(None, texts)))
