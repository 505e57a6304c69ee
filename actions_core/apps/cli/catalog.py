"""`actions list` and `actions describe`: the destinations that are installed."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import attrs
import typer

from actions_core.apps.cli.options import AsJson
from actions_core.apps.cli.output import cell, err, out, print_json, print_problems, table
from actions_core.apps.cli.tables import print_destination
from actions_core.destination import Destination
from actions_core.destination.registry import ENTRY_POINTS, Registry
from actions_core.values.types import MISSING, Json, JsonObject

Name = Annotated[
    str, typer.Argument(metavar="DESTINATION", help="A slug or an alias, as `actions list` shows.")
]


def find(name: str) -> Destination:
    """Return the installed destination with this slug or alias; raise `DefinitionError` without one."""
    return Registry().discover().get(name)


def list_destinations(*, as_json: AsJson = False) -> None:
    """List the destinations that are installed."""
    registry = Registry().discover()
    origins = {point.name: _origin(point) for point in entry_points(group=ENTRY_POINTS)}
    rows = [_row(destination, origins[destination.slug]) for destination in registry]
    if as_json:
        print_json(rows)
    elif rows:
        shown = table("Slug", "Aliases", "Destination", "Actions", "From", numbers=["Actions"])
        for row in rows:
            shown.add_row(
                cell(row["slug"], "cyan"),
                cell(", ".join(row["aliases"])),
                cell(row["name"]),
                cell(len(row["actions"])),
                cell(row["from"], "dim"),
            )
        out().print(shown)
    else:
        err().print(f"No destination is installed: no package has an entry point {ENTRY_POINTS!r}.")
    print_problems(registry.problems)


def _origin(entry_point: EntryPoint) -> str:
    """Return the distribution that an entry point came with."""
    package = entry_point.dist
    return "" if package is None else f"{package.name} {package.version}"


def _row(destination: Destination, origin: str) -> JsonObject:
    spec = destination.spec
    return {
        "slug": spec.slug,
        "aliases": list(spec.aliases),
        "name": spec.name,
        "actions": list(spec.actions),
        "from": origin,
    }


def describe(name: Name, *, as_json: AsJson = False) -> None:
    """Show a destination: its settings, presets, actions and fields."""
    spec = find(name).spec
    if as_json:
        print_json(_definition(spec))
    else:
        print_destination(out(), spec)


#: Where Segment's spelling is not simply the camelCase of ours.
_SPELLINGS = {
    "audience": "audienceConfig",
    "default_object_ui": "defaultObjectUI",
    "depends_on": "depends_on",
}


def _definition(value: Any) -> Json:
    """Return a spec as JSON in Segment's spelling, without the keys it leaves out."""
    if attrs.has(type(value)):
        parts = attrs.asdict(value, recurse=False).items()
        said = {name: part for name, part in parts if part is not None and part is not MISSING}
        return {_SPELLINGS.get(name) or _camel(name): _definition(part) for name, part in said.items()}
    if isinstance(value, Mapping):
        return {str(key): _definition(part) for key, part in value.items()}
    return [_definition(part) for part in value] if isinstance(value, (list, tuple)) else value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
