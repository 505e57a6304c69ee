"""The file of what was not delivered, which `run` takes back as it is.

It is a file of NDJSON, made when there is a first failure, for its owner only. Each line is
`{"line", "file", "reason", "failures": […], "event" | "text"}`, or stands for the rest of a file that was
not read. An earlier file of failures is continued; a file of any other kind is not touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actions_core.apps.cli.output import print_error
from actions_core.apps.events.inputs import is_failure
from actions_core.engine.results import Status
from actions_core.errors import ActionsError, EventError
from actions_core.http.errors import is_refusal
from actions_core.values.json_files import parse_events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from actions_core.apps.events.inputs import InputEvent, RestOfFile
    from actions_core.engine.results import Result
    from actions_core.values.types import JsonObject

_LONGEST_TEXT: Final = 64 * 1024
#: An event has at most 32 KB, its failures are a few sentences for each of some subscriptions.
_LONGEST_LINE: Final = 4 * 1024 * 1024
_OWNER_ONLY: Final = 0o600


class FailureFileError(ActionsError):
    """What was not delivered cannot be written where it was to go."""

    default_code = "FAILURES_UNWRITABLE"


def default_path(events: str) -> Path:
    """Return a free name in the working directory: `events.failures.ndjson`, numbered where that exists."""
    stem = "stdin" if events == "-" else Path(events).absolute().name
    for suffix in (".gz", ".zst", ".ndjson", ".jsonl", ".json", ".failures"):
        stem = stem.removesuffix(suffix)
    stem = "".join(char for char in stem if char not in "*?[]") or "events"
    path = Path(f"{stem}.failures.ndjson")
    number = 2
    while os.path.lexists(path):
        path = Path(f"{stem}.failures.{number}.ndjson")
        number += 1
    return path


class FailureFile:
    """The file of what was not delivered. `count` counts its lines of this run, `lost` those not kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.lost = 0
        self._descriptor: int | None = None
        self._end: int | None = None
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # a device has nothing to bring to a disk
                os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def check(self) -> None:
        """Raise `FailureFileError` now for what would go wrong at the first failure, deep in the run."""
        if not self.path.parent.is_dir():
            raise FailureFileError(f"{self.path}: there is no folder {self.path.parent}")
        if os.path.lexists(self.path):
            descriptor = self._open_existing()
            os.close(descriptor)
        elif not os.access(self.path.parent, os.W_OK | os.X_OK):
            raise FailureFileError(f"{self.path}: the folder {self.path.parent} is read-only for you")

    def write(self, given: InputEvent, reason: str, results: Sequence[Result]) -> None:
        """Write an event that was not delivered. When the disk is full, the run goes on without the file."""
        entry: JsonObject = {"line": given.number, "reason": reason}
        if given.file:
            entry["file"] = given.file
        if results:
            entry["failures"] = [_failure(result) for result in results]
        elif given.targets is not None:
            entry["failures"] = [
                {"instance": instance, "subscription": subscription, "retryable": True, "reason": reason}
                for instance, subscription in sorted(given.targets)
            ]
        else:
            entry["retryable"] = given.error is None
        self._write_line(f"{json.dumps(entry)[:-1]}, {_original(given)}}}\n")

    def reject(self, given: InputEvent, reason: str) -> None:
        """Write an input that is not an event, as it was given."""
        entry: JsonObject = {"line": given.number, "reason": reason, "retryable": False}
        if given.file:
            entry["file"] = given.file
        self._write_line(f"{json.dumps(entry)[:-1]}, {_original(given, complete=False)}}}\n")

    def write_rest(self, rest: RestOfFile) -> None:
        """Write where a file is to be read on."""
        self._write_line(json.dumps(rest.to_dict()) + "\n")

    def _write_line(self, line: str) -> None:
        if self._broken:
            self.lost += 1
            return
        try:
            if self._descriptor is None:
                self._descriptor = self._open()
            _write_all(self._descriptor, line.encode("utf-8", "replace"))
        except (OSError, FailureFileError) as error:
            self._broken = True
            self.lost += 1
            self._take_back()
            said = (error.strerror if isinstance(error, OSError) else None) or str(error)
            print_error(f"{self.path}: {said}; failures from now on are counted but not kept")
            return
        if self._end is not None:
            self._end = os.fstat(self._descriptor).st_size
        self.count += 1

    def _take_back(self) -> None:
        """Remove the half of a line that a full disk has left."""
        if self._descriptor is not None and self._end is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._end)

    def _open(self) -> int:
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(self.path, flags, _OWNER_ONLY)
            self._end = 0
        except FileExistsError:
            descriptor = self._open_existing()
        return descriptor

    def _open_existing(self) -> int:
        """Open a file that exists, if it is ours: what is not ours is never written to."""
        flags = os.O_RDWR | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
        if self.path.is_symlink():
            raise FailureFileError(f"{self.path} is a symbolic link; name the file itself")
        try:
            descriptor = os.open(self.path, flags | getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            raise FailureFileError(f"{self.path}: {error.strerror or error}") from None
        try:
            status = os.fstat(descriptor)
            if stat.S_ISCHR(status.st_mode):  # such as /dev/null: nothing is overwritten there
                return descriptor
            if not stat.S_ISREG(status.st_mode) or not _is_ours(descriptor, status.st_size):
                raise FailureFileError(  # noqa: TRY301 - the descriptor must be closed for each reason
                    f"{self.path} exists and is not a file of failures; it is not overwritten"
                )
            os.fchmod(descriptor, _OWNER_ONLY)
            if status.st_size and os.pread(descriptor, 1, status.st_size - 1) != b"\n":
                _write_all(descriptor, b"\n")  # an earlier run was cut off in a line
            self._end = os.fstat(descriptor).st_size
        except BaseException:  # whatever it is, the descriptor is closed
            os.close(descriptor)
            raise
        return descriptor


def _is_ours(descriptor: int, size: int) -> bool:
    """Return whether a file is empty, or begins with a line of a file of failures."""
    if not size:
        return True
    first, _, _ = os.pread(descriptor, _LONGEST_LINE, 0).partition(b"\n")
    try:
        return is_failure(parse_events(first))
    except EventError:
        return False


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _original(given: InputEvent, *, complete: bool = True) -> str:
    """Return the input so that nothing is lost: an event as JSON, anything else as text."""
    if given.error is not None:
        text = given.text.decode("utf-8", "replace").strip().removeprefix("\ufeff")
        return f'"text": {json.dumps(text[:_LONGEST_TEXT])}'
    return f'"event": {given.to_text(complete=complete)}'


def _failure(result: Result) -> JsonObject:
    error = result.error
    return {
        "instance": result.instance,
        "subscription": result.subscription,
        "action": result.action,
        "status": str(result.status),
        "code": None if error is None else error.code,
        "answer": None if error is None else error.status,
        "retryable": may_succeed(result),
        "tries": result.tries,
        "reason": reason_of(result),
        "problems": [] if error is None else [[problem.path, problem.message] for problem in error.problems],
    }


def may_succeed(result: Result) -> bool:
    """Return whether the same event may be delivered another time: later, or with other credentials."""
    error = result.error
    if error is None:
        return result.status is Status.NOT_TRIED
    return error.retryable or is_refusal(error)


def reason_of(result: Result) -> str:
    """Return why a result was not delivered, in one sentence."""
    return result.reason or (str(result.error) if result.error else "") or str(result.status)
