"""Compiled mappings: a function of an event, its warnings, the paths that it reads, and its traces."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.errors import ActionsError, MappingError, Problem
from actions_core.mapping.codegen import MappingSource, Object
from actions_core.mapping.directives import DIRECTIVES
from actions_core.mapping.reader import MAX_COST, METADATA, Reader, is_directive, raw_kind
from actions_core.values.paths import format_path
from actions_core.values.types import MISSING, Json, JsonObject, Missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.mapping.codegen import Node

ROOT_DIRECTIVE: Final = "__segment_internal_directive"
_TOO_LARGE: Final = (
    f"is too large to be compiled: a mapping may have {MAX_COST:,} directives, objects and lists, "
    "fewer where they stand deep or are JMESPath or Liquid; split it, or compute values beforehand"
)


@attrs.frozen
class FieldTrace:
    """The origin of one field of a payload: the paths that gave its value, or the error instead.

    `missed` has the paths at which nothing was found.
    """

    field: str
    paths: tuple[str, ...]
    value: Json | Missing
    error: ActionsError | None = None
    missed: tuple[str, ...] = ()


@attrs.frozen(slots=False, repr=False, eq=False)
class Mapping:
    """A mapping, checked and compiled.

    `resolve(event)` returns the value for an event, or `MISSING`, and raises `MappingError` where a
    directive cannot do its work. It changes neither the event nor itself. The result may contain
    parts of the event as they are, but never parts of the mapping.
    """

    raw: Json
    warnings: tuple[Problem, ...]
    #: A generated function in an attribute: a method around it would cost as much as a field.
    resolve: Callable[[JsonObject], Json | Missing]
    _root: Node

    def keys(self) -> tuple[str, ...]:
        """Return the paths of the event that the mapping reads, through every directive, in order.

        `[]` stands for any item of a list, `$.` for the whole event.
        """
        return tuple(sorted({format_path(steps) for steps in self._root.reads(())}))

    def trace(self, event: JsonObject) -> tuple[FieldTrace, ...]:
        """Resolve the mapping for an event, and return the origin of each field at the top of the result."""
        if isinstance(self._root, Object):
            return tuple(_run_traced(field, run, event) for field, run in self._traced_fields.items())
        whole = _run_traced("", self._traced_root, event)
        if whole.error is not None or not isinstance(whole.value, dict):
            return (whole,)
        return tuple(FieldTrace(field, whole.paths, value) for field, value in whole.value.items())

    @cached_property
    def _traced_fields(self) -> dict[str, Callable[..., Json | Missing]]:
        entries = self._root.entries if isinstance(self._root, Object) else {}
        return {field: MappingSource(traced=True).resolver(node) for field, node in entries.items()}

    @cached_property
    def _traced_root(self) -> Callable[..., Json | Missing]:
        return MappingSource(traced=True).resolver(self._root)

    def __repr__(self) -> str:
        return f"Mapping(keys={list(self.keys())})"


def _run_traced(field: str, run: Callable[..., Json | Missing], event: JsonObject) -> FieldTrace:
    seen: list[tuple[str, Json | Missing]] = []
    try:
        value = run(event, seen)
    except ActionsError as error:
        return FieldTrace(field, _paths(seen, found=True), MISSING, error, _paths(seen, found=False))
    return FieldTrace(field, _paths(seen, found=True), value, None, _paths(seen, found=False))


def _paths(seen: list[tuple[str, Json | Missing]], *, found: bool) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for path, value in seen if (value is not MISSING) is found))


def compile_mapping(mapping: Json) -> Mapping:
    """Check and compile a raw mapping; raise a `MappingError` with every problem that prevents it."""
    root, problems = _read(mapping)
    errors = [problem for problem in problems if problem.is_error]
    if errors or root is None:
        raise MappingError("the mapping is faulty", problems=errors)
    return Mapping(root.raw, tuple(problems), MappingSource().resolver(root.node), root.node)


def validate_mapping(mapping: Json) -> list[Problem]:
    """Return every problem of a raw mapping: errors, which keep it from being compiled, and warnings."""
    return _read(mapping)[1]


def mapping_reads(mapping: Json) -> tuple[str, ...]:
    """Return the paths that a raw mapping reads, as `Mapping.keys()` does; none of one that is no mapping."""
    root = _read(mapping)[0]
    return () if root is None else tuple(sorted({format_path(steps) for steps in root.node.reads(())}))


@attrs.frozen
class _Root:
    raw: Json
    node: Node


def _read(mapping: Json) -> tuple[_Root | None, list[Problem]]:
    reader = Reader(DIRECTIVES)
    try:
        if not isinstance(mapping, dict):
            reader.error(f"must be an object but is {raw_kind(mapping)}")
            return None, reader.problems
        effective = _apply_root_directive(mapping, reader)
        node = reader.value(effective)
    except RecursionError:
        return None, [*reader.problems, Problem("$", "is nested too deeply")]
    if reader.is_too_large:
        return None, [*reader.problems, Problem("$", _TOO_LARGE)]
    return _Root(mapping, node), reader.problems


def _apply_root_directive(mapping: JsonObject, reader: Reader) -> JsonObject:
    """Return the mapping with its root directive, if it has one, around the other keys."""
    if ROOT_DIRECTIVE not in mapping:
        return mapping
    root = mapping[ROOT_DIRECTIVE]
    rest = {key: value for key, value in mapping.items() if key != ROOT_DIRECTIVE}
    names = [key for key in root if key != METADATA] if is_directive(root) else []
    if len(names) != 1:
        reader.error("must be an object with one directive", ROOT_DIRECTIVE)
        return rest
    option = root[names[0]]
    if isinstance(option, dict):
        option = {**option, "mapping": rest}
    elif not isinstance(option, list):
        reader.error(f"must be an object but is {raw_kind(option)}", ROOT_DIRECTIVE)
    return {names[0]: option}
