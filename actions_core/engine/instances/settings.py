"""The settings of an instance: resolved, filled in, validated, and the secrets among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions_core.engine.workspace import resolve_environment
from actions_core.errors import PayloadError, Problem, child_path
from actions_core.validation import PayloadValidator
from actions_core.values.types import MISSING
from actions_core.values.wording import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination import Destination
    from actions_core.values.types import JsonObject

# Settings that stand beside the declared ones in what Segment exports.
_OTHER_SETTINGS = frozenset({"oauth", "dynamicAuthSettings"})


def read_settings(
    raw: JsonObject, destination: Destination, path: str, environ: Mapping[str, str]
) -> tuple[JsonObject, list[str], list[Problem]]:
    """The settings as handlers get them, the secrets among them, and every problem.

    What comes from the environment is resolved, defaults are filled in, and all is validated like a
    payload. Passwords, everything of OAuth and whatever came from the environment are secrets.
    """
    settings, secrets, problems = resolve_environment(raw, path, environ)
    fields = destination.spec.settings
    for key in settings:
        if key not in fields and key not in _OTHER_SETTINGS:
            hint = suggestion(key, list(fields))
            message = f"{destination.slug} has no setting {key!r}{hint}"
            problems.append(Problem(child_path(path, key), message, "warning"))
    filled = {key: field.default for key, field in fields.items() if field.default is not MISSING}
    filled.update(settings)
    secrets += [
        str(filled[key]) for key, field in fields.items() if field.type == "password" and filled.get(key)
    ]
    secrets += _texts(filled.get("oauth"))
    missing = {problem.path for problem in problems if problem.is_error}
    try:
        checked = PayloadValidator(fields).check({key: filled[key] for key in filled if key in fields})
    except PayloadError as error:
        # A variable that is not set is one fault, not also a missing setting.
        places = [problem.below(path) for problem in error.problems]
        problems += [problem for problem in places if not missing]
        return filled, secrets, problems
    return {**checked, **{key: filled[key] for key in _OTHER_SETTINGS if key in filled}}, secrets, problems


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    return []
