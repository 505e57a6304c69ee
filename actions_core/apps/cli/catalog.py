"""`actions list` and `actions describe`: the destinations that are installed."""

from importlib.metadata import EntryPoint, entry_points
from typing import Annotated

import attrs
import typer

from actions_core.apps.cli.options import AsJson
from actions_core.apps.cli.output import cell, err, out, print_json, print_problems, table
from actions_core.apps.cli.tables import print_destination
from actions_core.destination import Destination
from actions_core.destination.registry import ENTRY_POINTS, Registry
from actions_core.errors import child_path
from actions_core.validation.fields import unstructure
from actions_core.values.types import Json

Name = Annotated[
    str, typer.Argument(metavar="DESTINATION", help="A slug, or the short name that `actions list` shows.")
]


@attrs.frozen
class Installed:
    """A destination that can be used, and the entry point that brought it."""

    destination: Destination
    entry_point: EntryPoint

    @property
    def origin(self) -> str:
        """The distribution that it came with."""
        package = self.entry_point.dist
        return "" if package is None else f"{package.name} {package.version}"


def installed(registry: Registry) -> list[Installed]:
    """What discovery found, by short name."""
    # A plugin that discovery refused is named in `problems`; loading it again would raise again.
    refused = {problem.path for problem in registry.problems}
    points = sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name)
    loaded = [(point, point.load()) for point in points if child_path("$", point.name) not in refused]
    return [Installed(destination, point) for point, destination in loaded]


def find(registry: Registry, name: str) -> Destination:
    """The destination of a slug or short name; raises `DefinitionError` where there is none."""
    if name not in registry:
        for found in installed(registry):
            if found.entry_point.name == name:
                return found.destination
    return registry.get(name)


def list_destinations(*, as_json: AsJson = False) -> None:
    """List the destinations that are installed."""
    registry = Registry().discover()
    found = installed(registry)
    if as_json:
        print_json([_row(entry) for entry in found])
    elif found:
        shown = table("Name", "Slug", "Destination", "Actions", "From", numbers=["Actions"])
        for entry in found:
            row = _row(entry)
            shown.add_row(
                cell(row["name"], "cyan"),
                cell(row["slug"]),
                cell(row["title"]),
                cell(len(row["actions"])),
                cell(row["from"], "dim"),
            )
        out().print(shown)
    else:
        err().print(f"No destination is installed: no package has an entry point {ENTRY_POINTS!r}.")
    print_problems(registry.problems)


def _row(entry: Installed) -> dict[str, Json]:
    spec = entry.destination.spec
    return {
        "name": entry.entry_point.name,
        "slug": spec.slug,
        "title": spec.name,
        "actions": list(spec.actions),
        "from": entry.origin,
    }


def describe(name: Name, *, as_json: AsJson = False) -> None:
    """Show a destination: its settings, presets, actions and fields."""
    spec = find(Registry().discover(), name).spec
    if as_json:
        print_json(unstructure(spec))
    else:
        print_destination(out(), spec)
