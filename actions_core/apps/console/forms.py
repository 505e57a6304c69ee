"""The settings of an instance as a form: what each field shows, and what its answers stand for.

Secrets go one way. A form never shows the secret that the workspace has, nor sends it to a browser: it can
be kept, replaced, or read from the environment. `{"$env": NAME}` stays what it is: a name is no secret.
What is in the settings beside the fields, such as the tokens of OAuth, is kept and not shown.
"""

from __future__ import annotations

import json
import os
from math import isfinite
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from actions_core.engine.environment import is_variable
from actions_core.engine.instances import read_settings
from actions_core.errors import DefinitionError, PayloadError, child_path, is_within
from actions_core.http.masking import Mask
from actions_core.validation import PayloadValidator
from actions_core.validation.fields import ConditionSet, FieldSpec
from actions_core.values.json_files import parse_json
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination import Destination
    from actions_core.values.types import Json, JsonObject

#: Where an answer comes from: it is typed in, a variable of the environment, or what the workspace has.
Source: TypeAlias = Literal["value", "variable", "kept"]
#: What a field is filled in with.
Control: TypeAlias = Literal["line", "text", "secret", "number", "switch", "choice", "json"]

SOURCES: Final[Mapping[Source, str]] = {
    "kept": "Keep the present secret",
    "value": "Typed in here",
    "variable": "From the environment",
}
_CONTROLS: Final[Mapping[str, Control]] = {
    "text": "text",
    "password": "secret",
    "number": "number",
    "integer": "number",
    "boolean": "switch",
    "object": "json",
}
#: A field that is required where another one's conditions hold, and nowhere else.
_PROBE: Final = "__shown"


@attrs.frozen
class Answer:
    """What a field is filled in with. `text` is a variable's name where the answer comes from there."""

    source: Source = "value"
    text: str = attrs.field(default="", repr=False)


@attrs.frozen
class Choice:
    """A value to choose from. `text` stands for it in an answer."""

    text: str
    label: str


@attrs.frozen
class SettingField:
    """A field as a form shows it."""

    key: str
    label: str
    description: str
    control: Control
    required: bool
    default: str
    placeholder: str
    choices: tuple[Choice, ...]
    sources: tuple[Source, ...]

    @property
    def hint(self) -> str:
        """The description, with the default where there is one."""
        default = f"If left empty: {self.default}." if self.default else ""
        return " ".join(text for text in (self.description, default) if text)


@attrs.frozen
class Faults:
    """What is wrong with answers, by the fields' keys; `warnings` prevent no saving."""

    errors: Mapping[str, str]
    warnings: Mapping[str, str]


class SettingsForm:
    """A form for the settings of a destination.

    `settings` are those of the workspace. Answers are what a person has filled in, by the fields' keys.
    """

    def __init__(
        self, destination: Destination, settings: JsonObject, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._destination = destination
        self._settings = settings
        self._environ = environ
        self._specs = {key: spec for key, spec in destination.spec.settings.items() if not spec.hidden}
        self._shown = {
            key: _probe(destination.spec.settings, spec.depends_on)
            for key, spec in self._specs.items()
            if spec.depends_on is not None
        }
        self._required = {
            key: _probe(destination.spec.settings, spec.required)
            for key, spec in self._specs.items()
            if isinstance(spec.required, ConditionSet)
        }
        self.fields = tuple(self._field(key, spec) for key, spec in self._specs.items())
        self.answers: dict[str, Answer] = {key: self._answer(key) for key in self._specs}

    def _field(self, key: str, spec: FieldSpec) -> SettingField:
        present = self._settings.get(key)
        sources: tuple[Source, ...] = ("value", "variable")
        if is_secret(spec) and _has(present) and not is_variable(present):
            sources = ("kept", *sources)
        choices = tuple(
            Choice(_text_of(choice.value), choice.label or _text_of(choice.value))
            for choice in spec.choices or ()
        )
        return SettingField(
            key=key,
            label=spec.label or key,
            description=spec.description or "",
            control=_control(spec),
            required=spec.required is True,
            # A switch shows its default, and a secret nothing.
            default="" if is_secret(spec) or _control(spec) == "switch" else _text_of(spec.default),
            placeholder=spec.placeholder or "",
            choices=choices,
            sources=sources,
        )

    def _answer(self, key: str) -> Answer:
        present, spec = self._settings.get(key), self._specs[key]
        if isinstance(present, dict) and is_variable(present):
            return Answer("variable", str(present["$env"]))
        if not _has(present):
            return Answer("value", _text_of(spec.default) if _control(spec) == "switch" else "")
        return Answer("kept") if is_secret(spec) else Answer("value", _text_of(present))

    # -- what the answers stand for ------------------------------------------------------------------

    def is_shown(self, key: str, answers: Mapping[str, Answer]) -> bool:
        """Return whether a field makes sense beside these answers."""
        return key not in self._shown or self._holds(self._shown[key], answers)

    def _holds(self, probe: PayloadValidator, answers: Mapping[str, Answer]) -> bool:
        """Return whether conditions hold: nothing but the probe is required, and it is missing then."""
        fields = self._destination.spec.settings.items()
        defaults = {key: spec.default for key, spec in fields if spec.default is not MISSING}
        try:
            probe.check({**defaults, **self._values(answers)[0]})
        except PayloadError as error:
            return any(problem.path == "$" for problem in error.problems)
        return False

    def settings(self, answers: Mapping[str, Answer]) -> JsonObject:
        """Return the settings as the workspace will have them: what is empty is left out.

        What was there keeps its place, so that a small change is a small difference.
        """
        values, _ = self._values(answers)
        kept = {
            key: value for key, value in self._settings.items() if key not in self._specs or key in values
        }
        return {**kept, **values}

    def faults(self, answers: Mapping[str, Answer]) -> Faults:
        """Return what is wrong with these answers; a secret that a message would quote is masked."""
        values, errors = self._values(answers)
        for key in answers.keys() - values.keys() - errors.keys():
            if self._is_required(key, answers):
                errors[key] = "This is required."
        warnings: dict[str, str] = {}
        _, secrets, problems = read_settings(self.settings(answers), self._destination, "$", self._environ)
        mask = Mask(secrets)
        for problem in problems:
            found = [key for key in self._specs if is_within(problem.path, child_path("$", key))]
            for key in found[:1]:
                # A variable may be set where events are delivered, if not here.
                into = warnings if is_variable(values.get(key)) or not problem.is_error else errors
                if key not in errors:
                    into.setdefault(key, _sentence(mask.text(problem.message)))
        return Faults(errors, warnings)

    def _is_required(self, key: str, answers: Mapping[str, Answer]) -> bool:
        spec = self._specs[key]
        if spec.default is not MISSING:
            return False
        return spec.required is True or (key in self._required and self._holds(self._required[key], answers))

    def _values(self, answers: Mapping[str, Answer]) -> tuple[JsonObject, dict[str, str]]:
        """Return the values of answers by key, without empty ones, and the errors of those that have none."""
        values: JsonObject = {}
        errors: dict[str, str] = {}
        for key, answer in answers.items():
            if answer.source == "kept":
                values[key] = self._settings[key]
            elif answer.source == "variable":
                if answer.text.strip():
                    values[key] = {"$env": answer.text.strip()}
                else:
                    errors[key] = "Give the name of the variable."
            elif answer.text.strip():
                try:
                    value = self._read(key, answer.text)
                except ValueError as error:
                    errors[key] = str(error)
                else:
                    if value is not MISSING:
                        values[key] = value
        return values, errors

    def _read(self, key: str, text: str) -> Json:
        """Return the value of a text; MISSING for a switch that stands as it does without an answer."""
        spec = self._specs[key]
        control = _control(spec)
        if spec.choices:
            return next((choice.value for choice in spec.choices if _text_of(choice.value) == text), text)
        if control == "json":
            return _json(text)
        if control == "switch":
            return MISSING if key not in self._settings and text == self._answer(key).text else text == "true"
        if control == "number":
            return _number(text, whole=spec.type == "integer")
        return text.strip() if control == "line" else text


def is_secret(spec: FieldSpec) -> bool:
    """Return whether a field is a password, or contains one."""
    return spec.type == "password" or any(is_secret(inner) for inner in (spec.properties or {}).values())


def _has(value: Json) -> bool:
    return value is not None and value != ""


def _control(spec: FieldSpec) -> Control:
    if spec.multiple or spec.type == "object":
        return "json"
    if spec.choices:
        return "choice"
    return _CONTROLS.get(spec.type, "line")


def _probe(fields: Mapping[str, FieldSpec], conditions: ConditionSet) -> PayloadValidator:
    """Return a check that misses the probe exactly where the conditions hold."""
    free = {key: attrs.evolve(spec, required=False, depends_on=None) for key, spec in fields.items()}
    return PayloadValidator({**free, _PROBE: FieldSpec("string", required=conditions)})


def _json(text: str) -> Json:
    try:
        return parse_json(text, "this")
    except DefinitionError as error:
        raise ValueError(_sentence(error.message.removeprefix("this: "))) from None


def _number(text: str, *, whole: bool) -> Json:
    number: int | float
    try:
        number = int(text) if text.strip().lstrip("+-").isdecimal() else float(text)
    except ValueError:
        raise ValueError("This is not a number.") from None
    if not isfinite(number):
        raise ValueError("This is not a number.")
    if whole and number != int(number):
        raise ValueError("This is not a whole number.")
    return int(number) if number == int(number) else number


def _text_of(value: Json) -> str:
    """Return the text that stands for a value in an answer."""
    if value is MISSING or value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sentence(message: str) -> str:
    text = message[:1].upper() + message[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
