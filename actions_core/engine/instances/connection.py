"""What the requests of an instance share: how they are prepared, guarded, and given fresh tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.engine.executor import ask
from actions_core.engine.executor.client import Line, TokenKeeper, unprepared
from actions_core.http.addresses import check_url
from actions_core.http.transport import public_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.destination import Destination
    from actions_core.destination.context import Context, Scope
    from actions_core.engine.executor.client.tokens import TokenListener
    from actions_core.http.requests import Request
    from actions_core.values.types import JsonObject


def with_tokens(
    line: Line, destination: Destination, scope: Scope, oauth: JsonObject, listener: TokenListener | None
) -> Line:
    """The line with tokens that are renewed, where the destination can do that."""
    handler = destination.refresh_handler
    if handler is None or not oauth:
        return line
    # What asks for a token must not itself be prepared with the token that has expired.
    plain = attrs.evolve(line, prepare=unprepared)
    keeper = TokenKeeper(
        scope.instance,
        scope.auth,
        oauth,
        refresh=lambda given: ask(handler, given, line=plain, scope=scope),
        mask=line.mask,
        listener=listener,
        logger=scope.logger,
    )
    return attrs.evolve(line, tokens=keeper)


def prepare_of(destination: Destination) -> Callable[[Request, Context], Request]:
    """What completes every request of the destination."""
    handler = destination.prepare_handler
    if handler is None:
        return unprepared
    call: Callable[..., Request] = handler.call
    return lambda request, context: call({}, context, None, request)


def guarded(line: Line) -> Line:
    """The line for an instance whose requests may reach public addresses only."""
    complete = line.prepare

    def prepare(request: Request, context: Context) -> Request:
        # The transport looks at each address again; what a URL says outright is refused before that, so
        # that a dry run shows it and a transport of the host's own never gets to see it.
        request = complete(request, context)
        check_url(request.url)
        return request

    return attrs.evolve(line, transport=public_only(line.transport), prepare=prepare)
