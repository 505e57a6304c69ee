"""Specs: what follows from a definition without any code of a destination."""

from __future__ import annotations

import attrs
import pytest

from actions_core.destination.specs import ActionSpec, BatchSpec, DestinationSpec, PresetSpec
from actions_core.validation.fields import FieldSpec
from actions_core.values.types import Json

TRACK = ActionSpec(
    title="Track",
    fields={"name": FieldSpec("string", default={"@path": "$.event"}), "plain": FieldSpec("string")},
    status_hints={404: "Use the other action."},
)
SAMPLE = DestinationSpec(
    slug="sample",
    name="Sample",
    actions={"track": TRACK},
    status_hints={404: "Not there.", 403: "Ask for a key."},
)


def test_a_preset_without_a_mapping_takes_the_defaults_of_its_action() -> None:
    """Fields without a default are left out; a mapping of the preset's own replaces the lot."""
    preset = PresetSpec("Track", "track", "automatic", subscribe='type = "track"')
    assert SAMPLE.preset_mapping(preset) == {"name": {"@path": "$.event"}}
    assert SAMPLE.preset_mapping(attrs.evolve(preset, mapping={})) == {}


@pytest.mark.parametrize(
    ("action", "status", "hint"),
    [
        ("track", 404, "Use the other action."),
        ("track", 403, "Ask for a key."),
        ("track", 500, ""),
        ("unknown", 404, "Not there."),
    ],
)
def test_the_hint_of_an_action_wins(action: str, status: int, hint: str) -> None:
    """A status is explained by the action, else by the destination, else not at all."""
    assert SAMPLE.status_hint(action, status) == hint


@pytest.mark.parametrize(
    ("defaults", "batch"),
    [
        ({}, BatchSpec(1000, 4_000_000, ())),
        ({"batch_size": 50, "batch_bytes": 10, "batch_keys": ["a", 5]}, BatchSpec(50, 10, ("a",))),
        ({"batch_size": 0, "batch_bytes": True, "batch_keys": "a"}, BatchSpec()),
        ({"batch_size": {"@path": "$.size"}}, BatchSpec()),
    ],
)
def test_the_sizes_of_batches_are_defaults_of_fields(defaults: dict[str, Json], batch: BatchSpec) -> None:
    """Only a default that is a plain size counts."""
    fields = {key: FieldSpec("string", default=value) for key, value in defaults.items()}
    assert ActionSpec("Sample", fields).batch == batch


def test_settings_are_the_fields_of_the_authentication() -> None:
    """A destination without authentication has no settings."""
    assert SAMPLE.settings == {}
