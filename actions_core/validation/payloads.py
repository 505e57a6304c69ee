"""The check between a mapping's result and a handler.

A payload that has its shape and is right goes through one compiled function and comes back itself.
Any other goes the long way: it gets its shape (empties, lone values, unknown keys, types), the same
function looks again, and what it still refuses is explained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.errors import DefinitionError, PayloadError, Problem
from actions_core.validation.explain import explain
from actions_core.validation.fast_check import compile_check
from actions_core.validation.fields import field_problems, read_fields
from actions_core.validation.fields.schema import exact_schema
from actions_core.validation.shaping import cleaner, shaper

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from actions_core.values.types import Json, JsonObject


class PayloadValidator:
    """A check of payloads against fields: raw ones, specs, or both. Compiled once, without state.

    `additional_properties` lets keys at the root pass that are not fields; those in `keep` pass in any case,
    and nothing is asked of them. Raises `DefinitionError` where the fields are faulty.
    """

    def __init__(
        self,
        fields: Mapping[str, Json],
        *,
        additional_properties: bool = False,
        keep: Collection[str] = (),
    ) -> None:
        specs = read_fields(fields)
        faults = [problem for problem in field_problems(specs) if problem.is_error]
        if faults:
            raise DefinitionError("The fields are faulty:", problems=faults)
        kept = frozenset(keep)
        self._clean = cleaner(specs)
        self._shape = shaper(specs, additional=additional_properties, keep=kept)
        self._fields = {key: spec for key, spec in specs.items() if key not in kept}
        self._fits = compile_check(specs, additional=additional_properties, keep=kept)
        self._schemas: dict[str | None, JsonObject] = {}

    def clean(self, payload: JsonObject) -> JsonObject:
        """Return the payload without its empty values; the payload itself where it has none."""
        cleaned: JsonObject = self._clean(_object(payload))
        return cleaned

    def check(
        self, payload: Json, sync_mode: str | None = None, *, given: JsonObject | None = None
    ) -> JsonObject:
        """Return the payload for a handler; raises `PayloadError` with everything that is wrong.

        What is passed in is never changed; it is what comes back where nothing had to be. `given` is the
        payload as it was before its empty values were removed, if that has happened already.
        """
        if self._fits(payload, sync_mode, False):  # noqa: FBT003  # generated, and called for each event
            fit: JsonObject = payload
            return fit
        shaped: JsonObject = self._shape(_object(payload))
        if self._fits(shaped, sync_mode, True):  # noqa: FBT003  # as above
            return shaped
        problems = self._explain(shaped, sync_mode, payload if given is None else given)
        if problems:
            raise PayloadError(problems=problems)
        return shaped

    def _explain(self, payload: JsonObject, sync_mode: str | None, given: Json) -> list[Problem]:
        schema = self._schemas.get(sync_mode)
        if schema is None:
            schema = self._schemas[sync_mode] = exact_schema(self._fields, sync_mode)
        return explain(payload, schema, given)


def _object(payload: Json) -> JsonObject:
    if not isinstance(payload, dict):
        raise PayloadError(problems=[Problem("$", "The root value must be an object.")])
    return payload
