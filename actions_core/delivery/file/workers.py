"""Leases by locks of the kernel: each worker locks the byte of its number in `FILE-workers`.

Who can lock another worker's byte knows that it is dead, by kill -9 too, and takes its rows. There is no
heartbeat and no clock, so neither a stopped process nor a jumping clock has a row delivered twice. Byte 0 is
the turn: it is held around every transaction and every checkpoint, and waited for in the kernel, because
SQLite's own waiting polls and starves.

POSIX locks belong to a process and fall when *any* descriptor of the file is closed there: nothing else may
open this file.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file.schema import WAITING
from actions_core.delivery.store import Worker

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_TURN: Final = 0
_MARK: Final = struct.Struct("<8sQ")
_MAGIC: Final = b"ACTBMARK"


class Locks(Protocol):
    """The locks of one worker among all that use a file, and the mark that they share."""

    def take_turn(self) -> None:
        """Wait until it is this process's turn to write."""

    def end_turn(self) -> None:
        """Let others write."""

    def hold(self, number: int) -> bool:
        """Lock a worker's byte, and return whether that was possible."""

    def drop(self, number: int) -> None:
        """Unlock a worker's byte."""

    def read_mark(self) -> int:
        """Return the highest number of an event that any process has accepted."""

    def write_mark(self, number: int) -> None:
        """Note the highest number of an accepted event."""

    def check_in_place(self) -> bool:
        """Return whether the file is still the one that others find under its path."""

    def close(self) -> None:
        """Drop all locks."""


class FileLocks:
    """`Locks` on the bytes of a file that lies beside the outbox."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OutboxError(
                f"{path} cannot be opened for writing ({error.strerror}); it has to lie beside the outbox",
                retryable=False,
            ) from None
        status = os.fstat(self._file)
        if status.st_size < _MARK.size:
            self.write_mark(0)  # so that no later mark needs space
        self._identity = status.st_dev, status.st_ino

    def take_turn(self) -> None:
        """Wait until it is this process's turn to write."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, _TURN)
        except OSError as error:
            raise OutboxError(
                f"{self._path} cannot be locked ({error.strerror}): put the outbox on a local disk",
                retryable=False,
            ) from None

    def end_turn(self) -> None:
        """Let others write."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _TURN)

    def hold(self, number: int) -> bool:
        """Lock a worker's byte, and return whether that was possible."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except (BlockingIOError, PermissionError):  # somebody has it
            return False
        return True

    def drop(self, number: int) -> None:
        """Unlock a worker's byte."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)

    def read_mark(self) -> int:
        """Return the highest number of an event that any process has accepted."""
        data = os.pread(self._file, _MARK.size, 0)
        if len(data) < _MARK.size:
            return 0
        magic, number = _MARK.unpack(data)
        return int(number) if magic == _MAGIC else 0

    def write_mark(self, number: int) -> None:
        """Note the highest number of an accepted event."""
        with suppress(OSError):  # a mark that is too low only tells less
            os.pwrite(self._file, _MARK.pack(_MAGIC, number), 0)

    def check_in_place(self) -> bool:
        """Return whether the file is still the one that others find under its path."""
        try:
            status = self._path.stat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def close(self) -> None:
        """Drop all locks."""
        os.close(self._file)


def enlist(connection: sqlite3.Connection, locks: Locks, now: int) -> int:
    """Take a number that no worker had before, lock its byte and note who has it."""
    while True:
        connection.execute("UPDATE counter SET worker = worker + 1")
        (number,) = connection.execute("SELECT worker FROM counter").fetchone()
        if locks.hold(number):
            break
    connection.execute(
        "INSERT OR REPLACE INTO worker(id, host, pid, started) VALUES (?, ?, ?, ?)",
        (number, socket.gethostname(), os.getpid(), now),
    )
    return int(number)


def find_dead(connection: sqlite3.Connection, locks: Locks, own: int | None) -> list[int]:
    """Lock the byte of each worker that is dead, and return their numbers: the caller drops these locks."""
    numbers = [number for (number,) in connection.execute("SELECT id FROM worker").fetchall()]
    return [number for number in numbers if number != own and locks.hold(number)]


def was_left_open(connection: sqlite3.Connection, locks: Locks, *, log: int) -> bool:
    """Return whether a process ended without closing the file, whose log had so many bytes at the start."""
    dead = find_dead(connection, locks, None)
    for number in dead:
        locks.drop(number)
    (listed,) = connection.execute("SELECT count(*) FROM worker").fetchone()
    return bool(dead) or (log > 0 and not listed)


def take_back(connection: sqlite3.Connection, number: int) -> int:
    """Have what a worker held wait for others, and forget the worker; return how many rows it held."""
    cursor = connection.execute("UPDATE delivery SET owner = ? WHERE owner = ?", (WAITING, number))
    connection.execute("DELETE FROM worker WHERE id = ?", (number,))
    return cursor.rowcount


def list_workers(connection: sqlite3.Connection) -> list[Worker]:
    """Return the workers that have a number."""
    rows = connection.execute("SELECT id, host, pid, started FROM worker ORDER BY id").fetchall()
    return [Worker(*row) for row in rows]
