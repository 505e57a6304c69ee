"""Guards of a request: `when` says if there is anything to send, `require` what an event must have.

Their conditions are those of destination filters, over the scope of the request in place of an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.destination.multistatus import Skip
from actions_core.destination.requests.scope import condition_reads
from actions_core.errors import PayloadError, Problem, child_path
from actions_core.mapping import compile_mapping
from actions_core.subscriptions import parse_filter
from actions_core.values.types import MISSING
from actions_core.values.wording import either

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from actions_core.values.types import Json, JsonObject

    Test: TypeAlias = Callable[[JsonObject], bool]


def is_something(value: Json) -> bool:
    """Tell whether a value is there: not null, false, or an empty text, list or object."""
    return value is not MISSING and value is not None and value is not False and value not in ("", [], {})


@attrs.frozen
class Guards:
    """The compiled guards of one request, and the paths that they read."""

    reads: tuple[str, ...]
    _when: Test | None
    _otherwise: Skip | None
    _required: tuple[tuple[Test, Problem], ...]

    def check(self, scope: JsonObject) -> Skip | None:
        """Return a `Skip` where there is nothing to send; raise `PayloadError` with all that is required."""
        if self._when is not None and not self._when(scope):
            return self._otherwise
        problems = [problem for test, problem in self._required if not test(scope)]
        if problems:
            raise PayloadError(problems=problems)
        return None


def compile_guards(raw: JsonObject) -> Guards | None:
    """Compile the guards of a checked request; None where it has none."""
    when, required = raw.get("when"), raw.get("require") or []
    if when is None and not required:
        return None
    reads: list[str] = []
    test = otherwise = None
    if when is not None:
        test = _test(when, reads)
        otherwise = Skip(_reason(when))
    compiled = tuple(_requirement(item, reads) for item in required)
    return Guards(tuple(reads), test, otherwise, compiled)


def _reason(when: Json) -> str:
    if isinstance(when, dict) and "if" in when:
        message = when.get("message")
        return message or _reason(when["if"])
    return (
        f"there is nothing to send: {when} does not hold"
        if isinstance(when, str)
        else "there is nothing to send"
    )


def _test(raw: Json, reads: list[str]) -> Test:
    """Compile a condition, or a mapping whose value has to be there."""
    if isinstance(raw, dict) and "if" in raw:
        raw = raw["if"]
    if isinstance(raw, str):
        condition = parse_filter(raw)
        reads += condition_reads(condition)
        return condition.matches
    mapping = compile_mapping({"when": raw})
    reads += mapping.keys()
    resolve: Callable[[JsonObject], Json] = mapping.resolve
    return lambda scope: is_something(resolve(scope).get("when", MISSING))


def _requirement(raw: JsonObject, reads: list[str]) -> tuple[Test, Problem]:
    fields: Sequence[str] = raw.get("anyOf") or ()
    if not fields:
        return _test(raw["if"], reads), Problem("$", raw["message"])
    reads += [f"$.payload.{field}" for field in fields]
    ways = [field.split(".") for field in fields]
    message = raw.get("message") or f"{either(fields)} is required"

    def test(scope: JsonObject) -> bool:
        return any(is_something(_value(scope["payload"], steps)) for steps in ways)

    return test, Problem(child_path("$", fields[0]), message)


def _value(value: Json, steps: Sequence[str]) -> Json:
    for step in steps:
        value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
    return value
