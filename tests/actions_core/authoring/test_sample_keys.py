"""The keys that sample events have."""

from __future__ import annotations

import pytest

from actions_core.authoring.sample_keys import SampleKeys
from actions_core.values.events import check_event

EVENTS = [
    {"type": "track", "event": "A", "properties": {"items": [{"sku": 1}, {"tags": ["x"]}], "none": None}},
    {
        "type": "track",
        "context": {"a.b": {"it's": 1}, "0": 5},
        "properties": {"items": "text", "one": {"k": 1}},
    },
]


@pytest.mark.parametrize(
    "path",
    [
        "event",
        "$.",
        "messageId",
        "properties.none",
        "properties.items[].sku",
        "properties.items[].tags[]",
        "properties.items[0].sku",
        "properties.items.length",
        "properties.one[].k",
        "context['a.b']",
        """context['a.b']["it's"]""",
        "context[0]",
    ],
)
def test_a_key_that_any_sample_has_is_there(path: str) -> None:
    """Items of lists are one, an object counts as a list of one, and the engine makes a messageId."""
    assert SampleKeys(EVENTS).has(path)
    assert SampleKeys(EVENTS).missing(path) == ""


def test_what_the_engine_makes_is_there() -> None:
    """Whatever an event gets when it comes in is missed in no sample: its id and its times."""
    bare = {"type": "track", "event": "A", "userId": "u"}
    made = check_event(bare).keys() - bare.keys()
    assert made >= {"messageId", "timestamp", "receivedAt"}
    assert [SampleKeys([bare]).missing(key) for key in sorted(made)] == [""] * len(made)
    assert SampleKeys([bare]).missing("sentAt") == "the sample has no 'sentAt'"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("evnt", "none of the 2 samples has 'evnt'; did you mean 'event'?"),
        ("properties.items[].sku.x", "none of the 2 samples has 'properties.items[].sku.x'"),
        ("properties.items[].skus", "did you mean 'properties.items[].sku'?"),
        ("properties.none.deeper", "'properties.none.deeper'"),
        ("context.a.b", "'context.a.b'"),
        ("type.length.x", "'type.length.x'"),
    ],
)
def test_a_key_that_no_sample_has_is_told(path: str, said: str) -> None:
    """With the nearest one that is there."""
    assert said in SampleKeys(EVENTS).missing(path)


def test_one_sample_is_spoken_of_as_one() -> None:
    """The sentence fits the number."""
    assert SampleKeys(EVENTS[:1]).missing("zzz") == "the sample has no 'zzz'"
