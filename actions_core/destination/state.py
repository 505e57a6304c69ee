"""What handlers remember from one event to the next: keys with values that pass away.

Every instance has keys of its own; no destination sees those of another. Time is monotonic, so a clock
that is set anew neither keeps a value too long nor loses it.
"""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.values.types import Json

#: How many keys an instance may have; the one that was used longest ago makes room.
MAX_KEYS: Final = 10_000


class State(Protocol):
    """Keys with values. A host may give an engine its own, to share it among processes or keep it.

    Handlers call it in the event loop: what stands behind it has to answer from memory, or nearly so.
    What it raises is the failure of the event whose handler called it.
    """

    def get(self, key: str) -> Json:
        """Return the value of a key; None when it was never set, was deleted, or has expired."""
        ...

    def set(self, key: str, value: Json, ttl: float) -> None:
        """Keep a value for `ttl` seconds; 0 or less forgets the key."""
        ...

    def delete(self, key: str) -> None:
        """Forget a key, whether it is there or not."""
        ...


class MemoryState:
    """Keys with values in the memory of this process, at most `max_keys` of them."""

    __slots__ = ("_clock", "_entries", "_max_keys")

    def __init__(self, max_keys: int = MAX_KEYS, *, clock: Callable[[], float] = monotonic) -> None:
        self._max_keys = max_keys
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, Json]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<MemoryState {len(self)} keys>"

    def get(self, key: str) -> Json:
        """Return the value of a key; None when there is none, or it has expired."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        until, value = entry
        if until <= self._clock():
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return value

    def set(self, key: str, value: Json, ttl: float) -> None:
        """Keep a value for `ttl` seconds; what is not above 0, NaN too, forgets the key."""
        self._entries.pop(key, None)
        if not ttl > 0:
            return
        self._entries[key] = (self._clock() + ttl, value)
        while len(self._entries) > self._max_keys:
            self._entries.popitem(last=False)

    def delete(self, key: str) -> None:
        """Forget a key."""
        self._entries.pop(key, None)


class InstanceState:
    """The part of a host's state that belongs to one instance."""

    __slots__ = ("_prefix", "_state")

    def __init__(self, state: State, instance: str) -> None:
        self._state = state
        # Quoted, so that no instance's id can be the beginning of another's key.
        self._prefix = quote(instance, safe="", errors="surrogatepass") + ":"

    def get(self, key: str) -> Json:
        """Return the value of this instance's key."""
        return self._state.get(self._prefix + key)

    def set(self, key: str, value: Json, ttl: float) -> None:
        """Keep a value under this instance's key."""
        self._state.set(self._prefix + key, value, ttl)

    def delete(self, key: str) -> None:
        """Forget this instance's key."""
        self._state.delete(self._prefix + key)


class RehearsedState:
    """A state whose changes nobody else sees: a dry run reads what is there and leaves it as it is."""

    __slots__ = ("_changed", "_own", "_state")

    def __init__(self, state: State) -> None:
        self._state = state
        self._own = MemoryState()
        self._changed: set[str] = set()

    def get(self, key: str) -> Json:
        """Return the value as the dry run left it, or else the stored one."""
        return self._own.get(key) if key in self._changed else self._state.get(key)

    def set(self, key: str, value: Json, ttl: float) -> None:
        """Keep a value until the dry run is over."""
        self._changed.add(key)
        self._own.set(key, value, ttl)

    def delete(self, key: str) -> None:
        """Forget a key until the dry run is over."""
        self._changed.add(key)
        self._own.delete(key)
