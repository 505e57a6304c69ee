"""The page of a destination: overview, settings, presets, and each action with its fields."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from actions_core.authoring.docs_page.markdown import (
    anchor,
    choices_text,
    code,
    default_text,
    prose,
    required_text,
    table,
    type_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions_core.destination.specs import ActionSpec, DestinationSpec, PresetSpec
    from actions_core.validation.fields import FieldSpec

_MOST = 50


def destination_page(spec: DestinationSpec) -> str:
    """The page in Markdown; the same definition always gives the same text."""
    blocks = [
        [f"# {prose(spec.name)}"],
        *_overview(spec),
        *_settings(spec),
        *_presets(spec),
        *_available(spec),
        *(block for key in spec.actions for block in _action(spec, key)),
        *_hints(spec),
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _overview(spec: DestinationSpec) -> Iterator[list[str]]:
    yield ["## Overview"]
    if spec.description:
        yield [prose(spec.description)]
    short = f", or {' or '.join(map(code, spec.aliases))}" if spec.aliases else ""
    yield [f"Workspaces name it {code(spec.slug)}{short}."]
    told = [(action.title, action.description) for action in _shown(spec).values() if action.description]
    if told:
        yield [f"- **{prose(title)}:** {prose(description)}" for title, description in told]


def _settings(spec: DestinationSpec) -> Iterator[list[str]]:
    shown = {key: field for key, field in spec.settings.items() if not field.hidden}
    if shown:
        yield ["## Settings"]
        yield table(
            ("Setting", "Key", "Description"),
            [(prose(field.label or key), code(key), _setting(field)) for key, field in shown.items()],
        )


def _setting(field: FieldSpec) -> str:
    default = default_text(field)
    parts = [
        required_text(field),
        prose(field.description),
        choices_text(field),
        f"Default: {default}." if default else "",
    ]
    return " ".join(part for part in parts if part)


def _presets(spec: DestinationSpec) -> Iterator[list[str]]:
    if spec.presets:
        yield ["## Available presets"]
        yield [f"{prose(spec.name)} has the following presets:"]
        yield table(
            ("Preset name", "Trigger", "Default action"),
            [
                (prose(preset.name), _trigger(preset), prose(spec.actions[preset.partner_action].title))
                for preset in spec.presets
            ],
        )


def _trigger(preset: PresetSpec) -> str:
    if preset.subscribe is None:
        return f"The event {code(preset.event_slug or '')}"
    return f"Event {code(preset.subscribe)}"


def _shown(spec: DestinationSpec) -> dict[str, ActionSpec]:
    return {key: action for key, action in spec.actions.items() if not action.hidden}


def _available(spec: DestinationSpec) -> Iterator[list[str]]:
    yield ["## Available actions"]
    yield [f"A subscription takes events to one of them. An instance has at most {_MOST} subscriptions."]
    # GitHub and others number headings of the same words.
    seen: Counter[str] = Counter()
    lines = []
    for action in _shown(spec).values():
        name = anchor(action.title)
        link = f"{name}-{seen[name]}" if seen[name] else name
        seen[name] += 1
        lines.append(f"- [{prose(action.title)}](#{link})")
    if lines:
        yield lines


def _action(spec: DestinationSpec, key: str) -> Iterator[list[str]]:
    action = spec.actions[key]
    if action.hidden:
        return
    yield [f"### {prose(action.title)}"]
    if action.description:
        yield [prose(action.description)]
    about = f"{prose(action.title)} ({code(key)}) is a **{action.platform.capitalize()}** action."
    if action.default_subscription:
        about += f" The default trigger is: {code(action.default_subscription)}"
    yield [about]
    if action.superseded_by:
        yield [f"It is superseded by {prose(spec.actions[action.superseded_by].title)}."]
    if action.sync_mode:
        choices = ", ".join(code(str(choice.value)) for choice in action.sync_mode.choices)
        yield [f"Its sync modes are {choices}."]
    rows = list(_rows(action.fields, ""))
    if rows:
        yield table(("Field", "Description"), rows)
        if any(field.required is True for field in action.fields.values()):
            yield [r"\* required"]


def _rows(fields: Mapping[str, FieldSpec], prefix: str) -> Iterator[tuple[str, str]]:
    """A row for each field, those inside objects below the object; `*` marks what is required."""
    for key, field in fields.items():
        if field.hidden:
            continue
        mark = r"\*" if field.required is True else ""
        parts = [
            f"{code(prefix + key)} {type_text(field)}",
            "" if mark else required_text(field),
            prose(field.description),
            choices_text(field),
        ]
        default = default_text(field) if not prefix else ""
        if default:
            parts.append(f"Default: {default}")
        yield prose(field.label or key) + mark, "<br>".join(part for part in parts if part)
        if field.properties:
            yield from _rows(field.properties, f"{prefix}{key}.")


def _hints(spec: DestinationSpec) -> Iterator[list[str]]:
    rows = [(str(status), "", prose(hint)) for status, hint in spec.status_hints.items()]
    for action in _shown(spec).values():
        rows += [
            (str(status), prose(action.title), prose(hint)) for status, hint in action.status_hints.items()
        ]
    if rows:
        yield ["## What a refusal means"]
        yield table(("Status", "Action", "What to do"), sorted(rows))
