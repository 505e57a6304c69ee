"""Opening an outbox: what is made, what is refused, and in which words."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file import FileStore, opening
from actions_core.delivery.file.schema import APPLICATION_ID, VERSION
from actions_core.delivery.store import RecentDelivery, Tally

Maker = Callable[..., Any]


def test_only_its_owner_can_read_it(path: Path, open_store: Maker) -> None:
    """The file, its log and the file of its workers have mode 0600."""
    open_store()
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert set(modes) == {"events.db", "events.db-wal", "events.db-shm", "events.db-workers"}
    assert set(modes.values()) == {0o600}


def test_what_it_is_stands_in_its_header(path: Path, open_store: Maker) -> None:
    """The file says whose it is, which version it has, and that free pages can go back."""
    open_store().close()
    with sqlite3.connect(path) as plain:
        assert plain.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert plain.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert plain.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    plain.close()


def refusal(path: Path, **options: Any) -> str:
    """Return the words with which a file is refused, for good."""
    with pytest.raises(OutboxError) as caught:
        FileStore.open(path, **options)
    assert not caught.value.retryable
    return str(caught.value)


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    """A file with other tables is refused, and not changed."""
    with sqlite3.connect(path) as plain:
        plain.execute("CREATE TABLE theirs(x)")
    plain.close()
    before = path.read_bytes()
    assert "a database of another program" in refusal(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database(path: Path) -> None:
    """Text is refused, and not changed."""
    path.write_text("not a database at all\n" * 100)
    assert "is not a database" in refusal(path)
    assert path.read_text().startswith("not a database")


def test_a_newer_version_is_refused(path: Path, open_store: Maker) -> None:
    """What a newer library wrote is not touched."""
    open_store().close()
    with sqlite3.connect(path) as plain:
        plain.execute(f"PRAGMA user_version = {VERSION + 1}")
    plain.close()
    assert "written by a newer version" in refusal(path)


def test_an_older_version_is_taken_to_the_present_one(path: Path, open_store: Maker) -> None:
    """Each migration runs once, in order, and all of one version or nothing of it."""
    open_store().close()
    plain = sqlite3.connect(path, isolation_level=None)
    steps = {
        VERSION: "CREATE TABLE new(x); INSERT INTO new VALUES (1)",
        VERSION + 1: "UPDATE new SET x = x + 1",
    }
    opening.bring_up_to_date(plain, path, VERSION + 2, steps)
    assert plain.execute("SELECT x FROM new").fetchall() == [(2,)]
    assert plain.execute("PRAGMA user_version").fetchone() == (VERSION + 2,)
    faulty = {VERSION + 2: "UPDATE new SET x = 9; UPDATE nowhere SET x = 1"}
    with pytest.raises(sqlite3.OperationalError):
        opening.bring_up_to_date(plain, path, VERSION + 3, faulty)
    assert plain.execute("SELECT x FROM new").fetchall() == [(2,)]
    assert plain.execute("PRAGMA user_version").fetchone() == (VERSION + 2,)
    plain.close()


def test_a_file_of_version_1_is_taken_up(path: Path, open_store: Maker) -> None:
    """A file that was made before an instance's settings were noted is used on, with the states in it."""
    open_store().close()
    plain = sqlite3.connect(path)
    plain.executescript(
        """
        DROP TABLE instance;
        CREATE TABLE instance(
          id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL DEFAULT 'active',
          until INTEGER, since INTEGER, reason TEXT NOT NULL DEFAULT '');
        INSERT INTO instance VALUES (1, 'a', 'gone', NULL, 5, 'a 410');
        DROP TABLE tally; DROP TABLE recent;
        CREATE TABLE recent(
          id INTEGER PRIMARY KEY, at INTEGER NOT NULL, message TEXT NOT NULL, instance TEXT NOT NULL,
          subscription TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
          event TEXT NOT NULL, request TEXT NOT NULL, answer TEXT NOT NULL);
        INSERT INTO recent VALUES (7, 5, 'm1', 'a', 'one', 'failed', 'a 500', '{}', '', 'oops');
        PRAGMA user_version = 1;
        """
    )
    plain.close()
    store = open_store()
    state = store.states()["a"]
    assert (state.state, state.reason, state.settings) == ("gone", "a 410", "")
    store.set_state("a", "gone", reason="again", settings="x")
    assert store.states()["a"].settings == "x"
    (old,) = store.recent()
    assert old == RecentDelivery(5, "m1", "a", "one", "failed", "a 500", "{}", "", "oops")
    store.note_tallies([Tally(60_000, sent=1)])
    assert store.look.tallies(0) == [Tally(60_000, sent=1)]
    store.close()
    open_store().close()


def test_places_where_no_file_can_be(tmp_path: Path) -> None:
    """A missing folder and a folder in place of the file are named."""
    assert "there is no folder" in refusal(tmp_path / "nowhere" / "events.db")
    assert "is a folder" in refusal(tmp_path)


def as_nobody(work: Callable[[], str]) -> str:
    """Return what a function says in a child process that may not write everywhere, as root may."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            os.write(writing, work().encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


def opened_or_refused(path: Path) -> str:
    """Return the words of a refusal, nothing where the file can be opened."""
    try:
        FileStore.open(path).close()
    except OutboxError as error:
        return str(error)
    return ""


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_read_only_files_and_folders_are_named(path: Path, open_store: Maker) -> None:
    """An outbox needs to write both its file and the folder, and says which of them it cannot."""
    open_store().close()
    folder = path.parent
    for above in [folder, *folder.parents]:
        if above != Path("/tmp") and str(above).startswith("/tmp/"):  # noqa: S108 - pytest's own folders
            above.chmod(0o755)
    for each in folder.iterdir():
        each.chmod(0o666)
    folder.chmod(0o755)
    assert f"the folder {folder} is read-only" in as_nobody(lambda: opened_or_refused(path))
    folder.chmod(0o777)
    assert as_nobody(lambda: opened_or_refused(path)) == ""
    path.chmod(0o444)
    assert f"the file {path} is read-only" in as_nobody(lambda: opened_or_refused(path))
    path.chmod(0o666)
    Path(f"{path}-workers").chmod(0o444)
    assert "events.db-workers cannot be opened for writing" in as_nobody(lambda: opened_or_refused(path))


def test_a_network_file_system_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks do not hold there, so nothing is made there."""
    monkeypatch.setattr(opening, "_filesystem", lambda folder: "nfs4")
    assert "network file system (nfs4)" in refusal(path)
    assert not path.exists()


def test_a_place_without_locks_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system cannot lock, nothing is stored: two processes would write at one time."""

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", no_locks)
    assert "cannot be locked (No locks available)" in refusal(path)


def test_the_file_system_is_that_of_the_longest_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all mounts above a folder the nearest counts."""
    mounts = (
        f"a / ext4 rw 0 0\nb {tmp_path.parent} nfs rw 0 0\nc {tmp_path}x cifs rw 0 0\nd /proc proc rw 0 0\n"
    )
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: mounts)
    assert opening._filesystem(tmp_path) == "nfs"
    assert opening._filesystem(Path("/")) == "ext4"


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below 3.34 the words say what is there and what is needed."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 33, 9))
    assert "needs SQLite 3.34 or newer" in refusal(path)


def test_one_outbox_for_a_path_in_a_process(path: Path, open_store: Maker) -> None:
    """The second one is refused, under another name of the file too, until the first is closed."""
    first = open_store()
    link = path.parent / "link.db"
    link.symlink_to(path)
    for name in (path, link, path.parent / ".." / path.parent.name / path.name):
        assert "is open in this process already" in refusal(name)
    first.close()
    open_store(link).close()


def test_what_is_refused_leaves_nothing_behind(path: Path, open_store: Maker) -> None:
    """After a refusal the file can be opened as soon as its fault is mended."""
    path.write_text("x" * 5000)
    refusal(path)
    path.unlink()
    open_store()


def crashed_copy(path: Path, to: Path) -> Path:
    """Copy an open outbox as a crash would leave it, and return the path of the copy."""
    to.mkdir()
    for each in path.parent.glob("events.db*"):
        if not each.name.endswith("-shm"):
            shutil.copyfile(each, to / each.name)
    return to / path.name


@pytest.mark.parametrize("place", range(20))
def test_a_log_that_was_cut_is_noticed(
    place: int, path: Path, tmp_path: Path, open_store: Maker, arrival: Maker
) -> None:
    """Wherever the log is cut, the events that are gone are named, or none is gone."""
    store = open_store()
    for number in range(40):
        store.accept([arrival(f"m{number}", filler=200)])
    copy = crashed_copy(path, tmp_path / "copy")
    log = Path(f"{copy}-wal")
    size = log.stat().st_size * place // 20
    with log.open("r+b") as file:
        file.truncate(size)
    with pytest.raises(OutboxError) as caught:
        open_store(copy)
    if caught.value.code != "OUTBOX_INCOMPLETE":
        assert place < 4  # the tables themselves stood in the log: nothing but the mark is left
        return
    named = re.search(
        r"events (\d+) to 40 were accepted and are gone|event (40) was accepted", str(caught.value)
    )
    assert named is not None
    lost_from = int(named[1] or named[2])
    after = open_store(copy, accept_loss=True)
    left = after.claim(1, 100).rows
    assert [row.event for row in left] == list(range(1, lost_from))
    assert after.accept([arrival("new")])[0].event == 41
    after.close()
    open_store(copy)


def test_a_whole_log_is_taken_up(path: Path, tmp_path: Path, open_store: Maker, arrival: Maker) -> None:
    """After a crash all that was accepted is there."""
    store = open_store()
    for number in range(40):
        store.accept([arrival(f"m{number}", owned=True)])
    after = open_store(crashed_copy(path, tmp_path / "copy"))
    assert [row.event for row in after.claim(1, 100).rows] == list(range(1, 41))


def test_an_older_copy_is_noticed(path: Path, tmp_path: Path, open_store: Maker, arrival: Maker) -> None:
    """A backup put back in place of the file lacks what was accepted since."""
    store = open_store()
    store.accept([arrival("m1")])
    store.close()
    shutil.copyfile(path, tmp_path / "backup")
    store = open_store()
    store.accept([arrival("m2"), arrival("m3")])
    store.close()
    shutil.copyfile(tmp_path / "backup", path)
    assert "events 2 to 3 were accepted and are gone" in refusal(path)


@pytest.mark.parametrize("junk", [b"\0", b"\xa5"])
def test_pages_that_were_overwritten_are_noticed(
    junk: bytes, path: Path, tmp_path: Path, open_store: Maker, arrival: Maker
) -> None:
    """A damaged page refuses the file, or is one that nothing stands in: nothing is lost unnoticed."""
    store = open_store()
    bodies = []
    for number in range(60):
        made = arrival(f"m{number}", 1, 2, filler=300)
        bodies.append(made.body)
        store.accept([made])
    store.close()
    pages = path.stat().st_size // 4096
    refused = 0
    for page in range(pages):
        copy = tmp_path / f"copy{page}.db"
        shutil.copyfile(path, copy)
        with copy.open("r+b") as file:
            file.seek(page * 4096)
            file.write(junk * 4096)
        words = opened_or_refused(copy)
        if words:
            assert re.search("is damaged|is not a database|another program", words)
            refused += 1
            continue
        damaged = FileStore.open(copy)
        assert [row.body for row in damaged.claim(1, 1000).rows] == bodies
        damaged.close()
    assert refused > pages // 2


def test_a_file_that_was_cut_is_damaged(path: Path, open_store: Maker, arrival: Maker) -> None:
    """A database that ends too early is refused."""
    store = open_store()
    for number in range(60):
        store.accept([arrival(f"m{number}", filler=300)])
    store.close()
    os.truncate(path, 8 * 4096)
    assert "is damaged" in refusal(path)
