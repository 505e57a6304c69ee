"""Mapping tests: what is written down of a delivery, and what counts as a difference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from actions_core.authoring.mapping_tests import (
    differences,
    expectation,
    load_tests,
    write_expectations,
    write_test,
)
from actions_core.engine import SubscriptionExplanation
from actions_core.engine.explain import Parts
from actions_core.errors import DefinitionError, Problem
from actions_core.http.masking import Mask
from actions_core.http.requests import Request
from actions_core.validation.documents import check_document, schema

if TYPE_CHECKING:
    from pathlib import Path

    from actions_core.values.types import JsonObject

SENT = SubscriptionExplanation(
    "one",
    "Track",
    "track",
    matched=True,
    idempotency_key="k-1",
    parts=Parts(
        Mask(()),
        payload={"name": "Sold", "total": 42.0},
        request=Request(
            "POST", "https://x.test/a", headers={"X-Key": "k-1", "x-other": "o"}, json={"id": "k-1"}
        ),
        notes=(Problem("$.b", "two", "warning"), Problem("$.a", "one", "warning")),
    ),
)
REFUSED = SubscriptionExplanation(
    "one", "Other", "track", matched=True, problems=(Problem("$.name", "is missing"),)
)
SKIPPED = SubscriptionExplanation("one", "Pages", "page", matched=False, reason="does not match")
NAMES = {"instance": "one", "subscription": "Track"}


def test_a_delivery_is_written_down_so_that_it_stays_the_same() -> None:
    """Paths stand for sentences, and a word for the key that changes with the mapping; it fits the schema."""
    written = expectation(SENT)
    assert written == {
        **NAMES,
        "payload": {"name": "Sold", "total": 42.0},
        "request": {
            "method": "POST",
            "url": "https://x.test/a",
            "headers": {
                "X-Key": "<idempotency key>",
                "x-other": "o",
                "content-type": "application/json",
            },
            "json": {"id": "<idempotency key>"},
        },
        "warnings": ["$.a", "$.b"],
    }
    assert expectation(REFUSED)["problems"] == ["$.name"]
    assert check_document({"event": {}, "expect": [written, expectation(REFUSED)]}, schema("test")) == []


@pytest.mark.parametrize(
    "expected",
    [
        expectation(SENT),
        NAMES,
        {**NAMES, "payload": {"total": 42, "name": "Sold"}},
        {**NAMES, "request": {"headers": {"x-key": "<idempotency key>"}}},
        {**NAMES, "request": {"url": "https://x.test/a", "method": "POST"}, "problems": []},
        {**NAMES, "warnings": ["$.b", "$.a"]},
    ],
)
def test_what_a_test_does_not_name_is_not_compared(expected: JsonObject) -> None:
    """A test may say as little as it likes; order, small letters and 42.0 make no difference."""
    assert differences([expected], [SKIPPED, SENT]) == []


@pytest.mark.parametrize(
    ("expected", "deliveries", "lines"),
    [
        ([], [SENT], ['+  "subscription": "Track"']),
        ([NAMES], [SKIPPED], ['-  "subscription": "Track"']),
        ([NAMES, NAMES], [SENT], ['-  "subscription": "Track"']),
        (
            [{**NAMES, "payload": {"name": "Sold", "total": "42"}}],
            [SENT],
            ['-   "total": "42"', '+   "total": 42'],
        ),
        ([{**NAMES, "payload": {"name": "Sold", "total": 42, "x": 1}}], [SENT], ['-   "x": 1']),
        ([{**NAMES, "payload": None}], [SENT], ['-  "payload": null']),
        ([{**NAMES, "request": None}], [SENT], ['-  "request": null']),
        ([{**NAMES, "request": {"headers": {"x-missing": "1"}}}], [SENT], ['-    "x-missing": "1"']),
        ([{**NAMES, "request": {"body": "x"}}], [SENT], ['-   "body": "x"']),
        ([{**NAMES, "problems": ["$.x"]}], [SENT], ['-   "$.x"']),
        ([{"instance": "one", "subscription": "Other"}], [REFUSED], ['+   "$.name"']),
    ],
)
def test_a_difference_is_shown_as_a_diff(
    expected: list[JsonObject], deliveries: list[SubscriptionExplanation], lines: list[str]
) -> None:
    """What is missing has a minus, what is there has a plus; a subscription that matches must be expected."""
    diff = differences(expected, deliveries)
    assert [
        line for line in lines if line.replace(" ", "") not in [one.replace(" ", "") for one in diff]
    ] == []


def test_nothing_is_a_number_that_is_none() -> None:
    """True is not 1 in JSON."""
    delivery = attrs.evolve(SENT, parts=Parts(Mask(()), payload={"flag": True}))
    assert differences([{**NAMES, "payload": {"flag": 1}}], [delivery])
    assert not differences([{**NAMES, "payload": {"flag": True}}], [delivery])


def test_files_hold_one_test_or_several(tmp_path: Path) -> None:
    """They come in the order of their names, each with its place; everything else in a file stays."""
    (tmp_path / "b.json").write_text(json.dumps({"event": {"type": "track"}, "name": "B", "expect": []}))
    (tmp_path / "a.json").write_text(json.dumps([{"event": {"type": "page"}}, {"event": {"messageId": "m"}}]))
    first, second, third = load_tests(tmp_path)
    assert [test.place for test in (first, second, third)] == ["a.json[0]", "a.json[1]", "b.json"]
    assert (first.event["messageId"], second.event["messageId"]) == ("test", "m")
    assert (first.expected, third.expected) == (None, [])
    write_expectations(first.file, {1: [NAMES]})
    again = load_tests(tmp_path)
    assert [test.expected for test in again] == [None, [NAMES], []]
    assert again[1].data["event"] == {"messageId": "m"}


def test_a_new_test_is_named_after_its_event_and_overwrites_nothing(tmp_path: Path) -> None:
    """The second of a name gets a number; an event that no file can hold is refused."""
    event: dict[str, Any] = {"type": "track", "event": "Order / Completed ✓"}
    files = [write_test(tmp_path / "tests", event, []) for _ in range(2)]
    files.append(write_test(tmp_path / "tests", {"type": "page", "name": "ü" * 5}, []))
    assert [file.name for file in files] == [
        "track-order-completed.json",
        "track-order-completed-2.json",
        "page.json",
    ]
    assert [test.name for test in load_tests(tmp_path / "tests")] == ["ü" * 5, *["Order / Completed ✓"] * 2]
    with pytest.raises(DefinitionError, match="cannot be written"):
        write_test(tmp_path, {"type": "track", "event": "\ud800"}, [])


def test_a_faulty_file_is_refused_with_every_problem(tmp_path: Path) -> None:
    """Misspelt keys are found in tests too."""
    (tmp_path / "a.json").write_text('{"event": 5, "expct": []}')
    with pytest.raises(DefinitionError) as caught:
        load_tests(tmp_path)
    assert {problem.path for problem in caught.value.problems} == {"$.event", "$.expct"}
