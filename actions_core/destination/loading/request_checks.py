"""Requests that a definition writes itself: whether they compile, and read only what there will be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.destination.specs import BATCH_FIELDS
from actions_core.errors import Problem, child_path
from actions_core.mapping import compile_mapping, validate_mapping
from actions_core.values.paths import parse_path
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from actions_core.destination.loading.parts import Parts
    from actions_core.values.types import Json, JsonObject

    #: What a request is written over: the keys of each of its objects.
    Scope: TypeAlias = Mapping[str, Collection[str]]

_AUTH: Final = ("accessToken",)
_DELETED: Final = ("userId", "anonymousId")


def check_requests(parts: Parts) -> Iterator[Problem]:
    """Yield every problem of the requests of a definition."""
    shared: Scope = {"settings": list(parts.settings), "auth": _AUTH}
    for key, raw in parts.requests.items():
        scope = {"payload": _DELETED, **shared} if key == "onDelete" else shared
        yield from _request(f"$.{key}", raw, scope)
    for key, action in parts.actions.items():
        path = child_path("$.actions", key)
        fields = {*parts.field_keys[key], *BATCH_FIELDS}
        if action.request is not None:
            yield from _request(f"{path}.request", action.request, {"payload": fields, **shared})
        if action.batch_request is not None:
            yield from _request(f"{path}.batchRequest", action.batch_request, {"payloads": fields, **shared})


def _request(path: str, raw: JsonObject, scope: Scope) -> Iterator[Problem]:
    for part, value in raw.items():
        if part != "timeout" and value is not None:
            yield from _part(path, part, value, scope)
    if raw.get("json") is not None and raw.get("form") is not None:
        yield Problem(path, "has both 'json' and 'form', but a request has one body")


def _part(path: str, part: str, value: Json, scope: Scope) -> Iterator[Problem]:
    problems = validate_mapping({part: value})
    for problem in problems:
        yield problem.below(path)
    if any(problem.is_error for problem in problems):
        return
    mapping = compile_mapping({part: value})
    for read in mapping.keys():  # noqa: SIM118 - a mapping of ours is no dictionary
        fault = _fault(read, scope)
        if fault:
            yield Problem(child_path(path, part), fault)


def _fault(read: str, scope: Scope) -> str:
    """Say why a path that is read can never have a value; empty where it may have one."""
    steps = [step.removesuffix("[]") for step in parse_path(read)]
    if not steps:
        return ""
    root = steps.pop(0)
    if root not in scope:
        return f"reads {shown(root)}, but a request is written over {', '.join(scope)}"
    if root == "payloads" and steps and (steps[0].isdecimal() or steps[0] in ("", "length")):
        del steps[0]
    if not steps or steps[0] in scope[root]:
        return ""
    near = suggestion(steps[0], list(scope[root]))
    return f"reads {shown(steps[0])} of the {root}, which there is not{near}"
