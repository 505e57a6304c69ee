"""How the items of a batch are compared, of cases that are data."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from actions_core.authoring.port.alignment import align
from actions_core.authoring.port.comparison import Failure, Run, compare_runs
from actions_core.authoring.port.requests import PlainRequest
from actions_core.values.types import MISSING

_CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "batches.json").read_text(encoding="utf-8")
)


def run_of(requests: list[dict[str, Any]], refused: list[int]) -> Run:
    """Return a run with bodies of JSON or lines, of three items of which some are refused."""
    made = []
    for request in requests:
        kind = "lines" if "lines" in request else "json"
        url = request.get("url", "https://a.example/batch")
        made.append(PlainRequest("POST", url, {}, {}, kind, request[kind]))
    failures = tuple(Failure("no", retryable=False) if place in refused else None for place in range(3))
    return Run(tuple(made), failures=failures)


def _value(value: Any) -> Any:
    return None if value is MISSING else value


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["rule"])
def test_batches(case: dict[str, Any]) -> None:
    """The requests of a batch differ as the rule of the case says."""
    refused = case.get("refused", {})
    published, ours = (run_of(case[side], refused.get(side, [])) for side in ("published", "ours"))
    found = [
        [one.leaf, _value(one.published), _value(one.ours), *([] if one.item is None else [one.item])]
        for one in compare_runs(published, ours, "")
    ]
    assert found == case["differences"]


def test_an_equal_batch_has_no_differences_however_its_items_repeat() -> None:
    """Equal lists align each item with the one in its place."""
    items = [{"id": number % 3} for number in range(40)]
    found = align(items, list(items), "")
    assert found.pairs == tuple((place, place) for place in range(40))
    assert not found.is_reordered


@pytest.mark.parametrize("seed", range(20))
def test_items_taken_away_are_the_ones_that_are_missing(seed: int) -> None:
    """Of items in any form, exactly those that were taken away are missing, and no other differs."""
    draw = random.Random(seed)
    items = [{"name": draw.choice("abc"), "n": number, "tags": [draw.random()]} for number in range(40)]
    if draw.random() < 0.5:  # nothing identifies them
        items = [{"name": draw.choice("abc"), "n": [draw.random(), draw.random()]} for _ in range(40)]
    away = sorted(draw.sample(range(40), draw.randint(1, 6)))
    found = align(items, [item for place, item in enumerate(items) if place not in away], "")
    assert list(found.missing_in_ours) == away
    assert found.missing_in_published == ()
    assert all(items[one]["name"] for one, _ in found.pairs)


def test_items_that_are_alike_stay_in_their_places() -> None:
    """Two that differ in a leaf on purpose are no swap, though each is equal to the other's counterpart."""
    alike = [{"event": "e", "user": "u", "is_new": flag} for flag in (True, False, True)]
    turned = [{**item, "is_new": not item["is_new"]} for item in alike]
    half = {"event": "f", "is_new": True}
    found = align([*alike, half], [*turned, {**half, "is_new": False}], "")
    assert found.pairs == ((0, 0), (1, 1), (2, 2), (3, 3))
    assert not found.is_reordered
