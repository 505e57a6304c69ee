"""How long a test may take, whatever the machine does at the moment.

What is bounded is time of the processor, so that other processes do not count, and a machine that is slower
than usual gets more of it: where a block took too long, a known piece of work is timed beside it.
"""

from __future__ import annotations

from contextlib import contextmanager
from time import process_time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADDITIONS: Final = 500_000
#: Seconds that so many additions take on a machine of usual speed.
_USUAL: Final = 0.06


def slowness() -> float:
    """Return how many times slower than usual this machine is now, at least 1."""
    begun = process_time()
    total = 0
    for number in range(_ADDITIONS):
        total += number
    return max(1.0, (process_time() - begun) / _USUAL)


@contextmanager
def takes_at_most(seconds: float) -> Iterator[None]:
    """Fail where the block takes more seconds of the processor than that, on a machine of usual speed."""
    begun = process_time()
    yield
    taken = process_time() - begun
    if taken >= seconds:
        allowed = seconds * slowness()
        assert taken < allowed, f"it took {taken:.2f} s of the processor, more than {allowed:.2f} s"
