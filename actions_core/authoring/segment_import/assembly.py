"""A workspace put together from any number of exported files, in whatever order they come.

All parts are gathered first: what belongs together is known by the destinations' ids, which stand in
the subscriptions and filters of other files.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import attrs

from actions_core.authoring.segment_import.metadata import definition_from_metadata
from actions_core.authoring.segment_import.parts import (
    import_definition,
    import_filter,
    import_subscription,
)
from actions_core.authoring.segment_import.settings import (
    default_settings,
    import_settings,
    variables_of,
)
from actions_core.authoring.segment_import.shapes import Part, destination_key, find_parts
from actions_core.destination import Destination, load_destination
from actions_core.errors import DefinitionError, Problem, child_path

if TYPE_CHECKING:
    from actions_core.destination.registry import Registry
    from actions_core.values.types import Json, JsonObject


class UnnamedDestinationError(DefinitionError):
    """Nothing says to which destination some subscriptions belong."""


@attrs.define
class _Group:
    """An exported destination, or what names one that was not exported, with all that belongs to it."""

    file: str
    path: str
    raw: JsonObject | None = None
    subscriptions: list[tuple[str, Part]] = attrs.field(factory=list)
    filters: list[tuple[str, Part]] = attrs.field(factory=list)

    @property
    def metadata(self) -> JsonObject:
        """What Segment says of the kind of destination."""
        found = (self.raw or {}).get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def names(self) -> list[str]:
        """The names that may say which destination it is, the surest first."""
        raw = self.raw or {}
        kind = raw.get("destination")
        found = [self.metadata.get("slug"), raw.get("slug"), kind, self.metadata.get("name")]
        return [name for name in found if isinstance(name, str) and name]


class WorkspaceImport:
    """Gathers exported files, then makes a workspace of them.

    `destination` names the destination of subscriptions that do not say it. After `workspace()`, `copies`
    has the definitions to put beside it by file name, and `notes` what could not be imported, by file.
    """

    def __init__(self, registry: Registry, destination: str | None = None) -> None:
        self._registry = registry
        self._named = destination
        self._definitions: dict[str, Destination] = {}
        self._raw_definitions: dict[str, JsonObject] = {}
        self._defined_in: dict[str, str] = {}
        self._groups: dict[str, _Group] = {}
        self._loose = _Group("", "$")
        self._instances: list[JsonObject] = []
        self.copies: dict[str, Json] = {}
        self.notes: list[tuple[str, Problem]] = []

    def add(self, file: str, data: Json) -> None:
        """Add what a file contains. Raises `DefinitionError` for one with nothing of an export in it."""
        parts = find_parts(data, file)
        if not parts and not _is_empty(data):
            raise DefinitionError(
                f"{file}: contains no definition, no 'destinations', no 'subscriptions' and no 'filters'"
            )
        for part in parts:
            if part.kind == "definition":
                self._add_definition(file, part)
            elif not isinstance(part.value, dict):
                self._note(file, part.path, f"is not a {part.kind}: left out")
            elif part.kind == "destination":
                key = destination_key(part.value, f"{file}{part.path}")
                group = self._groups.setdefault(key, _Group(file, part.path))
                if group.raw is None:
                    group.file, group.path, group.raw = file, part.path, part.value
            else:
                group = self._group_of(file, part)
                (group.subscriptions if part.kind == "subscription" else group.filters).append((file, part))

    def workspace(self) -> JsonObject:
        """Return the workspace of everything that was added."""
        self._instances = []
        resolved = [(group, found) for group in self._merged() if (found := self._resolve(group)) is not None]
        counts = Counter(found.slug for _, found in resolved)
        for group, found in resolved:
            self._instances.append(self._instance(group, found, several=counts[found.slug] > 1))
        for slug, destination in self._definitions.items():
            if not counts[slug]:
                imported = import_definition(self._installed(slug) or destination)
                self._instances.append(imported.value)
                self.notes += [(self._defined_in[slug], note) for note in imported.notes]
        needed = {instance["destination"] for instance in self._instances} & self._raw_definitions.keys()
        self.copies = {f"definitions/{slug}.json": self._raw_definitions[slug] for slug in sorted(needed)}
        named = {"definitions": sorted(self.copies)} if self.copies else {}
        return {**named, "destinations": self._instances}

    def variables(self) -> list[str]:
        """Return the names of the environment variables that the workspace needs."""
        return sorted(
            {name for instance in self._instances for name in variables_of(instance.get("settings"))}
        )

    # -- gathering -----------------------------------------------------------------------------------

    def _note(self, file: str, path: str, message: str) -> None:
        self.notes.append((file, Problem(path, message, "warning")))

    def _add_definition(self, file: str, part: Part) -> None:
        self._define(file, part.path, definition_from_metadata(part.value))

    def _define(self, file: str, path: str, data: JsonObject) -> Destination:
        try:
            found = load_destination(data)
        except DefinitionError as error:
            problems = [problem.below(path) for problem in error.problems]
            raise DefinitionError(f"{file}: the definition is faulty:", problems=problems) from None
        self._definitions[found.slug] = found
        self._defined_in[found.slug] = file
        if self._installed(found.slug) is None:
            self._raw_definitions[found.slug] = data
        return found

    def _installed(self, slug: str) -> Destination | None:
        return self._registry.get(slug) if slug in self._registry else None

    def _group_of(self, file: str, part: Part) -> _Group:
        key = part.owner or part.value.get("destinationId")
        if not isinstance(key, str) or not key:
            return self._loose
        return self._groups.setdefault(key, _Group(file, part.path))

    # -- making --------------------------------------------------------------------------------------

    def _merged(self) -> list[_Group]:
        """Return the groups; what names no destination belongs to the only one that there is."""
        groups = list(self._groups.values())
        if not (self._loose.subscriptions or self._loose.filters):
            return groups
        if len(groups) == 1 and self._named is None:
            groups[0].subscriptions += self._loose.subscriptions
            groups[0].filters += self._loose.filters
            return groups
        return [*groups, self._loose]

    def _resolve(self, group: _Group) -> Destination | None:
        """Return the destination of a group; None, with a note, where there is none for it."""
        if group.names:
            found = next((one for name in group.names if (one := self._find(name)) is not None), None)
            return found or self._from_metadata(group)
        if self._named is not None:
            found = self._find(self._named)
            return self._registry.get(self._named) if found is None else found
        if len(self._definitions) == 1:
            (slug,) = self._definitions
            return self._installed(slug) or self._definitions[slug]
        listed = [*group.subscriptions, *group.filters]
        first = listed[0][0] if listed else group.file
        if any(other.raw is not None for other in self._groups.values()) and group is not self._loose:
            count = len(group.subscriptions) + len(group.filters)
            message = f"its destination is not given: left out, with all {count} of its parts"
            self._note(group.file, group.path, message)
            return None
        raise UnnamedDestinationError(
            f"{first}: name the destination of these subscriptions with --destination"
        )

    def _find(self, name: str) -> Destination | None:
        """Return the destination of that slug, alias or name: one of the files', else an installed one."""
        for found in self._definitions.values():
            if name in (found.slug, *found.spec.aliases, found.spec.name):
                return self._installed(found.slug) or found
        try:
            return self._registry.get(name)
        except DefinitionError:
            return next((one for one in self._registry if one.spec.name == name), None)

    def _from_metadata(self, group: _Group) -> Destination | None:
        """Make the definition of a destination that is not installed, where its actions are known."""
        if group.metadata.get("actions"):
            data = definition_from_metadata(group.metadata)
            return self._define(group.file, child_path(group.path, "metadata"), data)
        message = (
            f"no destination {group.names[0]!r} is installed, and its definition is not given: "
            f"left out, with {len(group.subscriptions)} subscriptions"
        )
        self._note(group.file, group.path, message)
        return None

    def _instance(self, group: _Group, destination: Destination, *, several: bool) -> JsonObject:
        raw = group.raw or {}
        identifier = self._free_id(destination, str(raw.get("name") or "") if several else "")
        prefix = identifier if several else destination.slug
        instance: JsonObject = {"id": identifier, "destination": destination.slug}
        if raw.get("enabled") is False:
            instance["enabled"] = False
        settings = default_settings(destination, prefix)
        notes: list[Problem] = []
        if raw.get("settings"):
            place = child_path(group.path, "settings")
            settings, notes = import_settings(destination, raw["settings"], place, prefix)
        self.notes += [(group.file, note) for note in notes]
        if settings:
            instance["settings"] = settings
        instance["subscriptions"] = self._subscriptions(group, destination)
        filters = [self._filter(file, part) for file, part in group.filters]
        if filters:
            instance["filters"] = filters
        if raw and not group.subscriptions:
            message = f"no subscriptions of {identifier!r} are given: nothing is delivered to it"
            self._note(group.file, group.path, message)
        return instance

    def _free_id(self, destination: Destination, name: str) -> str:
        """Return an id for an instance: its name in small letters, else the slug; numbered if taken."""
        wanted = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or destination.slug
        taken = {instance["id"] for instance in self._instances}
        number, identifier = 1, wanted
        while identifier in taken:
            number += 1
            identifier = f"{wanted}-{number}"
        return identifier

    def _subscriptions(self, group: _Group, destination: Destination) -> list[JsonObject]:
        keys = _action_keys(group.metadata)
        made: list[JsonObject] = []
        for file, part in group.subscriptions:
            notes: list[Problem] = []
            subscription = import_subscription(part.value, part.path, notes, keys)
            if subscription is not None:
                made.append(subscription)
                if subscription["partnerAction"] not in destination.spec.actions:
                    message = f"{destination.slug} has no action {subscription['partnerAction']!r}"
                    notes.append(Problem(part.path, message, "warning"))
            self.notes += [(file, note) for note in notes]
        return made

    def _filter(self, file: str, part: Part) -> JsonObject:
        notes: list[Problem] = []
        made = import_filter(part.value, part.path, notes)
        self.notes += [(file, note) for note in notes]
        return made or {}


def _action_keys(metadata: JsonObject) -> dict[str, str]:
    actions: Any = metadata.get("actions")
    return {
        str(action["id"]): action["slug"]
        for action in (actions if isinstance(actions, list) else ())
        if isinstance(action, dict) and "id" in action and isinstance(action.get("slug"), str)
    }


def _is_empty(data: Json) -> bool:
    """Return whether an export is of the right form and has nothing in it."""
    if isinstance(data, list):
        return True
    if not isinstance(data, dict):
        return False
    inner = data.get("data", data)
    return isinstance(inner, dict) and any(
        isinstance(inner.get(key), list) for key in ("destinations", "subscriptions", "filters")
    )
