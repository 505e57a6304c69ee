"""`actions explain`, and the ways in which it takes events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer

from actions_core.apps.cli.shared import read_events

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shell

EVENT = {"type": "track", "event": "Sold", "userId": "u-1", "messageId": "m-1", "properties": {"total": 42}}


def test_an_event_is_explained_for_people(shell: Shell, workspace: dict[str, Any]) -> None:
    """Condition, fields with their paths, request and curl stand there; the key does not."""
    shell.write("w.json", workspace)
    run = shell.run("explain", "w.json", json.dumps(EVENT))
    assert (run.code, run.err) == (0, "")
    for text in (
        "Track Event → trackEventV2: would be sent",
        '✓ type = "track"',
        'found "track"',
        "← event",
        "POST https://api.fullstory.com/v2/events",
        "--header 'Authorization: Basic ***'",
        'Identify User → identifyUserV2: not sent, the subscription type = "identify" does not match',
        '✗ type = "identify"',
    ):
        assert text in run.out
    assert shell.environment["FULLSTORY_API_KEY"] not in run.out


def test_events_are_explained_for_programs(shell: Shell, workspace: dict[str, Any]) -> None:
    """One entry for each event in their order; what is no event has one too, and is exit code 1."""
    workspace["destinations"][0]["enabled"] = False
    shell.write("w.json", workspace)
    shell.write("events.ndjson", [EVENT, "rubbish", {"type": "what"}])
    run = shell.run("explain", "w.json", "events.ndjson", "--json", FULLSTORY_API_KEY="")
    assert run.code == 1
    assert "FULLSTORY_API_KEY is not set" in run.err
    first, second, third = run.json
    assert [entry["place"] for entry in run.json] == ["line 1", "line 2", "line 3"]
    assert {delivery["reason"] for delivery in first["deliveries"]} == {"the instance is disabled"}
    assert "not JSON" in second["error"]
    assert "what" in third["error"]


def test_what_would_fail_is_exit_code_1(shell: Shell, workspace: dict[str, Any]) -> None:
    """A payload that does not fit is shown with its problem; one instance can be asked alone."""
    bad = {"partnerAction": "trackEventV2", "subscribe": 'type = "track"', "mapping": {"properties": 5}}
    workspace["destinations"].append({**workspace["destinations"][0], "id": "bad", "subscriptions": [bad]})
    shell.write("w.json", workspace)
    run = shell.run("explain", "w.json", "-", "--instance", "bad", given=json.dumps(EVENT, indent=2))
    assert run.code == 1
    assert "would fail" in run.out
    assert "Properties must be an object" in run.out
    assert "fs ·" not in run.out
    assert shell.run("explain", "w.json", "{}", "--instance", "none").code == 2
    assert shell.run("explain", "w.json", "nowhere.json").code == 2


@pytest.mark.parametrize(
    ("text", "places", "faults"),
    [
        ('{"type": "track"}', [""], 0),
        ('{\n"type":\n"track"}\n', [""], 0),
        ('{"type": "track"}\n\n{"type": "page"}\n', ["line 1", "line 3"], 0),
        ('[{"type": "track"}, 5]', ["item 0", "item 1"], 0),
        ('{"type": "track"}\n{"type"\n', ["line 1", "line 2"], 1),
        ('{\n"type":\n"track",}\n', [""], 1),
        ("\ufeff[NaN]", [""], 1),
    ],
)
def test_events_are_taken_as_one_value_or_line_by_line(
    text: str, places: list[str], faults: int, tmp_path: Path
) -> None:
    """A value over many lines, a list, NDJSON; what is no JSON is a fault of its own place."""
    path = tmp_path / "events"
    path.write_text(text, encoding="utf-8")
    given = read_events(str(path), option="EVENT")
    assert [one.place for one in given] == places
    assert sum(one.error is not None for one in given) == faults


def test_an_event_can_stand_in_the_command() -> None:
    """Text that begins like JSON is taken as such; a source without events is refused."""
    assert read_events(' {"type": "track"}', option="EVENT")[0].event == {"type": "track"}
    with pytest.raises(typer.BadParameter, match="no event"):
        read_events("[]", option="EVENT")


def test_an_event_with_nothing_to_send_does_not_fail(shell: Shell, workspace: dict[str, Any]) -> None:
    """What a destination skips is shown with its reason, is no failure, and is counted by itself."""
    definition = {
        "slug": "picky",
        "name": "Picky",
        "actions": {
            "add": {
                "title": "Add",
                "description": "Add.",
                "fields": {},
                "request": {
                    "method": "POST",
                    "url": "https://picky.example",
                    "when": {"if": 'event = "Wanted"', "message": "nobody wants it"},
                },
            }
        },
    }
    shell.write("picky.json", definition)
    added = {"partnerAction": "add", "subscribe": 'type = "track"'}
    workspace["definitions"] = ["picky.json"]
    workspace["destinations"] = [{"id": "p", "destination": "picky", "subscriptions": [added]}]
    shell.write("w.json", workspace)
    run = shell.run("explain", "w.json", "-", given=json.dumps(EVENT))
    assert (run.code, "nothing to send, nobody wants it" in run.out) == (0, True)
    shell.write("events.ndjson", [EVENT])
    run = shell.run("run", "w.json", "events.ndjson")
    assert (run.code, "1 had nothing to send" in run.out) == (0, True)
