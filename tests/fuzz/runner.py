"""Runs cases within a time limit, tells faults apart by where they come from, and cuts inputs down.

The limit counts the processor's time, so that a busy machine makes no fault; only a case that waits
without end is found by the clock on the wall.
"""

from __future__ import annotations

import logging
import math
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core import ActionsError
from tests.fuzz import kinds, limits
from tests.fuzz.adapter import PACKAGES, ROOT
from tests.fuzz.workspaces import VARIANTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

#: How long a case may hang, in seconds on the wall.
HANGING: Final = 20.0
#: How long one input is cut down at most, in seconds.
_SHRINKING: Final = 5.0


class Overdue(KeyboardInterrupt):
    """A case took too long. So it gets through whatever catches a handler's failures."""


@attrs.define
class _Watch:
    """The limit of the case that runs; `overdue` says whether it was passed, whatever caught the error."""

    overdue: str = ""

    def bell(self, number: int, _frame: FrameType | None) -> None:
        """Interrupt the case."""
        self.overdue = f"over {limits.LIMIT:g} s of the processor" if number == signal.SIGPROF else "hangs"
        raise Overdue(self.overdue)


@contextmanager
def time_limit() -> Iterator[_Watch]:
    """Interrupt the block when it takes too long; without effect outside of the main thread."""
    watch = _Watch()
    if threading.current_thread() is not threading.main_thread():
        yield watch
        return
    before = [(number, signal.signal(number, watch.bell)) for number in (signal.SIGPROF, signal.SIGALRM)]
    limits.renew_limit()
    signal.setitimer(signal.ITIMER_REAL, HANGING, 1.0)
    try:
        yield watch
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before:
            signal.signal(number, handler)


@attrs.define
class Failure:
    """What went wrong with a case. Failures with one `place` and one `error` are one fault."""

    kind: str
    seed: str
    error: str
    place: str
    said: str
    case: Any
    trace: str = ""
    count: int = 1

    @property
    def key(self) -> tuple[str, str]:
        """What tells one fault from another."""
        return self.error, self.place


def make(kind: str, seed: str) -> Any:
    """Make the case of a kind and a seed: always the same one."""
    return kinds.KINDS[kind].make(Random(f"{kind}:{seed}"))


def run(kind: str, case: Any, seed: str = "") -> Failure | None:
    """Run a case; give what went wrong, if anything did."""
    error: BaseException
    watch: _Watch | None = None
    try:
        with time_limit() as watch:
            kinds.KINDS[kind].run(case)
        if not watch.overdue:
            return None
        error = Overdue(watch.overdue)
    except (Exception, Overdue, SystemExit, GeneratorExit, RecursionError) as raised:  # noqa: BLE001 - that is the question
        error = raised
    except BaseException as raised:
        if not type(raised).__name__ == "CancelledError":
            raise
        error = raised
    if watch is not None and watch.overdue:
        kinds.fresh_engines()
        kinds.close()  # an interrupted event loop is good for nothing
    return _failure(kind, case, seed, error)


def _failure(kind: str, case: Any, seed: str, error: BaseException) -> Failure:
    name = type(error).__name__
    said = str(error)[:600]
    place = _place(error)
    if isinstance(error, kinds.Fault):
        # Faults differ by what they say, without the numbers and names of the case.
        head = said.partition(":")[0]
        name = f"Fault: {head}" if "HANDLER" not in said else f"Fault: {said[:200]}"
        place = said.rpartition("(")[2].rstrip(")").replace(f"{ROOT}/", "") if "HANDLER" in said else place
        if "HANDLER" in said:
            name = "Fault: " + ": ".join(said.split(": ")[:2])[:100]
    elif isinstance(error, ActionsError):
        name = f"{name} from where nothing may be raised"
    trace = "".join(traceback.format_exception(error, limit=-8)[-9:])
    return Failure(kind, seed, name, place, said, case, trace)


def _place(error: BaseException) -> str:
    """Find the innermost line of ours in a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        frame for frame in frames if frame.filename.startswith(tuple(f"{folder}/" for folder in PACKAGES))
    ]
    if not ours:
        return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "?"
    frame = ours[-1]
    name = frame.filename.removeprefix(f"{ROOT}/")
    # Where a case was too slow depends on chance: the function will do.
    return f"{name}:{frame.name}" if isinstance(error, Overdue) else f"{name}:{frame.lineno}"


@attrs.define
class Tally:
    """What a run found: counts and seconds by kind, the slowest case of each, and the faults."""

    counts: Counter[str] = attrs.Factory(Counter)
    seconds: Counter[str] = attrs.Factory(Counter)
    slowest: dict[str, tuple[float, str]] = attrs.Factory(dict)
    failures: dict[tuple[str, str], Failure] = attrs.Factory(dict)

    def note(self, kind: str, seed: str, seconds: float, failure: Failure | None) -> None:
        """Count a case."""
        self.counts[kind] += 1
        self.seconds[kind] += seconds
        if seconds > self.slowest.get(kind, (0.0, ""))[0]:
            self.slowest[kind] = seconds, seed
        if failure is not None:
            self._keep(failure)

    def _keep(self, failure: Failure) -> None:
        known = self.failures.get(failure.key)
        if known is None:
            self.failures[failure.key] = failure
        else:
            count = known.count + failure.count
            if size(failure.case) < size(known.case):
                self.failures[failure.key] = known = failure
            known.count = count

    def add(self, other: Tally) -> None:
        """Take up what another run found."""
        self.counts.update(other.counts)
        self.seconds.update(other.seconds)
        for kind, found in other.slowest.items():
            self.slowest[kind] = max(found, self.slowest.get(kind, (0.0, "")))
        for failure in other.failures.values():
            self._keep(failure)


def run_cases(kind: str, seed: int, start: int, count: int, tally: Tally) -> None:
    """Run the cases `start` to `start + count` of a kind."""
    for number in range(start, start + count):
        name = f"{seed}:{number}"
        case = make(kind, name)
        begun = time.process_time()
        failure = run(kind, case, name)
        tally.note(kind, name, time.process_time() - begun, failure)


def warm_up() -> None:
    """Run a few cases of each kind, so that no import and no first compilation counts as a case's time."""
    kinds.run_mapping({"mapping": {"v": {"@liquid": "{{ a | upcase }}"}}, "event": {}})
    kinds.run_mapping({"mapping": {"v": {"@jmespath": "a[0]"}}, "event": {}})
    for variant in range(len(VARIANTS)):
        kinds.run_events({"variant": variant, "events": [{"type": "track", **kinds.SURE}]})


_WARM: Final[list[bool]] = []


def run_portion(portion: tuple[str, int, int, int]) -> Tally:
    """Run `run_cases` in a process of a pool."""
    if not _WARM:
        logging.disable(logging.CRITICAL)
        warm_up()
        _WARM.append(True)
    tally = Tally()
    run_cases(*portion, tally)
    return tally


# -- cutting down ------------------------------------------------------------------------------------


def size(case: Any) -> int:
    """Count what is in a case, roughly."""
    total, stack = 0, [case]
    while stack and total < 1_000_000:
        item = stack.pop()
        total += 1
        if isinstance(item, str):
            total += len(item)
        elif isinstance(item, int):
            total += item.bit_length() // 8
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return total


def shrink(failure: Failure, seconds: float = _SHRINKING) -> Failure:
    """Cut a failing case down as long as the same thing goes wrong."""
    ends = time.monotonic() + seconds
    found = failure
    progress = True
    while progress and time.monotonic() < ends:
        progress = False
        for smaller in _smaller(found.case):
            if time.monotonic() > ends:
                break
            kinds.fresh_engines()
            again = run(failure.kind, smaller, failure.seed)
            if again is not None and again.key == failure.key:
                again.count = failure.count
                found, progress = again, True
                break
    return found


def _smaller(case: Any) -> Iterator[Any]:  # noqa: C901 - one loop for each kind of cut
    """Give smaller variants of a case, the boldest cuts first."""
    places = sorted(_paths(case), key=lambda path: (len(path), str(path)[:50]))
    for path in places:
        if len(path) > 1 or isinstance(case, list):
            yield _changed(case, path, remove=True)
    for path in places:
        old = _at(case, path)
        if isinstance(old, (dict, list)) and old and len(path) > 1:
            inner = list(old.values()) if isinstance(old, dict) else old
            for item in inner[:5]:
                yield _changed(case, path, item)
        elif isinstance(old, str) and len(old) > 1:
            step = len(old)
            while step > 1:
                step = math.ceil(step / 2)
                for at in range(0, len(old), step):
                    yield _changed(case, path, old[:at] + old[at + step :])
                if step == 1 or len(old) // step > 40:
                    break
        elif old not in (0, "", None, [], {}) and not isinstance(old, bool) and len(path) > 1:
            yield _changed(case, path, 0)


def _paths(case: Any, limit: int = 300) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    waiting: list[tuple[tuple[Any, ...], Any]] = [((), case)]
    while waiting and len(found) < limit:
        path, holder = waiting.pop(0)
        for at in list(holder) if isinstance(holder, dict) else range(len(holder)):
            found.append((*path, at))
            if isinstance(holder[at], (dict, list)):
                waiting.append(((*path, at), holder[at]))
    return found


def _at(case: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        case = case[step]
    return case


def _changed(case: Any, path: tuple[Any, ...], new: Any = None, *, remove: bool = False) -> Any:
    """Copy a case but for one place: only what leads there is copied."""
    made = case.copy()
    holder = made
    for step in path[:-1]:
        holder[step] = holder[step].copy()
        holder = holder[step]
    if remove:
        del holder[path[-1]]
    else:
        holder[path[-1]] = new
    return made


def shown(case: Any, length: int = 1_500) -> str:
    """Write a case, as far as it can be written."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        said = ascii(case)
    except RecursionError:
        said = "(nested too deeply to be written)"
    finally:
        sys.set_int_max_str_digits(limit)
    return said if len(said) <= length else f"{said[:length]}… ({len(said):,} characters)"
