"""`actions import`: make a workspace from published definitions and exported subscriptions."""

from pathlib import Path
from typing import Annotated

import typer

from actions_core.apps.cli.output import Exit, print_error, print_problems, stdout, write_json
from actions_core.authoring.segment_import import (
    default_settings,
    import_definition,
    import_filters,
    import_subscriptions,
)
from actions_core.destination import Destination, load_destination
from actions_core.destination.registry import Registry
from actions_core.errors import DefinitionError, Problem
from actions_core.values.json_files import read_json
from actions_core.values.types import Json, JsonObject

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Published definitions, and subscriptions or filters exported from Segment.",
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="The workspace to write.")]
Slug = Annotated[
    str | None,
    typer.Option(
        "--destination", "-d", help="The destination of exported subscriptions, by its slug or alias."
    ),
]


def import_files(
    files: Files,
    *,
    output: Output = Path("workspace.json"),
    destination: Slug = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Make a workspace from published definitions and exported subscriptions.

    Definitions of destinations that are not installed are copied beside the workspace: their mappings can
    then be checked and explained, but without a handler nothing can be delivered.
    """
    builder = _WorkspaceBuilder(Registry().discover(), destination)
    for file in files:
        builder.add(file)
    workspace = builder.workspace()
    written = {output: workspace, **{output.parent / name: data for name, data in builder.copies.items()}}
    there = [str(path) for path in written if path.exists()]
    if there and not force:
        print_error(f"{', '.join(there)}: exists already; --force replaces it, --output names another place")
        raise typer.Exit(Exit.FAULTY)
    for path, data in written.items():
        write_json(path, data)
    for file_name, notes in builder.notes:
        print_problems(notes, file=file_name, console=stdout())
    count = sum(len(instance["subscriptions"]) for instance in workspace["destinations"])
    stdout().print(f"{output}: {len(workspace['destinations'])} destinations, {count} subscriptions")
    for name in builder.variables():
        stdout().print(f"set {name} before you start", style="yellow")


class _WorkspaceBuilder:
    """A workspace that is put together from files, one after the other."""

    def __init__(self, registry: Registry, slug: str | None) -> None:
        self._registry = registry
        self._slug = slug
        self._instances: dict[str, JsonObject] = {}
        self.copies: dict[str, Json] = {}
        self.notes: list[tuple[str, list[Problem]]] = []
        self._own: dict[str, Destination] = {}

    def add(self, file: Path) -> None:
        """Add what a file contains: a definition, subscriptions or filters."""
        data = read_json(file)
        if isinstance(data, dict) and "actions" in data and "subscriptions" not in data:
            self._definition(file, data)
            return
        subscriptions, filters = import_subscriptions(data), import_filters(data)
        if subscriptions is None and filters is None:
            raise DefinitionError(f"{file}: contains no definition, no 'subscriptions' and no 'filters'")
        instance = self._instance(file)
        if subscriptions is not None:
            # Exported subscriptions replace the presets of the definition.
            before = instance["subscriptions"] if instance.pop("exported", None) else []
            instance["subscriptions"] = [*before, *subscriptions.value]
            instance["exported"] = True
            self.notes.append((str(file), list(subscriptions.notes)))
        if filters is not None:
            instance["filters"] = [*instance.get("filters", []), *filters.value]
            self.notes.append((str(file), list(filters.notes)))

    def _definition(self, file: Path, data: JsonObject) -> None:
        try:
            found = load_destination(data)
        except DefinitionError as error:
            raise DefinitionError(f"{file}: {error}") from None
        installed = found.slug in self._registry
        if not installed:
            self.copies[f"definitions/{found.slug}.json"] = data
            self._own[found.slug] = found
        imported = import_definition(self._registry.get(found.slug) if installed else found)
        self._instances[found.slug] = imported.value
        self.notes.append((str(file), list(imported.notes)))

    def _instance(self, file: Path) -> JsonObject:
        """Return the instance that exported subscriptions belong to."""
        slug = self._slug and self._find(self._slug).slug
        if slug is None and len(self._instances) == 1:
            slug = next(iter(self._instances))
        if slug is None:
            raise DefinitionError(f"{file}: name the destination of these subscriptions with --destination")
        if slug not in self._instances:
            settings = default_settings(self._find(slug))
            self._instances[slug] = {
                "id": slug,
                "destination": slug,
                **({"settings": settings} if settings else {}),
                "subscriptions": [],
            }
        return self._instances[slug]

    def _find(self, name: str) -> Destination:
        """Return the destination with this slug or alias: one of the files', else an installed one."""
        own = [found for found in self._own.values() if name in (found.slug, *found.spec.aliases)]
        return own[0] if own else self._registry.get(name)

    def workspace(self) -> JsonObject:
        """Return the workspace with everything that was added."""
        instances = [
            {key: value for key, value in instance.items() if key != "exported"}
            for instance in self._instances.values()
        ]
        named = {"definitions": sorted(self.copies)} if self.copies else {}
        return {**named, "destinations": instances}

    def variables(self) -> list[str]:
        """Return the names of the environment variables that the workspace needs."""
        return sorted(
            value["$env"]
            for instance in self._instances.values()
            for value in instance.get("settings", {}).values()
            if isinstance(value, dict) and "$env" in value
        )
