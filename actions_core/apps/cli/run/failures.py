"""The file of what was not delivered: NDJSON, one line for each event, made when there is a first one."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import IO, TYPE_CHECKING

from actions_core.apps.cli.output import complain
from actions_core.apps.cli.run.tally import reason_of
from actions_core.errors import EventError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from actions_core.apps.cli.run.ndjson import Line
    from actions_core.engine.results import Result
    from actions_core.values.types import JsonObject

_LONGEST_TEXT = 2000


def default_path(events: Path | None) -> Path:
    """Beside nothing else: `events.failures.ndjson` in the working directory, numbered where that exists."""
    stem = "stdin" if events is None else events.name.removesuffix(".ndjson").removesuffix(".jsonl")
    path = Path(f"{stem}.failures.ndjson")
    number = 2
    while path.exists():
        path = Path(f"{stem}.failures.{number}.ndjson")
        number += 1
    return path


class FailureFile:
    """Writes each failure as `{"line", "reason", "failures": […], "event" | "text"}`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: IO[str] | None = None
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # what is still in its buffer meets the same full disk
                self._file.close()

    def write(self, line: Line, reason: str, results: tuple[Result, ...]) -> None:
        """Keep a line that was not delivered. A disk that is full costs the file, not the run."""
        if self._broken:
            return
        try:
            self._write(line, reason, results)
        except OSError as error:
            self._broken = True
            complain(
                f"{self.path}: {error.strerror or error}; what fails from now on is counted, but not kept"
            )

    def _write(self, line: Line, reason: str, results: tuple[Result, ...]) -> None:
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8")
        entry: JsonObject = {"line": line.number, "reason": reason}
        if results:
            entry["failures"] = [_failure(result) for result in results]
        self._file.write(f"{json.dumps(entry)[:-1]}, {_original(line)}}}\n")
        self._file.flush()
        self.count += 1


def _original(line: Line) -> str:
    """The line as it came, so that nothing of it is lost: an event as JSON, anything else as text."""
    text = line.text.decode("utf-8", "replace").strip().removeprefix("\ufeff")
    try:
        line.parse()
    except EventError:
        return f'"text": {json.dumps(text[:_LONGEST_TEXT])}'
    return f'"event": {text}'


def _failure(result: Result) -> JsonObject:
    error = result.error
    return {
        "instance": result.instance,
        "subscription": result.subscription,
        "action": result.action,
        "status": str(result.status),
        "code": None if error is None else error.code,
        "answer": None if error is None else error.status,
        "retryable": error is not None and error.retryable,
        "tries": result.tries,
        "reason": reason_of(result),
        "problems": [] if error is None else [[problem.path, problem.message] for problem in error.problems],
    }
