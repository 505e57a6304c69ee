"""Values that stand for what the environment should give, where it need not: nothing is sent.

A placeholder has the form that its setting asks for, so that the settings still pass their check. It
is made from the name of the variable alone, so what is computed from it is the same everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.values.naming import snake_case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination import Destination
    from actions_core.engine.workspace import InstanceSpec, Workspace
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

#: What fits each format; `{}` stands for the name of the variable.
_BY_FORMAT: Final = {
    "date": "2026-01-02",
    "date-like": "2026-01-02T03:04:05.000Z",
    "date-time": "2026-01-02T03:04:05.000Z",
    "time": "03:04:05Z",
    "email": "{}@placeholder.example",
    "hostname": "{}.placeholder.example",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://{}.placeholder.example",
    "uri-reference": "https://{}.placeholder.example",
    "uri-template": "https://{}.placeholder.example",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
#: How the keys of settings end that hold an address, though no format says so.
_URL_KEYS: Final = ("url", "uri", "endpoint")


def fill_environment(
    workspace: Workspace, destinations: Mapping[str, Destination], environ: Mapping[str, str]
) -> tuple[Workspace, tuple[str, ...]]:
    """The workspace with a placeholder for each variable that `environ` does not have, and their names."""
    names: dict[str, None] = {}
    filled = tuple(
        _fill_instance(instance, destinations, environ, names) for instance in workspace.destinations
    )
    return attrs.evolve(workspace, destinations=filled), tuple(names)


def _fill_instance(
    instance: InstanceSpec,
    destinations: Mapping[str, Destination],
    environ: Mapping[str, str],
    names: dict[str, None],
) -> InstanceSpec:
    destination = destinations.get(instance.destination)
    fields = {} if destination is None else destination.spec.settings

    def fill(value: Json, field: FieldSpec | None, key: str) -> Json:
        if isinstance(value, dict):
            if value.keys() == {"$env"} and isinstance(value["$env"], str):
                if environ.get(value["$env"]):
                    return value
                names[value["$env"]] = None
                return placeholder(value["$env"], field, key)
            return {name: fill(item, None, name) for name, item in value.items()}
        return [fill(item, field, key) for item in value] if isinstance(value, list) else value

    settings: JsonObject = {
        key: fill(value, fields.get(key), key) for key, value in instance.settings.items()
    }
    return attrs.evolve(instance, settings=settings)


def placeholder(name: str, field: FieldSpec | None, key: str = "") -> Json:  # noqa: PLR0911 - one for each type
    """What stands for a variable in a setting; `key` is the setting's."""
    if field is None:
        return name
    if field.choices:
        return field.choices[0].value
    if field.type in ("number", "integer"):
        return field.minimum if field.minimum is not None else field.maximum or 0
    if field.type == "boolean":
        return False
    if field.type == "datetime":
        return _BY_FORMAT["date-like"]
    if field.type == "object":
        return {}
    kind = field.format or ("uri" if key.lower().endswith(_URL_KEYS) else "")
    host = snake_case(name).strip("_").replace("_", "-") or "setting"
    text = _BY_FORMAT[kind].replace("{}", host) if kind in _BY_FORMAT else name
    text = text.ljust(int(field.minimum or 0), "x")
    return text if field.maximum is None else text[: int(field.maximum)]
