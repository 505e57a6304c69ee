"""Numbers for a host: tagged, few, and never in the way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from actions_core.destination.context import Scope
from actions_core.destination.stats import OTHER, Codes, GuardedStats, TaggedStats

if TYPE_CHECKING:
    from collections.abc import Mapping


class Noted:
    """Stats that note what they are told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float, dict[str, str]]] = []

    def count(self, name: str, value: int, tags: Mapping[str, str]) -> None:
        self.calls.append((name, value, dict(tags)))

    def histogram(self, name: str, value: float, tags: Mapping[str, str]) -> None:
        self.calls.append((name, value, dict(tags)))


class Broken:
    """Stats that always fail."""

    def count(self, name: str, value: int, tags: Mapping[str, str]) -> None:
        raise OSError("no route")

    histogram = count  # type: ignore[assignment]  # both fail alike


def test_tags_are_added() -> None:
    """A handler's numbers carry the tags of its subscription and its own."""
    noted = Noted()
    stats = TaggedStats(noted).tagged(instance="i").tagged(action="a")
    stats.count("lookups")
    stats.histogram("size", 2.5, kind="k")
    assert noted.calls == [
        ("lookups", 1, {"instance": "i", "action": "a"}),
        ("size", 2.5, {"instance": "i", "action": "a", "kind": "k"}),
    ]


def test_without_a_host_nothing_is_counted() -> None:
    """Counting is allowed, and does nothing, where the host collects no numbers."""
    stats = TaggedStats().tagged(instance="i")
    stats.count("a")
    stats.histogram("b", 1)
    assert stats is stats.tagged(more="m")


def test_a_dry_run_counts_nothing() -> None:
    """The scope of a dry run has stats that lead nowhere."""
    noted = Noted()
    Scope("i", stats=TaggedStats(noted)).rehearsed().stats.count("a")
    assert noted.calls == []


def test_what_a_host_raises_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A failing host's stats raise nothing, and fill no log."""
    stats = GuardedStats(Broken(), logging.getLogger("host"))
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            stats.count("a", 1, {})
            stats.histogram("a", 1, {})
    assert [record.message for record in caplog.records] == [
        "the host's stats failed, which is said once: OSError: no route"
    ]


@pytest.mark.parametrize("code", ["", "two words", "jane@example.com", "1A", "x" * 65, "a\n"])
def test_what_is_no_code_is_no_tag(code: str) -> None:
    """Text that does not look like a code, such as an address, never becomes a tag."""
    assert Codes().few(code) == OTHER


def test_codes_stay_few() -> None:
    """After a hundred different codes a new one is OTHER; those known before stay themselves."""
    codes = Codes()
    found = {codes.few(f"CODE_{number}") for number in range(1000)}
    assert len(found) == 101
    assert (codes.few("CODE_0"), codes.few("CODE_999")) == ("CODE_0", OTHER)
