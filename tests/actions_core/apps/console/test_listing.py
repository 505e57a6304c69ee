"""The list of an instance's subscriptions: what it shows, and each change of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actions_core.apps.console.listing import (
    about_choice,
    choices_of,
    copy_of,
    count_matches,
    free_name,
    lines_of,
    moved,
    new_subscription,
    room_for,
    switched,
)
from actions_core.apps.console.preview import Workbench, events_of, subscription_of
from actions_core.engine.workspace import InstanceSpec
from actions_core.errors import DefinitionError
from tests.actions_core.apps.console.support import IDENTIFY, SOLD, TRACK, changed, registry

LISTED: list[dict[str, Any]] = [TRACK, IDENTIFY, changed(TRACK, name="Third")]


@pytest.fixture(scope="module")
def bench() -> Workbench:
    """Return a workbench for FullStory."""
    spec = InstanceSpec("fullstory", "actions-fullstory-cloud", settings={"apiKey": "key"})
    return Workbench(spec, registry().get("fullstory"))


def names(listed: list[dict[str, Any]]) -> list[str]:
    """Return the names of subscriptions."""
    return [item["name"] for item in listed]


def test_each_line_says_what_people_look_for(bench: Workbench) -> None:
    """Name, action and trigger in words, whether it is enabled, and every fault."""
    faulty = changed(TRACK, name="Bad", subscribe="type =", partnerAction="gone", enabled=False)
    lines = asyncio.run(lines_of(bench, [TRACK, faulty]))
    assert (lines[0].name, lines[0].action, lines[0].trigger) == (
        "Track",
        "Track Event V2",
        'Event type is "track"',
    )
    assert lines[0].is_enabled
    assert lines[0].faults == ()
    assert not lines[1].is_enabled
    assert len(lines[1].faults) == 2


def test_matches_are_counted_whether_enabled_or_not(bench: Workbench) -> None:
    """Each subscription says how many events it would take; a faulty one says nothing."""
    events = events_of([SOLD, changed(SOLD, messageId="m-2"), {"type": "page"}])
    listed = [changed(TRACK, enabled=False), IDENTIFY, changed(TRACK, subscribe="type =")]
    assert asyncio.run(count_matches(bench, listed, events)) == [2, 0, None]


def test_the_order_changes_within_the_list_only() -> None:
    """Moving beyond an end changes nothing, and nothing is lost."""
    assert names(moved(LISTED, 0, 1)) == ["Identify", "Track", "Third"]
    assert names(moved(LISTED, 2, -1)) == ["Track", "Third", "Identify"]
    assert moved(LISTED, 0, -1) == LISTED
    assert moved(LISTED, 2, 1) == LISTED


def test_switching_on_leaves_no_trace() -> None:
    """What is enabled says nothing of it, as by default."""
    off = switched(LISTED, 1, enabled=False)
    assert off[1]["enabled"] is False
    assert switched(off, 1, enabled=True) == LISTED


def test_what_is_new_is_disabled_and_has_a_name_of_its_own(bench: Workbench) -> None:
    """Presets and actions can be added with their defaults, and nothing is sent by them at first."""
    destination = bench.destination
    for choice in choices_of(destination):
        made = new_subscription(destination, choice, LISTED)
        assert "It starts with: Event type is" in about_choice(destination, choice)
        assert made["enabled"] is False
        assert made["name"] not in names(LISTED)
        instance, problems = bench.compile(subscription_of(made))
        assert instance is not None, problems
    copied = copy_of(LISTED, 0)
    assert names(copied) == ["Track", "Track 2", "Identify", "Third"]
    assert copied[1]["enabled"] is False
    assert free_name("Track", copied) == "Track 3"
    assert free_name("Other", copied) == "Other"


def test_fifty_is_the_limit(bench: Workbench) -> None:
    """An instance that is full takes no more, and says so before."""
    full = [changed(TRACK, name=f"S{number}") for number in range(50)]
    assert room_for(full) == 0
    assert room_for(full[1:]) == 1
    for call in (
        lambda: new_subscription(bench.destination, "action trackEventV2", full),
        lambda: copy_of(full, 0),
    ):
        with pytest.raises(DefinitionError, match="at most 50"):
            call()
    with pytest.raises(DefinitionError, match="nothing of the kind"):
        new_subscription(bench.destination, "action gone", LISTED)
