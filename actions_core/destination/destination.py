"""The destination itself: what a definition says, and the functions noted for it.

Functions are compiled when the destination is first used or checked, not when they are noted, so that
an annotation may name what stands further down in its module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from actions_core.destination.assembly import Assembly, Note, assemble
from actions_core.destination.loading import package_file, read_definition
from actions_core.errors import DefinitionError
from actions_core.validation.fields import FieldSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from actions_core.destination.handler import Handler
    from actions_core.destination.specs import DestinationSpec
    from actions_core.errors import Problem
    from actions_core.values.types import JsonObject

    F = TypeVar("F", bound=Callable[..., Any])

_BATCHING: Final = {
    "enable_batching": FieldSpec(
        label="Send in batches",
        description="Whether events may be put together and sent as one request.",
        type="boolean",
        default=True,
    )
}


class Destination:
    """A definition and its functions.

    The decorators (`action`, `prepare`, …) return the function as it is, so that it can be tested as
    one. Where the definition has a `request`, that takes the place of a function. A destination with
    neither is a definition only: it can be read and registered, but none of its actions can run.
    """

    def __init__(self, spec: DestinationSpec, *, warnings: tuple[Problem, ...] = ()) -> None:
        self.spec = spec
        self._warnings = warnings
        self._notes: list[Note] = []
        self._assembly: Assembly | None = None

    def __repr__(self) -> str:
        return f"<Destination {self.spec.slug}>"

    @classmethod
    def from_definition(cls, definition: JsonObject | str | Path) -> Destination:
        """Make a destination from a definition, given as a file or a dictionary; it has no functions yet.

        Raises `DefinitionError` with every problem of the definition.
        """
        spec, warnings = read_definition(definition)
        return cls(spec, warnings=warnings)

    @classmethod
    def from_package(cls, package: str | None) -> Destination:
        """Make a destination from the `destination.json` in a package; call it with `__package__`."""
        return cls.from_definition(package_file(package, "destination.json"))

    @property
    def slug(self) -> str:
        """The name by which workspaces know the destination."""
        return self.spec.slug

    def check(self) -> list[Problem]:
        """Return every problem of the functions, and the warnings of the definition."""
        return [*self._warnings, *self._assembled().problems]

    # -- the functions, noted ------------------------------------------------------------------

    def action(self, *actions: str) -> Callable[[F], F]:
        """Note the function that makes a request of one payload of an action, or of any of several.

        `context.action` says which of them it is called for.
        """
        return self._note_each("action", actions)

    def batch(self, *actions: str, each: Callable[..., Any] | None = None) -> Callable[[F], F]:
        """Note the function that delivers many payloads of an action at once, or of any of several.

        With `each`, a plain function that makes an item of each payload, it gets the `Items` that were made
        in place of the payloads. What `each` raises, or a `Skip` that it returns, is for its event alone.
        """
        return self._note_each("batch", actions, each)

    def poll(self, *actions: str) -> Callable[[F], F]:
        """Note the function that asks how a batch is doing that takes a while."""
        return self._note_each("poll", actions)

    def dynamic_field(self, action: str, field: str, *, hook: str | None = None) -> Callable[[F], F]:
        """Note the function that lists the choices of a field: `field`, `object.child`, `object.__keys__`.

        With `hook`, the field is one of the inputs of that hook of the action.
        """
        return self._note("dynamic_field", action, field, *([] if hook is None else [hook]))

    def hook(self, action: str, hook: str) -> Callable[[F], F]:
        """Note the function that runs when a mapping of an action is saved."""
        return self._note("hook", action, hook)

    def prepare(self, function: F) -> F:
        """Note the function that completes every request: base URL, authentication."""
        return self._note("prepare")(function)

    def judge(self, function: F) -> F:
        """Note the function that judges the response of every request that `prepare` completes.

        It returns None where the status decides, an error where the response is a refusal, whatever its
        status, or a `Response` to be taken in place of this one, such as a 200 for a 409 that is as good.
        """
        return self._note("judge")(function)

    def test_authentication(self, function: F) -> F:
        """Note the function that makes the request by which settings are tested."""
        return self._note("test_authentication")(function)

    def account(self, function: F) -> F:
        """Note the function that tells of the account behind the settings: its quota, what is used of it."""
        return self._note("account")(function)

    def on_delete(self, function: F) -> F:
        """Note the function that deletes a user."""
        return self._note("on_delete")(function)

    def refresh_access_token(self, function: F) -> F:
        """Note the function that gets a new access token."""
        return self._note("refresh_access_token")(function)

    def create_audience(self, function: F) -> F:
        """Note the function that creates an audience."""
        return self._note("create_audience")(function)

    def get_audience(self, function: F) -> F:
        """Note the function that looks an audience up."""
        return self._note("get_audience")(function)

    def _note_each(
        self, role: str, actions: tuple[str, ...], each: Callable[..., Any] | None = None
    ) -> Callable[[F], F]:
        """Note one function for each of several actions."""
        return self._note_all(role, [(action,) for action in actions] or [(None,)], each)

    def _note(self, role: str, *keys: str) -> Callable[[F], F]:
        return self._note_all(role, [keys])

    def _note_all(
        self, role: str, places: Sequence[tuple[Any, ...]], each: Callable[..., Any] | None = None
    ) -> Callable[[F], F]:
        for keys in places:
            if not all(isinstance(key, str) for key in keys):
                raise DefinitionError(f'@destination.{role} names what it is for: @destination.{role}("…")')

        def note(function: F) -> F:
            self._notes += [Note(role, keys, function, each) for keys in places]
            self._assembly = None
            return function

        return note

    # -- the functions, compiled ---------------------------------------------------------------

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handler of each action."""
        return self._keyed("action")

    @property
    def batch_handlers(self) -> Mapping[str, Handler]:
        """The handler of batches, for the actions that have one."""
        return self._keyed("batch")

    @property
    def poll_handlers(self) -> Mapping[str, Handler]:
        """The handler that polls, for the actions that have one."""
        return self._keyed("poll")

    @property
    def dynamic_field_handlers(self) -> Mapping[tuple[str, ...], Handler]:
        """The handlers that list choices, by action and field, and by the hook for its inputs."""
        return self._assembled().of("dynamic_field")

    @property
    def hook_handlers(self) -> Mapping[tuple[str, ...], Handler]:
        """The handlers of hooks, by action and hook."""
        return self._assembled().of("hook")

    @property
    def prepare_handler(self) -> Handler | None:
        """The function that completes every request."""
        return self._single("prepare")

    @property
    def judge_handler(self) -> Handler | None:
        """The function that judges responses."""
        return self._single("judge")

    @property
    def authentication_handler(self) -> Handler | None:
        """The function that tests the settings."""
        return self._single("test_authentication")

    @property
    def account_handler(self) -> Handler | None:
        """The function that tells of the account behind the settings."""
        return self._single("account")

    @property
    def deletion_handler(self) -> Handler | None:
        """The function that deletes a user."""
        return self._single("on_delete")

    @property
    def refresh_handler(self) -> Handler | None:
        """The function that gets a new access token."""
        return self._single("refresh_access_token")

    @property
    def create_audience_handler(self) -> Handler | None:
        """The function that creates an audience."""
        return self._single("create_audience")

    @property
    def get_audience_handler(self) -> Handler | None:
        """The function that looks an audience up."""
        return self._single("get_audience")

    def _assembled(self) -> Assembly:
        if self._assembly is None:
            self._assembly = assemble(self.spec, self._notes)
        return self._assembly

    def _keyed(self, role: str) -> Mapping[str, Handler]:
        return {keys[0]: handler for keys, handler in self._assembled().of(role).items()}

    def _single(self, role: str) -> Handler | None:
        return self._assembled().of(role).get(())


def load_destination(definition: JsonObject | str | Path) -> Destination:
    """Load the destination of a definition, given as a file or a dictionary."""
    return Destination.from_definition(definition)


def hints_for(destination: Destination, action: str | None = None) -> dict[int, str]:
    """Return the hint for each status; the action's hints win over the destination's."""
    hints = dict(destination.spec.status_hints)
    if action is not None:
        hints.update(destination.spec.actions[action].status_hints)
    return hints


def fields_of(destination: Destination, action: str) -> Mapping[str, FieldSpec]:
    """Return the fields of an action; one that takes batches has `enable_batching` implicitly."""
    fields = destination.spec.actions[action].fields
    if action not in destination.batch_handlers or _BATCHING.keys() <= fields.keys():
        return fields
    return {**fields, **_BATCHING}
