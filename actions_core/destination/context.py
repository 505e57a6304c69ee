"""What a handler may know beside its fields.

A `Scope` is made once for each subscription when the workspace is loaded; a `Context` is the scope
together with one event. That keeps the price of an event at one small object.
"""

from __future__ import annotations

import hashlib
import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.destination.state import MemoryState, RehearsedState, State
from actions_core.destination.stats import TaggedStats
from actions_core.errors import Problem, Severity
from actions_core.values.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    from actions_core.values.types import Json, JsonObject

    #: A warning, or what words warnings when somebody reads them.
    Note: TypeAlias = Problem | Callable[[], Iterable[Problem]]

_COMPUTED: Final = frozenset({"audience", "journey_step"})
_HOLDERS: Final = {"identify": "traits", "track": "properties"}
#: Under which sync modes a warehouse's event means in, or out.
_IN: Final = {"new": {"add", "upsert", "mirror"}, "updated": {"update", "upsert", "mirror"}}
_OUT: Final = {"deleted": {"delete", "mirror"}}

_LOGGER = logging.getLogger("actions_core")
_LONGEST_KEY = 200


def _read_only(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(given))


@attrs.define(repr=False)
class Auth:
    """The credentials that change while the engine runs."""

    access_token: str | None = None


@attrs.frozen(repr=False)
class Scope:
    """What all events of one subscription share.

    Handlers get it read-only: nothing that one does lasts beyond its event. `settings` are the plain ones,
    for what the engine itself resolves over them.
    """

    instance: str
    settings: Mapping[str, Json] = attrs.field(factory=dict)
    auth: Auth = attrs.field(factory=Auth)
    logger: logging.Logger = _LOGGER
    action: str = ""
    sync_mode: str | None = None
    matching_key: str | None = None
    hook_outputs: Mapping[str, Json] = attrs.field(factory=dict, converter=frozen)
    features: Mapping[str, Any] = attrs.field(factory=dict, converter=_read_only)
    state: State = attrs.field(factory=MemoryState)
    stats: TaggedStats = attrs.field(factory=TaggedStats)
    #: changes when the mapping or the subscription does: what is sent under one key must be the same
    key_suffix: str = ""
    frozen_settings: Mapping[str, Json] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "frozen_settings", frozen(self.settings))

    def rehearsed(self) -> Scope:
        """Return a copy for a dry run, which counts nothing and leaves the state as it is."""
        return attrs.evolve(self, state=RehearsedState(self.state), stats=TaggedStats())


def told(notes: Iterable[Note]) -> tuple[Problem, ...]:
    """Return the warnings of notes, worded where they are not yet."""
    found: list[Problem] = []
    for note in notes:
        if isinstance(note, Problem):
            found.append(note)
        else:
            try:
                found += note()
            except Exception as error:  # noqa: BLE001 - a handler's function, called where it can stop nothing
                found.append(
                    Problem("$", f"a warning could not be worded: {type(error).__name__}", "warning")
                )
    return tuple(found)


def plain_settings(context: Context) -> JsonObject:
    """Return the settings as ordinary JSON, for what the engine itself resolves: nothing may change them."""
    return context._scope.settings  # type: ignore[return-value]  # noqa: SLF001 - handlers get the other ones


class Context:
    """One event in one subscription, as a handler sees it. `settings` are those of the instance."""

    __slots__ = ("_each", "_scope", "dry_run", "event", "notes")

    def __init__(
        self,
        scope: Scope,
        event: JsonObject,
        *,
        dry_run: bool = False,
        events: Sequence[JsonObject] | None = None,
    ) -> None:
        self._scope = scope
        self.event = event
        self.dry_run = dry_run
        # A tuple: a handler may change whatever it gets, and each event keeps its own.
        self._each = (
            None if events is None else tuple([Context(scope, one, dry_run=dry_run) for one in events])
        )
        #: what was warned of so far, in part not worded yet
        self.notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        return f"<Context {self._scope.instance}>"

    @property
    def settings(self) -> Mapping[str, Json]:
        """The instance's settings, by their JSON names, defaults filled in; they cannot be changed."""
        return self._scope.frozen_settings

    @property
    def auth(self) -> Auth:
        """The current credentials; `auth.access_token` is None where there are none."""
        return self._scope.auth

    @property
    def logger(self) -> logging.Logger:
        """The logger for what the handler has to say."""
        return self._scope.logger

    @property
    def action(self) -> str:
        """The key of the action; the empty str where none is served, as when a user is deleted."""
        return self._scope.action

    @property
    def sync_mode(self) -> str | None:
        """The mapping's sync mode, where the action declares sync modes."""
        return self._scope.sync_mode

    @property
    def matching_key(self) -> str | None:
        """The mapping's matching key, as text."""
        return self._scope.matching_key

    @property
    def hook_outputs(self) -> Mapping[str, Json]:
        """What the hooks gave when the mapping was saved, by hook."""
        return self._scope.hook_outputs

    @property
    def events(self) -> Sequence[JsonObject]:
        """In a batch the events of its payloads, in their order; else the one event."""
        return [one.event for one in self.each]

    @property
    def each(self) -> Sequence[Context]:
        """A context for each of the `events`, as it would be if that event came alone.

        So a batch handler can do for each payload what the handler of single ones does. What is warned of
        there is a warning of that event; what is warned of here is one of all.
        """
        return (self,) if self._each is None else self._each

    @property
    def membership(self) -> bool | None:
        """Whether the event says that its user is in the audience; None where it does not say."""
        return membership(self.event, self._scope.sync_mode)

    @property
    def memberships(self) -> list[bool | None]:
        """`membership` of each of the `events`."""
        return [one.membership for one in self.each]

    @property
    def audience_settings(self) -> JsonObject:
        """The settings of the audience; in a batch those that its first event has."""
        return audience_settings(self.event)

    @property
    def features(self) -> Mapping[str, Any]:
        """The host's feature switches."""
        return self._scope.features

    @property
    def state(self) -> State:
        """What the instance's handlers keep for a while: `state.set("key", value, ttl=60)`.

        Other instances do not see it, and what a dry run changes is gone with it.
        """
        return self._scope.state

    @property
    def stats(self) -> TaggedStats:
        """The host's stats, tagged with instance, destination and action: `stats.count("lookups")`.

        Tags must have few values. A dry run counts nothing.
        """
        return self._scope.stats

    @property
    def idempotency_key(self) -> str:
        """A key that is the same at every try of this event in this subscription, and for no other.

        It is made of the event's messageId and a digest of the subscription, so it also changes when
        the mapping does. Characters that no header may hold are hashed away. A batch has one that is the
        same for the same events in the same order; those of its events are at `each`.
        """
        if self._each is not None:
            keys = "\n".join(one.idempotency_key for one in self._each)
            return hashlib.sha256(keys.encode()).hexdigest()
        message_id = self.event.get("messageId")
        text = message_id if isinstance(message_id, str) else repr(message_id)
        if not text.isascii() or not text.isprintable() or len(text) > _LONGEST_KEY:
            text = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{text}-{self._scope.key_suffix}"

    def warn(self, path: str, message: str, severity: Severity = "warning") -> None:
        """Report something that does not stop the event: it comes with the result and with `explain`."""
        self.notes = (*self.notes, Problem(path, message, severity))

    def warn_later(self, tell: Callable[[], Iterable[Problem]]) -> None:
        """Report what `tell` returns, which is called when somebody reads the warnings: most are not read."""
        self.notes = (*self.notes, tell)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What was warned of so far."""
        return told(self.notes)


def membership(event: JsonObject, sync_mode: str | None) -> bool | None:
    """Return whether the user is in the audience; None where the event does not say."""
    personas = _personas(event)
    kind, key = personas.get("computation_class"), personas.get("computation_key")
    # Anything may stand in an event, a list too, in which no set can look.
    if isinstance(kind, str) and kind in _COMPUTED and isinstance(key, str) and key:
        holder = event.get(_HOLDERS.get(str(event.get("type")), ""))
        value = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(value, bool):
            return value
    if event.get("type") == "track" and sync_mode is not None:
        name = str(event.get("event"))
        if sync_mode in _IN.get(name, ()):
            return True
        if sync_mode in _OUT.get(name, ()):
            return False
    return None


def audience_settings(event: JsonObject) -> JsonObject:
    """Return the settings of the event's audience; empty where there are none."""
    settings = _personas(event).get("audience_settings")
    return settings if isinstance(settings, dict) else {}


def audience_of(event: JsonObject) -> JsonObject:
    """Return what the event says of its audience: `id`, `key`, `externalId` and `settings`."""
    personas = _personas(event)
    said = {
        "id": personas.get("computation_id"),
        "key": personas.get("computation_key"),
        "externalId": personas.get("external_audience_id"),
    }
    found = {key: value for key, value in said.items() if value is not None}
    return {**found, "settings": audience_settings(event)}


def _personas(event: JsonObject) -> JsonObject:
    context: Json = event.get("context")
    personas = context.get("personas") if isinstance(context, dict) else None
    return personas if isinstance(personas, dict) else {}
