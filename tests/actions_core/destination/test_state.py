"""What handlers keep for a while, and who sees it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.destination.context import Context, Scope
from actions_core.destination.state import InstanceState, MemoryState, RehearsedState
from tests.trials import examples


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_value_is_there_until_its_time_is_over() -> None:
    """A key has its value for `ttl` seconds, then none, and takes no room any more."""
    clock = Clock()
    state = MemoryState(clock=clock)
    state.set("a", [1], 60)
    clock.now += 59.9
    assert state.get("a") == [1]
    clock.now += 0.1
    assert state.get("a") is None
    assert len(state) == 0


def test_a_key_that_is_set_again_begins_anew() -> None:
    """The later value and its time to live count."""
    clock = Clock()
    state = MemoryState(clock=clock)
    state.set("a", 1, 10)
    clock.now += 9
    state.set("a", 2, 10)
    clock.now += 9
    assert state.get("a") == 2


@pytest.mark.parametrize("ttl", [0, -1, -math.inf, math.nan])
def test_no_time_to_live_forgets_the_key(ttl: float) -> None:
    """A time to live that is not above 0 is the same as deleting the key."""
    state = MemoryState()
    state.set("a", 1, math.inf)
    state.set("a", 2, ttl)
    assert state.get("a") is None


def test_a_key_is_forgotten_when_asked() -> None:
    """A deleted key has no value; deleting one that is not there is fine."""
    state = MemoryState()
    state.set("a", 1, 60)
    state.delete("a")
    state.delete("a")
    assert state.get("a") is None


@pytest.mark.parametrize("most", [0, 1, 3])
def test_there_are_never_more_keys_than_allowed(most: int) -> None:
    """The key that was used longest ago makes room for a new one."""
    state = MemoryState(most)
    for number in range(10):
        state.set(f"k{number}", number, 60)
        state.get("k7")
    kept = [number for number in range(10) if state.get(f"k{number}") is not None]
    assert len(state) == len(kept) == most
    assert most < 2 or 7 in kept


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from("abc"), st.integers(0, 9), st.sampled_from([0, 1, 2, 5])),
        st.tuples(st.just("delete"), st.sampled_from("abc")),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 1, 3])),
    ),
    max_size=30,
)


@given(ACTIONS)
@settings(deadline=None, max_examples=examples(150))
def test_it_does_what_a_plain_dictionary_with_times_does(actions: list[tuple[object, ...]]) -> None:
    """Whatever is set, deleted and waited for, each key has the value that a plain model gives it."""
    clock = Clock()
    state = MemoryState(clock=clock)
    model: dict[object, tuple[float, object]] = {}
    for action, *given_ in actions:
        if action == "wait":
            clock.now += given_[0]  # type: ignore[operator]  # by the kind of step
        elif action == "delete":
            state.delete(given_[0])  # type: ignore[arg-type]  # by the kind of step
            model.pop(given_[0], None)
        else:
            key, value, ttl = given_
            state.set(key, value, ttl)  # type: ignore[arg-type]  # by the kind of step
            model[key] = (clock.now + ttl, value)  # type: ignore[operator]  # by the kind of step
        for key in "abc":
            until, value = model.get(key, (0.0, None))
            assert state.get(key) == (value if until > clock.now else None)


def test_instances_do_not_see_each_other_in_a_host_state() -> None:
    """In a state that a host shares among instances, no id can be the beginning of another's key."""
    shared = MemoryState()
    one, two = InstanceState(shared, "a"), InstanceState(shared, "a:b")
    one.set("b:c", 1, 60)
    two.set("c", 2, 60)
    assert (one.get("b:c"), two.get("c"), one.get("c"), two.get("b:c")) == (1, 2, None, None)
    one.delete("b:c")
    assert (one.get("b:c"), two.get("c")) == (None, 2)


def test_a_dry_run_leaves_the_state_as_it_is() -> None:
    """A dry run reads what is there and sees its own changes; nobody else does."""
    state = MemoryState()
    state.set("kept", 1, 60)
    state.set("gone", 1, 60)
    dry = RehearsedState(state)
    dry.set("kept", 2, 60)
    dry.delete("gone")
    assert (dry.get("kept"), dry.get("gone"), dry.get("none")) == (2, None, None)
    assert (state.get("kept"), state.get("gone")) == (1, 1)


def test_a_rehearsed_scope_has_a_state_of_its_own() -> None:
    """What a handler sets in a dry run is gone with it."""
    scope = Scope("one")
    Context(scope.rehearsed(), {}, dry_run=True).state.set("a", 1, 60)
    assert Context(scope, {}).state.get("a") is None
