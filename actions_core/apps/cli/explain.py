"""`actions explain`: what a workspace would do with an event, and why."""

import os
from typing import Annotated

import typer
from rich.text import Text

from actions_core.apps.cli.event_loop import run_async
from actions_core.apps.cli.events import Given, read_events
from actions_core.apps.cli.explanation import explanation_json, print_explanation
from actions_core.apps.cli.options import AsJson, Settings, WorkspaceFile, load_workspace
from actions_core.apps.cli.output import Exit, complain, err, out, plain, print_json
from actions_core.authoring.placeholders import fill_environment
from actions_core.destination.registry import Registry
from actions_core.engine import Engine, Explanation
from actions_core.engine.instances import known_destinations
from actions_core.errors import EventError
from actions_core.values.types import Json, JsonObject

Events = Annotated[
    str,
    typer.Argument(
        metavar="EVENT",
        help="A file with an event or several (NDJSON), - for standard input, or JSON itself.",
    ),
]
Instances = Annotated[
    list[str] | None, typer.Option("--instance", metavar="ID", help="Only this instance; may be given again.")
]


def explain(
    workspace: WorkspaceFile,
    event: Events,
    *,
    instance: Instances = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Explain what would become of an event.

    Nothing is sent. Shown are, for each instance and subscription: filters, conditions with the values
    they found, fields with the paths they came from, problems, and the request, secrets masked. Exit
    code 1 when a matching subscription would fail.
    """
    loaded = load_workspace(workspace, settings)
    known = [spec.id for spec in loaded.destinations]
    for wanted in instance or ():
        if wanted not in known:
            message = f"no instance is called {wanted!r}; there are {', '.join(known)}"
            raise typer.BadParameter(message, param_hint="--instance")
    given = read_events(event, option="EVENT")
    registry = Registry().discover()
    filled, unset = fill_environment(loaded, known_destinations(loaded, registry), os.environ)
    for name in unset:
        err().print(f"{name} is not set: a placeholder stands for its value", style="yellow", soft_wrap=True)
    engine = Engine(filled, registry=registry)
    raise typer.Exit(run_async(_explain(engine, given, set(instance or known), as_json=as_json)))


async def _explain(engine: Engine, given: list[Given], instances: set[str], *, as_json: bool) -> Exit:
    rows: list[JsonObject] = []
    good = True
    async with engine:
        for one in given:
            try:
                explanation = await _explained(engine, one, instances)
            except EventError as error:
                good = False
                rows.append({"place": one.place, "error": str(error)})
                if not as_json:
                    complain(f"{one.place}: {error}" if one.place else str(error))
                continue
            good &= all(
                delivery.request is not None for delivery in explanation.deliveries if delivery.matched
            )
            rows.append(explanation_json(one.place, one.event, explanation))
            if not as_json:
                _print_head(one.place, one.event, explanation.message_id)
                print_explanation(explanation)
    if as_json:
        print_json(rows)
    return Exit.OK if good else Exit.FAILURES


async def _explained(engine: Engine, given: Given, instances: set[str]) -> Explanation:
    if given.error is not None:
        raise given.error
    found = await engine.explain(given.event)
    chosen = tuple(delivery for delivery in found.deliveries if delivery.instance in instances)
    return Explanation(found.message_id, chosen)


def _print_head(place: str, event: Json, message_id: str) -> None:
    named = f' "{event["event"]}"' if isinstance(event.get("event"), str) else ""
    line = f"{place}: " if place else ""
    line += f"{event['type']}{named}"
    out().print(
        Text(plain(line), style="bold").append(f"  {plain(message_id)}", style="not bold dim"), soft_wrap=True
    )
    out().print()
