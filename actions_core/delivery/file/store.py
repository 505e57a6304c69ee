"""A store of deliveries in an SQLite file: five calls, each in one transaction."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import attrs

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file import (
    accepting,
    claiming,
    letters,
    looking,
    opening,
    ordering,
    settling,
    upkeep,
    workers,
)
from actions_core.delivery.file.connection import Connection
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.store import InputPosition, InstanceState, OutcomeFilter, Upkeep
from actions_core.values.times import SteadyClock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from contextlib import AbstractContextManager

    from actions_core.delivery.file.workers import Locks
    from actions_core.delivery.letters import DeadLetter
    from actions_core.delivery.rules import BatchSize
    from actions_core.delivery.store import (
        Acceptance,
        Arrival,
        Backlog,
        Claim,
        RecentDelivery,
        Settlement,
        Tally,
        Worker,
    )

_State = Literal["active", "paused", "refused", "gone"]
_NO_WORKER: Final = 0
#: Milliseconds for which what nobody delivers may hold up others of its key: a workspace may be on its way.
_LONGEST_HELD_UP: Final = 3_600_000


@attrs.frozen
class FileOptions:
    """The options of an outbox file; times are in seconds.

    `dedupe` is how long the id of an event is known at least (0: not at all), `keep` how long dead letters
    stay, `oldest` how long what was never tried may wait, `recent` how many outcomes are kept to look at.
    """

    dedupe: float = 86400
    keep: float = 2592000
    oldest: float = 604800
    most_bytes: int | None = None
    synchronous: Literal["full", "normal"] = "full"
    recent: int = 1000


_open_paths: dict[tuple[int, str], None] = {}
_open_guard = threading.Lock()
if hasattr(os, "register_at_fork"):  # so that no child inherits it locked
    os.register_at_fork(
        before=_open_guard.acquire,
        after_in_parent=_open_guard.release,
        after_in_child=_open_guard.release,
    )


def _enter_path(path: Path) -> None:
    """Note that this process uses the file: locks do not keep a process from itself."""
    with _open_guard:
        key = os.getpid(), str(path)
        if key in _open_paths:
            raise OutboxError(
                f"{path} is open in this process already; share that outbox, or close it first",
                code="OUTBOX_OPEN",
                retryable=False,
            )
        _open_paths[key] = None


def _leave_path(path: Path) -> None:
    with _open_guard:
        _open_paths.pop((os.getpid(), str(path)), None)


class FileStore:
    """A store in a file. One thread uses it: see `Writer`.

    Several processes may have the same file open. With `worker=False` a store accepts, lists and replays, but
    delivers nothing.
    """

    def __init__(
        self, connection: Connection, options: FileOptions, clock: Callable[[], float], *, registered: bool
    ) -> None:
        self.options = options
        self.worker: int | None = None
        self.letters = FileLetters(self)
        #: What those may ask who only look, from any thread.
        self.look = looking.FileLook(connection, self.now)
        self._connection = connection
        self._clock = clock
        self._registered = registered
        self._instances: dict[int, int] = {}
        self._expired_to = 0

    @classmethod
    def open(
        cls,
        path: str | Path,
        options: FileOptions | None = None,
        *,
        worker: bool = True,
        accept_loss: bool = False,
        clock: Callable[[], float] | None = None,
        locks: Locks | None = None,
    ) -> FileStore:
        """Open a file, and make it where there is none. Raises `OutboxError` where it cannot be used.

        `locks` stand in for those of the kernel in tests of several workers in one process.
        """
        options = FileOptions() if options is None else options
        place = Path(path).resolve()
        opening.prepare(place)
        if locks is None:
            _enter_path(place)
        store = None
        try:
            store = cls._opened(place, options, clock or SteadyClock(), locks)
            store._start(worker=worker, accept_loss=accept_loss)  # noqa: SLF001 - its own class
        except BaseException:  # whatever it is, nothing stays open
            if store is not None:
                with suppress(OutboxError):
                    store._shut()  # noqa: SLF001 - its own class
            elif locks is None:
                _leave_path(place)
            raise
        return store

    @classmethod
    def _opened(
        cls, path: Path, options: FileOptions, clock: Callable[[], float], locks: Locks | None
    ) -> FileStore:
        held = workers.FileLocks(Path(f"{path}-workers")) if locks is None else locks
        try:
            connection = Connection(
                path, held, most_bytes=options.most_bytes, always_normal=options.synchronous == "normal"
            )
        except BaseException:  # whatever it is, nothing stays open
            held.close()
            raise
        return cls(connection, options, clock, registered=locks is None)

    def _start(self, *, worker: bool, accept_loss: bool) -> None:
        path, locks = self._connection.path, self._connection.locks
        log = upkeep.log_size(Path(f"{path}-wal"))
        with self._connection.turn() as sqlite:
            opening.bring_up_to_date(sqlite, path)
            opening.check_complete(sqlite, path, locks, accept_loss=accept_loss)
            unclean = workers.was_left_open(sqlite, locks, log=log)
        # Without the turn: to look through a large file takes seconds, and others are at work.
        with self._connection.reading() as sqlite:
            opening.check_whole(sqlite, path, unclean=unclean)
        self._instances = dict(self._connection.read("SELECT id, instance FROM subscription"))
        self.reap()
        if worker:
            with self._connection.transaction(durable=True) as sqlite:
                self.worker = workers.enlist(sqlite, locks, self.now())

    @property
    def path(self) -> Path:
        """The path of the file, with symbolic links resolved."""
        return self._connection.path

    @property
    def closed(self) -> str:
        """The reason why this store can no longer be used; empty while it can."""
        return self._connection.closed

    @property
    def is_forked(self) -> bool:
        """True in a child of the process that opened the store."""
        return self._connection.is_forked

    def now(self) -> int:
        """Return the present time in milliseconds."""
        return int(self._clock() * 1000)

    def transaction(self, *, durable: bool, limited: bool = False) -> AbstractContextManager[object]:
        """Have all calls of the block in one transaction: durable and limited where events are accepted."""
        return self._connection.transaction(durable=durable, limited=limited)

    def make_room(self) -> None:
        """Use space of the log again, where the disk is full."""
        self._connection.make_room()

    # Accepting.

    def register(self, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Return the number of each (instance, subscription), new ones included."""
        numbers = {}
        with self._connection.transaction(durable=True) as sqlite:
            for instance, name in names:
                number, instance_number = letters.register(sqlite, instance, name)
                numbers[instance, name] = number
                self._instances[number] = instance_number
        return numbers

    def accept(
        self, arrivals: Sequence[Arrival], positions: Sequence[InputPosition] = ()
    ) -> list[Acceptance]:
        """Store events on disk, all or none, and how far their files have been read."""
        with self._connection.transaction(durable=True, limited=True) as sqlite:
            results = accepting.accept(
                sqlite,
                arrivals,
                owner=self.worker or _NO_WORKER,
                instances=self._instances,
                now=self.now(),
                dedupe=int(self.options.dedupe * 1000),
            )
            for position in positions:
                accepting.note_position(sqlite, position)
            newest = max([result.event for result in results if result.event is not None], default=None)
            if newest is not None:
                self._connection.note_accepted(newest)
        return results

    def read_position(self, path: str) -> InputPosition | None:
        """Return how far a file of events has been read."""
        query = "SELECT path, size, mtime, head, position FROM input WHERE path = ?"
        rows = self._connection.read(query, path)
        return InputPosition(*rows[0]) if rows else None

    # Claiming and settling.

    def claim(self, subscription: int, limit: int) -> Claim:
        """Take rows that are due into this worker's hands."""
        with self._connection.transaction(durable=False) as sqlite:
            return claiming.claim(sqlite, self._own(), subscription, limit, self.now())

    def claim_batch(self, subscription: int, size: BatchSize) -> Claim:
        """Take the rows of a batch that is ready, under one batch number."""
        with self._connection.transaction(durable=False) as sqlite:
            return claiming.claim_batch(sqlite, self._own(), subscription, size, self.now())

    def regroup(self, subscription: int, groups: Sequence[Sequence[int]]) -> list[int]:
        """Give each group of held events a batch number of its own, before it is sent."""
        with self._connection.transaction(durable=False) as sqlite:
            return claiming.regroup(sqlite, self._own(), subscription, groups)

    def settle(self, settlement: Settlement) -> None:
        """Note the outcomes of rows that this worker held; durable where rows become dead letters."""
        with self._connection.transaction(durable=bool(settlement.burials)) as sqlite:
            settling.finish(sqlite, settlement.done)
            settling.put_off(sqlite, self._own(), settlement.retries)
            settling.release(sqlite, self._own(), settlement.released)
            settling.bury(sqlite, settlement.burials)
            settling.note_recent(sqlite, settlement.recent, self.options.recent)

    def _own(self) -> int:
        if self.worker is None:
            raise OutboxError(f"{self.path} was opened without a worker: nothing can be claimed here")
        return self.worker

    # What is looked at from outside.

    def recent(self, limit: int = 1000) -> list[RecentDelivery]:
        """Return the latest outcomes, the newest first."""
        with self._connection.reading() as sqlite:
            return looking.outcomes(sqlite, OutcomeFilter(), None, limit)

    def note_tallies(self, tallies: Sequence[Tally]) -> None:
        """Add numbers of minutes to those that are there, for those who look."""
        with self._connection.transaction(durable=False) as sqlite:
            looking.note_tallies(sqlite, tallies)

    def backlog(self) -> list[Backlog]:
        """Return what waits, by instance. It goes through all that waits; any thread may call it."""
        return self.look.backlog()

    def workers(self) -> list[Worker]:
        """Return the workers of this file, dead ones included until they are found."""
        with self._connection.reading() as sqlite:
            return workers.list_workers(sqlite)

    def set_state(
        self,
        instance: str,
        state: _State,
        *,
        until: int | None = None,
        reason: str = "",
        settings: str = "",
    ) -> None:
        """Note that an instance is paused or refused until a time, gone until it is resumed, or active."""
        with self._connection.transaction(durable=True) as sqlite:
            sqlite.execute("INSERT OR IGNORE INTO instance(name) VALUES (?)", (instance,))
            sqlite.execute(
                "UPDATE instance SET state = ?, until = ?, since = ?, reason = ?, settings = ? "
                "WHERE name = ?",
                (state, until, self.now(), settling.clean(reason), settings, instance),
            )

    def states(self) -> dict[str, InstanceState]:
        """Return the state of each instance that the file knows."""
        rows = self._connection.read("SELECT name, state, until, since, reason, settings FROM instance")
        return {name: InstanceState(name, *rest) for name, *rest in rows}

    # Upkeep.

    def reap(self) -> int:
        """Take back the rows of workers that are dead; return how many rows."""
        locks = self._connection.locks
        with self._connection.reading() as sqlite:
            dead = workers.find_dead(sqlite, locks, self.worker)
        if not dead:
            return 0
        try:
            with self._connection.transaction(durable=False) as sqlite:
                return sum([workers.take_back(sqlite, number) for number in dead])
        finally:
            for number in dead:
                locks.drop(number)

    def upkeep(self, active: Collection[int], *, longest: int) -> Upkeep:
        """Do one slice of each: expire, forget, and mend what waits for a time that no wait leads to.

        `active` are the subscriptions of the workspace, `longest` is the longest wait of a delivery in
        milliseconds. Call it again while there is more.
        """
        now, options = self.now(), self.options
        dedupe = int(options.dedupe * 1000)
        with self._connection.transaction(durable=True) as sqlite:
            moved = upkeep.mend_due(sqlite, now=now, longest=longest)
            expired, after = upkeep.expire(
                sqlite, active, self._expired_to, now=now, oldest=int(options.oldest * 1000)
            )
            letters_gone = upkeep.forget_letters(sqlite, now=now, keep=int(options.keep * 1000))
            ids_gone = upkeep.forget_ids(sqlite, now=now, dedupe=dedupe)
        self._expired_to = after or 0
        return Upkeep(expired, letters_gone, moved, after is not None or letters_gone > 0 or ids_gone > 0)

    def leave_order(self, delivered: Collection[int]) -> bool:
        """Take rows out of the order of their key that have held it up for long, since nobody delivers them.

        `delivered` are the numbers of the subscriptions that are. Return whether there were any: then call it
        again, since it takes a slice, and what was behind them may be of another such subscription.
        """
        before = self.now() - _LONGEST_HELD_UP
        with self._connection.transaction(durable=False) as sqlite:
            numbers = [number for (number,) in sqlite.execute("SELECT id FROM subscription").fetchall()]
            left = [ordering.leave(sqlite, number, before) for number in numbers if number not in delivered]
        return any(left)

    def vacuum(self) -> bool:
        """Give a slice of free pages back to the disk where many are free; return whether it did."""
        with self._connection.turn() as sqlite:
            return upkeep.free_pages(sqlite)

    def close(self) -> None:
        """Give back what this worker holds, and close the file."""
        try:
            if self.worker is not None and not self._connection.closed:
                with self._connection.transaction(durable=False) as sqlite:
                    workers.take_back(sqlite, self.worker)
        finally:
            self._shut()

    def _shut(self) -> None:
        if self._connection.is_forked:
            return
        self.worker = None
        self._connection.close()
        self._connection.locks.close()
        if self._registered:
            self._registered = False
            _leave_path(self.path)


class FileLetters:
    """The dead letters of a file."""

    def __init__(self, store: FileStore) -> None:
        self._store = store

    def list(self, which: LetterFilter, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Return a page of dead letters by their numbers, from the first after `after`."""
        with self._store._connection.reading() as sqlite:  # noqa: SLF001 - a part of the store
            return letters.page(sqlite, which, after, limit)

    def count(self, which: LetterFilter) -> int:
        """Return how many dead letters there are."""
        with self._store._connection.reading() as sqlite:  # noqa: SLF001 - a part of the store
            return letters.count(sqlite, which)

    def show(self, number: int) -> DeadLetter | None:
        """Return one dead letter."""
        found = self.list(LetterFilter(ids=(number,)), limit=1)
        return found[0] if found else None

    def replay(self, which: LetterFilter) -> int:
        """Have dead letters delivered again; return how many."""
        return self._in_slices(which, replay=True)

    def discard(self, which: LetterFilter) -> int:
        """Delete dead letters; return how many."""
        return self._in_slices(which, replay=False)

    def _in_slices(self, which: LetterFilter, *, replay: bool) -> int:
        store, done, after = self._store, 0, 0
        connection = store._connection  # noqa: SLF001 - a part of the store
        with connection.reading() as sqlite:
            last = letters.last_number(sqlite)
        while True:
            with connection.transaction(durable=True) as sqlite:
                if replay:
                    moved, after = letters.replay_slice(sqlite, which, after, last, store.now())
                    newest = sqlite.execute("SELECT event FROM counter").fetchone()[0]
                    if moved:
                        connection.note_accepted(newest)
                else:
                    moved, after = letters.discard_slice(sqlite, which, after, last)
            done += moved
            if moved < letters.SLICE:
                return done
