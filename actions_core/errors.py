"""Errors that this library raises on purpose, under one root.

    ActionsError
    ├── DefinitionError         a definition, a plugin or a file is faulty: fix it, then start again
    │   ├── MappingError        a mapping cannot be compiled, or a directive cannot be resolved
    │   ├── FqlError            a subscription cannot be parsed; `position` says where
    │   └── WorkspaceError      a workspace cannot be used as it stands
    ├── SettingsError           an instance's settings do not fit the destination
    ├── PayloadError            this event does not give a payload that the action takes
    ├── EventError              this is not an event
    └── RequestError            the request failed, or could not be made
        ├── TransportError      no response came: refused, cut, timed out
        ├── ResponseError       the response is a refusal
        └── AuthenticationError the response says that the credentials are not valid

The last three stand in `http/errors`, beside the requests and responses that they carry. What to do next
follows from the type and from three attributes: `code` (stable, for programs), `status` (as in HTTP) and
`retryable` (whether the same request may succeed later). Data stays in attributes; the wording is made in
`__str__`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable


Severity = Literal["error", "warning"]


@attrs.frozen
class Problem:
    r"""One thing that is wrong, and where.

    `path` has one notation everywhere: `$` is the whole, `.name` a key (a dot inside a key is
    written `\.`), `[0]` an item.
    """

    path: str
    message: str
    severity: Severity = "error"

    @property
    def is_error(self) -> bool:
        """Whether this problem is an error, not a warning."""
        return self.severity == "error"

    def below(self, path: str) -> Problem:
        """Return the same problem of a part that stands at `path`: its `$` becomes that path."""
        return Problem(path + self.path.removeprefix("$"), self.message, self.severity)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def child_path(path: str, key: str | int) -> str:
    """Return the path of a key or an item below `path`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key.replace('.', chr(92) + '.')}"


def is_within(path: str, whole: str) -> bool:
    """Return whether `path` is `whole`, or leads to a part of it."""
    return path.startswith(whole) and path[len(whole) : len(whole) + 1] in ("", ".", "[")


def _as_warning(problem: Problem) -> Problem:
    """Return a warning that tells what it is, for where it stands among errors."""
    return attrs.evolve(problem, message=f"warning: {problem.message}")


class ActionsError(Exception):
    """The root of all errors of this library."""

    default_code: ClassVar[str] = "ERROR"
    default_status: ClassVar[int | None] = None
    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str = "",
        *,
        problems: Iterable[Problem] = (),
        code: str | None = None,
        status: int | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)
        self.code = self.default_code if code is None else code
        self.status = self.default_status if status is None else status
        self.retryable = self.default_retryable if retryable is None else retryable

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __str__(self) -> str:
        if not self.problems:
            return self.message
        listed = [str(problem if problem.is_error else _as_warning(problem)) for problem in self.problems]
        if not self.message:
            return listed[0] if len(listed) == 1 else "\n".join(listed)
        return "\n".join([self.message, *(f"  {line}" for line in listed)])


class DefinitionError(ActionsError):
    """A definition, a plugin or one of their parts is faulty."""

    default_code = "DEFINITION_INVALID"


class MappingError(DefinitionError):
    """A mapping cannot be compiled, or one of its directives cannot be resolved for this event."""

    default_code = "MAPPING_INVALID"
    default_status = 400


class FqlError(DefinitionError):
    """A subscription's text is not FQL; `position` counts characters from 0."""

    default_code = "SUBSCRIPTION_INVALID"

    def __init__(self, message: str, *, text: str, position: int) -> None:
        super().__init__(message)
        self.text = text
        self.position = position

    def __str__(self) -> str:
        return f"{self.message} at position {self.position}"


class WorkspaceError(DefinitionError):
    """A workspace cannot be used as it stands."""

    default_code = "WORKSPACE_INVALID"


class SettingsError(ActionsError):
    """The settings of an instance do not fit its destination."""

    default_code = "SETTINGS_INVALID"
    default_status = 400


class PayloadError(ActionsError):
    """An event that does not give a payload that the action takes; trying again gives the same."""

    default_code = "PAYLOAD_VALIDATION_FAILED"
    default_status = 400

    @classmethod
    def at(cls, path: str, message: str) -> Self:
        """Return the error of one problem at a path of the payload: `PayloadError.at("$.currency", "…")`."""
        return cls(problems=[Problem(path, message)])

    def __str__(self) -> str:
        if self.message or not self.problems:
            return super().__str__()
        return " ".join(problem.message for problem in self.problems)


class EventError(ActionsError):
    """The value that came in is not an event."""

    default_code = "EVENT_INVALID"
    default_status = 400


class RequestError(ActionsError):
    """A request failed, or could not be made."""

    default_code = "REQUEST_FAILED"
