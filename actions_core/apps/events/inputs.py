"""The events of a run as they are given: fresh ones, and those that an earlier run could not deliver."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import attrs

from actions_core.errors import EventError
from actions_core.values.json_files import parse_events
from actions_core.values.times import present_time

if TYPE_CHECKING:
    from actions_core.apps.events.lines import EventLine
    from actions_core.values.types import Json, JsonObject

#: An instance, and one of its subscriptions.
Target = tuple[str, str]

_MADE: Final = ("messageId", "timestamp", "receivedAt")


@attrs.frozen
class InputEvent:
    """An event to deliver, with the place in which it was found first.

    `made` are the ids and times that it did not have. `targets` are the only deliveries that are wanted
    of it, None for all. `text` is what stands in the file; for text that is not an event, `error` says why.
    """

    file: str
    number: int
    text: bytes
    value: Json = None
    made: JsonObject = attrs.field(factory=dict)
    targets: frozenset[Target] | None = None
    error: EventError | None = None
    retryable: bool = True

    @property
    def place(self) -> str:
        """The place in words."""
        return f"{self.file}, line {self.number}" if self.file else f"line {self.number}"

    def to_text(self, *, complete: bool = True) -> str:
        """Return the event as JSON in one line, and with what was made for it."""
        text = self.text.decode("utf-8", "replace").strip().removeprefix("\ufeff")
        made = self.made if complete else {}
        is_line = "\n" not in text and "\r" not in text
        if not made and is_line:
            return text
        if not is_line or not self.value or any(key in self.value for key in made):
            return json.dumps({**self.value, **made} if made else self.value, ensure_ascii=False)
        # The text itself: numbers keep their spelling.
        return f"{text[:-1].rstrip()}, {json.dumps(made, ensure_ascii=False)[1:]}"


@attrs.frozen
class RestOfFile:
    """What an interrupted run has not read of a file: all after the first `taken` events."""

    path: Path
    taken: int
    size: int
    modified: int

    @classmethod
    def of(cls, path: Path, taken: int) -> RestOfFile:
        """Note how a file is now, so that a change is seen later."""
        status = path.stat()
        return cls(path.absolute(), taken, status.st_size, status.st_mtime_ns)

    def to_dict(self) -> JsonObject:
        """Return the line of a file of failures that stands for it."""
        return {
            "rest": str(self.path),
            "taken": self.taken,
            "size": self.size,
            "modified": self.modified,
            "reason": "the run was interrupted before this was read",
        }

    def why_unusable(self) -> str:
        """Return why the file cannot be read on; nothing where it can."""
        try:
            now = RestOfFile.of(self.path, self.taken)
        except OSError as error:
            return f"the rest of {self.path} cannot be read: {error.strerror or error}"
        if (now.size, now.modified) != (self.size, self.modified):
            return f"{self.path} has changed since its first {self.taken:,} events were delivered"
        return ""


def is_failure(value: Json) -> bool:
    """Return whether a value is a line of a file of failures. No event is like that: it has a type."""
    if not isinstance(value, dict) or "type" in value or not isinstance(value.get("reason"), str):
        return False
    return "rest" in value or ("line" in value and ("event" in value or "text" in value))


def read_rest(value: Json) -> RestOfFile | None:
    """Return the rest of a file that a line of a file of failures stands for, None for another line."""
    if not is_failure(value) or "rest" not in value:
        return None
    try:
        rest = RestOfFile(
            Path(value["rest"]), int(value["taken"]), int(value["size"]), int(value["modified"])
        )
    except (KeyError, TypeError, ValueError):
        raise EventError("this line of a file of failures is damaged") from None
    return rest


def read_input(line: EventLine) -> InputEvent:
    """Read an event, or the failure of one, from its line."""
    try:
        value = line.parse()
    except EventError as error:
        return InputEvent(line.file, line.number, line.text, error=error, retryable=False)
    if not is_failure(value):
        return InputEvent(line.file, line.number, line.text, value, _missing(value))
    number = value.get("line")
    file = str(value.get("file", "")) or line.file
    number = number if isinstance(number, int) else line.number
    if "rest" in value:
        refusal = EventError(
            "the rest of a file is read only where the file of failures is given by its name"
        )
        return InputEvent(line.file, line.number, line.text, error=refusal)
    if "event" not in value:
        return _read_text(value, file, number)
    text = json.dumps(value["event"], ensure_ascii=False).encode("utf-8", "surrogatepass")
    event = value["event"]
    targets, retryable = _targets(value.get("failures"))
    if targets is None:
        retryable = value.get("retryable") is not False
    return InputEvent(file, number, text, event, _missing(event), targets, retryable=retryable)


def retryable_only(given: InputEvent, line: EventLine) -> InputEvent | None:
    """Leave only the deliveries that may succeed now; None where there is none."""
    if not given.retryable:
        return None
    if given.targets is None:
        return given
    value: Any = line.parse()
    wanted = [failure for failure in value["failures"] if failure.get("retryable") is True]
    targets, _ = _targets(wanted)
    return attrs.evolve(given, targets=targets) if targets else None


def _read_text(value: JsonObject, file: str, number: int) -> InputEvent:
    """Read text that was not an event, in case that somebody has mended it."""
    text = str(value["text"]).encode("utf-8", "surrogatepass")
    try:
        event = parse_events(text)
    except EventError:
        error = EventError(value["reason"])
        return InputEvent(file, number, text, error=error, retryable=False)
    return InputEvent(file, number, text, event, _missing(event), retryable=value.get("retryable") is True)


def _targets(failures: Json) -> tuple[frozenset[Target] | None, bool]:
    """Return the deliveries that failed, and whether one of them may succeed now."""
    if not isinstance(failures, list) or not failures:
        return None, True
    found = [item for item in failures if isinstance(item, dict)]
    targets = frozenset((str(item.get("instance")), str(item.get("subscription"))) for item in found)
    return targets, any(item.get("retryable") is True for item in found)


def _missing(value: Json) -> JsonObject:
    """Make the ids and times that an event lacks: they stay the same however often it is tried."""
    if not isinstance(value, dict):
        return {}
    missing = [key for key in _MADE if value.get(key) in (None, "")]
    if not missing:
        return {}
    now = present_time()
    return {key: str(uuid4()) if key == "messageId" else now for key in missing}
