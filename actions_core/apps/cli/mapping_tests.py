"""`actions test`: the mapping tests of a workspace, run and recorded."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import attrs
import typer
from rich.padding import Padding
from rich.text import Text

from actions_core.apps.cli.output import Exit, fail, print_json, printable, stderr, stdout
from actions_core.apps.cli.shared import (
    AsJson,
    Settings,
    WorkspaceFile,
    load_workspace,
    read_events,
    run_async,
)
from actions_core.authoring.mapping_tests import (
    MESSAGE_ID,
    MappingTest,
    PlaceholderEngines,
    differences,
    expectations,
    load_tests,
    write_expectations,
    write_test,
)
from actions_core.destination.registry import Registry
from actions_core.engine import SubscriptionExplanation
from actions_core.engine.workspace import Workspace
from actions_core.errors import ActionsError
from actions_core.values.types import JsonObject

Tests = Annotated[
    Path | None,
    typer.Option(
        "--tests", metavar="FOLDER", help="The folder of the tests; by default `tests` beside the workspace."
    ),
]
Record = Annotated[
    bool, typer.Option("--record", help="Write the result into the tests that expect nothing yet.")
]
Events = Annotated[
    str | None,
    typer.Option("--events", metavar="FILE", help="With --record: a new test for each of these events."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="With --record: also replace what the tests expect.")
]

_STYLES = {"passed": "green", "failed": "red", "empty": "yellow", "recorded": "cyan"}


@attrs.frozen
class MappingTestResult:
    """The result of a test: `passed`, `failed`, `empty` (it expects nothing yet) or `recorded`."""

    place: str
    name: str
    verdict: str
    lines: Sequence[str] = ()
    reasons: Sequence[str] = ()

    def to_dict(self) -> JsonObject:
        """Return the result as JSON."""
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
    """Run the mapping tests of a workspace.

    Nothing is sent. Tests say which subscriptions match, and the payload and the request of each. The
    environment is not read: a placeholder stands for each of its values. Exit code 1 when a result differs
    from what a test expects, or when a test expects nothing yet.
    """
    if not record and (events is not None or overwrite):
        raise typer.BadParameter("only --record writes", param_hint="--events" if events else "--overwrite")
    folder = tests or workspace.parent / "tests"
    found = load_tests(folder)
    if not found and events is None:
        fail(f"there are no tests in {folder}; `actions test --record --events FILE` writes some")
    explainer = Explainer(load_workspace(workspace, settings))
    results = run_async(_run(explainer, found, record=record, overwrite=overwrite))
    if events is not None:
        results += run_async(_record_events(explainer, found, folder, events))
    if as_json:
        print_json([result.to_dict() for result in results])
    else:
        _print(results)
    bad = any(result.verdict in ("failed", "empty") for result in results)
    raise typer.Exit(Exit.FAILURES if bad else Exit.OK)


class Explainer:
    """Explains the events of tests, each with the settings that its test asks for."""

    def __init__(self, workspace: Workspace) -> None:
        self._engines = PlaceholderEngines(workspace, Registry().discover())

    async def explain(self, event: JsonObject, settings: JsonObject) -> tuple[SubscriptionExplanation, ...]:
        """Return what each subscription would do with the event."""
        return (await self._engines.engine(settings).explain(event)).deliveries


async def _run(
    explainer: Explainer, tests: list[MappingTest], *, record: bool, overwrite: bool
) -> list[MappingTestResult]:
    results = []
    written: dict[Path, dict[int | None, list[JsonObject]]] = {}
    for test in tests:
        try:
            deliveries = await explainer.explain(test.event, test.settings)
        except ActionsError as error:
            results.append(MappingTestResult(test.place, test.name, "failed", reasons=[str(error)]))
            continue
        lines = [] if test.expected is None else differences(test.expected, deliveries)
        if record and (test.expected is None or (overwrite and lines)):
            written.setdefault(test.file, {})[test.index] = expectations(deliveries)
            results.append(MappingTestResult(test.place, test.name, "recorded"))
        elif test.expected is None:
            reason = "it expects nothing yet; --record writes the result"
            results.append(MappingTestResult(test.place, test.name, "empty", reasons=[reason]))
        elif lines:
            results.append(
                MappingTestResult(test.place, test.name, "failed", lines, _reasons(test.expected, deliveries))
            )
        else:
            results.append(MappingTestResult(test.place, test.name, "passed"))
    for file, expected in written.items():
        write_expectations(file, expected)
    return results


def _reasons(expected: list[JsonObject], deliveries: tuple[SubscriptionExplanation, ...]) -> list[str]:
    """Return what the diff does not say: why a subscription did not match, and what is wrong."""
    wanted = {(item["instance"], item["subscription"]) for item in expected}
    known = {(delivery.instance, delivery.subscription) for delivery in deliveries}
    found = [f"{instance} has no subscription {name!r}" for instance, name in sorted(wanted - known)]
    for delivery in deliveries:
        where = f"{delivery.instance}, {delivery.subscription}"
        if not delivery.matched and (delivery.instance, delivery.subscription) in wanted:
            found.append(f"{where}: {delivery.reason}")
        found += [f"{where}: {problem}" for problem in delivery.problems]
    return found


async def _record_events(
    explainer: Explainer, tests: list[MappingTest], folder: Path, source: str
) -> list[MappingTestResult]:
    """Write a new test for each event that no test has yet."""
    results = []
    tested = {json.dumps(test.data["event"], sort_keys=True) for test in tests}
    for given in read_events(source, option="--events"):
        try:
            if given.error is not None:
                raise given.error
            event = given.event
            key = json.dumps(event, sort_keys=True)
            if key in tested:
                continue
            named = isinstance(event, dict) and not event.get("messageId")
            deliveries = await explainer.explain({**event, "messageId": MESSAGE_ID} if named else event, {})
            tested.add(key)
            file = write_test(folder, event, expectations(deliveries))
        except ActionsError as error:
            results.append(MappingTestResult(given.place or source, "", "failed", reasons=[str(error)]))
        else:
            results.append(MappingTestResult(file.name, "", "recorded"))
    return results


def _print(results: list[MappingTestResult]) -> None:
    for result in results:
        line = Text(result.verdict.ljust(9), style=_STYLES[result.verdict])
        line.append(printable(result.place), style="default").append(
            f"  {printable(result.name)}", style="dim"
        )
        stdout().print(line, soft_wrap=True)
        for text in result.lines:
            style = {"-": "red", "+": "green"}.get(text[:1], "dim" if text == "…" else "")
            stdout().print(
                Padding(Text(printable(text), style=style), (0, 0, 0, 2), expand=False), soft_wrap=True
            )
        for reason in result.reasons:
            stdout().print(Padding(Text(printable(reason), style="yellow"), (0, 0, 0, 2), expand=False))
    counts = {verdict: sum(result.verdict == verdict for result in results) for verdict in _STYLES}
    shown = [f"{count} {verdict}" for verdict, count in counts.items() if count]
    stderr().print(", ".join(shown) or "every event has a test already")
