"""A new package from a definition that exists: its functions are there, to be filled in.

The definition may be a published one or the metadata of Segment's Public API. A function that has not been
written raises `NotImplementedError`: nothing looks done before it is, and the cases show what is left.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from actions_core.authoring.scaffold.packages import (
    HANDLERS_ROW,
    SCHEMA_FILE,
    check_name,
    check_slug,
    distribution_name,
    package_name,
    put_words,
    read_template,
    schema_text,
)
from actions_core.destination import load_destination
from actions_core.destination.specs import BATCH_FIELDS
from actions_core.errors import DefinitionError
from actions_core.testing.samples import sample_settings, sample_value
from actions_core.testing.suite.samples import action_samples, event_of_type
from actions_core.validation.fields import unstructure
from actions_core.values.naming import parameter_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.destination import Destination
    from actions_core.destination.specs import ActionSpec
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import JsonObject

_SCHEMA: Final = "../../schemas/destination.schema.json"
#: A function with more fields than this takes the whole payload: so many parameters help nobody.
_MOST_PARAMETERS: Final = 15
_LONGEST_TITLE: Final = 80
#: Fewer characters than a field has that is worth a fragment.
_SHORT: Final = 80
#: Where requests go until their author says where.
BASE: Final = "https://api.example.com"
#: Names that the module has already, or that a function must not hide.
_TAKEN: Final = frozenset({"destination", "prepare", "request", "context", "annotations"})
_TYPES: Final = {
    "number": "float",
    "integer": "int",
    "boolean": "bool",
    "datetime": "str | float",
    "object": "dict[str, Any]",
}


def files_from_definition(
    data: JsonObject, *, slug: str | None = None, name: str | None = None
) -> tuple[str, dict[str, str]]:
    """Return the slug and the files of a package for a definition, with a function for each action.

    An action that has a request in the definition gets no function; where all have, there is no Python.
    `slug` and `name` replace those of the definition. Raises `DefinitionError` for a faulty definition, and
    for a slug or a name that cannot be.
    """
    given = {"slug": slug, "name": name}
    destination = load_destination({**data, **{key: value for key, value in given.items() if value}})
    spec = destination.spec
    try:
        check_slug(spec.slug)
        check_name(spec.name)
    except DefinitionError as error:
        raise DefinitionError(f"{error}; give another slug as DEST, or a name with --name") from None
    package = package_name(spec.slug)
    words = {
        "slug": spec.slug,
        "name": spec.name,
        "package": package,
        "distribution": distribution_name(spec.slug),
    }
    common = read_template("common")
    functions = _with_functions(destination)
    if not functions:
        common["src/package/__init__.py"] = read_template("json")["src/package/__init__.py"]
    row = f"{HANDLERS_ROW}\n" if functions else ""
    common["README.md"] = common["README.md"].replace("@@handlers_row@@\n", row)
    files = {
        path.replace("src/package/", f"src/{package}/"): put_words(text, words)
        for path, text in common.items()
    }
    files[SCHEMA_FILE] = schema_text()
    files[f"src/{package}/destination.json"] = _json({"$schema": _SCHEMA, **_definition(destination)})
    if functions:
        files[f"src/{package}/handlers.py"] = _module(destination)
    for key in _actions(destination):
        files[f"tests/cases/{_file_name(key)}.json"] = _json([_case(destination, key)])
    return spec.slug, files


def _definition(destination: Destination) -> JsonObject:
    """Return the definition as one would write it: without what goes without saying, the long parts last."""
    spec = destination.spec
    written: Any = unstructure(spec, defaults=False)
    presets = written.pop("presets", [])
    for preset, given in zip(presets, spec.presets, strict=True):
        action = spec.actions.get(given.partner_action)
        if action is not None and given.mapping == action.default_mapping:
            del preset["mapping"]
    # An action has to say what its fields are, even if there are none.
    actions = {key: {"fields": {}, **action} for key, action in written.pop("actions").items()}
    fragments = _share_fields(actions)
    shared = {"fragments": fragments} if fragments else {}
    return {**written, **shared, "actions": actions, "presets": presets}


def _share_fields(actions: dict[str, Any]) -> JsonObject:
    """Put fragments in the places of fields that several actions have alike, and return these by name.

    A field of that name which is another one in other actions is named after the first of these too.
    """
    alike: dict[tuple[str, str], list[str]] = {}
    for key, action in actions.items():
        for name, field in action["fields"].items():
            alike.setdefault((name, json.dumps(field)), []).append(key)
    fragments: JsonObject = {}
    for (name, text), keys in alike.items():
        if len(keys) == 1 or len(text) < _SHORT:
            continue
        fragment = name if name not in fragments else f"{name}_{keys[0]}"
        while fragment in fragments:
            fragment += "_"
        fragments[fragment] = json.loads(text)
        for key in keys:
            actions[key]["fields"][name] = {"$fragment": fragment}
    return fragments


def _actions(destination: Destination) -> dict[str, ActionSpec]:
    """Return the actions that run on a server, and so want a function."""
    return {key: spec for key, spec in destination.spec.actions.items() if spec.platform == "cloud"}


def _with_functions(destination: Destination) -> dict[str, ActionSpec]:
    """Return the actions whose requests the definition does not write."""
    return {key: spec for key, spec in _actions(destination).items() if spec.request is None}


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _file_name(key: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in key)


def _module(destination: Destination) -> str:
    functions = "".join(_functions(destination))
    has_base = destination.spec.request is not None
    payload = ["Payload"] if ": Payload" in functions else []
    names = [*([] if has_base else ["Context"]), "Destination", *payload, "Request"]
    settings = ", ".join(destination.spec.settings) or "none"
    imports = "from typing import Any\n\n" if "Any" in functions else ""
    return (
        '"""One function for each action, and what all requests share."""\n\n'
        "from __future__ import annotations\n\n"
        f"{imports}"
        f"from actions_core import {', '.join(names)}\n\n"
        "destination = Destination.from_package(__package__)\n"
        f"{'' if has_base else _prepare(settings)}{functions}"
    )


def _prepare(settings: str) -> str:
    """Return the function that completes requests, for definitions that do not say it themselves."""
    return (
        "\n\n@destination.prepare\n"
        "def prepare(request: Request, context: Context) -> Request:\n"
        '    """Complete every request: where the API is, and how requests are authenticated."""\n'
        f"{_wrapped_comment(f'The settings are in context.settings: {settings}')}"
        f'    return request.with_base("{BASE}")\n'
    )


def _wrapped_comment(text: str) -> str:
    """Return a comment in lines that fit."""
    lines, line = [], "    #"
    for word in text.split():
        if len(line) + len(word) > 100:  # noqa: PLR2004 - below the limit of lines in the package
            lines.append(line)
            line = "    #"
        line += f" {word}"
    return "\n".join([*lines, line]) + "\n"


def _functions(destination: Destination) -> Iterator[str]:
    actions = _with_functions(destination)
    for key, name in parameter_names(dict.fromkeys(actions, False)).items():
        free = f"{name}_" if name in _TAKEN else name
        spec = actions[key]
        title = "".join(letter for letter in spec.title if letter.isprintable() and letter not in '"\\')
        yield (
            f"\n\n@destination.action({json.dumps(key, ensure_ascii=False)})\n"
            f"def {free}({_parameters(spec)}) -> Request:\n"
            f'    """{title[:_LONGEST_TITLE].strip().rstrip(".") or "Make a request of a payload"}."""\n'
            '    raise NotImplementedError("make the request of this action")\n'
        )


def _parameters(spec: ActionSpec) -> str:
    fields = {key: field for key, field in spec.fields.items() if key not in BATCH_FIELDS}
    if not fields:
        return ""
    if len(fields) > _MOST_PARAMETERS:
        return "payload: Payload"
    names = parameter_names(dict.fromkeys(spec.fields, False))
    lines = ["    *,", *(f"    {_parameter(names[key], field)}," for key, field in fields.items())]
    return "\n" + "\n".join(lines) + "\n"


def _parameter(name: str, field: FieldSpec) -> str:
    kind = _TYPES.get(field.type, "str")
    kind = f"list[{kind}]" if field.multiple else kind
    if field.required is not True:
        return f"{name}: {kind} | None = None"
    return f"{name}: {kind} | None" if field.allow_null else f"{name}: {kind}"


def _case(destination: Destination, key: str) -> JsonObject:
    """Return the case of an action: an event that it is for; the request is its author's to say."""
    sample = next(action_samples(destination, key, ()), None)
    spec = destination.spec.actions[key]
    case: JsonObject = {
        "name": f"an event for {spec.title}",
        "action": key,
        "event": event_of_type("track") if sample is None else sample.event,
        "settings": sample_settings(destination.spec) if sample is None else sample.settings,
    }
    mapping = spec.default_mapping if sample is None else sample.mapping
    # What is required and has no default, a subscription has to give: here, a sample.
    needed = {
        name: sample_value(field)
        for name, field in spec.fields.items()
        if field.required is True and name not in mapping
    }
    if needed or mapping != spec.default_mapping:
        case["mapping"] = {**mapping, **needed}
    return {**case, "expect": {"request": {"method": "POST"}}}
