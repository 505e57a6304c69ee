"""Drafts of published destinations: calls of each action recorded, and a request inferred from them."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.cli.port.checking import Check, Plan, Subject, kept
from actions_core.apps.cli.port.ours import published_run
from actions_core.authoring.port.definitions import published_definition
from actions_core.authoring.port.differences import PortFile
from actions_core.authoring.port.drafting import Inferred, NotInferred, infer_request, meant_differences
from actions_core.authoring.port.literals import read_literals
from actions_core.authoring.port.samples import Sample, make_sample, open_objects
from actions_core.authoring.port.trials import Trials
from actions_core.authoring.port.values import Values, this_moment
from actions_core.destination import load_destination
from actions_core.errors import ActionsError, DefinitionError
from actions_core.values.times import format_time

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
_MORE: Final = 120
#: How often a request is inferred: those that differ once more, from calls with values of any kind too.
_ROUNDS: Final = 3
#: With how many settings calls are recorded, so that each choice of one is among them.
_SETTINGS: Final = 12
#: Refusals by the validation of the published framework, which ours makes by itself.
_VALIDATION: Final = frozenset({"AggregateAjvError", "ValidationError"})


@attrs.frozen
class ActionDraft:
    """What could be made of an action: a request that was equal on fresh calls, another one, or none."""

    key: str
    request: JsonObject | None = None
    reason: str = ""
    tally: Tally | None = None
    #: what differs on purpose, as the file of a port has it
    differences: JsonObject = attrs.field(factory=dict)

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


@attrs.frozen(eq=False)
class _Home:
    """A destination of which a draft is made."""

    folder: str
    definition: JsonObject
    spec: DestinationSpec

    def order(self, trial: Trial) -> JsonObject:
        """Return what the published side is given for a call that is to be recorded."""
        return {
            "destination": self.folder,
            "action": trial.action,
            "event": trial.events[0],
            "mapping": trial.mapping_of(self.spec.actions[trial.action]),
            "settings": trial.settings,
            "responses": list(trial.responses),
            "seen": True,
        }


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
        home = _Home(folder, definition, load_destination(definition).spec)
        calls: dict[str, list[Sample]] = {}
        reasons: dict[str, str] = {}
        for key, action in home.spec.actions.items():
            if action.platform != "cloud":
                continue
            try:
                calls[key] = await self._record(home, key)
            except NotInferred as reason:
                reasons[key] = str(reason)
        inferred = _inferred(home.spec, calls, reasons)
        drafts = await self._all_tried(home, inferred, reasons, 0)
        for number in range(1, _ROUNDS):
            await self._improve(home, calls, inferred, drafts, number)
        written = with_requests(definition, inferred, reasons)
        made = [ActionDraft(key, reason=reason) for key, reason in reasons.items()]
        return Draft(folder, written, (*drafts.values(), *made))

    async def _improve(
        self,
        home: _Home,
        calls: dict[str, list[Sample]],
        inferred: dict[str, Inferred],
        drafts: dict[str, ActionDraft],
        number: int,
    ) -> None:
        """Infer requests that differ once more, from further calls of the kind that showed it."""
        wrong = [key for key, one in drafts.items() if one.tally is not None and one.tally.different]
        for key in wrong:
            calls[key] += await self._record_any(home, key, number)
        again = _inferred(home.spec, {key: calls[key] for key in wrong}, {})
        reasons: dict[str, str] = {}
        for key, one in (await self._all_tried(home, again, reasons, number)).items():
            if one.tally is not None and _wrong(one) < _wrong(drafts[key]):
                drafts[key], inferred[key] = one, again[key]

    async def _trials(self, home: _Home, key: str, seed: str, *, distinct: bool) -> Trials:
        sources = await self._published.ask("sources", destination=home.folder, action=key)
        values = Values(
            Random(seed),  # noqa: S311 - a seeded generator makes trials, not secrets
            this_moment(),
            read_literals(sources),
            distinct=distinct,
            seconds=False,
        )
        return Trials(home.spec, key, values, PortFile(), failures=False, settings=_SETTINGS)

    async def _record(self, home: _Home, key: str) -> list[Sample]:
        """Record usual calls, and where few of them made a request, others made from those that did."""
        trials = await self._trials(home, key, f"{self._seed} {key}", distinct=True)
        samples = await self._called(home, trials, trials.plain(self._calls))
        if sum(sample.label == "sent" for sample in samples) < _FEW:
            samples += await self._called(home, trials, trials.single(_MORE))
        return samples

    async def _record_any(self, home: _Home, key: str, number: int) -> list[Sample]:
        """Record calls with values of any kind; none where they show that no request can be inferred."""
        trials = await self._trials(home, key, f"{self._seed} {key} {number}", distinct=False)
        try:
            return await self._called(home, trials, trials.single(2 * self._calls))
        except NotInferred:
            return []

    async def _called(self, home: _Home, trials: Trials, chosen: Iterator[Trial]) -> list[Sample]:
        """Return what calls showed; later ones are made from those that reached a request."""
        tried: deque[Trial] = deque()
        orders = (home.order(trial) for trial in kept(chosen, tried))
        samples = []
        async for reply in self._published.run_each(orders):
            trial = tried.popleft()
            sample = _sample(trial, reply)
            if sample is not None:
                samples.append(sample)
            trials.learn(trial, (sample is not None and sample.label == "sent",))
        return samples

    async def _all_tried(
        self, home: _Home, inferred: dict[str, Inferred], reasons: dict[str, str], number: int
    ) -> dict[str, ActionDraft]:
        """Compare each request with the published one on fresh calls.

        Where the definition as a whole cannot be loaded, each action is loaded alone, to tell which is why:
        it is taken out, and has its reason.
        """
        written = with_requests(home.definition, inferred, reasons)
        actions = {key: written["actions"][key] for key in inferred if key not in reasons}
        only = {**written, "actions": actions, "presets": []}
        meant = {key: meant_differences(one["request"]) for key, one in actions.items()}
        try:
            subject = Subject(load_destination(only), PortFile(differences=meant))
        except DefinitionError as error:
            if len(actions) == 1:
                (key,) = actions
                del inferred[key]
                reasons[key] = f"its request cannot be loaded: {error}"
                return {}
            found: dict[str, ActionDraft] = {}
            for key in actions:
                alone = {key: inferred[key]}
                found.update(await self._all_tried(home, alone, reasons, number))
                if not alone:
                    del inferred[key]
            return found
        plan = Plan(self._fresh, self._seed + 1000 * (number + 1), failures=False)
        check = Check(self._published, home.folder, subject, plan)
        return {key: await self._tried(check, key, one["request"]) for key, one in actions.items()}

    async def _tried(self, check: Check, key: str, request: JsonObject) -> ActionDraft:
        meant = meant_differences(request)
        try:
            tally = await check.run(key)
            used = {leaf: reason for leaf, reason in meant.items() if f"{key}: {leaf}" in tally.used}
            return ActionDraft(key, request, tally=tally, differences=used)
        except ActionsError as error:
            return ActionDraft(key, request, reason=str(error))


def _inferred(
    spec: DestinationSpec, calls: dict[str, list[Sample]], reasons: dict[str, str]
) -> dict[str, Inferred]:
    """Return the requests that fit the calls; the other actions have their reasons."""
    found = {}
    for key, samples in calls.items():
        try:
            found[key] = infer_request(samples, open_objects(spec.actions[key].fields))
        except NotInferred as reason:
            reasons[key] = str(reason)
    return found


def _wrong(draft: ActionDraft) -> float:
    """Return the part of the fresh calls that differ."""
    tally = draft.tally
    return 1.0 if tally is None or not tally.total else tally.different / tally.total


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
    now = format_time(datetime.now(UTC))
    sample = make_sample(reply.get("seen") or {}, trial.settings, trial.events[0], label, request, now=now)
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
