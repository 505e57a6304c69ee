"""Which refusals are an event's own, and when the credentials of an instance are wrong."""

from __future__ import annotations

from actions_core.delivery.rules import MOST_REFUSALS, Refusals


def test_a_refusal_is_final_once_something_later_was_taken() -> None:
    """A delivery goes again until the instance has taken one that began after its refusal."""
    refusals = Refusals()
    assert not refusals.are_known
    assert refusals.refuse(["a"], 1.0) == [False]
    assert refusals.are_known
    refusals.take("b", 0.9)  # it was on its way before
    assert refusals.refuse(["a"], 2.0) == [False]
    refusals.take("b", 2.1)
    assert refusals.refuse(["a", "c"], 3.0) == [True, False]


def test_a_delivery_that_is_taken_in_the_end_is_forgotten() -> None:
    """What was refused once and taken later begins anew if it comes again."""
    refusals = Refusals()
    refusals.refuse(["a"], 1.0)
    refusals.take("a", 2.0)
    assert not refusals.are_known
    assert refusals.refuse(["a"], 3.0) == [False]


def test_so_many_refusals_in_a_row_are_those_of_the_credentials() -> None:
    """Each request counts once, whatever the number of its events; a success in between begins anew."""
    refusals = Refusals()
    for n in range(MOST_REFUSALS - 1):
        refusals.refuse([f"{n}a", f"{n}b"], float(n))
    assert not refusals.are_too_many
    refusals.take("good", 100.0)
    for n in range(MOST_REFUSALS):
        assert not refusals.are_too_many
        refusals.refuse([f"{n}c"], 101.0)
    assert refusals.are_too_many


def test_refusals_of_events_do_not_speak_against_the_credentials() -> None:
    """A delivery that is refused for good does not count towards the pause."""
    refusals = Refusals()
    keys = [str(n) for n in range(2 * MOST_REFUSALS)]
    refusals.refuse(keys, 1.0)
    refusals.take("good", 2.0)
    assert all(refusals.refuse([key], 3.0) == [True] for key in keys)
    assert not refusals.are_too_many


def test_pauses_grow_until_something_is_taken() -> None:
    """After a pause the first refusal begins one of twice the length, up to the longest."""
    refusals = Refusals()
    pauses = []
    for n in range(6):
        for again in range(MOST_REFUSALS if n == 0 else 1):
            assert not refusals.are_too_many
            refusals.refuse([f"{n}.{again}"], 1000.0 * n)
        assert refusals.are_too_many
        pauses.append(refusals.start_pause(1000.0 * n))
    assert pauses == [60, 120, 240, 480, 900, 900]
    refusals.take("good", 6000.0)
    for n in range(MOST_REFUSALS):
        refusals.refuse([f"later{n}"], 6001.0)
    assert refusals.start_pause(6001.0) == 60


def test_what_was_in_progress_does_not_lengthen_a_pause() -> None:
    """Refusals count again once the pause is over, or was ended."""
    refusals = Refusals()
    for n in range(MOST_REFUSALS):
        refusals.refuse([n], 1.0)
    refusals.start_pause(1.0)
    for ended in (False, True):
        assert refusals.are_pausing(2.0) is not ended
        refusals.refuse(["late"], 2.0)
        assert refusals.are_too_many is ended
        refusals.end_pause()


def test_what_is_known_is_bounded() -> None:
    """Of very many refused deliveries the first ones are forgotten: they are tried once more."""
    refusals = Refusals()
    refusals.refuse(list(range(10_001)), 1.0)
    refusals.take("good", 2.0)
    assert refusals.refuse([0, 1, 10_000], 3.0) == [False, True, True]
