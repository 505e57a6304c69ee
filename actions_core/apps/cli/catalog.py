"""`actions list` and `actions describe`: the destinations that are installed."""

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from actions_core.apps.cli.output import (
    cell,
    make_table,
    print_json,
    print_problems,
    printable,
    stderr,
    stdout,
)
from actions_core.apps.cli.shared import AsJson
from actions_core.apps.local import find_definition
from actions_core.destination import Destination
from actions_core.destination.loading import load_definition
from actions_core.destination.registry import ENTRY_POINTS, Registry
from actions_core.destination.specs import ActionSpec, DestinationSpec
from actions_core.validation.fields import ConditionSet, FieldCondition, FieldSpec, unstructure
from actions_core.values.types import MISSING, Json, JsonObject

Subject = Annotated[
    str,
    typer.Argument(
        metavar="DESTINATION",
        help="A slug or an alias, as `actions list` shows, or a definition: its file or its folder.",
    ),
]


#: Below this width a table of five columns has more breaks than words, and fields are listed instead.
_NARROW: Final = 70


def find(name: str) -> Destination:
    """Return the installed destination with this slug or alias; raise `DefinitionError` without one."""
    return Registry().discover().get(name)


def read_spec(subject: str) -> DestinationSpec:
    """Return the definition in a file or a folder, or that of an installed destination of this name."""
    file = definition_file(subject)
    return find(subject).spec if file is None else load_definition(file)


def definition_file(subject: str) -> Path | None:
    """Return the definition's file that a path leads to; None for the slug or alias of a destination."""
    # Only what looks like a path is one: a name stays a name, even if a file or a folder has it too.
    is_path = subject.endswith(".json") or "/" in subject or "\\" in subject
    return find_definition(subject) or Path(subject) if is_path else None


def list_destinations(*, as_json: AsJson = False) -> None:
    """List the destinations that are installed."""
    registry = Registry().discover()
    origins = {point.name: _origin(point) for point in entry_points(group=ENTRY_POINTS)}
    rows = [_row(destination, origins[destination.slug]) for destination in registry]
    if as_json:
        print_json(rows)
    elif rows:
        shown = make_table("Slug", "Aliases", "Destination", "Actions", "From", numbers=["Actions"])
        for row in rows:
            shown.add_row(
                cell(row["slug"], "cyan"),
                cell(", ".join(row["aliases"])),
                cell(row["name"]),
                cell(len(row["actions"])),
                cell(row["from"], "dim"),
            )
        stdout().print(shown)
    else:
        stderr().print(f"No destination is installed: no package has an entry point {ENTRY_POINTS!r}.")
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


def describe(subject: Subject, *, as_json: AsJson = False) -> None:
    """Show a destination: its settings, presets, actions and fields."""
    spec = read_spec(subject)
    if as_json:
        print_json(unstructure(spec))
    else:
        print_destination(stdout(), spec)


def print_destination(console: Console, spec: DestinationSpec) -> None:
    """Print what the author of a workspace wants to know about a destination."""
    console.print(
        Text(printable(spec.name), style="bold").append(f"  {printable(spec.slug)}", style="not bold cyan")
    )
    scheme = f", {spec.authentication.scheme} authentication" if spec.authentication else ""
    aliases = f", also called {printable(', '.join(spec.aliases))}" if spec.aliases else ""
    console.print(Text(f"{spec.mode} mode{scheme}{aliases}", style="dim"))
    if spec.description:
        console.print(Text(printable(spec.description)))
    _print_fields(console, "Settings", "Setting", spec.settings)
    if spec.presets:
        presets = make_table("Preset", "Trigger", "Action")
        for preset in spec.presets:
            trigger = preset.subscribe if preset.subscribe is not None else f"event {preset.event_slug}"
            presets.add_row(cell(preset.name), cell(trigger), cell(preset.partner_action, "cyan"))
        _print_heading(console, "Presets")
        console.print(presets)
    for key, action in spec.actions.items():
        _print_action(console, key, action)


def _print_action(console: Console, key: str, action: ActionSpec) -> None:
    _print_heading(console, action.title, key)
    if action.description:
        console.print(Text(printable(action.description)))
    if action.default_subscription:
        console.print(Text("Default trigger: ", style="dim").append(printable(action.default_subscription)))
    if action.superseded_by:
        console.print(Text(f"Superseded by {printable(action.superseded_by)}.", style="yellow"))
    _print_fields(console, "", "Field", action.fields)


def _print_heading(console: Console, text: str, key: str = "") -> None:
    line = Text(printable(text), style="bold")
    if key:
        line.append(f"  {printable(key)}", style="not bold cyan")
    console.print()
    console.print(line)


def _print_fields(console: Console, heading: str, kind: str, fields: Mapping[str, FieldSpec]) -> None:
    if heading:
        _print_heading(console, heading)
    rows = list(_rows(fields, ""))
    if not rows:
        console.print(Text("none", style="dim"))
        return
    if console.width < _NARROW:
        for key, field in rows:
            _print_field(console, key, field)
        return
    shown = make_table(kind, "Type", "Required", "Default", "Description")
    for key, field in rows:
        texts = (type_name(field), required_text(field), default_text(field), field_description(field))
        shown.add_row(cell(key, "cyan"), *map(cell, texts))
    console.print(shown)


def _print_field(console: Console, key: str, field: FieldSpec) -> None:
    line = Text(printable(key), style="cyan").append(f"  {type_name(field)}", style="not bold default")
    required = required_text(field)
    if required:
        line.append(f", required {'' if required == 'yes' else required}".rstrip(), style="default")
    console.print(line)
    for text in (field_description(field), f"default: {default_text(field)}" if default_text(field) else ""):
        if text:
            console.print(Text(printable(text)), style="dim")


def _rows(fields: Mapping[str, FieldSpec], prefix: str) -> Iterator[tuple[str, FieldSpec]]:
    for key, field in fields.items():
        yield prefix + key, field
        if field.properties:
            yield from _rows(field.properties, f"{prefix}{key}.")


def type_name(field: FieldSpec) -> str:
    """Return the type in words."""
    return f"list of {field.type}" if field.multiple else field.type


def required_text(field: FieldSpec) -> str:
    """Return `yes`, the conditions under which a field is required, or nothing."""
    if not isinstance(field.required, ConditionSet):
        return "yes" if field.required else ""
    word = " and " if field.required.match == "all" else " or "
    return "if " + word.join(_condition(condition) for condition in field.required.conditions)


def _condition(condition: FieldCondition) -> str:
    name = condition.field_key or "sync mode"
    if condition.value is MISSING:
        return f"{name} is {'missing' if condition.operator == 'is' else 'there'}"
    return f"{name} is {'' if condition.operator == 'is' else 'not '}{_json(condition.value)}"


def default_text(field: FieldSpec) -> str:
    """Return the default: a path or a template as its text, anything else as JSON."""
    value = field.default
    if value is MISSING:
        return ""
    if isinstance(value, dict) and len(value) == 1:
        directive, option = next(iter(value.items()))
        if directive in {"@path", "@jmespath", "@template"} and isinstance(option, str):
            return option
    return _json(value)


def field_description(field: FieldSpec) -> str:
    """Return the description, with the choices where there are any."""
    text = field.description or field.label or ""
    if field.choices:
        text = f"{text} One of: {', '.join(_json(choice.value) for choice in field.choices)}."
    return text.strip()


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
