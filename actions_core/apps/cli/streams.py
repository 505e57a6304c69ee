"""Standard streams that cannot break a command: closed, full, cut off, or in an encoding that lacks signs.

What a command has done is done, and its exit code says so: output that cannot be written changes nothing
about it. The first failure is told on standard error, but for a reader that has gone, as with `| head`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

_STDIN: Final = 0
_STDOUT: Final = 1
_STDERR: Final = 2
#: The ways to encode that raise an error for a character which the encoding does not have.
_RAISING: Final = {None, "strict", "surrogateescape"}


class _OutputState:
    """What is known of the standard streams of this process."""

    def __init__(self) -> None:
        self.stdin_was_closed = False
        self.stdout_failed = False


_STATE: Final = _OutputState()


def guard_streams() -> None:
    """Make the standard streams safe to use; called once, before anything is read or written."""
    # First the descriptors: a free number below 3 would be given to the next file or socket.
    closed = [number for number in (_STDIN, _STDOUT, _STDERR) if not _is_open(number)]
    for number in closed:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
    _STATE.stdin_was_closed = _STDIN in closed
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - open as long as the process
    elif isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    sys.stderr = _guarded(sys.stderr, _STDERR)
    sys.stdout = _guarded(sys.stdout, _STDOUT)
    if _STDOUT in closed:
        _note_failure(OSError(errno.EBADF, "it is closed"))


def stdin_was_closed() -> bool:
    """Return whether the command was started without a standard input."""
    return _STATE.stdin_was_closed


def output_is_lost() -> bool:
    """Return whether nobody gets what is written to standard output any more."""
    return _STATE.stdout_failed


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _guarded(stream: TextIO | None, number: int) -> TextIO:
    encoding, errors, buffering = "utf-8", "replace", False
    if stream is not None:
        encoding, buffering = stream.encoding, stream.isatty() or number == _STDERR
        errors = "replace" if stream.errors in _RAISING else str(stream.errors)
        with contextlib.suppress(OSError):
            stream.flush()
    raw = _GuardedOutput(number, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=buffering
    )


class _GuardedOutput(io.FileIO):
    """A descriptor to which every write succeeds; what cannot be written is dropped."""

    _failed = False

    def write(self, data: Buffer, /) -> int:
        """Write all of the data, or drop what cannot be written."""
        view = memoryview(data).cast("B")
        written = 0
        while written < len(view) and not self._failed:
            try:
                count = super().write(view[written:])
            except OSError as error:
                self._failed = True
                if self.fileno() == _STDOUT:
                    _note_failure(error)
                break
            if count is None:  # somebody made the descriptor non-blocking: wait for room
                select.select([], [self.fileno()], [])
            else:
                written += count
        return len(view)


def _note_failure(error: OSError) -> None:
    _STATE.stdout_failed = True
    if error.errno != errno.EPIPE:
        reason = error.strerror or str(error)
        sys.stderr.write(f"standard output cannot be written ({reason}); what was to be shown is lost\n")
        sys.stderr.flush()
