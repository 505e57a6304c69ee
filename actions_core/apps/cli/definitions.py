"""`actions diff`, `actions docs` and `actions schema`: what authors get from definitions."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from actions_core.apps.cli.catalog import Subject, definition_file, find, read_spec
from actions_core.apps.cli.output import (
    Exit,
    cell,
    fail,
    make_table,
    print_error,
    print_json,
    printable,
    stdout,
    write_json,
)
from actions_core.apps.cli.shared import AsJson
from actions_core.authoring.comparison import Change, Level, compare_definitions
from actions_core.authoring.docs_page import destination_page
from actions_core.authoring.editor_schema import beside, bundled_schema, workspace_schema
from actions_core.authoring.port.differences import differences_of, read_port_file_in
from actions_core.destination import Destination, load_destination
from actions_core.destination.registry import Registry
from actions_core.errors import DefinitionError
from actions_core.validation.documents import SCHEMAS
from actions_core.values.json_files import read_json
from actions_core.values.types import JsonObject

_CHANGE_STYLES: Final = {Level.BREAKING: "bold red", Level.WARNING: "yellow", Level.NOTE: "dim"}

_WHERE: Final = "a slug, an alias, a folder, or a file."
Old = Annotated[str, typer.Argument(metavar="OLD", help=f"The definition in use: {_WHERE}")]
New = Annotated[str, typer.Argument(metavar="NEW", help=f"What will replace it: {_WHERE}")]


def diff(old: Old, new: New, *, as_json: AsJson = False) -> None:
    """Show what changes for workspaces between two versions of a destination's definition."""
    specs = []
    errors = []
    for name in (old, new):
        try:
            specs.append(read_spec(name))
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
        _print_changes(changes)
    if any(change.level is Level.BREAKING for change in changes):
        raise typer.Exit(Exit.FAILURES)


def _print_changes(changes: tuple[Change, ...]) -> None:
    for change in changes:
        line = Text(f"{change.level}: ", style=_CHANGE_STYLES[change.level])
        line.append(f"{printable(change.path)}: ", style="not bold not dim cyan")
        line.append(printable(change.message), style="not bold not dim default")
        stdout().print(line, soft_wrap=True)
    count = sum(change.level is Level.BREAKING for change in changes)
    summary = f"{count} breaking" if count else "nothing that breaks a workspace"
    stdout().print(f"{summary}, {len(changes)} in all" if changes else "nothing changes for a workspace")


PageFile = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Write the page to this file."),
]


def docs(subject: Subject, *, output: PageFile = None) -> None:
    """Write a destination's page: overview, settings, presets, actions with their fields."""
    spec = read_spec(subject)
    file = definition_file(subject)
    port = differences_of(spec.slug) if file is None else read_port_file_in(file.parent)
    page = destination_page(spec, port)
    if output is None:
        sys.stdout.write(page)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(page, encoding="utf-8")


SchemaNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]", help="The names of schemas; without one, all are listed."),
]
DestinationOption = Annotated[
    str | None,
    typer.Option(
        "--destination",
        metavar="DESTINATION",
        help="The schema of a workspace with this destination's settings, actions and fields in it; "
        "a slug, an alias, or a definition: its file or its folder.",
    ),
]
SchemaFolder = Annotated[
    Path | None,
    typer.Option("--output", metavar="FOLDER", file_okay=False, help="Write files into this folder."),
]


WriteBeside = Annotated[
    Path | None,
    typer.Option(
        "--write",
        metavar="WORKSPACE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="Write the schemas beside this workspace, the settings and fields of its destinations in them.",
    ),
]


def schema(
    names: SchemaNames = None,
    *,
    destination: DestinationOption = None,
    write: WriteBeside = None,
    output: SchemaFolder = None,
    as_json: AsJson = False,
) -> None:
    """Print or write the JSON Schemas of files.

    With one as the "$schema" of a file, an editor completes and explains its keys. What is written refers to
    no other file and no network.
    """
    if write is not None:
        _write_beside(write)
        return
    unknown = [name for name in names or () if name not in SCHEMAS]
    if unknown:
        message = f"there is no schema {unknown[0]!r}; there are {', '.join(SCHEMAS)}"
        raise typer.BadParameter(message, param_hint="NAME")
    chosen = {name: bundled_schema(name) for name in names or (() if destination else SCHEMAS)}
    if destination is not None:
        made = _workspace_schema(destination)
        chosen[Path(made["$id"]).name.removesuffix(".schema.json")] = made
    if output is not None:
        _write_schemas(chosen, output)
    elif len(chosen) == 1:
        print_json(next(iter(chosen.values())))
    elif names:
        raise typer.BadParameter("print one schema at a time, or write them with --output", param_hint="NAME")
    else:
        _list_schemas(chosen, as_json=as_json)


def _workspace_schema(name: str) -> JsonObject:
    file = definition_file(name)
    return workspace_schema(find(name) if file is None else load_destination(file))


def _write_beside(file: Path) -> None:
    """Write the schemas of all kinds of files beside a workspace, which itself need not be right yet."""
    data = read_json(file)
    data = data if isinstance(data, dict) else {}
    known = _named_destinations(data, file)
    chosen = {name: bundled_schema(name) for name in SCHEMAS}
    if known:
        chosen["workspace"] = workspace_schema(*known)
    _write_schemas(chosen, file.parent)
    wanted = "./workspace.schema.json"
    if data.get("$schema") != wanted:
        line = f'{file}: begin it with "$schema": "{wanted}", and an editor completes and checks it'
        stdout().print(printable(line), soft_wrap=True)


def _named_destinations(data: JsonObject, file: Path) -> list[Destination]:
    """Return the destinations that a workspace names, installed ones and those of its own definitions."""
    own: dict[str, Destination] = {}
    definitions = data.get("definitions")
    for name in definitions if isinstance(definitions, list) else ():
        try:
            found = load_destination(file.parent / str(name))
        except DefinitionError as error:
            print_error(str(error))
        else:
            own |= dict.fromkeys((found.slug, *found.spec.aliases), found)
    registry = Registry().discover()
    named: dict[str, Destination] = {}
    instances = data.get("destinations")
    for instance in instances if isinstance(instances, list) else ():
        slug = instance.get("destination") if isinstance(instance, dict) else None
        if not isinstance(slug, str):
            continue
        try:
            found = own.get(slug) or registry.get(slug)
        except DefinitionError as error:
            print_error(str(error))
        else:
            named[found.slug] = found
    return list(named.values())


def _write_schemas(schemas: dict[str, JsonObject], folder: Path) -> None:
    for name, document in schemas.items():
        file = folder / f"{name}.schema.json"
        write_json(file, beside(document, file.name))
        stdout().print(printable(file), soft_wrap=True)


def _list_schemas(schemas: dict[str, JsonObject], *, as_json: bool) -> None:
    if as_json:
        print_json([{"name": name, "description": found["description"]} for name, found in schemas.items()])
        return
    shown = make_table("Name", "Description")
    for name, found in schemas.items():
        shown.add_row(cell(name, "cyan"), cell(found["description"]))
    stdout().print(shown)
