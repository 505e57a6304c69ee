"""What Segment exports, pasted: what it would add to the workspace, before anything is saved.

Only the workspace is written. A destination that is not installed would need the file of its definition
beside the workspace: what belongs to it is left out, and it is said which command imports that too.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.apps.console.draft import identifier
from actions_core.authoring.segment_import import UnnamedDestinationError, WorkspaceImport
from actions_core.errors import DefinitionError, Problem
from actions_core.values.json_files import parse_json
from actions_core.values.wording import counted

if TYPE_CHECKING:
    from actions_core.apps.console.draft import Draft
    from actions_core.values.types import JsonObject

_NAME: Final = "what you pasted"
_EMPTY: Final = (
    "there is nothing in what you pasted: no destination, no subscription and no filter. Paste a whole "
    "response of Segment's Public API."
)
_UNNAMED: Final = (
    "these subscriptions do not say to which destination they belong: choose it under “Destination”, or "
    "choose an instance under “Goes to”."
)


@attrs.frozen
class Pasted:
    """What was read: the whole workspace with it, what could not be taken, and the variables it needs."""

    data: JsonObject
    added: tuple[str, ...]
    notes: tuple[Problem, ...] = ()
    variables: tuple[str, ...] = ()


def read_pasted(draft: Draft, text: str, *, destination: str = "", instance: str = "") -> Pasted:
    """Return the workspace of a draft with what a text exports; nothing is saved.

    `destination` names the destination of subscriptions that do not say it. With `instance`, subscriptions
    and filters go to that instance, whose settings stay. Raises `DefinitionError` where nothing is in it.
    """
    if not text.strip():
        raise DefinitionError(
            "paste what Segment's Public API returned: destinations, subscriptions, filters"
        )
    target = draft.instance(instance) if instance else None
    named = destination or (str(target.get("destination", "")) if target is not None else "")
    builder = WorkspaceImport(draft.registry, named or None)
    builder.add(_NAME, parse_json(text, _NAME))
    try:
        imported = builder.workspace()
    except UnnamedDestinationError:
        raise DefinitionError(_UNNAMED) from None
    notes = [note for _, note in builder.notes]
    found: list[JsonObject] = []
    for made in imported["destinations"]:
        if made["destination"] in draft.registry:
            found.append(made)
        else:
            notes.append(_left_out(made))
    if not found:
        raise DefinitionError(
            "there is nothing in it that can be taken:" if notes else _EMPTY, problems=notes
        )
    data = copy.deepcopy(draft.data)
    added = _add_instances(data, found) if target is None else _add_to(data, instance, found, notes)
    needed = builder.variables() if target is None else []
    return Pasted(data, tuple(added), tuple(notes), tuple(needed))


def _left_out(made: JsonObject) -> Problem:
    message = (
        f"{made['destination']} is not installed: left out; "
        "`actions import` takes it with its definition beside the workspace"
    )
    return Problem("$", message, "warning")


def _add_instances(data: JsonObject, found: list[JsonObject]) -> list[str]:
    """Add instances under ids that are free."""
    listed: Any = data.setdefault("destinations", [])
    taken = {identifier(item) for item in listed if isinstance(item, dict)}
    added = []
    for made in found:
        name, number = identifier(made), 2
        while name in taken:
            name = f"{identifier(made)}-{number}"
            number += 1
        taken.add(name)
        listed.append({**made, "id": name})
        added.append(f"{name}: {counted(len(made.get('subscriptions', [])), 'mapping')}")
    return added


def _add_to(data: JsonObject, instance: str, found: list[JsonObject], notes: list[Problem]) -> list[str]:
    """Add the subscriptions and filters of all that was found to one instance."""
    item = next(one for one in data["destinations"] if identifier(one) == instance)
    if item.get("subscriptions") == "presets":
        raise DefinitionError(f"{instance} takes the presets of its destination: change one of them first")
    added = []
    for made in found:
        if made["destination"] != item.get("destination"):
            message = f"{made['destination']} is not the destination of {instance}: left out"
            notes.append(Problem("$", message, "warning"))
            continue
        for key, noun in (("subscriptions", "mapping"), ("filters", "filter")):
            if made.get(key):
                item[key] = [*(item.get(key) or []), *made[key]]
                added.append(f"{instance}: {counted(len(made[key]), noun)}")
    if not added:
        raise DefinitionError("there is nothing in it for this instance:", problems=notes)
    return added
