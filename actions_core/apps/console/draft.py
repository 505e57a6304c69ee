"""The workspace file as it is being edited: read, changed part by part, and saved without losing a thing.

What is edited lives in the page that edits it; a `Draft` has what the file says, and takes a whole new text
of it. That text is canonical, so that a small change is a small difference: keys stay in their order, with
the indentation of the file. A file that someone else has changed in the meantime is never overwritten.
"""

from __future__ import annotations

import asyncio
import copy
import difflib
import json
import logging
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from actions_core.apps.console.secrets import secrets_of
from actions_core.authoring.placeholders import fill_environment
from actions_core.engine.instances import Services, compile_instances, known_destinations
from actions_core.engine.workspace import Workspace
from actions_core.errors import DefinitionError, Problem, WorkspaceError
from actions_core.http.masking import Mask
from actions_core.http.transport import LazyTransport
from actions_core.values.json_files import parse_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from actions_core.destination import Destination
    from actions_core.destination.registry import Registry
    from actions_core.engine.instances import Instance
    from actions_core.engine.workspace import InstanceSpec
    from actions_core.values.types import Json, JsonObject

    #: Has what delivers here take up a workspace; raises `WorkspaceError` where it cannot.
    TakeUp: TypeAlias = Callable[[Workspace], Awaitable[None]]
    _Checked: TypeAlias = tuple[list[Problem], dict[str, Instance]]

LOGGER: Final = logging.getLogger("actions_core.console")
_INDENT: Final = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_DEFAULT_INDENT: Final = "  "
_CONTEXT: Final = 3


class ChangedUnderneathError(WorkspaceError):
    """The file was changed by someone else; `lines` are the difference to what was read, without secrets."""

    def __init__(self, message: str, lines: list[str]) -> None:
        super().__init__(message)
        self.lines = lines


class NoSuchPartError(WorkspaceError):
    """The workspace has no such instance, or the instance no such subscription."""


class Draft:
    """The workspace in a file, and the way to save a changed one.

    `data` is what the file said when it was last read or saved: it is not to be changed in place. `take_up`
    is awaited with each workspace that was saved, and may refuse it.
    """

    def __init__(self, file: str | Path, registry: Registry, take_up: TakeUp | None = None) -> None:
        self.file = Path(file)
        self.registry = registry
        self._take_up = take_up
        self._text = ""
        self.data: JsonObject = {}
        self._destinations: dict[str, Destination] | None = None
        #: What was found in `data` when it was checked last: its problems, and its instances.
        self._baseline: _Checked | None = None
        self._saving = asyncio.Lock()
        self.reload()

    def reload(self) -> bool:
        """Read the file again; return whether it says something else than before.

        Raises `WorkspaceError` where it cannot be read, and keeps what there was.
        """
        text = self._read()
        if text == self._text:
            return False
        data = _parsed(text, str(self.file))
        self._text, self.data, self._destinations, self._baseline = text, data, None, None
        return True

    def _read(self) -> str:
        try:
            return self.file.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise WorkspaceError(f"{self.file} cannot be read: {reason}") from None

    # -- what there is -------------------------------------------------------------------------------

    @property
    def instances(self) -> list[JsonObject]:
        """The instances as they stand in the file."""
        found = self.data.get("destinations")
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    @property
    def instance_ids(self) -> list[str]:
        """The ids of the instances."""
        return [identifier(item) for item in self.instances]

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """The destinations that the instances use, by the names that they use."""
        if self._destinations is None:
            self._destinations = known_destinations(self.workspace(), self.registry)
        return self._destinations

    def workspace(self, data: JsonObject | None = None) -> Workspace:
        """Return the workspace, or the one that `data` would make, whatever is wrong with it."""
        chosen = self.data if data is None else data
        return Workspace.from_dict(chosen, source=str(self.file), folder=self.file.parent, lenient=True)

    def instance(self, instance_id: str) -> JsonObject | None:
        """Return an instance as it stands in the file, by its id."""
        return next((item for item in self.instances if identifier(item) == instance_id), None)

    def spec(self, instance_id: str) -> InstanceSpec | None:
        """Return an instance as an engine reads it, by its id."""
        return next((spec for spec in self.workspace().destinations if spec.id == instance_id), None)

    def subscriptions(self, instance_id: str) -> list[JsonObject]:
        """Return the subscriptions of an instance; of one that takes the presets, those."""
        instance = self.instance(instance_id)
        listed = None if instance is None else instance.get("subscriptions")
        if listed == "presets" and instance is not None:
            destination = self.destinations.get(instance.get("destination", ""))
            return [] if destination is None else preset_subscriptions(destination)
        return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []

    # -- changes -------------------------------------------------------------------------------------

    def changed(self, instance_id: str, change: Callable[[JsonObject], None]) -> JsonObject:
        """Return the whole workspace with one instance changed; nothing is saved.

        Raises `WorkspaceError` where there is no such instance any more.
        """
        data = copy.deepcopy(self.data)
        listed = data.get("destinations")
        for item in listed if isinstance(listed, list) else []:
            if isinstance(item, dict) and identifier(item) == instance_id:
                change(item)
                return data
        raise WorkspaceError(f"{self.file.name} has no instance {instance_id!r} any more; reload the page")

    def with_instance(self, instance: JsonObject) -> JsonObject:
        """Return the whole workspace with another instance at its end; nothing is saved."""
        data = copy.deepcopy(self.data)
        listed = data.get("destinations")
        data["destinations"] = [*(listed if isinstance(listed, list) else []), instance]
        return data

    def with_subscriptions(self, instance_id: str, subscriptions: list[JsonObject]) -> JsonObject:
        """Return the whole workspace with other subscriptions of one instance; nothing is saved."""

        def change(instance: JsonObject) -> None:
            instance["subscriptions"] = subscriptions

        return self.changed(instance_id, change)

    def with_subscription(
        self, instance_id: str, number: int | None, before: JsonObject | None, after: JsonObject
    ) -> JsonObject:
        """Return the whole workspace with one subscription changed, or added where `number` is None.

        `before` is what the subscription was when its editing began: raises `WorkspaceError` where it is
        something else now.
        """
        listed = copy.deepcopy(self.subscriptions(instance_id))
        if number is None:
            return self.with_subscriptions(instance_id, [*listed, after])
        if number >= len(listed) or listed[number] != before:
            raise WorkspaceError(
                f"the subscription has changed in {self.file.name} since this page was opened: "
                "reload the page, and make your change again"
            )
        listed[number] = after
        return self.with_subscriptions(instance_id, listed)

    def difference(self, data: JsonObject) -> list[str]:
        """Return the lines of a diff from the file to what saving `data` would write, without secrets."""
        lines = _diff(self._text, self._written(data), self.file.name, "edited")
        return self._masked(lines, self.data, data)

    def _masked(self, lines: list[str], *workspaces: JsonObject) -> list[str]:
        """Return lines without the secrets of these workspaces."""
        secrets: list[str] = []
        for data in workspaces:
            known = known_destinations(self.workspace(data), self.registry)
            secrets += secrets_of(data, known, os.environ)
        mask = Mask(secrets)
        return [mask.text(line) for line in lines]

    def problems(self, data: JsonObject) -> list[Problem]:
        """Return what is wrong with the workspace of `data`; variables need not be set."""
        return self._checked(data)[0]

    def _checked(
        self, data: JsonObject, previous: Mapping[str, Instance] | None = None
    ) -> tuple[list[Problem], dict[str, Instance]]:
        """Compile what is not as in `previous`; return every problem, and the instances by id."""
        workspace = self.workspace(data)
        filled = fill_environment(workspace, known_destinations(workspace, self.registry), os.environ)[0]
        services = Services(LazyTransport())
        instances, found = compile_instances(filled, self.registry, services, previous)
        return workspace.with_problems(found), {instance.id: instance for instance in instances}

    async def save(self, data: JsonObject) -> tuple[Problem, ...]:
        """Write a changed workspace into the file, then have what delivers here take it up.

        Returns why that could not take it up, and goes on as before; nothing where it did. Raises
        `ChangedUnderneathError` where the file is not what was read, and `WorkspaceError` with every error
        that the change brings: nothing is written then. Errors that were there before prevent no saving.
        """
        async with self._saving:
            self._check_file()
            errors, checked = await asyncio.to_thread(self._new_errors, data)
            if errors:
                raise WorkspaceError("it cannot be saved so:", problems=errors)
            text = self._written(data)
            self._check_file()
            _replace(self.file, text)
            LOGGER.info("%s: saved", self.file)
            self._text, self.data, self._destinations = text, _parsed(text, str(self.file)), None
            self._baseline = checked
            if self._take_up is None:
                return ()
            try:
                await self._take_up(self.workspace())
            except WorkspaceError as error:
                LOGGER.warning("%s: saved, but not taken up: %s", self.file, error)
                return error.problems or (Problem("$", str(error)),)
            return ()

    def _new_errors(self, data: JsonObject) -> tuple[list[Problem], _Checked]:
        """Return the errors that a change brings, and everything that was found, for the next time."""
        before = self._checked(self.data) if self._baseline is None else self._baseline
        after = self._checked(data, before[1])
        known = {(problem.path, problem.message) for problem in before[0]}
        return [
            problem
            for problem in after[0]
            if problem.is_error and (problem.path, problem.message) not in known
        ], after

    def _check_file(self) -> None:
        text = self._read()
        if text != self._text:
            message = (
                f"{self.file.name} was changed by someone else since it was read: "
                "reload the page to see what it says now, and make your change again"
            )
            raise ChangedUnderneathError(message, self._difference_to(text))

    def _difference_to(self, text: str) -> list[str]:
        """Return the lines of a diff to what someone else wrote; nothing where its secrets cannot be told."""
        try:
            data = _parsed(text, self.file.name)
        except WorkspaceError:
            return []
        return self._masked(_diff(self._text, text, "as it was read", "as it is now"), self.data, data)

    def _written(self, data: JsonObject) -> str:
        found = _INDENT.search(self._text)
        return canonical(data, _DEFAULT_INDENT if found is None else found[1])


def identifier(instance: JsonObject) -> str:
    """Return the id of an instance, which is the slug of its destination where it has none."""
    return str(instance.get("id") or instance.get("destination") or "")


def preset_subscriptions(destination: Destination) -> list[JsonObject]:
    """Return the subscriptions that a destination comes with, as they would stand in a workspace."""
    return [
        {
            "name": preset.name,
            "partnerAction": preset.partner_action,
            "subscribe": preset.subscribe,
            "mapping": dict(destination.spec.preset_mapping(preset)),
        }
        for preset in destination.spec.presets
        if preset.type == "automatic" and preset.subscribe is not None
    ]


def canonical(data: Json, indent: str = _DEFAULT_INDENT) -> str:
    """Return JSON as this console writes it."""
    return json.dumps(data, indent=indent, ensure_ascii=False) + "\n"


def _parsed(text: str, name: str) -> JsonObject:
    try:
        data = parse_json(text, name)
    except DefinitionError as error:
        raise WorkspaceError(error.message, problems=error.problems) from None
    if not isinstance(data, dict):
        raise WorkspaceError(f"{name}: a workspace is a JSON object")
    return data


def _diff(before: str, after: str, old: str, new: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), old, new, lineterm="", n=_CONTEXT)
    return ["…" if line.startswith("@@") else line for line in lines][2:]


def _replace(file: Path, text: str) -> None:
    """Write a file so that whoever reads it finds all of the old text or all of the new one.

    Raises `WorkspaceError` where it cannot be written; the old text is still there then.
    """
    target = file.resolve()  # a link stays a link
    temporary: Any = None
    try:
        mode = target.stat().st_mode & 0o7777
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as opened:
            opened.write(text.encode())
            opened.flush()
            os.fsync(opened.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
        temporary = None
        _sync_folder(target.parent)
    except (OSError, UnicodeEncodeError) as error:
        reason = getattr(error, "strerror", None) or "it contains half a character (a lone surrogate)"
        raise WorkspaceError(f"{file} cannot be written: {reason}") from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the disk remember the new name, where a folder can be opened at all."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
