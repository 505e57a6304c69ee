"""The feed of files of failures, which `actions run` writes: each of their failures is a dead letter.

The files are only read, and read again once they have changed. A letter that is replayed is sent then and
there, by the engine of this console; what is delivered is left out from then on, though its line stays in the
file. Of long files the latest lines are kept.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.console.feed.model import (
    ROWS,
    Funnel,
    History,
    Minute,
    Outcome,
    Page,
    distinct_events,
    fits,
    read_event,
)
from actions_core.apps.events.decoding import DecodingError
from actions_core.apps.events.inputs import is_failure
from actions_core.apps.events.lines import read_file
from actions_core.delivery.errors import OutboxError
from actions_core.delivery.letters import DeadLetter, LetterFilter, LetterGroup
from actions_core.engine.results import Result, Status
from actions_core.errors import EventError
from actions_core.values.events import message_id_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from actions_core.delivery.store import OutcomeFilter
    from actions_core.engine import Engine
    from actions_core.engine.pipeline import Step
    from actions_core.values.types import Json, JsonObject

#: The most failures that are kept of all files together.
_MOST: Final = 20_000
_MILLISECONDS: Final = 1000
_NOT_THESE: Final = "only the subscription that failed gets it again"


class FailuresFeed:
    """What files of failures say. `engine` returns the engine that replays, None where there is none."""

    can_discard = False

    def __init__(
        self, files: Sequence[Path], engine: Callable[[], Engine | None] = lambda: None, most: int = _MOST
    ) -> None:
        self._files = tuple(files)
        self._engine = engine
        self._most = most
        self._letters: tuple[DeadLetter, ...] = ()
        self._left_out = 0
        self._seen: object = None
        self._replayed: set[tuple[str, str, str, str]] = set()
        self._sent = 0
        self._faults: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The names of the files."""
        return ", ".join(file.name for file in self._files)

    @property
    def about(self) -> str:
        """A sentence that says what is kept here, and what of the files could not be read."""
        about = f"From {self.name}: what runs could not deliver. What they delivered is not in it."
        if self._left_out:
            about += (
                f" These are the latest {len(self._letters):,}; {self._left_out:,} earlier ones are left out."
            )
        return " ".join([about, *self._faults])

    @property
    def letters(self) -> FailuresFeed:
        """What was given up: all of it."""
        return self

    @property
    def can_replay(self) -> bool:
        """True where this console has an engine."""
        return self._engine() is not None

    async def _read(self) -> tuple[DeadLetter, ...]:
        """Return the failures of the files as they are now, but for what was replayed from here."""
        seen = [_signature(file) for file in self._files]
        if seen != self._seen:
            self._seen = seen
            self._letters, self._left_out, self._faults = await asyncio.to_thread(self._read_files)
        return tuple([each for each in self._letters if _name_of(each) not in self._replayed])

    def _read_files(self) -> tuple[tuple[DeadLetter, ...], int, tuple[str, ...]]:
        kept: deque[DeadLetter] = deque(maxlen=self._most)
        faults: list[str] = []
        number = 0
        for file in self._files:
            try:
                for letter in _letters_of(file, number):
                    number = letter.id
                    kept.append(letter)
            except (OSError, DecodingError) as error:
                faults.append(f"{file.name} cannot be read: {getattr(error, 'strerror', None) or error}.")
        return tuple(kept), number - len(kept), tuple(faults)

    async def page(self, which: OutcomeFilter, before: int | None = None, rows: int = ROWS) -> Page:
        """Return failures as outcomes, the newest first."""
        letters = [
            letter
            for letter in reversed(await self._read())
            if (before is None or letter.id < before) and fits(_outcome(letter), which)
        ]
        following = letters[rows - 1].id if len(letters) > rows else None
        return Page(tuple([_outcome(letter) for letter in letters[:rows]]), following)

    async def newest(self, which: OutcomeFilter) -> str:
        """Return the key of the newest outcome that is meant."""
        rows = (await self.page(which, rows=1)).rows
        return rows[0].key if rows else ""

    async def funnel(self) -> Funnel:
        """Return how many failures there are."""
        return Funnel("the runs that wrote these files", sent=self._sent, failed=len(await self._read()))

    async def minutes(self, count: int) -> list[Minute]:  # noqa: ARG002 - as in other feeds
        """Return nothing: the files contain no times."""
        return []

    async def history(self, message: str) -> History:
        """Return the failures of an event."""
        letters = [letter for letter in await self._read() if letter.message == message]
        event = next((read_event(letter.body) for letter in letters), None)
        return History(event, tuple([_outcome(letter) for letter in letters]))

    async def events(self, most: int) -> list[JsonObject]:
        """Return the events of the latest failures."""
        return distinct_events([letter.body for letter in reversed(await self._read())], most)

    async def about_replay(self) -> str:
        """Say that they are sent from here."""
        return "They are sent now, by the workspace as it is saved. The file of failures stays as it is."

    async def groups(self, which: LetterFilter, most: int) -> list[LetterGroup]:
        """Return failures by subscription, code and reason."""
        found: dict[tuple[str, str, str, int | None, str], list[DeadLetter]] = {}
        for letter in await self._read():
            if which.fits(letter):
                key = letter.instance, letter.subscription, letter.code, letter.status, letter.reason
                found.setdefault(key, []).append(letter)
        groups = [
            LetterGroup(*key, count=len(some), first=some[0].last, last=some[-1].last, sample=some[-1].id)
            for key, some in found.items()
        ]
        return sorted(groups, key=lambda group: (-group.count, -group.sample))[:most]

    async def list(self, which: LetterFilter, after: int, most: int) -> list[DeadLetter]:
        """Return failures by their numbers, from the first after `after`."""
        found = [each for each in await self._read() if each.id > after and which.fits(each)]
        return found[:most]

    async def letter(self, number: int) -> DeadLetter | None:
        """Return one failure."""
        return next((each for each in await self._read() if each.id == number), None)

    async def count(self, which: LetterFilter) -> int:
        """Return how many failures there are."""
        return sum(which.fits(letter) for letter in await self._read())

    async def replay(self, which: LetterFilter) -> int:
        """Send the events of failures again, each to its subscription alone; return how many arrived.

        Raises `OutboxError` where there is no engine: the workspace is faulty then.
        """
        engine = self._engine()
        if engine is None:
            raise OutboxError("the workspace has errors: mend those first", retryable=False)
        wanted = [letter for letter in await self._read() if which.fits(letter)]
        sent = 0
        async for letter, ok in _sent_again(engine, wanted):
            if ok:
                sent += 1
                self._replayed.add(_name_of(letter))
        self._sent += sent
        return sent

    async def discard(self, which: LetterFilter) -> int:  # noqa: ARG002 - as in other feeds
        """Raise `OutboxError`: the files are never changed."""
        raise OutboxError("files of failures are never changed: delete the file itself", retryable=False)


async def _sent_again(
    engine: Engine, letters: Sequence[DeadLetter]
) -> AsyncIterator[tuple[DeadLetter, bool]]:
    """Send letters by an engine, and yield each with whether it arrived."""

    def hold(place: int, step: Step) -> Result | None:
        letter, pipeline = letters[place], step.pipeline
        if (pipeline.scope.instance, pipeline.name) == (letter.instance, letter.subscription):
            return None
        return Result(
            pipeline.scope.instance, pipeline.name, pipeline.action, Status.SKIPPED, reason=_NOT_THESE
        )

    events: list[Json] = [read_event(letter.body) for letter in letters]
    async for report in engine.send_many(events, hold=hold):
        letter = letters[report.index]
        own = [
            result
            for result in report.results
            if (result.instance, result.subscription) == (letter.instance, letter.subscription)
        ]
        yield letter, any(result.status is Status.SENT for result in own)


def _signature(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _letters_of(file: Path, number: int) -> Iterator[DeadLetter]:
    """Yield the failures of a file, numbered from the one after `number`."""
    modified = int(file.stat().st_mtime * _MILLISECONDS)
    for line in read_file(file):
        try:
            value = line.parse()
        except EventError:
            continue  # the half of a line that a run is writing
        if not is_failure(value) or "rest" in value:
            continue
        event = value.get("event")
        body, message = str(value.get("text", "")), ""
        if isinstance(event, dict):
            body, message = json.dumps(event, ensure_ascii=False), message_id_of(event) or ""
        failures = value.get("failures")
        for failure in failures if isinstance(failures, list) and failures else [None]:
            number += 1
            plain = DeadLetter(
                number, "", "", message, "EVENT_INVALID", None, "", "", 0, None, modified, modified, body
            )
            details = _details(failure) if isinstance(failure, dict) else {}
            yield attrs.evolve(plain, **{"reason": value["reason"], **details})


def _details(failure: JsonObject) -> JsonObject:
    status, tries = failure.get("answer"), failure.get("tries")
    found: JsonObject = {
        "instance": str(failure.get("instance") or ""),
        "subscription": str(failure.get("subscription") or ""),
        "code": str(failure.get("code") or failure.get("status") or "FAILED").upper(),
        "status": status if isinstance(status, int) else None,
        "tries": tries if isinstance(tries, int) else 0,
    }
    if isinstance(failure.get("reason"), str):
        found["reason"] = failure["reason"]
    return found


def _name_of(letter: DeadLetter) -> tuple[str, str, str, str]:
    return letter.instance, letter.subscription, letter.message, letter.body


def _outcome(letter: DeadLetter) -> Outcome:
    return Outcome(
        f"l{letter.id}",
        letter.last,
        letter.message,
        letter.instance,
        letter.subscription,
        "failed",
        letter.reason,
        letter.code,
        letter.tries,
        event=letter.body,
    )
