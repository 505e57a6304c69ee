"""Drafts of published destinations: calls of each action recorded, and a request inferred from them."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.cli.port.checking import Check, Plan, Subject, kept
from actions_core.apps.cli.port.ours import published_run
from actions_core.authoring.port.definitions import published_definition
from actions_core.authoring.port.differences import PortFile
from actions_core.authoring.port.drafting import Inferred, NotInferred, infer_request
from actions_core.authoring.port.literals import read_literals
from actions_core.authoring.port.samples import Sample, make_sample
from actions_core.authoring.port.trials import Trials
from actions_core.authoring.port.values import Values, this_moment
from actions_core.destination import load_destination
from actions_core.errors import ActionsError, DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.apps.cli.port.published import Published
    from actions_core.authoring.port.samples import Label
    from actions_core.authoring.port.tally import Tally
    from actions_core.authoring.port.trials import Trial
    from actions_core.destination.specs import DestinationSpec
    from actions_core.values.types import JsonObject

_CALLS: Final = 60
_FRESH: Final = 50
#: Where fewer calls than these make a request, so many more are tried.
_FEW: Final = 20
_MORE: Final = 240
#: Refusals by the validation of the published framework, which ours makes by itself.
_VALIDATION: Final = frozenset({"AggregateAjvError", "ValidationError"})


@attrs.frozen
class ActionDraft:
    """What could be made of an action: a request that was equal on fresh calls, another one, or none."""

    key: str
    request: JsonObject | None = None
    reason: str = ""
    tally: Tally | None = None

    @property
    def is_equal(self) -> bool:
        """Whether the request was equal on all fresh calls, of which some made one."""
        return self.tally is not None and not self.tally.different and self.tally.equal["requests"] > 0


@attrs.frozen
class Draft:
    """The draft of a destination: its definition, with the requests that were inferred."""

    folder: str
    definition: JsonObject
    actions: tuple[ActionDraft, ...]


class Drafting:
    """Makes drafts of published destinations."""

    def __init__(
        self, published: Published, *, seed: int = 1, calls: int = _CALLS, fresh: int = _FRESH
    ) -> None:
        self._published = published
        self._seed = seed
        self._calls = calls
        self._fresh = fresh

    async def draft(self, folder: str) -> Draft:
        """Return the draft of the destination in a folder of the published package."""
        found = await self._published.ask("definition", destination=folder)
        definition = published_definition(found["definition"], found["functions"])
        definition.setdefault("slug", f"actions-{folder.rpartition('/')[2]}")
        spec = load_destination(definition).spec
        inferred: dict[str, Inferred] = {}
        reasons: dict[str, str] = {}
        for key, action in spec.actions.items():
            if action.platform != "cloud":
                continue
            try:
                inferred[key] = infer_request(await self._record(spec, folder, key))
            except NotInferred as reason:
                reasons[key] = str(reason)
        written = with_requests(definition, inferred, reasons)
        keys = [key for key in inferred if key not in reasons]
        drafts = await self._all_tried(written, folder, keys)
        drafts += [ActionDraft(key, reason=reason) for key, reason in reasons.items()]
        return Draft(folder, written, tuple(drafts))

    async def _record(self, spec: DestinationSpec, folder: str, key: str) -> list[Sample]:
        """Record usual calls, and where few of them made a request, others made from those that did."""
        sources = await self._published.ask("sources", destination=folder, action=key)
        values = Values(
            Random(f"{self._seed} {key}"),  # noqa: S311 - a seeded generator makes trials, not secrets
            this_moment(),
            read_literals(sources),
            distinct=True,
            seconds=False,
        )
        trials = Trials(spec, key, values, PortFile(), failures=False)
        samples = await self._called(spec, folder, trials, trials.plain(self._calls))
        if sum(sample.label == "sent" for sample in samples) < _FEW:
            samples += await self._called(spec, folder, trials, trials.single(_MORE))
        return samples

    async def _called(
        self, spec: DestinationSpec, folder: str, trials: Trials, chosen: Iterator[Trial]
    ) -> list[Sample]:
        """Return what calls showed; later ones are made from those that reached a request."""
        tried: deque[Trial] = deque()
        orders = (self._order(spec, folder, trial) for trial in kept(chosen, tried))
        samples = []
        async for reply in self._published.run_each(orders):
            trial = tried.popleft()
            sample = _sample(trial, reply)
            if sample is not None:
                samples.append(sample)
            trials.learn(trial, (sample is not None and sample.label == "sent",))
        return samples

    def _order(self, spec: DestinationSpec, folder: str, trial: Trial) -> JsonObject:
        """Return what the published side is given for a call that is to be recorded."""
        return {
            "destination": folder,
            "action": trial.action,
            "event": trial.events[0],
            "mapping": trial.mapping_of(spec.actions[trial.action]),
            "settings": trial.settings,
            "responses": list(trial.responses),
            "seen": True,
        }

    async def _all_tried(self, definition: JsonObject, folder: str, keys: list[str]) -> list[ActionDraft]:
        """Compare each request with the published one on fresh calls.

        Where the definition as a whole cannot be loaded, each action is loaded alone, to tell which is why.
        """
        only = {**definition, "actions": {key: definition["actions"][key] for key in keys}, "presets": []}
        try:
            subject = Subject(load_destination(only), PortFile())
        except DefinitionError as error:
            if len(keys) == 1:
                del definition["actions"][keys[0]]["request"]
                return [ActionDraft(keys[0], reason=f"its request cannot be loaded: {error}")]
            return [one for key in keys for one in await self._all_tried(definition, folder, [key])]
        plan = Plan(self._fresh, self._seed + 1000, failures=False)
        check = Check(self._published, folder, subject, plan)
        return [await self._tried(check, key, definition["actions"][key]["request"]) for key in keys]

    async def _tried(self, check: Check, key: str, request: JsonObject) -> ActionDraft:
        try:
            return ActionDraft(key, request, tally=await check.run(key))
        except ActionsError as error:
            return ActionDraft(key, request, reason=str(error))


def _sample(trial: Trial, reply: JsonObject) -> Sample | None:
    """Return what a call showed; None where the framework refused it before the action saw it."""
    error = reply["error"]
    if error is not None and error["name"] in _VALIDATION:
        return None
    run = published_run(reply, items=0)
    if run.note:
        raise NotInferred(run.note)
    if len(run.requests) > 1:
        raise NotInferred("it makes several requests for an event")
    label: Label = "sent" if run.requests else "refused" if error is not None else "nothing"
    request = run.requests[0] if run.requests else None
    sample = make_sample(reply.get("seen") or {}, trial.settings, trial.events[0], label, request)
    return sample if run.failure is None else attrs.evolve(sample, message=run.failure.message)


def with_requests(
    definition: JsonObject, inferred: dict[str, Inferred], reasons: dict[str, str]
) -> JsonObject:
    """Return the definition with the requests of its actions.

    Requests whose base is not constant need it in the request that all share; those of another base than
    the first are given up, with the reason.
    """
    base = next((one.base for one in inferred.values() if one.base is not None), None)
    actions = {}
    for key, action in definition["actions"].items():
        found = inferred.get(key)
        if found is not None and found.base is not None and found.base != base:
            reasons[key] = "its base URL is another one than that of an earlier action"
            found = None
        actions[key] = action if found is None else {**action, "request": found.request}
    shared = {} if base is None else {"request": {"baseUrl": base}}
    return {**definition, **shared, "actions": actions}
