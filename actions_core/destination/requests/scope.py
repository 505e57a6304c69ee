"""What a request of a definition is written over: its roots, and how each of them is had.

Only the roots that a request reads are put together for an event. A root without a value is missing.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.destination.context import audience_of, plain_settings
from actions_core.subscriptions import FilterTerm
from actions_core.subscriptions.terms import leaves
from actions_core.values.paths import format_path, parse_path
from actions_core.values.times import present_time

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from actions_core.destination.context import Context
    from actions_core.subscriptions import Condition
    from actions_core.values.types import Json, JsonObject

    #: For each root the keys below it; None where there may be any, or where it has none.
    Scope: TypeAlias = Mapping[str, Collection[str] | None]
    #: Makes the scope of one event of what the handler was given, and of its context.
    Bind: TypeAlias = Callable[[JsonObject, Context], JsonObject]

AUTH: Final = ("accessToken",)
AUDIENCE: Final = ("id", "key", "externalId", "settings")
DELETED: Final = ("userId", "anonymousId")


def _auth(context: Context) -> Json:
    token = context.auth.access_token
    return {} if token is None else {"accessToken": token}


#: The roots that a context has.
_OF_CONTEXT: Final[Mapping[str, Callable[[Context], Json]]] = {
    "settings": plain_settings,
    "auth": _auth,
    "event": lambda context: context.event,
    "syncMode": lambda context: context.sync_mode,
    "membership": lambda context: context.membership,
    "audience": lambda context: audience_of(context.event),
    "hooks": lambda context: copy.deepcopy(context.hook_outputs),
    "idempotencyKey": lambda context: context.idempotency_key,
    "now": lambda _context: present_time(),
}


def condition_reads(condition: Condition) -> tuple[str, ...]:
    """Return the paths that a condition reads, in the spelling of mappings."""
    return tuple(
        format_path(path)
        for leaf in leaves(condition.tree)
        for path in (leaf.paths() if isinstance(leaf, FilterTerm) else (leaf.path,))
    )


def shared_scope(settings: Collection[str]) -> Scope:
    """Return what every request may read, whatever it is for."""
    return {"settings": settings, "auth": AUTH}


def event_scope(settings: Collection[str], hooks: Collection[str]) -> Scope:
    """Return what requests for events may read, beside their payloads."""
    return {
        **shared_scope(settings),
        "event": None,
        "syncMode": None,
        "membership": None,
        "audience": AUDIENCE,
        "hooks": hooks,
        "idempotencyKey": None,
        "now": None,
    }


def scope_binder(reads: Iterable[str], given: Callable[[JsonObject], JsonObject]) -> Bind:
    """Return a function that makes the scope for these paths; `given` has the roots of a payload."""
    roots = {next(iter(parse_path(path)), "").removesuffix("[]") for path in reads}
    needed = [(root, get) for root, get in _OF_CONTEXT.items() if root in roots or "" in roots]

    def bind(payload: JsonObject, context: Context) -> JsonObject:
        scope = given(payload)
        for root, get in needed:
            value = get(context)
            if value is not None:
                scope[root] = value
        return scope

    return bind
