"""A function of a destination, compiled for its calls.

What a function takes is read once, from its signature: fields by the table of `names`, and what is
handed in by the annotated type. From that a few lines of Python are generated, because one literal
call with everything in its place is several times faster than a loop over fields.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from actions_core.destination.annotations import handed_in
from actions_core.errors import Problem
from actions_core.values.codegen import Source, identifier
from actions_core.values.naming import parameter_names
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions_core.destination.context import Context
    from actions_core.destination.roles import Role
    from actions_core.errors import Severity
    from actions_core.http.requests import Response
    from actions_core.values.types import JsonObject

    Function: TypeAlias = Callable[..., Any]

_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_SIGNATURE: Final = "payload, context=None, client=None, request=None"


@attrs.frozen(eq=False)
class Handler:
    """A function that fits its definition.

    `call(payload, context, client, request)` calls it; a coroutine comes back where `is_async`.
    `bind`, with the same parameters, gives the keyword arguments of that call instead. `takes` says
    which of `context`, `client` and `request` the function asks for. A function for batches may have
    another for `each` payload, which makes an item of it. What a definition writes may `read` its answer
    from the response to its request, given what it was called with, and `group` the payloads of batches.
    """

    role: str
    keys: tuple[str, ...]
    function: Function
    is_async: bool
    takes: frozenset[str]
    bind: Callable[..., dict[str, Any]] = attrs.field(repr=False)
    call: Function = attrs.field(repr=False)
    each: Handler | None = attrs.field(default=None, repr=False)
    read: Callable[[JsonObject, Response], Any] | None = attrs.field(default=None, repr=False)
    group: Callable[[JsonObject, Context], str] | None = attrs.field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The function's name, as people know it."""
        return name_of(self.function)


@attrs.define
class _Draft:
    """What is known of a function while its parameters are gone through."""

    role: Role
    fields: Mapping[str, bool]
    table: dict[str, str]
    subject: str
    path: str
    source: Source
    expressions: dict[str, str] = attrs.field(factory=dict)
    problems: list[Problem] = attrs.field(factory=list)
    takes: set[str] = attrs.field(factory=set)
    whole: bool = False

    def fault(self, message: str, severity: Severity = "error") -> None:
        self.problems.append(Problem(self.path, f"{self.subject} {message}", severity))


def name_of(function: Function) -> str:
    """Return the name of a function, or of the callable in its place."""
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)


def is_async(function: Function) -> bool:
    """Return whether a call gives a coroutine; objects with an asynchronous `__call__` count."""
    unwrapped = inspect.unwrap(function)
    return inspect.iscoroutinefunction(unwrapped) or inspect.iscoroutinefunction(
        getattr(unwrapped, "__call__", None)  # noqa: B004 - the method is looked at, not whether it is there
    )


def compile_handler(
    role: Role, keys: tuple[str, ...], function: Function, *, fields: Mapping[str, bool], path: str
) -> tuple[Handler | None, list[Problem]]:
    """Compile a function into a handler, None where it does not fit, and return its problems.

    `fields` says for each field whether a payload always has it.
    """
    table = parameter_names(fields) if role.by_fields else {key: key for key in fields}
    draft = _Draft(
        role,
        fields,
        {name: key for key, name in table.items()},
        f"{name_of(function)}()",
        path,
        Source(f"call of {name_of(function)}"),
    )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        draft.fault(f"has no signature that can be read: {error}")
        return None, draft.problems
    asked = handed_in(function, signature)
    for parameter in signature.parameters.values():
        _read_parameter(draft, parameter, asked.get(parameter.name))
    _compare(draft, function)
    if any(problem.is_error for problem in draft.problems):
        return None, draft.problems
    bind, call = _generate(draft, function)
    handler = Handler(role.name, keys, function, is_async(function), frozenset(draft.takes), bind, call)
    return handler, draft.problems


def _read_parameter(draft: _Draft, parameter: inspect.Parameter, asked: str | None) -> None:
    """Say where the parameter's value comes from, or what is wrong with it."""
    name = parameter.name
    if parameter.kind is inspect.Parameter.VAR_KEYWORD and draft.role.by_fields:
        draft.fault(
            f"takes {shown(f'**{name}')}, which hides what is missing: "
            "for the whole payload, annotate a parameter with 'Payload'"
        )
    elif parameter.kind not in _BY_NAME:
        draft.fault(f"takes {shown(name)} by position, but everything is handed in by name")
    elif asked == "payload" and draft.role.by_fields:
        draft.whole = True
        draft.expressions[name] = "payload"
    elif name in draft.role.given or asked in draft.role.given:
        _read_field(draft, parameter, name if name in draft.role.given else str(asked))
    elif asked is not None and asked != "payload":
        _read_handed(draft, name, asked)
    elif name in draft.table:
        _read_field(draft, parameter, draft.table[name])
    elif name in draft.role.handed and parameter.annotation is inspect.Parameter.empty:
        draft.takes.add(name)
        draft.expressions[name] = name
    elif parameter.default is inspect.Parameter.empty or draft.role.by_fields:
        what = "a field of it" if draft.role.by_fields else f"given to {draft.role.words}"
        near = suggestion(name, list(draft.table))
        if name == "payload" and draft.role.by_fields:
            near = "; for the whole payload, annotate it with 'Payload'"
        draft.fault(f"has a parameter {shown(name)} that is not {what}{near}")


def _read_handed(draft: _Draft, name: str, asked: str) -> None:
    draft.takes.add(asked)
    draft.expressions[name] = asked
    if asked in draft.role.handed:
        return
    if asked == "items":
        draft.fault(
            f"asks for the items of a batch with its parameter {shown(name)}, "
            'but no function makes them: @destination.batch("…", each=…)'
        )
        return
    draft.fault(f"asks for the {asked} with its parameter {shown(name)}: {draft.role.words} is not given one")


def _read_field(draft: _Draft, parameter: inspect.Parameter, key: str) -> None:
    name, always, constant = parameter.name, draft.fields[key], draft.source.constant
    if parameter.default is not inspect.Parameter.empty:
        draft.expressions[name] = f"get({constant(key)}, {draft.source.keep(parameter.default)})"
    elif always:
        draft.expressions[name] = f"payload[{constant(key)}]"
    elif not draft.role.by_fields:
        draft.expressions[name] = f"get({constant(key)})"
    else:
        draft.fault(
            f"needs the parameter {shown(name)}, but the field {shown(key)} is optional: give it a default"
        )


def _compare(draft: _Draft, function: Function) -> None:
    """Report fields without a parameter, and combinations that cannot work."""
    if "client" in draft.takes and not is_async(function):
        draft.fault("asks for a client, so it must be 'async def'")
    if draft.role.plain and is_async(function):
        draft.fault(f"must be a plain function: {draft.role.plain}")
    if not draft.role.by_fields or draft.whole:
        return
    for name, key in draft.table.items():
        if name in draft.expressions or key in draft.role.spare:
            continue
        if draft.fields[key]:
            draft.fault(f"has no parameter {shown(name)} for the required field {shown(key)}")
        else:
            draft.fault(f"has no parameter {shown(name)}: the field {shown(key)} never reaches it", "warning")


def _generate(draft: _Draft, function: Function) -> tuple[Callable[..., dict[str, Any]], Function]:
    """Write `bind` and `call`, of the same expressions."""
    source = draft.source
    entries = [f"{source.constant(name)}: {expression}" for name, expression in draft.expressions.items()]
    arguments = [f"{identifier(name)}={expression}" for name, expression in draft.expressions.items()]
    returned = {
        "bind": f"{{{', '.join(entries)}}}",
        "call": f"{source.keep(function)}({', '.join(arguments)})",
    }
    for name, expression in returned.items():
        with source.function(_SIGNATURE, name):
            if any("get(" in text for text in draft.expressions.values()):
                source.put("get = payload.get")
            source.put(f"return {expression}")
    built = source.build()
    return built["bind"], built["call"]
