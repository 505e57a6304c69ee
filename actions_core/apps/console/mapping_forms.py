"""What each field of a mapping shows, and what an edited field stands for.

A field has an editor of one mode: a fixed value, a path into the event, a text with fields in it, an object
key by key, or the JSON of any directive. What nobody touches stays in the mapping exactly as it is; only the
text of an editor that was edited is read back.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from actions_core.destination.destination import fields_of
from actions_core.destination.specs import BATCH_FIELDS, MAPPING_EXTRAS
from actions_core.errors import DefinitionError
from actions_core.mapping.compiled import ROOT_DIRECTIVE
from actions_core.mapping.reader import is_directive
from actions_core.validation.fields import ConditionSet
from actions_core.values.json_files import parse_json
from actions_core.values.paths import WHOLE, format_path, parse_path
from actions_core.values.types import MISSING
from actions_core.values.wording import brief

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions_core.destination import Destination
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject, Missing

Mode: TypeAlias = Literal["unset", "path", "fixed", "template", "object", "json"]

MODES: Final[Mapping[Mode, str]] = {
    "unset": "Not set",
    "path": "From event",
    "fixed": "Fixed value",
    "template": "Template",
    "object": "By key",
    "json": "JSON",
}
TYPES: Final[Mapping[str, str]] = {
    "string": "text",
    "text": "long text",
    "password": "secret",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "datetime": "time",
    "object": "object",
}
#: A JMESPath that says no more than a path does.
_PLAIN_JMESPATH: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_TEXTS: Final = frozenset({"string", "text", "password", "datetime"})
_MOST_PATHS: Final = 400
_INDENT: Final = 2


@attrs.frozen
class Editor:
    """What an editor shows: its mode, and its text or its entries.

    `directive` is the spelling of a path: `@jmespath` where the mapping has it so and it need not change.
    """

    mode: Mode = "unset"
    text: str = ""
    directive: str = "@path"
    entries: tuple[tuple[str, Editor], ...] = ()


@attrs.frozen
class FormField:
    """A field of the action as a form shows it. `known` is False for a key that is no field of the action."""

    key: str
    label: str
    description: str = ""
    kind: str = ""
    required: bool = False
    sometimes_required: bool = False
    spec: FieldSpec | None = None
    known: bool = True

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes that are offered, without those that could give nothing that the field takes."""
        return modes_of(self.spec)


def modes_of(spec: FieldSpec | None) -> tuple[Mode, ...]:
    """Return the modes that are offered for a field."""
    if spec is None:
        return ("unset", "path", "fixed", "template", "json")
    if spec.multiple:
        return ("unset", "path", "json")
    if spec.type == "object":
        return ("unset", "path", "object", "json")
    if spec.type in _TEXTS:
        return ("unset", "path", "fixed", "template", "json")
    return ("unset", "path", "fixed", "json")


# -- the fields of a form ----------------------------------------------------------------------------


@attrs.frozen
class Form:
    """The fields of a mapping: those that are shown at once, and those that are shown when opened."""

    first: tuple[FormField, ...] = ()
    rest: tuple[FormField, ...] = ()


def has_form(mapping: Json) -> bool:
    """Return whether a mapping is fields: one that is a directive as a whole is shown as JSON only."""
    if mapping is None:
        return True
    return isinstance(mapping, dict) and not is_directive(mapping) and ROOT_DIRECTIVE not in mapping


def form_of(destination: Destination, action: str, mapping: JsonObject) -> Form:
    """Return the fields of an action, those first that are required or mapped, and what is no field."""
    if action not in destination.spec.actions:
        return Form(tuple(FormField(key, key, known=False) for key in mapping))
    fields = fields_of(destination, action)
    first, rest = [], []
    for key, spec in fields.items():
        shown = _form_field(key, spec)
        if (key in mapping and key not in BATCH_FIELDS) or spec.required is True:
            first.append(shown)
        elif key in mapping or not spec.hidden:
            rest.append(shown)
    first.sort(key=lambda field: not field.required)
    unknown = [key for key in mapping if key not in fields and key not in MAPPING_EXTRAS]
    first += [FormField(key, key, known=False) for key in unknown]
    return Form(tuple(first), tuple(rest))


def _form_field(key: str, spec: FieldSpec) -> FormField:
    kind = TYPES[spec.type]
    if spec.choices:
        kind = "one of a list"
    return FormField(
        key,
        spec.label or key,
        spec.description or "",
        f"list: {kind}" if spec.multiple else kind,
        spec.required is True,
        isinstance(spec.required, ConditionSet),
        spec,
    )


def effective_mapping(destination: Destination, action: str, mapping: Json) -> JsonObject:
    """Return the mapping that holds: without one of its own, a subscription takes the action's defaults."""
    if isinstance(mapping, dict):
        return mapping
    spec = destination.spec.actions.get(action)
    return {} if spec is None else spec.default_mapping


# -- editors -----------------------------------------------------------------------------------------


def editor_of(raw: Json | Missing, spec: FieldSpec | None = None) -> Editor:
    """Return the editor that shows a value of a mapping."""
    if raw is MISSING:
        return Editor()
    modes = modes_of(spec)
    if isinstance(raw, dict):
        directive = _directive(raw)
        if directive is not None:
            return directive
        if "object" in modes and not is_directive(raw):
            below = {} if spec is None or spec.properties is None else spec.properties
            return Editor(
                "object", entries=tuple((key, editor_of(item, below.get(key))) for key, item in raw.items())
            )
    elif isinstance(raw, str | int | float) and "fixed" in modes:
        return Editor("fixed", raw if isinstance(raw, str) else json.dumps(raw))
    return Editor("json", json_text(raw))


def _directive(raw: JsonObject) -> Editor | None:
    if len(raw) != 1:
        return None
    ((name, option),) = raw.items()
    if not isinstance(option, str):
        return None
    if name == "@path":
        return Editor("path", option.removeprefix(WHOLE) or WHOLE)
    if name == "@jmespath" and _PLAIN_JMESPATH.fullmatch(option):
        return Editor("path", option, name)
    return Editor("template", option) if name == "@template" else None


def raw_of(editor: Editor, spec: FieldSpec | None = None) -> Json | Missing:
    """Return the value of a mapping that an editor stands for.

    Raises `DefinitionError` with a sentence for a text that cannot be read.
    """
    if editor.mode == "unset":
        return MISSING
    if editor.mode == "path":
        return _path(editor)
    if editor.mode == "template":
        return {"@template": editor.text}
    if editor.mode == "fixed":
        return _fixed(editor.text, spec)
    if editor.mode == "json":
        return parse_json(editor.text, "JSON")
    below = {} if spec is None or spec.properties is None else spec.properties
    made = {}
    for key, entry in editor.entries:
        if not key:
            raise DefinitionError("a key has no name")
        value = raw_of(entry, below.get(key))
        if value is not MISSING:
            made[key] = value
    return made


def _path(editor: Editor) -> JsonObject:
    text = editor.text.strip()
    if not text:
        raise DefinitionError("choose a field of the event, such as properties.total")
    if editor.directive == "@jmespath" and _PLAIN_JMESPATH.fullmatch(text):
        return {"@jmespath": text}
    return {"@path": text if text.startswith("$") else WHOLE + text}


def _fixed(text: str, spec: FieldSpec | None) -> Json:
    if spec is not None and spec.choices:
        for choice in spec.choices:
            if text == fixed_text(choice.value):
                return choice.value
    kind = "string" if spec is None else spec.type
    if kind == "boolean":
        if text not in ("true", "false"):
            raise DefinitionError("choose true or false")
        return text == "true"
    if kind in ("number", "integer"):
        try:
            value = parse_json(text.strip() or "?", "a number")
        except DefinitionError:
            value = None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DefinitionError("needs a number, such as 5 or 19.99")
        return value
    return text


def fixed_text(value: Json) -> str:
    """Return a value as an editor of fixed values shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def switched(editor: Editor, mode: Mode, spec: FieldSpec | None = None) -> Editor:
    """Return the editor in another mode, with as much of its text as makes sense there."""
    if mode == editor.mode:
        return editor
    try:
        raw = raw_of(editor, spec)
    except DefinitionError:
        raw = MISSING
    if mode == "json":
        return Editor("json", editor.text if raw is MISSING else json_text(raw))
    known = editor_of(raw, spec)
    if editor.mode == "json" and known.mode == mode:
        return known
    if mode == "template" and editor.text and editor.mode in ("path", "fixed"):
        return Editor("template", editor.text if editor.mode == "fixed" else "{{" + editor.text + "}}")
    if mode == "fixed" and spec is not None and spec.type == "boolean":
        return Editor("fixed", "true")
    return Editor(mode)


def json_text(value: Json) -> str:
    """Return a value as an editor of JSON shows it."""
    return json.dumps(value, indent=_INDENT, ensure_ascii=False)


def with_field(mapping: JsonObject, key: str, value: Json | Missing) -> JsonObject:
    """Return a mapping with another value of a field, in the field's place; without it for `MISSING`."""
    if value is MISSING:
        return {name: item for name, item in mapping.items() if name != key}
    return {**mapping, key: value}


# -- the sample --------------------------------------------------------------------------------------


@attrs.frozen
class SamplePath:
    """A path into a sample event, as editors take it, and the value that is there, cut where it is long."""

    path: str
    value: str


def paths_of(event: Json) -> list[SamplePath]:
    """Return the paths into a sample event, in its order; of lists, those of the first item."""
    found: list[SamplePath] = []
    for steps, value in _walk(event, ()):
        if len(found) == _MOST_PATHS:
            break
        found.append(SamplePath(format_path(steps), brief(value)))
    return found


def _walk(value: Json, steps: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Json]]:
    if steps and parse_path(format_path(steps)) == steps:
        yield steps, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*steps, key))
    elif isinstance(value, list) and value:
        yield from _walk(value[0], (*steps, "0"))
