"""The one connection of a process to an outbox file, and the transactions on it.

Every transaction and every checkpoint has the turn, so no two processes write at one time and no checkpoint
runs beside somebody's commit (some versions of SQLite lose data there). The connection is closed before a
fork and opened again after it: SQLite keeps what it knows of locks in memory, which a child would inherit
without the locks.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actions_core.delivery.errors import OutboxError, OutboxFullError
from actions_core.delivery.file.opening import PAGE, connect, connect_to_read, damaged
from actions_core.delivery.file.upkeep import MOST_LOG_BYTES, log_size, write_back

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.delivery.file.workers import Locks

#: Seconds between two checkpoints: the log, once long, stays so on disk, however little of it is in use.
_CHECKPOINT_PACE: Final = 1.0
#: Seconds until a checkpoint that a reader prevented is tried again.
_CHECKPOINT_PAUSE: Final = 5.0
#: What bounds a file that has no bound: the most that SQLite can.
_MOST_PAGES: Final = 1_073_741_823
_FEWEST_PAGES: Final = 64
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
#: The file, or the disk below it, can no longer be trusted.
_BROKEN: Final = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)

_all: weakref.WeakSet[Connection] = weakref.WeakSet()
#: Held while a connection is opened: SQLite has locks of its own then, which a child would inherit locked.
_opening = threading.Lock()


class Connection:
    """A connection that one thread uses, with what has to hold around each transaction."""

    def __init__(self, path: Path, locks: Locks, *, most_bytes: int | None, always_normal: bool) -> None:
        self.path = path
        self.locks = locks
        self.closed = ""
        self.is_forked = False
        self._most_pages = None if most_bytes is None else max(most_bytes // PAGE, _FEWEST_PAGES)
        self._limited = False
        self._always_normal = always_normal
        self._sqlite: sqlite3.Connection | None = None
        self._mutex = threading.RLock()
        self._snapshots = threading.Lock()
        self._depth = 0
        self._durable: bool | None = None
        self._log = Path(f"{path}-wal")
        self._identities: dict[Path, tuple[int, int]] = {}
        self._no_checkpoint_before = 0.0
        self._accepted: int | None = None
        with _opening:
            self.opened()
            _all.add(self)

    def opened(self) -> sqlite3.Connection:
        """Return SQLite's connection, opened again where a fork had it closed."""
        if self._sqlite is None:
            self._sqlite = connect(self.path)
            self._durable = None
            self._limited = False
            self._identities = {}
        return self._sqlite

    def note_accepted(self, number: int) -> None:
        """Have the number of the newest event marked beside the file once it is committed."""
        self._accepted = number

    @contextmanager
    def transaction(self, *, durable: bool, limited: bool = False) -> Iterator[sqlite3.Connection]:
        """Run the block in one transaction, in the one around it where there is one.

        A durable one is on disk when it ends; the loss of another one repeats deliveries at worst. Only in a
        limited one the space that the outbox may take counts: noting outcomes takes some before it frees any.
        """
        if self._depth:
            if durable and not (self._durable or self._always_normal):
                raise RuntimeError("a durable transaction inside one that is not")
            yield self.opened()
            return
        with self.turn() as sqlite:
            self._set_synchronous(sqlite, durable=durable)
            self._set_limit(sqlite, limited=limited)
            self._accepted = None
            sqlite.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield sqlite
                sqlite.execute("COMMIT")
            except BaseException:  # whatever it is, nothing of the transaction stays
                if sqlite.in_transaction:
                    sqlite.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0
            if self._accepted is not None:
                self.locks.write_mark(self._accepted)
            self._write_back(sqlite)

    @contextmanager
    def turn(self) -> Iterator[sqlite3.Connection]:
        """Have the turn for the block, and turn SQLite's errors into ours."""
        self._check_usable()
        self.locks.take_turn()
        try:
            with self._mutex, self._translated():
                sqlite = self.opened()
                self._check_in_place()
                yield sqlite
        finally:
            self.locks.end_turn()

    def read(self, query: str, *values: Any) -> list[Any]:
        """Return the rows of a query outside any transaction."""
        self._check_usable()
        with self._mutex, self._translated():
            return self.opened().execute(query, values).fetchall()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend SQLite's connection for queries outside any transaction."""
        self._check_usable()
        with self._mutex, self._translated():
            yield self.opened()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for long queries, which any thread may use and which stops no writer."""
        self._check_usable()
        with self._snapshots, self._translated():
            sqlite = connect_to_read(self.path)
            try:
                yield sqlite
            finally:
                sqlite.close()

    def close(self, reason: str = "the outbox is closed") -> None:
        """Close the connection for good."""
        with self._mutex:
            self.closed = self.closed or reason
            _all.discard(self)
            if self._sqlite is not None:
                self._sqlite.close()
                self._sqlite = None

    def _check_usable(self) -> None:
        if self.closed:
            raise OutboxError(f"{self.path}: {self.closed}", code="OUTBOX_CLOSED", retryable=False)

    def _check_in_place(self) -> None:
        """Raise `OutboxError` where a file was deleted or replaced: SQLite would not notice."""
        for path in (self.path, self._log):
            try:
                status = path.stat()
            except OSError:
                if path not in self._identities:
                    continue
                found = None
            else:
                found = status.st_dev, status.st_ino
                if self._identities.setdefault(path, found) == found:
                    continue
            self._fail(f"{path.name} was deleted or replaced while the outbox was open; restart the program")
        if not self.locks.check_in_place():
            self._fail(
                "the file of its workers was deleted or replaced while it was open; restart the program"
            )

    def _fail(self, reason: str) -> None:
        self.closed = reason
        self._check_usable()

    def _set_synchronous(self, sqlite: sqlite3.Connection, *, durable: bool) -> None:
        if durable is not self._durable:
            full = durable and not self._always_normal
            sqlite.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
            self._durable = durable

    def _set_limit(self, sqlite: sqlite3.Connection, *, limited: bool) -> None:
        if self._most_pages is not None and limited is not self._limited:
            sqlite.execute(f"PRAGMA max_page_count = {self._most_pages if limited else _MOST_PAGES}")
            self._limited = limited

    def _write_back(self, sqlite: sqlite3.Connection) -> None:
        if log_size(self._log) > MOST_LOG_BYTES and time.monotonic() >= self._no_checkpoint_before:
            self._set_synchronous(sqlite, durable=True)
            pause = _CHECKPOINT_PACE if write_back(sqlite) else _CHECKPOINT_PAUSE
            self._no_checkpoint_before = time.monotonic() + pause

    def make_room(self) -> None:
        """Write the log back where a full disk keeps it from growing: its space is used again then."""
        with suppress(OutboxError), self.turn() as sqlite:
            self._set_synchronous(sqlite, durable=True)
            write_back(sqlite)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code is None:
                raise  # a fault of ours, not of the file
            kind = code & 0xFF
            if kind == sqlite3.SQLITE_FULL:
                raise OutboxFullError(
                    f"{self.path}: the disk is full, or `mostBytes` is reached; nothing was accepted"
                ) from None
            if kind in _BUSY:
                raise OutboxError(
                    f"{self.path} is locked by another program; nothing was written", code="OUTBOX_BUSY"
                ) from None
            if kind in _BROKEN:
                self.closed = f"it can no longer be used: {error}"
                raise damaged(self.path, str(error)) from None
            raise OutboxError(f"{self.path}: {error}", retryable=False) from error

    def before_fork(self) -> None:
        """Close SQLite's connection between two transactions, with none for reading open."""
        self._mutex.acquire()
        self._snapshots.acquire()
        if self._sqlite is not None:
            self._sqlite.close()
            self._sqlite = None

    def after_fork(self, *, child: bool) -> None:
        """Go on in the parent; in the child this connection is over, and its lock file stays open unused."""
        if child:
            self.is_forked = True
            self.closed = "it was opened before this process was forked; open it anew here"
            _all.discard(self)
        self._snapshots.release()
        self._mutex.release()


_forking: list[Connection] = []


def _before_fork() -> None:
    _opening.acquire()
    for connection in list(_all):
        connection.before_fork()
        _forking.append(connection)


def _after_fork(*, child: bool) -> None:
    while _forking:
        _forking.pop().after_fork(child=child)
    _opening.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(child=False),
        after_in_child=lambda: _after_fork(child=True),
    )
