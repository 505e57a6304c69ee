"""A check of a port as text for people, and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from rich.text import Text

from actions_core.apps.cli.output import printable, stdout
from actions_core.authoring.port.tally import sorted_leaves, sorted_refusals
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.authoring.port.tally import Leaf, Tally
    from actions_core.authoring.port.unreached import Unreached
    from actions_core.values.types import Json, JsonObject

_MOST_LEAVES: Final = 25
_MOST_PARTS: Final = 40
_MOST_REFUSALS: Final = 3
_LONGEST_VALUE: Final = 300
_KINDS: Final = {"requests": "with requests", "refused": "refused by both", "nothing": "nothing sent"}


def print_tally(tally: Tally, what: str, *, verbose: bool) -> None:
    """Print what the trials of one action showed."""
    equal = sum(tally.equal.values())
    style = "red" if tally.different else "green"
    line = Text(printable(tally.action), style="bold")
    line.append(f"  {tally.total:,} {what}: {equal:,} equal", style=f"not bold {style}")
    parts = [f"{number:,} {_KINDS[kind]}" for kind, number in tally.equal.items() if number]
    line.append(f" ({', '.join(parts)})" if parts else "", style="not bold default")
    if tally.events:
        line.append(f", {tally.reached / tally.events:.0%} reached a request", style="not bold default")
    if tally.explained:
        line.append(f", {tally.explained:,} explained", style="not bold yellow")
    if tally.different:
        line.append(f", {tally.different:,} different", style="not bold red")
    stdout().print(line, soft_wrap=True)
    for note, number in tally.notes.items():
        _print(f"  not compared, {number:,}: {note}", "yellow")
    if tally.total and not tally.reached:
        _print(
            "  no trial made a request: differences.json may say which settings and fields it needs", "yellow"
        )
    elif tally.is_shallow:
        few = f"only {tally.reached:,} of {tally.events:,} events reached a request"
        _print(f"  {few}: differences.json may name values of fields that both sides take", "yellow")
    _print_refusals(tally, verbose=verbose)
    leaves = sorted_leaves(tally)
    for leaf in leaves[: None if verbose else _MOST_LEAVES]:
        _print_leaf(leaf, verbose=verbose)
    if not verbose and len(leaves) > _MOST_LEAVES:
        _print(f"  and {len(leaves) - _MOST_LEAVES} more; --verbose shows all of them", "dim")
    missing = tally.never_given()
    if missing:
        _print(f"  never given: {', '.join(missing)}", "dim")


def _print_refusals(tally: Tally, *, verbose: bool) -> None:
    """Print why events reached no request: all of it, or the beginning where they are many."""
    refusals = sorted_refusals(tally)
    for message, number in refusals if verbose else refusals[: _MOST_REFUSALS * tally.is_shallow]:
        _print(f"  refused    {message} ({number:,})", "dim")


def _print_leaf(leaf: Leaf, *, verbose: bool) -> None:
    if leaf.reason is not None:
        _print(f"  explained  {leaf.leaf} ({leaf.count:,}): {leaf.reason}", "dim")
        if not verbose:
            return
    else:
        _print(f"  differs    {leaf.leaf} ({leaf.count:,})", "red")
    _print(f"      published  {_side(leaf.example.published, leaf.example.item)}")
    _print(f"      ours       {_side(leaf.example.ours, leaf.example.item)}")
    if verbose:
        _print(f"      event      {json.dumps(leaf.trial.events[0], ensure_ascii=False)}", "dim")
        _print(f"      settings   {json.dumps(leaf.trial.settings, ensure_ascii=False)}", "dim")
        _print(f"      extra      {json.dumps(leaf.trial.extra, ensure_ascii=False)}", "dim")


def _side(value: Json, item: int | None) -> str:
    """Return what one side has; `item` is the place of an item that one of them lacks."""
    if item is None:
        return _value(value)
    return f"item {item} is missing here" if value is MISSING else f"item {item}: {_value(value)}"


def _value(value: Json) -> str:
    if value is MISSING:
        return "(nothing)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _print(text: str, style: str = "") -> None:
    stdout().print(Text(printable(text), style=style), soft_wrap=True)


def print_unreached(parts: Sequence[Unreached], *, verbose: bool) -> None:
    """Print the parts of the published source that no trial has reached."""
    if not parts:
        _print("every part of the published source was reached")
        return
    _print(f"not reached in the published source ({len(parts)}):")
    for part in parts[: None if verbose else _MOST_PARTS]:
        _print(f"  {part if verbose else part.shortened()}", "dim")
    if not verbose and len(parts) > _MOST_PARTS:
        _print(f"  and {len(parts) - _MOST_PARTS} more; --verbose shows all of them", "dim")


def check_json(
    head: JsonObject, tallies: Sequence[tuple[Tally, bool]], parts: Sequence[Unreached]
) -> JsonObject:
    """Return the whole check as JSON."""
    return {
        **head,
        "actions": [{**tally.to_dict(), "batches": batch} for tally, batch in tallies],
        "unreached": [
            {"path": part.path, "line": part.line, "source": part.text, "function": part.whole_function}
            for part in parts
        ],
    }
