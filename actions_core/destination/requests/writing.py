"""One request of a definition, compiled: its guards, its parts, and what is expected of the response.

What is compiled is called like an author's function: `written_handler` puts it into the same form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core.destination.handler import Handler
from actions_core.destination.requests.guards import compile_guards
from actions_core.destination.requests.judging import compile_judge
from actions_core.destination.requests.parts import PLACE, build_request
from actions_core.mapping import compile_mapping

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.destination.context import Context
    from actions_core.destination.multistatus import Skip
    from actions_core.destination.requests.scope import Bind
    from actions_core.http.requests import Request, Response
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


def written_handler(
    place: tuple[str, ...],
    scope_of: Bind,
    write: Callable[[JsonObject], Any],
    name: str = "the request of the definition",
    *,
    each: Handler | None = None,
    read: Callable[[JsonObject, Response], Any] | None = None,
    group: Callable[[JsonObject, Context], str] | None = None,
) -> Handler:
    """Return the handler, by its role and keys, that calls `write` with the scope of what it is given."""

    def bind(
        payload: JsonObject, context: Context, client: object = None, request: object = None
    ) -> JsonObject:
        del client, request
        return scope_of(payload, context)

    def build(**scope: Any) -> Any:
        return write(scope)

    def call(payload: JsonObject, context: Context, client: object = None, request: object = None) -> Any:
        del client, request
        return write(scope_of(payload, context))

    build.__qualname__ = name
    return Handler(
        place[0],
        place[1:],
        build,
        is_async=False,
        takes=frozenset({"context"}),
        bind=bind,
        call=call,
        each=each,
        read=read,
        group=group,
    )
