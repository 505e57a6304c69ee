"""A check of a port: the same trials for the published destination and for ours, action by action."""

from __future__ import annotations

import importlib.util
import sys
from collections import deque
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.cli.port.ours import Ours, published_run
from actions_core.apps.cli.port.published import PublishedError
from actions_core.apps.local import find_definition, load_local, load_package
from actions_core.authoring.port.accepted import Accepted
from actions_core.authoring.port.comparison import reached
from actions_core.authoring.port.definitions import published_definition
from actions_core.authoring.port.differences import FILE_NAME, PortFile, differences_of, read_port_file_in
from actions_core.authoring.port.literals import read_literals
from actions_core.authoring.port.tally import Tally
from actions_core.authoring.port.trials import Trials
from actions_core.authoring.port.values import Values, this_moment
from actions_core.destination import load_destination
from actions_core.destination.registry import Registry
from actions_core.errors import ActionsError, DefinitionError
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actions_core.apps.cli.port.published import Published
    from actions_core.authoring.port.trials import Trial
    from actions_core.destination import Destination
    from actions_core.destination.specs import DestinationSpec
    from actions_core.values.types import JsonObject

BATCH_SIZE: Final = 50


@attrs.frozen(eq=False)
class Subject:
    """A destination of ours with the file of its port."""

    destination: Destination
    port: PortFile


@attrs.frozen
class Plan:
    """How much is tried, and with what.

    Without `failures`, all responses are successes, and no time is in seconds, which the published framework
    takes for milliseconds.
    """

    count: int = 200
    seed: int = 1
    batches: int = 0
    events: tuple[JsonObject, ...] = ()
    failures: bool = True


def find_subject(name: str) -> Subject:
    """Return the destination that a slug, an alias, an import package, a folder or a definition names.

    Raises `DefinitionError` where it names none, or one that cannot be loaded.
    """
    definition = find_definition(name)
    if definition is not None:
        return _subject(load_local(definition), definition.parent)
    try:
        destination = Registry().discover().get(name)
    except DefinitionError:
        if not name.isidentifier() or importlib.util.find_spec(name) is None:
            raise
        destination = load_package(name)
        return _subject(destination, Path(str(sys.modules[name].__file__)).parent)
    return Subject(destination, differences_of(destination.slug))


def _subject(destination: Destination, folder: Path) -> Subject:
    return Subject(destination, read_port_file_in(folder))


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
        self._batched: frozenset[str] = frozenset()
        self._accepted: dict[str, Accepted] = {}

    async def actions(self) -> tuple[list[str], list[str], list[str]]:
        """Return the keys of the actions on both sides, only on the published one, and only on ours."""
        spec = await self._published_spec()
        ours = self._subject.destination
        able = {*ours.handlers, *ours.batch_handlers}
        cloud = [key for key, action in spec.actions.items() if action.platform == "cloud"]
        both = [key for key in cloud if key in able]
        return both, [key for key in cloud if key not in able], [key for key in able if key not in cloud]

    async def batched(self, actions: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
        """Return which actions have batches on both sides, only on the published one, and only on ours."""
        await self._published_spec()
        ours = self._subject.destination.batch_handlers
        return (
            [key for key in actions if key in self._batched and key in ours],
            [key for key in actions if key in self._batched and key not in ours],
            [key for key in actions if key not in self._batched and key in ours],
        )

    async def _published_spec(self) -> DestinationSpec:
        if self._spec is None:
            found = await self._published.ask("definition", destination=self._folder)
            definition = published_definition(found["definition"], found["functions"])
            self._spec = load_destination(definition).spec
            functions = set(found["functions"])
            self._batched = frozenset(
                key for key in self._spec.actions if f"actions.{key}.performBatch" in functions
            )
        return self._spec

    async def run(self, action: str, *, batch: bool = False, tell: Callable[[], None] | None = None) -> Tally:
        """Try an action on both sides and return the count."""
        spec = await self._published_spec()
        tally = Tally(action, spec.actions[action], self._subject.port)
        ours = Ours(self._subject.destination)
        tried: deque[Trial] = deque()
        trials = await self._trials(spec, action, batch=batch)
        orders = (self._order(trial, spec) for trial in kept(self._chosen(trials, batch=batch), tried))
        try:
            async for reply in self._published.run_each(orders):
                trial = tried.popleft()
                published = published_run(reply, items=len(trial.events) if trial.is_batch else 0)
                trials.learn(trial, reached(published), has_succeeded=published.failure is None)
                tally.add(trial, published, await ours.run(trial, reply["requests"]))
                if tell is not None:
                    tell()
        except PublishedError as error:
            raise ActionsError(f"{action}: {error}") from None
        finally:
            await ours.close()
        return tally

    async def _trials(self, spec: DestinationSpec, action: str, *, batch: bool) -> Trials:
        sources = await self._published.ask("sources", destination=self._folder, action=action)
        values = Values(
            Random(f"{self._plan.seed} {action} {batch}"),  # noqa: S311 - a seeded generator makes trials, not secrets
            this_moment(),
            read_literals(sources),
            self._subject.port.fields_of(action),
            seconds=self._plan.failures,
        )
        accepted = self._accepted.setdefault(action, Accepted())
        failures = self._plan.failures
        return Trials(spec, action, values, self._subject.port, failures=failures, accepted=accepted)

    def _chosen(self, trials: Trials, *, batch: bool) -> Iterator[Trial]:
        if batch:
            yield from trials.batches(self._plan.batches, BATCH_SIZE)
            return
        yield from trials.of_events(self._plan.events)
        yield from trials.single(self._plan.count)

    def _order(self, trial: Trial, spec: DestinationSpec) -> JsonObject:
        """Return what the published side is given for a trial."""
        given: JsonObject = {"events": list(trial.events)} if trial.is_batch else {"event": trial.events[0]}
        return {
            "destination": self._folder,
            "action": trial.action,
            "mapping": trial.mapping_of(spec.actions[trial.action]),
            "settings": trial.settings,
            "responses": list(trial.responses),
            "returned": self._subject.port.returned,
            "features": dict(self._subject.port.features),
            **given,
        }

    async def unreached(self) -> list[JsonObject]:
        """Return the parts of the published source that no trial has reached."""
        found: list[JsonObject] = await self._published.ask("unreached", destination=self._folder)
        return found


def kept(trials: Iterator[Trial], tried: deque[Trial]) -> Iterator[Trial]:
    """Yield trials, and keep each until its reply is there."""
    for trial in trials:
        tried.append(trial)
        yield trial
