"""A check of a port: the same trials for the published destination and for ours, action by action."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.apps.cli.port.ours import Ours, published_run
from actions_core.apps.cli.port.published import PublishedError
from actions_core.authoring.port.definitions import published_definition
from actions_core.authoring.port.differences import FILE_NAME, PortFile, read_port_file
from actions_core.authoring.port.literals import read_literals
from actions_core.authoring.port.tally import Tally
from actions_core.authoring.port.trials import Trials
from actions_core.authoring.port.values import Values, this_moment
from actions_core.destination import Destination, load_destination
from actions_core.destination.registry import Registry
from actions_core.errors import ActionsError, DefinitionError
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actions_core.apps.cli.port.published import Published
    from actions_core.authoring.port.trials import Trial
    from actions_core.destination.specs import DestinationSpec
    from actions_core.values.types import JsonObject

_DEFINITION: Final = "destination.json"
BATCH_SIZE: Final = 50


@attrs.frozen(eq=False)
class Subject:
    """A destination of ours with the file of its port; `folder` is where its definition lies, if known."""

    destination: Destination
    port: PortFile
    file: Path | None = None


@attrs.frozen
class Plan:
    """How much is tried, and with what; without `failures`, all responses are successes."""

    count: int = 200
    seed: int = 1
    batches: int = 0
    events: tuple[JsonObject, ...] = ()
    failures: bool = True


def find_subject(name: str) -> Subject:
    """Return the destination that a slug, an alias, an import package, a folder or a definition names.

    Raises `DefinitionError` where it names none, or one that cannot be loaded.
    """
    path = Path(name)
    if path.is_file():
        return _subject(load_destination(path), path.parent)
    if path.is_dir():
        return _from_folder(path)
    try:
        destination = Registry().discover().get(name)
    except DefinitionError:
        if not name.isidentifier() or importlib.util.find_spec(name) is None:
            raise
        return _subject(*_from_package(name))
    return _subject(destination, _folder_of(destination))


def _subject(destination: Destination, folder: Path | None) -> Subject:
    file = None if folder is None else folder / FILE_NAME
    if file is None or not file.is_file():
        return Subject(destination, PortFile())
    return Subject(destination, read_port_file(file), file)


def _from_folder(folder: Path) -> Subject:
    patterns = (_DEFINITION, f"*/{_DEFINITION}", f"src/*/{_DEFINITION}")
    found = [file for pattern in patterns for file in sorted(folder.glob(pattern))]
    if not found:
        raise DefinitionError(f"{folder}: there is no {_DEFINITION} in it, nor in a package below it")
    home = found[0].parent.resolve()
    if not (home / "__init__.py").is_file():
        return _subject(load_destination(found[0]), home)
    sys.path.insert(0, str(home.parent))
    try:
        destination, _ = _from_package(home.name)
    finally:
        sys.path.remove(str(home.parent))
    return _subject(destination, home)


def _from_package(name: str) -> tuple[Destination, Path]:
    module = importlib.import_module(name)
    destination = getattr(module, "destination", None)
    if not isinstance(destination, Destination):
        raise DefinitionError(f"the package {shown(name)} has no 'destination'")
    return destination, Path(str(module.__file__)).parent


def _folder_of(destination: Destination) -> Path | None:
    """Return the folder of the package that registers a destination."""
    from importlib.metadata import entry_points

    for point in entry_points(group="actions_core.destinations"):
        if point.name == destination.slug:
            file = getattr(sys.modules.get(point.module.partition(".")[0]), "__file__", None)
            return None if file is None else Path(file).parent
    return None


async def find_published(published: Published, subject: Subject, given: str | None) -> str:
    """Return the folder of the published destination that ours is a port of.

    Raises `DefinitionError` where there is none of that name.
    """
    listed: list[JsonObject] = await published.ask("destinations")
    slug = subject.destination.slug
    wanted = [given] if given else [subject.port.destination or slug, slug, slug.removeprefix("actions-")]
    return pick_published(listed, [name for name in wanted if name])


def pick_published(listed: Sequence[JsonObject], wanted: Sequence[str]) -> str:
    """Return the folder of the first published destination that one of the names fits: a slug or a folder."""
    for name in wanted:
        for one in listed:
            if name in (one.get("slug"), one["folder"]):
                return str(one["folder"])
    names = [str(one.get("slug") or one["folder"]) for one in listed]
    near = suggestion(wanted[0], [*names, *(str(one["folder"]) for one in listed)])
    raise DefinitionError(
        f"no published destination is called {shown(wanted[0])}{near or ''}; name it with --published, "
        f"or as 'destination' in {FILE_NAME}"
    )


class Check:
    """The check of one destination against the published one in a folder of the package."""

    def __init__(self, published: Published, folder: str, subject: Subject, plan: Plan) -> None:
        self._published = published
        self._folder = folder
        self._subject = subject
        self._plan = plan
        self._spec: DestinationSpec | None = None

    async def actions(self) -> tuple[list[str], list[str], list[str]]:
        """Return the keys of the actions on both sides, only on the published one, and only on ours."""
        spec = await self._published_spec()
        ours = self._subject.destination
        able = {*ours.handlers, *ours.batch_handlers}
        cloud = [key for key, action in spec.actions.items() if action.platform == "cloud"]
        both = [key for key in cloud if key in able]
        return both, [key for key in cloud if key not in able], [key for key in able if key not in cloud]

    async def _published_spec(self) -> DestinationSpec:
        if self._spec is None:
            found = await self._published.ask("definition", destination=self._folder)
            definition = published_definition(found["definition"], found["functions"])
            self._spec = load_destination(definition).spec
        return self._spec

    async def run(self, action: str, *, batch: bool = False, tell: Callable[[], None] | None = None) -> Tally:
        """Try an action on both sides and return the count."""
        spec = await self._published_spec()
        tally = Tally(action, spec.actions[action], self._subject.port)
        ours = Ours(self._subject.destination)
        try:
            async for trial in self._trials(spec, action, batch=batch):
                await self._try(trial, spec, ours, tally)
                if tell is not None:
                    tell()
        finally:
            await ours.close()
        return tally

    async def _trials(self, spec: DestinationSpec, action: str, *, batch: bool) -> Any:
        sources = await self._published.ask("sources", destination=self._folder, action=action)
        values = Values(
            Random(f"{self._plan.seed} {action} {batch}"),  # noqa: S311 - a seeded generator makes trials, not secrets
            this_moment(),
            read_literals(sources),
            self._subject.port.fields_of(action),
        )
        trials = Trials(spec, action, values, self._subject.port, failures=self._plan.failures)
        for trial in self._chosen(trials, batch=batch):
            yield trial

    def _chosen(self, trials: Trials, *, batch: bool) -> Iterator[Trial]:
        if batch:
            yield from trials.batches(self._plan.batches, BATCH_SIZE)
            return
        yield from trials.of_events(self._plan.events)
        yield from trials.single(self._plan.count)

    async def _try(self, trial: Trial, spec: DestinationSpec, ours: Ours, tally: Tally) -> None:
        mapping = trial.mapping_of(spec.actions[trial.action])
        given: JsonObject = {"events": list(trial.events)} if trial.is_batch else {"event": trial.events[0]}
        try:
            reply = await self._published.ask(
                "run",
                destination=self._folder,
                action=trial.action,
                mapping=mapping,
                settings=trial.settings,
                responses=list(trial.responses),
                returned=self._subject.port.returned,
                features=dict(self._subject.port.features),
                **given,
            )
        except PublishedError as error:
            raise ActionsError(f"{trial.action}: {error}") from None
        published = published_run(reply, items=len(trial.events) if trial.is_batch else 0)
        tally.add(trial, published, await ours.run(trial, reply["requests"]))

    async def unreached(self) -> list[JsonObject]:
        """Return the parts of the published source that no trial has reached."""
        found: list[JsonObject] = await self._published.ask("unreached", destination=self._folder)
        return found
