"""One request of a definition, compiled: its guards, its parts, and what is expected of the response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.destination.requests.guards import compile_guards
from actions_core.destination.requests.judging import compile_judge
from actions_core.destination.requests.parts import PLACE, build_request
from actions_core.mapping import compile_mapping

if TYPE_CHECKING:
    from actions_core.destination.multistatus import Skip
    from actions_core.http.requests import Request
    from actions_core.values.types import JsonObject

#: The parts that are mappings. `path` has the values of places in the URL.
PARTS: Final = ("method", "url", "path", "headers", "params", "basic", "json", "form")


class RequestWriter:
    """Writes the request of a checked definition for the scope of one event.

    `reads` are the paths of the scope that it reads. A `relative` URL is one that a base completes.
    """

    def __init__(self, raw: JsonObject, *, relative: bool) -> None:
        url = raw.get("url")
        self._places = PLACE.split(url) if raw.get("path") is not None and isinstance(url, str) else ()
        given = {part: raw[part] for part in PARTS if raw.get(part) is not None}
        mapping = compile_mapping(given)
        self._resolve = mapping.resolve
        self._guards = compile_guards(raw)
        self._judge = compile_judge(raw.get("expect"))
        self._timeout: float | None = raw.get("timeout")
        self._relative = relative
        self.reads = (*mapping.keys(), *(() if self._guards is None else self._guards.reads))

    def write(self, scope: JsonObject) -> Request | Skip:
        """Return the request, or a `Skip` where there is nothing to send."""
        if self._guards is not None:
            skip = self._guards.check(scope)
            if skip is not None:
                return skip
        request = build_request(
            self._resolve(scope), self._places, timeout=self._timeout, relative=self._relative
        )
        return request if self._judge is None else request.evolve(judge=self._judge)
