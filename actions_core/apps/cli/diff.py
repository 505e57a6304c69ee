"""`actions diff`: what changes for workspaces between two versions of a definition."""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from actions_core.apps.cli.output import Exit, fail, print_json, printable, stdout
from actions_core.apps.cli.shared import AsJson
from actions_core.authoring.comparison import Change, Level, compare_definitions
from actions_core.destination.loading import load_definition
from actions_core.errors import DefinitionError

_STYLES: Final = {Level.BREAKING: "bold red", Level.WARNING: "yellow", Level.NOTE: "dim"}

Old = Annotated[
    Path,
    typer.Argument(metavar="OLD", exists=True, dir_okay=False, readable=True, help="The definition in use."),
]
New = Annotated[
    Path,
    typer.Argument(metavar="NEW", exists=True, dir_okay=False, readable=True, help="What will replace it."),
]


def diff(old: Old, new: New, *, as_json: AsJson = False) -> None:
    """Show what changes for workspaces between two versions of a destination's definition."""
    specs = []
    errors = []
    for file in (old, new):
        try:
            specs.append(load_definition(file))
        except DefinitionError as error:
            errors.append(str(error))
    if errors:
        fail("\n".join(errors))
    changes = compare_definitions(*specs)
    if as_json:
        print_json(
            [
                {"level": str(change.level), "path": change.path, "message": change.message}
                for change in changes
            ]
        )
    else:
        _print(changes)
    if any(change.level is Level.BREAKING for change in changes):
        raise typer.Exit(Exit.FAILURES)


def _print(changes: tuple[Change, ...]) -> None:
    for change in changes:
        line = Text(f"{change.level}: ", style=_STYLES[change.level])
        line.append(f"{printable(change.path)}: ", style="not bold not dim cyan")
        line.append(printable(change.message), style="not bold not dim default")
        stdout().print(line, soft_wrap=True)
    count = sum(change.level is Level.BREAKING for change in changes)
    summary = f"{count} breaking" if count else "nothing that breaks a workspace"
    stdout().print(f"{summary}, {len(changes)} in all" if changes else "nothing changes for a workspace")
