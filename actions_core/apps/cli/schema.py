"""`actions schema`: the JSON Schemas of all files, for editors and other programs."""

from pathlib import Path
from typing import Annotated

import typer

from actions_core.apps.cli.catalog import find
from actions_core.apps.cli.output import cell, make_table, print_json, printable, stdout, write_json
from actions_core.apps.cli.shared import AsJson
from actions_core.authoring.editor_schema import workspace_schema
from actions_core.destination import load_destination
from actions_core.validation.schemas import SCHEMAS
from actions_core.validation.schemas import schema as load_schema
from actions_core.values.types import JsonObject

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]", help="The names of schemas; without one, all are listed."),
]
DestinationOption = Annotated[
    str | None,
    typer.Option(
        "--destination",
        metavar="DESTINATION",
        help="The schema of a workspace with this destination's settings, actions and fields in it; "
        "a slug, an alias, or the file of a definition.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FOLDER", file_okay=False, help="Write files into this folder."),
]


def schema(
    names: Names = None,
    *,
    destination: DestinationOption = None,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Print or write the JSON Schemas of files.

    With one as the "$schema" of a file, an editor completes and explains its keys.
    """
    unknown = [name for name in names or () if name not in SCHEMAS]
    if unknown:
        message = f"there is no schema {unknown[0]!r}; there are {', '.join(SCHEMAS)}"
        raise typer.BadParameter(message, param_hint="NAME")
    chosen = {name: load_schema(name) for name in names or (() if destination else SCHEMAS)}
    if destination is not None:
        made = _workspace_of(destination)
        chosen[Path(made["$id"]).name.removesuffix(".schema.json")] = made
    if output is not None:
        _write(chosen, output)
    elif len(chosen) == 1:
        print_json(next(iter(chosen.values())))
    elif names:
        raise typer.BadParameter("print one schema at a time, or write them with --output", param_hint="NAME")
    else:
        _list(chosen, as_json=as_json)


def _workspace_of(name: str) -> JsonObject:
    file = Path(name)
    found = load_destination(file) if file.is_file() else find(name)
    return workspace_schema(found)


def _write(schemas: dict[str, JsonObject], folder: Path) -> None:
    for name, document in schemas.items():
        file = folder / f"{name}.schema.json"
        write_json(file, document)
        stdout().print(printable(file), soft_wrap=True)


def _list(schemas: dict[str, JsonObject], *, as_json: bool) -> None:
    if as_json:
        print_json([{"name": name, "description": found["description"]} for name, found in schemas.items()])
        return
    shown = make_table("Name", "Description")
    for name, found in schemas.items():
        shown.add_row(cell(name, "cyan"), cell(found["description"]))
    stdout().print(shown)
