"""`actions explain`: what a workspace would do with an event, and why."""

import json
import os
from collections.abc import Iterator
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from actions_core.apps.cli.output import (
    Exit,
    cell,
    print_error,
    print_json,
    print_request,
    printable,
    stderr,
    stdout,
)
from actions_core.apps.cli.shared import (
    AsJson,
    EventInput,
    Instances,
    Settings,
    WorkspaceFile,
    check_instances,
    load_workspace,
    read_events,
    run_async,
)
from actions_core.authoring.placeholders import fill_environment
from actions_core.destination.registry import Registry
from actions_core.engine import Engine, Explanation, SubscriptionExplanation
from actions_core.engine.instances import known_destinations
from actions_core.errors import EventError, Problem
from actions_core.mapping import FieldTrace
from actions_core.subscriptions import Trace
from actions_core.values.types import MISSING, Json, JsonObject

Events = Annotated[
    str,
    typer.Argument(
        metavar="EVENT",
        help="A file with an event or several (NDJSON), - for standard input, or JSON itself.",
    ),
]

#: A longer value is cut: the request shows the whole payload.
_LONGEST_VALUE: Final = 200
_INDENT: Final = 2
_MARKS: Final = {True: ("✓", "green"), False: ("✗", "red")}


def explain(
    workspace: WorkspaceFile,
    event: Events,
    *,
    instance: Instances = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Explain what a workspace would do with an event.

    Nothing is sent. For each instance and subscription, you see the filters, the conditions with the
    values they found, the fields with the paths they came from, problems, and the request, secrets
    masked. Exit code 1 when a matching subscription would fail.
    """
    loaded = load_workspace(workspace, settings)
    known = [spec.id for spec in loaded.destinations]
    check_instances(instance or (), known)
    inputs = read_events(event, option="EVENT")
    registry = Registry().discover()
    filled, unset = fill_environment(loaded, known_destinations(loaded, registry), os.environ)
    for name in unset:
        stderr().print(
            f"{name} is not set: a placeholder stands for its value", style="yellow", soft_wrap=True
        )
    engine = Engine(filled, registry=registry)
    raise typer.Exit(run_async(_explain_all(engine, inputs, set(instance or known), as_json=as_json)))


async def _explain_all(
    engine: Engine, inputs: list[EventInput], instances: set[str], *, as_json: bool
) -> Exit:
    rows: list[JsonObject] = []
    good = True
    async with engine:
        for given in inputs:
            try:
                explanation = await _explain(engine, given, instances)
            except EventError as error:
                good = False
                rows.append({"place": given.place, "error": str(error)})
                if not as_json:
                    print_error(f"{given.place}: {error}" if given.place else str(error))
                continue
            good &= all(not delivery.problems for delivery in explanation.deliveries if delivery.matched)
            rows.append(explanation_json(given.place, given.event, explanation))
            if not as_json:
                _print_head(given.place, given.event, explanation.message_id)
                print_explanation(explanation)
    if as_json:
        print_json(rows)
    return Exit.OK if good else Exit.FAILURES


async def _explain(engine: Engine, given: EventInput, instances: set[str]) -> Explanation:
    if given.error is not None:
        raise given.error
    found = await engine.explain(given.event)
    chosen = tuple(delivery for delivery in found.deliveries if delivery.instance in instances)
    return Explanation(found.message_id, chosen)


def _print_head(place: str, event: Json, message_id: str) -> None:
    named = f' "{event["event"]}"' if isinstance(event.get("event"), str) else ""
    line = f"{place}: " if place else ""
    line += f"{event['type']}{named}"
    stdout().print(
        Text(printable(line), style="bold").append(f"  {printable(message_id)}", style="not bold dim"),
        soft_wrap=True,
    )
    stdout().print()


def print_explanation(explanation: Explanation) -> None:
    """Print everything that decided about one event, subscription by subscription."""
    for delivery in explanation.deliveries:
        _print_subscription_head(delivery)
        _print_filters(delivery)
        if delivery.trace is not None:
            _print_part("condition", _grid(_condition_rows(delivery.trace, 0)))
        if delivery.fields:
            _print_part("fields", _grid(_field_rows(delivery)))
        _print_problems("problems", delivery.problems, "red")
        _print_problems("warnings", delivery.warnings, "yellow")
        if delivery.payload is not None and delivery.request is None:
            shown = json.dumps(delivery.payload, ensure_ascii=False, indent=2)
            _print_part("payload", Text(printable(shown)))
        if delivery.request is not None:
            _print_request(delivery)
        stdout().print()


def _print_subscription_head(delivery: SubscriptionExplanation) -> None:
    line = Text(printable(delivery.instance), style="bold cyan")
    line.append(
        f" · {printable(delivery.subscription)} → {printable(delivery.action)}: ", style="not bold default"
    )
    if delivery.request is not None:
        line.append("would be sent", style="bold green")
    elif delivery.matched and not delivery.problems:
        line.append("nothing to send", style="bold yellow")
        if delivery.reason:
            line.append(f", {printable(delivery.reason)}", style="not bold")
    elif delivery.matched:
        line.append("would fail", style="bold red")
    else:
        line.append("not sent", style="bold yellow").append(
            f", {printable(delivery.reason)}", style="not bold"
        )
    stdout().print(line, soft_wrap=True)
    if delivery.note:
        stdout().print(
            Padding(Text(printable(delivery.note), style="yellow"), (0, 0, 0, _INDENT), expand=False)
        )


def _print_filters(delivery: SubscriptionExplanation) -> None:
    if delivery.filters:
        rows = [
            [_mark(not found.dropped), cell(found.name), cell(found.kind, "dim"), cell(found.outcome)]
            for found in delivery.filters
        ]
        _print_part("filters", _grid(iter(rows)))


def _print_part(name: str, content: RenderableType) -> None:
    stdout().print(Padding(Text(name, style="dim"), (0, 0, 0, _INDENT), expand=False))
    stdout().print(Padding(content, (0, 0, 0, 2 * _INDENT), expand=False))


def _grid(rows: Iterator[list[Text]]) -> Table:
    """Return a table without column titles."""
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(*row)
    return grid


def _mark(good: bool) -> Text:  # noqa: FBT001 - the one argument is the mark itself
    return Text(*_MARKS[good])


def _condition_rows(trace: Trace, depth: int) -> Iterator[list[Text]]:
    """Yield a term and, indented below it, its parts; beside a comparison the value that it found."""
    found = Text("")
    if not trace.parts:
        found = cell("found nothing" if trace.value is MISSING else f"found {_short(trace.value)}", "dim")
    indent = Text(" " * _INDENT * depth)
    yield [indent + _mark(trace.matched) + Text(" ") + cell(trace.text), found]
    for part in trace.parts:
        yield from _condition_rows(part, depth + 1)


def _field_rows(delivery: SubscriptionExplanation) -> Iterator[list[Text]]:
    for field in delivery.fields:
        source = ", ".join(field.paths) or ("" if field.value is MISSING else "written in the mapping")
        yield [
            cell(field.field or "(the whole)", "cyan"),
            cell(f"← {source}" if source else "", "dim"),
            _value(field, delivery),
        ]


def _value(field: FieldTrace, delivery: SubscriptionExplanation) -> Text:
    """Return the value of the mapping, and the value after validation where that is different."""
    if field.error is not None:
        return cell("; ".join(problem.message for problem in field.error.problems) or str(field.error), "red")
    if field.value is MISSING:
        missed = f", nothing found at {', '.join(field.missed)}" if field.missed else ""
        return cell(f"none{missed}", "yellow")
    text = cell(_short(field.value))
    if delivery.payload is None or not field.field:
        return text
    checked = delivery.payload.get(field.field, MISSING)
    if checked is MISSING:
        return text.append("  left out: empty, or not a field of the action", style="yellow")
    if _short(checked) != _short(field.value):
        text.append(f"  taken as {printable(_short(checked))}", style="yellow")
    return text


def _print_problems(name: str, problems: tuple[Problem, ...], style: str) -> None:
    if problems:
        _print_part(
            name,
            _grid(iter([cell(problem.path, "cyan"), cell(problem.message, style)] for problem in problems)),
        )


def _print_request(delivery: SubscriptionExplanation) -> None:
    stdout().print(Padding(Text("request", style="dim"), (0, 0, 0, _INDENT), expand=False))
    assert delivery.request is not None  # noqa: S101 - checked by the caller
    print_request(delivery.request)
    stdout().print()
    stdout().print(Text(printable(delivery.curl)), soft_wrap=True)


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def explanation_json(place: str, event: Json, explanation: Explanation) -> JsonObject:
    """Return an explanation as JSON, with the place of its event where there are several."""
    where = {"place": place} if place else {}
    return {**where, "type": event["type"], **explanation.to_dict()}
