"""`actions init` and `actions add-action`: write files for authors of destinations; none is overwritten."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from actions_core.apps.cli.output import fail, printable, stdout
from actions_core.authoring.scaffold import (
    TEMPLATES,
    add_action,
    files_from_definition,
    package_files,
    package_name,
)
from actions_core.authoring.segment_import import definition_from_metadata
from actions_core.destination.registry import Registry
from actions_core.errors import DefinitionError
from actions_core.values.json_files import read_json

_LISTED: Final = "; ".join(f"{name}: {what}" for name, what in TEMPLATES.items())

Slug = Annotated[
    str | None,
    typer.Argument(
        metavar="[DEST]",
        help="The slug, such as acme-orders; also the name of the project's folder. With --from, by default "
        "that of the definition.",
    ),
]
Source = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="A published definition, or a destination's metadata as Segment's Public API gives it: its "
        "actions get functions to fill in.",
    ),
]
Name = Annotated[
    str | None, typer.Option("--name", help="The display name; by default, the slug in capitalized words.")
]
Template = Annotated[str, typer.Option("--template", "-t", help=f"{_LISTED}.")]
Parent = Annotated[
    Path,
    typer.Option("--in", metavar="FOLDER", file_okay=False, help="Where to make the package's folder."),
]


def init(
    slug: Slug = None,
    *,
    name: Name = None,
    template: Template = "custom",
    source: Source = None,
    parent: Parent = Path(),
) -> None:
    """Make a package for a new destination: definition, functions, cases, tests.

    With --from, the definition is that of a destination which exists, such as one to be ported.
    """
    if source is not None:
        slug, files = _files_from(source, slug, name)
    elif slug is None:
        raise typer.BadParameter("name the destination, or take a definition with --from", param_hint="DEST")
    else:
        files = package_files(slug, name=name, template=template)
    folder = parent / slug
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        fail(f"{folder} exists already, and nothing is overwritten")
    if slug in Registry().discover():  # loads nothing
        fail(f"a destination {slug!r} is installed already; take another slug")
    found = importlib.util.find_spec(package_name(slug))
    if found is not None and found.origin is not None:  # a plain folder has no origin
        fail(f"Python imports something as {package_name(slug)!r} already; take another slug")
    _write({folder / path: text for path, text in files.items()})
    stdout().print(printable(f"Made {folder}. Next:"))
    stdout().print(printable(f"  cd {folder}\n  pip install --editable '.[dev]'\n  pytest"))


def _files_from(source: Path, slug: str | None, name: str | None) -> tuple[str, dict[str, str]]:
    data = read_json(source)
    try:
        return files_from_definition(definition_from_metadata(data), slug=slug, name=name)
    except DefinitionError as error:
        raise DefinitionError(f"{source}: {error.message}", problems=error.problems) from None


Folder = Annotated[
    Path,
    typer.Argument(metavar="FOLDER", exists=True, file_okay=False, help="The destination's folder."),
]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The key of the new action, such as addOrder.")]
Cases = Annotated[
    Path | None,
    typer.Option(
        "--cases",
        metavar="FOLDER",
        file_okay=False,
        help="The folder for its case; by default, that of the others.",
    ),
]


def add(folder: Folder, key: Key, *, cases: Cases = None) -> None:
    """Add an action to a destination: to its definition, its functions and its cases."""
    for path in _write(add_action(folder, key, cases=cases)):
        shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        stdout().print(printable(shown), soft_wrap=True)


def _write(files: Mapping[Path, str]) -> list[Path]:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        # As bytes, because line ends are part of the text.
        path.write_bytes(text.encode())
    return list(files)
