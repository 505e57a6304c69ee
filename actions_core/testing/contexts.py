"""A context for tests that call a function of a destination as what it is: a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core.destination.context import Auth, Context, Scope
from actions_core.destination.state import MemoryState
from actions_core.errors import DefinitionError
from actions_core.testing.samples import make_event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actions_core.destination.state import State
    from actions_core.values.types import Json, JsonObject

_INSTANCE: Final = "test"


def make_context(  # noqa: PLR0913 - whatever a context may say, of which a test names one or two
    settings: Mapping[str, Json] | None = None,
    event: JsonObject | None = None,
    *,
    events: Sequence[JsonObject] | None = None,
    action: str = "",
    access_token: str | None = None,
    sync_mode: str | None = None,
    matching_key: str | None = None,
    hook_outputs: Mapping[str, Json] | None = None,
    features: Mapping[str, Any] | None = None,
    state: State | None = None,
    dry_run: bool = False,
) -> Context:
    """Return the context of an event, or of the `events` of a batch, with what the function shall find in it.

    The event is that of `make_event` where none is given. Settings are handed over as they are: nothing
    checks them, and no default is filled in.
    """
    if events is not None and (event is not None or not events):
        raise DefinitionError("a context is of one event, or of the events of a batch, at least one")
    scope = Scope(
        _INSTANCE,
        dict(settings or {}),
        Auth(access_token),
        action=action,
        sync_mode=sync_mode,
        matching_key=matching_key,
        hook_outputs=hook_outputs or {},
        features=features or {},
        state=MemoryState() if state is None else state,
        key_suffix=_INSTANCE,
    )
    first = events[0] if events else make_event() if event is None else event
    return Context(scope, first, events=events, dry_run=dry_run)
