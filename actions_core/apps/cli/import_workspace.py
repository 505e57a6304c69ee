"""`actions import`: make a workspace from published definitions and what Segment exports."""

from pathlib import Path
from typing import Annotated

import typer

from actions_core.apps.cli.output import Exit, print_error, print_problems, stdout, write_json
from actions_core.authoring.segment_import import WorkspaceImport
from actions_core.destination.registry import Registry
from actions_core.values.json_files import read_json
from actions_core.values.wording import counted

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Published definitions, and responses of Segment's Public API: destinations, subscriptions, "
        "filters.",
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="The workspace to write.")]
Slug = Annotated[
    str | None,
    typer.Option(
        "--destination",
        "-d",
        help="The destination of subscriptions that do not name theirs, by its slug or alias.",
    ),
]


def import_files(
    files: Files,
    *,
    output: Output = Path("workspace.json"),
    destination: Slug = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Make a workspace from published definitions and what Segment's Public API exports.

    Subscriptions and filters go to the destination that they name. Secrets become variables of the
    environment. Definitions of destinations that are not installed are copied beside the workspace: their
    mappings can then be checked and explained, but without a handler nothing can be delivered.
    """
    builder = WorkspaceImport(Registry().discover(), destination)
    for file in files:
        builder.add(str(file), read_json(file))
    workspace = builder.workspace()
    written = {output: workspace, **{output.parent / name: data for name, data in builder.copies.items()}}
    there = [str(path) for path in written if path.exists()]
    if there and not force:
        print_error(f"{', '.join(there)}: exists already; --force replaces it, --output names another place")
        raise typer.Exit(Exit.FAULTY)
    for path, data in written.items():
        write_json(path, data)
    for file_name, note in builder.notes:
        print_problems([note], file=file_name, console=stdout())
    count = sum(len(instance["subscriptions"]) for instance in workspace["destinations"])
    destinations = counted(len(workspace["destinations"]), "destination")
    stdout().print(f"{output}: {destinations}, {counted(count, 'subscription')}")
    for name in builder.variables():
        stdout().print(f"set {name} before you start", style="yellow")
