"""What those see who only look at an outbox: outcomes, numbers, groups of letters, what is tried again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from actions_core.delivery.file import FileOptions, FileStore
from actions_core.delivery.letters import LetterFilter, LetterGroup
from actions_core.delivery.store import (
    Burial,
    OutcomeFilter,
    RecentDelivery,
    Retry,
    Settlement,
    Tally,
    WaitingDelivery,
)

Maker = Callable[..., Any]

OUTCOMES = [
    RecentDelivery(1, "m1", "a", "one", "sent", event='{"sku": "100%"}', tries=1, duration=12),
    RecentDelivery(2, "m2", "a", "two", "failed", "no key", "{}", "", "", "PAYLOAD_INVALID", 1, 0),
    RecentDelivery(3, "m3", "b", "one", "failed", "no key", "{}", '{"url": "x_y"}', "", "PAYLOAD_INVALID"),
    RecentDelivery(4, "m1", "b", "one", "sent", event="{}", answer="Accepted", tries=3, duration=80),
]


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (OutcomeFilter(), [4, 3, 2, 1]),
        (OutcomeFilter(status="failed"), [3, 2]),
        (OutcomeFilter(status="failed", instance="a"), [2]),
        (OutcomeFilter(subscription="one"), [4, 3, 1]),
        (OutcomeFilter(code="PAYLOAD_INVALID", instance="b"), [3]),
        (OutcomeFilter(reason="no key"), [3, 2]),
        (OutcomeFilter(message="m1"), [4, 1]),
        (OutcomeFilter(text="ACCEPTED"), [4]),
        (OutcomeFilter(text="100%"), [1]),
        (OutcomeFilter(text="x_y"), [3]),
        (OutcomeFilter(text="x%y"), []),
        (OutcomeFilter(text="'; DROP TABLE recent; --"), []),
    ],
)
def test_outcomes_are_found_by_what_is_asked(
    which: OutcomeFilter, found: list[int], open_store: Maker
) -> None:
    """All conditions hold; a text is looked for as it stands, in whatever case; the newest come first."""
    store: FileStore = open_store()
    store.settle(Settlement(recent=OUTCOMES))
    outcomes = store.look.outcomes(which, limit=10)
    assert [entry.at for entry in outcomes] == found
    assert outcomes == [OUTCOMES[at - 1] for at in found]
    assert sum(store.look.count(which).values()) == len(found)


def test_outcomes_come_in_pages(open_store: Maker) -> None:
    """The number of the last one leads on to the next page, whatever was added meanwhile."""
    store: FileStore = open_store()
    store.settle(Settlement(recent=OUTCOMES))
    first = store.look.outcomes(OutcomeFilter(), limit=2)
    store.settle(Settlement(recent=[RecentDelivery(5, "m5", "a", "one", "sent")]))
    second = store.look.outcomes(OutcomeFilter(), before=first[-1].id, limit=2)
    assert [entry.at for entry in [*first, *second]] == [4, 3, 2, 1]


def test_what_is_tried_again(open_store: Maker, arrival: Maker) -> None:
    """Deliveries that failed and wait are told with what went wrong; none that was not tried yet."""
    store: FileStore = open_store(clock=lambda: 1000.0)
    store.accept([arrival("m1", 1, 2), arrival("m2", 1)])
    (row, _) = store.claim(1, 10).rows
    retry = Retry(row.event, 1, 1_005_000, 1_000_000, status=503, reason="no answer")
    store.settle(Settlement(retries=[retry]))
    body = json.loads(row.body)
    (waiting,) = store.look.retrying(OutcomeFilter(), limit=10)
    assert waiting == WaitingDelivery(
        row.event, "a", "one", 1_000_000, 1_005_000, 1, 503, "no answer", in_hand=False, body=row.body
    )
    assert body["messageId"] == "m1"
    assert store.look.count_retrying() == {"a": 1}
    for which, count in (
        (OutcomeFilter(instance="a", subscription="one", code="503", reason="no answer", text="ANSWER"), 1),
        (OutcomeFilter(text="m1"), 1),
        (OutcomeFilter(instance="b"), 0),
        (OutcomeFilter(subscription="two"), 0),
        (OutcomeFilter(code="500"), 0),
        (OutcomeFilter(text="m2"), 0),
    ):
        assert len(store.look.retrying(which, limit=10)) == count
    assert store.look.retrying(OutcomeFilter(), after=1, limit=10) == []
    assert {each.subscription for each in store.look.waiting_for("m1")} == {"one", "two"}
    assert store.look.waiting_for("m9") == []


def test_numbers_of_minutes_add_up_and_are_forgotten(open_store: Maker) -> None:
    """Several processes add to the same minute; a day later it is gone."""
    store: FileStore = open_store()
    store.note_tallies([Tally(60_000, received=2, filtered=1), Tally(60_000, "a", sent=1, slowest=9)])
    store.note_tallies([Tally(60_000, "a", sent=2, failed=1, duration=5, slowest=5)])
    assert store.look.tallies(0) == [
        Tally(60_000, received=2, filtered=1),
        Tally(60_000, "a", sent=3, failed=1, duration=5, slowest=9),
    ]
    assert store.look.tallies(60_001) == []
    store.note_tallies([Tally(60_000 + 24 * 3_600_000 + 60_000, "a", sent=1)])
    assert len(store.look.tallies(0)) == 1


def test_letters_in_groups(open_store: Maker, arrival: Maker) -> None:
    """Letters of one subscription, code and reason are one group; the largest come first, to a bound."""
    store: FileStore = open_store()
    store.accept([arrival(f"m{number}", 1) for number in range(4)])
    rows = store.claim(1, 10).rows
    reasons = ["no name", "no id", "no name", "no name"]
    store.settle(
        Settlement(
            burials=[
                Burial(row.event, 1, "PAYLOAD_INVALID", 100 + place, reason=reasons[place])
                for place, row in enumerate(rows)
            ]
        )
    )
    first = LetterGroup("a", "one", "PAYLOAD_INVALID", None, "no name", 3, 100, 103, 4)
    second = LetterGroup("a", "one", "PAYLOAD_INVALID", None, "no id", 1, 101, 101, 2)
    assert store.look.letter_groups(LetterFilter(), limit=10) == [first, second]
    assert store.look.letter_groups(LetterFilter(), limit=1) == [first]
    assert store.look.letter_groups(LetterFilter(reason="no id"), limit=10) == [second]
    assert store.look.letter_groups(LetterFilter(instance="b"), limit=10) == []
    assert store.look.letter_of("m2") is not None
    assert store.look.letter_of("m9") is None
    assert store.letters.discard(LetterFilter(reason="no name")) == 3


def test_nothing_is_kept_to_look_at_where_that_is_off(open_store: Maker) -> None:
    """With `recent` 0 no outcome is kept."""
    store: FileStore = open_store(options=FileOptions(recent=0))
    store.settle(Settlement(recent=OUTCOMES))
    assert store.look.outcomes(OutcomeFilter(), limit=10) == []
