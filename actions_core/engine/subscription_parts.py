"""The condition and the mapping of a subscription, read with every problem: what needs no destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.destination.specs import MAPPING_EXTRAS
from actions_core.errors import FqlError, MappingError, Problem, child_path
from actions_core.mapping import compile_mapping
from actions_core.subscriptions import parse_fql

if TYPE_CHECKING:
    from actions_core.mapping import Mapping as CompiledMapping
    from actions_core.subscriptions import Condition
    from actions_core.values.types import Json, JsonObject


def subscription_problems(subscribe: str, mapping: Json, path: str) -> list[Problem]:
    """Return what is wrong with a subscription whatever its destination: its condition, and its mapping."""
    problems: list[Problem] = []
    read_condition(subscribe, child_path(path, "subscribe"), problems)
    if mapping is not None:
        read_mapping(split_mapping(mapping)[0], child_path(path, "mapping"), problems)
    return problems


def split_mapping(raw: Json) -> tuple[Json, JsonObject]:
    """Separate the mapping of the fields from what the engine itself reads from it."""
    if not isinstance(raw, dict):
        return raw, {}
    extras = {key: raw[key] for key in MAPPING_EXTRAS if key in raw}
    return {key: value for key, value in raw.items() if key not in extras}, extras


def read_condition(text: str, path: str, problems: list[Problem]) -> Condition | None:
    """Compile a condition: None where it is faulty; what is wrong is added to `problems`."""
    try:
        condition = parse_fql(text)
    except FqlError as error:
        problems.append(Problem(path, str(error)))
        return None
    problems += [Problem(path, message, "warning") for message in condition.warnings]
    return condition


def read_mapping(raw: Json, path: str, problems: list[Problem]) -> CompiledMapping | None:
    """Compile the mapping of the fields: None where it is faulty; what is wrong is added to `problems`."""
    try:
        mapping = compile_mapping(raw)
    except MappingError as error:
        problems += _below(path, error.problems or (Problem("$", error.message),))
        return None
    problems += _below(path, mapping.warnings)
    return mapping


def _below(path: str, found: tuple[Problem, ...] | list[Problem]) -> list[Problem]:
    return [problem.below(path) for problem in found]
