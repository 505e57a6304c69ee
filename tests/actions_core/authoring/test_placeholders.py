"""Values that stand for what the environment does not give."""

from __future__ import annotations

import pytest

from actions_core.authoring.placeholders import fill_environment, placeholder
from actions_core.destination import load_destination
from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.instances import known_destinations
from actions_core.engine.workspace import Workspace
from actions_core.validation import PayloadValidator
from actions_core.validation.fields import FieldSpec
from actions_core.validation.fields.spec import FIELD_TYPES, Choice
from actions_core.validation.formats import FORMATS


@pytest.mark.parametrize(
    "field",
    [
        *(FieldSpec(kind) for kind in FIELD_TYPES),
        *(FieldSpec("string", format=name) for name in FORMATS),
        FieldSpec("string", minimum=40, maximum=50),
        FieldSpec("string", maximum=3),
        FieldSpec("number", minimum=5),
        FieldSpec("integer", maximum=-5),
        FieldSpec("string", choices=(Choice("us"), Choice("eu"))),
        FieldSpec("string", multiple=True),
    ],
    ids=str,
)
def test_a_placeholder_passes_the_check_of_its_setting(field: FieldSpec) -> None:
    """Whatever the field asks for."""
    value = placeholder("SOME_{}KEY", field)
    assert PayloadValidator({"key": field}).check({"key": value})["key"] is not None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("baseUrl", "https://shop-place.placeholder.example"),
        ("endpoint", "https://shop-place.placeholder.example"),
        ("apiHost", "shop-place.placeholder.example"),
        ("domain", "shop-place.placeholder.example"),
        ("urlPrefix", "SHOP_PLACE"),
        ("security", "SHOP_PLACE"),
    ],
)
def test_a_setting_that_is_called_an_address_gets_one(key: str, expected: str) -> None:
    """Where no format says what a setting is, its key may: requests can then be completed."""
    assert placeholder("SHOP_PLACE", FieldSpec("string"), key) == expected


def test_only_what_the_environment_lacks_is_filled() -> None:
    """The names of what was filled are told, each once; the workspace given is not changed."""
    registry = Registry()
    shop = registry.register(
        load_destination(
            {
                "slug": "shop",
                "name": "Shop",
                "authentication": {
                    "scheme": "custom",
                    "fields": {"key": {"label": "Key", "type": "password", "required": True}},
                },
                "actions": {"a": {"title": "A", "fields": {}}},
            }
        )
    )
    settings = {"key": {"$env": "SHOP_KEY"}, "oauth": {"access_token": {"$env": "SHOP_TOKEN"}}}
    workspace = Workspace.from_dict(
        {
            "destinations": [
                {"destination": "shop", "settings": settings},
                {"id": "unknown", "destination": "unknown", "settings": {"list": [{"$env": "SHOP_KEY"}]}},
            ]
        }
    )
    filled, names = fill_environment(workspace, known_destinations(workspace, registry), {"SHOP_TOKEN": "t"})
    assert names == ("SHOP_KEY",)
    first, second = (instance.settings for instance in filled.destinations)
    assert first == {"key": "SHOP_KEY", "oauth": {"access_token": {"$env": "SHOP_TOKEN"}}}
    assert second == {"list": ["SHOP_KEY"]}
    assert workspace.destinations[0].settings == settings
    good = fill_environment(Workspace(workspace.destinations[:1]), {shop.slug: shop}, {})[0]
    assert Engine(good, registry=registry).warnings == ()
