"""The functions of a destination against its definition: each compiled, and all that does not fit named."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import attrs

from actions_core.destination.handler import Handler, compile_handler, name_of
from actions_core.destination.roles import ROLES, Role
from actions_core.errors import Problem, child_path
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actions_core.destination.specs import ActionSpec, DestinationSpec
    from actions_core.validation.fields import FieldSpec

_KEYS_AND_VALUES = ("__keys__", "__values__")


@attrs.frozen
class Note:
    """A function, and what it is noted for."""

    role: str
    keys: tuple[str, ...]
    function: Callable[..., Any]
    #: of a function for batches: the one that makes an item of each payload
    each: Callable[..., Any] | None = None


@attrs.frozen
class Assembly:
    """The handlers by role and keys, and what is wrong."""

    handlers: Mapping[str, Mapping[tuple[str, ...], Handler]]
    problems: tuple[Problem, ...]

    def of(self, role: str) -> Mapping[tuple[str, ...], Handler]:
        """Return the handlers of one role."""
        return self.handlers.get(role, {})


def assemble(spec: DestinationSpec, notes: Sequence[Note]) -> Assembly:
    """Compile every function that was noted, and compare the lot with the definition.

    What the definition writes as a request has its handler from there.
    """
    handlers: dict[str, dict[tuple[str, ...], Handler]] = defaultdict(dict)
    problems: list[Problem] = []
    written = _written(spec, notes)
    for (role_name, *keys), handler in written.items():
        handlers[role_name][tuple(keys)] = handler
    first: dict[tuple[str, ...], Note] = {}
    for note in notes:
        role = ROLES[note.role]
        before = first.setdefault((note.role, *note.keys), note)
        if before is not note:
            problems.append(_twice(before, note))
            continue
        path, fault = _place(spec, role, note)
        if (note.role, *note.keys) in written:
            fault = f"is for {role.words}, and the definition has a request for it: one of them must go"
        if fault:
            problems.append(Problem(path, f"{name_of(note.function)}() {fault}"))
            continue
        compiled, found = _compiled(spec, role, note, path)
        problems += found
        if compiled is not None:
            handlers[note.role][note.keys] = compiled
    problems += _absent(spec, {*written, *((note.role, *note.keys) for note in notes)})
    return Assembly(handlers, tuple(problems))


def _compiled(
    spec: DestinationSpec, role: Role, note: Note, path: str
) -> tuple[Handler | None, list[Problem]]:
    """Compile a function, and the one that makes its items."""
    if note.each is None:
        return compile_handler(role, note.keys, note.function, fields=_fields(spec, role, note), path=path)
    item, whole = ROLES["item"], ROLES["batch of items"]
    each, problems = compile_handler(item, note.keys, note.each, fields=_fields(spec, item, note), path=path)
    compiled, found = compile_handler(
        whole, note.keys, note.function, fields=_fields(spec, whole, note), path=path
    )
    if each is None or compiled is None:
        return None, [*problems, *found]
    return attrs.evolve(compiled, role=note.role, each=each), [*problems, *found]


def _written(spec: DestinationSpec, notes: Sequence[Note]) -> Mapping[tuple[str, ...], Handler]:
    from actions_core.destination.requests import written_handlers  # with the first definition, not with us

    return written_handlers(spec, prepared=any(note.role == "prepare" for note in notes))


def _twice(before: Note, note: Note) -> Problem:
    path = child_path("$.actions", note.keys[0]) if note.keys else "$"
    what = ROLES[note.role].words + "".join(f" {shown(key)}" for key in note.keys)
    return Problem(path, f"{name_of(before.function)}() and {name_of(note.function)}() are both for {what}")


def _place(spec: DestinationSpec, role: Role, note: Note) -> tuple[str, str]:
    """Return the path of what the function is for, and an error where the definition has no such thing."""
    if not note.keys:
        return "$", _without_base(spec, role)
    action = spec.actions.get(note.keys[0])
    if action is None:
        near = suggestion(note.keys[0], list(spec.actions))
        return (
            "$.actions",
            f"is for the action {shown(note.keys[0])}, which the definition does not have{near}",
        )
    path = child_path("$.actions", note.keys[0])
    if role.name == "hook":
        return child_path(f"{path}.hooks", note.keys[1]), _no_hook(action, note.keys[1])
    if role.name == "dynamic_field":
        return _place_of_choices(path, action, *note.keys[1:])
    return path, ""


def _place_of_choices(path: str, action: ActionSpec, field: str, hook: str | None = None) -> tuple[str, str]:
    if hook is None:
        return f"{path}.fields", _no_field(action.fields, "action", field)
    place = f"{child_path(f'{path}.hooks', hook)}.inputFields"
    return place, _no_hook(action, hook) or _no_field(action.hooks[hook].input_fields, "hook", field)


def _without_base(spec: DestinationSpec, role: Role) -> str:
    if role.name == "refresh_access_token" and spec.authentication is None:
        return "refreshes access tokens, but the definition has no 'authentication'"
    if role.name in ("create_audience", "get_audience") and spec.audience is None:
        return "is for audiences, but the definition has no 'audienceConfig'"
    return ""


def _no_hook(action: ActionSpec, hook: str) -> str:
    if hook in action.hooks:
        return ""
    return (
        f"is for the hook {shown(hook)}, which the action does not have{suggestion(hook, list(action.hooks))}"
    )


def _no_field(fields: Mapping[str, FieldSpec], whose: str, field: str) -> str:
    """Say why there is no field `field`, `object.child`, `array.[].child` or `object.__keys__`."""
    for step in field.split("."):
        if step in _KEYS_AND_VALUES or step.startswith("["):
            continue
        if step not in fields:
            near = suggestion(step, list(fields))
            return f"is for the field {shown(field)}, which the {whose} does not have{near}"
        fields = fields[step].properties or {}
    return ""


def _fields(spec: DestinationSpec, role: Role, note: Note) -> Mapping[str, bool]:
    """Return each name that the function may take, and whether it is always present."""
    if not role.by_fields:
        return dict.fromkeys(role.given, False)
    action = spec.actions[note.keys[0]]
    fields = action.hooks[note.keys[1]].input_fields if role.name == "hook" else action.fields
    return {key: field.required is True for key, field in fields.items()}


def _absent(spec: DestinationSpec, noted: set[tuple[str, ...]]) -> list[Problem]:
    """List what the definition promises and no function does, for the actions that have a function.

    An action without one is allowed: it is a subscription that uses it which is at fault.
    """
    problems = []
    for key, action in spec.actions.items():
        if not {("action", key), ("batch", key), ("poll", key)} & noted:
            continue
        path = child_path("$.actions", key)
        if action.has_perform_batch and ("batch", key) not in noted:
            message = f"the definition says that {shown(key)} takes batches, but no function does"
            problems.append(Problem(path, message, "warning"))
        if ("poll", key) in noted and ("batch", key) not in noted:
            problems.append(Problem(path, f"{shown(key)} can be polled, but has no function for batches"))
    return problems
