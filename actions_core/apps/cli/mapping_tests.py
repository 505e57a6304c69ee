"""`actions test`: the mapping tests of a workspace, run and recorded."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import attrs
import typer
from rich.padding import Padding
from rich.text import Text

from actions_core.apps.cli.event_loop import run_async
from actions_core.apps.cli.events import read_events
from actions_core.apps.cli.options import AsJson, Settings, WorkspaceFile, load_workspace
from actions_core.apps.cli.output import Exit, err, fail, out, plain, print_json
from actions_core.authoring.mapping_tests import (
    MESSAGE_ID,
    MappingTest,
    differences,
    expectations,
    load_tests,
    write_expectations,
    write_test,
)
from actions_core.authoring.placeholders import fill_environment
from actions_core.destination.registry import Registry
from actions_core.engine import Engine, SubscriptionExplanation
from actions_core.engine.instances import known_destinations
from actions_core.engine.workspace import Workspace
from actions_core.errors import ActionsError, WorkspaceError
from actions_core.values.types import JsonObject

Tests = Annotated[
    Path | None,
    typer.Option("--tests", metavar="FOLDER", help="Their folder; by default `tests` beside the workspace."),
]
Record = Annotated[
    bool, typer.Option("--record", help="Write what happens into the tests that expect nothing yet.")
]
Events = Annotated[
    str | None,
    typer.Option("--events", metavar="FILE", help="With --record: a new test for each of these events."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="With --record: also write anew what the tests do expect.")
]

_STYLES = {"passed": "green", "failed": "red", "empty": "yellow", "recorded": "cyan"}


@attrs.frozen
class Outcome:
    """What a test came to: `passed`, `failed`, `empty` (it expects nothing yet) or `recorded`."""

    place: str
    name: str
    verdict: str
    lines: Sequence[str] = ()
    reasons: Sequence[str] = ()

    def to_dict(self) -> JsonObject:
        """The outcome as JSON."""
        return {
            "test": self.place,
            "name": self.name,
            "verdict": self.verdict,
            "difference": list(self.lines),
            "reasons": list(self.reasons),
        }


def run_tests(
    workspace: WorkspaceFile,
    *,
    tests: Tests = None,
    record: Record = False,
    events: Events = None,
    overwrite: Overwrite = False,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Run a workspace's mapping tests.

    Nothing is sent. They say which subscriptions match, and the payload and the request of each. The
    environment is not read: what would come from it has a placeholder. Exit code 1 when something differs
    from what a test expects, or when a test expects nothing yet.
    """
    if not record and (events is not None or overwrite):
        raise typer.BadParameter("only --record writes", param_hint="--events" if events else "--overwrite")
    folder = tests or workspace.parent / "tests"
    found = load_tests(folder)
    if not found and events is None:
        fail(f"there are no tests in {folder}; `actions test --record --events FILE` writes some")
    bench = Bench(load_workspace(workspace, settings))
    outcomes = run_async(_run(bench, found, record=record, overwrite=overwrite))
    if events is not None:
        outcomes += run_async(_record_events(bench, found, folder, events))
    if as_json:
        print_json([outcome.to_dict() for outcome in outcomes])
    else:
        _print(outcomes)
    bad = any(outcome.verdict in ("failed", "empty") for outcome in outcomes)
    raise typer.Exit(Exit.FAILURES if bad else Exit.OK)


class Bench:
    """Explains events of tests, each under the settings that its test asks for."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._registry = Registry().discover()
        self._engines: dict[str, Engine] = {}
        self._engine({})

    async def explain(self, event: JsonObject, settings: JsonObject) -> tuple[SubscriptionExplanation, ...]:
        """What would become of the event."""
        return (await self._engine(settings).explain(event)).deliveries

    def _engine(self, settings: JsonObject) -> Engine:
        key = json.dumps(settings, sort_keys=True)
        if key not in self._engines:
            known = {spec.id for spec in self._workspace.destinations}
            unknown = sorted(settings.keys() - known)
            if unknown:
                raise WorkspaceError(f"the test has settings for {', '.join(unknown)}, which is no instance")
            changed = tuple(
                attrs.evolve(spec, settings={**spec.settings, **settings.get(spec.id, {})})
                for spec in self._workspace.destinations
            )
            workspace = attrs.evolve(self._workspace, destinations=changed)
            # Not even what the environment does have: a test says the same on every machine.
            filled = fill_environment(workspace, known_destinations(workspace, self._registry), {})[0]
            self._engines[key] = Engine(filled, registry=self._registry)
        return self._engines[key]


async def _run(bench: Bench, tests: list[MappingTest], *, record: bool, overwrite: bool) -> list[Outcome]:
    outcomes = []
    written: dict[Path, dict[int | None, list[JsonObject]]] = {}
    for one in tests:
        try:
            deliveries = await bench.explain(one.event, one.settings)
        except ActionsError as error:
            outcomes.append(Outcome(one.place, one.name, "failed", reasons=[str(error)]))
            continue
        lines = [] if one.expected is None else differences(one.expected, deliveries)
        if record and (one.expected is None or (overwrite and lines)):
            written.setdefault(one.file, {})[one.index] = expectations(deliveries)
            outcomes.append(Outcome(one.place, one.name, "recorded"))
        elif one.expected is None:
            reason = "it expects nothing yet; --record writes what happens"
            outcomes.append(Outcome(one.place, one.name, "empty", reasons=[reason]))
        elif lines:
            outcomes.append(Outcome(one.place, one.name, "failed", lines, _reasons(one.expected, deliveries)))
        else:
            outcomes.append(Outcome(one.place, one.name, "passed"))
    for file, expected in written.items():
        write_expectations(file, expected)
    return outcomes


def _reasons(expected: list[JsonObject], deliveries: tuple[SubscriptionExplanation, ...]) -> list[str]:
    """What a diff of expectations does not say: why a subscription did not match, what is wrong."""
    wanted = {(item["instance"], item["subscription"]) for item in expected}
    known = {(delivery.instance, delivery.subscription) for delivery in deliveries}
    found = [f"{instance} has no subscription {name!r}" for instance, name in sorted(wanted - known)]
    for delivery in deliveries:
        where = f"{delivery.instance}, {delivery.subscription}"
        if not delivery.matched and (delivery.instance, delivery.subscription) in wanted:
            found.append(f"{where}: {delivery.reason}")
        found += [f"{where}: {problem}" for problem in delivery.problems]
    return found


async def _record_events(bench: Bench, tests: list[MappingTest], folder: Path, source: str) -> list[Outcome]:
    """A new test for each event that no test has yet."""
    outcomes = []
    tested = {json.dumps(one.data["event"], sort_keys=True) for one in tests}
    for given in read_events(source, option="--events"):
        try:
            if given.error is not None:
                raise given.error
            event = given.event
            key = json.dumps(event, sort_keys=True)
            if key in tested:
                continue
            named = isinstance(event, dict) and not event.get("messageId")
            deliveries = await bench.explain({**event, "messageId": MESSAGE_ID} if named else event, {})
            tested.add(key)
            file = write_test(folder, event, expectations(deliveries))
        except ActionsError as error:
            outcomes.append(Outcome(given.place or source, "", "failed", reasons=[str(error)]))
        else:
            outcomes.append(Outcome(file.name, "", "recorded"))
    return outcomes


def _print(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        line = Text(outcome.verdict.ljust(9), style=_STYLES[outcome.verdict])
        line.append(plain(outcome.place), style="default").append(f"  {plain(outcome.name)}", style="dim")
        out().print(line, soft_wrap=True)
        for text in outcome.lines:
            style = {"-": "red", "+": "green"}.get(text[:1], "dim" if text == "…" else "")
            out().print(Padding(Text(plain(text), style=style), (0, 0, 0, 2), expand=False), soft_wrap=True)
        for reason in outcome.reasons:
            out().print(Padding(Text(plain(reason), style="yellow"), (0, 0, 0, 2), expand=False))
    counts = {verdict: sum(one.verdict == verdict for one in outcomes) for verdict in _STYLES}
    shown = [f"{count} {verdict}" for verdict, count in counts.items() if count]
    err().print(", ".join(shown) or "every event has a test already")
