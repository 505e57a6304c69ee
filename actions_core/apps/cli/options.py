"""The arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated, Final

import attrs
import typer

from actions_core.engine.workspace import Workspace

WorkspaceFile = Annotated[
    Path,
    typer.Argument(metavar="WORKSPACE", exists=True, dir_okay=False, readable=True, help="A workspace file."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="INSTANCE.SETTING=VALUE", help="Replace a setting for this run; may be given again."
    ),
]
_FORM: Final = "INSTANCE.SETTING=VALUE"


def load_workspace(file: Path, settings: list[str] | None) -> Workspace:
    """The workspace in a file, with the settings that the command line replaces."""
    workspace = Workspace.from_file(file)
    for text in settings or ():
        name, sign, value = text.partition("=")
        instance, dot, setting = name.rpartition(".")
        if not (sign and dot and setting):
            raise typer.BadParameter(f"{name!r} is not of the form {_FORM}", param_hint="--set")
        workspace = _replace(workspace, instance, setting, value)
    return workspace


def _replace(workspace: Workspace, instance: str, setting: str, value: str) -> Workspace:
    known = [spec.id for spec in workspace.destinations]
    if instance not in known:
        message = f"no instance is called {instance!r}; there are {', '.join(known)}"
        raise typer.BadParameter(message, param_hint="--set")
    changed = (
        attrs.evolve(spec, settings={**spec.settings, setting: value}) if spec.id == instance else spec
        for spec in workspace.destinations
    )
    return attrs.evolve(workspace, destinations=tuple(changed))
