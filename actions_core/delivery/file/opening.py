"""Opening an outbox file: made where it is missing, brought to this version, and refused in words.

A file is refused where it is somebody else's, newer than this library, damaged, on a network, or where
events that were accepted are gone from it: SQLite itself opens a file whose write-ahead log was cut, and
says nothing.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file.schema import APPLICATION_ID, MIGRATIONS, TABLES, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.delivery.file.workers import Locks

_OLDEST_SQLITE: Final = (3, 34, 0)
#: In milliseconds: how long somebody else's lock on the database is waited for.
BUSY_TIMEOUT: Final = 10_000
PAGE: Final = 4096
#: A file below this is checked at each start; above it only after an unclean end.
_QUICKLY_CHECKED: Final = 100_000_000
_NETWORK: Final = frozenset(
    {"afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)


def prepare(path: Path) -> None:
    """Check the place of a file and make an empty one that only its owner can read, where there is none."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        found = sqlite3.sqlite_version
        raise OutboxError(f"an outbox needs SQLite 3.34 or newer, this is {found}", retryable=False)
    kind = _filesystem(path.parent)
    if kind in _NETWORK:
        raise OutboxError(
            f"{path} is on a network file system ({kind}), where locks do not hold; put it on a local disk",
            retryable=False,
        )
    if path.is_dir():
        raise OutboxError(f"{path} is a folder; name a file for the outbox", retryable=False)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    except FileNotFoundError:
        raise OutboxError(f"{path}: there is no folder {path.parent}", retryable=False) from None
    except OSError as error:
        raise OutboxError(f"{path} cannot be made: {error.strerror}", retryable=False) from None
    # Asked, not tried: to open and close a file frees the locks that this process has on it.
    for place, word in ((path, "file"), (path.parent, "folder")):
        if not os.access(place, os.R_OK | os.W_OK):
            raise OutboxError(
                f"the {word} {place} is read-only; an outbox must be able to write both file and folder",
                retryable=False,
            )


def connect(path: Path) -> sqlite3.Connection:
    """Open the one connection that a process may have."""
    connection = None
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT / 1000, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute("PRAGMA temp_store = MEMORY")
    except sqlite3.DatabaseError as error:
        if connection is not None:
            connection.close()
        raise _as_refusal(path, error) from None
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write; nothing is held between its queries."""
    place = f"{path.as_uri()}?mode=ro"
    return sqlite3.connect(
        place, timeout=BUSY_TIMEOUT / 1000, isolation_level=None, uri=True, check_same_thread=False
    )


def bring_up_to_date(
    connection: sqlite3.Connection,
    path: Path,
    version: int = VERSION,
    migrations: Mapping[int, str] = MIGRATIONS,
) -> None:
    """Make the tables in an empty file, or take a file of an older version to the present one.

    The turn to write must be held.
    """
    try:
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables and not owner:
            _create(connection, version)
            return
    except sqlite3.DatabaseError as error:
        raise _as_refusal(path, error) from None
    if owner != APPLICATION_ID:
        raise OutboxError(
            f"{path} is a database of another program, not an outbox; name another file", retryable=False
        )
    if found > version:
        raise OutboxError(
            f"{path} was written by a newer version of this library (its format is {found}, this one knows "
            f"{version}); update the library, or name another file",
            retryable=False,
        )
    for older in range(found, version):
        steps = [step for step in migrations[older].split(";") if step.strip()]
        _run(connection, [*steps, f"PRAGMA user_version = {older + 1}"])


def _create(connection: sqlite3.Connection, version: int) -> None:
    connection.execute(f"PRAGMA page_size = {PAGE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    steps = [step for step in _without_comments(TABLES).split(";") if step.strip()]
    _run(
        connection,
        [*steps, f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {version}"],
    )


def _without_comments(text: str) -> str:
    return "\n".join(line.partition("--")[0] for line in text.splitlines())


def _run(connection: sqlite3.Connection, steps: list[str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps:
            connection.execute(step)
        connection.execute("COMMIT")
    except BaseException:  # whatever it is, the file stays as it was
        connection.execute("ROLLBACK")
        raise


def check_whole(connection: sqlite3.Connection, path: Path, *, unclean: bool) -> None:
    """Refuse a damaged file. A large one is only looked through after an unclean end."""
    if not unclean and path.stat().st_size > _QUICKLY_CHECKED:
        return
    try:
        found = [line for (line,) in connection.execute("PRAGMA quick_check(5)").fetchall()]
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    if found != ["ok"]:
        raise damaged(path, "; ".join(found))


def damaged(path: Path, found: str) -> OutboxError:
    """Return the error of a file that SQLite finds damaged."""
    return OutboxError(
        f"{path} is damaged ({found}). It is left as it is; `actions outbox rescue` copies what can be read "
        "into a new file",
        code="OUTBOX_DAMAGED",
        retryable=False,
    )


def check_complete(connection: sqlite3.Connection, path: Path, locks: Locks, *, accept_loss: bool) -> None:
    """Refuse a file from which accepted events are gone; with `accept_loss`, go on without them."""
    mark = locks.read_mark()
    (last,) = connection.execute("SELECT event FROM counter").fetchone()
    if last >= mark:
        return
    if accept_loss:
        _run(connection, [f"UPDATE counter SET event = {mark}"])  # noqa: S608 - a number
        return
    lost = mark - last
    which = f"event {mark:,} was" if lost == 1 else f"events {last + 1:,} to {mark:,} were"
    raise OutboxError(
        f"{path}: {which} accepted and are gone: the file, or its write-ahead log {path.name}-wal, was cut "
        "or replaced by an older copy. Put the missing part back, or accept the loss (--accept-loss)",
        code="OUTBOX_INCOMPLETE",
        retryable=False,
    )


def _as_refusal(path: Path, error: sqlite3.DatabaseError) -> OutboxError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return OutboxError(f"{path} is not a database; name another file for the outbox", retryable=False)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return OutboxError(f"{path} is locked by another program; close that one, then try again")
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return OutboxError(f"{path} cannot be opened for writing: {error}", retryable=False)
    return damaged(path, str(error))


def _filesystem(folder: Path) -> str:
    """Return the kind of file system that a folder is on, where Linux tells; else nothing."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
        place = str(folder.resolve())
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        _, mounted, found, *_ = line.split(" ")
        mounted = mounted.replace("\\040", " ")
        inside = mounted in {"/", place} or place.startswith(mounted + "/")
        if inside and len(mounted) >= len(best):
            best, kind = mounted, found
    return kind
