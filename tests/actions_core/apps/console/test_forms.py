"""Settings as a form: what is shown, what an answer stands for, and what never leaves the workspace."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core import Registry, load_destination
from actions_core.apps.console.forms import Answer, SettingsForm
from actions_core.values.types import MISSING

SECRET = "s3cr3t-that-must-stay"
FIELDS = {
    "key": {"label": "Key", "description": "The key.", "type": "password", "required": True},
    "region": {
        "label": "Region",
        "type": "string",
        "choices": [{"value": "eu", "label": "Europe"}, {"value": "us", "label": "United States"}],
    },
    "endpoint": {
        "label": "Endpoint",
        "type": "string",
        "format": "uri",
        "default": "https://api.example",
        "depends_on": {
            "match": "all",
            "conditions": [{"fieldKey": "region", "operator": "is", "value": "eu"}],
        },
    },
    "limit": {"label": "Limit", "type": "integer", "minimum": 1},
    "share": {"label": "Share", "type": "number"},
    "debug": {"label": "Debug", "type": "boolean", "default": False},
    "tags": {"label": "Tags", "type": "string", "multiple": True},
    "proxy": {
        "label": "Proxy",
        "type": "object",
        "properties": {"host": {"type": "string"}, "password": {"type": "password"}},
    },
    "dotted.key": {"label": "Dotted", "type": "string"},
    "account": {
        "label": "Account",
        "type": "string",
        "required": {"conditions": [{"fieldKey": "region", "operator": "is", "value": "us"}]},
    },
    "internal": {"label": "Internal", "type": "string", "unsafe_hidden": True},
}
DEFINITION = {
    "slug": "target",
    "name": "Target",
    "mode": "cloud",
    "authentication": {"scheme": "custom", "fields": FIELDS},
    "actions": {"act": {"title": "Act", "description": "D", "fields": {}}},
}


def form(settings: dict[str, Any], environ: dict[str, str] | None = None) -> SettingsForm:
    """Make a form of these settings."""
    return SettingsForm(load_destination(DEFINITION), settings, environ or {})


def filled(made: SettingsForm, **answers: str | Answer) -> dict[str, Answer]:
    """Return a form's answers with some of them changed; a str is typed in."""
    given = {key: Answer("value", each) if isinstance(each, str) else each for key, each in answers.items()}
    return {**made.answers, **given}


def test_what_a_form_shows() -> None:
    """Each visible field has the control of its type; secrets and defaults are what they are."""
    made = form({})
    assert {field.key: field.control for field in made.fields} == {
        "key": "secret",
        "region": "choice",
        "endpoint": "line",
        "limit": "number",
        "share": "number",
        "debug": "switch",
        "tags": "json",
        "proxy": "json",
        "dotted.key": "line",
        "account": "line",
    }
    (key, region, endpoint, *_) = made.fields
    assert (key.required, key.hint, key.sources) == (True, "The key.", ("value", "variable"))
    assert [(choice.text, choice.label) for choice in region.choices] == [
        ("eu", "Europe"),
        ("us", "United States"),
    ]
    assert endpoint.hint == "If left empty: https://api.example."


def test_secrets_go_one_way() -> None:
    """A secret of the workspace is in nothing that a form shows, and is kept where nobody replaces it."""
    settings = {"key": SECRET, "proxy": {"host": "h", "password": SECRET}, "oauth": {"access_token": SECRET}}
    made = form(settings)
    assert SECRET not in repr((made.fields, made.answers))
    assert SECRET not in str([answer.text for answer in made.answers.values()])
    assert made.answers["key"] == made.answers["proxy"] == Answer("kept")
    assert made.fields[0].sources == ("kept", "value", "variable")
    assert made.settings(made.answers) == settings
    assert made.faults(made.answers).errors == {}
    assert made.settings(filled(made, key="new"))["key"] == "new"
    assert SECRET not in repr(Answer("value", SECRET))


def test_faults_quote_no_secret() -> None:
    """A secret that does not fit is not quoted by the sentence that says so, nor is a variable's value."""
    made = form({"key": "k", "limit": {"$env": "LIMIT"}, "proxy": SECRET}, {"LIMIT": SECRET})
    told = repr(made.faults(made.answers))
    assert "limit" in told
    assert "proxy" in told
    assert SECRET not in told


def test_references_stay_references() -> None:
    """A variable's name is shown and kept, whether or not it is set here; if it is not, that is a warning."""
    settings = {"key": {"$env": "KEY"}, "region": "eu"}
    made = form(settings)
    assert made.answers["key"] == Answer("variable", "KEY")
    assert made.settings(made.answers) == settings
    assert made.faults(made.answers).errors == {}
    assert made.faults(made.answers).warnings == {
        "key": "The environment variable KEY is not set; set it before starting."
    }
    assert form(settings, {"KEY": "k"}).faults(made.answers).warnings == {}
    changed = filled(made, key=Answer("variable", " OTHER "))
    assert made.settings(changed)["key"] == {"$env": "OTHER"}
    assert made.faults(filled(made, key=Answer("variable", " "))).errors == {
        "key": "Give the name of the variable."
    }


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("limit", "12", 12),
        ("limit", "1e3", 1000),
        ("limit", "36893488147419103232", 2**65),
        ("share", "0.25", 0.25),
        ("debug", "true", True),
        ("region", "eu", "eu"),
        ("tags", '["a", "b"]', ["a", "b"]),
        ("proxy", '{"host": "h"}', {"host": "h"}),
        ("endpoint", " https://x.example ", "https://x.example"),
        ("key", " k ", " k "),
        ("dotted.key", "d", "d"),
    ],
)
def test_what_an_answer_stands_for(key: str, text: str, value: Any) -> None:
    """A text becomes the value of its field's type."""
    made = form({})
    answers = filled(made, **{key: text})
    assert made.settings(answers)[key] == value
    assert key not in made.faults(answers).errors


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("limit", "many", "This is not a number."),
        ("limit", "1.5", "This is not a whole number."),
        ("limit", "nan", "This is not a number."),
        ("share", "1e999", "This is not a number."),
        ("limit", "0", "Limit must be"),
        ("endpoint", "no address", "uri"),
        ("tags", "[", "a value is expected here"),
        ("region", "mars", "one of"),
    ],
)
def test_every_fault_stands_at_its_field(key: str, text: str, sentence: str) -> None:
    """What does not fit a field is told there in a sentence, and nowhere else."""
    made = form({"key": "k"})
    answers = filled(made, **{key: text})
    errors = made.faults(answers).errors
    assert list(errors) == [key]
    assert sentence.removeprefix("Limit ").lower() in errors[key].lower()


def test_what_is_required() -> None:
    """A required field that is empty is a fault at that field, also if it is required on a condition."""
    made = form({})
    assert made.faults(made.answers).errors == {"key": "This is required."}
    assert made.faults(filled(made, key="k", region="us")).errors == {"account": "This is required."}
    assert made.faults(filled(made, key="k", region="eu")).errors == {}


def test_conditions() -> None:
    """A field that depends on another is shown where the conditions hold, as the answers are now."""
    made = form({"key": "k"})
    assert not made.is_shown("endpoint", made.answers)
    assert made.is_shown("endpoint", filled(made, region="eu"))
    assert not made.is_shown("endpoint", filled(made, region="us"))
    assert not made.is_shown("endpoint", filled(made, region="us", limit="not a number"))
    assert made.is_shown("region", made.answers)


def test_small_changes_are_small_differences() -> None:
    """What nobody touches keeps its place and its spelling, and what is emptied goes."""
    settings = {"unknown": 1, "tags": ["b"], "key": {"$env": "K"}, "debug": False, "region": "eu"}
    made = form(settings)
    assert list(made.settings(made.answers).items()) == list(settings.items())
    changed = made.settings(filled(made, region="", limit="3"))
    assert list(changed.items()) == [
        ("unknown", 1),
        ("tags", ["b"]),
        ("key", {"$env": "K"}),
        ("debug", False),
        ("limit", 3),
    ]


def test_a_switch_that_nobody_touches() -> None:
    """A switch that stands at its default says nothing, until someone has set it otherwise."""
    made = form({"key": "k"})
    assert "debug" not in made.settings(made.answers)
    assert made.settings(filled(made, debug="true"))["debug"] is True
    assert form({"key": "k", "debug": True}).settings(filled(made, debug="false"))["debug"] is False


def test_every_installed_destination_has_a_form() -> None:
    """A form can be made for each; of empty settings only what is required without a default is wrong."""
    for destination in Registry().discover():
        made = SettingsForm(destination, {}, {})
        specs = destination.spec.settings
        required = {
            field.key for field in made.fields if field.required and specs[field.key].default is MISSING
        }
        assert set(made.faults(made.answers).errors) == required
