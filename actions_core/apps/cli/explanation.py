"""An explanation for people: filters, condition, fields, problems, and the request in the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from actions_core.apps.cli.output import cell, out, plain
from actions_core.apps.cli.run.dry_run import print_request
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from actions_core.engine import Explanation, SubscriptionExplanation
    from actions_core.errors import Problem
    from actions_core.mapping import FieldTrace
    from actions_core.subscriptions import Trace
    from actions_core.values.types import Json, JsonObject

#: A longer value is cut: the payload stands in the request, whole.
_LONGEST_VALUE: Final = 200
_INDENT: Final = 2
_MARKS: Final = {True: ("✓", "green"), False: ("✗", "red")}


def print_explanation(explanation: Explanation) -> None:
    """Everything that decided about one event, subscription by subscription."""
    for delivery in explanation.deliveries:
        _print_head(delivery)
        _print_filters(delivery)
        if delivery.trace is not None:
            _print_part("condition", _grid(_condition_rows(delivery.trace, 0)))
        if delivery.fields:
            _print_part("fields", _grid(_field_rows(delivery)))
        _print_problems("problems", delivery.problems, "red")
        _print_problems("warnings", delivery.warnings, "yellow")
        if delivery.payload is not None and delivery.request is None:
            shown = json.dumps(delivery.payload, ensure_ascii=False, indent=2)
            _print_part("payload", Text(plain(shown)))
        if delivery.request is not None:
            _print_request(delivery)
        out().print()


def _print_head(delivery: SubscriptionExplanation) -> None:
    line = Text(plain(delivery.instance), style="bold cyan")
    line.append(f" · {plain(delivery.subscription)} → {plain(delivery.action)}: ", style="not bold default")
    if delivery.request is not None:
        line.append("would be sent", style="bold green")
    elif delivery.matched:
        line.append("would fail", style="bold red")
    else:
        line.append("not sent", style="bold yellow").append(f", {plain(delivery.reason)}", style="not bold")
    out().print(line, soft_wrap=True)
    if delivery.note:
        out().print(Padding(Text(plain(delivery.note), style="yellow"), (0, 0, 0, _INDENT), expand=False))


def _print_filters(delivery: SubscriptionExplanation) -> None:
    if delivery.filters:
        rows = [
            [_mark(not found.dropped), cell(found.name), cell(found.kind, "dim"), cell(found.outcome)]
            for found in delivery.filters
        ]
        _print_part("filters", _grid(iter(rows)))


def _print_part(name: str, content: RenderableType) -> None:
    out().print(Padding(Text(name, style="dim"), (0, 0, 0, _INDENT), expand=False))
    out().print(Padding(content, (0, 0, 0, 2 * _INDENT), expand=False))


def _grid(rows: Iterator[list[Text]]) -> Table:
    """Columns without heads."""
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(*row)
    return grid


def _mark(good: bool) -> Text:  # noqa: FBT001 - a verdict is what it is
    return Text(*_MARKS[good])


def _condition_rows(trace: Trace, depth: int) -> Iterator[list[Text]]:
    """A term, and below it, further in, what it is made of; beside a comparison what it found."""
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
    """What the mapping gave, and what the check made of it where that is something else."""
    if field.error is not None:
        return cell("; ".join(problem.message for problem in field.error.problems) or str(field.error), "red")
    if field.value is MISSING:
        missed = f", nothing stands at {', '.join(field.missed)}" if field.missed else ""
        return cell(f"none{missed}", "yellow")
    text = cell(_short(field.value))
    if delivery.payload is None or not field.field:
        return text
    checked = delivery.payload.get(field.field, MISSING)
    if checked is MISSING:
        return text.append("  left out: empty, or no field of the action", style="yellow")
    if _short(checked) != _short(field.value):
        text.append(f"  taken as {plain(_short(checked))}", style="yellow")
    return text


def _print_problems(name: str, problems: tuple[Problem, ...], style: str) -> None:
    if problems:
        _print_part(
            name,
            _grid(iter([cell(problem.path, "cyan"), cell(problem.message, style)] for problem in problems)),
        )


def _print_request(delivery: SubscriptionExplanation) -> None:
    out().print(Padding(Text("request", style="dim"), (0, 0, 0, _INDENT), expand=False))
    assert delivery.request is not None  # noqa: S101 - asked by the caller
    print_request(delivery.request)
    out().print()
    out().print(Text(plain(delivery.curl)), soft_wrap=True)


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def explanation_json(place: str, event: Json, explanation: Explanation) -> JsonObject:
    """An explanation for a program; where there are several events, with the place of its own."""
    where = {"place": place} if place else {}
    return {**where, "type": event["type"], **explanation.to_dict()}
