"""A definition as tables: settings, presets, actions with their fields."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.text import Text

from actions_core.apps.cli.output import cell, plain, table
from actions_core.validation.fields import ConditionSet
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from actions_core.destination.specs import ActionSpec, DestinationSpec
    from actions_core.validation.fields import FieldCondition, FieldSpec
    from actions_core.values.types import Json

#: Below this a table of five columns has more breaks than words, so that fields are listed instead.
_NARROW = 70


def print_destination(console: Console, spec: DestinationSpec) -> None:
    """Everything that somebody who writes a workspace wants to know of a destination."""
    console.print(Text(plain(spec.name), style="bold").append(f"  {plain(spec.slug)}", style="not bold cyan"))
    scheme = f", {spec.authentication.scheme} authentication" if spec.authentication else ""
    also = f", also called {plain(', '.join(spec.aliases))}" if spec.aliases else ""
    console.print(Text(f"{spec.mode} mode{scheme}{also}", style="dim"))
    if spec.description:
        console.print(Text(plain(spec.description)))
    _print_fields(console, "Settings", "Setting", spec.settings)
    if spec.presets:
        presets = table("Preset", "Trigger", "Action")
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
        console.print(Text(plain(action.description)))
    if action.default_subscription:
        console.print(Text("Default trigger: ", style="dim").append(plain(action.default_subscription)))
    if action.superseded_by:
        console.print(Text(f"Superseded by {plain(action.superseded_by)}.", style="yellow"))
    _print_fields(console, "", "Field", action.fields)


def _print_heading(console: Console, text: str, key: str = "") -> None:
    line = Text(plain(text), style="bold")
    if key:
        line.append(f"  {plain(key)}", style="not bold cyan")
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
    shown = table(kind, "Type", "Required", "Default", "Description")
    for key, field in rows:
        texts = (type_name(field), required_mark(field), default_text(field), describe(field))
        shown.add_row(cell(key, "cyan"), *map(cell, texts))
    console.print(shown)


def _print_field(console: Console, key: str, field: FieldSpec) -> None:
    line = Text(plain(key), style="cyan").append(f"  {type_name(field)}", style="not bold default")
    required = required_mark(field)
    if required:
        line.append(f", required {'' if required == 'yes' else required}".rstrip(), style="default")
    console.print(line)
    for text in (describe(field), f"default: {default_text(field)}" if default_text(field) else ""):
        if text:
            console.print(Text(plain(text)), style="dim")


def _rows(fields: Mapping[str, FieldSpec], prefix: str) -> Iterator[tuple[str, FieldSpec]]:
    for key, field in fields.items():
        yield prefix + key, field
        if field.properties:
            yield from _rows(field.properties, f"{prefix}{key}.")


def type_name(field: FieldSpec) -> str:
    """The type as people say it."""
    return f"list of {field.type}" if field.multiple else field.type


def required_mark(field: FieldSpec) -> str:
    """Whether, or when, a field is required."""
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
    """The default: a path or a template as its text, anything else as JSON."""
    value = field.default
    if value is MISSING:
        return ""
    if isinstance(value, dict) and len(value) == 1:
        directive, option = next(iter(value.items()))
        if directive in {"@path", "@jmespath", "@template"} and isinstance(option, str):
            return option
    return _json(value)


def describe(field: FieldSpec) -> str:
    """The description, with the choices where there are any."""
    text = field.description or field.label or ""
    if field.choices:
        text = f"{text} One of: {', '.join(_json(choice.value) for choice in field.choices)}."
    return text.strip()


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
