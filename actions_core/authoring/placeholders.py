"""Placeholders for environment variables, for commands that send nothing and need no real values.

A placeholder has the form that its setting asks for, so that the settings still pass validation. It is
made from the name of the variable alone, so what is computed from it is the same on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.engine.environment import is_variable
from actions_core.testing.samples import sample_item
from actions_core.values.json_faults import too_deep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination import Destination
    from actions_core.engine.workspace import InstanceSpec, SubscriptionSpec, Workspace
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject


def fill_environment(
    workspace: Workspace, destinations: Mapping[str, Destination], environ: Mapping[str, str]
) -> tuple[Workspace, tuple[str, ...]]:
    """Replace each variable that `environ` lacks by a placeholder; return the workspace and their names."""
    names: dict[str, None] = {}
    filled = tuple(
        _fill_instance(instance, destinations, environ, names) for instance in workspace.destinations
    )
    return attrs.evolve(workspace, destinations=filled), tuple(names)


def fill_subscription(
    spec: SubscriptionSpec, destination: Destination | None, environ: Mapping[str, str]
) -> tuple[SubscriptionSpec, tuple[str, ...]]:
    """Do what `fill_environment` does, for the mapping of one subscription."""
    names: dict[str, None] = {}
    return _fill_subscription(spec, destination, environ, names), tuple(names)


def _fill_instance(
    instance: InstanceSpec,
    destinations: Mapping[str, Destination],
    environ: Mapping[str, str],
    names: dict[str, None],
) -> InstanceSpec:
    destination = destinations.get(instance.destination)
    fields = {} if destination is None else destination.spec.settings
    settings = _fill_fields(instance.settings, fields, environ, names)
    subscriptions = instance.subscriptions
    if subscriptions != "presets":
        subscriptions = tuple(_fill_subscription(spec, destination, environ, names) for spec in subscriptions)
    return attrs.evolve(instance, settings=settings, subscriptions=subscriptions)


def _fill_subscription(
    spec: SubscriptionSpec,
    destination: Destination | None,
    environ: Mapping[str, str],
    names: dict[str, None],
) -> SubscriptionSpec:
    if not isinstance(spec.mapping, dict) or too_deep(spec.mapping):
        return spec
    action = None if destination is None else destination.spec.actions.get(spec.partner_action)
    mapping = _fill_fields(spec.mapping, {} if action is None else action.fields, environ, names)
    return attrs.evolve(spec, mapping=mapping)


def _fill_fields(
    values: JsonObject, fields: Mapping[str, FieldSpec], environ: Mapping[str, str], names: dict[str, None]
) -> JsonObject:
    def fill(value: Json, field: FieldSpec | None, key: str) -> Json:
        if isinstance(value, dict):
            if is_variable(value) and isinstance(value["$env"], str) and value["$env"]:
                if environ.get(value["$env"]):
                    return value
                names[value["$env"]] = None
                return placeholder(value["$env"], field, key)
            if "@literal" in value:
                return value
            return {name: fill(item, None, name) for name, item in value.items()}
        return [fill(item, field, key) for item in value] if isinstance(value, list) else value

    return {key: fill(value, fields.get(key), key) for key, value in values.items()}


def placeholder(name: str, field: FieldSpec | None, key: str = "") -> Json:
    """Return a placeholder for the variable `name` in the setting `key`."""
    return name if field is None else sample_item(field, name=name, key=key)
