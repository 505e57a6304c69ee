"""The page of a destination in Markdown, as a catalogue shows it.

Whatever a definition says, its texts are escaped so that tables and headings stay intact.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from actions_core.engine.workspace import MOST_SUBSCRIPTIONS
from actions_core.validation.fields import ConditionSet
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions_core.authoring.port.differences import PortFile
    from actions_core.destination.specs import ActionSpec, DestinationSpec, PresetSpec
    from actions_core.validation.fields import FieldCondition, FieldSpec
    from actions_core.values.types import Json

_SPECIAL: Final = re.compile(r"[<>|]")
#: Only from where a run of backticks begins, and the whole run: linear in any text.
_CODE: Final = re.compile(r"(?<!`)(`++[^`]+`+)")
_NOT_IN_AN_ANCHOR: Final = re.compile(r"[^\w\- ]")


def destination_page(spec: DestinationSpec, port: PortFile | None = None) -> str:
    """Return the page in Markdown; the same definition always gives the same text.

    `port` says where the destination differs from the one that Segment publishes.
    """
    blocks = [
        [f"# {prose(spec.name)}"],
        *_overview(spec),
        *_settings(spec),
        *_presets(spec),
        *_available(spec),
        *(block for key in spec.actions for block in _action(spec, key)),
        *_hints(spec),
        *_differences(spec, port),
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _overview(spec: DestinationSpec) -> Iterator[list[str]]:
    yield ["## Overview"]
    if spec.description:
        yield [prose(spec.description)]
    short = f", or {' or '.join(map(code, spec.aliases))}" if spec.aliases else ""
    yield [f"Workspaces name it {code(spec.slug)}{short}."]
    described = [(action.title, action.description) for action in _shown(spec).values() if action.description]
    if described:
        yield [f"- **{prose(title)}:** {prose(description)}" for title, description in described]


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
    most = f"An instance has at most {MOST_SUBSCRIPTIONS} subscriptions."
    yield [f"A subscription takes events to one of them. {most}"]
    # GitHub and others number headings with the same text.
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
    """Yield a row for each field, with those of an object below it; `*` marks required fields."""
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


def _differences(spec: DestinationSpec, port: PortFile | None) -> Iterator[list[str]]:
    titles = {"*": "all actions", **{key: action.title for key, action in spec.actions.items()}}
    rows = []
    for key, title in titles.items():
        reasons = [] if port is None else port.reasons(key)
        if reasons:
            name = title if key == "*" else f"{prose(title)} ({code(key)})"
            rows.append((name, "<br>".join(_sentence(prose(reason)) for reason in reasons)))
    if rows:
        yield ["## What differs from Segment's"]
        yield ["Settings and mappings that come from Segment stay as they are. What is sent differs in:"]
        yield table(("Action", "Differences"), rows)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def required_text(field: FieldSpec) -> str:
    """Return `Required.`, or the conditions; nothing for an optional field."""
    if not isinstance(field.required, ConditionSet):
        return "Required." if field.required else ""
    word = " and " if field.required.match == "all" else " or "
    return f"Required if {word.join(_condition(one) for one in field.required.conditions)}."


def _condition(condition: FieldCondition) -> str:
    name = code(condition.field_key) if condition.field_key else "the sync mode"
    if condition.value is MISSING:
        return f"{name} is {'missing' if condition.operator == 'is' else 'there'}"
    values = condition.value if isinstance(condition.value, (list, tuple)) else [condition.value]
    said = " or ".join(code(_plain(value)) for value in values)
    return f"{name} is {'' if condition.operator == 'is' else 'not '}{said}"


def type_text(field: FieldSpec) -> str:
    """Return the type in capitals, as catalogues write it."""
    return f"Type: {code(field.type.upper())}{', a list' if field.multiple else ''}"


def choices_text(field: FieldSpec) -> str:
    """Return the values to choose from, if there are any."""
    return f"One of {', '.join(code(_plain(value)) for value in field.values)}." if field.values else ""


def default_text(field: FieldSpec) -> str:
    """Return the default as JSON; nothing where there is none."""
    return "" if field.default is MISSING else code(json.dumps(field.default, ensure_ascii=False))


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def code(text: str) -> str:
    """Return a text as inline code that may stand in a table."""
    text = " ".join(text.split()).replace("|", r"\|")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def prose(text: str | None) -> str:
    """Return a description on one line; links and code stay, tags and bars are escaped."""
    parts = _CODE.split(" ".join((text or "").split()))
    return "".join(
        part.replace("|", r"\|") if index % 2 else _SPECIAL.sub(r"\\\g<0>", part)
        for index, part in enumerate(parts)
    )


def anchor(title: str) -> str:
    """Return the anchor of a heading."""
    return _NOT_IN_AN_ANCHOR.sub("", title.lower()).replace(" ", "-")


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table."""
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]
